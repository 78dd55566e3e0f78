/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver as DPDK sees it, and clients that come and go. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_ethdev.h>

#include "hostport/hostport.h"

#include "../edge/eal.h"
#include "host.h"

#define ENTRIES 64u
#define MBUFS	255u
#define DEVICE	"net_host0"

static struct rte_mempool *pool;

static int group_up(void **state)
{
	if (eal_up(state) != 0)
		return -1;
	pool = rte_pktmbuf_pool_create("pool", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	return pool != NULL ? 0 : -1;
}

static int group_down(void **state)
{
	rte_mempool_free(pool);
	return eal_down(state);
}

/* ---- A port with two queues, and a client ------------------------------------------------------------ */

struct bed {
	uint16_t port;
	struct host host;
	int signals[2], ends[2]; /* the client has the ends */
	struct hostport_link *link;
};

static struct hostport_client client_of(const struct bed *bed)
{
	return (struct hostport_client){
		.card = bed->host.card,
		.host = bed->host.host,
		.queues = bed->host.queues,
		.entries = bed->host.entries,
		.signals = bed->signals,
	};
}

static void attach(struct bed *bed)
{
	const struct hostport_client client = client_of(bed);

	assert_int_equal(hostport_attach(DEVICE, &client, &bed->link), 0);
}

static void configure(uint16_t port, uint16_t queues)
{
	const struct rte_eth_conf conf = {0};

	assert_int_equal(rte_eth_dev_configure(port, queues, queues, &conf), 0);
	for (uint16_t q = 0; q < queues; q++) {
		assert_int_equal(rte_eth_rx_queue_setup(port, q, 512, SOCKET_ID_ANY, NULL, pool), 0);
		assert_int_equal(rte_eth_tx_queue_setup(port, q, 512, SOCKET_ID_ANY, NULL), 0);
	}
}

static int up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_non_null(bed);
	assert_int_equal(rte_vdev_init(DEVICE, "queues=4,entries=128,mac=02:00:00:00:00:07"), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name(DEVICE, &bed->port), 0);
	configure(bed->port, 2);
	assert_int_equal(rte_eth_dev_start(bed->port), 0);
	host_up(&bed->host, 2, ENTRIES);
	for (int q = 0; q < 2; q++) {
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
		bed->signals[q] = pair[0];
		bed->ends[q] = pair[1];
	}
	attach(bed);
	*state = bed;
	return 0;
}

static void leave(struct bed *bed)
{
	hostport_detach(bed->link);
	hostport_free(bed->link);
	bed->link = NULL;
}

static int down(void **state)
{
	struct bed *bed = *state;

	if (bed->link != NULL)
		leave(bed);
	assert_int_equal(rte_eth_dev_stop(bed->port), 0);
	assert_int_equal(rte_eth_dev_close(bed->port), 0);
	assert_int_equal(rte_vdev_uninit(DEVICE), 0);
	for (int q = 0; q < 2; q++) {
		close(bed->signals[q]);
		close(bed->ends[q]);
	}
	host_down(&bed->host);
	free(bed);
	assert_int_equal(rte_mempool_avail_count(pool), MBUFS);
	return 0;
}

static bool took_event(const struct bed *bed, uint16_t queue)
{
	uint64_t events = 0;

	return read(bed->ends[queue], &events, sizeof(events)) == sizeof(events) && events == 1;
}

static uint16_t receive(const struct bed *bed, uint16_t queue)
{
	struct rte_mbuf *mbufs[32];
	uint16_t count = rte_eth_rx_burst(bed->port, queue, mbufs, 32);

	rte_pktmbuf_free_bulk(mbufs, count);
	return count;
}

