/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What others want done with a queue, at the owner's next flush: packets from threads that do not own it, a cancel, and
 * all packets home because the edge pauses. For that a packet need not wait until a slow port takes its frame: the
 * frame stays behind in the packet's place, and nothing is lost.
 */
#include <string.h>

#include <rte_ethdev.h>

#include "lane.h"

static void set_chore(struct edge_queue *queue, uint32_t chore)
{
	__atomic_or_fetch(&queue->chores, chore, __ATOMIC_RELEASE);
}

/* Whether it was to be done. */
IM_DISPATCH static bool take_chore(struct edge_queue *queue, uint32_t chore)
{
	return __atomic_fetch_and(&queue->chores, ~chore, __ATOMIC_ACQUIRE) & chore;
}

/* ---- Inbox --------------------------------------------------------------------------------------- */

void edge_queue_leave(struct edge_port *port, struct edge_queue *queue, struct im_packet **packets, uint16_t count)
{
	struct edge_inbox *inbox = &queue->inbox;
	uint16_t left;

	im_acquire_spin_lock(&inbox->lock);
	left = (uint16_t)RTE_MIN(count, EDGE_INBOX_MAX - inbox->count);
	memcpy(&inbox->packets[inbox->count], packets, left * sizeof(packets[0]));
	inbox->count += left;
	im_release_spin_lock(&inbox->lock);
	set_chore(queue, EDGE_CHORE_INBOX);
	if (left < count)
		edge_refuse(port, packets + left, (uint16_t)(count - left), IM_STATUS_RESOURCES,
			    SLUICE_DROP_TX_QUEUE_FULL);
}

IM_DISPATCH static void empty_inbox(struct edge_port *port, struct edge_queue *queue)
{
	struct edge_inbox *inbox = &queue->inbox;
	struct im_packet *packets[EDGE_INBOX_MAX];
	uint16_t count;

	im_acquire_spin_lock(&inbox->lock);
	count = (uint16_t)inbox->count;
	memcpy(packets, inbox->packets, count * sizeof(packets[0]));
	inbox->count = 0;
	im_release_spin_lock(&inbox->lock);
	edge_queue_append(port, queue, packets, count);
}

/* ---- Cancel -------------------------------------------------------------------------------------- */

IM_DISPATCH static void cancel(struct edge_port *port, struct edge_queue *queue)
{
	uint32_t cancel_id = __atomic_load_n(&queue->cancel_id, __ATOMIC_RELAXED);
	struct im_packet *cancelled[EDGE_PENDING_MAX];
	uint32_t stay = 0;
	uint16_t count = 0;

	for (uint32_t i = 0; i < queue->pending; i++) {
		if (queue->packets[i]->info.cancel_id == cancel_id)
			cancelled[count++] = queue->packets[i];
		else
			queue->packets[stay++] = queue->packets[i];
	}
	queue->pending = stay;
	edge_refuse_waiting(port, cancelled, count, IM_STATUS_SEND_ABORTED, SLUICE_DROP_TX_REFUSED);
}

void edge_port_cancel(struct edge_port *port, uint32_t cancel_id)
{
	for (uint16_t q = 0; cancel_id != 0 && q < port->config.queues; q++) {
		__atomic_store_n(&port->queues[q].cancel_id, cancel_id, __ATOMIC_RELAXED);
		set_chore(&port->queues[q], EDGE_CHORE_CANCEL);
	}
}

/* ---- Packets home, frames stay ------------------------------------------------------------------- */

/* As if the port had taken them (4.15); those that find no room are refused, the newest. */
IM_DISPATCH static void clear(struct edge_port *port, struct edge_queue *queue)
{
	struct im_packet *packets[EDGE_PENDING_MAX];
	uint32_t room = EDGE_PENDING_MAX - queue->frames;
	uint16_t count = (uint16_t)queue->pending;
	uint16_t kept = (uint16_t)RTE_MIN(queue->pending, room);

	memcpy(packets, queue->packets, count * sizeof(packets[0]));
	queue->pending = 0;
	for (uint16_t i = 0; i < kept; i++) {
		queue->mbufs[queue->frames++] = packets[i]->mbuf;
		packets[i]->mbuf = NULL;
		packets[i]->status = IM_STATUS_SUCCESS;
	}
	if (queue->frames > 0)
		set_chore(queue, EDGE_CHORE_FRAMES);
	edge_port_finish(port, packets, kept);
	if (kept < count)
		edge_refuse_waiting(port, packets + kept, (uint16_t)(count - kept), IM_STATUS_SEND_ABORTED,
				    SLUICE_DROP_TX_REFUSED);
}

