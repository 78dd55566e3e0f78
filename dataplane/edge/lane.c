/* SPDX-License-Identifier: BSD-3-Clause */
/* A port's packets: the worker's side. */
#include <string.h>

#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include "port.h"

IM_DISPATCH static enum sluice_direction receive_direction(const struct edge_port *port)
{
	return port->edge == EDGE_LOWER ? SLUICE_IN : SLUICE_OUT;
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
	if (port->edge == EDGE_UPPER)
		im_send_packets(port->binding, packets, count);
	else
		im_indicate_receive_packets(port->instance, packets, count);
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

uint16_t edge_port_poll(struct edge_port *port)
{
	uint16_t q = im_this_worker->queue;
	struct edge_queue *queue = &port->queues[q];
	struct rte_mbuf *mbufs[EDGE_BURST];
	struct im_packet *packets[EDGE_BURST];
	uint16_t allowed = allowance(port, queue);
	uint16_t count;

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

/* ---- Transmit ------------------------------------------------------------------------------------ */

/* Packets that the port has taken are SUCCESS with their buffers gone; others tell why not, with the buffers. */
void edge_port_finish(struct edge_port *port, struct im_packet **packets, uint16_t count)
{
	if (count == 0)
		return;
	if (port->edge == EDGE_LOWER)
		im_send_complete(port->instance, packets, count);
	else
		im_return_packets(port->binding, packets, count);
}

IM_DISPATCH static void count_refusal(struct edge_port *port, uint32_t reason)
{
	im_count_drop(edge_port_account(port), port->edge == EDGE_LOWER ? SLUICE_OUT : SLUICE_IN, reason, 1);
}

IM_DISPATCH static void refuse(struct edge_port *port, struct im_packet *packet, im_status_t status,
			       enum sluice_drop reason)
{
	count_refusal(port, reason);
	packet->status = (uint16_t)status;
	edge_port_finish(port, &packet, 1);
}

IM_DISPATCH static uint16_t transmit_burst(struct edge_port *port, uint16_t q, struct im_packet **packets,
					   uint16_t count)
{
	struct edge_queue *queue = &port->queues[q];
	struct rte_mbuf *mbufs[EDGE_BURST];
	uint64_t bytes = 0;
	uint16_t sent;

	for (uint16_t i = 0; i < count; i++)
		mbufs[i] = packets[i]->mbuf;
	sent = rte_eth_tx_burst(port->port_id, q, mbufs, count);
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

uint16_t edge_port_flush(struct edge_port *port)
{
	uint16_t q = im_this_worker->queue;
	struct edge_queue *queue = &port->queues[q];
	uint16_t done = 0;

	if (unlikely(queue->flushing))
		return 0;
	queue->flushing = true;
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
	queue->flushing = false;
	return done;
}

void edge_port_transmit(struct edge_port *port, struct im_packet **packets, uint16_t count)
{
	struct edge_queue *queue = &port->queues[im_this_worker->queue];

	for (uint16_t i = 0; i < count; i++) {
		if (unlikely(packets[i]->length > port->max_frame)) {
			refuse(port, packets[i], IM_STATUS_INVALID_LENGTH, SLUICE_DROP_FRAME_TOO_LONG);
			continue;
		}
		if (unlikely(queue->pending == EDGE_PENDING_MAX))
			edge_port_flush(port);
		if (unlikely(queue->pending == EDGE_PENDING_MAX)) {
			refuse(port, packets[i], IM_STATUS_RESOURCES,
			       SLUICE_DROP_TX_QUEUE_FULL); /* the newest (4.10) */
			continue;
		}
		queue->packets[queue->pending++] = packets[i];
	}
	if (queue->pending >= EDGE_BURST)
		edge_port_flush(port);
}

/* Nothing may overtake what waits: while the port is busy the copy is refused instead. */
IM_DISPATCH static uint32_t transmit_copy(struct edge_port *port, const struct im_packet *packet)
{
	uint16_t q = im_this_worker->queue;
	struct edge_queue *queue = &port->queues[q];
	struct rte_mbuf *copy;

	if (packet->length > port->max_frame)
		return SLUICE_DROP_FRAME_TOO_LONG;
	if (queue->pending > 0)
		return SLUICE_DROP_TX_QUEUE_FULL;
	copy = rte_pktmbuf_copy(packet->mbuf, port->pool->buffers, 0, UINT32_MAX);
	if (copy == NULL)
		return SLUICE_DROP_NO_DESCRIPTOR;
	if (rte_eth_tx_burst(port->port_id, q, &copy, 1) != 1) {
		rte_pktmbuf_free(copy);
		return SLUICE_DROP_TX_QUEUE_FULL;
	}
	im_add(&queue->tx_packets, 1);
	im_add(&queue->tx_bytes, packet->length);
	return 0;
}

void edge_port_transmit_copies(struct edge_port *port, struct im_packet **packets, uint16_t count)
{
	edge_port_flush(port);
	for (uint16_t i = 0; i < count; i++) {
		uint32_t reason = transmit_copy(port, packets[i]);

		if (reason != 0)
			count_refusal(port, reason);
	}
}

void edge_port_abandon(struct edge_port *port, uint16_t q)
{
	struct edge_queue *queue = &port->queues[q];

	while (queue->pending > 0)
		refuse(port, queue->packets[--queue->pending], IM_STATUS_SEND_ABORTED, SLUICE_DROP_TX_REFUSED);
}
