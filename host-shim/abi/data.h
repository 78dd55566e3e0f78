/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data rings: how a host's virtual miniport sends and receives packets through one port of the card.
 *
 *   HELLO names a port  ->  WELCOME comes with two more regions and one more signal for each queue pair
 *
 * What the card writes and what the host writes are in regions of their own, so that neither can change what the
 * other has said. Both have the same shape: the writer's indices of each queue pair, then its descriptors, then its
 * buffers.
 *
 *   CARD_DATA   [ card lines: queues ][ receive ring: queues x entries ][ receive buffers: queues x entries ]
 *   HOST_DATA   [ host lines: queues ][ send ring, return ring: queues x entries each ][ send buffers: as many ]
 *
 *   send     host fills a send buffer ─> send ring, send_tail ─────> card copies the frame, then looks at it; send_head
 *   receive  card fills a receive buffer ─> receive ring, receive_tail ─> host; the buffer is the host's until ...
 *   return   ... host gives its number ─> return ring, return_tail ─────> it is the card's again; return_head
 *
 * An index counts descriptors since the queue was opened, modulo 2^32; a place in a ring is the index masked by
 * entries - 1. A ring is full at `entries` descriptors between head and tail; whoever sees more has a broken or hostile
 * peer. Each index has one writer, which publishes it with release order after what it covers.
 *
 * The bytes of a descriptor may begin anywhere in their buffer, and end within it: short frames at different lines of a
 * cache spread over more of it. In the send buffers of its queue the host may even put them anywhere.
 *
 * A frame is one descriptor or several: all but the last have SLUICE_DESC_MORE. They are published together: a frame
 * that does not end before the tail is malformed. The first buffer of a frame begins with a struct sluice_frame_meta
 * where the descriptor says SLUICE_DESC_META.
 *
 * A client that was granted SLUICE_FEATURE_LARGE_RECEIVES may get TCP segments of a flow over IPv4 as one frame, longer
 * than the MTU, with the meta of a large send: TCPV4, gso_size, hdr_len, NEEDS_CSUM. All segments but the last had
 * gso_size bytes of payload; their sums were right, or the card's to make. Other clients never get one.
 *
 * Ownership is the contract's: a received buffer is the host's until it has returned it (5.4). Where the card is short
 * of buffers it says SLUICE_DESC_RESOURCES: that buffer is not returned, it is the card's again as soon as the host has
 * moved receive_head past it, so the host copies at once (5.6).
 *
 * The card polls, and is never kicked. A host that sleeps says so in `want_event`, looks at the index once more behind
 * a full barrier, and reads the queue's signal; the card writes an event there when receive_tail, or send_head, moves.
 * The host takes back the wish when it is awake. Of receive_tail there is no second event before receive_head has come
 * to where receive_tail was at the first one; so a host sleeps only where it has passed all that it saw.
 */
#ifndef SLUICE_ABI_DATA_H
#define SLUICE_ABI_DATA_H

#include "base.h"

#define SLUICE_DATA_QUEUES_MAX	16u
#define SLUICE_DATA_ENTRIES_MIN 64u
#define SLUICE_DATA_ENTRIES_MAX 4096u  /* a power of two */
#define SLUICE_DATA_BUFFER	2048u  /* bytes of one buffer */
#define SLUICE_DATA_FRAME_MAX	65535u /* bytes of one frame, before segmentation */
#define SLUICE_DATA_CHAIN_MAX	33u    /* buffers of one frame */
#define SLUICE_DATA_SEGS_MAX	128u   /* that one frame may ask to be cut into */

/* Descriptors of a WELCOME that answers a HELLO with a port, behind those of SLUICE_FD_TABLE; then one signal for each
 * queue pair, to be polled and read 8 bytes at a time. X(name, writer) */
#define SLUICE_DATA_FD_TABLE(X)                                                                                        \
	X(CARD_DATA, CARD)                                                                                             \
	X(HOST_DATA, HOST)

enum sluice_data_fd {
#define X(name, writer) SLUICE_DATA_FD_##name,
	SLUICE_DATA_FD_TABLE(X)
#undef X
		SLUICE_DATA_FD_COUNT
};

/* X(name, bit, what it says) */
#define SLUICE_DESC_TABLE(X)                                                                                           \
	X(MORE, 0x0001, "the frame goes on in the next descriptor")                                                    \
	X(META, 0x0002, "the buffer begins with a struct sluice_frame_meta")                                           \
	X(RESOURCES, 0x0004, "receive: copy at once, the buffer is not to be returned")

enum sluice_desc_flag {
#define X(name, bit, text) SLUICE_DESC_##name = bit,
	SLUICE_DESC_TABLE(X)
#undef X
};

/* An entry of the send, receive and return rings. Of a return only `id` counts, the others are 0. */
struct sluice_desc {
	uint32_t offset; /* bytes from the start of the writer's region */
	uint16_t length; /* bytes in this buffer, the meta included */
	uint16_t flags;	 /* SLUICE_DESC_*; others 0 */
	uint32_t id;	 /* of a receive buffer: its number in its queue; of a send: the host's business */
	uint32_t reserved;
};
SLUICE_ASSERT_SIZE(struct sluice_desc, 16);

/* As struct virtio_net_hdr, which Linux's TAP speaks (VIRTIO 1.2, 5.1.6), with the VLAN beside it. */
struct sluice_frame_meta {
	uint8_t flags;	      /* VIRTIO_NET_HDR_F_NEEDS_CSUM (1), VIRTIO_NET_HDR_F_DATA_VALID (2) */
	uint8_t gso_type;     /* VIRTIO_NET_HDR_GSO_NONE (0), TCPV4 (1), UDP_L4 (5), TCPV6 (4), with ECN (0x80) */
	uint16_t hdr_len;     /* bytes of all headers; a hint */
	uint16_t gso_size;    /* bytes of payload in each segment */
	uint16_t csum_start;  /* the sum runs from here to the end of the frame ... */
	uint16_t csum_offset; /* ... and is stored so many bytes behind that */
	uint16_t vlan;	      /* 802.1Q tag control information, 0: none */
	uint8_t reserved[4];
};
SLUICE_ASSERT_SIZE(struct sluice_frame_meta, 16);

