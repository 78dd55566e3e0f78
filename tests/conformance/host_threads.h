/* SPDX-License-Identifier: BSD-3-Clause */
/* The core's threads: for host.c. */
#ifndef CONFORMANCE_HOST_THREADS_H
#define CONFORMANCE_HOST_THREADS_H

#include <stdint.h>

/** Start @p workers workers. Other control threads start with their first job. */
void host_threads_start(uint32_t workers);

/** Let all end what they were given, and end them. */
void host_threads_stop(void);

/** The same where a test failed: whoever does not end soon ends the program. */
void host_threads_abandon(void);

/** Wait until each thread that runs has had a whole turn. */
void host_threads_turn(void);

#endif