/* @p count frames of 100 bytes to the host: all are taken. */
static void transmit(const struct bed *bed, uint16_t queue, uint16_t count)
{
	struct rte_mbuf *mbufs[ENTRIES * 2];

	for (uint16_t i = 0; i < count; i++) {
		mbufs[i] = rte_pktmbuf_alloc(pool);
		assert_non_null(mbufs[i]);
		memset(rte_pktmbuf_append(mbufs[i], 100), i, 100);
	}
	assert_int_equal(rte_eth_tx_burst(bed->port, queue, mbufs, count), count);
	assert_int_equal(rte_mempool_avail_count(pool), MBUFS); /* they are home at once */
}

static uint32_t received(const struct bed *bed, uint16_t queue)
{
	struct sluice_desc desc;
	uint32_t count = 0;

	while (host_receive(&bed->host, queue, &desc))
		count++;
	return count;
}

static struct hostport_counters counters(uint16_t queue)
{
	struct hostport_counters counters;

	assert_true(hostport_read(DEVICE, queue, &counters));
	return counters;
}

static bool is_up(uint16_t port)
{
	struct rte_eth_link link;

	assert_int_equal(rte_eth_link_get_nowait(port, &link), 0);
	assert_int_equal(link.link_speed, RTE_ETH_SPEED_NUM_10G);
	return link.link_status == RTE_ETH_LINK_UP;
}

/* ---- The device --------------------------------------------------------------------------------------- */

static void what_the_device_says_of_itself(void **state)
{
	struct bed *bed = *state;
	struct hostport_description description;
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	uint16_t mtu;
	const uint8_t expected[] = {2, 0, 0, 0, 0, 7};

	assert_int_equal(rte_eth_dev_info_get(bed->port, &info), 0);
	assert_string_equal(info.driver_name, "net_host");
	assert_int_equal(info.max_rx_queues, 4);
	assert_int_equal(info.max_tx_queues, 4);
	assert_int_equal(info.max_mtu, 9000);
	assert_int_equal(rte_eth_macaddr_get(bed->port, &mac), 0);
	assert_memory_equal(mac.addr_bytes, expected, 6);
	assert_int_equal(rte_eth_dev_get_mtu(bed->port, &mtu), 0);
	assert_int_equal(mtu, 1500);
	assert_int_equal(hostport_describe(DEVICE, &description), 0);
	assert_int_equal(description.queues, 2); /* that are configured */
	assert_int_equal(description.entries, 128);
	assert_true(description.taken);
	assert_memory_equal(description.mac, expected, 6);
	assert_int_equal(hostport_describe("net_null0", &description), -ENODEV);
}

static void what_the_device_is_told(void **state)
{
	struct bed *bed = *state;
	struct rte_ether_addr mac = {{2, 1, 2, 3, 4, 5}}, now;
	struct hostport_description description;
	uint16_t mtu;

	assert_int_equal(rte_eth_promiscuous_enable(bed->port), 0);
	assert_int_equal(rte_eth_promiscuous_disable(bed->port), 0);
	assert_int_equal(rte_eth_allmulticast_enable(bed->port), 0);
	assert_int_equal(rte_eth_allmulticast_disable(bed->port), 0);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(bed->port, &mac, 1), 0);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(bed->port, &mac), 0);
	assert_int_equal(rte_eth_macaddr_get(bed->port, &now), 0);
	assert_memory_equal(&now, &mac, sizeof(mac));
	assert_int_equal(rte_eth_dev_set_mtu(bed->port, 9000), 0);
	assert_int_not_equal(rte_eth_dev_set_mtu(bed->port, 9001), 0);
	assert_int_not_equal(rte_eth_dev_set_mtu(bed->port, 60), 0);
	assert_int_equal(rte_eth_dev_get_mtu(bed->port, &mtu), 0);
	assert_int_equal(mtu, 9000);
	assert_int_equal(hostport_describe(DEVICE, &description), 0);
	assert_int_equal(description.mtu, 9000);
	assert_memory_equal(description.mac, &mac, sizeof(mac));
}

