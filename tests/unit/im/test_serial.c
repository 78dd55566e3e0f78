/* SPDX-License-Identifier: BSD-3-Clause */
/* Serialised miniports: statuses, the core's queue, and how packets leave it. */
#include "rig.h"

static void serial_up(enum rig_when when, uint32_t room)
{
	rig_up("serial", 0);
	rig_nic.when = when;
	rig_nic.room = room;
}

static void send(struct im_packet **packets, uint16_t count)
{
	im_send_packets(rig_top.binding, packets, count);
}

/* The nic has room again, and says so. */
static void make_room(uint32_t room)
{
	rig_nic.room = room;
	im_send_resources_available(rig_nic.instance);
}

/* ---- Statuses ----------------------------------------------------------------------------------------- */

/* contract: 4.5 */
static void final_statuses_complete_in_the_call(void **state)
{
	struct im_packet *packets[5];

	(void)state;
	serial_up(RIG_INLINE, UINT32_MAX);
	rig_nic.status = IM_STATUS_INVALID_LENGTH;
	rig_packets(packets, 5);
	send(packets, 5);
	rig_expect(&rig_nic.sent, packets, 5);
	rig_expect(&rig_top.done, packets, 5); /* 4.5 */
	rig_expect_status(&rig_top.done, IM_STATUS_INVALID_LENGTH, 5);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	rig_packets_free(packets, 5);
	rig_down();
}

/* contract: 4.5 */
static void what_pends_completes_later(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	serial_up(RIG_LATER, UINT32_MAX);
	rig_packets(packets, 4);
	send(packets, 4);
	assert_int_equal(rig_top.done.count, 0);
	assert_int_equal(im_outstanding(rig_nic.instance), 4);
	rig_complete(2, 2, IM_STATUS_SUCCESS);
	rig_complete(0, 2, IM_STATUS_FAILURE);
	assert_int_equal(rig_top.done.count, 4);
	assert_ptr_equal(rig_top.done.packets[0], packets[2]);
	assert_int_equal(rig_top.done.statuses[0], IM_STATUS_SUCCESS);
	assert_int_equal(rig_top.done.statuses[3], IM_STATUS_FAILURE);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	rig_packets_free(packets, 4);
	rig_down();
}

/* Handlers of a nic that answers packet by packet. */
static const im_status_t *script;

static void answer_by_script(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = (uint16_t)script[i];
}

/* contract: 4.1 4.5 */
static void each_packet_has_its_own_status(void **state)
{
	static const im_status_t statuses[] = {IM_STATUS_SUCCESS, IM_STATUS_PENDING, IM_STATUS_FAILURE,
					       IM_STATUS_PENDING, IM_STATUS_SUCCESS};
	struct im_packet *packets[5];

	(void)state;
	serial_up(RIG_LATER, 0);
	rig_nic.instance->miniport->handlers.send_packets = answer_by_script;
	script = statuses;
	rig_packets(packets, 5);
	send(packets, 5);
	rig_expect(&rig_top.done, ((struct im_packet *[]){packets[0], packets[2], packets[4]}), 3);
	packets[1]->status = packets[3]->status = IM_STATUS_SUCCESS;
	im_send_complete(rig_nic.instance, (struct im_packet *[]){packets[3], packets[1]}, 2);
	assert_int_equal(rig_top.done.count, 5);
	rig_packets_free(packets, 5);
	rig_down();
}

/* contract: 4.7 4.11 */
static void a_single_send_answers_by_its_return(void **state)
{
	struct im_packet *packets[6];

	(void)state;
	rig_up("serial1", 0);
	rig_nic.room = 2;
	rig_packets(packets, 6);
	send(packets, 6);
	assert_int_equal(rig_nic.sent.calls, 3); /* the third is refused, and with it all behind (4.7) */
	rig_expect(&rig_top.done, packets, 2);
	rig_nic.when = RIG_LATER;
	make_room(UINT32_MAX);
	assert_int_equal(rig_nic.sent.calls, 7);
	rig_complete(3, 4, IM_STATUS_SUCCESS);
	rig_expect(&rig_top.done, packets, 6);
	rig_packets_free(packets, 6);
	rig_down();
}

