/* SPDX-License-Identifier: BSD-3-Clause */
/* The way of packets: one burst from, or to, a host. */
#include "copy.h"
#include "join.h"
#include "port.h"

IM_DISPATCH static void add(uint64_t *counter, uint64_t count)
{
	__atomic_store_n(counter, *counter + count, __ATOMIC_RELAXED); /* one writer */
}

/* ---- Quarantine ------------------------------------------------------------------------------------ */

IM_DISPATCH static void quarantine(struct hostport_queue *queue, struct hostport_pair *pair, enum ring_fault fault)
{
	__atomic_store_n(&queue->counters.fault, fault, __ATOMIC_RELAXED);
	__atomic_store_n(&queue->untold, fault, __ATOMIC_RELAXED);
	__atomic_store_n(&pair->broken, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&pair->card->status, SLUICE_QUEUE_BROKEN, __ATOMIC_RELEASE);
	hostport_wake(pair->signal); /* it may sleep for what does not come any more */
}

/* The client's rings, or NULL where there is nobody to talk to. */
IM_DISPATCH static struct hostport_pair *pair_of(const struct hostport_queue *queue)
{
	struct hostport_pair *pair = __atomic_load_n(&queue->pair, __ATOMIC_ACQUIRE);

	return pair != NULL && !__atomic_load_n(&pair->broken, __ATOMIC_RELAXED) ? pair : NULL;
}

IM_DISPATCH static bool is_draining(const struct hostport_queue *queue)
{
	return __atomic_load_n(&queue->draining, __ATOMIC_RELAXED);
}

/* ---- From the host --------------------------------------------------------------------------------- */

/* Half as many where there are fewer, and half of that. */
IM_DISPATCH static struct copy_buffers allocate(struct hostport_queue *queue, struct rte_mbuf **mbufs, uint32_t count)
{
	while (count > 0 && rte_pktmbuf_alloc_bulk(queue->pool, mbufs, count) != 0)
		count /= 2;
	return (struct copy_buffers){.mbufs = mbufs, .count = (uint16_t)count, .pool = queue->pool};
}

/* Frames on the wire that it becomes. */
IM_DISPATCH static uint32_t segments_of(const struct rte_mbuf *mbuf)
{
	if (likely(!(mbuf->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG))))
		return 1;
	return rte_pktmbuf_pkt_len(mbuf) / mbuf->tso_segsz + 1;
}

/* What became of the frames of a burst: counted in the queue once. */
struct taken {
	uint32_t looks, refused, segments;
	uint64_t bytes;
};

/* As many looks as frames are wanted, so that a host that sends nothing but rubbish costs no more than one that does
 * not. And no large send more once the frames that those taken become are those of the longest one: twice as many is
 * what a queue that is empty has room for. */
IM_DISPATCH static void take(struct taken *taken, struct hostport_queue *queue, struct ring_in *in, uint32_t count,
			     struct copy_buffers *empty)
{
	uint32_t most = __atomic_load_n(queue->max_frame, __ATOMIC_RELAXED);

	for (; taken->looks < count && taken->segments < SLUICE_DATA_SEGS_MAX; taken->looks++) {
		if (ring_in_ahead(in) == 0)
			return;
		switch (empty->count == 0 ? COPY_NO_BUFFERS : copy_from_host(in, most, empty)) {
		case COPY_DONE:
			taken->segments += segments_of(empty->mbufs[0]);
			taken->bytes += rte_pktmbuf_pkt_len(empty->mbufs[0]);
			empty->mbufs++;
			empty->count--;
			break;
		case COPY_REFUSED:
			taken->refused++;
			break;
		case COPY_NO_BUFFERS:
			add(&queue->counters.no_mbufs, 1);
			return;
		}
	}
}

IM_DISPATCH static void count_taken(struct hostport_counters *counters, const struct taken *taken)
{
	add(&counters->send_frames, taken->looks);
	add(&counters->send_bytes, taken->bytes);
	add(&counters->send_refused, taken->refused);
}

/* While as much as is wanted is known to be there, the host's index stays in the host's cache; but not where nothing of
 * it can be taken, as what breaks the ring is to be found in any case. */
