/* SPDX-License-Identifier: BSD-3-Clause */
/* What the certification kits try (contract section 12E), with the relay that ships between a nic and a top. */
#include <stdio.h>
#include <string.h>

#include "shipped.h"

#define MANY 128u /* opens at once, 16 of them over each of ... */
#define NICS 8u

static struct im_packet *packets[100];

static void send(uint16_t count)
{
	im_send_packets(rig.top_binding->binding, packets, count);
	host_settle();
}

static void receive(uint16_t count)
{
	rig_indicate(rig.port, packets, count, IM_STATUS_SUCCESS);
	host_settle();
}

/* All go down and come back, and up and back, each once. */
static void expect_traffic(uint16_t count)
{
	rig_forget();
	send(count);
	assert_int_equal(rig_packets_seen(RIG_send_packets, "nic"), count);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), count);
	receive(count);
	assert_int_equal(rig_packets_seen(RIG_receive_packets, "top"), count);
	rig_return(rig.top_binding, rig.top_binding->held_count);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), count);
	rig_forget();
}

static void up(unsigned levels)
{
	shipped_begin(NULL);
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	shipped_build(levels);
	rig_packets(packets, RTE_DIM(packets));
	rig_forget();
}

static void down(void)
{
	rig_end();
	rig_packets_free(packets, RTE_DIM(packets));
}

/* ---- Traffic ------------------------------------------------------------------------------------- */

static void c12_50_c12_47_hundred_sends_and_receives_arrive_in_order(void **state)
{
	(void)state;
	up(2);
	send(100);
	rig_expect_packets(RIG_send_packets, "nic", packets, 100);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 100);
	receive(100);
	rig_expect_packets(RIG_receive_packets, "top", packets, 100);
	rig_return(rig.top_binding, 100);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 100);
	down();
}

static void c12_47_a_cancel_ends_what_is_queued_with_its_id(void **state)
{
	uint32_t id;

	(void)state;
	up(2);
	rig.nic->script.sends = RIG_LATER;
	id = im_generate_cancel_id(rig.top->wrapper);
	for (unsigned i = 0; i < 10; i += 2)
		packets[i]->info.cancel_id = id;
	send(10);
	im_cancel_send_packets(rig.top_binding->binding, id);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SEND_ABORTED), 5);
	rig_complete(rig.port, 5, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 5);
	down();
}

/* Each byte of each length and cut, as one station sends and the other one gets it. */
static void c12_55_every_byte_arrives_both_ways(void **state)
{
	static const struct {
		uint32_t length, segment;
	} cases[] = {{60, 0}, {61, 1}, {64, 7}, {1500, 0}, {1514, 128}, {9000, 1000}};
	static uint8_t sent[9000], got[9000];

	(void)state;
	up(3);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct im_packet *packet = rig_packet(RIG_LEVELS_MAX, cases[i].length, cases[i].segment);

		rig_forget();
		assert_int_equal(rig_packet_read(packet, sent, sizeof(sent)), cases[i].length);
		im_send_packets(rig.top_binding->binding, &packet, 1);
		host_settle();
		assert_int_equal(rig_packet_read(rig_call(RIG_send_packets, "nic", 0)->packets[0], got, sizeof(got)),
				 cases[i].length);
		assert_memory_equal(sent, got, cases[i].length);
		rig_indicate(rig.port, &packet, 1, IM_STATUS_SUCCESS);
		host_settle();
		assert_int_equal(rig_packet_read(rig_call(RIG_receive_packets, "top", 0)->packets[0], got, sizeof(got)),
				 cases[i].length);
		assert_memory_equal(sent, got, cases[i].length);
		rig_return(rig.top_binding, 1);
		host_settle();
		rig_packets_free(&packet, 1);
	}
	down();
}

/* ---- Addresses ----------------------------------------------------------------------------------- */

static const uint8_t own[6] = {0x02, 0, 0, 0, 0, 0x01}, other[6] = {0x02, 0, 0, 0, 0, 0x77};

static void address(struct im_packet *packet, const uint8_t *to)
{
	memcpy(rte_pktmbuf_mtod(packet->mbuf, void *), to, 6);
	packet->status = IM_STATUS_SUCCESS;
}

/* How many of these went down, and how many came back as what was received. */
static void expect_sent(uint16_t count, unsigned down_count, unsigned looped)
{
	rig_forget();
	send(count);
	assert_int_equal(rig_packets_seen(RIG_send_packets, "nic"), down_count);
	assert_int_equal(rig_calls(RIG_receive, "top") + rig_packets_seen(RIG_receive_packets, "top"), looped);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), count);
}

/* With the rig's mid, which shows on what it is shown: the relay would copy it into a buffer of the card's. */
static void begin_looping(void)
{
	shipped_begin(NULL);
	rig.nic->script.attributes = IM_ATTRIBUTE_NO_LOOPBACK;
	rig_build(1);
	host_settle();
	rig_packets(packets, RTE_DIM(packets));
}

