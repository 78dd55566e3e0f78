/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

#define COMMANDS_PER_TURN 8u /* of broker.c */

static void test_welcome(void **state)
{
	struct fixture *fixture = *state;
	const struct sluice_info_region *info;
	struct peer peer;
	struct stat found;

	join(fixture, &peer);
	assert_int_equal(peer.welcome.magic, SLUICE_MAGIC);
	assert_int_equal(peer.welcome.status, SLUICE_STATUS_OK);
	assert_int_equal(peer.welcome.role, SLUICE_ROLE_OPERATOR); /* the firmware's own user */
	assert_int_equal(peer.welcome.features, 0);
	for (int i = 0; i < SLUICE_FD_KICK; i++) {
		assert_int_equal(fstat(peer.fd[i], &found), 0);
		assert_int_equal(found.st_size, peer.welcome.region_size[i]);
	}
	broker_info(fixture->broker)->control_heartbeat = 4711;
	info = peer.region[SLUICE_FD_INFO];
	assert_int_equal(info->magic, SLUICE_MAGIC);
	assert_int_equal(info->control_heartbeat, 4711);
	assert_int_equal(broker_clients(fixture->broker), 1);
	assert_int_equal(fixture->toy.sessions_opened, 1);
	peer_close(&peer);
	pump(fixture);
	assert_int_equal(broker_clients(fixture->broker), 0);
	assert_int_equal(fixture->toy.sessions_closed, 1);
}

/* Each once, within the region, over nobody else's bytes; written out, so that one that moves is seen. */
static void test_capabilities(void **state)
{
	static const struct sluice_capability expected[] = {{1, 1, 80, 8},    {2, 1, 88, 4},	{3, 1, 92, 4},
							    {4, 1, 128, 512}, {5, 1, 640, 128}, {6, 1, 1024, 3072},
							    {0, 0, 0, 0}};
	struct fixture *fixture = *state;
	const struct sluice_info_region *info;
	struct peer peer;

	join(fixture, &peer);
	info = peer.region[SLUICE_FD_INFO];
	assert_memory_equal(info->capability, expected, sizeof(expected));
	for (size_t i = 1; info->capability[i].id != 0; i++) {
		const struct sluice_capability *before = &info->capability[i - 1];

		assert_true(info->capability[i].offset >= before->offset + before->length);
		assert_true(info->capability[i].offset + info->capability[i].length <= (int)sizeof(*info));
	}
	peer_close(&peer);
}

static void test_command_completion_and_signal(void **state)
{
	struct fixture *fixture = *state;
	uint64_t signals = 0;
	struct peer peer;

	join(fixture, &peer);
	expect_served(fixture, &peer);
	assert_int_equal(read(peer.fd[SLUICE_FD_NOTIFY], &signals, sizeof(signals)), sizeof(signals));
	assert_int_equal(signals, 1);
	assert_int_equal(broker_counters(fixture->broker)->commands, 1);
	assert_int_equal(broker_counters(fixture->broker)->bad_commands, 0);
	peer_close(&peer);
}

static void expect_sealed(int fd, size_t size)
{
	const off_t sizes[] = {0, (off_t)size - 4096, (off_t)size + 4096, (off_t)1 << 32};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(ftruncate(fd, sizes[i]), -1);
		assert_int_equal(errno, EPERM);
	}
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(errno, EPERM);
}

