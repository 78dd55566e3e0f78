/* SPDX-License-Identifier: BSD-3-Clause */
/* Received packets: to whom they go, how often they come back (contract sections 5A, 5B, 5C). */
#include <string.h>

#include "shipped.h"

static const struct host_options with_workers = {.workers = 2};

static struct im_packet *packets[8];

static void indicate(uint16_t first, uint16_t count, im_status_t status)
{
	rig_indicate(rig.port, packets + first, count, status);
	host_settle();
}

static void down(void)
{
	host_settle();
	rig_packets_free(packets, 8);
	rig_end();
}

/* ---- The packet filter --------------------------------------------------------------------------- */

static void set_filter(uint32_t filter)
{
	struct im_request request = {
		.set = true, .oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER, .buffer = &filter, .length = sizeof(filter)};

	assert_int_equal(rig_request(rig.top_binding, &request), IM_STATUS_SUCCESS);
	host_settle();
}

/* In each of the three ways: lent, for the call only, by look-ahead. The lent ones are back at once. */
static void expect_nothing_goes_up(void)
{
	uint8_t frame[60] = {0};

	rig_forget();
	indicate(0, 3, IM_STATUS_SUCCESS);
	rig_expect_packets(RIG_return_packets, "nic", packets, 3);
	indicate(3, 3, IM_STATUS_RESOURCES);
	rig_indicate_lookahead(rig.port, frame, sizeof(frame), 46);
	host_settle();
	assert_int_equal(rig_calls(RIG_receive_packets, NULL), 0);
	assert_int_equal(rig_calls(RIG_receive, NULL), 0);
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 3);
	assert_int_equal(host_outstanding("nic"), 0);
}

static void c5_9_nothing_is_indicated_before_a_filter_was_set_nor_after_it_was_taken_away(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_load_all();
	rig_start_nic("nic");
	rig.port = rig_vnic("nic");
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("top", "nic", "top"), IM_STATUS_SUCCESS);
	rig.top_binding = rig_binding("top");
	rig_packets(packets, 8);
	expect_nothing_goes_up();
	set_filter(0x2f);
	rig_forget();
	indicate(0, 8, IM_STATUS_SUCCESS);
	rig_expect_packets(RIG_receive_packets, "top", packets, 8);
	set_filter(0);
	expect_nothing_goes_up();
	down();
}

/* ---- Whose the status is ------------------------------------------------------------------------- */

static void keep_and_overwrite(void *context, struct im_packet **lent, uint16_t count, uint16_t *references)
{
	struct rig_binding *binding = context;

	for (uint16_t i = 0; i < count; i++) {
		references[i] = 1;
		lent[i]->status = IM_STATUS_RESOURCES; /* the word is the receiver's now */
		binding->held[binding->held_count++] = lent[i];
	}
}

/* A relay that read it after the call would take it for one that is not lent, and never return it. */
static void c5_3_a_relay_goes_by_the_status_that_the_packet_came_with(void **state)
{
	(void)state;
	shipped_begin(NULL);
	rig.top->protocol.receive_packets = keep_and_overwrite;
	shipped_build(3);
	rig_packets(packets, 8);
	indicate(0, 8, IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_return_packets, "nic"), 0);
	assert_int_equal(host_outstanding("nic"), 8);
	rig_return(rig.top_binding, 8);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 8);
	assert_int_equal(host_outstanding("nic"), 0);
	down();
}

/* ---- Returned soon ------------------------------------------------------------------------------- */

/* Nothing between collects them: what the top gives back is home with that call. A pool of eight feeds any number. */
static void c5_17_a_stack_of_relays_keeps_no_packet_that_is_given_back(void **state)
{
	(void)state;
	shipped_begin(NULL);
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	shipped_build(4);
	rig_packets(packets, 8);
	for (uint32_t round = 0; round < 10; round++) {
		rig_forget();
		indicate(0, 8, IM_STATUS_SUCCESS);
		for (uint32_t i = 1; i <= 8; i++) {
			rig_return(rig.top_binding, 1);
			host_settle();
			assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), i);
		}
	}
	down();
}

