/* SPDX-License-Identifier: BSD-3-Clause */
/* The protocol edge: binding, opening, closing (contract section 3). What a registration refuses:
 * tests/unit/im/test_register.c. What completes: test_3_completion.c. */
#include <stdio.h>
#include <string.h>

#include "shipped.h"

static void settle_without_waiting(void)
{
	for (int i = 0; i < 10; i++)
		host_tick(0); /* as host_settle(), which would wait for what another thread is in */
}

static void start(void)
{
	rig_load_all();
	rig_start_nic("nic");
	rig.port = rig_vnic("nic");
}

/* ---- Binds and unbinds that pend ----------------------------------------------------------------- */

static im_status_t complete_twice(const struct im_bind_config *config)
{
	im_complete_bind_adapter(config, IM_STATUS_FAILURE);
	im_complete_bind_adapter(config, IM_STATUS_FAILURE);
	return IM_STATUS_PENDING;
}

static void bind_and_complete_twice(void)
{
	rig_begin(NULL, 0);
	rig.top->protocol.bind_adapter = complete_twice;
	start();
	rig_bind("top", "nic", "top");
}

static void bind_top(void *argument)
{
	*(im_status_t *)argument = rig_bind("top", "nic", "top");
}

static bool has_returned(enum rig_handler handler, const char *name)
{
	const struct rig_call *call = rig_call(handler, name, 0);

	return call != NULL && __atomic_load_n(&call->returned, __ATOMIC_ACQUIRE);
}

static void c3_3_a_bind_that_pends_is_over_when_it_is_completed_and_that_is_once(void **state)
{
	static const im_status_t outcomes[] = {IM_STATUS_SUCCESS, IM_STATUS_OPEN_FAILED};
	im_status_t status;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(outcomes); i++) {
		status = IM_STATUS_PENDING;
		rig_begin(NULL, 0);
		rig.top->script.binds = RIG_LATER;
		start();
		host_begin(HOST_IDLE, bind_top, &status);
		while (!has_returned(RIG_bind_adapter, "top"))
			host_tick(0);
		settle_without_waiting();
		assert_int_equal(__atomic_load_n(&status, __ATOMIC_RELAXED), IM_STATUS_PENDING);
		assert_int_equal(host_objects("top"), 1); /* the bind */
		rig_complete_bind(rig_newest_binding(), outcomes[i]);
		host_join();
		assert_int_equal(status, outcomes[i]);
		assert_int_equal(host_objects("top"), outcomes[i] == IM_STATUS_SUCCESS);
		rig_end();
	}
	host_expect_stop("3.3", bind_and_complete_twice);
}

static void unbind_top(void *argument)
{
	(void)argument;
	host_unbind(rig.top_binding->binding);
}

/* The context is alive until then: it is the binding that the test completes it with. */
static void c3_4_an_unbind_that_pends_is_over_when_it_is_completed(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.top->script.unbinds = RIG_LATER;
	rig_build(0);
	host_begin(HOST_IDLE, unbind_top, NULL);
	while (!has_returned(RIG_unbind_adapter, "top"))
		host_tick(0);
	settle_without_waiting();
	assert_int_equal(host_objects("top"), 1);
	rig_complete_unbind(rig.top_binding);
	host_join();
	assert_int_equal(host_objects("top"), 0);
	assert_int_equal(rig_calls(RIG_unbind_adapter, "top"), 1);
	rig_end();
}

/* ---- Opening ------------------------------------------------------------------------------------- */

static struct {
	im_status_t status;
	struct im_open open;
	struct im_binding *handle; /* as it was when the call returned */
} opening;

static const uint32_t *wanted_media;
static uint32_t wanted_count;

static im_status_t open_with_media(const struct im_bind_config *config)
{
	struct rig_binding *binding = rig_newest_binding();

	opening.open = (struct im_open){
		.context = binding, .media = wanted_media, .media_count = wanted_count, .selected = 77};
	opening.status = im_open_adapter(&binding->binding, rig.top->protocol_handle, config, &opening.open);
	opening.handle = binding->binding;
	return opening.status;
}

static void opened(void *context, im_status_t status)
{
	const struct rig_binding *binding = context;

	im_complete_bind_adapter(binding->config, status);
}

