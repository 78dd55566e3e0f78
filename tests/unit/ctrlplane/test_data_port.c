/* SPDX-License-Identifier: BSD-3-Clause */
/* Which port of the edge a client may have, and when its rings are gone. */
#include <string.h>

#include <rte_ethdev.h>

#include "../edge/eal.h"
#include "control.h"
#include "data_port.h"
#include "edge/port.h"
#include "hostport/hostport.h"
#include "machine.h"

static struct edge_port *host, *wire;
static struct control *context; /* NULL: nobody is told */

static struct edge_port *make_port(const char *name, const char *devargs, uint16_t queues)
{
	struct sluice_port config = {.queues = queues, .mtu = 1600};
	struct edge_port *port = NULL;
	char error[512] = "";

	snprintf(config.name, sizeof(config.name), "%s", name);
	snprintf(config.devargs, sizeof(config.devargs), "%s", devargs);
	if (edge_port_create(&config, &machine.pool, &port, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	assert_int_equal(edge_port_start(port, error, sizeof(error)), 0);
	return port;
}

static int up(void **state)
{
	(void)state;
	machine_up(1, 1);
	host = make_port("host0", "net_host0,queues=4,entries=256,mac=02:00:00:00:00:09", 2);
	wire = make_port("wire0", "net_null0", 1);
	return 0;
}

static int down(void **state)
{
	(void)state;
	edge_port_destroy(host);
	edge_port_destroy(wire);
	machine_down();
	return 0;
}

static enum sluice_status ask(struct data_grant *grant, const char *port, uint16_t queues, uint16_t entries)
{
	*grant = (struct data_grant){.queues = queues, .entries = entries};
	snprintf(grant->port, sizeof(grant->port), "%s", port);
	return data_ports.grant(NULL, grant);
}

struct client {
	uint8_t *card, *host;
	void *link;
};

static struct client attach(const struct data_grant *grant)
{
	struct client client = {
		.card = calloc(1, sluice_card_data_size(grant->queues, grant->entries)),
		.host = calloc(1, sluice_host_data_size(grant->queues, grant->entries)),
	};
	const struct data_regions regions = {.card = client.card, .host = client.host};

	assert_int_equal(data_ports.attach(context, grant, &regions, &client.link), SLUICE_STATUS_OK);
	return client;
}

static void forget(struct client *client)
{
	free(client->card);
	free(client->host);
}

static bool is_up(void)
{
	struct rte_eth_link link;

	assert_int_equal(rte_eth_link_get_nowait(host->port_id, &link), 0);
	return link.link_status == RTE_ETH_LINK_UP;
}

static void a_client_gets_what_the_port_has(void **state)
{
	const uint8_t mac[] = {2, 0, 0, 0, 0, 9};
	struct data_grant grant;

	(void)state;
	assert_int_equal(ask(&grant, "host0", 16, 4096), SLUICE_STATUS_OK);
	assert_int_equal(grant.queues, 2); /* of the four that the device could have */
	assert_int_equal(grant.entries, 256);
	assert_int_equal(grant.mtu, 1600);
	assert_memory_equal(grant.mac, mac, sizeof(mac));
	assert_int_equal(ask(&grant, "host0", 2, 64), SLUICE_STATUS_OK);
	assert_int_equal(grant.entries, 64);
}

static void a_port_that_is_not_to_be_had(void **state)
{
	struct data_grant grant;

	(void)state;
	assert_int_equal(ask(&grant, "nowhere", 2, 256), SLUICE_STATUS_UNKNOWN_PORT);
	assert_int_equal(ask(&grant, "net_host0", 2, 256), SLUICE_STATUS_UNKNOWN_PORT); /* a device's name is none */
	assert_int_equal(ask(&grant, "wire0", 2, 256), SLUICE_STATUS_NOT_A_HOST_PORT);
	assert_int_equal(ask(&grant, "host0", 1, 256), SLUICE_STATUS_TOO_FEW_QUEUES);
}

static void the_link_follows_the_client(void **state)
{
	struct data_grant grant;
	struct client client;

	(void)state;
	assert_false(is_up());
	assert_int_equal(ask(&grant, "host0", 2, 256), SLUICE_STATUS_OK);
	client = attach(&grant);
	assert_true(is_up());
	assert_int_equal(ask(&grant, "host0", 2, 256), SLUICE_STATUS_PORT_TAKEN);
	data_ports.detach(NULL, client.link);
	assert_false(is_up());
	assert_true(data_ports.release(NULL, client.link));
	forget(&client);
}

/* The next client does not wait for it. */
static void rings_stay_for_a_grace_period(void **state)
{
	struct data_grant grant;
	struct client client, next;

	(void)state;
	assert_int_equal(ask(&grant, "host0", 2, 64), SLUICE_STATUS_OK);
	client = attach(&grant);
	machine_grace_blocked = true;
	data_ports.detach(NULL, client.link);
	assert_false(data_ports.release(NULL, client.link));
	assert_int_equal(ask(&grant, "host0", 2, 64), SLUICE_STATUS_OK);
	next = attach(&grant);
	assert_false(data_ports.release(NULL, client.link));
	machine_grace_blocked = false;
	assert_true(data_ports.release(NULL, client.link));
	assert_true(is_up());
	data_ports.detach(NULL, next.link);
	assert_true(data_ports.release(NULL, next.link));
	forget(&client);
	forget(&next);
}

static void expect_event(struct event_log *log, uint32_t *cursor, enum sluice_event_kind kind, uint64_t value)
{
	struct sluice_event event;

	assert_true(event_log_next(log, cursor, &event));
	assert_int_equal(event.kind, kind);
	assert_string_equal(event.subject, "host0");
	assert_int_equal(event.value, value);
}

/* Each once; what was broken is told before its host goes, whoever looked first. */
static void what_hosts_do_is_told(void **state)
{
	struct control control = {0};
	struct rte_mbuf *mbuf;
	struct data_grant grant;
	struct event_log log;
	struct client client;
	uint32_t cursor = 0;

	(void)state;
	assert_int_equal(event_log_create(&log), 0);
	control.events = &log;
	context = &control;
	assert_int_equal(ask(&grant, "host0", 2, 64), SLUICE_STATUS_OK);
	client = attach(&grant);
	expect_event(&log, &cursor, SLUICE_EVENT_HOST_ATTACHED, 2);
	data_port_tell_faults(&log, "host0");
	data_port_tell_faults(&log, "wire0");
	assert_false(event_log_next(&log, &cursor, &(struct sluice_event){0}));
	for (uint16_t q = 0; q < 2; q++) {
		((struct sluice_host_line *)client.host)[q].send_tail = 65;
		assert_int_equal(rte_eth_rx_burst(host->port_id, q, &mbuf, 1), 0);
		if (q == 0)
			data_port_tell_faults(&log, "host0");
	}
	expect_event(&log, &cursor, SLUICE_EVENT_HOST_BROKEN, SLUICE_RING_FAULT_SEND_TAIL);
	assert_false(event_log_next(&log, &cursor, &(struct sluice_event){0}));
	data_ports.detach(context, client.link);
	expect_event(&log, &cursor, SLUICE_EVENT_HOST_BROKEN, 1 << 8 | SLUICE_RING_FAULT_SEND_TAIL);
	expect_event(&log, &cursor, SLUICE_EVENT_HOST_DETACHED, 2);
	assert_true(data_ports.release(context, client.link));
	assert_false(event_log_next(&log, &cursor, &(struct sluice_event){0}));
	context = NULL;
	forget(&client);
	event_log_destroy(&log);
}

/* A frame that is with the host is the host's until the port's end, which takes no new one. */
static void the_account_of_a_port(void **state)
{
	struct data_port_account account;
	struct data_grant grant;
	struct client client;
	struct rte_mbuf *mbuf;

	(void)state;
	assert_false(data_port_account("wire0", &account));
	assert_false(data_port_account("nowhere", &account));
	assert_int_equal(ask(&grant, "host0", 2, 64), SLUICE_STATUS_OK);
	client = attach(&grant);
	mbuf = rte_pktmbuf_alloc(machine.pool.buffers);
	assert_non_null(mbuf);
	memset(rte_pktmbuf_append(mbuf, 60), 0, 60);
	assert_int_equal(rte_eth_tx_burst(host->port_id, 0, &mbuf, 1), 1);
	data_port_drain("host0");
	data_port_drain("wire0");
	assert_true(data_port_account("host0", &account));
	assert_true(account.lent == 1 && account.returned == 0 && account.held == 1 && account.awaited == 1);
	assert_int_equal(ask(&grant, "host0", 2, 64), SLUICE_STATUS_SHUTTING_DOWN);
	data_ports.detach(NULL, client.link);
	assert_true(data_ports.release(NULL, client.link));
	assert_true(data_port_account("host0", &account));
	assert_true(account.forfeited == 1 && account.held == 0 && account.awaited == 0);
	forget(&client);
}

static void memory_that_runs_out(void **state)
{
	struct data_grant grant;
	const struct data_regions regions = {0};
	uint8_t *card, *memory;
	void *link = NULL;
	int64_t before;

	(void)state;
	assert_int_equal(ask(&grant, "host0", 2, 64), SLUICE_STATUS_OK);
	card = calloc(1, sluice_card_data_size(2, 64));
	memory = calloc(1, sluice_host_data_size(2, 64));
	before = machine_allocations;
	for (uint32_t n = 1; n <= 8; n++) { /* the link, and three tables for each of two pairs */
		const struct data_regions real = {.card = card, .host = memory};

		machine_fail_allocation = n;
		assert_int_equal(data_ports.attach(NULL, &grant, &real, &link), SLUICE_STATUS_NO_MEMORY);
		assert_int_equal(machine_allocations, before);
		assert_null(link);
	}
	machine_fail_allocation = 0;
	assert_int_equal(data_ports.attach(NULL, &(struct data_grant){.port = "wire0"}, &regions, &link),
			 SLUICE_STATUS_INTERNAL);
	assert_int_equal(machine_allocations, before);
	free(card);
	free(memory);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_client_gets_what_the_port_has),
		CASE(a_port_that_is_not_to_be_had),
		CASE(the_link_follows_the_client),
		CASE(rings_stay_for_a_grace_period),
		CASE(what_hosts_do_is_told),
		CASE(the_account_of_a_port),
		CASE(memory_that_runs_out),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
