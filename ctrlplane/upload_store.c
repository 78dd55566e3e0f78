/* SPDX-License-Identifier: BSD-3-Clause */
#include "upload_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void uploads_create(struct uploads *uploads, uint64_t first_id)
{
	memset(uploads, 0, sizeof(*uploads));
	uploads->next_id = first_id;
	pthread_mutex_init(&uploads->lock, NULL);
}

void uploads_destroy(struct uploads *uploads)
{
	for (uint32_t i = 0; i < UPLOADS_MAX; i++)
		free(uploads->place[i]);
	pthread_mutex_destroy(&uploads->lock);
}

/* ---- Places, with the lock held -------------------------------------------------------------------- */

static struct upload *find(struct uploads *uploads, uint64_t id, uid_t user)
{
	for (uint32_t i = 0; i < UPLOADS_MAX; i++) {
		struct upload *upload = uploads->place[i];

		if (upload != NULL && upload->id == id && upload->user == user)
			return upload;
	}
	return NULL;
}

/* Of one user no more than its share, so that it stands in nobody's way. */
static struct upload **find_room(struct uploads *uploads, const struct upload *wanted, uint64_t largest)
{
	struct upload **empty = NULL;
	uint64_t bytes = wanted->length;
	uint32_t owned = 0;

	for (uint32_t i = 0; i < UPLOADS_MAX; i++) {
		const struct upload *upload = uploads->place[i];

		if (upload == NULL) {
			empty = &uploads->place[i];
		} else if (upload->user == wanted->user) {
			bytes += upload->length;
			owned++;
		}
	}
	return owned < UPLOADS_PER_USER && bytes <= UPLOAD_USER_IMAGES * largest ? empty : NULL;
}

static void forget(struct uploads *uploads, struct upload *upload)
{
	for (uint32_t i = 0; i < UPLOADS_MAX; i++)
		if (uploads->place[i] == upload)
			uploads->place[i] = NULL;
	uploads->count--;
	free(upload);
}

/* ---- Clients --------------------------------------------------------------------------------------- */

static enum sluice_status add(struct uploads *uploads, const struct upload *wanted, uint64_t largest,
			      struct upload **out)
{
	struct upload **place = find_room(uploads, wanted, largest);
	struct upload *upload;

	if (place == NULL) {
		uploads->refused++;
		return SLUICE_STATUS_TOO_MANY_UPLOADS;
	}
	upload = malloc(sizeof(*upload) + wanted->length);
	if (upload == NULL)
		return SLUICE_STATUS_NO_MEMORY;
	*upload = *wanted;
	upload->id = uploads->next_id++;
	upload->taken = true;
	uploads->count++;
	*place = *out = upload;
	return SLUICE_STATUS_OK;
}

enum sluice_status uploads_begin(struct uploads *uploads, const struct upload *wanted, uint64_t largest,
				 struct upload **upload)
{
	enum sluice_status status;

	pthread_mutex_lock(&uploads->lock);
	status = add(uploads, wanted, largest, upload);
	pthread_mutex_unlock(&uploads->lock);
	return status;
}

enum sluice_status uploads_take(struct uploads *uploads, uint64_t id, uid_t user, struct upload **out)
{
	enum sluice_status status = SLUICE_STATUS_OK;
	struct upload *upload;

	pthread_mutex_lock(&uploads->lock);
	upload = find(uploads, id, user);
	if (upload == NULL) {
		status = SLUICE_STATUS_UNKNOWN_UPLOAD;
	} else if (upload->taken) {
		status = SLUICE_STATUS_UPLOAD_TAKEN;
	} else {
		upload->taken = true;
		*out = upload;
	}
	pthread_mutex_unlock(&uploads->lock);
	return status;
}

/* The lease begins with the next tick, which knows the time. */
void uploads_leave(struct uploads *uploads, struct upload *upload)
{
	if (upload == NULL)
		return;
	pthread_mutex_lock(&uploads->lock);
	upload->taken = false;
	upload->deadline_ms = 0;
	if (upload->lease_ms == 0)
		forget(uploads, upload);
	pthread_mutex_unlock(&uploads->lock);
}

void uploads_drop(struct uploads *uploads, struct upload *upload)
{
	if (upload == NULL)
		return;
	pthread_mutex_lock(&uploads->lock);
	forget(uploads, upload);
	pthread_mutex_unlock(&uploads->lock);
}

/* ---- Leases ---------------------------------------------------------------------------------------- */

static uint32_t lease_left(const struct uploads *uploads, const struct upload *upload)
{
	if (upload->taken || upload->deadline_ms == 0)
		return upload->lease_ms;
	return (uint32_t)(upload->deadline_ms - uploads->now_ms);
}

enum sluice_status uploads_describe(struct uploads *uploads, uint64_t id, uid_t user,
				    struct sluice_upload_record *record)
{
	const struct upload *upload;

	pthread_mutex_lock(&uploads->lock);
	upload = find(uploads, id, user);
	if (upload != NULL)
		*record = (struct sluice_upload_record){
			.id = id,
			.length = upload->length,
			.received = __atomic_load_n(&upload->received, __ATOMIC_RELAXED),
			.lease_ms = lease_left(uploads, upload),
			.taken = upload->taken,
		};
	pthread_mutex_unlock(&uploads->lock);
	return upload != NULL ? SLUICE_STATUS_OK : SLUICE_STATUS_UNKNOWN_UPLOAD;
}

static void end_lease(struct uploads *uploads, struct upload *upload, struct event_log *log)
{
	char subject[SLUICE_NAME_SIZE];

	snprintf(subject, sizeof(subject), "user %u", upload->user);
	event_log_raise(log, SLUICE_EVENT_UPLOAD_EXPIRED, subject, upload->id);
	uploads->expired++;
	forget(uploads, upload);
}

void uploads_tick(struct uploads *uploads, uint64_t now_ms, struct event_log *log)
{
	pthread_mutex_lock(&uploads->lock);
	uploads->now_ms = now_ms;
	for (uint32_t i = 0; i < UPLOADS_MAX && uploads->count > 0; i++) {
		struct upload *upload = uploads->place[i];

		if (upload == NULL || upload->taken)
			continue;
		if (upload->deadline_ms == 0)
			upload->deadline_ms = now_ms + upload->lease_ms;
		else if (upload->deadline_ms <= now_ms)
			end_lease(uploads, upload, log);
	}
	pthread_mutex_unlock(&uploads->lock);
}

void uploads_count(struct uploads *uploads, struct sluice_info *info)
{
	pthread_mutex_lock(&uploads->lock);
	info->uploads = uploads->count;
	info->uploads_refused = uploads->refused;
	info->uploads_expired = uploads->expired;
	pthread_mutex_unlock(&uploads->lock);
}