static im_status_t open_over(const char *adapter, const uint32_t *media, uint32_t count)
{
	wanted_media = media;
	wanted_count = count;
	return rig_bind("top", adapter, "top");
}

static void c3_20_the_media_decide_and_the_adapter_must_be_there(void **state)
{
	static const uint32_t media[] = {5, IM_MEDIUM_802_3, 9};

	(void)state;
	rig_begin(NULL, 0);
	rig.top->protocol.bind_adapter = open_with_media;
	rig.top->protocol.open_adapter_complete = opened;
	start();
	assert_int_equal(open_over("nic", media, 1), IM_STATUS_UNSUPPORTED_MEDIA);
	assert_null(opening.handle);
	assert_int_equal(open_over("nic", NULL, 0), IM_STATUS_UNSUPPORTED_MEDIA);
	assert_int_equal(open_over("nowhere", media, 3), IM_STATUS_ADAPTER_NOT_FOUND);
	assert_null(opening.handle);
	assert_int_equal(host_objects("top"), 0);
	assert_int_equal(open_over("nic", media, 3), IM_STATUS_SUCCESS);
	assert_int_equal(opening.open.selected, 1);
	assert_non_null(opening.handle);
	rig_end();
}

/* The handle of the protocol is what opens adapters, and another's does not. */
static im_status_t open_for_another(const struct im_bind_config *config)
{
	static const uint32_t ethernet = IM_MEDIUM_802_3;
	struct rig_binding *binding = rig_newest_binding();

	opening.open = (struct im_open){.context = binding, .media = &ethernet, .media_count = 1};
	return im_open_adapter(&binding->binding, rig.mid->protocol_handle, config, &opening.open);
}

static void open_with_another_handle(void)
{
	rig_begin(NULL, 0);
	rig.top->protocol.bind_adapter = open_for_another;
	start();
	rig_bind("top", "nic", "top");
}

static void c3_1_a_protocol_of_version_3_is_as_good_and_its_handle_opens(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.top->protocol.major_version = 3;
	rig_build(1);
	assert_int_equal(host_objects("top"), 1);
	rig_end();
	host_expect_stop("1.34", open_with_another_handle);
}

static void c3_2_versions_lengths_and_memory_have_their_status(void **state)
{
	static const struct {
		uint8_t major, minor;
		im_status_t status;
	} cases[] = {{4, 0, IM_STATUS_SUCCESS},	    {3, 0, IM_STATUS_SUCCESS},	   {2, 0, IM_STATUS_BAD_VERSION},
		     {5, 0, IM_STATUS_BAD_VERSION}, {4, 1, IM_STATUS_BAD_VERSION}, {0, 0, IM_STATUS_BAD_VERSION}};

	(void)state;
	rig_begin(NULL, 0);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		rig.top->protocol.major_version = cases[i].major;
		rig.top->protocol.minor_version = cases[i].minor;
		assert_int_equal(rig_load(rig.top), cases[i].status);
		if (cases[i].status == IM_STATUS_SUCCESS)
			assert_int_equal(host_unload("top", false), IM_STATUS_SUCCESS);
		assert_false(host_is_loaded("top"));
	}
	rig_end();
}

/* open_adapter_complete comes if, and only if, the open pended; with its final status. */
static void c3_5_c3_17_an_open_completes_where_it_pended(void **state)
{
	static const uint32_t media[] = {IM_MEDIUM_802_3};
	struct host_options options = {.verify = {.send_limit_ms = 30000,
						  .progress_limit_ms = 22000,
						  .request_limit_ms = 12000,
						  .handler_limit_ms = 10000,
						  .wait_limit_ms = 30000}};

	(void)state;
	for (unsigned schedule = IM_SCHEDULE_INLINE; schedule <= IM_SCHEDULE_RANDOM; schedule++) {
		options.verify.schedule = (enum im_verify_schedule)schedule;
		rig_begin(&options, 0);
		rig.top->protocol.bind_adapter = open_with_media;
		rig.top->protocol.open_adapter_complete = opened;
		start();
		assert_int_equal(open_over("nic", media, 1), IM_STATUS_SUCCESS);
		host_settle();
		assert_int_equal(rig_calls(RIG_open_adapter_complete, "top"), opening.status == IM_STATUS_PENDING);
		if (opening.status == IM_STATUS_PENDING)
			assert_int_equal(rig_call(RIG_open_adapter_complete, "top", 0)->value, IM_STATUS_SUCCESS);
		if (schedule == IM_SCHEDULE_INLINE && getenv("SLUICE_SCHEDULE") == NULL)
			assert_int_equal(opening.status, IM_STATUS_SUCCESS);
		if (schedule == IM_SCHEDULE_LATER && getenv("SLUICE_SCHEDULE") == NULL)
			assert_int_equal(opening.status, IM_STATUS_PENDING);
		rig_end();
	}
}

