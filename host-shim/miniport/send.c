/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends: from the protocol into the ring, and back.
 *
 *   sluice_miniport_send ─> pending ─> [send ring] sent ─> done ─> send_complete
 *                              └── cancel, pause, a fault ───^
 */
#include <string.h>

#include "inside.h"

/* ---- Lists --------------------------------------------------------------------------------------- */

void send_append(struct send_list *list, struct sluice_send *send)
{
	send->inside.next = NULL;
	if (list->last != NULL)
		list->last->inside.next = send;
	else
		list->first = send;
	list->last = send;
}

static struct sluice_send *pop(struct send_list *list)
{
	struct sluice_send *send = list->first;

	list->first = send->inside.next;
	if (list->first == NULL)
		list->last = NULL;
	return send;
}

/* Those of @p only (NULL: all) with this cancel id (0: any) go to done. */
static void move_to_done(struct queue *queue, struct send_list *from, const struct sluice_protocol *only,
			 uint32_t cancel_id, im_status_t status)
{
	struct send_list rest = {0};

	while (from->first != NULL) {
		struct sluice_send *send = pop(from);

		if ((only != NULL && send->inside.owner != only) || (cancel_id != 0 && send->cancel_id != cancel_id)) {
			send_append(&rest, send);
			continue;
		}
		send->status = (uint16_t)status;
		send_append(&queue->done, send);
	}
	*from = rest;
}

/* ---- Into the ring ------------------------------------------------------------------------------- */

static bool has_meta(const struct sluice_frame_meta *meta)
{
	static const struct sluice_frame_meta none;

	return memcmp(meta, &none, sizeof(none)) != 0;
}

/* Bytes in the ring, the meta included. */
static uint32_t bytes_of(const struct sluice_send *send)
{
	return send->inside.length + (has_meta(&send->meta) ? (uint32_t)sizeof(send->meta) : 0);
}

static uint32_t buffers_of(const struct sluice_send *send)
{
	return (bytes_of(send) + SLUICE_DATA_BUFFER - 1) / SLUICE_DATA_BUFFER;
}

/* Where the next byte of the frame goes: buffer i belongs to descriptor i, so that buffers follow each other, and wrap
 * around, as descriptors do. */
static void put(struct lane *lane, uint32_t *index, uint32_t *used, const void *from, size_t length)
{
	const uint8_t *byte = from;

	while (length > 0) {
		uint32_t room = SLUICE_DATA_BUFFER - *used;
		uint32_t part = length < room ? (uint32_t)length : room;
		uint8_t *buffer = lane->send_buffers + (size_t)(*index & (lane->entries - 1u)) * SLUICE_DATA_BUFFER;

		memcpy(buffer + *used, byte, part);
		byte += part;
		length -= part;
		*used += part;
		if (*used == SLUICE_DATA_BUFFER) {
			*used = 0;
			(*index)++;
		}
	}
}

static void describe(struct lane *lane, const struct sluice_send *send, uint32_t buffers)
{
	uint32_t left = bytes_of(send);

	for (uint32_t i = 0; i < buffers; i++) {
		uint32_t place = (lane->send_tail + i) & (lane->entries - 1u);
		uint32_t length = left < SLUICE_DATA_BUFFER ? left : SLUICE_DATA_BUFFER;

		left -= length;
		lane->send_ring[place] = (struct sluice_desc){
			.offset = (uint32_t)(lane->send_at + (uint64_t)place * SLUICE_DATA_BUFFER),
			.length = (uint16_t)length,
			.flags = (uint16_t)((left > 0 ? SLUICE_DESC_MORE : 0) |
					    (i == 0 && has_meta(&send->meta) ? SLUICE_DESC_META : 0)),
			.id = place,
		};
	}
}

static void write_frame(struct lane *lane, struct sluice_send *send, uint32_t buffers)
{
	uint32_t index = lane->send_tail, used = 0;

	if (has_meta(&send->meta))
		put(lane, &index, &used, &send->meta, sizeof(send->meta));
	for (uint32_t i = 0; i < send->piece_count; i++)
		put(lane, &index, &used, send->pieces[i].iov_base, send->pieces[i].iov_len);
	describe(lane, send, buffers);
	lane->send_tail += buffers;
	send->inside.end = lane->send_tail;
}

