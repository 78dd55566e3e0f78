/* SPDX-License-Identifier: BSD-3-Clause */
/* Status, PnP events and the end of the card: what a relay passes on, and what the core makes of it (contract sections
 * 7C and 7D). */
#include <stdlib.h>
#include <string.h>

#include "shipped.h"

static void tell(uint32_t indication, const void *buffer, uint32_t length)
{
	im_indicate_status(rig.port->instance, indication, buffer, length);
	im_indicate_status_complete(rig.port->instance);
	host_settle();
}

#define STATUS (RIG_BIT(status) | RIG_BIT(status_complete))

/* ---- Status -------------------------------------------------------------------------------------- */

/* What is no news to those above the VNIC has no end there either. */
static void c7_14_c7_17_a_relay_passes_on_what_changes_its_vnic(void **state)
{
	static const uint32_t news[] = {IM_INDICATION_MEDIA_DISCONNECT, IM_INDICATION_LINK_SPEED_CHANGE,
					IM_INDICATION_MEDIA_CONNECT};

	(void)state;
	shipped_begin(NULL);
	shipped_build(2);
	for (size_t i = 0; i < RTE_DIM(news); i++) {
		rig_forget();
		tell(news[i], NULL, 0);
		assert_string_equal(rig_story(STATUS), "status:top status_complete:top");
		assert_int_equal(rig_call(RIG_status, "top", 0)->value, news[i]);
	}
	rig_forget();
	for (uint32_t other = IM_INDICATION_CLOSING + 1; other < IM_INDICATION_CLOSING + 20; other++)
		tell(other, "x", 1);
	assert_int_equal(host_reset("nic"), IM_STATUS_SUCCESS); /* it goes on taking packets */
	host_settle();
	assert_string_equal(rig_story(STATUS), "");
	rig_end();
}

static struct im_instance *halted;

static void remember_and_halt(void *context)
{
	struct rig_vnic *vnic = context;

	halted = vnic->instance;
	rig_halt_vnic(context);
}

static void tell_after_halt(void)
{
	rig_begin(NULL, 0);
	rig.nic->miniport.halt = remember_and_halt;
	rig_build(0);
	host_stop("nic");
	im_indicate_status(halted, IM_INDICATION_MEDIA_CONNECT, NULL, 0);
}

static im_status_t tell_and_initialize(struct im_instance *instance, void *device_context)
{
	im_indicate_status(instance, IM_INDICATION_MEDIA_CONNECT, NULL, 0);
	(void)device_context;
	return IM_STATUS_FAILURE;
}

static void tell_too_early(void)
{
	rig_begin(NULL, 0);
	rig.nic->miniport.initialize = tell_and_initialize;
	rig_build(0);
}

static void c7_18_a_status_without_an_instance_stops_the_firmware(void **state)
{
	(void)state;
	host_expect_stop("7.18", tell_too_early);
	host_expect_stop("7.18", tell_after_halt);
}

