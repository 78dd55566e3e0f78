/* SPDX-License-Identifier: BSD-3-Clause */
/* A client that asks for the data rings of a port: what it is given, why it is refused, and that all goes with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker_private.h"
#include "fixture.h"

static struct sluice_hello data_hello(const char *port, uint16_t queues, uint16_t entries)
{
	struct sluice_hello hello = peer_hello();

	strncpy(hello.port, port, sizeof(hello.port) - 1);
	hello.queues = queues;
	hello.entries = entries;
	return hello;
}

static struct peer greet(struct fixture *fixture, const struct sluice_hello *hello)
{
	struct peer peer = {.socket = peer_connect(fixture->dir)};

	assert_int_equal(peer_send(peer.socket, hello, sizeof(*hello), -1, 0), sizeof(*hello));
	pump(fixture);
	assert_int_equal(peer_receive(&peer), sizeof(peer.welcome));
	return peer;
}

static struct peer join_port(struct fixture *fixture, uint16_t queues, uint16_t entries)
{
	const struct sluice_hello hello = data_hello(TOY_PORT, queues, entries);
	struct peer peer = greet(fixture, &hello);

	assert_int_equal(peer.welcome.status, SLUICE_STATUS_OK);
	return peer;
}

static void expect_refused(struct fixture *fixture, struct sluice_hello hello, enum sluice_status status)
{
	unsigned before = open_fds();
	struct peer peer = greet(fixture, &hello);

	if (peer.welcome.status != status)
		fail_msg("got %s, expected %s", sluice_status_name(peer.welcome.status),
			 sluice_status_name((uint16_t)status));
	assert_null(peer.ring.doorbell); /* no descriptors */
	assert_int_equal(peer.welcome.queues, 0);
	assert_true(peer_is_hung_up(peer.socket));
	peer_close(&peer);
	assert_int_equal(open_fds(), before);
}

/* ---- What it is given ------------------------------------------------------------------------------- */

static void test_welcome_with_a_port(void **state)
{
	struct fixture *fixture = *state;
	struct peer peer = join_port(fixture, 4, 1024);
	const struct sluice_welcome *welcome = &peer.welcome;
	const uint8_t mac[] = {2, 0, 0, 0, 0, 5};
	struct stat found;

	assert_int_equal(welcome->queues, TOY_QUEUES); /* fewer than wanted: the port has no more */
	assert_int_equal(welcome->entries, TOY_ENTRIES);
	assert_int_equal(welcome->mtu, 1600);
	assert_memory_equal(welcome->mac, mac, sizeof(mac));
	assert_int_equal(peer.data_fds, 2 + TOY_QUEUES);
	assert_int_equal(welcome->data_size[0], sluice_card_data_size(TOY_QUEUES, TOY_ENTRIES));
	assert_int_equal(welcome->data_size[1], sluice_host_data_size(TOY_QUEUES, TOY_ENTRIES));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fstat(peer.data_fd[i], &found), 0);
		assert_int_equal(found.st_size, welcome->data_size[i]);
	}
	assert_int_equal(fixture->toy.grant.queues, TOY_QUEUES);
	assert_int_equal(fixture->toy.grant.entries, TOY_ENTRIES);
	expect_served(fixture, &peer); /* and its mailbox is as any other */
	peer_close(&peer);
	pump(fixture);
	assert_int_equal(fixture->toy.released, 1);
}

/* Of a port that nobody named there is nothing to be granted. */
static void test_large_receives(void **state)
{
	static const struct {
		const char *port;
		uint32_t wanted, granted;
	} cases[] = {{TOY_PORT, 0, 0}, {TOY_PORT, ~0u, SLUICE_FEATURE_LARGE_RECEIVES}, {"", ~0u, 0}};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool port = cases[i].port[0] != '\0';
		struct sluice_hello hello = data_hello(cases[i].port, port ? TOY_QUEUES : 0, port ? 64 : 0);
		struct peer peer;

		hello.features = cases[i].wanted;
		peer = greet(fixture, &hello);
		assert_int_equal(peer.welcome.status, SLUICE_STATUS_OK);
		assert_int_equal(peer.welcome.features, cases[i].granted);
		if (port)
			assert_int_equal(fixture->toy.grant.large_receives, cases[i].granted != 0);
		peer_close(&peer);
		pump(fixture);
	}
}

