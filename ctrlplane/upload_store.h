/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Policy images on their way up. Each is a user's, and at a time one client's. An upload that was begun with a lease
 * outlives its client: for so long another client of the same user may take it and go on where it stopped.
 *
 * Level: PASSIVE, any thread. The bytes and their count are the client's that has the upload.
 */
#ifndef CTRLPLANE_UPLOAD_STORE_H
#define CTRLPLANE_UPLOAD_STORE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "abi/record.h"
#include "abi/status.h"
#include "event_log.h"

/** In all, and of one user; all those of one user have room for UPLOAD_USER_IMAGES images of the largest size. */
#define UPLOADS_MAX	   64u
#define UPLOADS_PER_USER   16u
#define UPLOAD_USER_IMAGES 4u

struct upload {
	uint64_t id;
	uid_t user;
	uint32_t length;   /* announced */
	uint32_t received; /* written by the client that has it */
	uint32_t lease_ms; /* 0: it goes with its client */
	/* under the store's lock */
	bool taken;		      /* a client has it */
	uint64_t deadline_ms;	      /* of the lease, where no client has it; 0: not set yet */
	_Alignas(16) uint8_t bytes[]; /* records are read in place */
};

struct uploads {
	pthread_mutex_t lock;
	uint64_t next_id;
	uint64_t now_ms;  /* of the last tick */
	uint64_t refused; /* for want of room */
	uint64_t expired; /* leases that ran out */
	uint32_t count;
	struct upload *place[UPLOADS_MAX];
};

/** The first upload is @p first_id: firmware that starts anew shall know none of those before. */
void uploads_create(struct uploads *uploads, uint64_t first_id);

/** After all sessions have ended. */
void uploads_destroy(struct uploads *uploads);

/** What a client begins. @p largest: bytes that an image may have. OK, TOO_MANY_UPLOADS or NO_MEMORY. */
enum sluice_status uploads_begin(struct uploads *uploads, const struct upload *wanted, uint64_t largest,
				 struct upload **upload);

/** The upload @p id of @p user is this client's from here on. OK, UNKNOWN_UPLOAD or UPLOAD_TAKEN. */
enum sluice_status uploads_take(struct uploads *uploads, uint64_t id, uid_t user, struct upload **upload);

/** The client goes: its upload waits for its lease, or is gone with it. NULL does nothing. */
void uploads_leave(struct uploads *uploads, struct upload *upload);

/** It is not needed any more. NULL does nothing. */
void uploads_drop(struct uploads *uploads, struct upload *upload);

/** How the upload @p id of @p user is. OK or UNKNOWN_UPLOAD. */
enum sluice_status uploads_describe(struct uploads *uploads, uint64_t id, uid_t user,
				    struct sluice_upload_record *record);

/** Ends leases; @p now_ms never goes back. @p log may be NULL. One thread. */
void uploads_tick(struct uploads *uploads, uint64_t now_ms, struct event_log *log);

/** Uploads that there are, and what was counted since the start. */
void uploads_count(struct uploads *uploads, struct sluice_info *info);

#endif
