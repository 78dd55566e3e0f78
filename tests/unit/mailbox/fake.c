/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "abi/crc32c.h"
#include "abi/data.h"

#define MOST_DESCRIPTORS 60

static const struct {
	size_t size;
	char writer;
} regions[] = {
#define X(name, bytes, writer) {bytes, #writer[0]},
	SLUICE_FD_TABLE(X)
#undef X
};

static int must(int result)
{
	if (result < 0) {
		perror("fake firmware");
		_exit(1);
	}
	return result;
}

static int make_region(const struct fake *fake, int which)
{
	int fd = must(memfd_create("fake", MFD_ALLOW_SEALING | MFD_CLOEXEC));
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	bool is_short = fake->short_region && which == SLUICE_FD_STAGE_OUT;

	if (regions[which].writer == 'C' && !fake->writable)
		seals |= F_SEAL_FUTURE_WRITE;
	must(ftruncate(fd, (off_t)regions[which].size - (is_short ? 4096 : 0)));
	return fd | (fake->unsealed ? 0 : must(fcntl(fd, F_ADD_SEALS, seals)));
}

/* Mapped before it is sealed, or nothing could ever be written there. */
static void *map_completions(const struct fake *fake, int *fd)
{
	void *base;

	*fd = must(memfd_create("fake", MFD_ALLOW_SEALING | MFD_CLOEXEC));
	must(ftruncate(*fd, (off_t)regions[SLUICE_FD_COMPLETION].size));
	base = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (!fake->unsealed)
		must(fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | F_SEAL_FUTURE_WRITE));
	return base;
}

static uint64_t data_size(const struct fake *fake, int which)
{
	uint32_t entries = fake->entries != 0 ? fake->entries : 64;

	return which == SLUICE_DATA_FD_CARD_DATA ? sluice_card_data_size(fake->queues, entries)
						 : sluice_host_data_size(fake->queues, entries);
}

static int make_data_region(const struct fake *fake, int which)
{
	int fd = must(memfd_create("fake", MFD_ALLOW_SEALING | MFD_CLOEXEC));
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	if (which == SLUICE_DATA_FD_CARD_DATA && !fake->data_writable)
		seals |= F_SEAL_FUTURE_WRITE;
	must(ftruncate(fd, (off_t)data_size(fake, which) + fake->region_off[which] * 4096));
	if (!fake->data_unsealed[which])
		must(fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

static void describe_data(const struct fake *fake, struct sluice_welcome *welcome)
{
	const uint8_t mac[6] = {2 ^ fake->mac, 0, 0, 0, 0, 1};

	for (int i = 0; i < SLUICE_DATA_FD_COUNT; i++)
		welcome->data_size[i] = data_size(fake, i) + fake->size_off[i];
	welcome->queues = fake->queues;
	welcome->entries = fake->entries != 0 ? fake->entries : 64;
	welcome->mtu = fake->mtu != 0 ? fake->mtu : 1500;
	memcpy(welcome->mac, mac, sizeof(mac));
}

/* How many there should be. */
static unsigned descriptor_count(const struct fake *fake)
{
	return SLUICE_FD_COUNT + (fake->queues != 0 ? SLUICE_DATA_FD_COUNT + fake->queues : 0);
}

static void send_welcome(const struct fake *fake, int socket, const int *fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))] = {0};
	struct sluice_welcome welcome = {
		.magic = SLUICE_MAGIC ^ fake->bad_magic,
		.abi_major = fake->abi_major != 0 ? fake->abi_major : SLUICE_ABI_MAJOR,
		.status = fake->status,
		.ring_entries = fake->ring_entries != 0 ? fake->ring_entries : SLUICE_RING_ENTRIES,
		.stage_size = SLUICE_STAGE_SIZE,
	};
	unsigned count = fake->descriptors != 0 ? fake->descriptors : descriptor_count(fake);
	struct iovec part = {&welcome, fake->welcome_length != 0 ? fake->welcome_length : sizeof(welcome)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *header = (struct cmsghdr *)control;

	for (int i = 0; i < SLUICE_FD_COUNT; i++)
		welcome.region_size[i] = (uint32_t)regions[i].size;
	if (fake->queues != 0)
		describe_data(fake, &welcome);
	*header = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof(int))};
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	if (fake->status == SLUICE_STATUS_OK) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	must((int)sendmsg(socket, &message, MSG_NOSIGNAL));
}

/* Answers the first command, whose id is 0. */
static void complete(const struct fake *fake, struct sluice_completion *ring)
{
	struct sluice_completion completion = {.command_id = fake->wrong_command_id, .out_length = fake->out_length};
	static const uint8_t zeros[4096];
	uint32_t covered = fake->out_length < sizeof(zeros) ? fake->out_length : sizeof(zeros);
	uint32_t crc = sluice_crc32c(0, &completion, 24);
	uint64_t word = sluice_crc32c(crc, zeros, covered) ^ fake->wrong_crc;

	memcpy(ring, &completion, 24);
	__atomic_store_n((uint64_t *)&ring->crc, word | 1ull << 32, __ATOMIC_RELEASE);
}

static void serve(const struct fake *fake, int socket)
{
	int fds[MOST_DESCRIPTORS];
	struct sluice_completion *ring;
	struct pollfd sources[2];

	for (int i = 0; i < SLUICE_FD_KICK; i++)
		fds[i] = make_region(fake, i);
	ring = map_completions(fake, &fds[SLUICE_FD_COMPLETION]);
	for (int i = SLUICE_FD_KICK; i < MOST_DESCRIPTORS; i++)
		fds[i] = must(eventfd(0, EFD_NONBLOCK));
	if (fake->queues != 0) {
		for (int i = 0; i < SLUICE_DATA_FD_COUNT; i++) {
			close(fds[SLUICE_FD_COUNT + i]);
			fds[SLUICE_FD_COUNT + i] = make_data_region(fake, i);
		}
	}
	send_welcome(fake, socket, fds);
	sources[0] = (struct pollfd){.fd = fds[SLUICE_FD_KICK], .events = POLLIN};
	sources[1] = (struct pollfd){.fd = socket, .events = POLLIN};
	must(poll(sources, 2, -1));
	if (sources[0].revents != 0) {
		complete(fake, ring);
		must(eventfd_write(fds[SLUICE_FD_NOTIFY], 1));
	}
	must(poll(&sources[1], 1, -1));
}

static void run(const struct fake *fake, int listener)
{
	struct sluice_hello hello;
	int socket;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	socket = must(accept(listener, NULL, NULL));
	must((int)recv(socket, &hello, sizeof(hello), 0));
	if (!fake->hang_up)
		serve(fake, socket);
	_exit(0);
}

pid_t fake_start(const char *dir, const struct fake *fake)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = must(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
	pid_t pid;

	snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/" SLUICE_SOCKET_NAME, dir);
	unlink(address.sun_path);
	must(bind(listener, (struct sockaddr *)&address, sizeof(address)));
	must(listen(listener, 1));
	pid = must(fork());
	if (pid == 0)
		run(fake, listener);
	close(listener);
	return pid;
}
