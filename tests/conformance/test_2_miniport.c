/* SPDX-License-Identifier: BSD-3-Clause */
/* A miniport's handlers: when each is called (contract sections 2B, 2C, 2D). What a registration refuses:
 * tests/unit/im/test_register.c. */
#include <string.h>

#include "shipped.h"

/* ---- Coming and going ---------------------------------------------------------------------------- */

static void c2_9_c2_34_a_plain_miniport_is_initialised_by_the_core_and_a_layered_one_by_its_driver(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_load_all();
	rig_forget();
	assert_int_equal(host_start("mid", "m0", &rig), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(rig_calls(RIG_initialize, NULL), 0);
	rig_start_nic("nic");
	assert_string_equal(rig_story(RIG_ALL), "initialize:nic"); /* the driver asked for nothing */
	assert_int_equal(rig_bind("mid", "nic", "m0"), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_initialize, "m0"), 1);
	rig_end();
}

static im_status_t halt_by_stop(void)
{
	return host_stop("m0");
}

static im_status_t halt_by_unbind(void)
{
	return host_unbind_over("nic");
}

static im_status_t halt_by_loss_of_the_adapter(void)
{
	return host_stop("nic");
}

static im_status_t halt_by_unload(void)
{
	return host_unload("mid", true);
}

static im_status_t halt_by_the_driver(void)
{
	return im_deinitialize_device_instance(rig_vnic("m0")->instance);
}

static void c2_10_a_vnic_halts_once_for_whatever_reason_it_goes(void **state)
{
	static im_status_t (*const ways[])(void) = {halt_by_stop, halt_by_unbind, halt_by_loss_of_the_adapter,
						    halt_by_unload, halt_by_the_driver};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(ways); i++) {
		rig_begin(NULL, 0);
		rig_build(1);
		assert_int_equal(ways[i](), IM_STATUS_SUCCESS);
		assert_int_equal(rig_calls(RIG_halt, "m0"), 1);
		assert_false(host_exists("m0"));
		rig_end();
		assert_int_equal(rig_calls(RIG_halt, "m0"), 1);
	}
}

static void c2_11_c2_12_requests_come_from_above_and_from_the_core(void **state)
{
	uint32_t value = 100, done, needed;
	struct im_request query = {.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &value, .length = sizeof(value)};
	struct im_request set = {
		.set = true, .oid = SLUICE_OID_GEN_CURRENT_LOOKAHEAD, .buffer = &value, .length = sizeof(value)};

	(void)state;
	rig_begin(NULL, 0);
	rig_build(1);
	rig_forget();
	assert_int_equal(rig_request(rig.top_binding, &set), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_set_information, "m0"), 1);
	assert_int_equal(rig_call(RIG_set_information, "m0", 0)->value, SLUICE_OID_GEN_CURRENT_LOOKAHEAD);
	assert_int_equal(rig_request(rig.top_binding, &query), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_query_information, "m0"), 1);
	assert_int_equal(host_query("m0", SLUICE_OID_GEN_LINK_SPEED, &value, sizeof(value), &done, &needed),
			 IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_query_information, "m0"), 2);
	value = 200;
	assert_int_equal(host_set("m0", SLUICE_OID_GEN_CURRENT_LOOKAHEAD, &value, sizeof(value), &done, &needed),
			 IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_set_information, "m0"), 2);
	assert_int_equal(rig_value(rig.port, SLUICE_OID_GEN_CURRENT_LOOKAHEAD)->bytes[0], 200);
	rig_end();
}

/* The relay has neither: it is never asked whether it hangs, and a reset of its VNIC is refused. */
static void c2_13_c2_18_an_intermediate_driver_is_neither_asked_nor_reset(void **state)
{
	(void)state;
	assert_null(im_relay_miniport.reset);
	assert_null(im_relay_miniport.check_for_hang);
	shipped_begin(NULL);
	shipped_build(1);
	rig_forget();
	assert_int_equal(host_reset("r0"), IM_STATUS_NOT_RESETTABLE);
	for (int second = 0; second < 5; second++)
		host_tick(1000);
	assert_true(rig_calls(RIG_check_for_hang, "nic") >= 2); /* every 2 s: the nic */
	assert_int_equal(rig_calls(RIG_reset, NULL), 0);
	rig_end();
}

/* ---- Packets ------------------------------------------------------------------------------------- */

