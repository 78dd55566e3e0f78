/* SPDX-License-Identifier: BSD-3-Clause */
/* Buffers that a host has when its port goes: a real port, and a host by hand at its rings. */
#include <rte_ethdev.h>
#include <stdio.h>

#include "../hostport/host.h"
#include "eal.h"
#include "edge/lent.h"
#include "hostport/hostport.h"

#define ENTRIES 64u
#define DEVICE	"net_host0"

static struct im_packet_pool pool;
static struct edge_port *port;
static struct host host;
static struct hostport_link *link_up;

static struct edge_port *make(const char *device)
{
	struct sluice_port config = {.name = "host0", .queues = 1, .mtu = 1500};
	char error[512] = "";
	struct edge_port *made;

	snprintf(config.devargs, sizeof(config.devargs), "%s", device);
	if (edge_port_create(&config, &pool, &made, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	assert_int_equal(edge_port_start(made, error, sizeof(error)), 0);
	return made;
}

static int up(void **state)
{
	const struct im_verify_options count = {.action = IM_VERIFY_COUNT};
	struct hostport_client client;

	(void)state;
	assert_int_equal(im_packet_pool_create(&pool, 1023, 2, 1023), 0);
	assert_int_equal(im_core_create(0, 4), 0);
	assert_int_equal(im_verify(&count), 0);
	port = make(DEVICE);
	host_up(&host, 1, ENTRIES);
	client = (struct hostport_client){.card = host.card, .host = host.host, .queues = 1, .entries = ENTRIES};
	assert_int_equal(hostport_attach(DEVICE, &client, &link_up), 0);
	return 0;
}

static int down(void **state)
{
	(void)state;
	edge_port_destroy(port);
	if (link_up != NULL)
		hostport_free(link_up);
	host_down(&host);
	im_verify_end();
	assert_int_equal(im_core_destroy(), 0);
	im_packet_pool_destroy(&pool);
	return 0;
}

static void give(uint16_t count)
{
	struct rte_mbuf *mbufs[ENTRIES];

	for (uint16_t i = 0; i < count; i++) {
		mbufs[i] = rte_pktmbuf_alloc(pool.buffers);
		assert_non_null(rte_pktmbuf_append(mbufs[i], 60));
	}
	assert_int_equal(rte_eth_tx_burst(port->port_id, 0, mbufs, count), count);
}

static void give_back(uint32_t count)
{
	struct sluice_desc desc;

	for (uint32_t i = 0; i < count; i++) {
		assert_true(host_receive(&host, 0, &desc));
		host_return(&host, 0, desc.id);
	}
	rte_eth_tx_burst(port->port_id, 0, NULL, 0); /* takes them */
}

static void leave(void)
{
	hostport_detach(link_up);
	hostport_free(link_up);
	link_up = NULL;
}

static void destroy(void)
{
	edge_port_destroy(port);
	port = NULL;
}

static void the_account_is_the_devices(void **state)
{
	struct im_lent lent;

	(void)state;
	assert_true(edge_read_lent(port, &lent));
	assert_int_equal(lent.lent, 0);
	give(5);
	give_back(3);
	assert_true(edge_read_lent(port, &lent));
	assert_int_equal(lent.lent, 5);
	assert_int_equal(lent.returned, 3);
	assert_int_equal(lent.forfeited, 0);
	leave();
	assert_true(edge_read_lent(port, &lent));
	assert_int_equal(lent.forfeited, 2);
}

static void a_port_of_another_kind_lends_nothing(void **state)
{
	struct edge_port *other = make("net_null0");
	struct im_lent lent;

	(void)state;
	assert_false(edge_read_lent(other, &lent));
	edge_port_destroy(other);
	assert_int_equal(im_violations(), 0);
}

/* contract: 12.16 */
static void a_port_that_goes_with_some_out_is_named(void **state)
{
	uint32_t leaked = im_leaked();

	(void)state;
	give(5);
	give_back(3);
	destroy();
	assert_int_equal(im_violations(), 1);
	assert_non_null(strstr(im_last_violation(), "[12.16] violated by driver 'host-edge'"));
	assert_non_null(strstr(im_last_violation(), "port 'host0' has lent 5 buffers: 3 returned, 0 forfeited, 2 out"));
	assert_int_equal(im_leaked() - leaked, 2);
}

static void what_is_back_or_forfeited_is_no_leak(void **state)
{
	uint32_t leaked = im_leaked();

	(void)state;
	give(5);
	give_back(3);
	leave();
	destroy();
	assert_int_equal(im_violations(), 0);
	assert_int_equal(im_leaked(), leaked);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_account_is_the_devices),
		CASE(a_port_of_another_kind_lends_nothing),
		CASE(a_port_that_goes_with_some_out_is_named),
		CASE(what_is_back_or_forfeited_is_no_leak),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
