/* SPDX-License-Identifier: BSD-3-Clause */
/* Coming and going: of protocols, of the firmware, of the miniport itself. */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "rig.h"

static uint8_t wire[2048];
static struct sluice_frame_meta wire_meta;

static void give(struct rig *rig, uint8_t first)
{
	uint8_t frame[60];

	frame_make(frame, sizeof(frame), first);
	assert_true(card_give(&rig->card, 0, frame, sizeof(frame), NULL, 0));
}

static void send_one(struct note *note, struct sluice_send *send)
{
	sluice_miniport_send(note->protocol, 0, &send, 1);
}

static bool saw(const struct note *note, uint32_t indication)
{
	for (unsigned i = 0; i < note->indicated; i++) {
		if (note->indications[i] == indication)
			return true;
	}
	return false;
}

/* The kernel tells the hang-up of a stopped card at once. */
static void kill_card(struct rig *rig)
{
	card_stop(&rig->card);
	assert_int_equal(sluice_miniport_check(rig->miniport), -ENOTCONN);
}

static void test_traits(void **state)
{
	struct rig *rig = *state;
	struct sluice_miniport_traits traits;

	rig->card.mtu = 9000;
	rig_start(rig);
	sluice_miniport_get_traits(rig->miniport, &traits);
	assert_int_equal(traits.queues, 2);
	assert_int_equal(traits.entries, 64);
	assert_int_equal(traits.mtu, 9000);
	assert_int_equal(traits.mac[5], 7);
	assert_string_equal(rig->card.hello.port, "host0");
	assert_int_equal(rig->card.hello.queues, 2);
	assert_true(sluice_miniport_link_up(rig->miniport));
	assert_int_equal(sluice_miniport_check(rig->miniport), 0);
}

static void test_no_firmware_at_first(void **state)
{
	struct rig *rig = *state;
	struct sluice_miniport_config config = {
		.runtime_dir = rig->card.dir, .port = "host0", .queues = 1, .entries = 64};
	struct sluice_fault fault = {0};

	assert_null(sluice_miniport_initialize(&config, &fault));
	assert_int_equal(fault.kind, SLUICE_FAULT_NOT_RUNNING);
	config.port = "a-name-of-exactly-32-characters-";
	assert_null(sluice_miniport_initialize(&config, &fault));
	assert_string_equal(fault.text, "a port's name has 1 to 31 characters, such as host0");
}

/* Sends that are out when the firmware goes, and those that come after that, come back. */
static void test_the_firmware_goes(void **state)
{
	struct rig *rig = *state;
	struct sluice_send *taken = send_make(60, 1), *lost = send_make(60, 2), *late = send_make(60, 3);
	struct sluice_fault fault;

	rig_start(rig);
	send_one(&rig->a, taken);
	send_one(&rig->a, lost);
	assert_int_equal(card_take(&rig->card, 0, wire, &wire_meta), 60);
	kill_card(rig);
	assert_int_equal(taken->status, IM_STATUS_SUCCESS);
	assert_int_equal(lost->status, IM_STATUS_SEND_ABORTED);
	assert_int_equal(rig->a.completions, 2);
	assert_true(saw(&rig->a, SLUICE_INDICATION_FIRMWARE_GONE));
	assert_true(saw(&rig->a, IM_INDICATION_MEDIA_DISCONNECT));
	assert_false(sluice_miniport_link_up(rig->miniport));
	assert_int_equal(sluice_miniport_connection(rig->miniport), -1);
	send_one(&rig->a, late);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
	assert_int_equal(late->status, IM_STATUS_NOT_READY);
	assert_int_equal(sluice_miniport_reattach(rig->miniport, &fault), -ENOENT);
	assert_int_equal(fault.kind, SLUICE_FAULT_NOT_RUNNING);
	send_free(taken);
	send_free(lost);
	send_free(late);
}

