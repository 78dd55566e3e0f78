/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools of a driver's own descriptors (contract 2.55, 5.21, 5.31). */
#include <pthread.h>
#include <string.h>

#include "im/verify.h"
#include "rig.h"

static struct im_wrapper *driver;
static struct im_pool *pool;

static void pool_up(uint32_t count)
{
	rig_core_up("nic");
	driver = im_find_driver("relay")->wrapper;
	assert_int_equal(im_allocate_packet_pool(driver, count, &pool), IM_STATUS_SUCCESS);
}

static void pool_down(void)
{
	im_free_packet_pool(pool);
	rig_down();
}

/* contract: 5.22 */
static void a_pool_has_as_many_as_it_was_asked_for(void **state)
{
	struct im_packet *packets[7];

	(void)state;
	pool_up(7);
	for (uint32_t i = 0; i < 7; i++) {
		packets[i] = im_allocate_packet(pool);
		assert_non_null(packets[i]);
		for (uint32_t k = 0; k < i; k++)
			assert_ptr_not_equal(packets[i], packets[k]);
	}
	assert_null(im_allocate_packet(pool)); /* a state, not an error (5.22) */
	im_free_packet(pool, packets[3]);
	assert_ptr_equal(im_allocate_packet(pool), packets[3]);
	for (uint32_t i = 0; i < 7; i++)
		im_free_packet(pool, packets[i]);
	pool_down();
}

/* The last one back is the first one out, so that the few in flight stay in the cache. */
static void the_last_one_back_is_the_next_one_out(void **state)
{
	struct im_packet *first, *second;

	(void)state;
	pool_up(50);
	first = im_allocate_packet(pool);
	second = im_allocate_packet(pool);
	im_free_packet(pool, first);
	im_free_packet(pool, second);
	assert_ptr_equal(im_allocate_packet(pool), second);
	assert_ptr_equal(im_allocate_packet(pool), first);
	im_free_packet(pool, first);
	im_free_packet(pool, second);
	pool_down();
}

static void expect_fresh(const struct im_packet *packet)
{
	static const struct im_packet_info none;

	assert_null(packet->mbuf);
	assert_int_equal(packet->length, 0);
	assert_int_equal(packet->status, IM_STATUS_SUCCESS);
	assert_int_equal(packet->depth, 0);
	assert_int_equal(packet->flags, 0);
	assert_int_equal(packet->slots, im_core.packet_slots);
	assert_memory_equal(&packet->info, &none, sizeof(none));
	assert_int_equal((uintptr_t)packet % RTE_CACHE_LINE_SIZE, 0);
}

/* contract: 4.28 5.21 11.17 */
static void a_used_descriptor_is_fresh_again(void **state)
{
	struct im_packet *packet;
	struct rte_mbuf mbuf;

	(void)state;
	pool_up(1);
	packet = im_allocate_packet(pool);
	expect_fresh(packet);
	packet->mbuf = &mbuf; /* somebody else's buffers (5.21) */
	packet->length = 60;
	packet->status = IM_STATUS_FAILURE;
	packet->info.cancel_id = 5;
	packet->flags = IM_PACKET_SHARED;
	im_free_packet(pool, packet);
	assert_ptr_equal(im_allocate_packet(pool), packet);
	expect_fresh(packet);
	packet->length = 60;
	packet->info.vlan = 5;
	im_reinitialize_packet(pool, packet);
	expect_fresh(packet);
	im_free_packet(pool, packet);
	pool_down();
}

/* Descriptors have as many slots as the firmware says, and nobody else's memory. */
static void slots_are_as_many_as_the_core_says(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	rig_core_up("nic");
	im_core.packet_slots = 3;
	assert_int_equal(im_allocate_packet_pool(im_find_driver("relay")->wrapper, 2, &pool), IM_STATUS_SUCCESS);
	for (uint32_t i = 0; i < 2; i++) {
		packets[i] = im_allocate_packet(pool);
		assert_int_equal(packets[i]->slots, 3);
		memset(packets[i]->stack, 0xff, 3 * sizeof(packets[i]->stack[0]));
	}
	expect_fresh(packets[0]);
	expect_fresh(packets[1]);
	im_free_packet(pool, packets[0]);
	im_free_packet(pool, packets[1]);
	pool_down();
}

/* ---- Coming and going ---------------------------------------------------------------------------------- */

static void arguments_are_checked(void **state)
{
	struct im_pool *none = (struct im_pool *)&pool;

	(void)state;
	pool_up(1);
	assert_int_equal(im_allocate_packet_pool(NULL, 1, &none), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_allocate_packet_pool(driver, 1, NULL), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_allocate_packet_pool(driver, 0, &none), IM_STATUS_INVALID_PARAMETER);
	im_free_packet_pool(NULL); /* a no-op */
	pool_down();
}

static void out_of_memory_is_a_status(void **state)
{
	struct im_pool *none = (struct im_pool *)&pool;

	(void)state;
	pool_up(1);
	for (uint32_t n = 1; n <= 2; n++) {
		rig_fail_calloc = n;
		assert_int_equal(im_allocate_packet_pool(driver, 10, &none), IM_STATUS_RESOURCES);
		assert_null(none);
		rig_fail_calloc = 0;
	}
	pool_down();
}