static void expect_read_only(int fd, size_t size)
{
	assert_ptr_equal(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(errno, EPERM);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
	assert_int_equal(errno, EPERM);
}

static void test_regions_are_sealed(void **state)
{
	static const bool card_writes[] = {
#define CARD		       true
#define HOST		       false
#define X(name, bytes, writer) writer,
		SLUICE_FD_TABLE(X)
#undef X
#undef HOST
#undef CARD
	};
	struct fixture *fixture = *state;
	struct peer peer;

	join(fixture, &peer);
	for (int i = 0; i < SLUICE_FD_KICK; i++) {
		expect_sealed(peer.fd[i], peer.welcome.region_size[i]);
		if (!card_writes[i])
			continue;
		expect_read_only(peer.fd[i], peer.welcome.region_size[i]);
		assert_int_equal(mprotect(peer.region[i], 4096, PROT_READ | PROT_WRITE), -1);
	}
	expect_served(fixture, &peer);
	peer_close(&peer);
}

/* Sends @p length bytes where HELLO should be; the bystander must not notice. */
static struct peer send_instead_of_hello(struct fixture *fixture, const void *bytes, size_t length)
{
	struct peer peer = {.socket = peer_connect(fixture->dir)};

	assert_int_equal(peer_send(peer.socket, bytes, length, -1, 0), length);
	pump(fixture);
	return peer;
}

static void test_garbage_instead_of_hello(void **state)
{
	static const size_t lengths[] = {0, 1, 8, 63, 65, 128, 4096, 65536};
	struct fixture *fixture = *state;
	struct peer bystander;
	uint8_t garbage[65536];
	struct sluice_hello hello = peer_hello();

	join(fixture, &bystander);
	memset(garbage, 0xa5, sizeof(garbage));
	memcpy(garbage, &hello, sizeof(hello));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct peer peer = send_instead_of_hello(fixture, garbage, lengths[i]);

		assert_true(peer_is_hung_up(peer.socket));
		assert_int_equal(peer_receive(&peer), 0);
		peer_close(&peer);
		expect_served(fixture, &bystander);
	}
	assert_int_equal(broker_clients(fixture->broker), 1);
	peer_close(&bystander);
}

static void expect_refused(struct fixture *fixture, const struct sluice_hello *hello, enum sluice_status status)
{
	struct peer peer = send_instead_of_hello(fixture, hello, sizeof(*hello));

	assert_int_equal(peer_receive(&peer), sizeof(peer.welcome));
	assert_int_equal(peer.welcome.status, status);
	assert_int_equal(peer.welcome.abi_major, SLUICE_ABI_MAJOR);
	assert_null(peer.ring.doorbell); /* no descriptors */
	assert_true(peer_is_hung_up(peer.socket));
	peer_close(&peer);
}

static void test_hello_that_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_hello hello = peer_hello();
	struct peer peer;

	hello.abi_major++;
	expect_refused(fixture, &hello, SLUICE_STATUS_BAD_VERSION);
	hello = peer_hello();
	hello.reserved[sizeof(hello.reserved) - 1] = 1;
	expect_refused(fixture, &hello, SLUICE_STATUS_BAD_RESERVED);
	hello = peer_hello();
	hello.magic ^= 1;
	peer = send_instead_of_hello(fixture, &hello, sizeof(hello));
	assert_int_equal(peer_receive(&peer), 0);
	peer_close(&peer);
	assert_int_equal(fixture->toy.sessions_opened, 0);
}

/* A later minor version and features that we do not know are no reason to refuse: they are not granted. */
static void test_hello_of_a_later_client(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_hello hello = peer_hello();
	struct peer peer;

	hello.abi_minor += 7;
	hello.features = UINT32_MAX;
	peer = send_instead_of_hello(fixture, &hello, sizeof(hello));
	assert_int_equal(peer_receive(&peer), sizeof(peer.welcome));
	assert_int_equal(peer.welcome.status, SLUICE_STATUS_OK);
	assert_int_equal(peer.welcome.abi_minor, SLUICE_ABI_MINOR);
	assert_int_equal(peer.welcome.features, 0);
	peer_close(&peer);
}

/* An earlier one is served all the same: it hears which version this is, and gets nothing that it has not asked for. */
static void test_hello_of_an_earlier_client(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_hello hello = peer_hello();
	struct peer peer;

	for (hello.abi_minor = 0; hello.abi_minor < SLUICE_ABI_MINOR; hello.abi_minor++) {
		peer = send_instead_of_hello(fixture, &hello, sizeof(hello));
		assert_int_equal(peer_receive(&peer), sizeof(peer.welcome));
		assert_int_equal(peer.welcome.status, SLUICE_STATUS_OK);
		assert_int_equal(peer.welcome.abi_major, SLUICE_ABI_MAJOR);
		assert_int_equal(peer.welcome.abi_minor, SLUICE_ABI_MINOR);
		assert_int_equal(peer.welcome.features, 0);
		expect_served(fixture, &peer);
		peer_close(&peer);
		pump(fixture);
	}
}

