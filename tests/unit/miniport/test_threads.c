/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything at once: a thread for each queue, protocols that send and cancel from threads of their own, one that
 * returns packets on another thread, and a control thread that checks, pauses, resets, attaches and detaches, while the
 * card goes on, or dies. What counts is that each send comes back once and each buffer goes home.
 */
#include <sched.h>
#include <unistd.h>

#include "rig.h"

#define QUEUES	  2u
#define ROUNDS	  40u
#define SENDS	  32u /* of each sender, that it has not got back */
#define KEPT_MOST 512u

struct sender {
	struct worker *workers;
	struct sluice_protocol *protocol;
	struct sluice_send sends[SENDS];
	uint32_t busy[SENDS]; /* atomic */
	uint64_t given;
	uint64_t back; /* atomic */
	pthread_t thread;
};

/* Packets that are kept until the returner has them. */
struct keeper {
	struct sluice_protocol *protocol;
	pthread_mutex_t lock;
	struct sluice_packet *packets[KEPT_MOST];
	unsigned count;
	uint64_t kept;
	uint64_t returned;
};

struct worker {
	struct rig *rig;
	uint32_t stop;	 /* atomic */
	uint32_t halted; /* atomic: until then packets are returned, which halt waits for */
	struct sender senders[2];
	struct keeper keeper;
	pthread_t pollers[QUEUES];
	pthread_t returner;
	pthread_t card;
};

struct poller {
	struct worker *worker;
	unsigned queue;
};

static const uint8_t frame[200];
static const struct iovec piece = {.iov_base = (void *)(uintptr_t)frame, .iov_len = sizeof(frame)};

static bool stopped(struct worker *worker)
{
	return __atomic_load_n(&worker->stop, __ATOMIC_ACQUIRE) != 0;
}

static void come_back(void *context, struct sluice_send **sends, unsigned count)
{
	struct sender *sender = context;

	for (unsigned i = 0; i < count; i++) {
		ptrdiff_t at = sends[i] - sender->sends;

		assert_true(at >= 0 && at < SENDS);
		/* twice would be seen here */
		assert_int_equal(__atomic_exchange_n(&sender->busy[at], 0, __ATOMIC_RELEASE), 1);
	}
	__atomic_fetch_add(&sender->back, count, __ATOMIC_RELEASE);
}

static void *send_on(void *context)
{
	struct sender *sender = context;

	for (unsigned turn = 0; !stopped(sender->workers); turn++) {
		struct sluice_send *batch[SENDS];
		unsigned count = 0;

		for (unsigned i = 0; i < SENDS; i++) {
			if (__atomic_load_n(&sender->busy[i], __ATOMIC_ACQUIRE) != 0)
				continue;
			__atomic_store_n(&sender->busy[i], 1, __ATOMIC_RELAXED);
			sender->sends[i] =
				(struct sluice_send){.pieces = &piece, .piece_count = 1, .cancel_id = 1 + i % 3};
			batch[count++] = &sender->sends[i];
		}
		sluice_miniport_send(sender->protocol, turn % QUEUES, batch, count);
		sender->given += count;
		if (turn % 7 == 0)
			sluice_miniport_cancel(sender->protocol, 1 + turn % 3);
		sched_yield();
	}
	return NULL;
}

static void keep_some(void *context, struct sluice_packet **packets, unsigned count, bool *keep)
{
	struct keeper *keeper = context;

	pthread_mutex_lock(&keeper->lock);
	for (unsigned i = 0; i < count; i++) {
		keep[i] = packets[i]->status == IM_STATUS_SUCCESS && keeper->count < KEPT_MOST;
		assert_int_equal(packets[i]->length, sizeof(frame));
		if (keep[i])
			keeper->packets[keeper->count++] = packets[i];
		keeper->kept += keep[i];
	}
	pthread_mutex_unlock(&keeper->lock);
}

static void no_sends(void *context, struct sluice_send **sends, unsigned count)
{
	(void)context;
	(void)sends;
	fail_msg("%u sends came back to one that sent none", count);
}

static void return_all(struct keeper *keeper)
{
	struct sluice_packet *packets[KEPT_MOST];
	unsigned count;

	pthread_mutex_lock(&keeper->lock);
	count = keeper->count;
	memcpy(packets, keeper->packets, count * sizeof(packets[0]));
	keeper->count = 0;
	pthread_mutex_unlock(&keeper->lock);
	for (unsigned i = 0; i < count; i++) /* they are readable to the end, whatever became of the card */
		assert_int_equal(((const uint8_t *)packets[i]->pieces[0].iov_base)[0], 0);
	sluice_miniport_return(packets, count);
	keeper->returned += count;
}

static void *return_on(void *context)
{
	struct worker *worker = context;

	while (!__atomic_load_n(&worker->halted, __ATOMIC_ACQUIRE)) {
		return_all(&worker->keeper);
		sched_yield();
	}
	return NULL;
}

