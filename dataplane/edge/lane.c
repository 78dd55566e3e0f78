/* SPDX-License-Identifier: BSD-3-Clause */
/* A port's packets: the worker's side. */
#include <string.h>

#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include "lane.h"

IM_DISPATCH static enum sluice_direction receive_direction(const struct edge_port *port)
{
	return port->edge == EDGE_LOWER ? SLUICE_IN : SLUICE_OUT;
}

/* A deferred call runs between two lanes, and a control thread has none: their packets may be for a port with fewer
 * queues. */
struct edge_queue *edge_own_queue(struct edge_port *port)
{
	uint16_t q = im_this_worker->queue;

	return &port->queues[likely(q < port->config.queues) ? q : 0];
}

/* ---- Receive ------------------------------------------------------------------------------------- */

/* How many packets the port's rate allows now. */
IM_DISPATCH static uint16_t allowance(const struct edge_port *port, struct edge_queue *queue)
{
	uint64_t now, due;

	if (likely(port->cycles_per_packet == 0))
		return EDGE_BURST;
	now = rte_rdtsc();
	if (queue->next_rx == 0 || now > queue->next_rx + rte_get_tsc_hz() / 10)
		queue->next_rx = now; /* a port that was idle does not make up for it in one go */
	if (now < queue->next_rx)
		return 0;
	due = (now - queue->next_rx) / port->cycles_per_packet + 1;
	return (uint16_t)RTE_MIN(due, (uint64_t)EDGE_BURST);
}

/* Into the stack: sent down from the host side, lent upward from the wire side. */
IM_DISPATCH static void deliver(struct edge_port *port, struct im_packet **packets, uint16_t count)
{
	if (port->edge == EDGE_UPPER) {
		edge_note_asked(packets, count);
		im_send_packets(port->binding, packets, count);
	} else {
		im_indicate_receive_packets(port->instance, packets, count);
	}
}

/* Not a packet goes missing without a count. */
IM_DISPATCH static void discard(struct edge_port *port, struct rte_mbuf **mbufs, uint16_t count,
				enum sluice_drop reason)
{
	im_count_drop(edge_port_account(port), receive_direction(port), reason, count);
	rte_pktmbuf_free_bulk(mbufs, count);
}

IM_DISPATCH static void count_received(struct edge_queue *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < count; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
		bytes += rte_pktmbuf_pkt_len(mbufs[i]);
	}
	im_add(&queue->rx_packets, count);
	im_add(&queue->rx_bytes, bytes);
}

/* Binding and instance are good while the port is not stopped, and until the grace period after that. */
uint16_t edge_port_poll(struct edge_port *port)
{
	uint16_t q = im_this_worker->queue;
	struct edge_queue *queue = &port->queues[q];
	struct rte_mbuf *mbufs[EDGE_BURST];
	struct im_packet *packets[EDGE_BURST];
	uint16_t allowed, count;

	if (unlikely(__atomic_load_n(&port->stopped, __ATOMIC_ACQUIRE) != 0))
		return 0;
	allowed = allowance(port, queue);
	if (allowed == 0)
		return 0;
	count = rte_eth_rx_burst(port->port_id, q, mbufs, allowed);
	if (count == 0)
		return 0;
	queue->next_rx += count * port->cycles_per_packet;
	count_received(queue, mbufs, count);
	if (unlikely(__atomic_load_n(&port->packet_filter, __ATOMIC_RELAXED) == 0))
		discard(port, mbufs, count, SLUICE_DROP_PACKET_FILTER);
	else if (unlikely(im_packet_wrap(port->pool, mbufs, packets, count) != 0))
		discard(port, mbufs, count, SLUICE_DROP_NO_DESCRIPTOR);
	else
		deliver(port, packets, count);
	return count;
}

/* ---- Done with ----------------------------------------------------------------------------------- */

/* The port's own copies have no way back in their stack. Returns how many others there are. */
IM_DISPATCH static uint16_t release_copies(struct edge_port *port, struct im_packet **packets, uint16_t count)
{
	uint16_t others = 0;

	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *packet = packets[i];

		if (packet->depth == 0)
			im_packet_release(port->pool, &packet, 1);
		else
			packets[others++] = packet;
	}
	return others;
}

/* Packets that the port has taken are SUCCESS with their buffers gone; others tell why not, with the buffers. */
void edge_port_finish(struct edge_port *port, struct im_packet **packets, uint16_t count)
{
	if (unlikely(__atomic_load_n(&port->copies, __ATOMIC_RELAXED)))
		count = release_copies(port, packets, count);
	if (count == 0)
		return;
	if (port->edge == EDGE_LOWER)
		im_send_complete(port->instance, packets, count);
	else
		im_return_packets(port->binding, packets, count);
}

IM_DISPATCH static void count_refusal(struct edge_port *port, enum sluice_drop reason, uint16_t count)
{
	im_count_drop(edge_port_account(port), edge_transmit_direction(port), reason, count);
}

void edge_refuse(struct edge_port *port, struct im_packet **packets, uint16_t count, im_status_t status,
		 enum sluice_drop reason)
{
	count_refusal(port, reason, count);
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = (uint16_t)status;
	edge_port_finish(port, packets, count);
}