/* ---- Closing ------------------------------------------------------------------------------------- */

static im_status_t close_status;
static struct im_binding *closed_handle;

static im_status_t close_and_tell(void *context, void *unbind_context)
{
	struct rig_binding *binding = context;

	binding->unbind_context = unbind_context;
	closed_handle = binding->binding;
	binding->binding = NULL;
	close_status = im_close_adapter(closed_handle);
	return close_status;
}

static void c3_6_c3_17_a_close_completes_where_it_pended(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.top->protocol.unbind_adapter = close_and_tell;
	rig_build(0);
	rig_forget();
	host_unbind(rig.top_binding->binding);
	host_settle();
	assert_int_equal(rig_calls(RIG_close_adapter_complete, "top"), close_status == IM_STATUS_PENDING);
	assert_int_equal(host_objects("top"), 0);
	rig_end();
}

/* Every request that is out is complete before. */
static void c3_6_c3_8_requests_that_are_out_end_before_the_close(void **state)
{
	uint32_t speed;
	struct im_request requests[3];

	(void)state;
	rig_begin(NULL, 0);
	rig_build(0);
	rig.nic->script.requests = RIG_LATER; /* it completes what is cancelled */
	rig_forget();
	for (int i = 0; i < 3; i++) {
		requests[i] = (struct im_request){
			.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};
		assert_int_equal(im_request(rig.top_binding->binding, &requests[i]), IM_STATUS_PENDING);
	}
	host_unbind(rig.top_binding->binding);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_not_equal(rig_call(RIG_request_complete, "top", i)->value, IM_STATUS_SUCCESS);
	if (rig_calls(RIG_close_adapter_complete, "top") > 0)
		assert_true(rig_call(RIG_close_adapter_complete, "top", 0) > rig_call(RIG_request_complete, "top", 2));
	rig.nic->script.requests = RIG_INLINE;
	rig_end();
}

/* What the relay has below for the top must be through before it closes, however long that takes. */
static void unbind_all(void *argument)
{
	(void)argument;
	host_unbind_over("nic");
}

static void c3_21_a_driver_closes_when_what_it_began_is_complete(void **state)
{
	struct im_packet *packet = rig_packet(8, 60, 0);

	(void)state;
	shipped_begin(NULL);
	rig.nic->script.sends = RIG_LATER;
	shipped_build(1);
	im_send_packets(rig.top_binding->binding, &packet, 1);
	settle_without_waiting();
	rig_forget();
	host_begin(HOST_IDLE, unbind_all, NULL);
	settle_without_waiting();
	assert_true(host_exists("r0"));
	assert_true(host_objects("relay") > 0);
	assert_int_equal(rig_calls(RIG_unbind_adapter, "top"), 0); /* which goes first, and has a send out */
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_join();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 1);
	assert_false(host_exists("r0"));
	assert_int_equal(host_objects("relay"), 0);
	rig_packets_free(&packet, 1);
	rig_end();
}

/* ---- A handle that is closed --------------------------------------------------------------------- */

static void close_twice(void)
{
	rig_begin(NULL, 0);
	rig.top->protocol.unbind_adapter = close_and_tell;
	rig_build(0);
	host_unbind(rig.top_binding->binding);
	im_close_adapter(closed_handle);
}

static im_status_t close_and_send(void *context, void *unbind_context)
{
	struct im_packet *packet = rig_packet(4, 60, 0);
	im_status_t status = close_and_tell(context, unbind_context);

	im_send_packets(closed_handle, &packet, 1);
	return status;
}

