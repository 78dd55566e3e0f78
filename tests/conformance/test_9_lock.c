/* SPDX-License-Identifier: BSD-3-Clause */
/* Who runs at the same time, and who locks what (contract section 9C). The program counts locks as they are taken. */
#include <pthread.h>
#include <unistd.h>

#include "shipped.h"

#define PATIENCE_US 5000000u
#define GO_WRONG_US 3000 /* for what must not happen */

/* ---- Counted ------------------------------------------------------------------------------------- */

static uint32_t mutexes, spin_locks, deepest; /* since count_locks(); atomic */
static __thread uint32_t depth;

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
void __real_im_acquire_spin_lock(struct im_lock *lock);
void __wrap_im_acquire_spin_lock(struct im_lock *lock);
void __real_im_release_spin_lock(struct im_lock *lock);
void __wrap_im_release_spin_lock(struct im_lock *lock);

static __thread bool is_counted; /* of mutexes, only those of the thread that the test is about */

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	if (is_counted)
		__atomic_add_fetch(&mutexes, 1, __ATOMIC_RELAXED);
	return __real_pthread_mutex_lock(mutex);
}

void __wrap_im_acquire_spin_lock(struct im_lock *lock)
{
	__atomic_add_fetch(&spin_locks, 1, __ATOMIC_RELAXED);
	if (++depth > __atomic_load_n(&deepest, __ATOMIC_RELAXED))
		__atomic_store_n(&deepest, depth, __ATOMIC_RELAXED);
	__real_im_acquire_spin_lock(lock);
}

void __wrap_im_release_spin_lock(struct im_lock *lock)
{
	depth--;
	__real_im_release_spin_lock(lock);
}

static void count_locks(void)
{
	mutexes = spin_locks = deepest = 0;
}

/* ---- The packet loop ----------------------------------------------------------------------------- */

#define ROUNDS 100u

static const struct host_options plain = {.workers = 2, .unverified = true};

static struct im_packet *packets[32];

static void send_all(void)
{
	im_send_packets(rig.top_binding->binding, packets, 32);
}

static void indicate_all(void)
{
	rig_indicate(rig.port, packets, 32, IM_STATUS_SUCCESS);
}

static void move_packets(void *unused)
{
	(void)unused;
	is_counted = true;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		send_all();
		indicate_all();
	}
	is_counted = false;
}

/* Through two relays, both ways: nobody takes anything. Each thread counts for itself, and the sum is right. */
static void c9_27_packets_go_through_without_a_lock(void **state)
{
	(void)state;
	shipped_begin(&plain);
	shipped_build(2);
	rig_packets(packets, 32);
	rig_forget();
	count_locks();
	host_on(1, move_packets, NULL);
	host_on(2, move_packets, NULL);
	assert_int_equal(mutexes, 0);
	assert_int_equal(spin_locks, 0);
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 2 * ROUNDS * 32);
	assert_int_equal(host_account("r0").sends_done, 2 * ROUNDS * 32);
	assert_int_equal(host_account("r0").returned, 2 * ROUNDS * 32);
	rig_packets_free(packets, 32);
	rig_end();
}

static void reset_nic(void *unused)
{
	(void)unused;
	host_reset("nic");
}

static void send_on_a_worker(void *unused)
{
	(void)unused;
	for (uint16_t at = 0; at < 16; at += 8)
		im_send_packets(rig.top_binding->binding, packets + at, 8);
}

static void indicate_on_a_worker(void *unused)
{
	(void)unused;
	for (uint16_t at = 16; at < 32; at += 8)
		rig_indicate(rig.port, packets + at, 8, IM_STATUS_SUCCESS);
}

