/* SPDX-License-Identifier: BSD-3-Clause */
#include "join_rig.h"

#include <rte_bus_vdev.h>

#include "../edge/eal.h"

struct rte_mempool *pool;

static uint32_t next_sequence[32];
static uint16_t next_id[32];

static uint16_t tcp_sum(const uint8_t *frame)
{
	const struct rte_ipv4_hdr *ipv4 = (const void *)(frame + 14);

	return rte_ipv4_udptcp_cksum(ipv4, (const uint8_t *)ipv4 + rte_ipv4_hdr_len(ipv4));
}

static void write_ipv4(struct rte_ipv4_hdr *ipv4, const struct spec *spec, uint32_t behind)
{
	uint16_t head = spec->ip_options ? 24 : 20;

	*ipv4 = (struct rte_ipv4_hdr){
		.version_ihl = (uint8_t)(0x40 | head / 4),
		.type_of_service = spec->tos,
		.total_length = rte_cpu_to_be_16((uint16_t)(head + behind)),
		.packet_id = rte_cpu_to_be_16((uint16_t)(next_id[spec->flow]++ + spec->id)),
		.fragment_offset = rte_cpu_to_be_16(spec->no_df ? spec->fragment : RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = (uint8_t)(64 - spec->ttl),
		.next_proto_id = IPPROTO_TCP,
		.src_addr = rte_cpu_to_be_32(0xc0000201),
		.dst_addr = rte_cpu_to_be_32(0xc0000202),
	};
	memset(ipv4 + 1, 1, head - 20); /* no operation */
}

static void write_tcp(struct rte_tcp_hdr *tcp, const struct spec *spec)
{
	uint8_t stamp[12] = {1, 1, 8, 10};

	*tcp = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(1000 + spec->flow),
		.dst_port = rte_cpu_to_be_16(80),
		.sent_seq = rte_cpu_to_be_32(next_sequence[spec->flow]),
		.recv_ack = rte_cpu_to_be_32(77 + spec->ack),
		.data_off = (uint8_t)((spec->stamp != 0 ? 8 << 4 : 5 << 4) | spec->reserved),
		.tcp_flags = RTE_TCP_ACK_FLAG | spec->flags,
		.rx_win = rte_cpu_to_be_16(501 + spec->window),
		.tcp_urp = rte_cpu_to_be_16(spec->urgent),
	};
	memcpy(stamp + 4, &spec->stamp, 4);
	if (spec->stamp != 0)
		memcpy(tcp + 1, stamp, sizeof(stamp));
}

static void write_frame(struct frame *frame, const struct spec *spec)
{
	uint32_t payload = spec->empty ? 0 : spec->payload != 0 ? spec->payload : MSS;
	uint32_t head = spec->stamp != 0 ? 32 : 20, l3 = spec->ip_options ? 24 : 20;
	struct rte_ipv4_hdr *ipv4 = (void *)(frame->bytes + 14);
	struct rte_tcp_hdr *tcp = (void *)(frame->bytes + 14 + l3);

	memset(frame, 0, sizeof(*frame));
	memcpy(frame->bytes, (uint8_t[]){2, 0, 0, 0, 0, 7, 2, 0, 0, 0, 0, 8 + spec->mac, 8, 0}, 14);
	next_sequence[spec->flow] += (uint32_t)spec->skip;
	write_ipv4(ipv4, spec, head + payload);
	write_tcp(tcp, spec);
	for (uint32_t i = 0; i < payload; i++)
		((uint8_t *)tcp)[head + i] = (uint8_t)((next_sequence[spec->flow] + i) * 7 >> 2);
	next_sequence[spec->flow] += payload;
	ipv4->hdr_checksum = rte_ipv4_cksum(ipv4);
	if (spec->ol_flags & RTE_MBUF_F_TX_TCP_CKSUM)
		tcp->cksum = rte_ipv4_phdr_cksum(ipv4, 0);
	else
		tcp->cksum = tcp_sum(frame->bytes);
	if (spec->bad == 1)
		frame->bytes[14 + l3 + head + payload / 2] ^= 1;
	if (spec->bad == 2)
		ipv4->hdr_checksum ^= 1;
	frame->length = 14 + l3 + head + payload + spec->padding;
}