/* ---- Transmit ------------------------------------------------------------------------------------ */

IM_DISPATCH static uint16_t transmit_burst(struct edge_port *port, uint16_t q, struct im_packet **packets,
					   uint16_t count)
{
	struct edge_queue *queue = &port->queues[q];
	struct rte_mbuf *mbufs[EDGE_BURST];
	uint64_t bytes = 0;
	uint16_t sent;

	for (uint16_t i = 0; i < count; i++)
		mbufs[i] = packets[i]->mbuf;
	sent = edge_offer(port, q, mbufs, count);
	for (uint16_t i = 0; i < sent; i++) {
		bytes += packets[i]->length;
		packets[i]->mbuf = NULL; /* the port's */
		packets[i]->status = IM_STATUS_SUCCESS;
	}
	im_add(&queue->tx_packets, sent);
	im_add(&queue->tx_bytes, bytes);
	edge_port_finish(port, packets, sent);
	return sent;
}

IM_DISPATCH static uint16_t transmit_waiting(struct edge_port *port, struct edge_queue *queue, uint16_t q)
{
	uint16_t done = 0;

	while (done < queue->pending) {
		uint16_t burst = (uint16_t)RTE_MIN(queue->pending - done, EDGE_BURST);
		uint16_t sent = transmit_burst(port, q, &queue->packets[done], burst);

		done += sent;
		if (sent < burst)
			break; /* the port is busy: what is left waits, in order */
	}
	if (done > 0) {
		queue->pending -= done;
		memmove(queue->packets, &queue->packets[done], queue->pending * sizeof(queue->packets[0]));
	}
	return done;
}

IM_DISPATCH static void collect(const struct edge_port *port, struct edge_queue *queue, uint16_t q)
{
	if (++queue->idle_turns < EDGE_COLLECT_TURNS)
		return;
	queue->idle_turns = 0;
	rte_eth_tx_burst(port->port_id, q, NULL, 0);
}

uint16_t edge_port_flush(struct edge_port *port)
{
	struct edge_queue *queue = edge_own_queue(port);
	uint16_t q = (uint16_t)(queue - port->queues);
	uint16_t done = 0;
	bool open = true;

	if (unlikely(queue->flushing || !edge_owns(queue)))
		return 0;
	queue->flushing = true;
	if (unlikely(__atomic_load_n(&queue->chores, __ATOMIC_ACQUIRE) != 0))
		done = edge_do_chores(port, queue, q, &open);
	if (likely(open))
		done += transmit_waiting(port, queue, q);
	if (unlikely(done == 0 && queue->pending + queue->frames > 0))
		edge_queue_stuck(port, queue);
	else
		queue->stuck_since = 0;
	if (unlikely(queue->given_up) && done > 0)
		queue->given_up = false;
	if (done == 0 && port->collects)
		collect(port, queue, q);
	queue->flushing = false;
	return done;
}

bool edge_port_waits(const struct edge_port *port, uint16_t q)
{
	const struct edge_queue *queue = &port->queues[q];

	return queue->pending + queue->frames > 0 || __atomic_load_n(&queue->chores, __ATOMIC_RELAXED) != 0;
}

/* What is too long is not sent, what finds no room neither (4.10); the frame is touched only once it has its place. */
void edge_append_frame(struct edge_port *port, struct edge_queue *queue, struct im_packet *packet)
{
	if (unlikely(packet->length > port->max_frame && !edge_is_large_send(port, packet))) {
		edge_refuse(port, &packet, 1, IM_STATUS_INVALID_LENGTH, SLUICE_DROP_FRAME_TOO_LONG);
		return;
	}
	if (unlikely(queue->pending == EDGE_PENDING_MAX))
		edge_port_flush(port);
	if (unlikely(queue->pending == EDGE_PENDING_MAX)) {
		edge_refuse(port, &packet, 1, IM_STATUS_RESOURCES, SLUICE_DROP_TX_QUEUE_FULL); /* the newest */
		return;
	}
	if (unlikely(edge_is_special(packet)) && !edge_prepare(port, &packet))
		return;
	queue->packets[queue->pending++] = packet;
}

void edge_queue_append(struct edge_port *port, struct edge_queue *queue, struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		if (unlikely(edge_is_large_send(port, packets[i])) && !edge_device_cuts(port, packets[i]))
			edge_segment(port, queue, packets[i]);
		else
			edge_append_frame(port, queue, packets[i]);
}

void edge_port_transmit(struct edge_port *port, struct im_packet **packets, uint16_t count)
{
	struct edge_queue *queue = edge_own_queue(port);

	if (unlikely(!edge_owns(queue))) {
		edge_queue_leave(port, queue, packets, count);
		return;
	}
	edge_queue_append(port, queue, packets, count);
	if (queue->pending >= EDGE_BURST)
		edge_port_flush(port);
}

void edge_port_transmit_copies(struct edge_port *port, struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *copy = edge_copy(port, packets[i]);

		if (copy != NULL)
			edge_port_transmit(port, &copy, 1);
		else
			count_refusal(port, SLUICE_DROP_NO_DESCRIPTOR, 1);
	}
}
