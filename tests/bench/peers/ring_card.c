/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's end of the data rings without a stack above it: the driver net_host and net_null, and a loop that hands
 * bursts from one to the other, as dpdk-testpmd does with --forward-mode=io.
 *
 *     ring_card CARD HOST ENTRIES send|receive|both -- EAL arguments
 *
 * CARD and HOST are descriptors of two empty regions, which are given their size here. The way is the host's: where it
 * does not receive, net_null gives no frames. Ends on SIGINT.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include "hostport/hostport.h"

#define BURST	    32u
#define DESCRIPTORS 512u
#define MBUFS	    8191u
#define CACHE	    250u

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void fail(const char *what)
{
	fprintf(stderr, "ring_card: %s\n", what);
	exit(1);
}

static uint8_t *create_region(const char *descriptor, uint64_t size)
{
	int fd = atoi(descriptor);
	void *at;

	if (ftruncate(fd, (off_t)size) != 0)
		fail("cannot make the regions");
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (at == MAP_FAILED)
		fail("cannot map the regions");
	return at;
}

static uint16_t start_port(const char *arguments, const char *device, struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = {0};
	uint16_t port = 0;

	if (rte_dev_probe(arguments) != 0 || rte_eth_dev_get_port_by_name(device, &port) != 0 ||
	    rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
	    rte_eth_rx_queue_setup(port, 0, DESCRIPTORS, 0, NULL, pool) != 0 ||
	    rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, 0, NULL) != 0 || rte_eth_dev_start(port) != 0)
		fail("cannot start a port");
	return port;
}

static void move(uint16_t from, uint16_t to)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t count = rte_eth_rx_burst(from, 0, mbufs, BURST);
	uint16_t sent = count > 0 ? rte_eth_tx_burst(to, 0, mbufs, count) : 0;

	if (sent < count)
		rte_pktmbuf_free_bulk(&mbufs[sent], count - sent);
}

int main(int argc, char **argv)
{
	uint16_t entries = argc > 4 ? (uint16_t)atoi(argv[3]) : 0, host, wire;
	struct hostport_client client = {.queues = 1, .entries = entries};
	struct hostport_link *link;
	struct rte_mempool *pool;
	char host_device[64];

	if (argc < 6 || strcmp(argv[5], "--") != 0) {
		fputs("usage: ring_card CARD HOST ENTRIES send|receive|both -- EAL arguments\n", stderr);
		return 2;
	}
	argv[5] = argv[0];
	if (rte_eal_init(argc - 5, argv + 5) < 0)
		fail("no EAL");
	signal(SIGINT, on_signal);
	pool = rte_pktmbuf_pool_create("mbufs", MBUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		fail("no mbufs");
	snprintf(host_device, sizeof(host_device), "net_host0,entries=%u", entries);
	host = start_port(host_device, "net_host0", pool);
	wire = start_port(strcmp(argv[4], "send") == 0 ? "net_null0,no-rx=1" : "net_null0,size=64", "net_null0", pool);
	client.card = create_region(argv[1], sluice_card_data_size(1, entries));
	client.host = create_region(argv[2], sluice_host_data_size(1, entries));
	if (hostport_attach("net_host0", &client, &link) != 0)
		fail("cannot attach");
	puts("ring_card: ready");
	fflush(stdout);
	while (!stop) {
		move(host, wire);
		move(wire, host);
	}
	hostport_detach(link);
	hostport_free(link);
	rte_eal_cleanup();
	return 0;
}