static void test_surplus_descriptors(void **state)
{
	static const unsigned counts[] = {1, 8, 200};
	struct fixture *fixture = *state;
	const struct sluice_hello hello = peer_hello();

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct peer peer = {.socket = peer_connect(fixture->dir)};
		unsigned before;

		pump(fixture);
		before = open_fds();
		assert_int_equal(peer_send(peer.socket, &hello, sizeof(hello), peer.socket, counts[i]), sizeof(hello));
		pump(fixture);
		assert_true(peer_is_hung_up(peer.socket));
		assert_int_equal(peer_receive(&peer), 0);
		assert_int_equal(open_fds(), before - 1); /* none came in, and the connection went */
		peer_close(&peer);
	}
	assert_int_equal(fixture->toy.sessions_opened, 0);
}

static void test_message_after_hello(void **state)
{
	struct fixture *fixture = *state;
	struct peer bad, good;

	join(fixture, &bad);
	join(fixture, &good);
	assert_int_equal(peer_send(bad.socket, "hello?", 6, good.socket, 3), 6);
	pump(fixture);
	assert_true(peer_is_hung_up(bad.socket));
	assert_int_equal(fixture->toy.sessions_closed, 1);
	expect_served(fixture, &good);
	peer_close(&bad);
	peer_close(&good);
}

static void test_silent_connections_make_room(void **state)
{
	struct fixture *fixture = *state;
	int silent[BROKER_MAX_CLIENTS + 40];
	const unsigned count = sizeof(silent) / sizeof(silent[0]);
	struct peer peer;

	for (unsigned i = 0; i < count; i++) {
		silent[i] = peer_connect(fixture->dir);
		pump(fixture);
	}
	assert_true(peer_is_hung_up(silent[0]));
	assert_false(peer_is_hung_up(silent[count - 1]));
	join(fixture, &peer);
	expect_served(fixture, &peer);
	peer_close(&peer);
	for (unsigned i = 0; i < count; i++)
		close(silent[i]);
}

static void test_silent_connection_is_dropped_after_5_s(void **state)
{
	struct fixture *fixture = *state;
	int silent = peer_connect(fixture->dir);
	time_t start = time(NULL);

	while (!peer_is_hung_up(silent) && time(NULL) < start + 20)
		broker_poll(fixture->broker, -1); /* the deadline wakes it: nothing else will */
	assert_true(peer_is_hung_up(silent));
	assert_in_range(time(NULL) - start, 4, 10);
	close(silent);
}

/* Both ends are in this process. */
static bool have_many_descriptors(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_max >= 2048;
}

static void test_client_limit(void **state)
{
	static struct peer peers[BROKER_MAX_CLIENTS];
	struct fixture *fixture = *state;
	const struct sluice_hello hello = peer_hello();

	if (!have_many_descriptors())
		skip();
	for (unsigned i = 0; i < BROKER_MAX_CLIENTS; i++)
		join(fixture, &peers[i]);
	assert_int_equal(broker_clients(fixture->broker), BROKER_MAX_CLIENTS);
	for (unsigned i = 0; i < 64; i++) { /* 64 at once, before the broker moves */
		ring_submit(&peers[i].ring, (struct sluice_command){.opcode = SLUICE_OP_INFO});
		peer_kick(&peers[i]);
	}
	pump(fixture);
	assert_int_equal(broker_counters(fixture->broker)->commands, 64);
	expect_refused(fixture, &hello, SLUICE_STATUS_TOO_MANY_CLIENTS);
	expect_served(fixture, &peers[BROKER_MAX_CLIENTS - 1]);
	peer_close(&peers[5]);
	pump(fixture);
	join(fixture, &peers[5]); /* one left, one may come */
	expect_served(fixture, &peers[5]);
	for (unsigned i = 0; i < BROKER_MAX_CLIENTS; i++)
		peer_close(&peers[i]);
}

#define NOBODY 65534

/* A connection is what its maker was when he made it. */
static struct peer join_as_tenant(struct fixture *fixture)
{
	const struct sluice_hello hello = peer_hello();
	struct peer peer = {.socket = -1};

	assert_int_equal(seteuid(NOBODY), 0);
	peer.socket = peer_connect(fixture->dir);
	assert_int_equal(seteuid(0), 0);
	assert_true(peer.socket >= 0);
	assert_int_equal(peer_send(peer.socket, &hello, sizeof(hello), -1, 0), sizeof(hello));
	pump(fixture);
	assert_int_equal(peer_receive(&peer), sizeof(peer.welcome));
	return peer;
}