static void test_the_firmware_comes_again(void **state)
{
	const uint32_t filter = 0x0b, no_filter = 0;
	struct rig *rig = *state;
	struct sluice_send *send = send_make(60, 3);
	uint32_t read, needed;

	rig_start(rig);
	sluice_miniport_set(rig->miniport, SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &filter, 4, &read, &needed);
	kill_card(rig);
	card_set_oid(&rig->card, SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &no_filter, 4);
	card_start(&rig->card);
	assert_int_equal(sluice_miniport_reattach(rig->miniport, NULL), 0);
	assert_true(saw(&rig->a, SLUICE_INDICATION_ATTACHED));
	assert_true(sluice_miniport_link_up(rig->miniport));
	assert_memory_equal(card_find_oid(&rig->card, SLUICE_OID_GEN_CURRENT_PACKET_FILTER)->value, &filter, 4);
	give(rig, 4);
	send_one(&rig->a, send);
	assert_int_equal(card_take(&rig->card, 0, wire, &wire_meta), 60);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 2);
	assert_int_equal(rig->a.first_byte[0], 4);
	assert_int_equal(send->status, IM_STATUS_SUCCESS);
	assert_int_equal(sluice_miniport_reattach(rig->miniport, NULL), 0); /* stands already */
	assert_int_equal(rig->card.clients, 2);
	send_free(send);
}

/* It is nobody's business in the new life, and the memory of the old one goes with it. */
static void test_a_packet_of_an_old_life(void **state)
{
	struct rig *rig = *state;
	uint8_t copy[60];

	rig_start(rig);
	rig->a.keep = true;
	give(rig, 9);
	sluice_miniport_poll(rig->miniport, 0, 64);
	kill_card(rig);
	assert_int_equal(sluice_miniport_transfer_data(rig->a.packets[0], 0, copy, 60), 60);
	assert_int_equal(copy[59], frame_byte(9, 59));
	card_start(&rig->card);
	assert_int_equal(sluice_miniport_reattach(rig->miniport, NULL), 0);
	assert_int_equal(sluice_miniport_transfer_data(rig->a.packets[0], 0, copy, 60), 60);
	assert_int_equal(rig_maps(), 8 + 8 + 2); /* host's and card's, and two of the old life */
	sluice_miniport_return(&rig->a.packets[0], 1);
	assert_int_equal(rig_maps(), 8 + 8);
	assert_int_equal(card_collect(&rig->card, 0), 64);
	give(rig, 4);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
	assert_int_equal(rig->a.first_byte[1], 4);
	sluice_miniport_return(&rig->a.packets[1], 1);
}

static void test_fewer_queues_than_before(void **state)
{
	struct rig *rig = *state;
	struct sluice_fault fault;

	rig_start(rig);
	kill_card(rig);
	rig->card.queues = 1;
	card_start(&rig->card);
	assert_int_equal(sluice_miniport_reattach(rig->miniport, &fault), -EPROTO);
	assert_string_equal(fault.text, "the port has fewer queue pairs than before");
	card_stop(&rig->card);
	rig->card.queues = 2;
	rig->card.refuse = SLUICE_STATUS_BUSY;
	card_start(&rig->card);
	assert_int_equal(sluice_miniport_reattach(rig->miniport, &fault), -ECONNREFUSED);
	assert_int_equal(fault.status, SLUICE_STATUS_BUSY);
}

static void test_more_queues_than_before(void **state)
{
	struct rig *rig = *state;
	struct sluice_fault fault;

	rig_start(rig);
	kill_card(rig);
	rig->card.refuse = SLUICE_STATUS_TOO_FEW_QUEUES; /* as the firmware answers who serves fewer than there are */
	card_start(&rig->card);
	assert_int_equal(sluice_miniport_reattach(rig->miniport, &fault), -EPROTO);
	assert_string_equal(fault.text, "the port has more queue pairs than before");
	card_stop(&rig->card);
	rig->card.refuse = 0;
	card_start(&rig->card);
	assert_int_equal(sluice_miniport_reattach(rig->miniport, &fault), 0);
}

struct halt {
	struct sluice_miniport *miniport;
	int result;
	bool over; /* atomic */
};

static void *halt(void *argument)
{
	struct halt *halt = argument;

	halt->result = sluice_miniport_halt(halt->miniport);
	__atomic_store_n(&halt->over, true, __ATOMIC_RELEASE);
	return NULL;
}

