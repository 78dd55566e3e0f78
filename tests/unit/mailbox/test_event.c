/* SPDX-License-Identifier: BSD-3-Clause */
/* Events: the log, the ring of one client, the broker between them, and libsluice at the other end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event_ring.h"
#include "fixture.h"
#include "mailbox/client_private.h"

#define RING SLUICE_RING_ENTRIES

/* ---- The log --------------------------------------------------------------------------------------- */

static void raise_many(struct event_log *log, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		event_log_raise(log, SLUICE_EVENT_POLICY, "main", 1000 + i);
}

static void test_log_tells_in_order(void **state)
{
	struct event_log log;
	struct sluice_event event;
	uint32_t cursor;

	(void)state;
	assert_int_equal(event_log_create(&log), 0);
	cursor = event_log_start(&log);
	assert_false(event_log_next(&log, &cursor, &event));
	event_log_raise(&log, SLUICE_EVENT_LINK, "wire0", 1);
	event_log_raise(&log, SLUICE_EVENT_DRIVER_LOADED, "a-name-that-is-longer-than-31-bytes", 0);
	event_log_raise(NULL, SLUICE_EVENT_LINK, "nobody", 1);
	assert_true(event_log_next(&log, &cursor, &event));
	assert_int_equal(event.kind, SLUICE_EVENT_LINK);
	assert_int_equal(event.number, 1);
	assert_int_equal(event.value, 1);
	assert_int_equal(event.lost, 0);
	assert_string_equal(event.subject, "wire0");
	assert_true(event.time_ms > 1700000000000u);
	assert_true(event_log_next(&log, &cursor, &event));
	assert_int_equal(event.number, 2);
	assert_string_equal(event.subject, "a-name-that-is-longer-than-31-b");
	assert_false(event_log_next(&log, &cursor, &event));
	event_log_destroy(&log);
}

static void test_log_counts_what_a_reader_lost(void **state)
{
	struct event_log log;
	struct sluice_event event;
	uint32_t cursor = 0;

	(void)state;
	assert_int_equal(event_log_create(&log), 0);
	raise_many(&log, SLUICE_EVENT_LOG);
	assert_true(event_log_next(&log, &cursor, &event));
	assert_int_equal(event.number, 1);
	raise_many(&log, 9); /* numbers 2 to 9 have to go */
	assert_true(event_log_next(&log, &cursor, &event));
	assert_int_equal(event.number, 10);
	assert_int_equal(event.lost, 8);
	assert_true(event_log_next(&log, &cursor, &event));
	assert_int_equal(event.lost, 0);
	raise_many(&log, 70000);
	assert_true(event_log_next(&log, &cursor, &event));
	assert_int_equal(event.lost, UINT16_MAX);
	assert_int_equal(event.number, SLUICE_EVENT_LOG + 9 + 70000 - SLUICE_EVENT_LOG + 1);
	event_log_destroy(&log);
}

/* ---- The ring -------------------------------------------------------------------------------------- */

struct bed {
	struct event_log log;
	struct sluice_event entries[RING];
	struct sluice_doorbell doorbell;
	struct event_ring ring;
	uint64_t bad;
};

static int make_bed(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_non_null(bed);
	assert_int_equal(event_log_create(&bed->log), 0);
	bed->ring.entries = bed->entries;
	bed->ring.doorbell = &bed->doorbell;
	*state = bed;
	return 0;
}

static int free_bed(void **state)
{
	struct bed *bed = *state;

	event_log_destroy(&bed->log);
	free(bed);
	return 0;
}

static unsigned fill(struct bed *bed)
{
	return event_ring_fill(&bed->ring, &bed->log, &bed->bad);
}

static void expect_entry(const struct sluice_event *entry, uint32_t number, uint32_t phase, uint16_t lost)
{
	assert_int_equal(entry->number, number);
	assert_int_equal(entry->phase, phase);
	assert_int_equal(entry->lost, lost);
	assert_int_equal(entry->crc, sluice_crc32c(0, entry, 56));
}

static void test_ring_goes_on_over_laps(void **state)
{
	struct bed *bed = *state;

	for (uint32_t number = 1; number <= 5 * RING; number++) {
		raise_many(&bed->log, 1);
		assert_int_equal(fill(bed), 1);
		expect_entry(&bed->entries[(number - 1) % RING], number, (number - 1) / RING % 2 == 0, 0);
		bed->doorbell.event_head = number;
	}
	assert_int_equal(fill(bed), 0);
	assert_int_equal(bed->bad, 0);
}

static void test_full_ring_waits_and_then_tells_what_was_lost(void **state)
{
	struct bed *bed = *state;

	raise_many(&bed->log, RING + 10);
	assert_int_equal(fill(bed), RING);
	assert_int_equal(fill(bed), 0);
	bed->doorbell.event_head = 1;
	assert_int_equal(fill(bed), 1);
	expect_entry(&bed->entries[0], RING + 1, 0, 0); /* it had waited */
	raise_many(&bed->log, SLUICE_EVENT_LOG);	/* 65 was told, 66 to 74 fall out */
	bed->doorbell.event_head = 3;
	assert_int_equal(fill(bed), 2);
	expect_entry(&bed->entries[1], RING + 11, 0, 9);
	expect_entry(&bed->entries[2], RING + 12, 0, 0);
}