static void a_longer_mtu_lets_longer_frames_through(void **state)
{
	struct bed *bed = *state;

	host_send(&bed->host, 0, 2000, 0, 1);
	assert_int_equal(receive(bed, 0), 0);
	assert_int_equal(counters(0).send_refused, 1);
	assert_int_equal(rte_eth_dev_set_mtu(bed->port, 2000), 0);
	host_send(&bed->host, 0, 2000, 0, 1);
	assert_int_equal(receive(bed, 0), 1);
}

static void arguments_that_are_wrong(void **state)
{
	static const char *const wrong[] = {
		"queues=0",
		"queues=17",
		"queues=two",
		"queues=",
		"queues=65537",
		"entries=32",
		"entries=8192",
		"entries=100",
		"entries=-64",
		"mtu=67",
		"mtu=9001",
		"mac=02:00",
		"mac=zero",
		"colour=red",
		"queues=1 ,mtu",
		"mac=01:00:00:00:00:01",
		"mac=00:00:00:00:00:00",
	};
	struct hostport_description description;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (rte_vdev_init("net_host1", wrong[i]) == 0)
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(hostport_describe("net_host1", &description), -ENODEV);
	}
	assert_int_equal(rte_vdev_init("net_host1", NULL), 0);
	assert_int_equal(hostport_describe("net_host1", &description), 0);
	assert_int_equal(description.entries, 1024);
	assert_int_equal(description.mtu, 1500);
	assert_int_equal(rte_vdev_uninit("net_host1"), 0);
	assert_int_equal(hostport_describe("net_host1", &description), -ENODEV);
}

/* ---- Clients ------------------------------------------------------------------------------------------ */

static void the_link_is_up_while_a_host_is_there(void **state)
{
	struct bed *bed = *state;

	assert_true(is_up(bed->port));
	assert_int_equal(card_line(&bed->host, 1)->status, SLUICE_QUEUE_UP);
	assert_int_equal(rte_eth_dev_stop(bed->port), 0);
	assert_false(is_up(bed->port));
	assert_int_equal(card_line(&bed->host, 1)->status, SLUICE_QUEUE_DOWN);
	assert_int_equal(rte_eth_dev_start(bed->port), 0);
	assert_true(is_up(bed->port));
	assert_int_equal(card_line(&bed->host, 1)->status, SLUICE_QUEUE_UP);
	leave(bed);
	assert_false(is_up(bed->port));
	assert_int_equal(card_line(&bed->host, 1)->status, SLUICE_QUEUE_DOWN);
}

static void a_client_that_does_not_fit(void **state)
{
	struct bed *bed = *state;
	struct hostport_client client = client_of(bed);
	struct hostport_link *link;

	assert_int_equal(hostport_attach(DEVICE, &client, &link), -EBUSY);
	assert_int_equal(hostport_attach("net_null0", &client, &link), -ENODEV);
	leave(bed);
	for (uint16_t queues = 0; queues < 5; queues++) {
		client.queues = queues;
		if (queues != 2)
			assert_int_equal(hostport_attach(DEVICE, &client, &link), -EINVAL);
	}
	client.queues = 2;
	for (uint32_t entries = 0; entries <= 256; entries++) {
		client.entries = (uint16_t)entries;
		if (entries != 64 && entries != 128)
			assert_int_equal(hostport_attach(DEVICE, &client, &link), -EINVAL);
	}
}

static void frames_without_a_host_are_counted(void **state)
{
	struct bed *bed = *state;

	leave(bed);
	host_send(&bed->host, 0, 60, 0, 1);
	assert_int_equal(receive(bed, 0), 0);
	transmit(bed, 0, 7);
	transmit(bed, 1, 3);
	assert_int_equal(counters(0).receive_no_host, 7);
	assert_int_equal(counters(1).receive_no_host, 3);
	assert_int_equal(received(bed, 0), 0);
}