/* It waits for each of them, of this life and of an earlier one; then the card has all buffers, and nothing is left. */
static void test_halt_waits_for_packets_that_are_kept(void **state)
{
	struct rig *rig = *state;
	struct halt ending;
	pthread_t thread;

	rig_start(rig);
	rig->a.keep = true;
	give(rig, 7);
	sluice_miniport_poll(rig->miniport, 0, 64);
	kill_card(rig);
	card_start(&rig->card);
	assert_int_equal(sluice_miniport_reattach(rig->miniport, NULL), 0);
	give(rig, 9);
	give(rig, 8);
	sluice_miniport_poll(rig->miniport, 0, 64);
	assert_int_equal(card_collect(&rig->card, 0), 62);
	ending = (struct halt){.miniport = rig->miniport};
	assert_int_equal(pthread_create(&thread, NULL, halt, &ending), 0);
	usleep(20000); /* it cannot be seen to wait; too short a time only makes this test weaker */
	assert_false(__atomic_load_n(&ending.over, __ATOMIC_ACQUIRE));
	assert_int_equal(rig->a.packets[2]->length, 60);
	sluice_miniport_return(&rig->a.packets[1], 1);
	usleep(2000);
	assert_false(__atomic_load_n(&ending.over, __ATOMIC_ACQUIRE));
	assert_int_equal(card_collect(&rig->card, 0), 63); /* so it still stands */
	sluice_miniport_return(&rig->a.packets[2], 1);
	usleep(2000);
	assert_false(__atomic_load_n(&ending.over, __ATOMIC_ACQUIRE));
	sluice_miniport_return(&rig->a.packets[0], 1);
	pthread_join(thread, NULL);
	assert_int_equal(ending.result, 0);
	rig->miniport = NULL;
	card_stop(&rig->card);
	assert_int_equal(rig_maps(), 0);
}

static void return_it(struct note *note, struct sluice_send *send)
{
	(void)send;
	sluice_miniport_return(note->packets, 1);
}

/* As a protocol does that answers out of the packet itself. */
static void test_halt_of_a_protocol_that_keeps_until_its_send_is_complete(void **state)
{
	struct rig *rig = *state;
	struct sluice_send *send = send_make(60, 1);

	rig_start(rig);
	rig->a.keep = true;
	rig->a.on_complete = return_it;
	give(rig, 9);
	sluice_miniport_poll(rig->miniport, 0, 64);
	send_one(&rig->a, send);
	rig_halt(rig);
	assert_int_equal(send->status, IM_STATUS_SEND_ABORTED);
	assert_int_equal(rig->a.completions, 1);
	send_free(send);
}

static void send_for_a_while(struct note *note, struct sluice_send *send)
{
	if (note->completions < 5)
		sluice_miniport_send(note->protocol, 0, &send, 1);
}

static void test_halt_of_a_protocol_that_sends_on(void **state)
{
	struct rig *rig = *state;
	struct sluice_send *send = send_make(60, 1);

	rig_start(rig);
	rig->a.on_complete = send_for_a_while;
	send_one(&rig->a, send);
	rig_halt(rig);
	assert_int_equal(rig->a.completions, 5);
	assert_int_equal(send->status, IM_STATUS_NOT_READY);
	send_free(send);
}

static void test_detach(void **state)
{
	struct rig *rig = *state;
	struct sluice_send *mine = send_make(60, 1), *other = send_make(60, 2);

	rig_start(rig);
	rig_attach(rig, &rig->b);
	rig->a.keep = true;
	rig->a.on_complete = send_for_a_while;
	give(rig, 9);
	sluice_miniport_poll(rig->miniport, 0, 64);
	send_one(&rig->a, mine);
	send_one(&rig->b, other);
	assert_int_equal(sluice_miniport_detach(rig->a.protocol), 0);
	assert_int_equal(mine->status, IM_STATUS_CLOSING);
	assert_int_equal(rig->a.completions, 5);
	assert_int_equal(rig->b.completions, 0);
	/* what is received goes to the other alone, and what was kept may still be returned */
	give(rig, 8);
	sluice_miniport_poll(rig->miniport, 0, 64);
	assert_int_equal(rig->a.received, 1);
	assert_int_equal(rig->b.received, 2);
	assert_int_equal(card_collect(&rig->card, 0), 63);
	sluice_miniport_return(&rig->a.packets[0], 1);
	assert_int_equal(card_collect(&rig->card, 0), 64);
	while (card_take(&rig->card, 0, wire, &wire_meta) > 0)
		;
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
	assert_int_equal(other->status, IM_STATUS_SUCCESS);
	send_free(mine);
	send_free(other);
}

