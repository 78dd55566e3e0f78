/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests: OIDs queried and set (im-contract section 6).
 *
 *   protocol ── im_request ──> queue of the instance, one at a time ──> query_information / set_information
 *      ^                                                                      | final status, or PENDING and
 *      └──────────── request_complete (only after PENDING) <──────────────────┘ im_query_information_complete
 */
#ifndef IM_REQUEST_H
#define IM_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/im_status.h"
#include "abi/oid.h"
#include "level.h"

struct im_binding;
struct im_instance;

/** Zero it, fill in the first four, keep it and the buffer alive and untouched until it is complete [6.13]. */
struct im_request {
	bool set;
	uint32_t oid;
	void *buffer; /* read only where `set` */
	uint32_t length;
	uint32_t done;			    /* bytes written or read, once it is complete */
	uint32_t needed;		    /* bytes that it would have taken, once it is complete [6.4, 6.7] */
	struct {			    /* the core's */
		struct im_binding *binding; /* who asked; NULL: the control plane */
		struct im_instance *instance;
		struct im_request *next;
		uint64_t begun_ns;
		uint64_t reported_ns; /* that it takes too long was last said then [12.20]; 0: not yet */
		void (*completed)(struct im_request *request, im_status_t status); /* Level: DISPATCH. */
		uint32_t state;
		bool urgent; /* the core's own: goes first, and where others are held */
	} core;
};

/**
 * Query or set an OID of the adapter below. PENDING: request_complete follows exactly once, perhaps before this
 * returns; anything else is final [6.11]. CLOSING, LOW_POWER_STATE [6.19]; INVALID_PARAMETER: a length without a
 * buffer; FAILURE: it is not complete yet [6.13]; NOT_ACCEPTED for PNP_SET_POWER, which is the core's to set. Packet
 * filters and multicast lists of all protocols over an adapter go down as one, so that each sets and clears but its
 * own; RESOURCES where the lists have too many addresses together, or there are too many wake-up patterns, or one of
 * them is too long, to be given back after a reset [7.2]. Level: PASSIVE.
 */
IM_PASSIVE im_status_t im_request(struct im_binding *binding, struct im_request *request);

/**
 * Cancel a request that pends: one that is still queued completes with REQUEST_ABORTED, one that the miniport has gets
 * its cancel_request. It completes once, either way [6.23]. One that is complete already is nothing. Level: any.
 */
void im_cancel_request(struct im_binding *binding, struct im_request *request);

/** Complete the query (or set) that the handler returned PENDING for: final status, byte counts set [6.11]. Level: any.
 */
void im_query_information_complete(struct im_instance *instance, im_status_t status);
void im_set_information_complete(struct im_instance *instance, im_status_t status);

/** Answer a query with the @p size bytes at @p value, which are copied [6.3]. For query_information. BUFFER_TOO_SHORT:
 * @p written is 0 and @p needed the whole size [6.4, 6.5]. Level: any. */
im_status_t im_answer(const void *value, uint32_t size, void *buffer, uint32_t length, uint32_t *written,
		      uint32_t *needed);

/** Answer a query for a 64-bit counter: 8 bytes, or 4 with needed = 8 [6.6]. BUFFER_TOO_SHORT: there is no room for 4.
 * Level: any. */
im_status_t im_answer_counter(uint64_t value, void *buffer, uint32_t length, uint32_t *written, uint32_t *needed);

/** Take a set of exactly @p size bytes [6.9], or say how many it takes: INVALID_LENGTH, nothing changed [6.7]. For
 * set_information. Level: any. */
im_status_t im_take(void *value, uint32_t size, const void *buffer, uint32_t length, uint32_t *read, uint32_t *needed);

#endif
