/* SPDX-License-Identifier: BSD-3-Clause */
/* Serialised miniports: nobody enters their handler twice, whoever sends and completes at the same time. */
#include <pthread.h>
#include <sched.h>
#include <string.h>

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

/* ---- One at a time -------------------------------------------------------------------------------------- */

static struct im_packet *more[3];
static uint32_t most_inside;

static void note_inside(struct rig_nic *nic, struct im_packet **packets, uint16_t count)
{
	(void)packets, (void)count;
	most_inside = RTE_MAX(most_inside, nic->inside);
}

static void send_from_inside(struct rig_nic *nic, struct im_packet **packets, uint16_t count)
{
	note_inside(nic, packets, count);
	if (nic->sent.calls == 1)
		send(more, 2);
}

static void send_one_more(struct rig_top *top, struct im_packet **packets, uint16_t count)
{
	(void)packets, (void)count;
	if (top->done.calls == 1)
		send(&more[2], 1);
}

/* contract: 11.15 */
static void the_handler_is_not_entered_again_before_it_returns(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	serial_up(RIG_INLINE, UINT32_MAX);
	most_inside = 0;
	rig_nic.in_send = send_from_inside;
	rig_top.in_done = send_one_more;
	rig_packets(packets, 2);
	rig_packets(more, 3);
	send(packets, 2);
	assert_int_equal(most_inside, 1);
	rig_expect(&rig_nic.sent, ((struct im_packet *[]){packets[0], packets[1], more[0], more[1], more[2]}), 5);
	rig_expect(&rig_top.done, ((struct im_packet *[]){packets[0], packets[1], more[0], more[1], more[2]}), 5);
	rig_packets_free(packets, 2);
	rig_packets_free(more, 3);
	rig_down();
}

/* A miniport that completes inside its handler, and then leaves the final status standing, completes once. */
static void complete_inside(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_nic *nic = context;

	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = IM_STATUS_SUCCESS;
	im_send_complete(nic->instance, packets, (uint16_t)(count - 1));
}

/* contract: 11.12 */
static void a_completion_inside_the_handler_counts_once(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	serial_up(RIG_INLINE, 0);
	rig_nic.instance->miniport->handlers.send_packets = complete_inside;
	rig_packets(packets, 3);
	send(packets, 3);
	rig_expect(&rig_top.done, packets, 3);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	rig_packets_free(packets, 3);
	rig_down();
}

/* Another thread of the driver completes what pends before the handler has returned: the packet may be gone when the
 * core looks at what the handler has answered. */
static void *complete_early(void *packets)
{
	assert_int_equal(im_thread_attach(), 0);
	im_send_complete_status(rig_nic.instance, packets, 1, IM_STATUS_SUCCESS);
	im_thread_detach();
	return NULL;
}

static void pend_all_and_lose_one(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_nic *nic = context;
	pthread_t thread;

	for (uint16_t i = 0; i < count; i++) {
		packets[i]->status = IM_STATUS_PENDING;
		nic->sent.packets[nic->sent.count++] = packets[i];
	}
	assert_int_equal(pthread_create(&thread, NULL, complete_early, &packets[0]), 0);
	pthread_join(thread, NULL);
}

static void free_one(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	for (uint16_t i = 0; i < count; i++) {
		assert_int_equal(packets[i]->status, IM_STATUS_SUCCESS);
		free(packets[i]);
	}
}

/* contract: 4.5 11.12 */
static void a_completion_on_another_thread_may_come_before_the_answer(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	serial_up(RIG_LATER, 0);
	rig_nic.instance->miniport->handlers.send_packets = pend_all_and_lose_one;
	rig_top.binding->protocol->handlers.send_complete = free_one;
	rig_packets(packets, 2);
	send(packets, 2);
	assert_int_equal(im_outstanding(rig_nic.instance), 1);
	im_send_complete_status(rig_nic.instance, &rig_nic.sent.packets[1], 1, IM_STATUS_SUCCESS);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	rig_down();
}

/* ---- Several threads ------------------------------------------------------------------------------------------ */

#define SENDERS	   2u
#define PER_SENDER 5000u
#define DEPTH	   16u /* packets that the miniport has at most */