static void c12_54_singles_and_bursts_to_every_kind_of_address(void **state)
{
	static const struct {
		uint8_t to[6];
		bool looped;
	} kinds[] = {
		{{0x02, 0, 0, 0, 0, 0x01}, true},  /* to oneself */
		{{0x02, 0, 0, 0, 0, 0x77}, false}, /* to another */
		{{0x01, 0, 0x5e, 0, 0, 1}, false}, /* to some */
		{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, false},
	};

	(void)state;
	begin_looping();
	for (size_t i = 0; i < RTE_DIM(kinds); i++)
		for (uint16_t burst = 1; burst <= 64; burst = (uint16_t)(burst * 64)) {
			for (uint16_t k = 0; k < burst; k++)
				address(packets[k], kinds[i].to);
			expect_sent(burst, kinds[i].looped ? 0 : burst, kinds[i].looped ? burst : 0);
		}
	for (uint16_t k = 0; k < 64; k++) /* all kinds in one burst */
		address(packets[k], kinds[k % RTE_DIM(kinds)].to);
	expect_sent(64, 48, 16);
	down();
}

static im_status_t set_address(const uint8_t *bytes, uint32_t length)
{
	uint32_t read, needed;

	return host_set("nic", SLUICE_OID_802_3_CURRENT_ADDRESS, bytes, length, &read, &needed);
}

static void expect_permanent(void)
{
	uint32_t written, needed;
	uint8_t bytes[6];

	assert_int_equal(host_query("nic", SLUICE_OID_802_3_PERMANENT_ADDRESS, bytes, 6, &written, &needed),
			 IM_STATUS_SUCCESS);
	assert_memory_equal(bytes, own, 6);
}

/* The address is read when the adapter restarts (10.28). */
static void restart_all(void)
{
	host_pause("nic");
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	host_settle();
}

static void c12_51_frames_to_the_new_address_arrive_and_to_the_old_one_do_not(void **state)
{
	struct rig_value *permanent;

	(void)state;
	begin_looping();
	permanent = rig_value(rig.port, SLUICE_OID_802_3_PERMANENT_ADDRESS);
	permanent->length = 6;
	memcpy(permanent->bytes, own, 6);
	rig_value(rig.port, SLUICE_OID_802_3_CURRENT_ADDRESS)->settable = true;
	assert_int_equal(set_address(other, 5), IM_STATUS_INVALID_LENGTH);
	restart_all();
	address(packets[0], own);
	expect_sent(1, 0, 1); /* nothing has changed */
	assert_int_equal(set_address(other, 6), IM_STATUS_SUCCESS);
	restart_all();
	expect_permanent();
	for (unsigned i = 0; i < 100; i++)
		address(packets[i], i < 50 ? other : own);
	expect_sent(100, 50, 50);
	rig_expect_packets(RIG_send_packets, "nic", packets + 50, 50);
	down();
}

/* ---- Link ---------------------------------------------------------------------------------------- */

static void tell(uint32_t indication)
{
	im_indicate_status(rig.port->instance, indication, NULL, 0);
	im_indicate_status_complete(rig.port->instance);
	host_settle();
}

static void c12_44_the_link_goes_and_comes_back(void **state)
{
	(void)state;
	up(2);
	for (unsigned round = 0; round < 3; round++) {
		tell(IM_INDICATION_MEDIA_DISCONNECT);
		tell(IM_INDICATION_MEDIA_CONNECT);
		assert_int_equal(rig_calls(RIG_status, "top"), 2);
		assert_int_equal(rig_call(RIG_status, "top", 0)->value, IM_INDICATION_MEDIA_DISCONNECT);
		assert_int_equal(rig_call(RIG_status, "top", 1)->value, IM_INDICATION_MEDIA_CONNECT);
		assert_int_equal(rig_calls(RIG_status_complete, "top"), 2);
		expect_traffic(8);
	}
	down();
}

/* ---- Again and again ----------------------------------------------------------------------------- */

static void build_again(void)
{
	shipped_bind("nic", "r0");
	shipped_bind_top("r0");
}

static void c12_45_halted_and_restarted_again_and_again(void **state)
{
	(void)state;
	up(1);
	for (unsigned round = 0; round < 20; round++) {
		assert_int_equal(host_unbind_over("nic"), IM_STATUS_SUCCESS);
		host_settle();
		assert_false(host_exists("r0"));
		assert_int_equal(host_objects("relay"), 0);
		build_again();
		expect_traffic(4);
	}
	down();
}

static im_status_t set_offloads(uint32_t tasks)
{
	uint32_t read, needed;

	return host_set("nic", SLUICE_OID_TCP_TASK_OFFLOAD, &tasks, sizeof(tasks), &read, &needed);
}

static uint32_t offloads_through_the_relay(void)
{
	uint32_t written, needed, tasks = 0;

	assert_int_equal(host_query("r0", SLUICE_OID_TCP_TASK_OFFLOAD, &tasks, sizeof(tasks), &written, &needed),
			 IM_STATUS_SUCCESS);
	return tasks;
}