static void test_too_many_protocols(void **state)
{
	static const struct sluice_protocol_handlers nothing;
	static struct note notes[SLUICE_PROTOCOLS_MAX];
	struct rig *rig = *state;

	rig_start(rig);
	for (unsigned i = 1; i < SLUICE_PROTOCOLS_MAX; i++)
		rig_attach(rig, &notes[i]);
	assert_null(sluice_miniport_attach(rig->miniport,
					   &(struct sluice_protocol_handlers){.send_complete = (void *)1}, NULL));
	assert_int_equal(sluice_miniport_detach(notes[3].protocol), 0);
	assert_null(sluice_miniport_attach(rig->miniport, &nothing, NULL));
	rig_attach(rig, &rig->b);
	give(rig, 1);
	sluice_miniport_poll(rig->miniport, 0, 64);
	assert_int_equal(rig->b.received + notes[1].received + notes[7].received, 3);
	assert_int_equal(notes[3].received, 0);
}

static void test_pause_and_restart(void **state)
{
	struct rig *rig = *state;
	struct sluice_send *out[80], *refused = send_make(60, 100);

	rig_start(rig);
	rig->a.keep = true;
	give(rig, 9);
	sluice_miniport_poll(rig->miniport, 0, 64);
	for (unsigned i = 0; i < 80; i++)
		send_one(&rig->a, out[i] = send_make(60, (uint8_t)i));
	assert_int_equal(sluice_miniport_restart(rig->miniport), IM_STATUS_NOT_ACCEPTED);
	assert_int_equal(sluice_miniport_pause(rig->miniport), IM_STATUS_PENDING);
	assert_int_equal(rig->a.completions, 16); /* those that were not published */
	assert_int_equal(out[64]->status, IM_STATUS_PAUSED);
	assert_int_equal(sluice_miniport_pause(rig->miniport), IM_STATUS_NOT_ACCEPTED);
	send_one(&rig->a, refused);
	give(rig, 8);
	while (card_take(&rig->card, 0, wire, &wire_meta) > 0)
		;
	sluice_miniport_poll(rig->miniport, 0, 64);
	assert_int_equal(rig->a.completions, 81);
	assert_int_equal(out[63]->status, IM_STATUS_SUCCESS);
	assert_int_equal(refused->status, IM_STATUS_PAUSED);
	assert_int_equal(rig->a.received, 1); /* nothing came up */
	assert_int_equal(sluice_miniport_state(rig->miniport), SLUICE_INSTANCE_PAUSING);
	assert_int_equal(card_collect(&rig->card, 0), 63);
	sluice_miniport_return(rig->a.packets, 1);
	assert_int_equal(sluice_miniport_state(rig->miniport), SLUICE_INSTANCE_PAUSED);
	assert_int_equal(sluice_miniport_restart(rig->miniport), IM_STATUS_SUCCESS);
	give(rig, 7);
	sluice_miniport_poll(rig->miniport, 0, 64);
	assert_int_equal(rig->a.first_byte[1], 7);
	sluice_miniport_return(&rig->a.packets[1], 1);
	assert_int_equal(sluice_miniport_pause(rig->miniport), IM_STATUS_SUCCESS); /* nothing is out */
	for (unsigned i = 0; i < 80; i++)
		send_free(out[i]);
	send_free(refused);
}

static void test_reset(void **state)
{
	const uint32_t filter = 5;
	struct rig *rig = *state;
	struct sluice_send *send = send_make(60, 1);
	uint32_t read, needed;
	unsigned told;

	rig_start(rig);
	sluice_miniport_set(rig->miniport, SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &filter, 4, &read, &needed);
	send_one(&rig->a, send);
	told = rig->a.indicated;
	assert_int_equal(sluice_miniport_reset(rig->miniport), IM_STATUS_SUCCESS);
	assert_int_equal(send->status, IM_STATUS_SEND_ABORTED);
	assert_int_equal(rig->a.indications[told], IM_INDICATION_RESET_START);
	assert_int_equal(rig->a.indications[told + 1], IM_INDICATION_RESET_END);
	assert_int_equal(rig->a.indicated, told + 2); /* the link is as it was */
	assert_int_equal(card_find_oid(&rig->card, SLUICE_OID_GEN_CURRENT_PACKET_FILTER)->sets, 2);
	assert_int_equal(rig->card.clients, 2);
	card_stop(&rig->card);
	assert_int_equal(sluice_miniport_reset(rig->miniport), IM_STATUS_HARD_ERRORS);
	assert_false(sluice_miniport_link_up(rig->miniport));
	assert_int_equal(sluice_miniport_check(rig->miniport), -ENOTCONN);
	send_free(send);
}