static void send_three(void)
{
	struct im_packet *packets[3];

	rig_packets(packets, 3);
	im_send_packets(rig.top_binding->binding, packets, 2);
	im_send(rig.top_binding->binding, packets[2]);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 3);
	rig_packets_free(packets, 3);
}

static im_status_t send_of_a_nic_with_both(void *context, struct im_packet *packet, uint32_t flags)
{
	(void)context;
	(void)packet;
	(void)flags;
	return IM_STATUS_SUCCESS;
}

static void c2_14_c2_15_c2_31_send_packets_is_used_where_it_is_given(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.nic->miniport.send = send_of_a_nic_with_both;
	rig_build(1);
	send_three();
	assert_int_equal(rig_calls(RIG_send_packets, "nic"), 2);
	assert_int_equal(rig_call(RIG_send_packets, "nic", 1)->count, 1); /* a single one too */
	assert_int_equal(rig_calls(RIG_send, "nic"), 0);
	rig_end();
}

static void c2_14_c2_32_arrays_are_split_for_one_and_singles_wrapped_for_the_other(void **state)
{
	(void)state;
	rig_begin(NULL, RIG_SINGLE);
	rig_build(1);
	send_three();
	assert_int_equal(rig_calls(RIG_send, "nic"), 3);
	assert_int_equal(rig_calls(RIG_send_packets, "m0"), 2);
	assert_int_equal(rig_packets_seen(RIG_send_packets, "m0"), 3);
	rig_end();
}

static void show_without_transfer(void)
{
	uint8_t frame[60] = {0};

	rig_begin(NULL, RIG_NO_TRANSFER);
	rig_build(0);
	rig_indicate_lookahead(rig.port, frame, sizeof(frame), 20);
}

static void lend_without_return(void)
{
	struct im_packet *packet = rig_packet(4, 60, 0);

	rig_begin(NULL, RIG_NO_RETURN);
	rig_build(0);
	rig_indicate(rig.port, &packet, 1, IM_STATUS_SUCCESS);
}

static void c2_16_c2_17_c2_30_a_missing_handler_is_found_at_the_indication(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	host_expect_stop("2.30", show_without_transfer);
	host_expect_stop("2.30", lend_without_return);
	rig_begin(NULL, RIG_NO_RETURN | RIG_NO_TRANSFER); /* registers, and indicates for the call alone */
	rig_build(0);
	rig_packets(packets, 2);
	rig_indicate(rig.port, packets, 2, IM_STATUS_RESOURCES);
	host_settle();
	assert_int_equal(rig_calls(RIG_receive, "top"), 2);
	rig_packets_free(packets, 2);
	rig_end();
}

static void reset_nic(void *argument)
{
	(void)argument;
	assert_int_equal(host_reset("nic"), IM_STATUS_SUCCESS);
}

static void c2_25_a_driver_that_can_hold_sends_takes_cancels(void **state)
{
	struct im_packet *packets[2];
	uint32_t cancel_id;

	(void)state;
	assert_non_null(im_relay_miniport.cancel_send_packets);
	shipped_begin(NULL);
	rig.nic->script.resets = RIG_LATER;
	shipped_build(1);
	cancel_id = im_generate_cancel_id(rig.top->wrapper);
	assert_int_equal(im_reset(rig.top_binding->binding), IM_STATUS_NOT_RESETTABLE); /* the VNIC has none */
	host_begin(HOST_IDLE, reset_nic, NULL);
	while (rig_calls(RIG_reset, "nic") == 0)
		host_tick(0);
	rig_packets(packets, 2);
	packets[0]->info.cancel_id = cancel_id;
	im_send_packets(rig.top_binding->binding, packets, 2); /* the relay holds them (7.7) */
	assert_int_equal(rig_calls(RIG_send_complete, "top"), 0);
	im_cancel_send_packets(rig.top_binding->binding, cancel_id);
	for (int i = 0; i < 10; i++)
		host_tick(0); /* as host_settle(), which would wait for the reset */
	rig_expect_packets(RIG_send_complete, "top", packets, 1);
	assert_int_equal(rig_call(RIG_send_complete, "top", 0)->statuses[0], IM_STATUS_SEND_ABORTED);
	im_reset_complete(rig.port->instance, IM_STATUS_SUCCESS, false);
	host_join();
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 1);
	rig_packets_free(packets, 2);
	rig_end();
}

/* ---- The device ---------------------------------------------------------------------------------- */

