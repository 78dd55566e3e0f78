/* SPDX-License-Identifier: BSD-3-Clause */
/* Drivers that are wrong with packets that come from below (contract 5). */
#include "wrong.h"

static struct im_packet *shown; /* that a driver was given, and looks at too late */

/* ---- Indications --------------------------------------------------------------------------------- */

static void indicate(struct im_packet *packet, im_status_t status)
{
	rig_indicate(rig.port, &packet, 1, status);
}

static void lend(void)
{
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	wrong_stack();
}

static void take_back(void)
{
	host_settle();
	rig_return(rig.top_binding, rig.top_binding->held_count);
	host_settle();
}

static void indicate_what_is_lent(void)
{
	struct im_packet *packet = wrong_packet();

	lend();
	indicate(packet, IM_STATUS_SUCCESS);
	if (wrong)
		indicate(packet, IM_STATUS_SUCCESS);
	take_back();
}

static void indicate_with_a_status_of_sends(void)
{
	lend();
	indicate(wrong_packet(), wrong ? IM_STATUS_PAUSED : IM_STATUS_SUCCESS);
	take_back();
}

static void write_to_what_is_lent(void)
{
	struct im_packet *packet = wrong_packet();
	uintptr_t *words = im_packet_words(packet);

	lend();
	indicate(packet, IM_STATUS_SUCCESS);
	if (wrong)
		words[0] = 1;
	take_back();
}

static void lend_without_return(void)
{
	lend();
	indicate(wrong_packet(), wrong ? IM_STATUS_SUCCESS : IM_STATUS_RESOURCES);
	host_settle();
}

/* contract: 12.1 12.38 12.58 */
static void c5_1_c5_3_c5_8_c2_30_indications_by_a_miniport(void **state)
{
	static const struct wrong rows[] = {
		{"indicates a packet that is lent", "5.8", "nic", .scene = indicate_what_is_lent},
		{"indicates a packet with a status of sends", "5.1", "nic", .scene = indicate_with_a_status_of_sends},
		{"writes to its words of a packet that it has lent", "5.3", "nic", .scene = write_to_what_is_lent},
		{"lends a packet without a handler for its return", "2.30", "nic", .scene = lend_without_return,
		 .nic_variant = RIG_NO_RETURN},
	};

	(void)state;
	wrong_try(rows);
}

/* It looks for a VNIC where there was one. */
static struct im_instance *gone;

static void halt(void *context)
{
	gone = ((struct rig_vnic *)context)->instance;
	right.miniport.halt(context);
}

static void indicate_to_the_one_that_is_gone(void *context, struct im_packet **packets, uint16_t count,
					     uint16_t *references)
{
	if (rig_vnic("m0")->instance != NULL)
		right.protocol.receive_packets(context, packets, count, references);
	else if (wrong)
		im_indicate_receive_packets(gone, packets, count);
}

static void receive_without_a_vnic(void)
{
	wrong_stack();
	host_stop("m0");
	indicate(wrong_packet(), IM_STATUS_SUCCESS);
	host_settle();
}

