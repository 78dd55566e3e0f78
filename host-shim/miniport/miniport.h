/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The virtual miniport: one port of the card, as a host program sees it. A C library without DPDK.
 *
 *       protocol A      protocol B            up to SLUICE_PROTOCOLS_MAX of them
 *        send |  ^ receive, send_complete, status
 *             v  |
 *     [     virtual miniport     ]  queue 0 .. queues - 1        this library
 *        send ring |  ^ receive ring, return ring                abi/data.h
 *                  v  |
 *                 the card
 *
 * Life: sluice_miniport_initialize() connects; protocols attach; for each queue pair a thread calls
 * sluice_miniport_poll(), and, where there is nothing to do, sleeps by sluice_miniport_arm(); one thread calls
 * sluice_miniport_check() now and then. sluice_miniport_halt() ends it.
 *
 * When the firmware goes away, the miniport stays: all sends that were out are completed with SEND_ABORTED, received
 * packets that protocols have kept stay readable until they are returned, and sluice_miniport_reattach() tries again.
 *
 * Levels. PASSIVE: may wait, for the firmware too; any thread, but never inside a protocol's handler. QUEUE: never
 * waits, makes no system call; one thread at a time for one queue (a second one finds nothing to do). ANY: never waits
 * for more than a short lock; any thread, also inside handlers.
 *
 * Protocols' handlers run inside sluice_miniport_poll(), and inside those PASSIVE calls that say so: for one queue
 * never two at once, for different queues at the same time where different threads poll them.
 *
 * example/pinger.c is a protocol to begin with.
 *
 * A number such as [5.4] is the statement of the contract (docs/contract.md) that a rule comes from.
 */
#ifndef SLUICE_MINIPORT_H
#define SLUICE_MINIPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "abi/data.h"
#include "abi/im_status.h"
#include "abi/oid.h"
#include "abi/record.h"
#include "mailbox/client.h"

#define SLUICE_PROTOCOLS_MAX 8u
#define SLUICE_BATCH	     64u /* most packets of one call of a handler */
#define SLUICE_FRAME_MIN     14u /* bytes: an Ethernet header */
#define SLUICE_HANG_MS	     4000u

struct sluice_miniport;
struct sluice_protocol;

/* ---- Packets ------------------------------------------------------------------------------------- */

/** A received packet. The protocol may read it, and nothing else; where it is kept, until it is returned. */
struct sluice_packet {
	uint32_t length; /* bytes of the frame, all pieces */
	uint16_t queue;
	uint16_t status; /* SUCCESS: may be kept; RESOURCES: only good during the handler [5.1] */
	/* All zero where the card gave none. Where a sum is only begun (NEEDS_CSUM), its field lies behind the Ethernet
	 * header, and in the frame; gso_type is NONE, but for a large receive. All else is the card's word. */
	struct sluice_frame_meta meta;
	uint32_t piece_count;
	struct iovec pieces[SLUICE_DATA_CHAIN_MAX]; /* memory that cannot be written */
};

/**
 * A packet to send. It is the miniport's from sluice_miniport_send() until send_complete; so are the pieces.
 * The protocol fills in all but `inside`.
 */
struct sluice_send {
	const struct iovec *pieces;
	uint32_t piece_count;
	uint32_t cancel_id;	       /* 0: none [4.23] */
	struct sluice_frame_meta meta; /* what the card shall do to the frame; all zero: nothing */
	uint16_t status;	       /* im_status_t, set by the miniport: the outcome */
	struct {
		struct sluice_send *next;
		struct sluice_protocol *owner;
		uint32_t length;
		uint32_t end; /* index behind its last descriptor */
	} inside;
};

/* ---- Protocols ----------------------------------------------------------------------------------- */

/* What status indications tell, besides those of IM_INDICATION_TABLE. X(name, number, text) */
#define SLUICE_INDICATION_TABLE(X)                                                                                     \
	X(FIRMWARE_GONE, 0x100, "the firmware went away: nothing comes, sends fail")                                   \
	X(ATTACHED, 0x101, "the firmware is there again; MTU and address may be others")                               \
	X(QUEUE_BROKEN, 0x102, "a queue pair stopped for good: reset")