/* ---- Refused for now ---------------------------------------------------------------------------------- */

/* contract: 4.2 4.7 4.8 */
static void what_is_refused_waits_and_goes_again_in_order(void **state)
{
	struct im_packet *packets[10];

	(void)state;
	serial_up(RIG_LATER, 3);
	rig_packets(packets, 10);
	send(packets, 6);
	assert_int_equal(rig_nic.sent.calls, 1);
	send(packets + 6, 4); /* behind those that wait, and not tried before (4.8) */
	assert_int_equal(rig_nic.sent.calls, 1);
	assert_int_equal(rig_top.done.count, 0);
	assert_int_equal(im_outstanding(rig_nic.instance), 10);
	rig_nic.sent.count = 3; /* forget the refused ones */
	rig_nic.room = 4;
	rig_complete(0, 1, IM_STATUS_SUCCESS); /* the next completion (4.8) */
	assert_int_equal(rig_nic.sent.calls, 2);
	rig_nic.sent.count = 7;
	rig_nic.room = UINT32_MAX;
	rig_complete(1, 6, IM_STATUS_SUCCESS);
	rig_expect(&rig_nic.sent, packets, 10); /* 4.2, 4.7 */
	rig_complete(7, 3, IM_STATUS_SUCCESS);
	rig_expect(&rig_top.done, packets, 10);
	rig_expect_status(&rig_top.done, IM_STATUS_SUCCESS, 10); /* RESOURCES was no completion */
	rig_packets_free(packets, 10);
	rig_down();
}

/* contract: 4.8 */
static void resources_again_have_the_queue_tried(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	serial_up(RIG_INLINE, 0);
	rig_packets(packets, 2);
	send(packets, 2);
	assert_int_equal(rig_nic.sent.calls, 1);
	make_room(0); /* it was wrong about that */
	assert_int_equal(rig_nic.sent.calls, 2);
	assert_int_equal(rig_top.done.count, 0);
	make_room(2);
	assert_int_equal(rig_nic.sent.calls, 3);
	rig_expect(&rig_top.done, packets, 2);
	rig_packets_free(packets, 2);
	rig_down();
}

/* Whatever the miniport says of the packets behind the first refused one. */
/* contract: 4.7 */
static void all_behind_a_refused_one_are_refused(void **state)
{
	static const im_status_t statuses[] = {IM_STATUS_SUCCESS, IM_STATUS_RESOURCES, IM_STATUS_SUCCESS,
					       IM_STATUS_FAILURE};
	static const im_status_t all[] = {IM_STATUS_SUCCESS, IM_STATUS_SUCCESS, IM_STATUS_SUCCESS};
	struct im_packet *packets[4];

	(void)state;
	serial_up(RIG_INLINE, 0);
	rig_nic.instance->miniport->handlers.send_packets = answer_by_script;
	script = statuses;
	rig_packets(packets, 4);
	send(packets, 4);
	rig_expect(&rig_top.done, packets, 1); /* 4.7 */
	script = all;
	im_send_resources_available(rig_nic.instance);
	rig_expect(&rig_top.done, packets, 4);
	rig_expect_status(&rig_top.done, IM_STATUS_SUCCESS, 4);
	rig_packets_free(packets, 4);
	rig_down();
}

static void say_there_is_room(struct rig_nic *nic, struct im_packet **packets, uint16_t count)
{
	(void)packets, (void)count;
	im_send_resources_available(nic->instance);
}

/* The word that there is room may come while the handler still refuses: then it is asked again, but not for ever. */
/* contract: 4.8 11.5 */
static void a_wake_up_during_the_call_is_not_lost(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	serial_up(RIG_INLINE, 1);
	rig_nic.in_send = say_there_is_room;
	rig_packets(packets, 2);
	send(packets, 2);
	assert_int_equal(rig_top.done.count, 1);
	assert_in_range(rig_nic.sent.calls, 3, 200);
	rig_nic.in_send = NULL;
	make_room(1);
	rig_expect(&rig_top.done, packets, 2);
	rig_packets_free(packets, 2);
	rig_down();
}