/* What a driver has is known, so that it can be told when it goes without giving it back (1.22). */
static void a_pool_is_its_drivers_until_it_is_freed(void **state)
{
	struct im_pool *second;
	uint32_t before;

	(void)state;
	pool_up(1);
	before = driver->owned.count;
	assert_int_equal(im_allocate_packet_pool(driver, 10, &second), IM_STATUS_SUCCESS);
	assert_int_equal(driver->owned.count, before + 1);
	im_free_packet_pool(second);
	assert_int_equal(driver->owned.count, before);
	pool_down();
}

/* contract: 5.31 */
static void a_pool_with_packets_out_is_not_freed(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	rig_count_violations(true);
	pool_up(5);
	packets[0] = im_allocate_packet(pool);
	packets[1] = im_allocate_packet(pool);
	im_free_packet_pool(pool);
	assert_int_equal(im_violations(), 1);
	assert_non_null(strstr(im_last_violation(), "[5.31]"));
	assert_non_null(strstr(im_last_violation(), "2 of its 5 packets"));
	packets[0]->length = 60; /* it is still there */
	im_free_packet(pool, packets[0]);
	im_free_packet(pool, packets[1]);
	pool_down();
	rig_count_violations(false);
}

static void without_buffers_there_is_no_buffer(void **state)
{
	(void)state;
	pool_up(1);
	assert_null(im_core.buffers);
	assert_null(im_allocate_buffer());
	pool_down();
}

/* ---- What aborts --------------------------------------------------------------------------------------- */

static void free_with_packets_out(void)
{
	pool_up(3);
	im_allocate_packet(pool);
	im_free_packet_pool(pool);
}

static void free_twice(void)
{
	struct im_packet *packet;

	pool_up(3);
	packet = im_allocate_packet(pool);
	im_free_packet(pool, packet);
	im_free_packet(pool, packet);
}

static void free_into_another_pool(void)
{
	struct im_pool *other;

	pool_up(3);
	assert_int_equal(im_allocate_packet_pool(driver, 3, &other), IM_STATUS_SUCCESS);
	im_free_packet(other, im_allocate_packet(pool));
}

static void free_what_is_no_packet(void)
{
	pool_up(3);
	im_free_packet(pool, (struct im_packet *)(void *)((uint8_t *)im_allocate_packet(pool) + 32));
}

static void free_what_is_sent(void)
{
	struct im_packet *packet;

	rig_up("nic", 0);
	rig_nic.when = RIG_LATER;
	assert_int_equal(im_allocate_packet_pool(im_find_driver("top")->wrapper, 1, &pool), IM_STATUS_SUCCESS);
	packet = im_allocate_packet(pool);
	im_send_packets(rig_top.binding, &packet, 1);
	im_free_packet(pool, packet);
}

static void make_new_with_buffers(void)
{
	struct rte_mbuf mbuf;
	struct im_packet *packet;

	pool_up(3);
	packet = im_allocate_packet(pool);
	packet->mbuf = &mbuf;
	im_reinitialize_packet(pool, packet);
}

static void make_new_what_is_free(void)
{
	struct im_packet *packet;

	pool_up(3);
	packet = im_allocate_packet(pool);
	im_free_packet(pool, packet);
	im_reinitialize_packet(pool, packet);
}

/* contract: 5.21 5.31 11.8 */
static void breaches_abort_with_their_statement(void **state)
{
	(void)state;
	rig_expect_violation("5.31", free_with_packets_out);
	rig_expect_violation("12.30", free_twice);
	rig_expect_violation("5.21", free_into_another_pool);
	rig_expect_violation("5.21", free_what_is_no_packet);
	rig_expect_violation("4.14", free_what_is_sent);
	rig_expect_violation("5.21", make_new_with_buffers);
	rig_expect_violation("12.30", make_new_what_is_free);
}

/* ---- Several threads ------------------------------------------------------------------------------------- */

#define THREADS 3u
#define ROUNDS	20000u
#define EACH	5u /* of 12: they have to do with what the others leave */

static uint32_t wrong;

static void *take_and_give(void *number)
{
	struct im_packet *packets[EACH];

	assert_int_equal(im_thread_attach(), 0);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t count = 0;

		while (count < EACH && (packets[count] = im_allocate_packet(pool)) != NULL)
			packets[count++]->length = (uint32_t)(uintptr_t)number * ROUNDS + round;
		while (count > 0) {
			if (packets[--count]->length != (uint32_t)(uintptr_t)number * ROUNDS + round)
				__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED); /* another thread has it as well */
			im_free_packet(pool, packets[count]);
		}
	}
	im_thread_detach();
	return NULL;
}

/* contract: 11.17 */
static void threads_never_share_a_descriptor(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	pool_up(12);
	wrong = 0;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, (void *)(i + 1)), 0);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wrong, 0);
	pool_down(); /* and all are back */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pool_has_as_many_as_it_was_asked_for),
		cmocka_unit_test(the_last_one_back_is_the_next_one_out),
		cmocka_unit_test(a_used_descriptor_is_fresh_again),
		cmocka_unit_test(slots_are_as_many_as_the_core_says),
		cmocka_unit_test(arguments_are_checked),
		cmocka_unit_test(out_of_memory_is_a_status),
		cmocka_unit_test(a_pool_is_its_drivers_until_it_is_freed),
		cmocka_unit_test(a_pool_with_packets_out_is_not_freed),
		cmocka_unit_test(without_buffers_there_is_no_buffer),
		cmocka_unit_test(breaches_abort_with_their_statement),
		cmocka_unit_test(threads_never_share_a_descriptor),
	};

	return rig_run(tests);
}