static void test_hang(void **state)
{
	struct rig *rig = *state;
	struct sluice_info_region *info;

	rig_start(rig);
	info = rig->card.info;
	assert_false(sluice_miniport_check_for_hang(rig->miniport, 0));
	assert_false(sluice_miniport_check_for_hang(rig->miniport, 2 * SLUICE_HANG_MS)); /* there is none yet */
	info->control_heartbeat = info->worker_heartbeat = 7;
	assert_false(sluice_miniport_check_for_hang(rig->miniport, 1000));
	assert_false(sluice_miniport_check_for_hang(rig->miniport, 1000 + SLUICE_HANG_MS - 1));
	info->control_heartbeat++;
	info->worker_heartbeat++;
	assert_false(sluice_miniport_check_for_hang(rig->miniport, 1000 + SLUICE_HANG_MS));
	info->control_heartbeat++; /* one of the two is not enough */
	assert_false(sluice_miniport_check_for_hang(rig->miniport, 1000 + 2 * SLUICE_HANG_MS - 1));
	assert_true(sluice_miniport_check_for_hang(rig->miniport, 1000 + 2 * SLUICE_HANG_MS));
	kill_card(rig);
	assert_false(sluice_miniport_check_for_hang(rig->miniport, 1000 + 9 * SLUICE_HANG_MS));
}

static void test_a_mailbox_that_is_lost(void **state)
{
	struct rig *rig = *state;
	struct sluice_miniport_config config = {
		.runtime_dir = rig->card.dir, .port = "host0", .queues = 2, .entries = 64, .timeout_ms = 50};
	struct sluice_fault fault;
	uint32_t value, written, needed;

	card_start(&rig->card);
	rig->miniport = sluice_miniport_initialize(&config, &fault);
	assert_non_null(rig->miniport);
	pthread_mutex_lock(&rig->card.lock);
	rig->card.mute = true;
	pthread_mutex_unlock(&rig->card.lock);
	assert_int_equal(sluice_miniport_query(rig->miniport, SLUICE_OID_GEN_LINK_SPEED, &value, 4, &written, &needed),
			 IM_STATUS_NOT_READY);
	assert_int_equal(sluice_miniport_check(rig->miniport), 0); /* frames still flow */
	assert_true(sluice_miniport_check_for_hang(rig->miniport, 0));
	pthread_mutex_lock(&rig->card.lock);
	rig->card.mute = false;
	pthread_mutex_unlock(&rig->card.lock);
	assert_int_equal(sluice_miniport_reset(rig->miniport), IM_STATUS_SUCCESS);
	assert_false(sluice_miniport_check_for_hang(rig->miniport, 0));
}

static void test_the_link_is_followed(void **state)
{
	const uint32_t disconnected = 1, connected = 0;
	struct rig *rig = *state;

	rig_start(rig);
	card_set_oid(&rig->card, SLUICE_OID_GEN_MEDIA_CONNECT_STATUS, &disconnected, 4);
	assert_int_equal(sluice_miniport_check(rig->miniport), 0);
	assert_false(sluice_miniport_link_up(rig->miniport));
	assert_int_equal(sluice_miniport_check(rig->miniport), 0);
	assert_int_equal(rig->a.indicated, 1); /* once */
	assert_int_equal(rig->a.indications[0], IM_INDICATION_MEDIA_DISCONNECT);
	card_set_oid(&rig->card, SLUICE_OID_GEN_MEDIA_CONNECT_STATUS, &connected, 4);
	sluice_miniport_check(rig->miniport);
	assert_int_equal(rig->a.indications[1], IM_INDICATION_MEDIA_CONNECT);
	card_line(&rig->card, 0)->status = SLUICE_QUEUE_DOWN; /* the port is paused */
	card_line(&rig->card, 1)->status = SLUICE_QUEUE_DOWN;
	sluice_miniport_check(rig->miniport);
	assert_false(sluice_miniport_link_up(rig->miniport));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(traits),
		CASE(no_firmware_at_first),
		CASE(the_firmware_goes),
		CASE(the_firmware_comes_again),
		CASE(a_packet_of_an_old_life),
		CASE(fewer_queues_than_before),
		CASE(more_queues_than_before),
		CASE(halt_waits_for_packets_that_are_kept),
		CASE(halt_of_a_protocol_that_keeps_until_its_send_is_complete),
		CASE(halt_of_a_protocol_that_sends_on),
		CASE(detach),
		CASE(too_many_protocols),
		CASE(pause_and_restart),
		CASE(reset),
		CASE(hang),
		CASE(a_mailbox_that_is_lost),
		CASE(the_link_is_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
