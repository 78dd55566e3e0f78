/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port with one queue and a host that takes large receives. Whatever the host gets is cut again as it says, by a
 * cutter of the rig's own: then it must be, byte by byte and in order, what came for it.
 */
#ifndef TESTS_HOSTPORT_JOIN_RIG_H
#define TESTS_HOSTPORT_JOIN_RIG_H

#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "abi/data.h"
#include "hostport/hostport.h"

#include "host.h"

#define ENTRIES	   256u
#define MBUFS	   511u
#define FRAMES	   96u
#define FRAME_ROOM 9100u
#define DEVICE	   "net_host0"
#define MSS	   1000u

extern struct rte_mempool *pool;

struct headers {
	struct rte_ether_hdr ether;
	struct rte_ipv4_hdr ipv4;
	struct rte_tcp_hdr tcp;
};

/* One that came, as bytes and as an mbuf. */
struct frame {
	uint32_t length;
	uint8_t bytes[FRAME_ROOM];
};

struct bed {
	uint16_t port;
	struct host host;
	struct hostport_link *link;
	struct frame sent[FRAMES];
	struct rte_mbuf *mbufs[FRAMES];
	uint16_t count;
	uint16_t flow;		  /* of the last */
	struct frame got[FRAMES]; /* cut */
	uint32_t got_count;
	uint32_t told; /* frames that the host was told of */
	uint32_t long_told;
	uint8_t whole[SLUICE_DATA_FRAME_MAX];
	struct sluice_frame_meta meta;
};

/* ---- Frames ------------------------------------------------------------------------------------------ */

/* What differs from a segment as it should be: the next one of its flow, with MSS bytes, DF, and right sums. */
struct spec {
	uint16_t flow;
	uint16_t payload; /* 0: MSS */
	bool empty;	  /* no payload at all */
	int32_t skip;	  /* in front of its sequence number */
	uint8_t flags;	  /* beside ACK */
	uint8_t tos;
	uint8_t ttl; /* less */
	uint8_t ack; /* more */
	uint16_t window;
	uint16_t urgent;
	uint32_t stamp;	  /* 0: without the option */
	uint8_t reserved; /* bits beside the length of the header */
	bool no_df;
	uint16_t id; /* with no_df: more than it would be */
	uint16_t fragment;
	bool ip_options;
	uint8_t padding;
	uint8_t mac;
	uint8_t bad; /* 1: sum of TCP, 2: of IPv4 */
	uint64_t ol_flags;
};

/* As set-ups and tear-downs of cmocka, of all tests and of each. */
int group_up(void **state);
int group_down(void **state);
int up(void **state);
int down(void **state);

/** Another host, with rings of @p entries. */
void attach_anew(struct bed *bed, uint16_t entries, bool large_receives);

/** Put a frame behind those that are to be sent. */
void add(struct bed *bed, const struct spec *spec);
void add_all(struct bed *bed, const struct spec *specs, uint16_t count);
void add_many(struct bed *bed, uint16_t count); /* as they should be */

/** Flip @p bits of byte @p at of the last one, and make its sums right again where @p sum. */
void damage(struct bed *bed, uint32_t at, uint8_t bits, bool sum);

struct rte_mbuf *mbuf_of(const struct frame *frame, uint64_t ol_flags);

/** All of them as one burst. */
void transmit(struct bed *bed);

/** What the host has, cut; its buffers go back. */
void receive(struct bed *bed);

struct hostport_counters counters(void);

/** The first @p count of what was sent came, each flow's in order. */
void expect_all(const struct bed *bed, uint32_t count);

/** All come, in @p told frames, of which @p joined are joined; counters speak of the wire's. */
void expect(struct bed *bed, uint32_t told, uint32_t joined);

#endif
