/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends: who completes a packet, when, and who may touch it until then (contract sections 4B, 4C, 4E). */
#include <string.h>

#include "shipped.h"

static const struct host_options with_workers = {.workers = 2};

static void send(struct im_packet **packets, uint16_t count)
{
	im_send_packets(rig.top_binding->binding, packets, count);
	host_settle();
}

/* ---- Who completes ------------------------------------------------------------------------------- */

/* A deserialised miniport that leaves statuses behind, as if it were a serialised one. */
static void answer_by_status(void *context, struct im_packet **packets, uint16_t count)
{
	static const uint16_t statuses[] = {IM_STATUS_SUCCESS, IM_STATUS_RESOURCES, IM_STATUS_FAILURE,
					    IM_STATUS_PENDING};
	struct rig_vnic *vnic = context;

	for (uint16_t i = 0; i < count; i++) {
		packets[i]->status = statuses[i % RTE_DIM(statuses)];
		vnic->held[vnic->held_count++] = packets[i];
	}
}

static void c4_6_c4_9_the_status_that_a_deserialised_miniport_leaves_means_nothing(void **state)
{
	struct im_packet *packets[8];

	(void)state;
	rig_begin(NULL, 0);
	rig.nic->miniport.send_packets = answer_by_status;
	rig_build(1);
	rig_packets(packets, 8);
	send(packets, 8);
	assert_int_equal(rig_calls(RIG_send_complete, NULL), 0);
	im_send_resources_available(rig.port->instance);
	host_settle();
	rig_expect_packets(RIG_send_packets, "nic", packets, 8); /* not a second time */
	rig_complete(rig.port, 8, IM_STATUS_RESOURCES);		 /* a failure like others */
	host_settle();
	rig_expect_packets(RIG_send_packets, "nic", packets, 8);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_RESOURCES), 8);
	rig_packets_free(packets, 8);
	rig_end();
}

/* ---- Whose it is --------------------------------------------------------------------------------- */

/* Its sender does with it what it likes: here it is gone. A sanitizer sees who touches it after that. */
static void wipe_and_free(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *packet = packets[i];

		rig_packets_free(&packet, 1);
	}
}

static void c4_15_nobody_touches_a_packet_that_is_completed(void **state)
{
	static const struct host_options kinds[] = {{.workers = 2}, {.workers = 2, .unverified = true}};
	struct im_packet *packets[16];

	(void)state;
	for (size_t kind = 0; kind < RTE_DIM(kinds); kind++)
		for (enum rig_when when = RIG_INLINE; when < RIG_LATER; when++) {
			shipped_begin(&kinds[kind]);
			rig.nic->script.sends = when;
			rig.top->protocol.send_complete = wipe_and_free;
			shipped_build(3);
			rig_packets(packets, 16);
			send(packets, 16);
			host_settle();
			assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 16);
			assert_int_equal(host_outstanding("r0"), 0);
			rig_end();
		}
}

#define AGAIN 20u

static uint32_t again; /* atomic */

/* The packets are its own inside the call already. */
static void send_them_again(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_binding *binding = context;
	struct im_packet *mine[IM_BURST];

	if (__atomic_sub_fetch(&again, 1, __ATOMIC_RELAXED) >= AGAIN)
		return;
	memcpy(mine, packets, count * sizeof(*packets));
	im_send_packets(binding->binding, mine, count);
}

/* While the miniport completes inside its handler, so that all of this is one pile of calls; and on another thread. */
static void c11_15_c11_17_a_completed_packet_can_be_sent_again_from_its_completion(void **state)
{
	static const enum rig_when whens[] = {RIG_INLINE, RIG_AFTER};
	struct im_packet *packets[8];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(whens); i++) {
		shipped_begin(&with_workers);
		rig.nic->script.sends = whens[i];
		rig.top->protocol.send_complete = send_them_again;
		shipped_build(2);
		again = AGAIN;
		rig_packets(packets, 8);
		send(packets, 8);
		for (uint32_t turn = 0; turn < 50 && host_outstanding("r0") > 0; turn++)
			host_settle();
		assert_int_equal(host_outstanding("r0"), 0);
		assert_in_range(rig_packets_seen(RIG_send_packets, "nic"), 8 + AGAIN, 8 * (AGAIN + 1));
		assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), rig_packets_seen(RIG_send_packets, "nic"));
		rig_packets_free(packets, 8);
		rig_end();
	}
}

/* ---- Cloned -------------------------------------------------------------------------------------- */

#define CLONES 3u

static struct im_pool *pool;

/* Each packet goes down CLONES times. Its own words, until it is complete: how many are out, what it has come to. */
static void send_clones(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_vnic *vnic = context;

	for (uint16_t i = 0; i < count; i++) {
		uintptr_t *words = im_packet_words(packets[i]);
		struct im_packet *clones[CLONES];

		words[0] = CLONES;
		words[1] = IM_STATUS_SUCCESS;
		for (uint32_t k = 0; k < CLONES; k++) {
			clones[k] = im_allocate_packet(pool);
			clones[k]->mbuf = packets[i]->mbuf;
			clones[k]->length = packets[i]->length;
			im_packet_words(clones[k])[0] = (uintptr_t)packets[i];
			im_packet_words(clones[k])[1] = (uintptr_t)vnic;
		}
		im_send_packets(vnic->below->binding, clones, CLONES);
	}
}