/* ---- To several VNICs ---------------------------------------------------------------------------- */

#define VNICS 3u

static const char *const names[] = {"a", "b", "c", NULL}, *const tops[] = {"ta", "tb", "tc"};
static struct im_pool *pool;
static uint32_t receivers; /* VNICs that a packet goes to */

/* A mux: under a descriptor of its own to each VNIC; how many are out stands in the packet's own words. */
static void send_up_copies(void *context, struct im_packet **lent, uint16_t count, uint16_t *references)
{
	struct rig_binding *binding = context;

	for (uint16_t i = 0; i < count; i++) {
		im_packet_words(lent[i])[0] = receivers;
		references[i] = receivers > 0;
		for (uint32_t k = 0; k < receivers; k++) {
			struct im_packet *copy = im_allocate_packet(pool);

			copy->mbuf = lent[i]->mbuf;
			copy->length = lent[i]->length;
			im_packet_words(copy)[0] = (uintptr_t)lent[i];
			im_indicate_receive_packets(binding->vnics[k]->instance, &copy, 1);
		}
	}
}

static void collect_copies(void *context, struct im_packet **copies, uint16_t count)
{
	struct rig_vnic *vnic = context;

	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *original = (struct im_packet *)im_packet_words(copies[i])[0];

		copies[i]->mbuf = NULL;
		im_free_packet(pool, copies[i]);
		if (--im_packet_words(original)[0] == 0)
			im_return_packets(vnic->below->binding, &original, 1);
	}
}

static void mux_up(void)
{
	rig_begin(NULL, 0);
	rig.mid->protocol.receive_packets = send_up_copies;
	rig.mid->miniport.return_packets = collect_copies;
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	rig_load_all();
	assert_int_equal(im_allocate_packet_pool(rig.mid->wrapper, 32, &pool), IM_STATUS_SUCCESS);
	rig_start_nic("nic");
	rig.port = rig_vnic("nic");
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	assert_int_equal(host_bind("mid", "nic", names), IM_STATUS_SUCCESS);
	host_settle();
	for (uint32_t k = 0; k < VNICS; k++) {
		assert_int_equal(host_restart(names[k]), IM_STATUS_SUCCESS);
		assert_int_equal(rig_bind("top", names[k], tops[k]), IM_STATUS_SUCCESS);
		rig.top_binding = rig_binding(tops[k]);
		set_filter(0x2f);
	}
	rig_packets(packets, 8);
}

static void c5_19_c5_20_a_packet_for_several_vnics_is_home_after_the_last_return(void **state)
{
	(void)state;
	mux_up();
	for (receivers = 0; receivers <= VNICS; receivers++) {
		rig_forget();
		indicate(0, 8, IM_STATUS_SUCCESS);
		for (uint32_t k = 0; k < receivers; k++) {
			assert_int_equal(rig_packets_seen(RIG_receive_packets, tops[k]), 8);
			assert_int_equal(rig_calls(RIG_return_packets, "nic"), 0);
			rig_return(rig_binding(tops[k]), 8);
			host_settle();
		}
		assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 8); /* with none: at once */
		assert_int_equal(host_outstanding("nic"), 0);
	}
	receivers = 0; /* for the call only, there is nothing to return */
	rig_forget();
	indicate(0, 8, IM_STATUS_RESOURCES);
	assert_int_equal(rig_calls(RIG_return_packets, NULL), 0);
	im_free_packet_pool(pool);
	down();
}

/* ---- Without memory ------------------------------------------------------------------------------ */