static void *poll_on(void *context)
{
	struct poller *poller = context;

	while (!stopped(poller->worker)) {
		if (sluice_miniport_poll(poller->worker->rig->miniport, poller->queue, 64) != 0)
			continue;
		if (sluice_miniport_arm(poller->worker->rig->miniport, poller->queue, SLUICE_WANT_RECEIVE))
			sched_yield();
		sluice_miniport_disarm(poller->worker->rig->miniport, poller->queue);
	}
	return NULL;
}

static void play_queue(struct card *card, unsigned queue, unsigned turn)
{
	struct sluice_frame_meta meta;
	uint8_t got[2048];

	for (unsigned i = 0; i < 64 && card_take(card, queue, got, &meta) > 0; i++)
		assert_memory_equal(got, frame, sizeof(frame));
	card_collect(card, queue);
	for (unsigned i = 0; i < 8; i++)
		card_give(card, queue, frame, sizeof(frame), NULL, turn % 3 == 0 && i > 5 ? SLUICE_DESC_RESOURCES : 0);
}

static void *play_card(void *context)
{
	struct worker *worker = context;
	struct card *card = &worker->rig->card;

	for (unsigned turn = 0; !stopped(worker); turn++) {
		pthread_mutex_lock(&card->lock);
		for (unsigned queue = 0; queue < QUEUES && card->card_data != NULL; queue++)
			play_queue(card, queue, turn);
		pthread_mutex_unlock(&card->lock);
		sched_yield();
	}
	return NULL;
}

static void disturb(struct worker *worker, unsigned round)
{
	static const struct sluice_protocol_handlers guest = {.receive = NULL, .send_complete = no_sends};
	struct sluice_miniport *miniport = worker->rig->miniport;
	struct sluice_protocol *other;

	switch (round % 4) {
	case 0:
		assert_int_equal(sluice_miniport_reset(miniport), IM_STATUS_SUCCESS);
		break;
	case 1:
		card_stop(&worker->rig->card);
		assert_true(sluice_miniport_check(miniport) < 0);
		card_start(&worker->rig->card);
		assert_int_equal(sluice_miniport_reattach(miniport, NULL), 0);
		break;
	case 2:
		assert_true(sluice_miniport_pause(miniport) <= IM_STATUS_PENDING);
		while (sluice_miniport_state(miniport) != SLUICE_INSTANCE_PAUSED)
			sched_yield();
		assert_int_equal(sluice_miniport_restart(miniport), IM_STATUS_SUCCESS);
		break;
	default:
		other = sluice_miniport_attach(miniport, &guest, NULL);
		assert_non_null(other);
		assert_int_equal(sluice_miniport_check(miniport), 0);
		assert_int_equal(sluice_miniport_detach(other), 0);
	}
}

static void start_threads(struct worker *worker, struct poller *pollers)
{
	static const struct sluice_protocol_handlers sends = {.send_complete = come_back};
	static const struct sluice_protocol_handlers keeps = {.receive = keep_some, .send_complete = no_sends};

	worker->keeper.protocol = sluice_miniport_attach(worker->rig->miniport, &keeps, &worker->keeper);
	pthread_create(&worker->card, NULL, play_card, worker);
	pthread_create(&worker->returner, NULL, return_on, worker);
	for (unsigned i = 0; i < QUEUES; i++) {
		pollers[i] = (struct poller){worker, i};
		pthread_create(&worker->pollers[i], NULL, poll_on, &pollers[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct sender *sender = &worker->senders[i];

		sender->workers = worker;
		sender->protocol = sluice_miniport_attach(worker->rig->miniport, &sends, sender);
		pthread_create(&sender->thread, NULL, send_on, sender);
	}
}

static void stop_threads(struct worker *worker)
{
	__atomic_store_n(&worker->stop, 1, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(worker->senders[i].thread, NULL);
	for (unsigned i = 0; i < QUEUES; i++)
		pthread_join(worker->pollers[i], NULL);
	pthread_join(worker->card, NULL);
}

static void test_everything_at_once(void **state)
{
	struct rig *rig = *state;
	struct worker *worker = calloc(1, sizeof(*worker));
	struct poller pollers[QUEUES];
	struct sluice_miniport_counters counters;

	assert_non_null(worker);
	worker->rig = rig;
	pthread_mutex_init(&worker->keeper.lock, NULL);
	rig_start(rig);
	assert_int_equal(sluice_miniport_detach(rig->a.protocol), 0);
	start_threads(worker, pollers);
	for (unsigned round = 0; round < ROUNDS; round++) {
		usleep(2000);
		disturb(worker, round);
	}
	stop_threads(worker);
	sluice_miniport_get_counters(rig->miniport, 0, &counters);
	assert_int_equal(counters.violations, 0);
	assert_int_equal(counters.faults, 0);
	assert_true(counters.sent > 0 && counters.received > 0);
	rig_halt(rig);
	__atomic_store_n(&worker->halted, 1, __ATOMIC_RELEASE);
	pthread_join(worker->returner, NULL);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(worker->senders[i].given > 0);
		assert_int_equal(worker->senders[i].back, worker->senders[i].given);
	}
	assert_int_equal(worker->keeper.kept, worker->keeper.returned);
	assert_true(worker->keeper.kept > 0);
	pthread_mutex_destroy(&worker->keeper.lock);
	free(worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(everything_at_once)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