enum sluice_indication {
#define X(name, number, text) SLUICE_INDICATION_##name = number,
	SLUICE_INDICATION_TABLE(X)
#undef X
};

/** What a protocol gives to sluice_miniport_attach(); copied. No handler may make a PASSIVE call. */
struct sluice_protocol_handlers {
	/**
	 * Optional. Packets from the card, in order, lent [5.11]. keep[i], false on entry: true where this protocol
	 * will return packet i by sluice_miniport_return(), once, perhaps from another thread, perhaps before this
	 * call is over [5.4, 5.12, 5.14]. Not for status RESOURCES, which holds for all packets that follow too [5.2,
	 * 5.15]: copy.
	 */
	void (*receive)(void *context, struct sluice_packet **packets, unsigned count, bool *keep);

	/** Mandatory. It may send again, but not for ever while it is detached or halted: those wait for its sends to
	 * end. Sends of this protocol are its own again, in the order in which they were sent, each exactly
	 * once; status tells how each fared [4.6, 4.15]. SUCCESS: the card has taken the frame. */
	void (*send_complete)(void *context, struct sluice_send **sends, unsigned count);

	/** Optional. enum im_indication or enum sluice_indication; @p queue where it is about one, otherwise 0. */
	void (*status)(void *context, uint32_t indication, unsigned queue);
};

/**
 * Attach a protocol [3.17]. NULL: there are SLUICE_PROTOCOLS_MAX of them, send_complete is missing, memory is short, or
 * this was called in a handler. What is received from then on goes to all protocols. Level: PASSIVE.
 */
struct sluice_protocol *sluice_miniport_attach(struct sluice_miniport *miniport,
					       const struct sluice_protocol_handlers *handlers, void *context);

/**
 * Detach: its sends that are out are completed inside this call, with CLOSING: of those it is not known whether the
 * card took them. No handler of it runs any more when this returns. Packets that it has kept it still may, and must,
 * return. Returns 0, or -EDEADLK in a handler. Level: PASSIVE.
 */
int sluice_miniport_detach(struct sluice_protocol *protocol);

/* ---- Life ---------------------------------------------------------------------------------------- */

struct sluice_miniport_config {
	const char *runtime_dir; /* NULL: SLUICE_RUNTIME_DIR */
	const char *port;
	uint16_t queues;     /* pairs wanted */
	uint16_t entries;    /* of each ring wanted */
	uint32_t timeout_ms; /* limit of each command; 0: 8000 [6.18] */
	/**
	 * Whether protocols take large receives: TCP segments of a flow, joined by the card where it can, as one packet
	 * longer than the MTU, up to SLUICE_DATA_FRAME_MAX. Its meta says how it was cut: gso_type TCPV4, gso_size
	 * bytes of payload, not 0, in each segment but the last, behind hdr_len bytes, fewer than the frame has; and
	 * TCP's checksum, which is only begun (NEEDS_CSUM), of segments whose own were right. False: none comes, and no
	 * frame is longer than the MTU, its header and two tags.
	 */
	bool large_receives;
};

/**
 * Connect to the port. Returns a miniport that runs, for sluice_miniport_halt(), or NULL with *@p fault filled in.
 * Level: PASSIVE.
 */
struct sluice_miniport *sluice_miniport_initialize(const struct sluice_miniport_config *config,
						   struct sluice_fault *fault);

/**
 * End it. Waits until all handlers have returned, completes sends that are out with SEND_ABORTED inside this call,
 * waits without a limit for every packet that is kept, detaches the protocols, hangs up, frees [5.29, 5.31]. A packet
 * that is kept still may be read, and must be returned: by send_complete, or by another thread. But for that return no
 * other call may be under way, and none may follow. NULL does nothing. Returns 0, or -EDEADLK in a handler, where
 * nothing is done. Level: PASSIVE.
 */
int sluice_miniport_halt(struct sluice_miniport *miniport);