struct rte_mbuf *mbuf_of(const struct frame *frame, uint64_t ol_flags)
{
	struct rte_mbuf *first = NULL;

	for (uint32_t at = 0; at < frame->length;) {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
		uint16_t part;

		assert_non_null(mbuf);
		part = (uint16_t)RTE_MIN(frame->length - at, (uint32_t)rte_pktmbuf_tailroom(mbuf));
		memcpy(rte_pktmbuf_append(mbuf, part), frame->bytes + at, part);
		at += part;
		if (first == NULL)
			first = mbuf;
		else
			assert_int_equal(rte_pktmbuf_chain(first, mbuf), 0);
	}
	first->ol_flags = ol_flags;
	first->l2_len = 14;
	first->l3_len = 20;
	return first;
}

void add(struct bed *bed, const struct spec *spec)
{
	struct frame *frame = &bed->sent[bed->count];

	assert_true(bed->count < FRAMES);
	write_frame(frame, spec);
	bed->flow = spec->flow;
	bed->mbufs[bed->count++] = mbuf_of(frame, spec->ol_flags);
	if (spec->ol_flags & RTE_MBUF_F_TX_TCP_CKSUM) { /* on the wire it would be right */
		struct headers *headers = (void *)frame->bytes;

		headers->tcp.cksum = 0;
		headers->tcp.cksum = tcp_sum(frame->bytes);
	}
}

void add_all(struct bed *bed, const struct spec *specs, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		add(bed, &specs[i]);
}

void add_many(struct bed *bed, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		add(bed, &(struct spec){0});
}

/* ---- The bed ------------------------------------------------------------------------------------------ */

static void attach(struct bed *bed, bool large_receives)
{
	const struct hostport_client client = {
		.card = bed->host.card,
		.host = bed->host.host,
		.queues = 1,
		.entries = bed->host.entries,
		.large_receives = large_receives,
	};

	assert_int_equal(hostport_attach(DEVICE, &client, &bed->link), 0);
}

static void leave(struct bed *bed)
{
	hostport_detach(bed->link);
	hostport_free(bed->link);
	host_down(&bed->host);
}

void attach_anew(struct bed *bed, uint16_t entries, bool large_receives)
{
	leave(bed);
	host_up(&bed->host, 1, entries);
	attach(bed, large_receives);
}

