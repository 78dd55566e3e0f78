/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the broker, which makes a client's data regions (abi/data.h) and hands them over, and the ports that use
 * them. The broker knows no DPDK: it is told by whoever has the ports.
 *
 *   HELLO names a port ── grant() ── regions, signals ── attach() ── WELCOME
 *   hang-up ── detach() ── release() until it is true ── regions and signals are gone
 *
 * Nothing here waits: between detach() and release() a worker may be in the middle of a burst with the client's rings.
 *
 * Level: PASSIVE, the thread of the broker.
 */
#ifndef CTRLPLANE_DATA_PORT_H
#define CTRLPLANE_DATA_PORT_H

#include <stdbool.h>

#include "abi/data.h"
#include "abi/drop.h"
#include "abi/policy.h"
#include "abi/status.h"
#include "event_log.h"

struct data_grant {
	char port[SLUICE_NAME_SIZE];
	uint16_t queues;  /* wanted, then granted: as many as the port has, and no more than wanted */
	uint16_t entries; /* likewise: at most as many as wanted; a power of two */
	uint32_t mtu;	  /* set with what is granted */
	uint8_t mac[6];
	bool large_receives; /* wanted, and granted to all who want it */
};

/** Mapped as the card has them, and the card's end of each signal. */
struct data_regions {
	void *card;
	const void *host;
	const int *signals;
};

struct data_port_ops {
	/** What a client gets that wants @p grant; numbers have been checked against abi/data.h. OK, or why not. */
	enum sluice_status (*grant)(void *context, struct data_grant *grant);
	/** From here on the port uses the regions. */
	enum sluice_status (*attach)(void *context, const struct data_grant *grant, const struct data_regions *regions,
				     void **link);
	/** The client has gone: the port is free for the next one. */
	void (*detach)(void *context, void *link);
	/** Whether nobody uses the regions any more; then @p link is gone. */
	bool (*release)(void *context, void *link);
};

/** Whose the receive buffers of a port are: lent = returned + forfeited + held. */
struct data_port_account {
	uint64_t lent;	    /* to hosts */
	uint64_t returned;  /* by them */
	uint64_t forfeited; /* by hosts that have gone */
	uint32_t held;	    /* by the host that is there */
	uint32_t awaited;   /* of those, by one that keeps the rules: they will come back unless it hangs */
};

/** False: the port is no host's. */
bool data_port_account(const char *port, struct data_port_account *account);

/** TCP segments that went to hosts of the port joined; 0 where it is none of theirs. */
uint64_t data_port_joined(const char *port);

/** Nothing goes to the port's host any more, nothing is taken from it but buffers that it returns, and no other one may
 * come. */
void data_port_drain(const char *port);

/** Add to @p drops what the device of @p port has dropped, where that is a host's. */
void data_port_drops(const char *port, uint64_t drops[SLUICE_DIRECTIONS][SLUICE_DROP_LIMIT]);

/** Raise events of what hosts of @p port broke since the last time; any thread. @p log may be NULL. */
void data_port_tell_faults(struct event_log *log, const char *port);

/** The ports of the edge. Their context is the struct control whose event log is told of hosts; NULL: nobody is. */
extern const struct data_port_ops data_ports;

#endif
