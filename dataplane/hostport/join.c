/* SPDX-License-Identifier: BSD-3-Clause */
#include "join.h"

#include <assert.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_gro.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "abi/data.h"

#define FLOWS	    8u	 /* that are told apart at a time */
#define PLAIN_IPV4  0x45 /* version 4, no options */
#define NO_RUN	    0xff
#define FRAGMENT    (RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)
#define TAGGED	    (RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_TX_VLAN)
#define OTHER_TASKS (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_RX_LRO)

/* Where they stand in a frame that can be joined: no tag, no options of IPv4. */
struct headers {
	struct rte_ether_hdr ether;
	struct rte_ipv4_hdr ipv4;
	struct rte_tcp_hdr tcp;
};
static_assert(sizeof(struct headers) == 54, "nothing between them");

struct segment {
	struct headers *headers;
	uint32_t header_bytes; /* with TCP's options */
	uint32_t payload;
	uint32_t sequence;
};

struct run {
	const struct headers *headers; /* of its first segment */
	uint32_t header_bytes;
	uint32_t mss;	/* payload of each but the last */
	uint32_t next;	/* sequence number of what would go on */
	uint32_t bytes; /* of the frame that is to be made */
	uint16_t first; /* place of the first segment ... */
	uint16_t last;	/* ... and of the last */
	uint16_t count;
	bool closed; /* nothing goes on */
	bool summed; /* the sums of the first segment are right */
	bool pushed; /* the last segment has PSH, which librte_gro does not join: it gets it without */
};

struct batch {
	struct rte_mbuf **frames; /* NULL: it is a part of one ahead of it */
	uint32_t room;
	uint16_t run_count;
	bool any; /* of them has more than one segment */
	struct run runs[FLOWS];
	uint8_t run_of[JOIN_BURST];
};

/* ---- What a frame is ------------------------------------------------------------------------------- */

enum look {
	LOOK_OTHER,   /* no TCP over IPv4 */
	LOOK_UNCLEAR, /* of a flow that it does not tell */
	LOOK_ALONE,   /* of a flow, and not to be joined */
	LOOK_SEGMENT,
};

/* Nobody else has its buffers. */
IM_DISPATCH static bool may_be_changed(const struct rte_mbuf *frame)
{
	for (; frame != NULL; frame = frame->next) {
		if (!RTE_MBUF_DIRECT(frame) || rte_mbuf_refcnt_read(frame) != 1)
			return false;
	}
	return true;
}

static bool has_other_task(uint64_t flags)
{
	uint64_t sum = flags & RTE_MBUF_F_TX_L4_MASK;

	return (flags & OTHER_TASKS) != 0 || (sum != 0 && sum != RTE_MBUF_F_TX_TCP_CKSUM);
}

/* The frame ends with its datagram: padding would become payload. PSH is of a write's last segment. */
IM_DISPATCH static enum look look_at_segment(const struct rte_mbuf *frame, struct segment *segment)
{
	const struct headers *headers = segment->headers;
	uint32_t tcp_bytes = (uint32_t)(headers->tcp.data_off >> 4) * 4, length = rte_pktmbuf_pkt_len(frame);

	if ((headers->tcp.tcp_flags & ~RTE_TCP_PSH_FLAG) != RTE_TCP_ACK_FLAG || tcp_bytes < sizeof(headers->tcp))
		return LOOK_ALONE;
	segment->header_bytes = (uint32_t)offsetof(struct headers, tcp) + tcp_bytes;
	if (segment->header_bytes > rte_pktmbuf_data_len(frame) || segment->header_bytes >= length ||
	    rte_be_to_cpu_16(headers->ipv4.total_length) + sizeof(headers->ether) != length)
		return LOOK_ALONE;
	if (has_other_task(frame->ol_flags) || !may_be_changed(frame))
		return LOOK_ALONE;
	segment->payload = length - segment->header_bytes;
	segment->sequence = rte_be_to_cpu_32(headers->tcp.sent_seq);
	return LOOK_SEGMENT;
}