int up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	const struct rte_eth_conf conf = {0};

	assert_non_null(bed);
	assert_int_equal(rte_vdev_init(DEVICE, "entries=256,mtu=9000"), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name(DEVICE, &bed->port), 0);
	assert_int_equal(rte_eth_dev_configure(bed->port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(bed->port, 0, 512, SOCKET_ID_ANY, NULL, pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(bed->port, 0, 512, SOCKET_ID_ANY, NULL), 0);
	assert_int_equal(rte_eth_dev_start(bed->port), 0);
	host_up(&bed->host, 1, ENTRIES);
	attach(bed, true);
	for (size_t i = 0; i < RTE_DIM(next_sequence); i++) { /* both wrap on the way */
		next_sequence[i] = UINT32_MAX - 2500;
		next_id[i] = UINT16_MAX - 1;
	}
	*state = bed;
	return 0;
}

int down(void **state)
{
	struct bed *bed = *state;

	leave(bed);
	assert_int_equal(rte_eth_dev_stop(bed->port), 0);
	assert_int_equal(rte_eth_dev_close(bed->port), 0);
	assert_int_equal(rte_vdev_uninit(DEVICE), 0);
	free(bed);
	assert_int_equal(rte_mempool_avail_count(pool), MBUFS);
	return 0;
}

int group_up(void **state)
{
	if (eal_up(state) != 0)
		return -1;
	pool = rte_pktmbuf_pool_create("pool", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	return pool != NULL ? 0 : -1;
}

int group_down(void **state)
{
	rte_mempool_free(pool);
	return eal_down(state);
}

/* ---- The host ----------------------------------------------------------------------------------------- */

/* By addresses and ports; all that is no TCP over IPv4 is one. */
static uint64_t flow_of(const struct frame *frame)
{
	const struct headers *headers = (const void *)frame->bytes;
	uint64_t hash = 1;

	if (headers->ether.ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4) || headers->ipv4.next_proto_id != IPPROTO_TCP)
		return 0;
	for (unsigned i = offsetof(struct headers, ipv4.src_addr); i < offsetof(struct headers, tcp.sent_seq); i++)
		hash = hash * 1099511628211u + frame->bytes[i];
	return hash;
}

/* In the mbuf as in what is expected. */
void damage(struct bed *bed, uint32_t at, uint8_t bits, bool sum)
{
	struct frame *frame = &bed->sent[bed->count - 1];
	struct headers *headers = (void *)frame->bytes;
	uint64_t flow = flow_of(frame);

	assert_true(bed->mbufs[bed->count - 1]->nb_segs == 1 && at < frame->length);
	frame->bytes[at] ^= bits;
	if (sum && headers->ipv4.version_ihl == 0x45 &&
	    rte_be_to_cpu_16(headers->ipv4.total_length) == frame->length - 14) {
		headers->ipv4.hdr_checksum = 0;
		headers->ipv4.hdr_checksum = rte_ipv4_cksum(&headers->ipv4);
		headers->tcp.cksum = 0;
		headers->tcp.cksum = tcp_sum(frame->bytes);
	}
	if (flow_of(frame) != flow)
		next_id[bed->flow]--; /* the next one of the flow goes on where this one would have */
	memcpy(rte_pktmbuf_mtod(bed->mbufs[bed->count - 1], void *), frame->bytes, frame->length);
}

void transmit(struct bed *bed)
{
	assert_int_equal(rte_eth_tx_burst(bed->port, 0, bed->mbufs, bed->count), bed->count);
}

/* The next frame, into bed->whole; its buffers are returned. 0: none. */
static uint32_t next_whole(struct bed *bed)
{
	struct sluice_desc desc = {.flags = SLUICE_DESC_MORE};
	uint32_t length = 0;

	bed->meta = (struct sluice_frame_meta){0};
	while (desc.flags & SLUICE_DESC_MORE) {
		const uint8_t *bytes;

		if (!host_receive(&bed->host, 0, &desc))
			break;
		bytes = bed->host.card + desc.offset;
		if (desc.flags & SLUICE_DESC_META) {
			assert_int_equal(length, 0);
			memcpy(&bed->meta, bytes, sizeof(bed->meta));
			bytes += sizeof(bed->meta);
			desc.length -= (uint16_t)sizeof(bed->meta);
		}
		assert_true(length + desc.length <= sizeof(bed->whole));
		memcpy(bed->whole + length, bytes, desc.length);
		length += desc.length;
		if (!(desc.flags & SLUICE_DESC_RESOURCES))
			host_return(&bed->host, 0, desc.id);
	}
	return length;
}

static struct frame *new_got(struct bed *bed, uint32_t length)
{
	struct frame *frame = &bed->got[bed->got_count++];

	assert_true(bed->got_count <= FRAMES && length <= sizeof(frame->bytes));
	frame->length = length;
	return frame;
}

/* As a kernel cuts: TCP's numbers, lengths, sums. That of the whole must be begun as it is for a device. */
static void cut(struct bed *bed, uint32_t length)
{
	struct headers *whole = (void *)bed->whole;
	uint32_t head = bed->meta.hdr_len, mss = bed->meta.gso_size;

	assert_int_equal(bed->meta.flags, 1);
	assert_int_equal(bed->meta.csum_start, 34);
	assert_int_equal(bed->meta.csum_offset, offsetof(struct rte_tcp_hdr, cksum));
	assert_int_equal(rte_be_to_cpu_16(whole->ipv4.total_length), length - 14);
	assert_int_equal(rte_raw_cksum(&whole->ipv4, 20), 0xffff);
	assert_int_equal(whole->tcp.cksum, rte_ipv4_phdr_cksum(&whole->ipv4, 0));
	assert_true(length > head + mss);
	for (uint32_t at = 0; head + at < length; at += mss) {
		uint32_t part = RTE_MIN(mss, length - head - at);
		struct frame *frame = new_got(bed, head + part);
		struct headers *headers = (void *)frame->bytes;

		memcpy(frame->bytes, bed->whole, head);
		memcpy(frame->bytes + head, bed->whole + head + at, part);
		headers->ipv4.total_length = rte_cpu_to_be_16((uint16_t)(head - 14 + part));
		headers->ipv4.packet_id =
			rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(whole->ipv4.packet_id) + at / mss));
		headers->ipv4.hdr_checksum = 0;
		headers->ipv4.hdr_checksum = rte_ipv4_cksum(&headers->ipv4);
		headers->tcp.sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(whole->tcp.sent_seq) + at);
		if (head + at + part < length)
			headers->tcp.tcp_flags &= (uint8_t)~RTE_TCP_PSH_FLAG;
		headers->tcp.cksum = 0;
		headers->tcp.cksum = tcp_sum(frame->bytes);
	}
}

