/* SPDX-License-Identifier: BSD-3-Clause */
/* The level of each handler, and that the core holds nothing while it is called (contract sections 9A, 9C). */
#include <unistd.h>

#include "shipped.h"

static const struct host_options with_workers = {.workers = 2};

/* ---- Handlers ------------------------------------------------------------------------------------ */

/* Those that may sleep. All others are at DISPATCH, wherever they are called from. */
static const uint64_t passive_handlers = RIG_LIFE | RIG_BIT(open_adapter_complete) | RIG_BIT(close_adapter_complete) |
					 RIG_BIT(pnp_event) | RIG_BIT(pnp_event_notify) | RIG_BIT(pause) |
					 RIG_BIT(restart) | RIG_BIT(query_information) | RIG_BIT(set_information) |
					 RIG_BIT(check_for_hang) | RIG_BIT(reset);

/* Those that nothing here calls: a plain miniport has send or send_packets. An open pends under some schedules only. */
static const uint64_t not_called = RIG_BIT(send) | RIG_BIT(open_adapter_complete);

static void expect_levels(void)
{
	for (enum rig_handler handler = 0; handler < RIG_HANDLERS; handler++) {
		uint8_t level = passive_handlers >> handler & 1 ? IM_LEVEL_PASSIVE : IM_LEVEL_DISPATCH;
		unsigned calls = rig_calls(handler, NULL);

		if (calls == 0 && (not_called >> handler & 1) == 0)
			fail_msg("%s was not called", rig_handler_text(handler));
		for (unsigned nth = 0; nth < calls; nth++)
			if (rig_call(handler, NULL, nth)->level != level)
				fail_msg("%s was called at level %u", rig_handler_text(handler),
					 rig_call(handler, NULL, nth)->level);
	}
}

static struct im_packet *packets[8];
static struct im_packet *rest; /* what a transfer fills */
static const uint8_t frame[100] = {2};

static im_status_t ask_for_the_rest(void *context, const struct im_lookahead *lookahead)
{
	struct rig_binding *binding = context;
	uint32_t transferred;

	return im_transfer_data(binding->binding, lookahead->receive_context, 0, lookahead->packet_length, rest,
				&transferred);
}

static void send(void *unused)
{
	(void)unused;
	im_send_packets(rig.top_binding->binding, packets, 8);
}

static void cancel_sends(void *unused)
{
	(void)unused;
	im_cancel_send_packets(rig.top_binding->binding, 0x01000001);
}

static void indicate(void *unused)
{
	(void)unused;
	rig_indicate(rig.port, packets, 8, IM_STATUS_SUCCESS);
}

static void return_all(void *unused)
{
	(void)unused;
	rig_return(rig.top_binding, 8);
}

static void show(void *unused)
{
	(void)unused;
	rig_indicate_lookahead(rig.port, frame, sizeof(frame), 20);
	im_indicate_receive_complete(rig.port->instance);
}

static void end_transfer(void *unused)
{
	(void)unused;
	im_transfer_data_complete(rig.port->instance, rest, IM_STATUS_SUCCESS, sizeof(frame) - 14);
}

static void tell_status(void *unused)
{
	(void)unused;
	im_indicate_status(rig.port->instance, IM_INDICATION_MEDIA_DISCONNECT, NULL, 0);
	im_indicate_status_complete(rig.port->instance);
}

static void move_packets(uint32_t thread)
{
	static void (*const steps[])(void *) = {send, cancel_sends, indicate,	return_all,
						show, end_transfer, tell_status};

	for (size_t i = 0; i < RTE_DIM(steps); i++) {
		host_on(thread, steps[i], NULL);
		host_settle();
	}
}

static void answer(void *unused)
{
	(void)unused;
	rig_complete_request(rig.port, IM_STATUS_SUCCESS);
}

static void cancel(void *request)
{
	im_cancel_request(rig.top_binding->binding, request);
}

/* The second waits for the first, which ends at DISPATCH; it is begun at PASSIVE all the same. */
static void ask_twice(uint32_t thread)
{
	uint32_t speed[2], filter = 0x2f;
	struct im_request requests[] = {
		{.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed[0], .length = 4},
		{.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed[1], .length = 4},
		{.set = true, .oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER, .buffer = &filter, .length = 4},
	};

	rig.nic->script.requests = RIG_LATER;
	for (uint32_t i = 0; i < RTE_DIM(requests); i++) {
		assert_int_equal(im_request(rig.top_binding->binding, &requests[i]), IM_STATUS_PENDING);
		host_settle();
	}
	for (uint32_t i = 0; i < 2; i++) {
		host_on(thread, answer, NULL);
		host_settle();
		assert_int_equal(requests[i].done, 4);
		assert_int_equal(speed[i], 10000); /* written by whoever answered */
	}
	host_on(thread, cancel, &requests[2]);
	host_settle();
	rig.nic->script.requests = RIG_INLINE;
}

static void ask_for_a_reset(void *unused)
{
	(void)unused;
	assert_int_equal(im_reset(rig_binding("m0")->binding), IM_STATUS_PENDING);
}

static void end_reset(void *unused)
{
	(void)unused;
	im_reset_complete(rig.port->instance, IM_STATUS_SUCCESS, false);
}

static void end_pause(void *unused)
{
	(void)unused;
	im_pause_complete(rig.port->instance);
}

static void pause_nic(void *unused)
{
	(void)unused;
	host_pause("nic");
}

