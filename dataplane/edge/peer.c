/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that meets its peer when it is started, and only then: where that one has gone, it is stopped and started
 * again and again. Workers leave the device alone meanwhile, and what waits for it waits on, until it counts as stuck.
 *
 * Starting may wait for a peer that listens and accepts nobody, for as long as that one likes. So it is done by a
 * thread of its own, which nobody waits for.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "im/core.h"
#include "port.h"

#define SHAKE_SECONDS 5u /* that two which have met need at most to agree: the link is down until then */
#define PAUSE_SECONDS 8u /* the longest between two looks that were in vain: each is a line of the device's */
#define END_SECONDS   2u

static void look_in(struct edge_port *port, uint32_t seconds)
{
	port->look_at = rte_rdtsc() + seconds * rte_get_tsc_hz();
}

void edge_port_met_peer(struct edge_port *port)
{
	port->pause_seconds = 1;
	look_in(port, SHAKE_SECONDS);
}

static void restart(struct edge_port *port)
{
	rte_eth_dev_stop(port->port_id);
	if (rte_eth_dev_start(port->port_id) == 0) {
		edge_port_met_peer(port);
		__atomic_and_fetch(&port->stopped, ~(uint32_t)EDGE_STOP_AWAY, __ATOMIC_RELEASE);
	} else {
		look_in(port, port->pause_seconds);
		port->pause_seconds = RTE_MIN(2 * port->pause_seconds, PAUSE_SECONDS);
	}
}

static void *seek(void *argument)
{
	struct edge_port *port = argument;

	im_synchronize();
	restart(port);
	__atomic_store_n(&port->seeking, false, __ATOMIC_RELEASE);
	return NULL;
}

/* What ends the firmware is for the thread that is woken by it. */
static int start_thread(struct edge_port *port)
{
	sigset_t ends, before;
	pthread_t thread;
	int error;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ends, &before);
	error = pthread_create(&thread, NULL, seek, port);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		pthread_detach(thread);
	return error;
}

void edge_port_reconnect(struct edge_port *port)
{
	if (!port->reconnects || !port->started || __atomic_load_n(&port->seeking, __ATOMIC_ACQUIRE) ||
	    (int64_t)(rte_rdtsc() - port->look_at) < 0)
		return;
	__atomic_or_fetch(&port->stopped, EDGE_STOP_AWAY, __ATOMIC_RELEASE);
	__atomic_store_n(&port->seeking, true, __ATOMIC_RELAXED);
	if (start_thread(port) != 0) /* it stays away, and the next look tries again */
		__atomic_store_n(&port->seeking, false, __ATOMIC_RELAXED);
}

bool edge_port_stop_seeking(struct edge_port *port)
{
	const uint32_t step_us = 1000;

	for (uint32_t us = 0; us < END_SECONDS * 1000000; us += step_us) {
		if (!__atomic_load_n(&port->seeking, __ATOMIC_ACQUIRE))
			return true;
		usleep(step_us);
	}
	fprintf(stderr, "sluice-fw: port '%s' still waits for its peer: it is left open\n", port->config.name);
	return false;
}
