/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports brought up and taken down, and what they answer about themselves. */
#include <errno.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <string.h>

#include "../../conformance/mandatory.h"
#include "eal.h"
#include "wires.h"

static struct im_packet_pool pool;

static int up(void **state)
{
	(void)state;
	return im_packet_pool_create(&pool, 1023, 3, 2047);
}

static int down(void **state)
{
	(void)state;
	im_packet_pool_destroy(&pool);
	return 0;
}

static struct sluice_port describe(const char *name, const char *devargs)
{
	struct sluice_port port = {.queues = 1, .mtu = 1500};

	snprintf(port.name, sizeof(port.name), "%s", name);
	snprintf(port.devargs, sizeof(port.devargs), "%s", devargs);
	return port;
}

static int create(const struct sluice_port *port, struct edge_port **made, const char *expected)
{
	char error[512] = "";
	int result = edge_port_create(port, &pool, made, error, sizeof(error));

	if (strstr(error, expected) == NULL)
		fail_msg("expected an error with '%s', got '%s'", expected, error);
	return result;
}

static void a_port_is_found_by_its_name_while_it_exists(void **state)
{
	struct sluice_port description = describe("a", "net_null0");
	struct edge_port *port = NULL;

	(void)state;
	assert_null(edge_port_find("a"));
	assert_int_equal(create(&description, &port, ""), 0);
	assert_ptr_equal(edge_port_find("a"), port);
	assert_null(edge_port_find("b"));
	edge_port_destroy(port);
	assert_null(edge_port_find("a"));
	assert_int_equal(create(&description, &port, ""), 0); /* the device is free again */
	edge_port_destroy(port);
	edge_port_destroy(NULL);
}

static void a_device_belongs_to_one_port(void **state)
{
	struct sluice_port first = describe("a", "net_null0"), second = describe("b", "net_null0,copy=1");
	struct edge_port *a, *b = NULL;

	(void)state;
	assert_int_equal(create(&first, &a, ""), 0);
	assert_int_equal(create(&second, &b, "used by another port"), -EEXIST);
	assert_null(edge_port_find("b"));
	edge_port_destroy(a);
}

/* As with a PCI address behind -a: the EAL has made the device before the port asks for it. */
static void a_device_that_is_there_already_can_be_taken(void **state)
{
	struct sluice_port description = describe("a", "net_null7");
	struct edge_port *port;

	(void)state;
	assert_int_equal(rte_dev_probe("net_null7"), 0);
	assert_int_equal(create(&description, &port, ""), 0);
	edge_port_destroy(port);
}

static void what_cannot_be_is_refused_in_words(void **state)
{
	struct sluice_port port = describe("a", "net_nosuchthing0");
	struct edge_port *made = NULL;
	uint16_t before = rte_eth_dev_count_avail();

	(void)state;
	assert_int_equal(create(&port, &made, "cannot create 'net_nosuchthing0'"), -ENODEV);
	port = describe("a", "net_pcap0,rx_pcap=/nowhere/at/all.pcap,tx_pcap=/nowhere/at/all.pcap");
	assert_int_equal(create(&port, &made, "cannot create"), -ENODEV);
	port = describe("a", "net_ring9");
	port.queues = 16;
	if (create(&port, &made, "") == 0)
		edge_port_destroy(made);
	assert_null(edge_port_find("a"));
	assert_int_equal(rte_eth_dev_count_avail(), before);
}

static void a_rate_is_that_of_the_whole_port(void **state)
{
	struct sluice_port port = describe("a", "net_null0");
	struct edge_port *made;

	(void)state;
	port.rx_pps = 1000;
	assert_int_equal(create(&port, &made, ""), 0);
	assert_int_equal(made->cycles_per_packet, rte_get_tsc_hz() / 1000);
	edge_port_destroy(made);
	port.queues = 4;
	assert_int_equal(create(&port, &made, ""), 0);
	assert_int_equal(made->cycles_per_packet, rte_get_tsc_hz() * 4 / 1000); /* of each of its four queues */
	edge_port_destroy(made);
}

/* ---- OIDs ------------------------------------------------------------------------------------------- */

static struct edge_port *asked;

static int port_up(void **state)
{
	struct sluice_port port = describe("a", "net_null0");

	if (up(state) != 0)
		return -1;
	return create(&port, &asked, "");
}

static int port_down(void **state)
{
	edge_port_destroy(asked);
	return down(state);
}

static uint32_t list_oids(uint32_t *list, uint32_t size)
{
	uint32_t written, needed;

	assert_int_equal(edge_port_query(asked, SLUICE_OID_GEN_SUPPORTED_LIST, list, size, &written, &needed),
			 IM_STATUS_SUCCESS);
	return written / 4;
}

static bool is_in(const uint32_t *list, uint32_t count, uint32_t oid)
{
	for (uint32_t i = 0; i < count; i++)
		if (list[i] == oid)
			return true;
	return false;
}