static void test_welcome_without_a_port(void **state)
{
	struct fixture *fixture = *state;
	struct peer peer;

	join(fixture, &peer);
	assert_int_equal(peer.data_fds, 0);
	assert_int_equal(peer.welcome.queues | peer.welcome.entries, 0);
	assert_int_equal(peer.welcome.data_size[0] | peer.welcome.data_size[1], 0);
	assert_int_equal(peer.welcome.mtu, 0);
	assert_false(fixture->toy.attached);
	peer_close(&peer);
}

static void test_both_see_the_same_memory(void **state)
{
	struct fixture *fixture = *state;
	struct peer peer = join_port(fixture, TOY_QUEUES, 64);
	struct data_regions *regions = &fixture->toy.regions;

	((uint8_t *)regions->card)[4711] = 42;
	assert_int_equal(peer.card_data[4711], 42);
	peer.host_data[peer.welcome.data_size[1] - 1] = 43;
	assert_int_equal(((const uint8_t *)regions->host)[peer.welcome.data_size[1] - 1], 43);
	peer_close(&peer);
}

static void test_a_signal_for_each_queue_pair(void **state)
{
	struct fixture *fixture = *state;
	struct peer peer = join_port(fixture, TOY_QUEUES, 64);

	for (unsigned q = 0; q < TOY_QUEUES; q++) {
		uint64_t sent = q + 1, got = 0;

		assert_int_equal(send(fixture->toy.regions.signals[q], &sent, sizeof(sent), MSG_DONTWAIT),
				 sizeof(sent));
		assert_int_equal(read(peer.data_fd[SLUICE_DATA_FD_COUNT + q], &got, sizeof(got)), sizeof(got));
		assert_int_equal(got, q + 1);
	}
	peer_close(&peer);
}

/* Whatever the client does to its ends, the card's send comes back at once. */
static void test_signals_that_are_made_to_block(void **state)
{
	struct fixture *fixture = *state;
	struct peer peer = join_port(fixture, TOY_QUEUES, 64);
	const uint64_t one = 1;

	assert_int_equal(fcntl(peer.data_fd[SLUICE_DATA_FD_COUNT], F_SETFL, 0), 0);
	for (int i = 0; i < 5000; i++)
		send(fixture->toy.regions.signals[0], &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL);
	close(peer.data_fd[SLUICE_DATA_FD_COUNT]);
	assert_int_equal(send(fixture->toy.regions.signals[0], &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL), -1);
	peer.data_fd[SLUICE_DATA_FD_COUNT] = -1;
	expect_served(fixture, &peer);
	peer_close(&peer);
}