/* The adapter tells while the VNIC above is gone, and when it is there again. */
static void c7_18_a_relay_without_its_vnic_tells_nothing(void **state)
{
	struct im_pnp_event again = {.code = IM_PNP_RECONFIGURE};

	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	rig_forget();
	assert_int_equal(host_stop("r0"), IM_STATUS_SUCCESS);
	tell(IM_INDICATION_MEDIA_DISCONNECT, NULL, 0);
	assert_int_equal(host_pnp_event("nic", &again), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(host_restart("r0"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_status, NULL), 0);
	shipped_bind_top("r0");
	tell(IM_INDICATION_MEDIA_CONNECT, NULL, 0);
	assert_int_equal(rig_calls(RIG_status, "top"), 1);
	rig_end();
}

/* ---- Whose status, and its payload ------------------------------------------------------------------ */

static void load_other(void)
{
	assert_int_equal(rig_load(rig_driver("other", RIG_TOP, 0)), IM_STATUS_SUCCESS);
}

/* Who stands beside the relay hears the adapter alone, and who stands above it its VNIC alone. */
static void c7_19_a_status_comes_from_the_vnic(void **state)
{
	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	load_other();
	assert_int_equal(rig_bind("other", "nic", "other"), IM_STATUS_SUCCESS);
	tell(IM_INDICATION_MEDIA_CONNECT, NULL, 0);
	rig_forget();
	tell(IM_INDICATION_MEDIA_DISCONNECT, NULL, 0);
	assert_int_equal(rig_calls(RIG_status, "top"), 1);
	assert_int_equal(rig_calls(RIG_status, "other"), 1);
	rig_forget();
	assert_int_equal(host_set_power("r0", IM_POWER_D3), IM_STATUS_SUCCESS);
	tell(IM_INDICATION_MEDIA_CONNECT, NULL, 0);
	assert_int_equal(rig_calls(RIG_status, "top"), 0);
	assert_int_equal(rig_calls(RIG_status, "other"), 1);
	assert_int_equal(host_set_power("r0", IM_POWER_D0), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_status, "top"), 1); /* the VNIC's own, later */
	assert_int_equal(rig_calls(RIG_status, "other"), 1);
	rig_end();
}

static struct {
	unsigned calls;
	bool had_buffer;
	uint32_t length;
	uint8_t bytes[16];
} seen;

static void look(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	(void)context;
	(void)indication;
	seen.calls++;
	seen.had_buffer = buffer != NULL;
	seen.length = length;
	if (buffer != NULL)
		memcpy(seen.bytes, buffer, RTE_MIN(length, sizeof(seen.bytes)));
}

/* Gone as soon as the call has returned: who looks again finds freed memory. */
static void tell_from_the_heap(uint32_t length)
{
	uint8_t *payload = malloc(length);

	assert_non_null(payload);
	for (uint32_t i = 0; i < length; i++)
		payload[i] = (uint8_t)(0x11 * (i + 1));
	memset(&seen, 0, sizeof(seen));
	im_indicate_status(rig.port->instance, IM_INDICATION_LINK_SPEED_CHANGE, payload, length);
	free(payload);
	im_indicate_status_complete(rig.port->instance);
	host_settle();
}

static void c7_20_a_payload_is_exact_and_good_for_the_call_alone(void **state)
{
	static const uint8_t expected[] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};

	(void)state;
	shipped_begin(NULL);
	rig.top->protocol.status = look;
	shipped_build(2);
	for (uint32_t length = 1; length <= sizeof(expected); length++) {
		tell_from_the_heap(length);
		assert_int_equal(seen.calls, 1);
		assert_int_equal(seen.length, length);
		assert_memory_equal(seen.bytes, expected, length);
	}
	assert_int_equal(host_set_power("r1", IM_POWER_D3), IM_STATUS_SUCCESS);
	tell_from_the_heap(4);
	assert_int_equal(seen.calls, 0);
	assert_int_equal(host_set_power("r1", IM_POWER_D0), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(seen.calls, 1); /* that it changed; to what, they ask */
	assert_false(seen.had_buffer);
	assert_int_equal(seen.length, 0);
	rig_end();
}

/* ---- Events -------------------------------------------------------------------------------------- */

static struct rig_vnic *middle;