/* A probe tells the size of what can be read (6.5). */
static void expect_probe(uint32_t oid, uint32_t size)
{
	uint32_t written, needed;

	if (size == 0 || oid == SLUICE_OID_PNP_QUERY_POWER)
		return; /* the empty multicast list; and what is always a success (6.27) */
	assert_int_equal(edge_port_query(asked, oid, NULL, 0, &written, &needed), IM_STATUS_BUFFER_TOO_SHORT);
	assert_int_equal(written, 0);
	assert_int_equal(needed, size);
}

/* Everything in the supported list is answered, and nothing else that has a number is (6.46). */
/* contract: 6.5 6.10 6.32 6.46 */
static void what_is_listed_is_answered_and_nothing_else(void **state)
{
#define X(name, number, type, settable, text) number,
	static const uint32_t all[] = {SLUICE_OID_TABLE(X)};
#undef X
	uint32_t list[64], count, written, needed;

	(void)state;
	count = list_oids(list, sizeof(list));
	for (size_t i = 0; i < RTE_DIM(all); i++) {
		uint8_t value[512] = {0};
		im_status_t status = edge_port_query(asked, all[i], value, sizeof(value), &written, &needed);

		if (status == IM_STATUS_SUCCESS)
			expect_probe(all[i], written);
		else
			status = edge_port_set(asked, all[i], value, 1, &written, &needed);
		if ((status != IM_STATUS_NOT_SUPPORTED) != is_in(list, count, all[i]))
			fail_msg("OID %08x is %s, but %s listed", all[i], im_status_text(status),
				 is_in(list, count, all[i]) ? "is" : "not");
	}
	assert_false(is_in(list, count, SLUICE_OID_GEN_SUPPORTED_GUIDS)); /* 6.32 */
}

/* contract: 6.47 */
static void what_every_miniport_has_is_there(void **state)
{
	uint32_t list[64], count, written, needed;
	uint8_t value[512];

	(void)state;
	count = list_oids(list, sizeof(list));
	for (size_t i = 0; i < RTE_DIM(mandatory); i++) {
		assert_true(is_in(list, count, mandatory[i]));
		assert_int_equal(edge_port_query(asked, mandatory[i], value, sizeof(value), &written, &needed),
				 IM_STATUS_SUCCESS);
	}
}

/* A device that counts bytes; what it does not count is said to be unknown. */
/* contract: 6.41 */
static void statistics_are_what_the_device_counts(void **state)
{
	struct sluice_port description = describe("b", "net_pcap5,tx_pcap=/dev/null");
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool.buffers);
	struct sluice_oid_statistics statistics;
	uint32_t written, needed;
	struct edge_port *port;
	char error[128];

	(void)state;
	assert_int_equal(create(&description, &port, ""), 0);
	assert_int_equal(edge_port_start(port, error, sizeof(error)), 0);
	assert_non_null(rte_pktmbuf_append(mbuf, 60));
	assert_int_equal(rte_eth_tx_burst(port->port_id, 0, &mbuf, 1), 1);
	assert_int_equal(
		edge_port_query(port, SLUICE_OID_GEN_STATISTICS, &statistics, sizeof(statistics), &written, &needed),
		IM_STATUS_SUCCESS);
	assert_int_equal(written, sizeof(statistics));
	assert_int_equal(statistics.out_octets, 60);
	assert_int_equal(statistics.in_octets | statistics.out_errors | statistics.out_unicast, 0);
	assert_true(statistics.valid & 1u << SLUICE_STATISTIC_out_octets);
	assert_false(statistics.valid & 1u << SLUICE_STATISTIC_out_unicast);
	edge_port_destroy(port);
}

static im_status_t set(uint32_t oid, const void *value, uint32_t length, uint32_t *read, uint32_t *needed)
{
	*read = *needed = 0;
	return edge_port_set(asked, oid, value, length, read, needed);
}

