/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resets under traffic: a worker and a control thread send through a relay, each numbering its packets, while the
 * adapter below is reset again and again. Every packet is completed once, and each sender's packets go down in their
 * order, those that a reset threw back included (4.6, 4.20, 4.33, 7.7). One that came to the gate as the reset ended
 * may fail with that reason.
 */
#include <pthread.h>
#include <string.h>

#include "../edge/eal.h"
#include "bed.h"
#include "im/relay/relay_inside.h"

#define SENDERS 2u
#define PACKETS 64u /* of each sender, used again and again: fewer than can be held */
#define BATCH	8u
#define ROUNDS	4000u
#define RESETS	300u

struct sender {
	uint32_t number;
	uint32_t next;	 /* number of the next packet */
	uint32_t at_nic; /* number behind the last one there; atomic */
	uint32_t sent, completed, refused, failed;
	uint32_t out; /* atomic */
	struct im_packet *packets[PACKETS];
};

static struct rte_mbuf empty; /* nobody here looks into it */
static struct sender senders[SENDERS];
static uint32_t running; /* senders; atomic */
static uint32_t disorder;

static struct sender *sender_of(const struct im_packet *packet)
{
	return &senders[packet->info.vlan];
}

static void nic_send(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	for (uint16_t i = 0; i < count; i++) {
		struct sender *sender = sender_of(packets[i]);

		if (packets[i]->length < __atomic_exchange_n(&sender->at_nic, packets[i]->length + 1, __ATOMIC_ACQ_REL))
			__atomic_add_fetch(&disorder, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&sender->sent, 1, __ATOMIC_RELAXED);
		packets[i]->status = IM_STATUS_SUCCESS;
	}
	im_send_complete(bed_nic.instance, packets, count);
}

static void top_complete(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	for (uint16_t i = 0; i < count; i++) {
		struct sender *sender = sender_of(packets[i]);

		__atomic_add_fetch(&sender->completed, 1, __ATOMIC_RELAXED);
		if (packets[i]->status == IM_STATUS_RESET_IN_PROGRESS)
			__atomic_add_fetch(&sender->refused, 1, __ATOMIC_RELAXED);
		else if (packets[i]->status != IM_STATUS_SUCCESS)
			__atomic_add_fetch(&sender->failed, 1, __ATOMIC_RELAXED);
		__atomic_sub_fetch(&sender->out, 1, __ATOMIC_RELEASE);
	}
}

/* As many as are home: a ring of packets, which come back in order. */
static void send_some(struct sender *sender)
{
	struct im_packet *batch[BATCH];

	if (__atomic_load_n(&sender->out, __ATOMIC_ACQUIRE) > PACKETS - BATCH)
		return;
	for (uint32_t i = 0; i < BATCH; i++) {
		struct im_packet *packet = sender->packets[sender->next % PACKETS];

		packet->length = sender->next++;
		batch[i] = packet;
	}
	__atomic_add_fetch(&sender->out, BATCH, __ATOMIC_RELAXED);
	im_send_packets(bed_top.binding, batch, BATCH);
}

static void *run_worker(void *argument)
{
	struct sender *sender = argument;

	im_this_worker = &im_core.workers[1];
	im_grace_online(im_core.grace, 1);
	while (sender->next < ROUNDS * BATCH || __atomic_load_n(&sender->out, __ATOMIC_ACQUIRE) > 0) {
		if (sender->next < ROUNDS * BATCH)
			send_some(sender);
		im_run_dpcs(im_this_worker);
		im_grace_quiescent(im_core.grace, 1);
	}
	im_grace_offline(im_core.grace, 1);
	__atomic_sub_fetch(&running, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *run_control(void *argument)
{
	struct sender *sender = argument;

	if (im_thread_attach() != 0)
		abort();
	while (sender->next < ROUNDS * BATCH)
		send_some(sender);
	im_thread_detach();
	__atomic_sub_fetch(&running, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void make_sender(uint32_t number)
{
	struct sender *sender = &senders[number];

	memset(sender, 0, sizeof(*sender));
	sender->number = number;
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct im_packet *packet = calloc(1, sizeof(*packet) + 4 * sizeof(packet->stack[0]));

		assert_non_null(packet);
		packet->mbuf = &empty;
		packet->slots = number == 0 ? 4 : 1; /* the other one's go under descriptors of the relay's own */
		packet->info.vlan = (uint16_t)number;
		sender->packets[i] = packet;
	}
}

static void free_sender(uint32_t number)
{
	for (uint32_t i = 0; i < PACKETS; i++)
		free(senders[number].packets[i]);
}

static uint32_t reset_until_done(void)
{
	uint32_t resets = 0;

	while (__atomic_load_n(&running, __ATOMIC_ACQUIRE) > 0) {
		if (resets < RESETS)
			resets += im_reset_instance(bed_nic.instance) == IM_STATUS_SUCCESS;
		im_run_work();
	}
	return resets;
}

/* contract: 9.17 9.19 9.20 9.26 */
static void resets_under_traffic_lose_and_reorder_nothing(void **state)
{
	void *(*const run[SENDERS])(void *) = {run_worker, run_control};
	pthread_t threads[SENDERS];
	uint32_t resets;

	(void)state;
	bed_up(1);
	bed_nic.reset = IM_STATUS_SUCCESS;
	im_find_driver("nic")->wrapper->miniport->handlers.send_packets = nic_send;
	im_find_driver("top")->wrapper->protocol->handlers.send_complete = top_complete;
	running = SENDERS;
	disorder = 0;
	for (uint32_t i = 0; i < SENDERS; i++)
		make_sender(i);
	for (uint32_t i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run[i], &senders[i]), 0);
	resets = reset_until_done();
	for (uint32_t i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(resets > 0);
	for (uint32_t i = 0; i < SENDERS; i++) {
		assert_int_equal(senders[i].completed, ROUNDS * BATCH);
		assert_int_equal(senders[i].sent, ROUNDS * BATCH - senders[i].refused);
		assert_int_equal(senders[i].failed, 0);
		assert_int_equal(senders[i].out, 0);
	}
	assert_int_equal(disorder, 0);
	for (uint32_t i = 0; i < SENDERS; i++)
		free_sender(i);
	bed_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resets_under_traffic_lose_and_reorder_nothing),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
