/* SPDX-License-Identifier: BSD-3-Clause */
#include "peer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST_FDS 200

int peer_connect(const char *dir)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/" SLUICE_SOCKET_NAME, dir);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

struct sluice_hello peer_hello(void)
{
	return (struct sluice_hello){
		.magic = SLUICE_MAGIC, .abi_major = SLUICE_ABI_MAJOR, .abi_minor = SLUICE_ABI_MINOR};
}

ssize_t peer_send(int socket, const void *bytes, size_t length, int fd, unsigned count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(MOST_FDS * sizeof(int))] = {0};
	struct iovec part = {(void *)bytes, length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	int fds[MOST_FDS];

	if (count > 0) {
		struct cmsghdr *header = (struct cmsghdr *)control;

		for (unsigned i = 0; i < count; i++)
			fds[i] = fd;
		*header = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof(int))};
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void map_regions(struct peer *peer)
{
	static const int protection[] = {
#define CARD		       PROT_READ
#define HOST		       (PROT_READ | PROT_WRITE)
#define X(name, bytes, writer) writer,
		SLUICE_FD_TABLE(X)
#undef X
#undef HOST
#undef CARD
	};

	for (int i = 0; i < SLUICE_FD_KICK; i++) {
		peer->region[i] = mmap(NULL, peer->welcome.region_size[i], protection[i], MAP_SHARED, peer->fd[i], 0);
		if (peer->region[i] == MAP_FAILED)
			abort();
	}
	peer->ring = (struct ring){
		.doorbell = peer->region[SLUICE_FD_DOORBELL],
		.submission = peer->region[SLUICE_FD_SUBMISSION],
		.completion = peer->region[SLUICE_FD_COMPLETION],
		.stage_in = peer->region[SLUICE_FD_STAGE_IN],
		.stage_out = peer->region[SLUICE_FD_STAGE_OUT],
	};
}

static void map_data(struct peer *peer)
{
	peer->card_data = mmap(NULL, peer->welcome.data_size[SLUICE_DATA_FD_CARD_DATA], PROT_READ, MAP_SHARED,
			       peer->data_fd[SLUICE_DATA_FD_CARD_DATA], 0);
	peer->host_data = mmap(NULL, peer->welcome.data_size[SLUICE_DATA_FD_HOST_DATA], PROT_READ | PROT_WRITE,
			       MAP_SHARED, peer->data_fd[SLUICE_DATA_FD_HOST_DATA], 0);
	if (peer->card_data == MAP_FAILED || peer->host_data == MAP_FAILED)
		abort();
}

ssize_t peer_receive(struct peer *peer)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(peer->fd) + sizeof(peer->data_fd))] = {0};
	struct iovec part = {&peer->welcome, sizeof(peer->welcome)};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(peer->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	if (length != sizeof(peer->welcome) || header == NULL)
		return length;
	peer->data_fds = peer->welcome.queues > 0 ? (unsigned)SLUICE_DATA_FD_COUNT + peer->welcome.queues : 0u;
	if (header->cmsg_len != CMSG_LEN(sizeof(peer->fd) + peer->data_fds * sizeof(int)) ||
	    (message.msg_flags & MSG_CTRUNC) != 0)
		abort(); /* not the exact count */
	memcpy(peer->fd, CMSG_DATA(header), sizeof(peer->fd));
	memcpy(peer->data_fd, CMSG_DATA(header) + sizeof(peer->fd), peer->data_fds * sizeof(int));
	map_regions(peer);
	if (peer->data_fds > 0)
		map_data(peer);
	return length;
}

bool peer_is_hung_up(int socket)
{
	struct pollfd source = {.fd = socket};

	return poll(&source, 1, 0) == 1 && (source.revents & POLLHUP) != 0;
}

void peer_kick(const struct peer *peer)
{
	const uint64_t one = 1;

	if (write(peer->fd[SLUICE_FD_KICK], &one, sizeof(one)) != sizeof(one))
		abort();
}

void peer_close(struct peer *peer)
{
	close(peer->socket);
	if (peer->ring.doorbell == NULL)
		return;
	for (int i = 0; i < SLUICE_FD_KICK; i++)
		munmap(peer->region[i], peer->welcome.region_size[i]);
	for (int i = 0; i < SLUICE_FD_COUNT; i++)
		close(peer->fd[i]);
	for (unsigned i = 0; i < peer->data_fds; i++)
		close(peer->data_fd[i]);
	if (peer->card_data != NULL) {
		munmap(peer->card_data, peer->welcome.data_size[SLUICE_DATA_FD_CARD_DATA]);
		munmap(peer->host_data, peer->welcome.data_size[SLUICE_DATA_FD_HOST_DATA]);
	}
}