IM_DISPATCH static enum look look_at(const struct rte_mbuf *frame, struct segment *segment)
{
	struct headers *headers = rte_pktmbuf_mtod(frame, struct headers *);

	if (rte_pktmbuf_data_len(frame) < offsetof(struct headers, tcp))
		return frame->nb_segs > 1 ? LOOK_UNCLEAR : LOOK_OTHER;
	if (headers->ipv4.next_proto_id != IPPROTO_TCP || headers->ether.ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
	    (frame->ol_flags & TAGGED) != 0)
		return LOOK_OTHER;
	if (rte_pktmbuf_data_len(frame) < sizeof(*headers) || headers->ipv4.version_ihl != PLAIN_IPV4 ||
	    (headers->ipv4.fragment_offset & RTE_BE16(FRAGMENT)) != 0)
		return LOOK_UNCLEAR;
	segment->headers = headers;
	return look_at_segment(frame, segment);
}

/* ---- Sums ------------------------------------------------------------------------------------------ */

IM_DISPATCH static bool is_ipv4_sum_right(const struct rte_mbuf *frame, const struct rte_ipv4_hdr *ipv4)
{
	return (frame->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD ||
	       rte_raw_cksum(ipv4, sizeof(*ipv4)) == 0xffff;
}

/* A sum that is still to be made is one that the card promises. Where nobody looked, this does: in a joined frame a
 * wrong one would be gone. */
IM_DISPATCH static bool is_tcp_sum_right(const struct rte_mbuf *frame, const struct rte_ipv4_hdr *ipv4)
{
	const uint32_t start = offsetof(struct headers, tcp);
	uint64_t found = frame->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	uint32_t sum;
	uint16_t raw;

	if ((frame->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM ||
	    found == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	if (found == RTE_MBUF_F_RX_L4_CKSUM_BAD ||
	    rte_raw_cksum_mbuf(frame, start, rte_pktmbuf_pkt_len(frame) - start, &raw) != 0)
		return false;
	sum = (uint32_t)raw + rte_ipv4_phdr_cksum(ipv4, 0);
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

IM_DISPATCH static bool are_sums_right(const struct rte_mbuf *frame, const struct headers *headers)
{
	return is_ipv4_sum_right(frame, &headers->ipv4) && is_tcp_sum_right(frame, &headers->ipv4);
}

/* ---- Runs ------------------------------------------------------------------------------------------ */

static uint32_t buffers_of(uint32_t bytes)
{
	return (bytes + (uint32_t)sizeof(struct sluice_frame_meta) + SLUICE_DATA_BUFFER - 1) / SLUICE_DATA_BUFFER;
}

/* Addresses lie beside each other, as ports do. */
static bool is_same_flow(const struct headers *a, const struct headers *b)
{
	return memcmp(&a->ipv4.src_addr, &b->ipv4.src_addr, 8) == 0 &&
	       memcmp(&a->tcp.src_port, &b->tcp.src_port, 4) == 0;
}

IM_DISPATCH static struct run *find_run(struct batch *batch, const struct headers *headers)
{
	for (uint16_t i = 0; i < batch->run_count; i++) {
		if (is_same_flow(batch->runs[i].headers, headers))
			return &batch->runs[i];
	}
	return NULL;
}

/* What the host would not learn of a second segment must be as in the first: a mark of congestion above all. */
IM_DISPATCH static bool is_alike(const struct run *run, const struct segment *segment)
{
	const struct headers *a = run->headers, *b = segment->headers;

	return memcmp(&a->ether, &b->ether, sizeof(a->ether)) == 0 &&
	       a->ipv4.type_of_service == b->ipv4.type_of_service && a->ipv4.time_to_live == b->ipv4.time_to_live &&
	       a->ipv4.fragment_offset == b->ipv4.fragment_offset && a->tcp.recv_ack == b->tcp.recv_ack &&
	       a->tcp.rx_win == b->tcp.rx_win && a->tcp.tcp_urp == b->tcp.tcp_urp &&
	       a->tcp.data_off == b->tcp.data_off && memcmp(a + 1, b + 1, run->header_bytes - sizeof(*a)) == 0;
}

/* Room is asked for what the run grows by, which is at most what the segment would need by itself. */
IM_DISPATCH static bool goes_on(const struct batch *batch, const struct run *run, const struct segment *segment)
{
	uint32_t bytes = run->bytes + segment->payload;

	return !run->closed && segment->sequence == run->next && segment->payload <= run->mss &&
	       bytes <= SLUICE_DATA_FRAME_MAX && buffers_of(bytes) - buffers_of(run->bytes) <= batch->room &&
	       is_alike(run, segment);
}

IM_DISPATCH static bool is_first_right(const struct batch *batch, struct run *run)
{
	if (!run->summed)
		run->summed = are_sums_right(batch->frames[run->first], run->headers);
	run->closed |= !run->summed;
	return run->summed;
}

IM_DISPATCH static void append(struct batch *batch, struct run *run, uint16_t place, const struct segment *segment)
{
	batch->any = true;
	batch->room -= buffers_of(run->bytes + segment->payload) - buffers_of(run->bytes);
	run->bytes += segment->payload;
	run->next += segment->payload;
	run->last = place;
	run->count++;
	run->pushed = (segment->headers->tcp.tcp_flags & RTE_TCP_PSH_FLAG) != 0;
	run->closed = run->pushed || segment->payload < run->mss;
	batch->run_of[place] = (uint8_t)(run - batch->runs);
}

IM_DISPATCH static void begin(struct batch *batch, struct run *run, uint16_t place, const struct segment *segment)
{
	*run = (struct run){
		.headers = segment->headers,
		.header_bytes = segment->header_bytes,
		.mss = segment->payload,
		.next = segment->sequence + segment->payload,
		.bytes = segment->header_bytes + segment->payload,
		.first = place,
		.last = place,
		.count = 1,
		.closed = (segment->headers->tcp.tcp_flags & RTE_TCP_PSH_FLAG) != 0,
	};
	batch->run_of[place] = (uint8_t)(run - batch->runs);
}

/* ---- librte_gro ------------------------------------------------------------------------------------ */

/* It is told what a frame is, and where it is to stand; only the last of a run can have PSH. */
IM_DISPATCH static void prepare(struct rte_mbuf *frame, const struct run *run, uint16_t place)
{
	frame->packet_type = RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP;
	frame->l2_len = sizeof(struct rte_ether_hdr);
	frame->l3_len = sizeof(struct rte_ipv4_hdr);
	frame->l4_len = run->header_bytes - offsetof(struct headers, tcp);
	frame->hash.usr = place;
	rte_pktmbuf_mtod(frame, struct headers *)->tcp.tcp_flags = RTE_TCP_ACK_FLAG;
}

/* The length of IPv4 is the library's work, sums are not. */
IM_DISPATCH static void finish(struct rte_mbuf *frame, const struct run *run)
{
	struct headers *headers = rte_pktmbuf_mtod(frame, struct headers *);

	headers->ipv4.hdr_checksum = 0;
	headers->ipv4.hdr_checksum = rte_ipv4_cksum(&headers->ipv4);
	headers->tcp.cksum = rte_ipv4_phdr_cksum(&headers->ipv4, 0);
	frame->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM | JOIN_MADE;
	frame->tso_segsz = (uint16_t)run->mss;
}

/* One frame, or several where the library saw a reason against it, such as numbers of IPv4 that do not follow each
 * other. The last of them has the last segment. */
IM_DISPATCH static void settle(const struct batch *batch, uint8_t number)
{
	const struct run *run = &batch->runs[number];
	struct rte_mbuf *last = NULL;

	for (uint16_t i = run->first; i <= run->last; i++) {
		struct rte_mbuf *frame = batch->frames[i];

		if (frame == NULL || batch->run_of[i] != number)
			continue;
		if (rte_pktmbuf_pkt_len(frame) > run->header_bytes + run->mss)
			finish(frame, run);
		last = frame;
	}
	if (run->pushed)
		rte_pktmbuf_mtod(last, struct headers *)->tcp.tcp_flags |= RTE_TCP_PSH_FLAG;
}

IM_DISPATCH static uint16_t take_out(struct batch *batch, uint16_t end, struct rte_mbuf **joined)
{
	uint16_t count = 0;

	for (uint16_t i = 0; i < end; i++) {
		const struct run *run = batch->run_of[i] != NO_RUN ? &batch->runs[batch->run_of[i]] : NULL;

		if (run == NULL || run->count == 1)
			continue;
		prepare(batch->frames[i], run, i);
		joined[count++] = batch->frames[i];
		batch->frames[i] = NULL;
	}
	return count;
}

/* The library gives frames back in an order of its own. */
IM_DISPATCH static void join(struct batch *batch, uint16_t end)
{
	static const struct rte_gro_param param = {
		.gro_types = RTE_GRO_TCP_IPV4,
		.max_flow_num = FLOWS,
		.max_item_per_flow = JOIN_BURST,
	};
	struct rte_mbuf *joined[JOIN_BURST];
	uint16_t count = take_out(batch, end, joined);

	count = rte_gro_reassemble_burst(joined, count, &param);
	for (uint16_t i = 0; i < count; i++)
		batch->frames[joined[i]->hash.usr] = joined[i];
	for (uint8_t i = 0; i < batch->run_count; i++) {
		if (batch->runs[i].count > 1)
			settle(batch, i);
	}
}

/* The runs that there are among the first @p end frames are over. */
IM_DISPATCH static void end_runs(struct batch *batch, uint16_t end)
{
	if (batch->any)
		join(batch, end);
	batch->any = false;
	batch->run_count = 0;
	memset(batch->run_of, NO_RUN, sizeof(batch->run_of));
}

/* ---- A burst --------------------------------------------------------------------------------------- */

/* False: there will be none for it, and it counts as lost in its place. */
IM_DISPATCH static bool take_room(struct batch *batch, const struct rte_mbuf *frame)
{
	uint32_t buffers = buffers_of(rte_pktmbuf_pkt_len(frame));

	if (buffers > batch->room)
		return false;
	batch->room -= buffers;
	return true;
}

/* A run that is over has one successor of its flow at a time: the library would join the two. One of a single segment
 * just makes place. */
IM_DISPATCH static void begin_another(struct batch *batch, struct run *old, uint16_t place,
				      const struct segment *segment)
{
	if (old != NULL && old->count == 1) {
		batch->run_of[old->first] = NO_RUN;
	} else {
		if (old != NULL || batch->run_count == FLOWS)
			end_runs(batch, place);
		old = &batch->runs[batch->run_count++];
	}
	begin(batch, old, place, segment);
}

IM_DISPATCH static void take_segment(struct batch *batch, struct run *run, uint16_t place,
				     const struct segment *segment)
{
	const struct rte_mbuf *frame = batch->frames[place];

	if (run != NULL && goes_on(batch, run, segment) && is_first_right(batch, run) &&
	    are_sums_right(frame, segment->headers)) {
		append(batch, run, place, segment);
		return;
	}
	if (run != NULL)
		run->closed = true;
	if (take_room(batch, frame))
		begin_another(batch, run, place, segment);
}

IM_DISPATCH static void take(struct batch *batch, uint16_t place)
{
	struct segment segment = {0};
	enum look look = look_at(batch->frames[place], &segment);
	struct run *run = look >= LOOK_ALONE ? find_run(batch, segment.headers) : NULL;

	if (look == LOOK_SEGMENT) {
		take_segment(batch, run, place, &segment);
		return;
	}
	take_room(batch, batch->frames[place]);
	if (run != NULL)
		run->closed = true;
	for (uint16_t i = 0; look == LOOK_UNCLEAR && i < batch->run_count; i++)
		batch->runs[i].closed = true;
}

uint16_t join_frames(struct rte_mbuf **frames, uint16_t count, uint32_t room)
{
	struct batch batch = {.frames = frames, .room = room};
	uint16_t kept = 0;

	memset(batch.run_of, NO_RUN, sizeof(batch.run_of));
	for (uint16_t i = 0; i < count; i++)
		take(&batch, i);
	if (batch.any)
		join(&batch, count);
	for (uint16_t i = 0; i < count; i++) {
		if (frames[i] != NULL)
			frames[kept++] = frames[i];
	}
	return kept;
}
