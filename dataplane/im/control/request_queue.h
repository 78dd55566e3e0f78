/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue of requests of an instance: what request.c needs of it.
 *
 *   im_submit_request ──> queue ──> active ──> handler ──> a final status: deliver
 *                                                 └──────> PENDING ... the driver completes: deliver
 */
#ifndef IM_REQUEST_QUEUE_H
#define IM_REQUEST_QUEUE_H

#include "im/inside.h"
#include "im/spin.h"

enum im_request_state {
	IM_REQUEST_NEW,
	IM_REQUEST_QUEUED,
	IM_REQUEST_ACTIVE,
	IM_REQUEST_SETTLED,	     /* how it ends is decided */
	IM_REQUEST_ANSWERED = 0x100, /* and the status: who waits for it may go on */
};

/* What is wrong with the byte counts of a request. */
struct im_request_fault {
	const char *statement;
	const char *what;
};

/** Take out the first that is @p wanted, or else one of @p binding; NULL: there is none. Under the queue's lock. What
 * the caller names may be gone already: it is looked for, not looked at. Level: any. */
struct im_request *im_take_request(struct im_request_queue *queue, const struct im_request *wanted,
				   const struct im_binding *binding);

/** Whether the caller has to schedule queue->work once it has released the queue's lock, under which it calls this.
 * Until the work has run the instance stays (im_stop_requests). Level: any. */
bool im_kick_requests(struct im_instance *instance);

/** Under the queue's lock: the active request ends with @p status. Returns what is wrong with its byte counts, which
 * have been put right. Level: any. */
const struct im_request_fault *im_settle_request(struct im_instance *instance, im_status_t status);

/** Give a request that is settled back to who asked: the last thing that is done with it, and with its binding. Level:
 * any. */
void im_deliver_request(struct im_request *request, im_status_t status);

/** Start what may start, under the queue's lock, which is released meanwhile. Returns the status of @p mine where it
 * came to its end in here, otherwise PENDING. */
IM_PASSIVE im_status_t im_run_requests(struct im_instance *instance, const struct im_request *mine);

/** PENDING: it will be delivered. Anything else is final; CLOSING. */
IM_PASSIVE im_status_t im_submit_request(struct im_instance *instance, struct im_request *request);

#endif