/**
 * Connect again after the firmware went away, and set again what was set (packet filter, multicast list ...), as 7.2
 * asks. Protocols get ATTACHED. Nothing is done where the connection still stands.
 *
 * @return 0; -errno with *@p fault (may be NULL) filled in; -EDEADLK in a handler. Fewer queue pairs than before are
 *         refused (-EPROTO): protocols would lose the others.  Level: PASSIVE.
 */
int sluice_miniport_reattach(struct sluice_miniport *miniport, struct sluice_fault *fault);

/**
 * Hang up and connect anew: what was out is completed with SEND_ABORTED inside this call. Protocols get RESET_START,
 * RESET_END [7.6].
 *
 * @return SUCCESS; HARD_ERRORS where the firmware does not answer: now not attached; NOT_ACCEPTED in a handler [7.1].
 * Level: PASSIVE.
 */
im_status_t sluice_miniport_reset(struct sluice_miniport *miniport);

/**
 * Stop: sends that are not yet published are completed with PAUSED, as are those that come; what is received goes back
 * at once [5.32]. SUCCESS; or PENDING while sends or packets are out: sluice_miniport_state() tells when it is through
 * [10.25]. NOT_ACCEPTED: in a handler, or it does not run. Level: PASSIVE.
 */
im_status_t sluice_miniport_pause(struct sluice_miniport *miniport);

/** Data may flow again [10.21]. NOT_ACCEPTED: in a handler, or it is not paused. Level: PASSIVE. */
im_status_t sluice_miniport_restart(struct sluice_miniport *miniport);

/** enum sluice_instance_state: RUNNING, PAUSING or PAUSED. Level: ANY. */
enum sluice_instance_state sluice_miniport_state(struct sluice_miniport *miniport);

/* ---- Health -------------------------------------------------------------------------------------- */

/**
 * See whether the firmware is still there, and whether the link is up; the handlers for status are called inside it
 * where one of them changed (FIRMWARE_GONE, MEDIA_CONNECT, MEDIA_DISCONNECT). To be called when
 * sluice_miniport_connection() is ready, and about once a second.
 *
 * @return 0, or -ENOTCONN: the firmware is not there, sluice_miniport_reattach(); -EDEADLK in a handler. Level:
 * PASSIVE.
 */
int sluice_miniport_check(struct sluice_miniport *miniport);

/**
 * Whether it needs a reset [7.11]: a queue is broken, a request was not answered in time, or a heartbeat of the
 * firmware has stood still for SLUICE_HANG_MS of the caller's clock (one that is 0 has not begun). False where no
 * firmware is there: that is no hang. Level: PASSIVE.
 */
bool sluice_miniport_check_for_hang(struct sluice_miniport *miniport, uint64_t now_ms);

/** Whether frames can flow, as sluice_miniport_check() saw it last. Level: ANY. */
bool sluice_miniport_link_up(const struct sluice_miniport *miniport);

/** To be polled for POLLIN: ready when the firmware has gone. -1 while it is not there; closed by reattach, reset and
 * halt. Level: PASSIVE, the thread that calls check. */
int sluice_miniport_connection(const struct sluice_miniport *miniport);

/** What the port is like, from the last time that it was attached. Level: PASSIVE, and in the handler for ATTACHED. */
struct sluice_miniport_traits {
	uint16_t queues;
	uint16_t entries;
	uint32_t mtu;
	uint8_t mac[6];
};
void sluice_miniport_get_traits(struct sluice_miniport *miniport, struct sluice_miniport_traits *traits);

/* ---- Requests ------------------------------------------------------------------------------------ */

/**
 * Ask an OID of the instance at the top of the port's stack, or of the port where it has none [6.1]. Too little room:
 * BUFFER_TOO_SHORT, *@p needed is the whole size, nothing is stored [6.4, 6.5]; counters have a short form [6.6].
 * NOT_READY: no firmware; NOT_ACCEPTED: in a handler, or not with this role. Level: PASSIVE.
 */
im_status_t sluice_miniport_query(struct sluice_miniport *miniport, uint32_t oid, void *buffer, uint32_t length,
				  uint32_t *written, uint32_t *needed);