static void test_impossible_heads_are_no_room(void **state)
{
	static const uint32_t heads[] = {5, RING, RING + 1, 0x7fffffff, 0x80000000, 0xffffffff};
	struct bed *bed = *state;

	raise_many(&bed->log, 4);
	assert_int_equal(fill(bed), 4);
	raise_many(&bed->log, 1);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		bed->doorbell.event_head = heads[i];
		assert_int_equal(fill(bed), 0);
		assert_int_equal(bed->bad, i + 1);
	}
	bed->doorbell.event_head = 4;
	assert_int_equal(fill(bed), 1);
	bed->doorbell.event_head = 3; /* back */
	assert_int_equal(fill(bed), 0);
	assert_int_equal(bed->bad, sizeof(heads) / sizeof(heads[0]) + 1);
}

static void test_absent_ring_gets_nothing(void **state)
{
	struct bed *bed = *state;

	bed->ring = (struct event_ring){0};
	raise_many(&bed->log, 1);
	assert_int_equal(fill(bed), 0);
}

/* ---- The broker ------------------------------------------------------------------------------------ */

static struct event_log broker_log;

static int set_up_broker(void **state)
{
	struct fixture *fixture;

	assert_int_equal(event_log_create(&broker_log), 0);
	fixture_set_up(state);
	fixture = *state;
	assert_int_equal(broker_use_events(fixture->broker, &broker_log), 0);
	return 0;
}

static int tear_down_broker(void **state)
{
	fixture_tear_down(state);
	event_log_destroy(&broker_log);
	return 0;
}

static void join_wanting(struct fixture *fixture, struct peer *peer, uint32_t features)
{
	struct sluice_hello hello = peer_hello();

	hello.features = features;
	*peer = (struct peer){.socket = peer_connect(fixture->dir)};
	assert_true(peer->socket >= 0);
	assert_int_equal(peer_send(peer->socket, &hello, sizeof(hello), -1, 0), sizeof(hello));
	pump(fixture);
	assert_int_equal(peer_receive(peer), sizeof(peer->welcome));
	assert_int_equal(peer->welcome.status, SLUICE_STATUS_OK);
}

static const struct sluice_event *event_at(const struct peer *peer, uint32_t index)
{
	const uint8_t *base = peer->region[SLUICE_FD_COMPLETION];

	return (const struct sluice_event *)(const void *)(base + SLUICE_EVENT_OFFSET) + index % RING;
}

static bool is_signalled(const struct peer *peer)
{
	struct pollfd source = {.fd = peer->fd[SLUICE_FD_NOTIFY], .events = POLLIN};
	uint64_t signals;
	bool any = poll(&source, 1, 0) == 1;

	while (read(peer->fd[SLUICE_FD_NOTIFY], &signals, sizeof(signals)) > 0)
		;
	return any;
}

static void test_only_who_asks_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct peer asks, does_not;
	const struct sluice_info_region *info;

	event_log_raise(&broker_log, SLUICE_EVENT_LINK, "before", 0);
	join_wanting(fixture, &asks, 0xffffffff);
	join_wanting(fixture, &does_not, 0);
	info = asks.region[SLUICE_FD_INFO];
	assert_int_equal(asks.welcome.features, SLUICE_FEATURE_EVENTS);
	assert_int_equal(does_not.welcome.features, 0);
	assert_int_equal(info->features, SLUICE_FEATURE_EVENTS | SLUICE_FEATURE_LARGE_RECEIVES);
	assert_int_equal(info->events, 1);
	assert_string_equal(event_at(&asks, 0)->subject, "before");
	event_log_raise(&broker_log, SLUICE_EVENT_LINK, "after", 1);
	pump(fixture);
	assert_true(is_signalled(&asks));
	assert_false(is_signalled(&does_not));
	assert_int_equal(info->events, 2);
	expect_entry(event_at(&asks, 1), 2, 1, 0);
	assert_string_equal(event_at(&asks, 1)->subject, "after");
	assert_int_equal(event_at(&does_not, 0)->phase, 0);
	assert_int_equal(event_at(&does_not, 1)->phase, 0);
	expect_served(fixture, &asks);
	peer_close(&asks);
	peer_close(&does_not);
}

/* It holds up neither the others nor its own commands, and hears of the gap when it wakes. */
static void test_who_sleeps_is_told_what_was_lost(void **state)
{
	struct fixture *fixture = *state;
	struct peer sleeper, other;

	join_wanting(fixture, &sleeper, SLUICE_FEATURE_EVENTS);
	join_wanting(fixture, &other, SLUICE_FEATURE_EVENTS);
	for (unsigned i = 0; i < SLUICE_EVENT_LOG + RING + 7; i++) {
		raise_many(&broker_log, 1);
		pump(fixture);
		expect_entry(event_at(&other, i), i + 1, i / RING % 2 == 0, 0);
		other.ring.doorbell->event_head = i + 1;
	}
	expect_served(fixture, &sleeper);
	expect_entry(event_at(&sleeper, 0), 1, 1, 0);
	expect_entry(event_at(&sleeper, RING - 1), RING, 1, 0);
	is_signalled(&sleeper);
	sleeper.ring.doorbell->event_head = RING;
	peer_kick(&sleeper);
	pump(fixture);
	assert_true(is_signalled(&sleeper));
	expect_entry(event_at(&sleeper, RING), RING + 8, 0, 7);
	peer_close(&sleeper);
	peer_close(&other);
}

