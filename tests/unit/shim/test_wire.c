/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two kernels in a row: each has a shim over a card of its own, in a network namespace of its own, and the test is the
 * wire between the cards. TCP runs over it, with checksums and segments left to the "cards", which hand them on as they
 * are: what the one kernel asks for, the other is told.
 *
 * usage: test_wire SLUICE-SHIM
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* after those, which it needs */
#include <arpa/inet.h>
#include <cmocka.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "card.h"

#define NAME	     "sluice0"
#define PORT	     7777
#define BYTES	     (32u << 20)
#define CHUNK	     65536u
#define TEST_LIMIT_S 110
#define BURST	     32u

static const char *program;

struct wire {
	struct card cards[2];
	uint32_t stop; /* atomic */
	pthread_t thread;
	uint64_t segmented; /* frames that asked for it */
	uint64_t summed;
	uint64_t carried;
	uint64_t short_of; /* frames that found no buffer, as a card would count */
};

/* ---- The wire ------------------------------------------------------------------------------------ */

static unsigned carry(struct wire *wire, struct card *from, struct card *to)
{
	static uint8_t frame[SLUICE_DATA_FRAME_MAX];
	struct sluice_frame_meta meta;
	unsigned taken = 0;
	uint32_t length;

	while (taken < BURST && from->card_data != NULL && (length = card_take(from, 0, frame, &meta)) > 0) {
		taken++;
		wire->segmented += meta.gso_type != 0;
		wire->summed += meta.flags != 0;
		if (to->card_data != NULL && card_give(to, 0, frame, length, &meta, 0))
			wire->carried++;
		else
			wire->short_of++;
	}
	if (to->card_data != NULL)
		card_collect(to, 0);
	return taken;
}

static void *be_wire(void *context)
{
	const struct timespec moment = {.tv_nsec = 50000};
	struct wire *wire = context;

	while (__atomic_load_n(&wire->stop, __ATOMIC_ACQUIRE) == 0) {
		unsigned moved;

		pthread_mutex_lock(&wire->cards[0].lock);
		pthread_mutex_lock(&wire->cards[1].lock);
		moved = carry(wire, &wire->cards[0], &wire->cards[1]);
		moved += carry(wire, &wire->cards[1], &wire->cards[0]);
		pthread_mutex_unlock(&wire->cards[1].lock);
		pthread_mutex_unlock(&wire->cards[0].lock);
		if (moved == 0)
			nanosleep(&moment, NULL);
	}
	return NULL;
}

/* ---- A host -------------------------------------------------------------------------------------- */

static void must(bool condition, const char *what)
{
	if (!condition) {
		perror(what);
		_exit(1);
	}
}

static int control(unsigned long what, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;

	strcpy(request->ifr_name, NAME);
	result = ioctl(fd, what, request);
	close(fd);
	return result;
}

static pid_t start_shim(const char *dir)
{
	char line[512];
	pid_t pid;

	snprintf(
		line, sizeof(line),
		"exec %s --port host0 --runtime-dir %s --entries 256 --offloads csum,tso4,tso6,ecn,gro --persist >/dev/null 2>&1",
		program, dir);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/bin/sh", "sh", "-c", line, NULL);
		_exit(127);
	}
	return pid;
}

/* In a fresh namespace: the device, up, with an address, once its carrier is there. */
static pid_t become_host(const char *dir, const char *text)
{
	struct ifreq up = {0}, address = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&address.ifr_addr;
	pid_t shim;

	must(unshare(CLONE_NEWNET) == 0, "unshare");
	shim = start_shim(dir);
	while (control(SIOCGIFFLAGS, &up) != 0)
		usleep(5000);
	*in = (struct sockaddr_in){.sin_family = AF_INET};
	inet_pton(AF_INET, text, &in->sin_addr);
	must(control(SIOCSIFADDR, &address) == 0, "address");
	up.ifr_flags |= IFF_UP;
	must(control(SIOCSIFFLAGS, &up) == 0, "up");
	do {
		usleep(5000);
		must(control(SIOCGIFFLAGS, &up) == 0, "flags");
	} while ((up.ifr_flags & IFF_RUNNING) == 0);
	return shim;
}

static void end_shim(pid_t shim)
{
	int status;

	kill(shim, SIGTERM);
	must(waitpid(shim, &status, 0) == shim && status == 0, "end of the shim");
}

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 31 + offset / 4096);
}