/** Set an OID there [6.7-6.9]. What was set is set again after a reset or a re-attach. Level: PASSIVE. */
im_status_t sluice_miniport_set(struct sluice_miniport *miniport, uint32_t oid, const void *buffer, uint32_t length,
				uint32_t *read, uint32_t *needed);

/* ---- Data ---------------------------------------------------------------------------------------- */

/**
 * Send packets, in this order [4.1-4.4]. Each comes back through send_complete, in a later sluice_miniport_poll() of
 * the queue: with SUCCESS; INVALID_LENGTH (no Ethernet header, or longer than the MTU allows without segmentation);
 * INVALID_DATA (meta that cannot be); PAUSED; NOT_READY (no firmware, or a broken queue). What the ring has no room for
 * waits here. Level: ANY.
 */
void sluice_miniport_send(struct sluice_protocol *protocol, unsigned queue, struct sluice_send **sends, unsigned count);

/** Take back those sends of the protocol with this @p cancel_id that are not published yet: the next poll completes
 * them with SEND_ABORTED [4.24-4.27]. Level: ANY. */
void sluice_miniport_cancel(struct sluice_protocol *protocol, uint32_t cancel_id);

/** Return packets that were kept, of any queue, any protocol's, any miniport [5.12-5.18]. Level: ANY. */
void sluice_miniport_return(struct sluice_packet **packets, unsigned count);

/** Copy @p length bytes from @p offset of a packet that the caller has at the moment. Fewer at the end of the frame,
 * none beyond it [5.25]. Returns how many. Level: ANY. */
uint32_t sluice_miniport_transfer_data(const struct sluice_packet *packet, uint32_t offset, void *to, uint32_t length);

/** Complete sends, publish those that wait, hand out at most @p budget received packets. Returns how many packets were
 * moved: 0 where there was nothing to do. Level: QUEUE. */
unsigned sluice_miniport_poll(struct sluice_miniport *miniport, unsigned queue, unsigned budget);

/**
 * Before sleeping: ask the card for an event when packets come (SLUICE_WANT_RECEIVE), when sends are taken
 * (SLUICE_WANT_SEND; that one by itself where sends wait for room). True: nothing is there yet, sleep in poll() on
 * sluice_miniport_signal(). False: poll again. Level: QUEUE.
 */
bool sluice_miniport_arm(struct sluice_miniport *miniport, unsigned queue, uint32_t want);

/** After sleeping. Level: QUEUE, but for a system call. */
void sluice_miniport_disarm(struct sluice_miniport *miniport, unsigned queue);

/** The descriptor to sleep on, the same one as long as the miniport lives. Level: ANY. */
int sluice_miniport_signal(const struct sluice_miniport *miniport, unsigned queue);

/* What is counted of a queue pair, since it was initialised. X(member, text) */
#define SLUICE_COUNTER_TABLE(X)                                                                                        \
	X(sent, "sends completed with success")                                                                        \
	X(send_failed, "sends completed with a failure")                                                               \
	X(received, "packets handed to protocols")                                                                     \
	X(resources, "of those, not to be kept")                                                                       \
	X(returned, "buffers given back to the card")                                                                  \
	X(unwanted, "packets that came while paused, or without a protocol")                                           \
	X(malformed, "packets from the card that cannot be frames")                                                    \
	X(violations, "packets returned too often, or kept though they may not be")                                    \
	X(faults, "times that the card broke the rules of the rings")

struct sluice_miniport_counters {
#define X(member, text) uint64_t member;
	SLUICE_COUNTER_TABLE(X)
#undef X
	/* the card's own words, since the last attach */
	uint64_t card_send_frames;
	uint64_t card_send_refused;
	uint64_t card_receive_short;
	uint32_t sends_out;
	uint32_t packets_out; /* of the life that is attached */
};

/** Level: PASSIVE. */
void sluice_miniport_get_counters(struct sluice_miniport *miniport, unsigned queue,
				  struct sluice_miniport_counters *counters);

#endif