static void let_anybody_connect(const struct fixture *fixture)
{
	char path[sizeof(fixture->dir) + sizeof("/" SLUICE_SOCKET_NAME)];

	snprintf(path, sizeof(path), "%s/" SLUICE_SOCKET_NAME, fixture->dir);
	assert_int_equal(chmod(fixture->dir, 0711), 0);
	assert_int_equal(chmod(path, 0666), 0);
}

static void test_a_crowd_of_tenants_leaves_room_for_the_operator(void **state)
{
	static struct peer tenants[BROKER_MAX_CLIENTS + 1], operators[BROKER_KEPT_PLACES];
	const unsigned places = BROKER_MAX_CLIENTS - 2 * BROKER_KEPT_PLACES;
	struct fixture *fixture = *state;

	if (geteuid() != 0 || !have_many_descriptors())
		skip();
	let_anybody_connect(fixture);
	for (unsigned i = 0; i < places; i++) {
		tenants[i] = join_as_tenant(fixture);
		assert_int_equal(tenants[i].welcome.role, SLUICE_ROLE_TENANT);
		assert_int_equal(tenants[i].welcome.status, SLUICE_STATUS_OK);
	}
	tenants[places] = join_as_tenant(fixture);
	assert_int_equal(tenants[places].welcome.status, SLUICE_STATUS_TOO_MANY_CLIENTS);
	for (unsigned i = 0; i < BROKER_KEPT_PLACES; i++) {
		join(fixture, &operators[i]);
		expect_served(fixture, &operators[i]);
	}
	for (unsigned i = 0; i <= places; i++)
		peer_close(&tenants[i]);
	for (unsigned i = 0; i < BROKER_KEPT_PLACES; i++)
		peer_close(&operators[i]);
}

static void test_client_that_consumes_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct peer lazy, good;

	join(fixture, &lazy);
	join(fixture, &good);
	for (unsigned i = 0; i < 2 * SLUICE_RING_ENTRIES; i++) {
		if (i == SLUICE_RING_ENTRIES) {
			peer_kick(&lazy);
			pump(fixture);
		}
		ring_submit(&lazy.ring, (struct sluice_command){.opcode = SLUICE_OP_INFO});
	}
	for (unsigned i = 0; i < 10; i++) {
		peer_kick(&lazy);
		expect_served(fixture, &good);
	}
	assert_int_equal(broker_counters(fixture->broker)->commands, SLUICE_RING_ENTRIES + 10);
	lazy.ring.doorbell->cq_head = 1u << 31; /* nor is a lie of any use */
	peer_kick(&lazy);
	expect_served(fixture, &good);
	assert_int_equal(broker_counters(fixture->broker)->commands, SLUICE_RING_ENTRIES + 11);
	assert_int_equal(broker_counters(fixture->broker)->bad_doorbells, 1);
	peer_close(&lazy);
	peer_close(&good);
}

static void test_turns_are_fair(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_completion completion;
	struct peer busy, modest;

	join(fixture, &busy);
	join(fixture, &modest);
	for (unsigned i = 0; i < SLUICE_RING_ENTRIES; i++)
		ring_submit(&busy.ring, (struct sluice_command){.opcode = SLUICE_OP_INFO});
	ring_submit(&modest.ring, (struct sluice_command){.opcode = SLUICE_OP_INFO});
	peer_kick(&busy);
	peer_kick(&modest);
	assert_true(broker_poll(fixture->broker, 0) > 0);
	assert_true(ring_take(&modest.ring, &completion));
	assert_int_equal(fixture->toy.handled, COMMANDS_PER_TURN + 1);
	assert_true(broker_poll(fixture->broker, -1) > 0); /* work is left: it does not wait */
	assert_int_equal(fixture->toy.handled, 2 * COMMANDS_PER_TURN + 1);
	pump(fixture);
	assert_int_equal(fixture->toy.handled, SLUICE_RING_ENTRIES + 1);
	peer_close(&busy);
	peer_close(&modest);
}