static struct {
	pthread_mutex_t lock;
	struct im_packet *pending[DEPTH];
	uint32_t count;
	uint32_t inside;
	uint32_t collisions;
	uint32_t next[SENDERS]; /* the packet of each sender that must come next */
	uint32_t disorder;
	uint32_t completed; /* atomic */
} device = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void take_some(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	if (__atomic_fetch_add(&device.inside, 1, __ATOMIC_ACQ_REL) != 0)
		__atomic_fetch_add(&device.collisions, 1, __ATOMIC_RELAXED);
	for (uint16_t i = 0; i < count; i++) {
		uint32_t sender = packets[i]->info.vlan, number = packets[i]->info.cancel_id;

		pthread_mutex_lock(&device.lock);
		if (device.count == DEPTH) {
			packets[i]->status = IM_STATUS_RESOURCES;
			pthread_mutex_unlock(&device.lock);
			break;
		}
		device.disorder += device.next[sender]++ != number;
		packets[i]->status = IM_STATUS_PENDING;
		device.pending[device.count++] = packets[i]; /* from here on the other thread may complete it */
		pthread_mutex_unlock(&device.lock);
	}
	__atomic_fetch_sub(&device.inside, 1, __ATOMIC_ACQ_REL);
}

static void *complete_all(void *unused)
{
	(void)unused;
	assert_int_equal(im_thread_attach(), 0);
	while (__atomic_load_n(&device.completed, __ATOMIC_ACQUIRE) < SENDERS * PER_SENDER) {
		struct im_packet *packets[DEPTH];
		uint32_t count;

		pthread_mutex_lock(&device.lock);
		count = device.count;
		memcpy(packets, device.pending, count * sizeof(packets[0]));
		device.count = 0;
		pthread_mutex_unlock(&device.lock);
		if (count == 0)
			sched_yield();
		/* take_some() may not have returned yet */
		im_send_complete_status(rig_nic.instance, packets, (uint16_t)count, IM_STATUS_SUCCESS);
	}
	im_thread_detach();
	return NULL;
}

static void count_done(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	for (uint16_t i = 0; i < count; i++) {
		assert_int_equal(packets[i]->status, IM_STATUS_SUCCESS);
		free(packets[i]);
	}
	__atomic_fetch_add(&device.completed, count, __ATOMIC_ACQ_REL);
}

/* So few that the queue of the core never is full. */
static void *send_all(void *sender)
{
	uint16_t number = (uint16_t)(uintptr_t)sender;

	assert_int_equal(im_thread_attach(), 0);
	for (uint32_t i = 0; i < PER_SENDER; i++) {
		struct im_packet *packet = rig_packet(2, 60);

		packet->info.vlan = number;
		packet->info.cancel_id = i;
		while (im_outstanding(rig_nic.instance) > 500)
			sched_yield();
		im_send_packets(number == 0 ? rig_top.binding : rig_top2.binding, &packet, 1);
	}
	im_thread_detach();
	return NULL;
}

/* contract: 4.20 11.5 */
static void threads_send_and_complete_at_once(void **state)
{
	pthread_t threads[SENDERS + 1];

	(void)state;
	serial_up(RIG_LATER, 0);
	assert_int_equal(rig_bind("top2", "nic", "top2"), IM_STATUS_SUCCESS);
	rig_nic.instance->miniport->handlers.send_packets = take_some;
	rig_top.binding->protocol->handlers.send_complete = count_done;
	rig_top2.binding->protocol->handlers.send_complete = count_done;
	device.completed = device.collisions = device.disorder = device.count = 0;
	memset(device.next, 0, sizeof(device.next));
	for (uintptr_t i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_all, (void *)i), 0);
	assert_int_equal(pthread_create(&threads[SENDERS], NULL, complete_all, NULL), 0);
	for (uint32_t i = 0; i <= SENDERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(device.collisions, 0);
	assert_int_equal(device.disorder, 0);
	assert_int_equal(device.completed, SENDERS * PER_SENDER);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	rig_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_handler_is_not_entered_again_before_it_returns),
		cmocka_unit_test(a_completion_inside_the_handler_counts_once),
		cmocka_unit_test(a_completion_on_another_thread_may_come_before_the_answer),
		cmocka_unit_test(threads_send_and_complete_at_once),
	};

	return rig_run(tests);
}