/* contract: 4.10 */
static void the_newest_is_refused_for_good_when_the_queue_is_full(void **state)
{
	enum { ALL = 1100 };
	static struct im_packet *packets[ALL];

	(void)state;
	serial_up(RIG_INLINE, 0);
	rig_packets(packets, ALL);
	send(packets, ALL);
	assert_int_equal(rig_top.done.count, ALL - 1024); /* 4.10 */
	rig_expect(&rig_top.done, packets + 1024, ALL - 1024);
	rig_expect_status(&rig_top.done, IM_STATUS_RESOURCES, ALL - 1024);
	assert_int_equal(rig_account("nic").drops[SLUICE_OUT][SLUICE_DROP_TX_QUEUE_FULL], ALL - 1024);
	rig_nic.sent.count = 0;
	make_room(UINT32_MAX);
	rig_expect(&rig_nic.sent, packets, 1024);
	assert_int_equal(rig_top.done.count, ALL);
	rig_packets_free(packets, ALL);
	rig_down();
}

/* ---- Leaving the queue ------------------------------------------------------------------------------------ */

/* contract: 4.24 4.26 4.27 */
static void a_cancel_takes_what_waits_with_its_id(void **state)
{
	struct im_packet *packets[8];

	(void)state;
	serial_up(RIG_LATER, 2);
	rig_packets(packets, 8);
	for (uint32_t i = 0; i < 8; i++)
		packets[i]->info.cancel_id = i % 2 == 0 ? 0x11000001 : 0x11000002;
	send(packets, 8); /* 0 and 1 are at the miniport */
	im_cancel_send_packets(rig_top.binding, 0x11000001);
	rig_expect(&rig_top.done, ((struct im_packet *[]){packets[2], packets[4], packets[6]}), 3); /* 4.24 */
	rig_expect_status(&rig_top.done, IM_STATUS_SEND_ABORTED, 3);
	assert_int_equal(rig_nic.cancelled, 0x11000001);     /* and the miniport looks after its own */
	im_cancel_send_packets(rig_top.binding, 0x11000001); /* nothing is left: a no-op (4.27) */
	im_cancel_send_packets(rig_top.binding, 0x22000001);
	assert_int_equal(rig_top.done.count, 3);
	rig_nic.sent.count = 2;
	make_room(UINT32_MAX);
	rig_expect(&rig_nic.sent, ((struct im_packet *[]){packets[0], packets[1], packets[3], packets[5], packets[7]}),
		   5);
	rig_complete(0, 5, IM_STATUS_SUCCESS);
	assert_int_equal(rig_top.done.count, 8); /* each once (4.26) */
	rig_packets_free(packets, 8);
	rig_down();
}

/* contract: 4.24 */
static void a_cancel_may_take_more_than_a_burst(void **state)
{
	enum { ALL = 3 * IM_BURST };
	struct im_packet *packets[ALL];

	(void)state;
	serial_up(RIG_LATER, 0);
	rig_packets(packets, ALL);
	for (uint32_t i = 0; i < ALL; i++)
		packets[i]->info.cancel_id = 9;
	send(packets, ALL);
	im_cancel_send_packets(rig_top.binding, 9);
	rig_expect(&rig_top.done, packets, ALL);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	rig_packets_free(packets, ALL);
	rig_down();
}

/* contract: 4.32 11.1 */
static void a_pause_gives_back_what_waits(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	serial_up(RIG_INLINE, 1);
	rig_packets(packets, 4);
	send(packets, 4);
	im_pause(rig_nic.instance);
	assert_int_equal(rig_top.done.count, 4);
	for (uint32_t i = 1; i < 4; i++)
		assert_int_equal(rig_top.done.statuses[i], IM_STATUS_PAUSED); /* 10.25 */
	rig_nic.room = UINT32_MAX;
	im_restart(rig_nic.instance);
	send(packets, 2); /* the queue does not wait for a wake-up that nobody owes it */
	assert_int_equal(rig_top.done.count, 6);
	rig_packets_free(packets, 4);
	rig_down();
}