static void test_flood_of_kicks(void **state)
{
	const uint64_t most = UINT64_MAX - 1;
	struct fixture *fixture = *state;
	struct peer flooder, good;
	uint64_t kicks;

	join(fixture, &flooder);
	join(fixture, &good);
	for (unsigned i = 0; i < 20000; i++) {
		peer_kick(&flooder);
		if (i % 100 == 0)
			expect_served(fixture, &good);
	}
	assert_int_equal(read(flooder.fd[SLUICE_FD_KICK], &kicks, sizeof(kicks)), sizeof(kicks));
	assert_int_equal(write(flooder.fd[SLUICE_FD_KICK], &most, sizeof(most)), sizeof(most));
	expect_served(fixture, &good);
	assert_int_equal(broker_counters(fixture->broker)->commands, 201);
	peer_close(&flooder);
	peer_close(&good);
}

/*
 * O_NONBLOCK belongs to the open file, which the client shares: a broker that reads KICK when it is empty,
 * or writes to a NOTIFY that is full, would hang here, and the alarm would end the test.
 */
static void test_client_that_makes_its_descriptors_block(void **state)
{
	struct fixture *fixture = *state;
	struct peer bad, good;
	uint64_t value;

	join(fixture, &bad);
	join(fixture, &good);
	peer_kick(&bad);
	assert_int_equal(read(bad.fd[SLUICE_FD_KICK], &value, sizeof(value)), sizeof(value));
	while (send(bad.fd[SLUICE_FD_NOTIFY], &value, sizeof(value), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	assert_int_equal(fcntl(bad.fd[SLUICE_FD_KICK], F_SETFL, 0), 0);
	assert_int_equal(fcntl(bad.fd[SLUICE_FD_NOTIFY], F_SETFL, 0), 0);
	for (unsigned i = 0; i < 2000; i++) { /* signals that nobody takes, more than any buffer holds */
		bad.ring.doorbell->cq_head = i;
		ring_submit(&bad.ring, (struct sluice_command){.opcode = SLUICE_OP_INFO});
		peer_kick(&bad);
		pump(fixture);
	}
	assert_int_equal(fixture->toy.handled, 2000);
	expect_served(fixture, &good);
	peer_close(&bad);
	peer_close(&good);
}

static void test_client_that_closes_its_descriptors(void **state)
{
	struct fixture *fixture = *state;
	struct peer bad, good;

	join(fixture, &bad);
	join(fixture, &good);
	ring_submit(&bad.ring, (struct sluice_command){.opcode = SLUICE_OP_INFO});
	peer_kick(&bad);
	for (int i = 0; i < SLUICE_FD_COUNT; i++)
		assert_int_equal(close(bad.fd[i]), 0);
	pump(fixture); /* signals into nothing: SIGPIPE would end the process */
	assert_int_equal(fixture->toy.handled, 1);
	expect_served(fixture, &good);
	for (int i = 0; i < SLUICE_FD_COUNT; i++)
		bad.fd[i] = -1;
	peer_close(&bad);
	peer_close(&good);
}

/* KICK outlives the connection where the client holds on to it; a kick then wakes nobody. */
static void test_kick_after_hanging_up(void **state)
{
	struct fixture *fixture = *state;
	struct peer left, good;

	join(fixture, &left);
	shutdown(left.socket, SHUT_RDWR);
	pump(fixture);
	assert_int_equal(fixture->toy.sessions_closed, 1);
	join(fixture, &good); /* gets the place */
	peer_kick(&left);
	assert_int_equal(broker_poll(fixture->broker, 0), 0);
	expect_served(fixture, &good);
	peer_close(&left);
	peer_close(&good);
}

/* All in one turn: the client hangs up, another connection gets its place, and then comes the old one's kick. */
static void test_kick_that_finds_another_client(void **state)
{
	struct fixture *fixture = *state;
	struct peer left;
	int other;

	join(fixture, &left);
	shutdown(left.socket, SHUT_RDWR);
	other = peer_connect(fixture->dir);
	peer_kick(&left);
	assert_int_equal(broker_poll(fixture->broker, 0), 3); /* the events, and no mailbox to serve */
	assert_int_equal(fixture->toy.sessions_closed, 1);
	assert_false(peer_is_hung_up(other));
	close(other);
	peer_close(&left);
}

static void be_killed_in_the_middle(const char *dir, int go)
{
	const struct sluice_hello hello = peer_hello();
	struct peer peer = {.socket = peer_connect(dir)};
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
	peer_send(peer.socket, &hello, sizeof(hello), -1, 0);
	while (peer_receive(&peer) < 0)
		usleep(1000);
	for (unsigned i = 0; i < SLUICE_RING_ENTRIES; i++)
		ring_submit(&peer.ring, (struct sluice_command){.opcode = SLUICE_OP_INFO});
	peer_kick(&peer);
	(void)!write(go, "k", 1);
	(void)!read(go, &byte, 1); /* for ever: SIGKILL comes first */
	_exit(0);
}

static void test_client_killed_in_the_middle(void **state)
{
	struct fixture *fixture = *state;
	struct peer good;
	int go[2], count = 0;
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, go), 0);
	join(fixture, &good);
	child = fork();
	if (child == 0)
		be_killed_in_the_middle(fixture->dir, go[1]);
	while (fixture->toy.handled == 0 && count++ < 10000)
		broker_poll(fixture->broker, 10);
	assert_int_equal(fixture->toy.handled, COMMANDS_PER_TURN); /* of 64: the rest is under way */
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	pump(fixture);
	assert_int_equal(fixture->toy.sessions_closed, 1);
	expect_served(fixture, &good);
	peer_close(&good);
	close(go[0]);
	close(go[1]);
}