static void wait_for(enum rig_handler handler)
{
	while (rig_calls(handler, "nic") == 0)
		host_tick(0);
}

/* What pends is completed by @p thread. */
static void reset_and_pause(uint32_t thread)
{
	rig.nic->script.resets = RIG_LATER;
	host_on(thread, ask_for_a_reset, NULL);
	wait_for(RIG_reset);
	host_on(thread, end_reset, NULL);
	host_settle();
	rig.nic->script.pauses = RIG_LATER;
	host_begin(HOST_IDLE, pause_nic, NULL);
	wait_for(RIG_pause);
	host_on(thread, end_pause, NULL);
	host_join();
	rig.nic->script.pauses = RIG_INLINE;
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
}

static struct im_event close_begun;

static im_status_t unbind_and_tell(void *context, void *unbind_context)
{
	im_status_t status = rig_unbind_adapter(context, unbind_context);

	im_set_event(&close_begun);
	return status;
}

static void unbind(void *unused)
{
	(void)unused;
	host_unbind(rig.top_binding->binding);
}

static void leave_it_out(void *context)
{
	(void)context;
}

/* Its close pends, as a request is out, which is answered at DISPATCH. */
static void unbind_top(uint32_t thread)
{
	uint32_t speed;
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};

	rig.nic->miniport.cancel_request = leave_it_out;
	rig.top->protocol.unbind_adapter = unbind_and_tell;
	rig.nic->script.requests = RIG_LATER;
	assert_int_equal(im_request(rig.top_binding->binding, &request), IM_STATUS_PENDING);
	host_settle();
	im_reset_event(&close_begun);
	host_begin(HOST_IDLE, unbind, NULL);
	im_wait_event(&close_begun, 0);
	host_on(thread, answer, NULL);
	host_join();
	host_settle();
	rig.nic->script.requests = RIG_INLINE;
}

static void tell_events(void)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	assert_int_equal(host_pnp_event("nic", &event), IM_STATUS_SUCCESS);
	assert_int_equal(host_set_power("nic", IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(host_set_power("nic", IM_POWER_D0), IM_STATUS_SUCCESS);
	host_tick(2500); /* are you well? */
	host_shutdown();
}

/* All that a stack goes through, its DISPATCH part on a worker, or on a control thread. */
static void live_through_it(uint32_t thread, void (*at_call)(enum rig_handler handler, const char *name))
{
	rig_begin(&with_workers, 0);
	rig_at_call = at_call;
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	rig.top->protocol.receive = ask_for_the_rest;
	rig.nic->script.transfers = RIG_LATER;
	rig_build(1);
	rig_packets(packets, 8);
	rest = rig_packet(8, sizeof(frame), 0);
	move_packets(thread);
	ask_twice(thread);
	reset_and_pause(thread);
	tell_events();
	unbind_top(thread);
	rig_packets_free(&rest, 1);
	rig_packets_free(packets, 8);
	assert_int_equal(host_unload("top", true), IM_STATUS_SUCCESS);
	assert_int_equal(im_this_worker->level, IM_LEVEL_PASSIVE);
	rig_end();
	expect_levels();
}

/* With a worker for what is DISPATCH, and with another control thread. */
static void c9_1_c9_2_c9_5_c9_6_c9_7_c9_8_c9_9_each_handler_has_its_level(void **state)
{
	(void)state;
	live_through_it(1, NULL);
	live_through_it(HOST_IDLE, NULL);
}

/* ---- The core's own locks ------------------------------------------------------------------------ */

#define PATIENCE_US 5000000u

struct probe {
	bool in_a_request;
	uint32_t done; /* atomic */
};

static void cancel_nothing(const char *name)
{
	struct im_request none = {0};

	if (rig_binding(name) != NULL)
		im_cancel_request(rig_binding(name)->binding, &none);
}

static void ignore(struct im_timer *timer)
{
	(void)timer;
}

/* What each of the core's locks is taken for, by somebody else. */
static void take_each_lock(void *argument)
{
	struct im_timer timer = {.expired = ignore};
	struct probe *probe = argument;

	host_exists("nobody");
	im_set_timer(&timer, 1000000);
	im_cancel_timer(&timer);
	if (probe->in_a_request) { /* the binding that it came by is there */
		cancel_nothing("m0");
		cancel_nothing("top");
	}
	__atomic_store_n(&probe->done, 1, __ATOMIC_RELEASE);
}

/* Inside each handler: it stays there until another thread has had them all. */
static void wait_for_each_lock(enum rig_handler handler, const char *name)
{
	struct probe probe = {.in_a_request = handler == RIG_query_information || handler == RIG_set_information};

	(void)name;
	host_begin(HOST_IDLE, take_each_lock, &probe);
	for (uint32_t waited_us = 0; !__atomic_load_n(&probe.done, __ATOMIC_ACQUIRE); waited_us += 50) {
		if (waited_us > PATIENCE_US)
			rig_broken("the core holds a lock while it calls a handler");
		usleep(50);
	}
}

static void c9_25_the_core_holds_no_lock_while_it_calls_a_driver(void **state)
{
	(void)state;
	live_through_it(1, wait_for_each_lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c9_1_c9_2_c9_5_c9_6_c9_7_c9_8_c9_9_each_handler_has_its_level),
		cmocka_unit_test(c9_25_the_core_holds_no_lock_while_it_calls_a_driver),
	};

	return host_run_tests(tests);
}
