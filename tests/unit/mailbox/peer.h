/* SPDX-License-Identifier: BSD-3-Clause */
/* A client of the broker by hand, message by message, so that a test can also be a bad one. */
#ifndef TESTS_MAILBOX_PEER_H
#define TESTS_MAILBOX_PEER_H

#include <sys/types.h>

#include "abi/data.h"
#include "ring.h"

struct peer {
	int socket;
	int fd[SLUICE_FD_COUNT]; /* valid where welcome.status is OK */
	void *region[SLUICE_FD_KICK];
	int data_fd[SLUICE_DATA_FD_COUNT + SLUICE_DATA_QUEUES_MAX]; /* of the data rings, where a port was named */
	unsigned data_fds;
	uint8_t *card_data; /* NULL: no port */
	uint8_t *host_data;
	struct sluice_welcome welcome;
	struct ring ring;
};

/** A socket connected to the broker in @p dir, or -1. */
int peer_connect(const char *dir);

/** A HELLO as it should be. */
struct sluice_hello peer_hello(void);

/** Sends @p length bytes as one message, with @p count copies of @p fd. */
ssize_t peer_send(int socket, const void *bytes, size_t length, int fd, unsigned count);

/**
 * Takes the WELCOME that is there by now, and maps the regions where it grants them.
 *
 * @return bytes received: sizeof(struct sluice_welcome), 0 for a hang-up, or -1 (errno)
 */
ssize_t peer_receive(struct peer *peer);

/** Whether the broker has hung up on @p socket. */
bool peer_is_hung_up(int socket);

void peer_kick(const struct peer *peer);

void peer_close(struct peer *peer);

#endif