/* What the card says about its progress must lie between what it said before and what there is. */
static void look_at_head(struct lane *lane, struct queue *queue)
{
	uint32_t head = __atomic_load_n(&lane->card->send_head, __ATOMIC_ACQUIRE);

	if (head - lane->send_head > lane->send_tail - lane->send_head)
		lane_break(lane, queue);
	else
		lane->send_head = head;
}

static bool has_room(struct lane *lane, struct queue *queue, uint32_t buffers)
{
	if (lane->entries - (lane->send_tail - lane->send_head) >= buffers)
		return true;
	look_at_head(lane, queue);
	return !lane_is_broken(lane) && lane->entries - (lane->send_tail - lane->send_head) >= buffers;
}

/* With the lock of sends. */
void send_publish(struct queue *queue)
{
	struct lane *lane = queue->lane;

	if (lane == NULL || lane_is_broken(lane)) {
		move_to_done(queue, &queue->pending, NULL, 0, IM_STATUS_NOT_READY);
		return;
	}
	while (queue->pending.first != NULL) {
		uint32_t buffers = buffers_of(queue->pending.first);
		struct sluice_send *send;

		if (!has_room(lane, queue, buffers))
			break;
		send = pop(&queue->pending);
		write_frame(lane, send, buffers);
		send_append(&queue->sent, send);
	}
	__atomic_store_n(&lane->host->send_tail, lane->send_tail, __ATOMIC_RELEASE);
}

/* ---- From the protocol --------------------------------------------------------------------------- */

static im_status_t judge(const struct sluice_miniport *miniport, struct sluice_send *send)
{
	uint64_t length = 0;
	uint32_t most = longest_frame(miniport, 1);

	if (__atomic_load_n(&miniport->state, __ATOMIC_RELAXED) != SLUICE_INSTANCE_RUNNING)
		return IM_STATUS_PAUSED;
	for (uint32_t i = 0; i < send->piece_count; i++) {
		if (send->pieces[i].iov_len > SLUICE_DATA_FRAME_MAX)
			return IM_STATUS_INVALID_LENGTH;
		length += send->pieces[i].iov_len;
	}
	if (send->meta.gso_type != 0)
		most = SLUICE_DATA_FRAME_MAX;
	if (length < SLUICE_FRAME_MIN || length > most || length > SLUICE_DATA_FRAME_MAX)
		return IM_STATUS_INVALID_LENGTH;
	for (unsigned i = 0; i < sizeof(send->meta.reserved); i++) {
		if (send->meta.reserved[i] != 0)
			return IM_STATUS_INVALID_DATA;
	}
	send->inside.length = (uint32_t)length;
	return IM_STATUS_SUCCESS;
}

void sluice_miniport_send(struct sluice_protocol *protocol, unsigned at, struct sluice_send **sends, unsigned number)
{
	struct sluice_miniport *miniport = protocol->miniport;
	struct queue *queue = &miniport->queues[at % miniport->queue_count];

	__atomic_fetch_add(&queue->sends_out, number, __ATOMIC_RELAXED);
	__atomic_fetch_add(&protocol->sends_out, number, __ATOMIC_RELAXED);
	pthread_mutex_lock(&queue->sends);
	for (unsigned i = 0; i < number; i++) {
		sends[i]->inside.owner = protocol;
		sends[i]->status = (uint16_t)judge(miniport, sends[i]);
		send_append(sends[i]->status == IM_STATUS_SUCCESS ? &queue->pending : &queue->done, sends[i]);
	}
	send_publish(queue);
	pthread_mutex_unlock(&queue->sends);
}