static void a_binding_that_goes_takes_its_own_out_of_the_queue(void **state)
{
	struct im_packet *packets[6];

	(void)state;
	serial_up(RIG_INLINE, 0);
	assert_int_equal(rig_bind("top2", "nic", "top2"), IM_STATUS_SUCCESS);
	rig_packets(packets, 6);
	for (uint32_t i = 0; i < 6; i++)
		im_send_packets(i % 2 == 0 ? rig_top.binding : rig_top2.binding, &packets[i], 1);
	im_unbind(rig_top2.binding);
	assert_int_equal(rig_top2.done.count, 3);
	assert_int_equal(rig_top.done.count, 0);
	make_room(3);
	rig_expect(&rig_top.done, ((struct im_packet *[]){packets[0], packets[2], packets[4]}), 3);
	rig_packets_free(packets, 6);
	rig_down();
}

/* After a reset the miniport has forgotten all: the core completes it, and what waits too (7.5). */
/* contract: 7.5 */
static void an_abort_completes_queue_and_miniport(void **state)
{
	struct im_packet *packets[5];

	(void)state;
	serial_up(RIG_LATER, 2);
	rig_packets(packets, 5);
	send(packets, 5);
	im_close_gate(&rig_nic.instance->gate, IM_GATE_RESETTING);
	im_serial_abort(rig_nic.instance, IM_STATUS_REQUEST_ABORTED);
	rig_expect(&rig_top.done, packets, 5);
	rig_expect_status(&rig_top.done, IM_STATUS_REQUEST_ABORTED, 5);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	im_open_gate(&rig_nic.instance->gate, IM_GATE_RESETTING);
	rig_nic.when = RIG_INLINE;
	make_room(UINT32_MAX);
	send(packets, 1);
	assert_int_equal(rig_top.done.count, 6);
	rig_packets_free(packets, 5);
	rig_down();
}

/* contract: 4.32 */
static void a_gate_that_closes_meanwhile_ends_the_queue(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	serial_up(RIG_LATER, 0);
	rig_packets(packets, 3);
	send(packets, 3);
	im_close_gate(&rig_nic.instance->gate, IM_GATE_LOW_POWER);
	make_room(UINT32_MAX);
	im_open_gate(&rig_nic.instance->gate, IM_GATE_LOW_POWER);
	assert_int_equal(rig_nic.sent.calls, 1);
	rig_expect_status(&rig_top.done, IM_STATUS_LOW_POWER_STATE, 3); /* 4.32 */
	rig_packets_free(packets, 3);
	rig_down();
}

/* ---- Receives --------------------------------------------------------------------------------------------- */

/* contract: 5.5 */
static void the_status_tells_what_is_its_own_again(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	serial_up(RIG_INLINE, 0);
	rig_top.when = RIG_LATER;
	rig_packets(packets, 4);
	im_indicate_receive_packets(rig_nic.instance, packets, 2);
	assert_int_equal(packets[0]->status, IM_STATUS_SUCCESS); /* 5.5: it has them again */
	assert_int_equal(packets[1]->status, IM_STATUS_SUCCESS);
	assert_int_equal(rig_nic.home.count, 0);
	rig_top.references = 1;
	im_indicate_receive_packets(rig_nic.instance, packets + 2, 2);
	assert_int_equal(packets[2]->status, IM_STATUS_PENDING);
	assert_int_equal(packets[3]->status, IM_STATUS_PENDING);
	im_return_packets(rig_top.binding, packets + 2, 2);
	rig_expect(&rig_nic.home, packets + 2, 2);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	rig_packets_free(packets, 4);
	rig_down();
}