/* With all buffers out: to the next client none is missing. */
static void a_client_that_goes_with_buffers_leaves_them(void **state)
{
	struct bed *bed = *state;

	transmit(bed, 0, ENTRIES);
	transmit(bed, 0, 1);
	assert_int_equal(counters(0).receive_short, 1);
	leave(bed);
	host_down(&bed->host);
	host_up(&bed->host, 2, 128);
	attach(bed);
	transmit(bed, 0, 128);
	assert_int_equal(received(bed, 0), 128);
	assert_int_equal(counters(0).receive_short, 1);
	assert_int_equal(counters(0).receive_frames, ENTRIES + 128);
}

static void expect_account(uint64_t lent, uint64_t returned, uint64_t forfeited, uint32_t held, uint32_t awaited)
{
	struct hostport_account account;

	assert_true(hostport_account(DEVICE, &account));
	assert_int_equal(account.lent, lent);
	assert_int_equal(account.returned, returned);
	assert_int_equal(account.forfeited, forfeited);
	assert_int_equal(account.held, held);
	assert_int_equal(account.awaited, awaited);
}

/* Takes and returns one frame of one buffer. */
static void receive_and_return(const struct bed *bed, uint16_t queue)
{
	struct sluice_desc desc;

	assert_true(host_receive(&bed->host, queue, &desc));
	if (!(desc.flags & SLUICE_DESC_RESOURCES))
		host_return(&bed->host, queue, desc.id);
}

static void whose_the_buffers_are(void **state)
{
	struct bed *bed = *state;

	expect_account(0, 0, 0, 0, 0);
	transmit(bed, 0, 10);
	transmit(bed, 1, 5);
	expect_account(15, 0, 0, 15, 15);
	for (int i = 0; i < 4; i++)
		receive_and_return(bed, 0);
	expect_account(15, 0, 0, 15, 15);
	transmit(bed, 0, 0); /* nothing is sent, but what was returned is taken */
	expect_account(15, 4, 0, 11, 11);
	for (int i = 0; i < 2; i++)
		receive_and_return(bed, 1);
	leave(bed); /* these two are taken now */
	expect_account(15, 6, 9, 0, 0);
	host_down(&bed->host);
	host_up(&bed->host, 2, ENTRIES);
	attach(bed);
	transmit(bed, 0, 3);
	expect_account(18, 6, 9, 3, 3);
	host_line(&bed->host, 0)->send_tail = ENTRIES + 1;
	assert_int_equal(receive(bed, 0), 0);
	expect_account(18, 6, 9, 3, 0); /* nobody waits for a host that broke its ring */
	assert_false(hostport_account("net_null0", &(struct hostport_account){0}));
}

/* What comes home is taken and counted, nothing else; no other client may come. */
static void a_port_that_drains(void **state)
{
	struct bed *bed = *state;
	struct hostport_client client = client_of(bed);
	struct hostport_link *link;

	transmit(bed, 0, 2);
	hostport_drain(DEVICE);
	assert_int_equal(card_line(&bed->host, 0)->status, SLUICE_QUEUE_DOWN);
	assert_int_equal(card_line(&bed->host, 1)->status, SLUICE_QUEUE_DOWN);
	host_send(&bed->host, 0, 60, 0, 1);
	assert_int_equal(receive(bed, 0), 0);
	transmit(bed, 0, 3);
	assert_int_equal(counters(0).receive_no_host, 3);
	expect_account(2, 0, 0, 2, 2);
	receive_and_return(bed, 0);
	transmit(bed, 0, 0);
	expect_account(2, 1, 0, 1, 1);
	receive_and_return(bed, 0);
	transmit(bed, 0, 0);
	expect_account(2, 2, 0, 0, 0);
	leave(bed);
	assert_int_equal(hostport_attach(DEVICE, &client, &link), -ESHUTDOWN);
	hostport_drain("net_null0"); /* which is not there */
}

/* Whoever polls has read the pointer, and goes on with it until the grace period is over. */
static void the_next_client_may_come_before_the_last_one_is_forgotten(void **state)
{
	struct bed *bed = *state;
	struct hostport_link *last = bed->link;
	struct host before = bed->host;

	hostport_detach(last);
	host_up(&bed->host, 2, ENTRIES);
	attach(bed);
	host_send(&before, 0, 60, 0, 1);
	assert_int_equal(receive(bed, 0), 0);
	host_send(&bed->host, 0, 60, 0, 1);
	assert_int_equal(receive(bed, 0), 1);
	assert_int_equal(card_line(&before, 0)->send_head, 0);
	hostport_free(last);
	host_down(&before);
}