/* Returns how many left. */
IM_DISPATCH static uint16_t transmit_frames(const struct edge_port *port, struct edge_queue *queue, uint16_t q)
{
	uint16_t done = 0;

	while (done < queue->frames) {
		uint16_t burst = (uint16_t)RTE_MIN(queue->frames - done, EDGE_BURST);
		uint64_t bytes[EDGE_BURST]; /* of each: once it is sent it is the port's */
		uint16_t sent;

		for (uint16_t i = 0; i < burst; i++)
			bytes[i] = rte_pktmbuf_pkt_len(queue->mbufs[done + i]);
		sent = edge_offer(port, q, &queue->mbufs[done], burst);
		for (uint16_t i = 0; i < sent; i++)
			im_add(&queue->tx_bytes, bytes[i]);
		im_add(&queue->tx_packets, sent);
		done += sent;
		if (sent < burst)
			break;
	}
	queue->frames -= done;
	memmove(queue->mbufs, &queue->mbufs[done], queue->frames * sizeof(queue->mbufs[0]));
	return done;
}

/* ---- All of it ----------------------------------------------------------------------------------- */

uint16_t edge_do_chores(struct edge_port *port, struct edge_queue *queue, uint16_t q, bool *open)
{
	uint16_t done = 0;

	if (take_chore(queue, EDGE_CHORE_INBOX))
		empty_inbox(port, queue);
	if (take_chore(queue, EDGE_CHORE_CANCEL))
		cancel(port, queue);
	if (take_chore(queue, EDGE_CHORE_CLEAR))
		clear(port, queue);
	if (take_chore(queue, EDGE_CHORE_FRAMES))
		done = transmit_frames(port, queue, q);
	*open = queue->frames == 0;
	if (queue->frames > 0)
		set_chore(queue, EDGE_CHORE_FRAMES);
	return done;
}

void edge_want_clear(struct edge_port *port)
{
	for (uint16_t q = 0; q < port->config.queues; q++)
		set_chore(&port->queues[q], EDGE_CHORE_CLEAR);
}

/* Those whom no worker serves are the control side's, which is not in a call of the packet path (see im_pause()). */
void edge_port_clear(struct edge_port *port)
{
	for (uint16_t q = 0; q < port->config.queues; q++) {
		struct edge_queue *queue = &port->queues[q];

		if (__atomic_load_n(&queue->owner, __ATOMIC_RELAXED) != 0) {
			set_chore(queue, EDGE_CHORE_CLEAR);
			continue;
		}
		if (take_chore(queue, EDGE_CHORE_INBOX))
			empty_inbox(port, queue);
		clear(port, queue);
	}
}

/* ---- Given up ------------------------------------------------------------------------------------ */

void edge_refuse_waiting(struct edge_port *port, struct im_packet **packets, uint16_t count, im_status_t status,
			 enum sluice_drop reason)
{
	for (uint16_t i = 0; i < count; i++)
		edge_unprepare(port, packets[i]);
	if (count > 0)
		edge_refuse(port, packets, count, status, reason);
}

IM_DISPATCH static void give_up(struct edge_port *port, struct edge_queue *queue, im_status_t status)
{
	struct im_packet *packets[EDGE_PENDING_MAX];
	uint16_t count = (uint16_t)queue->pending;
	uint32_t frames = queue->frames;

	queue->frames = 0;
	if (frames > 0)
		im_count_drop(edge_port_account(port), edge_transmit_direction(port), SLUICE_DROP_TX_REFUSED, frames);
	rte_pktmbuf_free_bulk(queue->mbufs, frames);
	memcpy(packets, queue->packets, count * sizeof(packets[0]));
	queue->pending = 0;
	edge_refuse_waiting(port, packets, count, status, SLUICE_DROP_TX_REFUSED);
}

/* A port that is not connected to anything takes nothing for ever: its senders must not wait as long (4.35). */
void edge_queue_stuck(struct edge_port *port, struct edge_queue *queue)
{
	uint64_t now = rte_rdtsc();

	if (queue->stuck_since == 0)
		queue->stuck_since = now;
	if (now - queue->stuck_since <= EDGE_STUCK_SECONDS * rte_get_tsc_hz())
		return;
	queue->stuck_since = 0;
	queue->given_up = true;
	give_up(port, queue, IM_STATUS_FAILURE);
}

void edge_port_abandon(struct edge_port *port, uint16_t q)
{
	struct edge_queue *queue = &port->queues[q];

	queue->owner = 0;
	if (take_chore(queue, EDGE_CHORE_INBOX))
		empty_inbox(port, queue);
	take_chore(queue, EDGE_CHORE_CLEAR | EDGE_CHORE_CANCEL | EDGE_CHORE_FRAMES);
	give_up(port, queue, IM_STATUS_SEND_ABORTED);
}