static void c2_26_c2_27_the_device_s_events_and_its_shutdown_come_by_the_table(void **state)
{
	struct im_pnp_event event = {.code = IM_PNP_CANCEL_REMOVE};

	(void)state;
	rig_begin(NULL, 0);
	rig_build(1);
	rig_forget();
	assert_int_equal(host_pnp_event("nic", &event), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_pnp_event_notify, "nic"), 1);
	assert_int_equal(rig_call(RIG_pnp_event_notify, "nic", 0)->value, IM_PNP_CANCEL_REMOVE);
	assert_int_equal(host_pnp_event("m0", &event), IM_STATUS_SUCCESS); /* it has no such handler */
	assert_int_equal(rig_calls(RIG_pnp_event_notify, NULL), 1);
	rig_forget();
	host_shutdown();
	assert_string_equal(rig_story(RIG_ALL), "adapter_shutdown:nic");
	rig_end();
}

/* ---- Layered ------------------------------------------------------------------------------------- */

static im_status_t open_and_ask_for_nothing(const struct im_bind_config *config)
{
	static const uint32_t ethernet = IM_MEDIUM_802_3;
	static struct im_open open;
	struct rig_binding *binding = rig_new_binding(rig.mid, config);

	binding->vnic_count = 0; /* its list says otherwise */
	open = (struct im_open){.context = binding, .media = &ethernet, .media_count = 1};
	return im_open_adapter(&binding->binding, rig.mid->protocol_handle, config, &open);
}

static void opened_and_ask_for_nothing(void *context, im_status_t status)
{
	const struct rig_binding *binding = context;

	im_complete_bind_adapter(binding->config, status);
}

static void c2_35_without_asking_there_is_no_vnic(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.mid->protocol.bind_adapter = open_and_ask_for_nothing;
	rig.mid->protocol.open_adapter_complete = opened_and_ask_for_nothing;
	rig_load_all();
	rig_start_nic("nic");
	assert_int_equal(rig_bind("mid", "nic", "m0"), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_initialize, "m0"), 0);
	assert_false(host_exists("m0"));
	assert_int_equal(rig_bind("top", "m0", "top"), IM_STATUS_ADAPTER_NOT_FOUND);
	rig_end();
}

/* An edge that was deregistered can be registered again, in the same entry and in the next load. */
static im_status_t entry_that_changes_its_mind(struct rig_driver *driver, struct im_driver_object *object)
{
	struct im_miniport_characteristics miniport;
	struct im_protocol_characteristics protocol;

	rig_fill(driver, &miniport, &protocol);
	assert_int_equal(im_initialize_wrapper(&driver->wrapper, object), IM_STATUS_SUCCESS);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(im_register_layered_miniport(driver->wrapper, &miniport, sizeof(miniport),
							      &driver->miniport_handle),
				 IM_STATUS_SUCCESS);
		im_deregister_layered_miniport(driver->miniport_handle);
	}
	driver->miniport_handle = NULL;
	im_terminate_wrapper(driver->wrapper);
	return IM_STATUS_FAILURE;
}

static void c2_36_deregistering_is_the_reciprocal_of_registering(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.mid->entry = entry_that_changes_its_mind;
	assert_int_equal(rig_load(rig.mid), IM_STATUS_FAILURE);
	rig.mid->entry = rig_default_entry;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
		assert_int_equal(host_unload("mid", false), IM_STATUS_SUCCESS);
	}
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			c2_9_c2_34_a_plain_miniport_is_initialised_by_the_core_and_a_layered_one_by_its_driver),
		cmocka_unit_test(c2_10_a_vnic_halts_once_for_whatever_reason_it_goes),
		cmocka_unit_test(c2_11_c2_12_requests_come_from_above_and_from_the_core),
		cmocka_unit_test(c2_13_c2_18_an_intermediate_driver_is_neither_asked_nor_reset),
		cmocka_unit_test(c2_14_c2_15_c2_31_send_packets_is_used_where_it_is_given),
		cmocka_unit_test(c2_14_c2_32_arrays_are_split_for_one_and_singles_wrapped_for_the_other),
		cmocka_unit_test(c2_16_c2_17_c2_30_a_missing_handler_is_found_at_the_indication),
		cmocka_unit_test(c2_25_a_driver_that_can_hold_sends_takes_cancels),
		cmocka_unit_test(c2_26_c2_27_the_device_s_events_and_its_shutdown_come_by_the_table),
		cmocka_unit_test(c2_35_without_asking_there_is_no_vnic),
		cmocka_unit_test(c2_36_deregistering_is_the_reciprocal_of_registering),
	};

	return host_run_tests(tests);
}