static void a_port_that_goes_first_forgets_its_client(void **state)
{
	struct hostport_description description;
	struct bed *bed = *state;

	assert_int_equal(rte_eth_dev_stop(bed->port), 0);
	assert_int_equal(rte_eth_dev_close(bed->port), 0);
	assert_int_equal(hostport_describe(DEVICE, &description), -ENODEV);
	leave(bed);
	assert_int_equal(rte_vdev_uninit(DEVICE), 0);
	assert_int_equal(rte_vdev_init(DEVICE, NULL), 0); /* for down() */
	assert_int_equal(rte_eth_dev_get_port_by_name(DEVICE, &bed->port), 0);
	configure(bed->port, 1);
	assert_int_equal(rte_eth_dev_start(bed->port), 0);
}

/* ---- Traffic ------------------------------------------------------------------------------------------ */

static void frames_go_both_ways_on_each_queue(void **state)
{
	struct bed *bed = *state;
	struct rte_eth_stats stats;

	for (int i = 0; i < 5; i++)
		host_send(&bed->host, 1, 60, 0, 1);
	host_send(&bed->host, 0, 100, 0, 1);
	assert_int_equal(receive(bed, 0), 1);
	assert_int_equal(receive(bed, 1), 5);
	assert_int_equal(receive(bed, 1), 0);
	transmit(bed, 0, 4);
	transmit(bed, 1, 2);
	assert_int_equal(received(bed, 0), 4);
	assert_int_equal(received(bed, 1), 2);
	assert_int_equal(rte_eth_stats_get(bed->port, &stats), 0);
	assert_int_equal(stats.ipackets, 6);
	assert_int_equal(stats.ibytes, 400);
	assert_int_equal(stats.opackets, 6);
	assert_int_equal(stats.obytes, 600);
	assert_int_equal(stats.ierrors + stats.oerrors + stats.rx_nombuf, 0);
}

static void a_burst_is_not_longer_than_asked_for(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *mbufs[8];

	for (int i = 0; i < 10; i++)
		host_send(&bed->host, 0, 60, 0, 1);
	assert_int_equal(rte_eth_rx_burst(bed->port, 0, mbufs, 8), 8);
	rte_pktmbuf_free_bulk(mbufs, 8);
	assert_int_equal(card_line(&bed->host, 0)->send_head, 8);
	for (int i = 0; i < 3; i++)
		host_send(&bed->host, 0, 60, 0, 1);
	assert_int_equal(receive(bed, 0), 5); /* two that were known, and what has come since */
}

/* A large send of TCP over IPv4, to be cut into 98 frames. */
static void send_large(struct bed *bed)
{
	static const uint8_t headers[] = {
		2,    0,  0,	0,    0, 1, 2, 0, 0,  0, 0, 2, 8,    0,			      /* Ethernet */
		0x45, 0,  0x07, 0xc2, 0, 0, 0, 0, 64, 6, 0, 0, 10,   0,	   0, 1, 10, 0, 0, 2, /* IPv4 */
		0,    80, 0,	80,   0, 0, 0, 0, 0,  0, 0, 0, 0x50, 0x10, 0, 0, 0,  0, 0, 0, /* TCP */
	};
	static const struct sluice_frame_meta meta = {
		.flags = 1, .csum_start = 34, .csum_offset = 16, .gso_type = 1, .gso_size = 20};
	uint32_t at = host_send_buffer(&bed->host, 0, host_line(&bed->host, 0)->send_tail % ENTRIES);

	memcpy(bed->host.host + at, &meta, sizeof(meta));
	memcpy(bed->host.host + at + sizeof(meta), headers, sizeof(headers));
	host_send_desc(&bed->host, 0,
		       (struct sluice_desc){.offset = at, .length = sizeof(meta) + 2000, .flags = SLUICE_DESC_META});
}