/* A lone one whose sum the card leaves to the host. */
static void sum_up(struct frame *frame, const struct sluice_frame_meta *meta)
{
	struct headers *headers = (void *)frame->bytes;

	assert_int_equal(meta->csum_start, 34);
	assert_int_equal(headers->tcp.cksum, rte_ipv4_phdr_cksum(&headers->ipv4, 0));
	headers->tcp.cksum = 0;
	headers->tcp.cksum = tcp_sum(frame->bytes);
}

void receive(struct bed *bed)
{
	uint32_t length;

	while ((length = next_whole(bed)) > 0) {
		bed->told++;
		if (bed->meta.gso_type == 1) {
			bed->long_told++;
			cut(bed, length);
			continue;
		}
		assert_int_equal(bed->meta.gso_type, 0);
		memcpy(new_got(bed, length)->bytes, bed->whole, length);
		if (bed->meta.flags & 1)
			sum_up(&bed->got[bed->got_count - 1], &bed->meta);
	}
}

struct hostport_counters counters(void)
{
	struct hostport_counters counters;

	assert_true(hostport_read(DEVICE, 0, &counters));
	return counters;
}

void expect_all(const struct bed *bed, uint32_t count)
{
	bool seen[FRAMES] = {false};

	assert_int_equal(bed->got_count, count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = 0;

		while (at < count && (seen[at] || flow_of(&bed->got[at]) != flow_of(&bed->sent[i])))
			at++;
		assert_true(at < count);
		seen[at] = true;
		assert_int_equal(bed->got[at].length, bed->sent[i].length);
		assert_memory_equal(bed->got[at].bytes, bed->sent[i].bytes, bed->sent[i].length);
	}
}

void expect(struct bed *bed, uint32_t told, uint32_t joined)
{
	uint64_t bytes = 0;

	transmit(bed);
	receive(bed);
	expect_all(bed, bed->count);
	for (uint16_t i = 0; i < bed->count; i++)
		bytes += bed->sent[i].length;
	assert_int_equal(bed->told, told);
	assert_int_equal(bed->long_told, joined);
	assert_int_equal(counters().receive_frames, bed->count);
	assert_int_equal(counters().receive_bytes, bytes);
	assert_int_equal(counters().receive_joined, bed->count - (told - joined));
}