/* The card's words of a queue pair, at its place in CARD_DATA. */
struct sluice_card_line {
	uint32_t receive_tail;
	uint8_t reserved0[60];
	uint32_t send_head; /* frames up to here have been copied: their buffers are the host's again */
	uint8_t reserved1[60];
	uint32_t return_head;
	uint32_t status;	/* enum sluice_queue_status */
	uint64_t send_frames;	/* taken, and what became of them: */
	uint64_t send_refused;	/* of those, malformed, or not to be sent as they ask */
	uint64_t receive_short; /* frames for the host that found no buffer */
	uint8_t reserved2[32];
};
SLUICE_ASSERT_SIZE(struct sluice_card_line, 192);

/* The host's words of a queue pair, at its place in HOST_DATA. */
struct sluice_host_line {
	uint32_t send_tail;
	uint8_t reserved0[60];
	uint32_t receive_head;
	uint8_t reserved1[60];
	uint32_t return_tail;
	uint8_t reserved2[60];
	uint32_t want_event; /* SLUICE_WANT_*: the host sleeps until one comes */
	uint8_t reserved3[60];
};
SLUICE_ASSERT_SIZE(struct sluice_host_line, 256);

#define SLUICE_WANT_RECEIVE 0x1u
#define SLUICE_WANT_SEND    0x2u

enum sluice_queue_status {
	SLUICE_QUEUE_DOWN = 0, /* the port is paused: nothing is taken, nothing comes */
	SLUICE_QUEUE_UP = 1,
	SLUICE_QUEUE_BROKEN = 2, /* the host broke the rules of the ring; an event says which */
};

/** Where things are in the two regions of a port with @p queues pairs of @p entries. Offsets and sizes in bytes. */
static inline uint64_t sluice_card_line_at(uint32_t queue)
{
	return (uint64_t)queue * sizeof(struct sluice_card_line);
}

static inline uint64_t sluice_host_line_at(uint32_t queue)
{
	return (uint64_t)queue * sizeof(struct sluice_host_line);
}

static inline uint64_t sluice_data_round(uint64_t bytes)
{
	return (bytes + 4095) / 4096 * 4096;
}

static inline uint64_t sluice_receive_ring_at(uint32_t queues, uint32_t entries, uint32_t queue)
{
	return sluice_data_round(sluice_card_line_at(queues)) + (uint64_t)queue * entries * sizeof(struct sluice_desc);
}

static inline uint64_t sluice_receive_buffer_at(uint32_t queues, uint32_t entries, uint32_t queue, uint32_t id)
{
	return sluice_data_round(sluice_receive_ring_at(queues, entries, queues)) +
	       ((uint64_t)queue * entries + id) * SLUICE_DATA_BUFFER;
}

static inline uint64_t sluice_card_data_size(uint32_t queues, uint32_t entries)
{
	return sluice_receive_buffer_at(queues, entries, queues, 0);
}

static inline uint64_t sluice_send_ring_at(uint32_t queues, uint32_t entries, uint32_t queue)
{
	(void)entries;
	return sluice_data_round(sluice_host_line_at(queues)) +
	       (uint64_t)queue * 2 * entries * sizeof(struct sluice_desc);
}

static inline uint64_t sluice_return_ring_at(uint32_t queues, uint32_t entries, uint32_t queue)
{
	return sluice_send_ring_at(queues, entries, queue) + (uint64_t)entries * sizeof(struct sluice_desc);
}

/** The host may put a frame anywhere in the send buffers of its queue; this is its @p id-th piece. */
static inline uint64_t sluice_send_buffer_at(uint32_t queues, uint32_t entries, uint32_t queue, uint32_t id)
{
	return sluice_data_round(sluice_send_ring_at(queues, entries, queues)) +
	       ((uint64_t)queue * entries + id) * SLUICE_DATA_BUFFER;
}

static inline uint64_t sluice_host_data_size(uint32_t queues, uint32_t entries)
{
	return sluice_send_buffer_at(queues, entries, queues, 0);
}

/* What a host can break of its rings, and loses them by. X(name, number, word, text) */
#define SLUICE_RING_FAULT_TABLE(X)                                                                                     \
	X(NONE, 0, "none", "none")                                                                                     \
	X(SEND_TAIL, 1, "send-tail", "send_tail runs backwards, or is more than the ring ahead")                       \
	X(RECEIVE_HEAD, 2, "receive-head", "receive_head runs backwards, or is beyond receive_tail")                   \
	X(RETURN_TAIL, 3, "return-tail", "return_tail is more than the ring ahead")                                    \
	X(RETURN_ID, 4, "return-id", "a buffer was returned that the host does not have")                              \
	X(RETURN_FIELDS, 5, "return-fields", "a return says more than the number of a buffer")

enum sluice_ring_fault {
#define X(name, number, word, text) SLUICE_RING_FAULT_##name = number,
	SLUICE_RING_FAULT_TABLE(X)
#undef X
};

/** The word that people and programs read for @p fault, or NULL. */
static inline const char *sluice_ring_fault_word(uint32_t fault)
{
	switch (fault) {
#define X(name, number, word, text)                                                                                    \
	case number:                                                                                                   \
		return word;
		SLUICE_RING_FAULT_TABLE(X)
#undef X
	default:
		return NULL;
	}
}

#endif