static void test_regions_are_sealed(void **state)
{
	struct fixture *fixture = *state;
	struct peer peer = join_port(fixture, TOY_QUEUES, 64);

	for (int i = 0; i < 2; i++) {
		off_t size = (off_t)peer.welcome.data_size[i];
		const off_t sizes[] = {0, size - 4096, size + 4096};

		for (size_t n = 0; n < 3; n++) {
			assert_int_equal(ftruncate(peer.data_fd[i], sizes[n]), -1);
			assert_int_equal(errno, EPERM);
		}
		assert_int_equal(fcntl(peer.data_fd[i], F_ADD_SEALS, F_SEAL_WRITE), -1);
	}
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, peer.data_fd[0], 0), MAP_FAILED);
	assert_int_equal(errno, EPERM);
	assert_int_equal(mprotect(peer.card_data, 4096, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(pwrite(peer.data_fd[0], "x", 1, 0), -1);
	assert_int_equal(fallocate(peer.data_fd[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
	peer_close(&peer);
}

/* ---- Why it is refused ------------------------------------------------------------------------------ */

static void test_what_cannot_be(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_hello hello;

	expect_refused(fixture, data_hello("nowhere", 2, 256), SLUICE_STATUS_UNKNOWN_PORT);
	expect_refused(fixture, data_hello(TOY_WIRE, 2, 256), SLUICE_STATUS_NOT_A_HOST_PORT);
	expect_refused(fixture, data_hello(TOY_PORT, 0, 256), SLUICE_STATUS_BAD_QUEUES);
	expect_refused(fixture, data_hello(TOY_PORT, 17, 256), SLUICE_STATUS_BAD_QUEUES);
	expect_refused(fixture, data_hello(TOY_PORT, 65535, 256), SLUICE_STATUS_BAD_QUEUES);
	expect_refused(fixture, data_hello(TOY_PORT, 1, 256), SLUICE_STATUS_TOO_FEW_QUEUES);
	expect_refused(fixture, data_hello("", 1, 0), SLUICE_STATUS_BAD_QUEUES);
	expect_refused(fixture, data_hello("", 0, 64), SLUICE_STATUS_BAD_ENTRIES);
	for (uint32_t bit = 0; bit < 16; bit++) {
		uint16_t entries = (uint16_t)(1u << bit);

		if (entries < 64 || entries > 4096)
			expect_refused(fixture, data_hello(TOY_PORT, 2, entries), SLUICE_STATUS_BAD_ENTRIES);
		else
			expect_refused(fixture, data_hello(TOY_PORT, 2, entries + 1), SLUICE_STATUS_BAD_ENTRIES);
	}
	hello = data_hello(TOY_PORT, 2, 256);
	memset(hello.port, 'a', sizeof(hello.port)); /* without an end */
	expect_refused(fixture, hello, SLUICE_STATUS_BAD_NAME);
	hello = data_hello(TOY_PORT, 2, 256);
	hello.port[31] = 'a'; /* behind the end */
	expect_refused(fixture, hello, SLUICE_STATUS_BAD_NAME);
	hello = peer_hello();
	hello.port[5] = 'a';
	expect_refused(fixture, hello, SLUICE_STATUS_BAD_NAME);
	hello = data_hello(TOY_PORT, 2, 256);
	hello.reserved[0] = 1;
	expect_refused(fixture, hello, SLUICE_STATUS_BAD_RESERVED);
	assert_int_equal(fixture->toy.sessions_opened, 0);
	assert_int_equal(fixture->toy.detached, 0);
}

static void test_a_port_has_one_client(void **state)
{
	struct fixture *fixture = *state;
	struct peer first = join_port(fixture, 2, 256), next;

	expect_refused(fixture, data_hello(TOY_PORT, 2, 256), SLUICE_STATUS_PORT_TAKEN);
	expect_served(fixture, &first);
	peer_close(&first);
	pump(fixture);
	next = join_port(fixture, 2, 256);
	peer_close(&next);
}

/* SO_PEERCRED makes an operator of whoever runs the tests: so this one asks without a socket. */
static void test_a_role_without_the_right(void **state)
{
	struct fixture *fixture = *state;
	const struct sluice_hello hello = data_hello(TOY_PORT, 2, 256);
	struct broker_data *data = NULL;

	assert_int_equal(broker_data_open(fixture->broker, NULL, &hello, SLUICE_ROLE_TENANT, &data),
			 SLUICE_STATUS_NOT_PERMITTED);
	assert_false(fixture->toy.attached);
	assert_int_equal(broker_data_open(fixture->broker, NULL, &hello, SLUICE_ROLE_HOST_ADMIN, &data),
			 SLUICE_STATUS_OK);
	assert_true(fixture->toy.attached);
	broker_data_close(fixture->broker, data);
}

static void test_an_attach_that_fails(void **state)
{
	struct fixture *fixture = *state;

	fixture->toy.refuse_attach_with = SLUICE_STATUS_NO_MEMORY;
	expect_refused(fixture, data_hello(TOY_PORT, 2, 256), SLUICE_STATUS_NO_MEMORY);
	fixture->toy.refuse_attach_with = SLUICE_STATUS_OK;
	fixture->toy.refuse_sessions_with = -ENOMEM; /* behind the attach: that is undone */
	expect_refused(fixture, data_hello(TOY_PORT, 2, 256), SLUICE_STATUS_NO_MEMORY);
	assert_int_equal(fixture->toy.detached, 1);
	assert_int_equal(fixture->toy.released, 1);
	assert_false(fixture->toy.attached);
}

static void test_descriptors_run_out_in_the_middle(void **state)
{
	struct fixture *fixture = *state;
	const struct sluice_hello hello = data_hello(TOY_PORT, 2, 64);
	struct rlimit before, tight;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (unsigned room = 9; room <= 13; room++) { /* the mailbox has its eight, and some of these fail */
		struct peer peer = {.socket = peer_connect(fixture->dir)};

		pump(fixture);
		assert_int_equal(peer_send(peer.socket, &hello, sizeof(hello), -1, 0), sizeof(hello));
		tight = before;
		tight.rlim_cur = (rlim_t)peer.socket + 1 + room;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
		pump(fixture);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(peer_receive(&peer), sizeof(peer.welcome));
		assert_int_equal(peer.welcome.status, SLUICE_STATUS_NO_MEMORY);
		peer_close(&peer);
		pump(fixture);
	}
	assert_int_equal(fixture->toy.detached, 0);
	assert_false(fixture->toy.attached);
}

/* ---- How it goes ------------------------------------------------------------------------------------ */

/* The port is free at once; memory that a worker may look at stays until it does not any more. */
static void test_regions_outlive_the_client_while_they_are_in_use(void **state)
{
	struct fixture *fixture = *state;
	struct peer peer = join_port(fixture, 2, 256), next;
	volatile uint8_t *card = fixture->toy.regions.card;

	fixture->toy.in_use = true;
	peer_close(&peer);
	pump(fixture);
	assert_int_equal(fixture->toy.detached, 1);
	assert_int_equal(fixture->toy.released, 0);
	card[0] = 1; /* is mapped */
	next = join_port(fixture, 2, 256);
	assert_ptr_not_equal(fixture->toy.regions.card, card);
	fixture->toy.in_use = false;
	assert_int_equal(broker_poll(fixture->broker, -1), 0); /* wakes by itself to look */
	assert_int_equal(fixture->toy.released, 1);
	expect_served(fixture, &next);
	peer_close(&next);
}

static void test_the_broker_ends_with_clients_attached(void **state)
{
	struct fixture *fixture = *state;
	struct peer peer = join_port(fixture, 2, 256);

	broker_destroy(fixture->broker);
	fixture->broker = NULL;
	assert_int_equal(fixture->toy.released, 1);
	assert_true(peer_is_hung_up(peer.socket));
	peer.host_data[0] = 1; /* the client's mappings are its own */
	peer_close(&peer);
}

static void test_clients_come_and_go(void **state)
{
	struct fixture *fixture = *state;
	unsigned before = open_fds();

	for (unsigned i = 0; i < 200; i++) {
		struct peer peer = join_port(fixture, 2, 64);

		peer_close(&peer);
		pump(fixture);
	}
	assert_int_equal(fixture->toy.released, 200);
	assert_int_equal(open_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(welcome_with_a_port),
		CASE(large_receives),
		CASE(welcome_without_a_port),
		CASE(both_see_the_same_memory),
		CASE(a_signal_for_each_queue_pair),
		CASE(signals_that_are_made_to_block),
		CASE(regions_are_sealed),
		CASE(what_cannot_be),
		CASE(a_port_has_one_client),
		CASE(a_role_without_the_right),
		CASE(an_attach_that_fails),
		CASE(descriptors_run_out_in_the_middle),
		CASE(regions_outlive_the_client_while_they_are_in_use),
		CASE(the_broker_ends_with_clients_attached),
		CASE(clients_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