static void collect_clones(void *context, struct im_packet **clones, uint16_t count)
{
	(void)context;
	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *original = (struct im_packet *)im_packet_words(clones[i])[0];
		struct rig_vnic *vnic = (struct rig_vnic *)im_packet_words(clones[i])[1];
		uintptr_t *words = im_packet_words(original);

		if (clones[i]->status != IM_STATUS_SUCCESS)
			words[1] = clones[i]->status;
		clones[i]->mbuf = NULL;
		im_free_packet(pool, clones[i]);
		if (--words[0] > 0)
			continue;
		original->status = (uint16_t)words[1];
		im_send_complete(vnic->instance, &original, 1);
	}
}

static void cloner_up(void)
{
	rig_begin(NULL, 0);
	rig.nic->script.sends = RIG_LATER;
	rig.mid->miniport.send_packets = send_clones;
	rig.mid->protocol.send_complete = collect_clones;
	rig_build(1);
	assert_int_equal(im_allocate_packet_pool(rig.mid->wrapper, 16, &pool), IM_STATUS_SUCCESS);
}

static void c4_16_c4_36_an_original_completes_with_the_last_of_its_clones(void **state)
{
	struct im_packet *packets[3];
	struct im_account sum;

	(void)state;
	cloner_up();
	rig_packets(packets, 3);
	send(packets, 3);
	assert_int_equal(rig.port->held_count, 3 * CLONES);
	rig_complete(rig.port, CLONES - 1, IM_STATUS_SUCCESS);		  /* all but one of the first */
	rig_complete_one(rig.port, rig.port->held[2], IM_STATUS_FAILURE); /* one of the second */
	host_settle();
	assert_int_equal(rig_calls(RIG_send_complete, "top"), 0);
	assert_int_equal(host_outstanding("m0"), 3);
	rig_complete(rig.port, rig.port->held_count, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 3);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_FAILURE), 1);
	assert_int_equal(packets[1]->status, IM_STATUS_FAILURE);
	sum = host_account("m0"); /* once for each original */
	assert_int_equal(sum.sends_done, 3);
	assert_int_equal(sum.sends_good, 2);
	im_free_packet_pool(pool);
	rig_packets_free(packets, 3);
	rig_end();
}

/* ---- Cancel -------------------------------------------------------------------------------------- */

static void c4_23_each_driver_has_cancel_ids_of_its_own(void **state)
{
	uint32_t top[3], mid[3];

	(void)state;
	rig_begin(NULL, 0);
	rig_load_all();
	for (uint32_t i = 0; i < 3; i++) {
		top[i] = im_generate_cancel_id(rig.top->wrapper);
		mid[i] = im_generate_cancel_id(rig.mid->wrapper);
		assert_int_not_equal(top[i], 0);
		assert_int_not_equal(mid[i], 0);
		assert_int_not_equal(top[i] >> 24, mid[i] >> 24);
		assert_int_equal(top[i] >> 24, top[0] >> 24);
		assert_int_equal(mid[i] >> 24, mid[0] >> 24);
	}
	assert_true(top[0] != top[1] && top[1] != top[2] && top[0] != top[2]);
	rig_end();
}

/* Through relays that pass some of the packets on under descriptors of their own: the id goes with them. */
static void c4_23_c4_24_c4_26_a_cancel_takes_its_own_out_of_the_queue_at_the_bottom(void **state)
{
	struct im_packet *packets[6];
	uint32_t id;

	(void)state;
	shipped_begin(NULL);
	rig.nic->script.sends = RIG_LATER;
	shipped_build(2);
	id = im_generate_cancel_id(rig.top->wrapper);
	for (uint16_t i = 0; i < 6; i++) {
		packets[i] = rig_packet(i < 3 ? 1 : 8, 60, 0);
		packets[i]->info.cancel_id = i % 2 == 0 ? id : 0;
	}
	send(packets, 6);
	im_cancel_send_packets(rig.top_binding->binding, id);
	host_settle();
	assert_int_equal(rig_calls(RIG_cancel_send_packets, "nic"), 1);
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 3);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SEND_ABORTED), 3);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(packets[i]->depth > 0, i % 2 != 0);
	rig_complete(rig.port, 3, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 6); /* each once */
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 3);
	rig_packets_free(packets, 6);
	rig_end();
}

static void c4_26_what_cannot_be_cancelled_any_more_completes_as_always(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	shipped_begin(NULL);
	rig.nic->script.sends = RIG_LATER;
	rig.nic->miniport.cancel_send_packets = NULL;
	shipped_build(1);
	rig_packets(packets, 4);
	for (uint32_t i = 0; i < 4; i++)
		packets[i]->info.cancel_id = 5;
	send(packets, 4);
	im_cancel_send_packets(rig.top_binding->binding, 5);
	host_settle();
	assert_int_equal(rig_calls(RIG_send_complete, "top"), 0);
	rig_complete(rig.port, 4, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 4);
	im_cancel_send_packets(rig.top_binding->binding, 5); /* too late for good (11.16) */
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 4);
	rig_packets_free(packets, 4);
	rig_end();
}