/* Takes all bytes, each of them right, and says so. */
static int be_server(const char *dir)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	static uint8_t chunk[CHUNK];
	pid_t shim = become_host(dir, "192.0.2.2");
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	uint64_t offset = 0;
	ssize_t got;

	must(bind(listener, (struct sockaddr *)&here, sizeof(here)) == 0 && listen(listener, 1) == 0, "listen");
	fd = accept(listener, NULL, NULL);
	must(fd >= 0, "accept");
	while (offset < BYTES && (got = recv(fd, chunk, sizeof(chunk), 0)) > 0) {
		for (ssize_t i = 0; i < got; i++, offset++) {
			if (chunk[i] != byte_at(offset))
				_exit(2);
		}
	}
	must(send(fd, &offset, sizeof(offset), 0) == sizeof(offset), "answer");
	must(recv(fd, chunk, 1, 0) == 0, "end"); /* until the client has it */
	close(fd);
	close(listener);
	end_shim(shim);
	return offset == BYTES ? 0 : 3;
}

static int connect_to_server(void)
{
	struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	inet_pton(AF_INET, "192.0.2.2", &there.sin_addr);
	for (;;) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(fd, (struct sockaddr *)&there, sizeof(there)) == 0)
			return fd;
		close(fd);
		usleep(10000);
	}
}

/* Sends all bytes; in the middle its shim is killed, and another one takes over the device and the connection. */
static int be_client(const char *dir)
{
	static uint8_t chunk[CHUNK];
	pid_t shim = become_host(dir, "192.0.2.1");
	int fd = connect_to_server();
	uint64_t answer = 0;

	for (uint64_t offset = 0; offset < BYTES; offset += CHUNK) {
		if (offset == BYTES / 2) {
			kill(shim, SIGKILL);
			must(waitpid(shim, NULL, 0) == shim, "killed shim");
			shim = start_shim(dir);
		}
		for (uint32_t i = 0; i < CHUNK; i++)
			chunk[i] = byte_at(offset + i);
		must(send(fd, chunk, CHUNK, 0) == CHUNK, "send");
	}
	must(recv(fd, &answer, sizeof(answer), MSG_WAITALL) == sizeof(answer), "recv");
	close(fd);
	usleep(100000); /* the end of the connection is still on its way */
	end_shim(shim);
	return answer == BYTES ? 0 : 3;
}

/* ---- The test ------------------------------------------------------------------------------------ */

static pid_t start_host(int (*be)(const char *dir), const char *dir, int go)
{
	pid_t pid = fork();
	char byte;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(TEST_LIMIT_S);
	must(read(go, &byte, 1) == 1, "go");
	_exit(be(dir));
}

static void set_up_card(struct card *card)
{
	static const uint32_t connected, offloads = 0x0f;

	card_init(card);
	card->entries = 256;
	card->features = SLUICE_FEATURE_LARGE_RECEIVES;
	card_set_oid(card, SLUICE_OID_GEN_MEDIA_CONNECT_STATUS, &connected, sizeof(connected));
	card_set_oid(card, SLUICE_OID_TCP_TASK_OFFLOAD, &offloads, sizeof(offloads));
}

static void test_a_connection_outlives_a_shim(void **state)
{
	struct wire *wire = calloc(1, sizeof(*wire));
	int go[2], status[2];
	pid_t hosts[2];

	(void)state;
	alarm(TEST_LIMIT_S);
	assert_int_equal(pipe(go), 0);
	for (int i = 0; i < 2; i++) {
		set_up_card(&wire->cards[i]);
		hosts[i] = start_host(i == 0 ? be_server : be_client, wire->cards[i].dir, go[0]);
	}
	for (int i = 0; i < 2; i++)
		card_start(&wire->cards[i]);
	assert_int_equal(pthread_create(&wire->thread, NULL, be_wire, wire), 0);
	assert_int_equal(write(go[1], "go", 2), 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(waitpid(hosts[i], &status[i], 0), hosts[i]);
	__atomic_store_n(&wire->stop, 1, __ATOMIC_RELEASE);
	pthread_join(wire->thread, NULL);
	print_message("%lu frames, %lu to be segmented, %lu to be summed, %lu without a buffer\n", wire->carried,
		      wire->segmented, wire->summed, wire->short_of);
	assert_int_equal(status[0], 0);
	assert_int_equal(status[1], 0);
	assert_true(wire->segmented > 0 && wire->summed > wire->segmented);
	assert_int_equal(wire->cards[1].clients, 2);
	for (int i = 0; i < 2; i++)
		card_free(&wire->cards[i]);
	close(go[0]);
	close(go[1]);
	free(wire);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_connection_outlives_a_shim)};

	if (argc != 2) {
		fprintf(stderr, "usage: %s SLUICE-SHIM\n", argv[0]);
		return 2;
	}
	program = argv[1];
	if (geteuid() != 0 || access("/dev/net/tun", R_OK | W_OK) != 0) {
		puts("skipped: needs root, and /dev/net/tun");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
