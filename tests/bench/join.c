/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What large receives cost a host's port: cycles of a frame in bursts to a host that takes all at once, which has not
 * asked for them, and which has.
 *
 *     join_bench -- EAL ARGUMENTS
 *
 * Each figure is the best of PARTS parts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bus_vdev.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "hostport/hostport.h"

#define BURST	32u
#define ROUNDS	1500u
#define PARTS	15u
#define ENTRIES 1024u
#define MBUFS	4095u
#define DEVICE	"net_host0"

struct kind {
	const char *name;
	uint8_t protocol;
	uint16_t length;
	bool goes_on; /* each segment behind the last, rather than of a connection of its own */
	uint64_t ol_flags;
};

static const struct kind kinds[] = {
	{"UDP, 64 bytes", IPPROTO_UDP, 64, false, 0},
	{"TCP, 64 bytes, of many", IPPROTO_TCP, 64, false, 0},
	{"TCP, 1514 bytes, of many", IPPROTO_TCP, 1514, false, 0},
	{"TCP, 1514 bytes, of one", IPPROTO_TCP, 1514, true, RTE_MBUF_F_RX_L4_CKSUM_GOOD},
	{"the same, to be summed", IPPROTO_TCP, 1514, true, 0},
};

static struct rte_mempool *pool;
static uint8_t *card, *host;
static uint16_t port;

static void fail(const char *why)
{
	fprintf(stderr, "join_bench: %s\n", why);
	exit(1);
}

static void fill(struct rte_mbuf *mbuf, const struct kind *kind, uint16_t number)
{
	static uint32_t sequence;
	uint8_t *frame = (uint8_t *)rte_pktmbuf_append(mbuf, kind->length);
	struct rte_ipv4_hdr *ipv4 = (void *)(frame + 14);
	struct rte_tcp_hdr *tcp = (void *)(ipv4 + 1);

	if (frame == NULL)
		fail("an mbuf is too short");
	memset(frame, 0, kind->length);
	frame[12] = RTE_ETHER_TYPE_IPV4 >> 8;
	*ipv4 = (struct rte_ipv4_hdr){
		.version_ihl = 0x45,
		.total_length = rte_cpu_to_be_16((uint16_t)(kind->length - 14)),
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.next_proto_id = kind->protocol,
	};
	*tcp = (struct rte_tcp_hdr){
		.src_port = kind->goes_on ? 7 : number,
		.sent_seq = rte_cpu_to_be_32(sequence),
		.data_off = 5 << 4,
		.tcp_flags = RTE_TCP_ACK_FLAG,
	};
	sequence += (uint32_t)kind->length - 54;
	ipv4->hdr_checksum = rte_ipv4_cksum(ipv4);
	tcp->cksum = rte_ipv4_udptcp_cksum(ipv4, tcp);
	mbuf->ol_flags = kind->ol_flags;
}

/* The host: returns whatever came. */
static void take_all(void)
{
	struct sluice_host_line *line = (void *)(host + sluice_host_line_at(0));
	const struct sluice_card_line *told = (void *)(card + sluice_card_line_at(0));
	const struct sluice_desc *ring = (void *)(card + sluice_receive_ring_at(1, ENTRIES, 0));
	struct sluice_desc *returns = (void *)(host + sluice_return_ring_at(1, ENTRIES, 0));

	for (; line->receive_head != told->receive_tail; line->receive_head++) {
		struct sluice_desc desc = ring[line->receive_head % ENTRIES];

		if (!(desc.flags & SLUICE_DESC_RESOURCES))
			returns[line->return_tail++ % ENTRIES] = (struct sluice_desc){.id = desc.id};
	}
}

static double measure_part(const struct kind *kind)
{
	struct rte_mbuf *mbufs[BURST];
	uint64_t cycles = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t begun;

		if (rte_pktmbuf_alloc_bulk(pool, mbufs, BURST) != 0)
			fail("no mbufs");
		for (uint16_t k = 0; k < BURST; k++)
			fill(mbufs[k], kind, k);
		begun = rte_rdtsc_precise();
		rte_eth_tx_burst(port, 0, mbufs, BURST);
		cycles += rte_rdtsc_precise() - begun;
		take_all();
	}
	return (double)cycles / (ROUNDS * BURST);
}

static double measure(const struct kind *kind, bool large_receives)
{
	const struct hostport_client client = {
		.card = card, .host = host, .queues = 1, .entries = ENTRIES, .large_receives = large_receives};
	struct hostport_link *link;
	double best = 1e9;

	memset(card, 0, sluice_card_data_size(1, ENTRIES));
	memset(host, 0, sluice_host_data_size(1, ENTRIES));
	if (hostport_attach(DEVICE, &client, &link) != 0)
		fail("cannot attach");
	for (unsigned i = 0; i < PARTS; i++) {
		double part = measure_part(kind);

		best = RTE_MIN(best, part);
	}
	hostport_detach(link);
	hostport_free(link);
	return best;
}

static void start(void)
{
	const struct rte_eth_conf conf = {0};

	pool = rte_pktmbuf_pool_create("mbufs", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	card = aligned_alloc(4096, sluice_card_data_size(1, ENTRIES));
	host = aligned_alloc(4096, sluice_host_data_size(1, ENTRIES));
	if (pool == NULL || card == NULL || host == NULL)
		fail("no memory");
	if (rte_vdev_init(DEVICE, "entries=1024") != 0 || rte_eth_dev_get_port_by_name(DEVICE, &port) != 0 ||
	    rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
	    rte_eth_rx_queue_setup(port, 0, 512, SOCKET_ID_ANY, NULL, pool) != 0 ||
	    rte_eth_tx_queue_setup(port, 0, 512, SOCKET_ID_ANY, NULL) != 0 || rte_eth_dev_start(port) != 0)
		fail("cannot start the port");
}

int main(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "--") != 0) {
		fputs("usage: join_bench -- EAL ARGUMENTS; example: join_bench -- --no-huge -m 128 --no-pci\n", stderr);
		return 2;
	}
	argv[1] = argv[0];
	if (rte_eal_init(argc - 1, argv + 1) < 0)
		fail("no EAL");
	start();
	printf("| cycles of a frame | not asked for | asked for |\n|---|---:|---:|\n");
	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		double without = measure(&kinds[i], false), with = measure(&kinds[i], true);

		printf("| %s | %.0f | %.0f |\n", kinds[i].name, without, with);
	}
	rte_eal_cleanup();
	return 0;
}
