/* SPDX-License-Identifier: BSD-3-Clause */
/* What the driver's files share: port.c knows the ports and their clients, burst.c moves packets, ethdev.c is DPDK's.
 */
#ifndef HOSTPORT_PORT_H
#define HOSTPORT_PORT_H

#include <sys/queue.h>

#include <rte_mbuf.h>

#include "hostport.h"

#define HOSTPORT_MTU_MAX  9000u
#define HOSTPORT_OVERHEAD 22u /* Ethernet header and two VLAN tags */

/* One queue pair of a client. Owner: the thread that polls that queue of the port. */
struct hostport_pair {
	struct ring_in in;
	struct ring_out out;
	struct sluice_card_line *card;
	uint32_t broken; /* 1: in quarantine; both directions look, either sets it */
	int signal;
	bool joins; /* its host takes large receives */
} __attribute__((aligned(64)));

/* One queue pair of a port. Writer of the counters: the thread that polls it; readers: control threads. */
struct hostport_queue {
	struct hostport_pair *pair; /* NULL: no host. Writer: control side; read once a burst */
	struct rte_mempool *pool;
	const uint32_t *max_frame; /* the port's */
	uint32_t untold;	   /* a fault that hostport_take_fault() has not given; it stays when the client goes */
	uint32_t draining;	   /* 1: returns are taken, and nothing else. Writer: control side */
	struct hostport_counters counters;
} __attribute__((aligned(64)));

struct hostport {
	LIST_ENTRY(hostport) entry;
	char device[64];
	uint16_t queues;     /* that there can be */
	uint16_t configured; /* that are polled */
	uint16_t entries;
	uint16_t mtu;
	uint32_t max_frame; /* bytes without FCS */
	uint8_t mac[6];
	bool started;
	bool draining;
	struct hostport_link *link;	  /* NULL: no client */
	LIST_HEAD(, hostport_link) links; /* that one, and those that are not freed yet */
	struct hostport_account past;	  /* of those that are */
	struct hostport_queue queue[SLUICE_DATA_QUEUES_MAX];
};

/** Make @p port known by its device's name, or forget it; whoever is attached then is detached. */
IM_PASSIVE void hostport_register(struct hostport *port);
IM_PASSIVE void hostport_unregister(struct hostport *port);

/** Whether the device is started: an attached host is told. */
IM_PASSIVE void hostport_set_started(struct hostport *port, bool started);

/** Bursts of the driver: @p queue is a struct hostport_queue. */
IM_DISPATCH uint16_t hostport_receive(void *queue, struct rte_mbuf **mbufs, uint16_t count);
IM_DISPATCH uint16_t hostport_transmit(void *queue, struct rte_mbuf **mbufs, uint16_t count);

/** Write one event to a host that sleeps: the one system call on the way of packets, made at the host's request. */
void hostport_wake(int signal);

#endif