/* contract: 5.5 */
static void with_several_receivers_too(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	serial_up(RIG_INLINE, 0);
	assert_int_equal(rig_bind("top2", "nic", "top2"), IM_STATUS_SUCCESS);
	rig_top2.when = RIG_LATER;
	rig_packets(packets, 2);
	im_indicate_receive_packets(rig_nic.instance, packets, 1);
	assert_int_equal(packets[0]->status, IM_STATUS_SUCCESS);
	rig_top2.references = 1;
	im_indicate_receive_packets(rig_nic.instance, packets + 1, 1);
	assert_int_equal(packets[1]->status, IM_STATUS_PENDING);
	assert_int_equal(rig_nic.home.count, 0);
	im_return_packets(rig_top2.binding, packets + 1, 1);
	rig_expect(&rig_nic.home, packets + 1, 1);
	rig_packets_free(packets, 2);
	rig_down();
}

/* contract: 5.5 5.32 */
static void what_is_turned_away_is_its_own_again(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	serial_up(RIG_INLINE, 0);
	im_pause(rig_nic.instance);
	rig_packets(packets, 2);
	im_indicate_receive_packets(rig_nic.instance, packets, 2);
	assert_int_equal(packets[0]->status, IM_STATUS_SUCCESS);
	assert_int_equal(rig_nic.home.count, 0);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	rig_packets_free(packets, 2);
	rig_down();
}

/* ---- What aborts -------------------------------------------------------------------------------------------- */

static struct im_packet *breach;

static void complete_what_it_refused(void)
{
	breach = rig_packet(2, 60);
	serial_up(RIG_LATER, 0);
	send(&breach, 1);
	breach->status = IM_STATUS_SUCCESS;
	im_send_complete(rig_nic.instance, &breach, 1);
}

static void complete_what_was_final(void)
{
	breach = rig_packet(2, 60);
	serial_up(RIG_INLINE, UINT32_MAX);
	send(&breach, 1);
	im_send_complete(rig_nic.instance, &breach, 1);
}

static void complete_what_a_reset_took(void)
{
	breach = rig_packet(2, 60);
	serial_up(RIG_LATER, 1);
	send(&breach, 1);
	im_serial_abort(rig_nic.instance, IM_STATUS_REQUEST_ABORTED);
	im_send_complete(rig_nic.instance, &breach, 1);
}

/* contract: 4.12 */
static void breaches_abort_with_their_statement(void **state)
{
	(void)state;
	rig_expect_violation("4.12", complete_what_it_refused);
	rig_expect_violation("4.12", complete_what_was_final);
	rig_expect_violation("4.12", complete_what_a_reset_took);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(final_statuses_complete_in_the_call),
		cmocka_unit_test(what_pends_completes_later),
		cmocka_unit_test(each_packet_has_its_own_status),
		cmocka_unit_test(a_single_send_answers_by_its_return),
		cmocka_unit_test(what_is_refused_waits_and_goes_again_in_order),
		cmocka_unit_test(resources_again_have_the_queue_tried),
		cmocka_unit_test(all_behind_a_refused_one_are_refused),
		cmocka_unit_test(a_wake_up_during_the_call_is_not_lost),
		cmocka_unit_test(the_newest_is_refused_for_good_when_the_queue_is_full),
		cmocka_unit_test(a_cancel_takes_what_waits_with_its_id),
		cmocka_unit_test(a_cancel_may_take_more_than_a_burst),
		cmocka_unit_test(a_pause_gives_back_what_waits),
		cmocka_unit_test(a_binding_that_goes_takes_its_own_out_of_the_queue),
		cmocka_unit_test(an_abort_completes_queue_and_miniport),
		cmocka_unit_test(a_gate_that_closes_meanwhile_ends_the_queue),
		cmocka_unit_test(the_status_tells_what_is_its_own_again),
		cmocka_unit_test(with_several_receivers_too),
		cmocka_unit_test(what_is_turned_away_is_its_own_again),
		cmocka_unit_test(breaches_abort_with_their_statement),
	};

	return rig_run(tests);
}