/* A relay's pool that is empty in the middle of an array: the others go up in order, those two go home at once. */
static void c5_22_c11_9_what_finds_no_descriptor_in_the_middle_goes_home_alone(void **state)
{
	struct im_packet *many[RIG_HELD_MAX], *mixed[5];
	uint64_t lost;

	(void)state;
	shipped_begin(NULL);
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	shipped_build(1);
	rig_packets(packets, 8);
	for (uint32_t i = 0; i < RIG_HELD_MAX; i++)
		many[i] = rig_packet(1, 60, 0);
	rig_indicate(rig.port, many, RIG_HELD_MAX, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig.top_binding->held_count, RIG_HELD_MAX); /* that is all it has */
	rig.top->script.references = 0;
	rig_forget();
	for (uint16_t i = 0; i < 5; i++)
		mixed[i] = rig_packet(i % 2 == 0 ? 8 : 1, 60, 0);
	rig_indicate(rig.port, mixed, 5, IM_STATUS_SUCCESS);
	host_settle();
	rig_expect_packets(RIG_receive_packets, "top", ((struct im_packet *[]){mixed[0], mixed[2], mixed[4]}), 3);
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 5);
	lost = host_account("r0").drops[SLUICE_IN][SLUICE_DROP_NO_DESCRIPTOR];
	assert_int_equal(lost, 2);
	rig_return(rig.top_binding, RIG_HELD_MAX);
	host_settle();
	assert_int_equal(host_outstanding("nic"), 0);
	rig_packets_free(many, RIG_HELD_MAX);
	rig_packets_free(mixed, 5);
	down();
}

/* ---- For the call only --------------------------------------------------------------------------- */

/* Everything that a driver sees of it is in the call: afterwards the nic frees it. */
static void c5_6_c5_7_a_packet_for_the_call_is_the_miniports_when_it_returns(void **state)
{
	uint8_t bytes[100];

	(void)state;
	rig_begin(&with_workers, 0);
	rig_build(0);
	rig_packets(packets, 8);
	indicate(0, 8, IM_STATUS_RESOURCES);
	assert_int_equal(rig_calls(RIG_receive, "top"), 8);
	assert_int_equal(rig_calls(RIG_receive_packets, "top"), 0);
	assert_int_equal(rig_calls(RIG_return_packets, "nic"), 0);
	assert_int_equal(host_outstanding("nic"), 0);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(rig_call(RIG_receive, "top", i)->length, 60 + i - 14); /* in order */
		assert_int_equal(packets[i]->depth, 0);
		assert_int_equal(rig_packet_read(packets[i], bytes, sizeof(bytes)), 60 + i);
	}
	down();
}

/* Lent ones, one for the call, and lent ones behind it, which therefore are not; a driver drops every second one. */
static void drop_every_second(void *context, struct im_packet **lent, uint16_t count, uint16_t *references)
{
	struct rig_binding *binding = context;
	bool keep = lent[0]->status == IM_STATUS_SUCCESS;
	struct im_packet *passed[IM_BURST];
	uint16_t n = 0;

	for (uint16_t i = 0; i < count; i++)
		if (lent[i]->length % 2 == 0) {
			references[i] = keep;
			passed[n++] = lent[i];
		}
	im_indicate_receive_packets(binding->vnics[0]->instance, passed, n);
}

static void c5_2_c5_11_c11_6_a_drop_in_the_middle_mixes_nothing_up(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.mid->protocol.receive_packets = drop_every_second;
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	rig_build(1);
	rig_packets(packets, 8); /* of 60, 61, ... bytes */
	for (uint32_t i = 0; i < 8; i++)
		packets[i]->status = i == 4 ? IM_STATUS_RESOURCES : IM_STATUS_SUCCESS;
	im_indicate_receive_packets(rig.port->instance, packets, 8);
	host_settle();
	rig_expect_packets(RIG_receive_packets, "top", ((struct im_packet *[]){packets[0], packets[2]}), 2);
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 2); /* 1 and 3, which were lent */
	for (uint32_t i = 4; i < 8; i++)
		assert_int_equal(packets[i]->depth, 0);
	rig_return(rig.top_binding, 2);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 4);
	assert_int_equal(host_outstanding("nic"), 0);
	down();
}

