/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The runtime directory: one firmware at a time owns it, and clients find its socket there.
 *
 * The lock decides who owns it, never the socket: a socket file says nothing about whether anyone still
 * listens. So the lock is taken first, and only its holder removes a socket that was left behind.
 */
#ifndef CTRLPLANE_RUNDIR_H
#define CTRLPLANE_RUNDIR_H

#include <stddef.h>
#include <sys/un.h>

struct rundir {
	int lock_fd;
	int listen_fd; /* non-blocking */
	char lock_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/**
 * Makes @p dir if it is missing (0755), locks it, and listens on its socket.
 *
 * @param error  gets one line for people on failure
 * @return 0 or -errno: -EBUSY where another firmware holds the lock
 */
int rundir_open(struct rundir *rundir, const char *dir, char *error, size_t error_size);

/** Removes socket and lock, and closes both. */
void rundir_close(struct rundir *rundir);

#endif