/* What a reset below holds up: one lock for a call, not one for a packet; and never two for a packet that waits. */
static void c9_21_few_locks_are_taken_and_one_at_a_time(void **state)
{
	(void)state;
	shipped_begin(&plain);
	rig.nic->script.resets = RIG_LATER;
	shipped_build(1);
	rig_packets(packets, 32);
	rig_forget();
	host_begin(HOST_IDLE, reset_nic, NULL);
	while (rig_calls(RIG_reset, "nic") == 0)
		usleep(100);
	count_locks();
	host_on(1, send_on_a_worker, NULL);
	assert_int_equal(rig_calls(RIG_send_packets, "nic"), 0);
	assert_int_equal(spin_locks, 2);
	host_on(2, indicate_on_a_worker, NULL);
	assert_int_equal(rig_calls(RIG_receive_packets, "top"), 0);
	assert_int_equal(spin_locks, 4);
	assert_int_equal(deepest, 1);
	im_reset_complete(rig.port->instance, IM_STATUS_SUCCESS, false);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_send_packets, "nic"), 16);
	assert_int_equal(rig_packets_seen(RIG_receive_packets, "top"), 16);
	assert_in_range(spin_locks, 5, 31); /* fewer than packets */
	assert_in_range(deepest, 1, 2);
	rig_packets_free(packets, 32);
	rig_end();
}

/* ---- Inside at the same time --------------------------------------------------------------------- */

static uint32_t inside, wanted; /* atomic */

/* Inside a handler, until all the others are inside theirs. */
static void meet(void)
{
	__atomic_add_fetch(&inside, 1, __ATOMIC_ACQ_REL);
	for (uint32_t waited_us = 0; __atomic_load_n(&inside, __ATOMIC_ACQUIRE) < wanted; waited_us += 50) {
		if (waited_us > PATIENCE_US)
			rig_broken("handlers wait for one another");
		usleep(50);
	}
}

static void (*pass_on)(void *context, struct im_packet **packets, uint16_t count);
static void (*give_back)(void *context, struct im_packet **packets, uint16_t count);
static im_status_t (*set_below)(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
				uint32_t *needed);

static void meet_and_send(void *context, struct im_packet **sent, uint16_t count)
{
	meet();
	pass_on(context, sent, count);
}

static void meet_and_return(void *context, struct im_packet **home, uint16_t count)
{
	meet();
	give_back(context, home, count);
}

/* A PASSIVE handler, from inside which the same VNIC's DISPATCH handler runs on the same thread. */
static im_status_t meet_and_set(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
				uint32_t *needed)
{
	im_send_packets(rig.top_binding->binding, packets + 16, 8);
	return set_below(context, oid, buffer, length, read, needed);
}

static void send_first(void *unused)
{
	(void)unused;
	im_send_packets(rig.top_binding->binding, packets, 8);
}

static void send_second(void *unused)
{
	(void)unused;
	im_send_packets(rig.top_binding->binding, packets + 8, 8);
}

static void return_held(void *unused)
{
	(void)unused;
	rig_return(rig.top_binding, 8);
}

static void meet_on_all_threads(void)
{
	uint32_t filter = 0x23; /* another one, so that it is the miniport's to set */
	struct im_request request = {
		.set = true, .oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER, .buffer = &filter, .length = sizeof(filter)};

	rig.mid->miniport.send_packets = meet_and_send;
	rig.mid->miniport.return_packets = meet_and_return;
	rig.mid->miniport.set_information = meet_and_set;
	inside = 0;
	wanted = 4;
	host_begin(1, send_first, NULL);
	host_begin(2, send_second, NULL);
	host_begin(3, return_held, NULL);
	assert_int_equal(rig_request(rig.top_binding, &request), IM_STATUS_SUCCESS);
	host_join();
	host_settle();
	wanted = 0;
}

/* Twice in send_packets on two cores, once in return_packets, and a fourth on the thread of set_information. Without
 * the verifier, which could put one of them off until another is through. */
static void c9_13_handlers_of_one_vnic_run_at_the_same_time(void **state)
{
	static const struct host_options three = {.workers = 3, .unverified = true};

	(void)state;
	rig_begin(&three, 0);
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	pass_on = rig.mid->miniport.send_packets;
	give_back = rig.mid->miniport.return_packets;
	set_below = rig.mid->miniport.set_information;
	rig_build(1);
	rig_packets(packets, 32);
	rig_indicate(rig.port, packets + 24, 8, IM_STATUS_SUCCESS);
	host_settle();
	rig_forget();
	meet_on_all_threads();
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 24);
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 8);
	rig_packets_free(packets, 32);
	rig_end();
}