static void c7_26_a_buffer_that_is_not_there_reaches_nobody(void **state)
{
	static const enum im_pnp_event_code codes[] = {IM_PNP_RECONFIGURE, IM_PNP_BIND_LIST};
	static const char list[] = "nic\0";

	(void)state;
	rig_begin(NULL, 0);
	rig_build(1);
	middle = rig_vnic("m0");
	for (size_t i = 0; i < RTE_DIM(codes); i++) {
		struct im_pnp_event bad = {.code = codes[i], .length = 4};
		struct im_pnp_event good = {.code = codes[i], .buffer = list, .length = sizeof(list)};

		rig_forget();
		assert_int_equal(host_pnp_event("nic", &bad), IM_STATUS_INVALID_PARAMETER);
		assert_int_equal(host_pnp_event(NULL, &bad), IM_STATUS_INVALID_PARAMETER);
		assert_int_equal(im_notify_pnp_event(middle->instance, &bad), IM_STATUS_INVALID_PARAMETER);
		assert_int_equal(rig_calls(RIG_pnp_event, NULL), 0);
		assert_int_equal(host_pnp_event("m0", &good), IM_STATUS_SUCCESS);
		assert_ptr_equal(rig_call(RIG_pnp_event, "top", 0)->buffer, list);
		assert_int_equal(rig_call(RIG_pnp_event, "top", 0)->length, sizeof(list));
	}
	rig_end();
}

/* Whatever stands above it says. */
static void c7_26_a_relay_never_refuses_power(void **state)
{
	struct im_pnp_event power = {.code = IM_PNP_QUERY_POWER, .power = IM_POWER_D3};
	struct im_pnp_event removal = {.code = IM_PNP_QUERY_REMOVE};

	(void)state;
	shipped_begin(NULL);
	rig.top->script.event_status = IM_STATUS_FAILURE;
	shipped_build(2);
	assert_int_equal(host_pnp_event("nic", &power), IM_STATUS_SUCCESS);
	assert_int_equal(host_set_power("nic", IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(host_set_power("nic", IM_POWER_D0), IM_STATUS_SUCCESS);
	assert_int_equal(host_pnp_event("nic", &removal), IM_STATUS_FAILURE);
	rig.top->script.event_status = IM_STATUS_SUCCESS;
	assert_int_equal(host_pnp_event("nic", &removal), IM_STATUS_SUCCESS);
	rig_end();
}

static unsigned starts;

static im_status_t count_start(struct im_relay *relay)
{
	(void)relay;
	starts++;
	return IM_STATUS_SUCCESS;
}

static void c7_27_reconfigure_starts_what_is_missing_once(void **state)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	(void)state;
	shipped_begin(NULL);
	shipped.start = count_start;
	starts = 0;
	shipped_build(2);
	assert_int_equal(host_pnp_event("nic", &event), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(starts, 2); /* nothing was missing */
	assert_int_equal(host_stop("r0"), IM_STATUS_SUCCESS);
	assert_false(host_exists("r0"));
	for (int i = 0; i < 2; i++) /* the second one may come before the VNIC is there */
		assert_int_equal(host_pnp_event("nic", &event), IM_STATUS_SUCCESS);
	host_settle();
	assert_true(host_exists("r0"));
	assert_int_equal(starts, 3);
	assert_int_equal(host_pnp_event(NULL, &event), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(starts, 3);
	rig_end();
}

static im_status_t notify_in_query(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
				   uint32_t *needed)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};
	struct rig_vnic *vnic = context;

	(void)oid;
	(void)buffer;
	(void)length;
	(void)written;
	(void)needed;
	return im_notify_pnp_event(vnic->instance, &event);
}

static void notify_from_a_request(void)
{
	uint32_t speed, written, needed;

	rig_begin(NULL, 0);
	rig.mid->miniport.query_information = notify_in_query;
	rig_build(1);
	host_query("m0", SLUICE_OID_GEN_LINK_SPEED, &speed, sizeof(speed), &written, &needed);
}

static void c7_28_no_event_goes_up_from_inside_a_request(void **state)
{
	(void)state;
	host_expect_stop("7.28", notify_from_a_request);
}

static void c7_28_a_relay_tells_events_upward_outside_of_requests(void **state)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	(void)state;
	shipped_begin(NULL);
	shipped_build(2);
	rig_forget();
	assert_int_equal(host_pnp_event("nic", &event), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_pnp_event, "top"), 1);
	assert_int_equal(rig_call(RIG_pnp_event, "top", 0)->value, IM_PNP_RECONFIGURE);
	rig_end();
}

/* ---- The card goes down ---------------------------------------------------------------------------- */