static void test_session_that_cannot_be_opened(void **state)
{
	struct fixture *fixture = *state;
	const struct sluice_hello hello = peer_hello();

	fixture->toy.refuse_sessions_with = -ENOMEM;
	expect_refused(fixture, &hello, SLUICE_STATUS_NO_MEMORY);
	fixture->toy.refuse_sessions_with = -ESHUTDOWN;
	expect_refused(fixture, &hello, SLUICE_STATUS_SHUTTING_DOWN);
	fixture->toy.refuse_sessions_with = 0;
	assert_int_equal(broker_clients(fixture->broker), 0);
	assert_int_equal(fixture->toy.sessions_closed, 0);
}

/* Connections that come while no descriptor is free are hung up on, not left to wake the broker for ever. */
static void test_no_descriptor_left(void **state)
{
	struct fixture *fixture = *state;
	struct rlimit before, tight;
	struct peer good;
	int late;

	join(fixture, &good);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	late = peer_connect(fixture->dir);
	tight = before;
	tight.rlim_cur = (rlim_t)late + 1; /* what is below is in use */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	pump(fixture);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(peer_is_hung_up(late));
	expect_served(fixture, &good);
	close(late);
	peer_close(&good);
}

/* The last descriptors go while a mailbox is being furnished: refused with a reason, and nothing leaks. */
static void test_descriptors_run_out_in_the_middle(void **state)
{
	struct fixture *fixture = *state;
	const struct sluice_hello hello = peer_hello();
	struct rlimit before, tight;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (unsigned room = 1; room <= 8; room++) {
		struct peer peer = {.socket = peer_connect(fixture->dir)};

		pump(fixture); /* accepted: the descriptor after peer.socket */
		assert_int_equal(peer_send(peer.socket, &hello, sizeof(hello), -1, 0), sizeof(hello));
		tight = before;
		tight.rlim_cur = (rlim_t)peer.socket + 1 + room;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
		pump(fixture);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(peer_receive(&peer), sizeof(peer.welcome));
		assert_int_equal(peer.welcome.status, SLUICE_STATUS_NO_MEMORY);
		assert_true(peer_is_hung_up(peer.socket));
		peer_close(&peer);
	}
	assert_int_equal(broker_clients(fixture->broker), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(welcome),
		CASE(capabilities),
		CASE(command_completion_and_signal),
		CASE(regions_are_sealed),
		CASE(garbage_instead_of_hello),
		CASE(hello_that_is_refused),
		CASE(hello_of_a_later_client),
		CASE(hello_of_an_earlier_client),
		CASE(surplus_descriptors),
		CASE(message_after_hello),
		CASE(silent_connections_make_room),
		CASE(silent_connection_is_dropped_after_5_s),
		CASE(client_limit),
		CASE(a_crowd_of_tenants_leaves_room_for_the_operator),
		CASE(client_that_consumes_nothing),
		CASE(turns_are_fair),
		CASE(flood_of_kicks),
		CASE(client_that_makes_its_descriptors_block),
		CASE(client_that_closes_its_descriptors),
		CASE(kick_after_hanging_up),
		CASE(kick_that_finds_another_client),
		CASE(client_killed_in_the_middle),
		CASE(session_that_cannot_be_opened),
		CASE(no_descriptor_left),
		CASE(descriptors_run_out_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