uint16_t hostport_receive(void *opaque, struct rte_mbuf **mbufs, uint16_t count)
{
	struct hostport_queue *queue = opaque;
	struct hostport_pair *pair = pair_of(queue);
	struct copy_buffers empty;
	struct taken taken = {0};

	if (pair == NULL || is_draining(queue))
		return 0;
	ring_out_expect(&pair->out); /* a turn receives before it transmits */
	if (ring_in_ahead(&pair->in) < count && !ring_in_begin(&pair->in)) {
		quarantine(queue, pair, pair->in.fault);
		return 0;
	}
	if (ring_in_ahead(&pair->in) == 0)
		return 0;
	empty = allocate(queue, mbufs, RTE_MIN((uint32_t)count, ring_in_ahead(&pair->in)));
	take(&taken, queue, &pair->in, count, &empty);
	rte_pktmbuf_free_bulk(empty.mbufs, empty.count);
	count_taken(&queue->counters, &taken);
	if (ring_in_publish(&pair->in))
		hostport_wake(pair->signal);
	if (taken.looks == 0 && !ring_in_begin(&pair->in))
		quarantine(queue, pair, pair->in.fault);
	ring_in_expect(&pair->in);
	return (uint16_t)(empty.mbufs - mbufs);
}

/* ---- To the host ----------------------------------------------------------------------------------- */

/* What became of the frames of a burst: counted in the queue once. */
struct given {
	uint64_t done, bytes, short_of, refused, joined;
};

IM_DISPATCH static void give_one(struct given *given, struct ring_out *out, const struct rte_mbuf *mbuf)
{
	switch (copy_to_host(out, mbuf)) {
	case COPY_DONE:
		given->done++;
		given->bytes += rte_pktmbuf_pkt_len(mbuf);
		break;
	case COPY_NO_BUFFERS:
		given->short_of++;
		break;
	case COPY_REFUSED:
		given->refused++;
		break;
	}
}

/* It counts as the segments that it was made of, each with headers of its own. */
IM_DISPATCH static void give_joined(struct given *given, struct ring_out *out, const struct rte_mbuf *mbuf)
{
	uint32_t more = join_segments(mbuf) - 1;
	uint64_t done = given->done, short_of = given->short_of;

	give_one(given, out, mbuf);
	if (given->done > done) {
		given->done += more;
		given->bytes += more * join_header_bytes(mbuf);
		given->joined += more + 1;
	} else if (given->short_of > short_of) {
		given->short_of += more;
	}
}

IM_DISPATCH static void give(struct given *given, struct ring_out *out, struct rte_mbuf **mbufs, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		give_one(given, out, mbufs[i]);
	rte_pktmbuf_free_bulk(mbufs, count);
}

/* The list is the caller's, and stays as it is. */
IM_DISPATCH static void join_and_give(struct given *given, struct ring_out *out, struct rte_mbuf **mbufs,
				      uint16_t count)
{
	struct rte_mbuf *frames[JOIN_BURST];

	for (uint16_t done = 0; done < count; done += JOIN_BURST) {
		uint16_t part = (uint16_t)RTE_MIN(count - done, (int)JOIN_BURST);

		memcpy(frames, &mbufs[done], part * sizeof(frames[0]));
		part = join_frames(frames, part, ring_out_room(out));
		for (uint16_t i = 0; i < part; i++) {
			if (join_is_made(frames[i]))
				give_joined(given, out, frames[i]);
			else
				give_one(given, out, frames[i]);
		}
		rte_pktmbuf_free_bulk(frames, part);
	}
}

IM_DISPATCH static void count_given(struct hostport_counters *counters, const struct given *given)
{
	add(&counters->receive_frames, given->done);
	add(&counters->receive_bytes, given->bytes);
	add(&counters->receive_short, given->short_of);
	add(&counters->receive_refused, given->refused);
	add(&counters->receive_joined, given->joined);
}

/* Every frame is accepted: what the host has no room for is counted, and does not stand in the way of others. With no
 * frame at all, what the host has returned is taken back. */
uint16_t hostport_transmit(void *opaque, struct rte_mbuf **mbufs, uint16_t count)
{
	struct hostport_queue *queue = opaque;
	struct hostport_pair *pair = pair_of(queue);
	struct given given = {0};

	if (pair != NULL && !ring_out_begin(&pair->out)) {
		quarantine(queue, pair, pair->out.fault);
		pair = NULL;
	}
	if (pair == NULL || is_draining(queue)) {
		add(&queue->counters.receive_no_host, count);
		rte_pktmbuf_free_bulk(mbufs, count);
	} else {
		ring_out_prepare(&pair->out, count);
		if (pair->joins && count > 1)
			join_and_give(&given, &pair->out, mbufs, count);
		else
			give(&given, &pair->out, mbufs, count);
		count_given(&queue->counters, &given);
	}
	if (pair != NULL && ring_out_publish(&pair->out))
		hostport_wake(pair->signal);
	return count;
}