static void c12_45_c12_52_unloaded_and_loaded_again_with_the_same_offloads(void **state)
{
	(void)state;
	up(1);
	rig_value(rig.port, SLUICE_OID_TCP_TASK_OFFLOAD)->length = 4;
	rig_value(rig.port, SLUICE_OID_TCP_TASK_OFFLOAD)->settable = true;
	assert_int_equal(set_offloads(5), IM_STATUS_SUCCESS);
	for (unsigned round = 0; round < 10; round++) {
		assert_int_equal(offloads_through_the_relay(), 5);
		assert_int_equal(host_unload("relay", true), IM_STATUS_SUCCESS);
		assert_false(host_is_loaded("relay"));
		assert_int_equal(shipped_unloads, round + 1);
		assert_int_equal(shipped_load(), IM_STATUS_SUCCESS);
		build_again();
		expect_traffic(4);
	}
	down();
}

/* ---- Many bindings ------------------------------------------------------------------------------- */

/* The rig's own bindings are never used again; these are. */
static struct rig_binding bindings[MANY];

static im_status_t open_one(const struct im_bind_config *config)
{
	static const uint32_t ethernet = IM_MEDIUM_802_3;
	struct rig_binding *binding = bindings;
	im_status_t status;

	while (binding->binding != NULL || binding->config != NULL)
		binding++;
	*binding = (struct rig_binding){.name = "one", .driver = rig.top, .config = config};
	binding->open = (struct im_open){.context = binding, .media = &ethernet, .media_count = 1};
	status = im_open_adapter(&binding->binding, rig.top->protocol_handle, config, &binding->open);
	if (status != IM_STATUS_PENDING)
		binding->config = NULL;
	return status;
}

static im_status_t enter(struct rig_driver *driver, struct im_driver_object *object)
{
	struct im_miniport_characteristics miniport;
	struct im_protocol_characteristics protocol;
	im_status_t status = im_initialize_wrapper(&driver->wrapper, object);

	rig_fill(driver, &miniport, &protocol);
	protocol.bind_adapter = open_one;
	if (status == IM_STATUS_SUCCESS)
		status = im_register_protocol(driver->wrapper, &protocol, sizeof(protocol), &driver->protocol_handle);
	rig_register_unload(driver);
	return status;
}

static void open_some(unsigned nics, unsigned count)
{
	char adapter[SLUICE_NAME_SIZE];

	for (unsigned nic = 0; nic < nics; nic++)
		for (unsigned i = 0; i < count; i++) {
			snprintf(adapter, sizeof(adapter), "nic%u", nic);
			assert_int_equal(rig_bind("top", adapter, NULL), IM_STATUS_SUCCESS);
		}
	host_settle();
	assert_int_equal(host_objects("top"), nics * count);
}

static void close_all(unsigned nics)
{
	char adapter[SLUICE_NAME_SIZE];

	for (unsigned nic = 0; nic < nics; nic++) {
		snprintf(adapter, sizeof(adapter), "nic%u", nic);
		assert_int_equal(host_unbind_over(adapter), IM_STATUS_SUCCESS);
	}
	assert_int_equal(host_objects("top"), 0);
	rig_forget();
}

static void c12_53_c11_36_opened_and_closed_often_and_many_at_once(void **state)
{
	char adapter[SLUICE_NAME_SIZE];

	(void)state;
	rig_begin(NULL, 0);
	rig.top->entry = enter;
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
	assert_int_equal(rig_load(rig.top), IM_STATUS_SUCCESS);
	for (unsigned nic = 0; nic < NICS; nic++) {
		snprintf(adapter, sizeof(adapter), "nic%u", nic);
		rig_start_nic(adapter);
	}
	for (unsigned round = 0; round < 16; round++) {
		open_some(1, 1);
		close_all(1);
	}
	for (unsigned round = 0; round < 16; round++) {
		open_some(NICS, MANY / NICS);
		close_all(NICS);
	}
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c12_50_c12_47_hundred_sends_and_receives_arrive_in_order),
		cmocka_unit_test(c12_47_a_cancel_ends_what_is_queued_with_its_id),
		cmocka_unit_test(c12_55_every_byte_arrives_both_ways),
		cmocka_unit_test(c12_54_singles_and_bursts_to_every_kind_of_address),
		cmocka_unit_test(c12_51_frames_to_the_new_address_arrive_and_to_the_old_one_do_not),
		cmocka_unit_test(c12_44_the_link_goes_and_comes_back),
		cmocka_unit_test(c12_45_halted_and_restarted_again_and_again),
		cmocka_unit_test(c12_45_c12_52_unloaded_and_loaded_again_with_the_same_offloads),
		cmocka_unit_test(c12_53_c11_36_opened_and_closed_often_and_many_at_once),
	};

	return host_run_tests(tests);
}