/* However many frames are asked for: what is to be cut becomes fewer than a wire's queue has room for. */
static void large_sends_come_a_few_at_a_time(void **state)
{
	struct bed *bed = *state;

	for (int i = 0; i < 5; i++)
		send_large(bed);
	host_send(&bed->host, 0, 60, 0, 1);
	assert_int_equal(receive(bed, 0), 2);
	assert_int_equal(receive(bed, 0), 2);
	assert_int_equal(receive(bed, 0), 2); /* one, and the small one behind it */
	assert_int_equal(counters(0).send_refused, 0);
}

static void bad_frames_are_counted_and_good_ones_pass(void **state)
{
	struct bed *bed = *state;

	for (int i = 0; i < 4; i++) {
		host_send_desc(&bed->host, 0, (struct sluice_desc){.length = 60});
		host_send(&bed->host, 0, 60, 0, 1);
	}
	assert_int_equal(receive(bed, 0), 4);
	assert_int_equal(counters(0).send_frames, 8);
	assert_int_equal(counters(0).send_bytes, 4 * 60);
	assert_int_equal(counters(0).send_refused, 4);
	assert_int_equal(card_line(&bed->host, 0)->send_refused, 4);
	assert_int_equal(card_line(&bed->host, 0)->send_head, 8);
	assert_int_equal(card_line(&bed->host, 0)->status, SLUICE_QUEUE_UP);
}

/* Not more of them in one go than of good ones. */
static void rubbish_costs_no_more_than_a_burst(void **state)
{
	struct bed *bed = *state;

	for (uint32_t i = 0; i < ENTRIES; i++)
		host_send_desc(&bed->host, 0, (struct sluice_desc){.length = 60});
	assert_int_equal(receive(bed, 0), 0);
	assert_int_equal(card_line(&bed->host, 0)->send_head, 32);
}

static void without_mbufs_frames_wait(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *all[MBUFS];

	host_send(&bed->host, 0, 60, 0, 1);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, all, MBUFS), 0);
	assert_int_equal(receive(bed, 0), 0);
	assert_int_equal(counters(0).no_mbufs, 1);
	assert_int_equal(card_line(&bed->host, 0)->send_head, 0);
	rte_pktmbuf_free_bulk(all, MBUFS);
	assert_int_equal(receive(bed, 0), 1);
}

/* As many as there are buffers for, and each burst that could have had more is counted. */
static void with_few_mbufs_a_few_frames_come(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *all[MBUFS];

	for (int i = 0; i < 40; i++)
		host_send(&bed->host, 0, 60, 0, 1);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, all, MBUFS - 5), 0);
	assert_int_equal(receive(bed, 0), 4); /* 32, 16, 8, 4 */
	assert_int_equal(counters(0).no_mbufs, 1);
	assert_int_equal(card_line(&bed->host, 0)->send_frames, 4);
	assert_int_equal(rte_eth_rx_burst(bed->port, 0, NULL, 0), 0);
	assert_int_equal(counters(0).no_mbufs, 1);
	rte_pktmbuf_free_bulk(all, MBUFS - 5);
	assert_int_equal(receive(bed, 0), 32);
	assert_int_equal(receive(bed, 0), 4);
}

/* What is known to be there is taken before the index is looked at again. */
static void a_tail_that_runs_back_is_found_when_it_is_read(void **state)
{
	struct bed *bed = *state;

	for (uint32_t i = 0; i < ENTRIES; i++)
		host_send(&bed->host, 1, 60, 0, 1);
	assert_int_equal(receive(bed, 1), 32);
	host_line(&bed->host, 1)->send_tail = 10;
	assert_int_equal(receive(bed, 1), 32);
	assert_int_equal(counters(1).fault, RING_FAULT_NONE);
	assert_int_equal(receive(bed, 1), 0);
	assert_int_equal(counters(1).fault, RING_FAULT_SEND_TAIL);
}

