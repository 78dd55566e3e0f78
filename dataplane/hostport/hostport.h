/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port whose other end is a host: the poll-mode driver net_host, and how a client's rings come to it and go.
 *
 *   "net_host0,queues=2,entries=1024,mtu=1500,mac=02:00:00:00:00:01"     as the device of a port, in a policy
 *
 *   worker      rte_eth_rx_burst() ── ring_in ── copy ── meta <── HOST_DATA
 *               rte_eth_tx_burst() ── ring_out ── copy ── meta ─> CARD_DATA
 *   control     hostport_attach() ── one pointer store a queue ── hostport_detach() ── grace period ── hostport_free()
 *
 * Without a host the link is down, nothing comes, and frames for it are dropped and counted. A frame is copied once in
 * either direction; an mbuf for the host goes home at once. A host that takes large receives gets TCP segments of one
 * burst joined (join.h). A host that breaks the rules of a ring loses that queue
 * pair until it attaches anew; its neighbours notice nothing.
 *
 * The driver knows no core: who polls reads a pointer once a burst, and it is for the caller of hostport_free() to know
 * that nobody does any more. Level of all that stands here: PASSIVE, one thread at a time.
 */
#ifndef HOSTPORT_HOSTPORT_H
#define HOSTPORT_HOSTPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "im/level.h"
#include "ring.h"

#define HOSTPORT_DRIVER "net_host"

/** Extended statistics of the device: members of struct hostport_account. */
#define HOSTPORT_XSTAT(member) "host_" member

/** A client's rings at a port. */
struct hostport_link;

struct hostport_description {
	uint16_t queues;  /* that are polled: a client needs as many pairs */
	uint16_t entries; /* most of a ring */
	uint16_t mtu;
	uint8_t mac[6];
	bool taken;    /* a client is attached */
	bool draining; /* none is to come any more */
};

/** What of a client the port is to use; it stays the caller's, and good until hostport_free(). */
struct hostport_client {
	void *card;	     /* CARD_DATA, all zero */
	const void *host;    /* HOST_DATA */
	uint16_t queues;     /* as in the description */
	uint16_t entries;    /* a power of two, SLUICE_DATA_ENTRIES_MIN to that of the description */
	const int *signals;  /* a socket each to send events to; -1: none */
	bool large_receives; /* it may get TCP segments joined */
};

/** Counters of one queue pair since its port was made. Frames are those of the wire, joined or not. */
struct hostport_counters {
	uint64_t send_frames; /* from the host, taken */
	uint64_t send_bytes;
	uint64_t send_refused; /* of those taken: malformed */
	uint64_t receive_frames;
	uint64_t receive_bytes;
	uint64_t receive_short;	  /* no buffer of the host's was there */
	uint64_t receive_refused; /* longer than a frame may be */
	uint64_t receive_no_host; /* no host was there, or its ring is broken */
	uint64_t receive_joined;  /* of receive_frames: came joined with others */
	uint64_t no_mbufs;	  /* bursts that ended where there was a frame and no mbuf for it */
	enum ring_fault fault;	  /* what broke the rings of the client that is attached */
};

/**
 * Whose the receive buffers are: lent = returned + forfeited + held, whenever it is asked. A burst with nothing to send
 * takes back what the host has returned; without one, it is taken back with the next frame.
 */
struct hostport_account {
	uint64_t lent;	    /* to hosts, since the port was made */
	uint64_t returned;  /* by them */
	uint64_t forfeited; /* not returned, or not picked up, by hosts that have gone */
	uint32_t held;	    /* by the host that is there, or that has just gone */
	uint32_t awaited;   /* of those, by a host that keeps the rules of its rings */
};

/** 0, or -ENODEV: no such device, or none of this driver. */
IM_PASSIVE int hostport_describe(const char *device, struct hostport_description *description);

/** 0, or -ENODEV, -EBUSY (another client has it), -ESHUTDOWN (hostport_drain()), -EINVAL (queues or entries), -ENOMEM.
 */
IM_PASSIVE int hostport_attach(const char *device, const struct hostport_client *client, struct hostport_link **link);

/** The port forgets the client, whose buffers are the card's again. Whoever polls may still be in the middle of it. */
IM_PASSIVE void hostport_detach(struct hostport_link *link);

/** From now on no host gets anything, nothing is taken from one but what it returns, and no other one may come. */
IM_PASSIVE void hostport_drain(const char *device);

/** After hostport_detach(), and after everybody who polled then has come to the end of that. */
IM_PASSIVE void hostport_free(struct hostport_link *link);

/** What broke the rings of this queue pair since it was asked last; any thread. RING_FAULT_NONE: nothing did. */
IM_PASSIVE enum ring_fault hostport_take_fault(const char *device, uint16_t queue);

/** False: no such device or queue. */
IM_PASSIVE bool hostport_read(const char *device, uint16_t queue, struct hostport_counters *counters);

/** Of all queues. False: no such device. */
IM_PASSIVE bool hostport_account(const char *device, struct hostport_account *account);

#endif