static void c5_10_indications_for_what_is_gone(void **state)
{
	static const struct wrong rows[] = {
		{"indicates a packet after halt", "5.10", "mid", .miniport = {.halt = halt},
		 .protocol = {.receive_packets = indicate_to_the_one_that_is_gone}, .scene = receive_without_a_vnic},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Returns ------------------------------------------------------------------------------------- */

static void return_once(struct rig_binding *binding, struct im_packet *packet)
{
	im_return_packets(binding->binding, &packet, 1);
	host_settle();
}

static void return_twice(void)
{
	struct im_packet *packet = wrong_packet();

	lend();
	indicate(packet, IM_STATUS_SUCCESS);
	take_back();
	if (wrong)
		return_once(rig.top_binding, packet);
}

static void return_a_stranger(void)
{
	struct im_packet *stranger = wrong_packet();

	wrong_receive();
	if (wrong)
		return_once(rig.top_binding, stranger);
}

static void return_what_is_above(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	right.protocol.receive_packets(context, packets, count, references);
	if (wrong)
		im_return_packets(((struct rig_binding *)context)->binding, packets, count);
}

/* contract: 12.10 12.38 12.58 */
static void c5_16_returns_of_what_is_not_there(void **state)
{
	static const struct wrong rows[] = {
		{"returns a packet once too often", "5.16", "top", .scene = return_twice},
		{"returns a packet that it never had", "5.16", "top", .scene = return_a_stranger},
		{"returns a packet that the one above has", "5.16", "mid",
		 .protocol = {.receive_packets = return_what_is_above}, .scene = wrong_receive},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- For the call alone -------------------------------------------------------------------------- */

/* What one is shown is the miniport's, though its name tells where it lies. */
static im_status_t return_what_it_is_shown(void *context, const struct im_lookahead *lookahead)
{
	struct im_packet *packet = lookahead->receive_context;

	if (wrong)
		im_return_packets(((struct rig_binding *)context)->binding, &packet, 1);
	return right.protocol.receive(context, lookahead);
}

static im_status_t lend_what_it_is_shown(void *context, const struct im_lookahead *lookahead)
{
	struct im_packet *packet = lookahead->receive_context;

	if (!wrong)
		return right.protocol.receive(context, lookahead);
	packet->status = IM_STATUS_SUCCESS; /* which it is not */
	im_indicate_receive_packets(((struct rig_binding *)context)->vnics[0]->instance, &packet, 1);
	return IM_STATUS_SUCCESS;
}

static im_status_t shorten_what_it_is_shown(void *context, const struct im_lookahead *lookahead)
{
	struct im_packet *packet = lookahead->receive_context;

	if (wrong)
		packet->length -= 4;
	return right.protocol.receive(context, lookahead);
}

static im_status_t send_what_it_is_shown(void *context, const struct im_lookahead *lookahead)
{
	struct im_packet *packet = lookahead->receive_context;

	if (wrong)
		im_send_packets(((struct rig_binding *)context)->binding, &packet, 1);
	return right.protocol.receive(context, lookahead);
}

static void c5_7_c5_15_what_is_for_the_call_alone(void **state)
{
	static const struct wrong rows[] = {
		{"returns the packet behind a look-ahead", "5.15", "mid",
		 .protocol = {.receive = return_what_it_is_shown}, .scene = wrong_receive_for_call},
		{"lends on the packet behind a look-ahead", "5.15", "mid",
		 .protocol = {.receive = lend_what_it_is_shown}, .scene = wrong_receive_for_call},
		{"changes the packet behind a look-ahead", "5.7", "mid",
		 .protocol = {.receive = shorten_what_it_is_shown}, .scene = wrong_receive_for_call},
		{"sends the packet behind a look-ahead", "5.15", "mid", .protocol = {.receive = send_what_it_is_shown},
		 .scene = wrong_receive_for_call},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Look-ahead ---------------------------------------------------------------------------------- */

static const uint8_t frame[100];

static void show(uint32_t length)
{
	struct im_lookahead lookahead = {.receive_context = &shown,
					 .header = frame,
					 .data = frame,
					 .header_length = 14,
					 .data_length = length,
					 .packet_length = 60};

	im_indicate_receive(rig.port->instance, &lookahead);
	im_indicate_receive_complete(rig.port->instance);
	host_settle();
}

static void show_more_than_there_is(void)
{
	wrong_stack();
	show(wrong ? 61 : 60);
}

static void without_transfer(struct rig_driver *driver)
{
	if (wrong)
		driver->miniport.transfer_data = NULL;
}

static void pull(void)
{
	struct im_packet *packet = wrong_packet();
	uint32_t bytes;

	im_transfer_data(rig.top_binding->binding, &shown, 0, 10, packet, &bytes);
	packet->length = 100;
}

static void pull_too_late(void)
{
	wrong_stack();
	show(60);
	if (wrong)
		pull();
}

static im_status_t pull_all(void *context, const struct im_lookahead *lookahead)
{
	struct im_packet *packet = wrong_packet();
	uint32_t bytes;

	return im_transfer_data(((struct rig_binding *)context)->binding, lookahead->receive_context, 0, 10, packet,
				&bytes);
}

/* The top asks for all; what is wrong is with the nic's answer. */
static void transfer(void)
{
	rig.top->protocol.receive = pull_all;
	wrong_receive_lookahead();
}

static im_status_t transfer_and_complete(struct im_packet *packet, uint32_t *transferred, void *context,
					 void *receive_context, uint32_t offset, uint32_t length)
{
	im_status_t status =
		right.miniport.transfer_data(packet, transferred, context, receive_context, offset, length);

	if (wrong)
		shown = packet; /* which it takes for one that pends */
	return status;
}

static void complete_too_late(void)
{
	transfer();
	if (wrong)
		im_transfer_data_complete(rig.port->instance, shown, IM_STATUS_SUCCESS, 10);
}

static void c5_23_c5_24_c5_25_c2_30_frames_by_their_beginning(void **state)
{
	static const struct wrong rows[] = {
		{"shows more of a frame than there is", "5.23", "nic", .scene = show_more_than_there_is},
		{"shows a frame and cannot transfer the rest", "2.30", "nic", .change = without_transfer,
		 .scene = wrong_receive_lookahead},
		{"asks for the rest of a frame when the call is over", "5.24", "top", .scene = pull_too_late},
		{"completes a transfer that did not pend", "5.25", "nic",
		 .miniport = {.transfer_data = transfer_and_complete}, .scene = complete_too_late},
	};

	(void)state;
	wrong_try(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c5_1_c5_3_c5_8_c2_30_indications_by_a_miniport),
		cmocka_unit_test(c5_10_indications_for_what_is_gone),
		cmocka_unit_test(c5_16_returns_of_what_is_not_there),
		cmocka_unit_test(c5_7_c5_15_what_is_for_the_call_alone),
		cmocka_unit_test(c5_23_c5_24_c5_25_c2_30_frames_by_their_beginning),
	};

	return host_run_tests(tests);
}