void sluice_miniport_cancel(struct sluice_protocol *protocol, uint32_t cancel_id)
{
	struct sluice_miniport *miniport = protocol->miniport;

	if (cancel_id == 0)
		return;
	for (unsigned i = 0; i < miniport->queue_count; i++) {
		struct queue *queue = &miniport->queues[i];

		pthread_mutex_lock(&queue->sends);
		move_to_done(queue, &queue->pending, protocol, cancel_id, IM_STATUS_SEND_ABORTED);
		pthread_mutex_unlock(&queue->sends);
	}
}

/* ---- Back to the protocol ------------------------------------------------------------------------ */

/* Those that the card has copied, in order. */
static void collect(struct queue *queue)
{
	struct lane *lane = queue->lane;

	if (lane == NULL || queue->sent.first == NULL)
		return;
	look_at_head(lane, queue);
	while (queue->sent.first != NULL && (int32_t)(lane->send_head - queue->sent.first->inside.end) >= 0)
		send_append(&queue->done, pop(&queue->sent));
	if (lane_is_broken(lane))
		move_to_done(queue, &queue->sent, NULL, 0, IM_STATUS_SEND_ABORTED);
}

static void tell(struct queue *queue, struct sluice_send **batch, unsigned number)
{
	unsigned good = 0;

	for (unsigned i = 0; i < number; i++)
		good += batch[i]->status == IM_STATUS_SUCCESS;
	count(&queue->counters.sent, good);
	count(&queue->counters.send_failed, number - good);
	__atomic_fetch_sub(&queue->sends_out, number, __ATOMIC_RELEASE);
	__atomic_fetch_sub(&batch[0]->inside.owner->sends_out, number, __ATOMIC_RELAXED);
	call_send_complete(batch[0]->inside.owner, batch, number);
}

/* With the polling flag, and no lock: each protocol gets its own, in order. */
static unsigned deliver(struct queue *queue, struct send_list list)
{
	struct sluice_send *batch[SLUICE_BATCH];
	unsigned total = 0;

	while (list.first != NULL) {
		unsigned number = 0;

		do
			batch[number++] = pop(&list);
		while (list.first != NULL && number < SLUICE_BATCH &&
		       list.first->inside.owner == batch[0]->inside.owner);
		tell(queue, batch, number);
		total += number;
	}
	return total;
}

unsigned send_complete(struct queue *queue)
{
	struct send_list done;

	pthread_mutex_lock(&queue->sends);
	collect(queue);
	if (queue->pending.first != NULL)
		send_publish(queue);
	done = queue->done;
	queue->done = (struct send_list){0};
	pthread_mutex_unlock(&queue->sends);
	return deliver(queue, done);
}

/* With the lock of sends. */
static void abort_all(struct queue *queue, const struct sluice_protocol *only, im_status_t status, bool published_too)
{
	if (published_too) {
		collect(queue); /* what the card has taken was a success */
		move_to_done(queue, &queue->sent, only, 0, status);
	}
	move_to_done(queue, &queue->pending, only, 0, status);
}

void send_abort(struct queue *queue, struct sluice_protocol *only, im_status_t status, bool published_too)
{
	pthread_mutex_lock(&queue->sends);
	abort_all(queue, only, status, published_too);
	pthread_mutex_unlock(&queue->sends);
}

/* Both under one lock: a send that came between would be published in the old lane, and awaited in the next one, with
 * all that come after it, until that has come as far. */
struct lane *send_leave_lane(struct queue *queue)
{
	struct lane *lane;

	pthread_mutex_lock(&queue->sends);
	abort_all(queue, NULL, IM_STATUS_SEND_ABORTED, true);
	lane = queue->lane;
	queue->lane = NULL;
	pthread_mutex_unlock(&queue->sends);
	return lane;
}

void send_finish(struct queue *queue)
{
	struct send_list done;

	pthread_mutex_lock(&queue->sends);
	done = queue->done;
	queue->done = (struct send_list){0};
	pthread_mutex_unlock(&queue->sends);
	deliver(queue, done);
}

/* Handlers may send again, which fails at once: until they do not. */
void send_finish_all(struct queue *queue)
{
	while (__atomic_load_n(&queue->sends_out, __ATOMIC_ACQUIRE) != 0)
		send_finish(queue);
}