static void send_after_the_close(void)
{
	rig_begin(NULL, 0);
	rig.top->protocol.unbind_adapter = close_and_send;
	rig_build(0);
	host_unbind(rig.top_binding->binding);
}

static void return_after_the_close(void)
{
	struct im_packet *packet = rig_packet(4, 60, 0);

	rig_begin(NULL, 0);
	rig.top->protocol.unbind_adapter = close_and_tell;
	rig_build(0);
	host_unbind(rig.top_binding->binding);
	im_return_packets(closed_handle, &packet, 1);
}

static void c3_22_any_use_of_a_handle_after_its_close_is_a_violation(void **state)
{
	(void)state;
	host_expect_stop("3.22", close_twice);
	host_expect_stop("3.22", send_after_the_close);
	host_expect_stop("3.22", return_after_the_close);
}

/* ---- Status CLOSING ------------------------------------------------------------------------------ */

static void c3_19_status_closing_begins_an_unbind(void **state)
{
	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	rig_forget();
	im_indicate_status(rig.port->instance, IM_INDICATION_CLOSING, NULL, 0);
	im_indicate_status_complete(rig.port->instance);
	host_settle();
	assert_int_equal(host_objects("relay"), 0);
	assert_false(host_exists("r0"));
	assert_int_equal(rig_calls(RIG_unbind_adapter, "top"), 1); /* it stood over the relay */
	assert_true(host_exists("nic"));
	rig_end();
}

/* ---- Past the core ------------------------------------------------------------------------------- */

static void send_past_the_core(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	rig.nic->miniport.send_packets(rig.port, packets, count); /* the neighbour's handler, by hand */
}

static void call_a_neighbour_s_handler(void)
{
	struct im_packet *packet = rig_packet(8, 60, 0);

	rig_begin(NULL, 0);
	rig.mid->miniport.send_packets = send_past_the_core;
	rig_build(1);
	im_send_packets(rig.top_binding->binding, &packet, 1);
}

static void c3_23_who_calls_a_neighbour_s_handler_is_found(void **state)
{
	(void)state;
	host_expect_stop("4.12", call_a_neighbour_s_handler); /* the nic completes what it was not sent */
}

/* All that the relay hands down, and up, went through the core: it is in its accounts. */
static void c3_23_the_relay_goes_through_the_core(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	rig_packets(packets, 4);
	im_send_packets(rig.top_binding->binding, packets, 4);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_send_packets, "nic"), 4);
	assert_int_equal(host_account("nic").sends_done, 4);
	assert_int_equal(host_account("r0").sends_done, 4);
	rig_indicate(rig.port, packets, 4, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_receive_packets, "top"), 4);
	assert_int_equal(host_account("nic").indicated, 4);
	assert_int_equal(host_account("r0").indicated, 4);
	rig_packets_free(packets, 4);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c3_3_a_bind_that_pends_is_over_when_it_is_completed_and_that_is_once),
		cmocka_unit_test(c3_4_an_unbind_that_pends_is_over_when_it_is_completed),
		cmocka_unit_test(c3_20_the_media_decide_and_the_adapter_must_be_there),
		cmocka_unit_test(c3_1_a_protocol_of_version_3_is_as_good_and_its_handle_opens),
		cmocka_unit_test(c3_2_versions_lengths_and_memory_have_their_status),
		cmocka_unit_test(c3_5_c3_17_an_open_completes_where_it_pended),
		cmocka_unit_test(c3_6_c3_17_a_close_completes_where_it_pended),
		cmocka_unit_test(c3_6_c3_8_requests_that_are_out_end_before_the_close),
		cmocka_unit_test(c3_21_a_driver_closes_when_what_it_began_is_complete),
		cmocka_unit_test(c3_22_any_use_of_a_handle_after_its_close_is_a_violation),
		cmocka_unit_test(c3_19_status_closing_begins_an_unbind),
		cmocka_unit_test(c3_23_who_calls_a_neighbour_s_handler_is_found),
		cmocka_unit_test(c3_23_the_relay_goes_through_the_core),
	};

	return host_run_tests(tests);
}