static void be_quiet(void *context)
{
	(void)context;
}

/* What is out stays out, and comes home as ever: nothing was freed under it. */
static void c7_29_a_shutdown_calls_nothing_and_frees_nothing(void **state)
{
	struct im_packet *packets[8];
	unsigned objects;

	(void)state;
	shipped_begin(NULL);
	rig.nic->miniport.adapter_shutdown = be_quiet;
	rig.nic->script.sends = RIG_LATER;
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	shipped_build(2);
	rig_packets(packets, 8);
	im_send_packets(rig.top_binding->binding, packets, 4);
	rig_indicate(rig.port, packets + 4, 4, IM_STATUS_SUCCESS);
	host_settle();
	objects = host_objects("relay");
	rig_forget();
	host_shutdown();
	host_settle();
	assert_string_equal(rig_story(RIG_ALL), "adapter_shutdown:nic");
	assert_int_equal(rig_call(RIG_adapter_shutdown, "nic", 0)->level, IM_LEVEL_DISPATCH);
	assert_int_equal(host_objects("relay"), objects);
	rig_complete(rig.port, 4, IM_STATUS_SUCCESS);
	rig_return(rig.top_binding, 4);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 4);
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 4);
	rig_packets_free(packets, 8);
	rig_end();
}

static void *memory;

static void tell_the_link(void *context)
{
	struct rig_vnic *vnic = context;

	im_indicate_status(vnic->instance, IM_INDICATION_MEDIA_DISCONNECT, NULL, 0);
}

static void complete_sends(void *context)
{
	rig_complete(context, 1, IM_STATUS_FAILURE);
}

static void free_memory(void *context)
{
	(void)context;
	im_free_memory(memory);
}

static void shut_down_with(void (*handler)(void *context))
{
	struct im_packet *packet = rig_packet(4, 60, 0);

	rig_begin(NULL, 0);
	rig.nic->miniport.adapter_shutdown = handler;
	rig.nic->script.sends = RIG_LATER;
	rig_build(0);
	memory = im_allocate_memory(rig.nic->wrapper, 10, "test");
	im_send_packets(rig.top_binding->binding, &packet, 1);
	host_settle();
	host_shutdown();
}

static void shut_down_with_a_status(void)
{
	shut_down_with(tell_the_link);
}

static void shut_down_with_completions(void)
{
	shut_down_with(complete_sends);
}

static void shut_down_and_free(void)
{
	shut_down_with(free_memory);
}

static void c7_29_a_shutdown_that_calls_or_frees_stops_the_firmware(void **state)
{
	(void)state;
	host_expect_stop("7.29", shut_down_with_a_status);
	host_expect_stop("7.29", shut_down_with_completions);
	host_expect_stop("7.29", shut_down_and_free);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c7_14_c7_17_a_relay_passes_on_what_changes_its_vnic),
		cmocka_unit_test(c7_18_a_status_without_an_instance_stops_the_firmware),
		cmocka_unit_test(c7_18_a_relay_without_its_vnic_tells_nothing),
		cmocka_unit_test(c7_19_a_status_comes_from_the_vnic),
		cmocka_unit_test(c7_20_a_payload_is_exact_and_good_for_the_call_alone),
		cmocka_unit_test(c7_26_a_buffer_that_is_not_there_reaches_nobody),
		cmocka_unit_test(c7_26_a_relay_never_refuses_power),
		cmocka_unit_test(c7_27_reconfigure_starts_what_is_missing_once),
		cmocka_unit_test(c7_28_no_event_goes_up_from_inside_a_request),
		cmocka_unit_test(c7_28_a_relay_tells_events_upward_outside_of_requests),
		cmocka_unit_test(c7_29_a_shutdown_calls_nothing_and_frees_nothing),
		cmocka_unit_test(c7_29_a_shutdown_that_calls_or_frees_stops_the_firmware),
	};

	return host_run_tests(tests);
}