/* Though nothing is taken: there is no buffer for it. */
static void a_tail_that_runs_back_is_found_without_mbufs(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *all[MBUFS];

	for (uint32_t i = 0; i < ENTRIES; i++)
		host_send(&bed->host, 1, 60, 0, 1);
	assert_int_equal(receive(bed, 1), 32);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, all, MBUFS), 0);
	host_line(&bed->host, 1)->send_tail = 10;
	assert_int_equal(receive(bed, 1), 0);
	assert_int_equal(counters(1).fault, RING_FAULT_SEND_TAIL);
	rte_pktmbuf_free_bulk(all, MBUFS);
}

static void events_come_where_they_are_wanted(void **state)
{
	struct bed *bed = *state;

	transmit(bed, 0, 1);
	assert_false(took_event(bed, 0));
	host_line(&bed->host, 0)->want_event = SLUICE_WANT_RECEIVE;
	transmit(bed, 0, 4);
	assert_true(took_event(bed, 0));
	assert_false(took_event(bed, 0));
	host_line(&bed->host, 1)->want_event = SLUICE_WANT_SEND;
	host_send(&bed->host, 1, 60, 0, 1);
	assert_int_equal(receive(bed, 1), 1);
	assert_true(took_event(bed, 1));
	assert_false(took_event(bed, 0));
}

/* A socket that nobody reads, and then one that nobody has: neither waits nor ends the process. */
static void a_host_that_takes_no_events_stops_nobody(void **state)
{
	struct bed *bed = *state;

	host_line(&bed->host, 1)->want_event = SLUICE_WANT_SEND;
	for (int i = 0; i < 5000; i++) {
		host_send(&bed->host, 1, 60, 0, 1);
		assert_int_equal(receive(bed, 1), 1);
	}
	assert_int_equal(shutdown(bed->ends[1], SHUT_RDWR), 0);
	host_send(&bed->host, 1, 60, 0, 1);
	assert_int_equal(receive(bed, 1), 1);
}

/* ---- Quarantine --------------------------------------------------------------------------------------- */

static void expect_quarantine(struct bed *bed, enum ring_fault fault)
{
	assert_int_equal(counters(1).fault, fault);
	assert_int_equal(card_line(&bed->host, 1)->status, SLUICE_QUEUE_BROKEN);
	assert_true(took_event(bed, 1));
	host_line(&bed->host, 1)->send_tail = card_line(&bed->host, 1)->send_head;
	host_send(&bed->host, 1, 60, 0, 1);
	assert_int_equal(receive(bed, 1), 0);
	transmit(bed, 1, 3);
	assert_int_equal(received(bed, 1), 0);
	assert_int_equal(counters(1).receive_no_host, 3);
}

static void expect_at_work(struct bed *bed, uint16_t queue)
{
	assert_int_equal(card_line(&bed->host, queue)->status, SLUICE_QUEUE_UP);
	assert_int_equal(counters(queue).fault, RING_FAULT_NONE);
	host_send(&bed->host, queue, 60, 0, 1);
	assert_int_equal(receive(bed, queue), 1);
	transmit(bed, queue, 1);
	assert_int_equal(received(bed, queue), 1);
}

static void a_broken_ring_is_quarantined_alone(void **state)
{
	struct bed *bed = *state;

	host_line(&bed->host, 1)->send_tail = ENTRIES + 1;
	assert_int_equal(receive(bed, 1), 0);
	expect_quarantine(bed, RING_FAULT_SEND_TAIL);
	expect_at_work(bed, 0);
	assert_int_equal(rte_eth_dev_stop(bed->port), 0); /* which does not mend it */
	assert_int_equal(rte_eth_dev_start(bed->port), 0);
	assert_int_equal(card_line(&bed->host, 1)->status, SLUICE_QUEUE_BROKEN);
	leave(bed);
	host_down(&bed->host);
	host_up(&bed->host, 2, ENTRIES);
	attach(bed);
	expect_at_work(bed, 1);
}