/* ---- By look-ahead ------------------------------------------------------------------------------- */

/* One for each from below, for the VNICs that it has shown something; none for nothing. */
static void c5_27_a_driver_passes_one_receive_complete_on_for_each_batch(void **state)
{
	uint8_t frame[60] = {0};

	(void)state;
	rig_begin(NULL, 0);
	rig_build(2);
	for (uint32_t batch = 1; batch <= 3; batch++) {
		for (uint32_t i = 0; i < batch; i++)
			rig_indicate_lookahead(rig.port, frame, sizeof(frame), 46);
		assert_int_equal(rig_calls(RIG_receive_complete, "top"), batch - 1);
		im_indicate_receive_complete(rig.port->instance);
		assert_int_equal(rig_calls(RIG_receive_complete, "top"), batch);
	}
	assert_int_equal(rig_calls(RIG_receive, "top"), 6);
	rig_end();
}

/* A relay that got no frame up, here for want of a buffer, has nothing to complete. */
static void c5_27_a_relay_completes_nothing_that_it_did_not_show(void **state)
{
	uint8_t frame[60] = {0};

	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	im_indicate_receive_complete(rig.port->instance);
	rig_indicate_lookahead(rig.port, frame, sizeof(frame), 46);
	im_indicate_receive_complete(rig.port->instance);
	assert_int_equal(rig_calls(RIG_receive, "top") + rig_calls(RIG_receive_packets, "top"), 0);
	assert_int_equal(rig_calls(RIG_receive_complete, "top"), 0);
	rig_packets(packets, 8);
	indicate(0, 1, IM_STATUS_SUCCESS);
	im_indicate_receive_complete(rig.port->instance);
	assert_int_equal(rig_calls(RIG_receive_complete, "top"), 1);
	down();
}

static im_status_t want_nothing(void *context, const struct im_lookahead *lookahead)
{
	(void)context, (void)lookahead;
	return IM_STATUS_NOT_ACCEPTED;
}

/* It is no fault, and changes nothing for the next frame. */
static void c5_28_who_does_not_take_a_frame_says_so(void **state)
{
	uint8_t frame[60] = {0};

	(void)state;
	rig_begin(NULL, 0);
	rig.top->protocol.receive = want_nothing;
	rig_build(1);
	for (uint32_t i = 0; i < 3; i++)
		rig_indicate_lookahead(rig.port, frame, sizeof(frame), 46);
	assert_int_equal(rig_calls(RIG_receive, "top"), 3);
	assert_int_equal(rig_call(RIG_receive, "top", 2)->result, IM_STATUS_NOT_ACCEPTED);
	host_expect_counted(NULL);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c5_9_nothing_is_indicated_before_a_filter_was_set_nor_after_it_was_taken_away),
		cmocka_unit_test(c5_3_a_relay_goes_by_the_status_that_the_packet_came_with),
		cmocka_unit_test(c5_17_a_stack_of_relays_keeps_no_packet_that_is_given_back),
		cmocka_unit_test(c5_19_c5_20_a_packet_for_several_vnics_is_home_after_the_last_return),
		cmocka_unit_test(c5_22_c11_9_what_finds_no_descriptor_in_the_middle_goes_home_alone),
		cmocka_unit_test(c5_6_c5_7_a_packet_for_the_call_is_the_miniports_when_it_returns),
		cmocka_unit_test(c5_2_c5_11_c11_6_a_drop_in_the_middle_mixes_nothing_up),
		cmocka_unit_test(c5_27_a_driver_passes_one_receive_complete_on_for_each_batch),
		cmocka_unit_test(c5_27_a_relay_completes_nothing_that_it_did_not_show),
		cmocka_unit_test(c5_28_who_does_not_take_a_frame_says_so),
	};

	return host_run_tests(tests);
}