/* ---- Until nobody is inside ---------------------------------------------------------------------- */

static uint32_t leave; /* atomic */

/* Its packets are complete, and it is inside all the same. */
static void complete_and_stay(void *context, struct im_packet **sent, uint16_t count)
{
	pass_on(context, sent, count);
	__atomic_store_n(&inside, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&leave, __ATOMIC_ACQUIRE))
		usleep(50);
}

static void pause_nic(void *unused)
{
	(void)unused;
	host_pause("nic");
}

static void wait_until_somebody_left(uint32_t sender)
{
	rig_begin(&plain, 0);
	pass_on = rig.nic->miniport.send_packets;
	rig_build(1);
	rig.nic->miniport.send_packets = complete_and_stay;
	rig_packets(packets, 32);
	rig_forget();
	inside = leave = 0;
	host_begin(sender, send_first, NULL);
	while (!__atomic_load_n(&inside, __ATOMIC_ACQUIRE))
		usleep(50);
	assert_int_equal(host_outstanding("nic"), 0);
	host_begin(HOST_CONTROL + 1, pause_nic, NULL);
	while (rig_calls(RIG_pnp_event, "m0") == 0)
		usleep(50);
	usleep(GO_WRONG_US);
	assert_int_equal(rig_calls(RIG_pause, "nic"), 0);
	__atomic_store_n(&leave, 1, __ATOMIC_RELEASE);
	host_join();
	assert_int_equal(rig_calls(RIG_pause, "nic"), 1);
	rig_packets_free(packets, 32);
	rig_end();
}

static void c9_27_a_pause_waits_until_nobody_is_inside(void **state)
{
	(void)state;
	wait_until_somebody_left(1);
	wait_until_somebody_left(HOST_CONTROL);
}

/* ---- With what it guards ------------------------------------------------------------------------- */

#define ADDITIONS 20000u

struct guarded {
	struct im_lock lock;
	uint64_t count;
};

static void add(void *argument)
{
	struct guarded *guarded = argument;

	for (uint32_t i = 0; i < ADDITIONS; i++) {
		im_acquire_spin_lock(&guarded->lock);
		guarded->count++;
		im_release_spin_lock(&guarded->lock);
	}
}

static void free_while_held(void)
{
	struct guarded *guarded;

	rig_begin(NULL, 0);
	rig_build(1);
	guarded = im_allocate_memory(rig.mid->wrapper, sizeof(*guarded), "guarded");
	im_acquire_spin_lock(&guarded->lock);
	im_free_memory(guarded);
}

/* It is there and open from the moment that its memory is, and must not go with it while it is held. */
static void c9_18_a_lock_comes_and_goes_with_its_memory(void **state)
{
	static const struct host_options counting = {
		.workers = 2, .verify = {.action = IM_VERIFY_COUNT, .wait_limit_ms = 30000, .handler_limit_ms = 10000}};
	struct guarded *guarded;

	(void)state;
	rig_begin(&counting, 0);
	rig_build(1);
	guarded = im_allocate_memory(rig.mid->wrapper, sizeof(*guarded), "guarded");
	host_begin(1, add, guarded);
	host_begin(2, add, guarded);
	host_join();
	assert_int_equal(guarded->count, 2 * ADDITIONS);
	host_expect_counted(NULL);
	im_free_memory(guarded);
	rig_end();
	host_expect_stop("9.22", free_while_held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c9_27_packets_go_through_without_a_lock),
		cmocka_unit_test(c9_21_few_locks_are_taken_and_one_at_a_time),
		cmocka_unit_test(c9_13_handlers_of_one_vnic_run_at_the_same_time),
		cmocka_unit_test(c9_27_a_pause_waits_until_nobody_is_inside),
		cmocka_unit_test(c9_18_a_lock_comes_and_goes_with_its_memory),
	};

	return host_run_tests(tests);
}