static void a_bad_return_breaks_both_directions(void **state)
{
	struct bed *bed = *state;
	uint64_t lost = counters(1).receive_no_host;

	host_return(&bed->host, 1, 3);
	transmit(bed, 1, 2);
	assert_int_equal(counters(1).receive_no_host, lost + 2);
	assert_int_equal(counters(1).fault, RING_FAULT_RETURN_ID);
	assert_int_equal(card_line(&bed->host, 1)->status, SLUICE_QUEUE_BROKEN);
	host_send(&bed->host, 1, 60, 0, 1);
	assert_int_equal(receive(bed, 1), 0);
	expect_at_work(bed, 0);
}

/* Another port, with a client of its own. */
static void a_broken_ring_leaves_other_ports_alone(void **state)
{
	struct bed *bed = *state;
	struct hostport_link *link;
	struct hostport_client client;
	struct host other;
	struct rte_mbuf *mbuf;
	uint16_t port;

	assert_int_equal(rte_vdev_init("net_host1", "entries=64"), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name("net_host1", &port), 0);
	configure(port, 1);
	assert_int_equal(rte_eth_dev_start(port), 0);
	host_up(&other, 1, ENTRIES);
	client = (struct hostport_client){.card = other.card, .host = other.host, .queues = 1, .entries = ENTRIES};
	assert_int_equal(hostport_attach("net_host1", &client, &link), 0);
	for (uint16_t q = 0; q < 2; q++) {
		host_line(&bed->host, q)->send_tail = UINT32_MAX;
		assert_int_equal(receive(bed, q), 0);
		assert_int_equal(card_line(&bed->host, q)->status, SLUICE_QUEUE_BROKEN);
	}
	host_send(&other, 0, 60, 0, 1);
	assert_int_equal(rte_eth_rx_burst(port, 0, &mbuf, 1), 1);
	assert_int_equal(rte_eth_tx_burst(port, 0, &mbuf, 1), 1);
	assert_int_equal(card_line(&other, 0)->status, SLUICE_QUEUE_UP);
	assert_int_equal(card_line(&other, 0)->receive_tail, 1);
	hostport_detach(link);
	hostport_free(link);
	host_down(&other);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_close(port), 0);
	assert_int_equal(rte_vdev_uninit("net_host1"), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_the_device_says_of_itself),
		CASE(what_the_device_is_told),
		CASE(a_longer_mtu_lets_longer_frames_through),
		cmocka_unit_test(arguments_that_are_wrong),
		CASE(the_link_is_up_while_a_host_is_there),
		CASE(a_client_that_does_not_fit),
		CASE(frames_without_a_host_are_counted),
		CASE(a_client_that_goes_with_buffers_leaves_them),
		CASE(whose_the_buffers_are),
		CASE(a_port_that_drains),
		CASE(the_next_client_may_come_before_the_last_one_is_forgotten),
		CASE(a_port_that_goes_first_forgets_its_client),
		CASE(frames_go_both_ways_on_each_queue),
		CASE(a_burst_is_not_longer_than_asked_for),
		CASE(large_sends_come_a_few_at_a_time),
		CASE(bad_frames_are_counted_and_good_ones_pass),
		CASE(rubbish_costs_no_more_than_a_burst),
		CASE(without_mbufs_frames_wait),
		CASE(with_few_mbufs_a_few_frames_come),
		CASE(a_tail_that_runs_back_is_found_when_it_is_read),
		CASE(a_tail_that_runs_back_is_found_without_mbufs),
		CASE(events_come_where_they_are_wanted),
		CASE(a_host_that_takes_no_events_stops_nobody),
		CASE(a_broken_ring_is_quarantined_alone),
		CASE(a_bad_return_breaks_both_directions),
		CASE(a_broken_ring_leaves_other_ports_alone),
	};

	return cmocka_run_group_tests(tests, group_up, group_down);
}
