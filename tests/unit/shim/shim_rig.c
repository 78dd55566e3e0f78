/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim_rig.h"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define TEST_LIMIT_S 120

const char *rig_program;

/* ---- Waiting ------------------------------------------------------------------------------------- */

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void pause_a_little(void)
{
	const struct timespec moment = {.tv_nsec = 2000000};

	nanosleep(&moment, NULL);
}

bool has_said(struct fixture *fixture, const char *text)
{
	size_t length = strlen(fixture->said);
	ssize_t more = read(fixture->errors, fixture->said + length, sizeof(fixture->said) - length - 1);

	if (more > 0)
		fixture->said[length + (size_t)more] = '\0';
	return strstr(fixture->said, text) != NULL;
}

/* ---- The device, as the kernel sees it ----------------------------------------------------------- */

int control(unsigned long what, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;

	strcpy(request->ifr_name, NAME);
	result = ioctl(fd, what, request);
	close(fd);
	return result;
}

static short flags_of_device(void)
{
	struct ifreq request = {0};

	return control(SIOCGIFFLAGS, &request) == 0 ? request.ifr_flags : 0;
}

void change_flags(short set, short clear)
{
	struct ifreq request = {0};

	request.ifr_flags = (short)((flags_of_device() & ~clear) | set);
	assert_int_equal(control(SIOCSIFFLAGS, &request), 0);
}

bool has_carrier(void)
{
	return (flags_of_device() & IFF_RUNNING) != 0;
}

int mtu_of_device(void)
{
	struct ifreq request = {0};

	return control(SIOCGIFMTU, &request) == 0 ? request.ifr_mtu : -1;
}

int open_packets(void)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(NAME)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* ---- Fixture ------------------------------------------------------------------------------------- */

void start_shim(struct fixture *fixture, const char *options)
{
	char line[512];
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	snprintf(line, sizeof(line), "exec %s --port host0 --runtime-dir %s %s", rig_program, fixture->card.dir,
		 options);
	fixture->shim = fork();
	if (fixture->shim == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(pipes[1], 1);
		dup2(pipes[1], 2);
		execl("/bin/sh", "sh", "-c", line, NULL);
		_exit(127);
	}
	close(pipes[1]);
	fixture->errors = pipes[0];
	fixture->said[0] = '\0';
	fcntl(fixture->errors, F_SETFL, O_NONBLOCK);
}

void start(struct fixture *fixture, const char *options)
{
	card_start(&fixture->card);
	start_shim(fixture, options);
	WAIT_UNTIL(has_said(fixture, "sluice-shim: ready: " NAME " is port host0"));
	change_flags(IFF_UP, 0);
	WAIT_UNTIL(has_carrier());
	fixture->packets = open_packets();
}

int end_of_shim(struct fixture *fixture, int signal)
{
	int status;

	if (signal != 0)
		kill(fixture->shim, signal);
	assert_int_equal(waitpid(fixture->shim, &status, 0), fixture->shim);
	fixture->shim = 0;
	has_said(fixture, "");
	close(fixture->errors);
	return status;
}

int set_up(void **state)
{
	static const uint32_t connected, offloads = 0x0f;
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	alarm(TEST_LIMIT_S);
	fixture->packets = fixture->manager = -1;
	card_init(&fixture->card);
	fixture->card.has_stack = true;
	card_set_oid(&fixture->card, SLUICE_OID_GEN_MEDIA_CONNECT_STATUS, &connected, sizeof(connected));
	card_set_oid(&fixture->card, SLUICE_OID_TCP_TASK_OFFLOAD, &offloads, sizeof(offloads));
	card_set_oid(&fixture->card, SLUICE_OID_802_3_CURRENT_ADDRESS, "\x02\0\0\0\0\x07", 6);
	*state = fixture;
	return 0;
}

/* A report of a sanitizer makes the status another one. */
int tear_down(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->shim != 0) {
		int status = end_of_shim(fixture, SIGTERM);

		if (status != 0)
			print_error("%s\n", fixture->said);
		assert_int_equal(status, 0);
	}
	if (fixture->packets >= 0)
		close(fixture->packets);
	if (fixture->manager >= 0)
		close(fixture->manager);
	card_free(&fixture->card);
	free(fixture);
	return 0;
}

/* ---- Frames -------------------------------------------------------------------------------------- */

void make_frame(uint8_t *frame, uint32_t length, uint8_t mark)
{
	memset(frame, mark, length);
	memcpy(frame, "\x02\0\0\0\0\x07\x02\0\0\0\0\x09\x88\xb5", 14); /* an EtherType for experiments */
}

/* The next frame with our EtherType that the card gets; the kernel sends others of its own. */
static uint32_t take_ours(struct fixture *fixture, uint8_t *frame, struct sluice_frame_meta *meta)
{
	uint64_t limit = now_ms() + WAIT_MS;

	while (now_ms() < limit) {
		uint32_t length = card_take(&fixture->card, 0, frame, meta);

		if (length > 14 && frame[12] == 0x88 && frame[13] == 0xb5)
			return length;
		if (length == 0)
			pause_a_little();
	}
	return 0;
}

ssize_t hear_ours(struct fixture *fixture, uint8_t *frame, size_t size)
{
	struct pollfd source = {.fd = fixture->packets, .events = POLLIN};
	uint64_t limit = now_ms() + WAIT_MS;

	while (now_ms() < limit) {
		struct sockaddr_ll from;
		socklen_t from_length = sizeof(from);
		ssize_t length;

		poll(&source, 1, 100);
		length = recvfrom(fixture->packets, frame, size, 0, (struct sockaddr *)&from, &from_length);
		if (length > 14 && frame[12] == 0x88 && frame[13] == 0xb5 && from.sll_pkttype != PACKET_OUTGOING)
			return length;
	}
	return -1;
}

void expect_both_ways(struct fixture *fixture, uint8_t mark)
{
	uint8_t sent[1000], got[2048];
	struct sluice_frame_meta meta;

	make_frame(sent, sizeof(sent), mark);
	assert_int_equal(send(fixture->packets, sent, sizeof(sent), 0), sizeof(sent));
	assert_int_equal(take_ours(fixture, got, &meta), sizeof(sent));
	assert_memory_equal(got, sent, sizeof(sent));
	sent[20]++;
	assert_true(card_give(&fixture->card, 0, sent, sizeof(sent), NULL, 0));
	assert_int_equal(hear_ours(fixture, got, sizeof(got)), sizeof(sent));
	assert_memory_equal(got, sent, sizeof(sent));
	WAIT_UNTIL(card_collect(&fixture->card, 0) == fixture->card.entries);
}