/* The relay's own descriptor goes down with an id, comes back, and goes down for a packet that has none. */
static void c4_28_an_old_id_does_not_hit_a_descriptor_that_is_used_again(void **state)
{
	struct im_packet *tagged = rig_packet(1, 60, 0), *plain = rig_packet(1, 61, 0), *before;

	(void)state;
	shipped_begin(NULL);
	rig.nic->script.sends = RIG_LATER;
	shipped_build(1);
	tagged->info.cancel_id = 0x07000001;
	send(&tagged, 1);
	before = rig.port->held[0];
	assert_ptr_not_equal(before, tagged);
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_settle();
	send(&plain, 1);
	assert_ptr_equal(rig.port->held[0], before);
	im_cancel_send_packets(rig.top_binding->binding, 0x07000001);
	host_settle();
	assert_int_equal(rig.port->held_count, 1);
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 1);
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 2);
	rig_packets_free(&tagged, 1);
	rig_packets_free(&plain, 1);
	rig_end();
}

/* ---- Shapes -------------------------------------------------------------------------------------- */

/* In segments of one byte, of seven, in one: it arrives as it is, under the sender's descriptor and under others. */
static void c11_7_a_packet_of_any_number_of_buffers_goes_down_whole(void **state)
{
	static const uint32_t sizes[] = {1, 7, 0};
	uint8_t bytes[100];

	(void)state;
	for (size_t s = 0; s < RTE_DIM(sizes); s++)
		for (uint16_t slots = 1; slots < 8; slots += 3) {
			struct im_packet *packet = rig_packet(slots, sizeof(bytes), sizes[s]), *below;
			struct rte_mbuf *mbuf = packet->mbuf;

			shipped_begin(NULL);
			rig.nic->script.sends = RIG_LATER;
			shipped_build(2);
			send(&packet, 1);
			below = rig.port->held[0];
			assert_ptr_equal(below->mbuf, mbuf);
			assert_int_equal(below->length, sizeof(bytes));
			assert_int_equal(rig_packet_read(below, bytes, sizeof(bytes)), sizeof(bytes));
			for (uint32_t i = 0; i < sizeof(bytes); i++)
				assert_int_equal(bytes[i], i);
			rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
			host_settle();
			assert_ptr_equal(packet->mbuf, mbuf);
			rig_packets_free(&packet, 1);
			rig_end();
		}
}

/* A pool of the relay's that is empty in the middle of an array: the others go on, in order. */
static void c4_10_c11_9_what_finds_no_descriptor_in_the_middle_fails_alone(void **state)
{
	struct im_packet *many[RIG_HELD_MAX], *mixed[5];

	(void)state;
	shipped_begin(NULL);
	rig.nic->script.sends = RIG_LATER;
	shipped_build(1);
	for (uint32_t i = 0; i < RIG_HELD_MAX; i++)
		many[i] = rig_packet(1, 60, 0);
	send(many, RIG_HELD_MAX);
	assert_int_equal(rig.port->held_count, RIG_HELD_MAX); /* that is all it has */
	rig.nic->script.sends = RIG_INLINE;
	rig_forget();
	for (uint16_t i = 0; i < 5; i++)
		mixed[i] = rig_packet(i % 2 == 0 ? 8 : 1, 60, 0);
	send(mixed, 5);
	rig_expect_packets(RIG_send_packets, "nic", ((struct im_packet *[]){mixed[0], mixed[2], mixed[4]}), 3);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_RESOURCES), 2);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 3);
	assert_int_equal(host_account("r0").drops[SLUICE_OUT][SLUICE_DROP_NO_DESCRIPTOR], 2);
	rig_complete(rig.port, RIG_HELD_MAX, IM_STATUS_SUCCESS);
	host_settle();
	rig_packets_free(many, RIG_HELD_MAX);
	rig_packets_free(mixed, 5);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c4_6_c4_9_the_status_that_a_deserialised_miniport_leaves_means_nothing),
		cmocka_unit_test(c4_15_nobody_touches_a_packet_that_is_completed),
		cmocka_unit_test(c11_15_c11_17_a_completed_packet_can_be_sent_again_from_its_completion),
		cmocka_unit_test(c4_16_c4_36_an_original_completes_with_the_last_of_its_clones),
		cmocka_unit_test(c4_23_each_driver_has_cancel_ids_of_its_own),
		cmocka_unit_test(c4_23_c4_24_c4_26_a_cancel_takes_its_own_out_of_the_queue_at_the_bottom),
		cmocka_unit_test(c4_26_what_cannot_be_cancelled_any_more_completes_as_always),
		cmocka_unit_test(c4_28_an_old_id_does_not_hit_a_descriptor_that_is_used_again),
		cmocka_unit_test(c11_7_a_packet_of_any_number_of_buffers_goes_down_whole),
		cmocka_unit_test(c4_10_c11_9_what_finds_no_descriptor_in_the_middle_fails_alone),
	};

	return host_run_tests(tests);
}