static void test_impossible_head_harms_its_client_alone(void **state)
{
	struct fixture *fixture = *state;
	struct peer bad, good;

	join_wanting(fixture, &bad, SLUICE_FEATURE_EVENTS);
	join_wanting(fixture, &good, SLUICE_FEATURE_EVENTS);
	bad.ring.doorbell->event_head = 77;
	raise_many(&broker_log, 1);
	pump(fixture);
	assert_int_equal(event_at(&bad, 0)->phase, 0);
	assert_int_equal(broker_counters(fixture->broker)->bad_doorbells, 1);
	expect_entry(event_at(&good, 0), 1, 1, 0);
	peer_close(&bad);
	peer_close(&good);
}

/* ---- libsluice ------------------------------------------------------------------------------------- */

static void serve_for_ever(struct fixture *fixture)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (broker_poll(fixture->broker, -1) >= 0)
		;
	_exit(1);
}

static void test_library_takes_all_that_is_kept(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_client *client;
	struct sluice_fault fault = {0};
	struct sluice_event event;
	pid_t server;

	raise_many(&broker_log, SLUICE_EVENT_LOG + 44);
	server = fork();
	if (server == 0)
		serve_for_ever(fixture);
	client = sluice_open_wanting(fixture->dir, 10000, SLUICE_FEATURE_EVENTS, &fault);
	assert_non_null(client);
	assert_int_equal(sluice_features(client), SLUICE_FEATURE_EVENTS);
	assert_int_equal(sluice_info(client)->events, SLUICE_EVENT_LOG + 44);
	for (uint32_t number = 45; number <= SLUICE_EVENT_LOG + 44; number++) {
		assert_int_equal(sluice_next_event(client, 10000, &event), 1);
		assert_int_equal(event.number, number);
		assert_int_equal(event.value, 1000 + number - 1);
		assert_int_equal(event.lost, 0);
	}
	assert_int_equal(sluice_next_event(client, 0, &event), 0);
	assert_int_equal(sluice_next_event(client, 20, &event), 0);
	kill(server, SIGKILL);
	assert_int_equal(waitpid(server, NULL, 0), server);
	sluice_close(client);
}

/* A client over memory of ours. */
static void test_library_refuses_damaged_events(void **state)
{
	static _Alignas(64) uint8_t completion[SLUICE_EVENT_OFFSET + RING * 64];
	static struct sluice_doorbell doorbell;
	struct sluice_client client = {.kick = eventfd(0, EFD_NONBLOCK), .socket = -1, .notify = -1};
	struct sluice_event *entry = (void *)(completion + SLUICE_EVENT_OFFSET);
	struct sluice_event event;

	(void)state;
	client.regions[SLUICE_FD_COMPLETION] = completion;
	client.regions[SLUICE_FD_DOORBELL] = &doorbell;
	*entry = (struct sluice_event){.kind = SLUICE_EVENT_LINK, .number = 1, .phase = 1};
	entry->crc = sluice_crc32c(0, entry, 56);
	entry[1] = entry[0];
	entry[1].value ^= 1;
	assert_int_equal(sluice_next_event(&client, 0, &event), 1);
	assert_int_equal(doorbell.event_head, 1);
	assert_int_equal(sluice_next_event(&client, 0, &event), -EPROTO);
	assert_int_equal(sluice_last_fault(&client)->kind, SLUICE_FAULT_PROTOCOL);
	entry[1].value ^= 1;
	assert_int_equal(sluice_next_event(&client, 0, &event), -EPROTO); /* it is of no use any more */
	assert_int_equal(doorbell.event_head, 1);
	close(client.kick);
}

#define IN_BED(name)	cmocka_unit_test_setup_teardown(test_##name, make_bed, free_bed)
#define BY_BROKER(name) cmocka_unit_test_setup_teardown(test_##name, set_up_broker, tear_down_broker)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_tells_in_order),
		cmocka_unit_test(test_log_counts_what_a_reader_lost),
		IN_BED(ring_goes_on_over_laps),
		IN_BED(full_ring_waits_and_then_tells_what_was_lost),
		IN_BED(impossible_heads_are_no_room),
		IN_BED(absent_ring_gets_nothing),
		BY_BROKER(only_who_asks_is_told),
		BY_BROKER(who_sleeps_is_told_what_was_lost),
		BY_BROKER(impossible_head_harms_its_client_alone),
		BY_BROKER(library_takes_all_that_is_kept),
		cmocka_unit_test(test_library_refuses_damaged_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