/* contract: 6.7 6.8 6.9 */
static void a_set_changes_all_or_nothing(void **state)
{
	uint32_t read, needed, filter = 0x2f, unknown = 0x40, lookahead = 1501;

	(void)state;
	assert_int_equal(set(SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &filter, 4, &read, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(read, 4); /* 6.9 */
	assert_int_equal(set(SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &unknown, 4, &read, &needed),
			 IM_STATUS_INVALID_DATA);
	assert_int_equal(read, 0);
	assert_int_equal(asked->packet_filter, 0x2f); /* 6.8 */
	assert_int_equal(set(SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &unknown, 3, &read, &needed),
			 IM_STATUS_INVALID_LENGTH);
	assert_int_equal(needed, 4); /* 6.7 */
	assert_int_equal(set(SLUICE_OID_GEN_CURRENT_LOOKAHEAD, &lookahead, 4, &read, &needed), IM_STATUS_INVALID_DATA);
	assert_int_equal(asked->lookahead, 1500);
	assert_int_equal(set(SLUICE_OID_GEN_LINK_SPEED, &filter, 4, &read, &needed), IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(set(0x00ff0000, &filter, 4, &read, &needed), IM_STATUS_NOT_SUPPORTED);
}

/* contract: 6.28 */
static void a_port_takes_power_states_and_nothing_else_for_one(void **state)
{
	uint32_t read, needed, asleep = IM_POWER_D3, awake = IM_POWER_D0, none = 5, capabilities[3] = {1, 1, 1};

	(void)state;
	assert_int_equal(set(SLUICE_OID_PNP_SET_POWER, &none, 4, &read, &needed), IM_STATUS_NOT_ACCEPTED);
	assert_int_equal(set(SLUICE_OID_PNP_SET_POWER, &asleep, 2, &read, &needed), IM_STATUS_INVALID_LENGTH);
	assert_int_equal(needed, 4);
	assert_int_equal(set(SLUICE_OID_PNP_SET_POWER, &asleep, 4, &read, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(read, 4);
	assert_true(asked->stopped & EDGE_STOP_ASLEEP);
	assert_int_equal(set(SLUICE_OID_PNP_SET_POWER, &awake, 4, &read, &needed), IM_STATUS_SUCCESS);
	assert_false(asked->stopped & EDGE_STOP_ASLEEP);
	assert_int_equal(edge_port_query(asked, SLUICE_OID_PNP_CAPABILITIES, capabilities, 12, &read, &needed),
			 IM_STATUS_SUCCESS);
	assert_int_equal(capabilities[0] | capabilities[1] | capabilities[2], 0); /* it wakes nobody */
}

/* contract: 12.49 */
static void offloads_are_those_that_it_can_do(void **state)
{
	uint32_t read, needed, sums = 7, unknown = 16, value = 0;

	(void)state;
	assert_int_equal(set(SLUICE_OID_TCP_TASK_OFFLOAD, &sums, 4, &read, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(set(SLUICE_OID_TCP_TASK_OFFLOAD, &unknown, 4, &read, &needed), IM_STATUS_INVALID_DATA);
	assert_int_equal(edge_port_query(asked, SLUICE_OID_TCP_TASK_OFFLOAD, &value, 4, &read, &needed),
			 IM_STATUS_SUCCESS);
	assert_int_equal(value, 7);
	assert_int_equal(
		edge_port_query(asked, SLUICE_OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES, &value, 4, &read, &needed),
		IM_STATUS_SUCCESS);
	assert_int_equal(value, EDGE_OFFLOADS);
}

/* contract: 6.37 6.48 12.48 */
static void a_multicast_list_holds_whole_multicast_addresses(void **state)
{
	static const uint8_t good[12] = {1, 0, 0x5e, 0, 0, 1, 0x33, 0x33, 0, 0, 0, 1};
	static const uint8_t bad[12] = {1, 0, 0x5e, 0, 0, 1, 2, 0, 0, 0, 0, 1};
	uint8_t many[33 * 6], back[12];
	uint32_t read, needed, written;

	(void)state;
	memset(many, 1, sizeof(many));
	assert_int_equal(set(SLUICE_OID_802_3_MULTICAST_LIST, good, 12, &read, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(read, 12);
	assert_int_equal(set(SLUICE_OID_802_3_MULTICAST_LIST, good, 11, &read, &needed), IM_STATUS_INVALID_LENGTH);
	assert_int_equal(needed, 6);
	assert_int_equal(set(SLUICE_OID_802_3_MULTICAST_LIST, many, sizeof(many), &read, &needed),
			 IM_STATUS_INVALID_LENGTH);
	assert_int_equal(needed, 32 * 6);
	assert_int_equal(set(SLUICE_OID_802_3_MULTICAST_LIST, bad, 12, &read, &needed), IM_STATUS_INVALID_DATA);
	assert_int_equal(edge_port_query(asked, SLUICE_OID_802_3_MULTICAST_LIST, back, 12, &written, &needed),
			 IM_STATUS_SUCCESS);
	assert_memory_equal(back, good, 12); /* none of the refused ones changed it */
	assert_int_equal(set(SLUICE_OID_802_3_MULTICAST_LIST, NULL, 0, &read, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(asked->multicast_count, 0); /* clearing may not fail (6.48) */
}

int main(void)
{
#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, up, down)
#define WITH_PORT(test) cmocka_unit_test_setup_teardown(test, port_up, port_down)
	const struct CMUnitTest tests[] = {
		WITH_POOL(a_port_is_found_by_its_name_while_it_exists),
		WITH_POOL(a_device_belongs_to_one_port),
		WITH_POOL(a_device_that_is_there_already_can_be_taken),
		WITH_POOL(what_cannot_be_is_refused_in_words),
		WITH_POOL(a_rate_is_that_of_the_whole_port),
		WITH_PORT(what_is_listed_is_answered_and_nothing_else),
		WITH_PORT(what_every_miniport_has_is_there),
		WITH_POOL(statistics_are_what_the_device_counts),
		WITH_PORT(a_set_changes_all_or_nothing),
		WITH_PORT(a_port_takes_power_states_and_nothing_else_for_one),
		WITH_PORT(offloads_are_those_that_it_can_do),
		WITH_PORT(a_multicast_list_holds_whole_multicast_addresses),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
