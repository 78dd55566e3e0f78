/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue pair between the kernel and the card, and the thread that serves it: busy, it goes around; idle, it sleeps
 * until the kernel has a frame or the card an event.
 *
 *     TAP queue ── read ──> frame of the pump ── send ──> card
 *     TAP queue <── write ── packet of the card (in place)
 */
#ifndef SLUICE_SHIM_PUMP_H
#define SLUICE_SHIM_PUMP_H

#include <pthread.h>

#include "miniport/miniport.h"
#include "vnet.h"

#define PUMP_FRAMES 128u

/* X(member, text) */
#define PUMP_COUNTER_TABLE(X)                                                                                          \
	X(to_card, "frames from the kernel")                                                                           \
	X(to_card_lost, "of those, not taken by the card")                                                             \
	X(to_card_malformed, "of those, with a header that does not fit")                                              \
	X(to_kernel, "frames from the card")                                                                           \
	X(to_kernel_lost, "of those, not taken by the kernel")                                                         \
	X(to_kernel_malformed, "of those, with a header that does not fit")

struct pump_counters {
#define X(member, text) uint64_t member; /* atomic */
	PUMP_COUNTER_TABLE(X)
#undef X
};

struct pump_frame {
	struct sluice_send send; /* first: the two are cast to each other */
	struct iovec piece;
	struct pump_frame *next;
	unsigned queue; /* of its pump */
	uint8_t bytes[VNET_HEADER + SLUICE_DATA_FRAME_MAX];
};

struct pump {
	struct sluice_miniport *miniport;
	struct sluice_protocol *protocol;
	unsigned queue;
	int tap;
	int wake;	      /* eventfd: look at what follows */
	int gone_event;	      /* eventfd of the supervisor: the device is gone */
	uint32_t flowing;     /* atomic: the card is there, so that the kernel's frames are read */
	uint32_t stop;	      /* atomic */
	uint32_t turns;	      /* atomic: that the thread has gone around */
	uint32_t turns_seen;  /* the supervisor's: of those */
	pthread_mutex_t lock; /* of the free frames */
	struct pump_frame *free;
	struct pump_frame *frames; /* PUMP_FRAMES of them */
	struct pump_counters counters;
	pthread_t thread;
	bool started;
};

/** -errno: descriptors or memory are short; pump_destroy() anyway. */
int pump_create(struct pump *pump, struct sluice_miniport *miniport, unsigned queue, int tap, int gone_event);
int pump_start(struct pump *pump, struct sluice_protocol *protocol);
void pump_set_flowing(struct pump *pump, bool flowing);

/** Whether its thread has gone around since the last call, which this call wakes it for. */
bool pump_is_alive(struct pump *pump);

/** Stops and joins the thread. */
void pump_stop(struct pump *pump);

/** After the protocol has detached. */
void pump_destroy(struct pump *pump);

/* For the protocol's handlers. */
void pump_receive(struct pump *pump, struct sluice_packet *packet);
void pump_complete(struct pump *pump, struct sluice_send **sends, unsigned count);

#endif
