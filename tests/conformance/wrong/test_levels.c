/* SPDX-License-Identifier: BSD-3-Clause */
/* Drivers that are wrong with levels, locks, and the time that they take (contract 9, 12.17, 12.24, 12.25). */
#include "wrong.h"

static struct im_lock first, second;

/* What a handler at DISPATCH does besides its work; the scene is wrong_send. */
static void (*deed)(struct rig_vnic *vnic);

static void send_and_do(void *context, struct im_packet **packets, uint16_t count)
{
	right.miniport.send_packets(context, packets, count);
	if (wrong)
		deed(context);
}

#define AT_DISPATCH(does_, statement_, deed_)                                                                          \
	{                                                                                                              \
		.does = (does_), .statement = (statement_), .driver = "mid",                                           \
		.miniport = {.send_packets = send_and_do}, .change = (deed_), .scene = wrong_send                      \
	}

/* Each names its deed by a function that sets it. */
#define DEED(name)                                                                                                     \
	static void name(struct rig_vnic *vnic);                                                                       \
	static void does_##name(struct rig_driver *driver)                                                             \
	{                                                                                                              \
		(void)driver;                                                                                          \
		deed = name;                                                                                           \
	}                                                                                                              \
	static void name(struct rig_vnic *vnic)

/* ---- Calls for PASSIVE --------------------------------------------------------------------------- */

DEED(wait)
{
	struct im_event event = {0};

	(void)vnic;
	im_set_event(&event);
	im_wait_event(&event, 1);
}

DEED(flush)
{
	im_flush_work(vnic->driver->wrapper);
}

DEED(allocate)
{
	im_free_memory(im_allocate_memory(vnic->driver->wrapper, 16, "send"));
}

DEED(deinitialise)
{
	im_deinitialize_device_instance(vnic->instance);
}

DEED(ask)
{
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED};

	im_request(vnic->below->binding, &request);
}

DEED(look_below)
{
	im_get_binding_context(vnic->below->binding);
}

static im_status_t no_open(struct im_device *device, void **context)
{
	(void)device;
	(void)context;
	return IM_STATUS_FAILURE;
}

static im_status_t no_call(void *context, struct im_device_call *call)
{
	(void)context;
	(void)call;
	return IM_STATUS_FAILURE;
}

static void no_close(void *context)
{
	(void)context;
}

DEED(make_a_device)
{
	static const struct im_device_operations operations = {.open = no_open, .call = no_call, .close = no_close};
	struct im_device *device = NULL;

	im_register_device(vnic->driver->wrapper, "late", &operations, &device);
}

static void tick_tock(struct im_timer *timer)
{
	(void)timer;
}

static struct im_timer periodic = {.expired = tick_tock};

DEED(cancel_the_periodic)
{
	(void)vnic;
	im_cancel_timer(&periodic);
}

static im_status_t restart_with_a_timer(void *context)
{
	im_set_periodic_timer(&periodic, 1000);
	return right.miniport.restart(context);
}

static im_status_t pause_without_it(void *context)
{
	im_cancel_timer(&periodic);
	return right.miniport.pause(context);
}

/* contract: 11.19 11.24 12.5 12.24 12.60 */
static void c9_3_c9_4_c9_12_c9_29_c8_19_calls_at_dispatch(void **state)
{
	static const struct wrong rows[] = {
		AT_DISPATCH("waits at DISPATCH", "9.12", does_wait),
		AT_DISPATCH("waits for its work at DISPATCH", "9.12", does_flush),
		AT_DISPATCH("allocates memory at DISPATCH", "12.24", does_allocate),
		AT_DISPATCH("takes its VNIC away at DISPATCH", "9.3", does_deinitialise),
		AT_DISPATCH("sends a request at DISPATCH", "12.24", does_ask),
		AT_DISPATCH("looks at a binding's context at DISPATCH", "9.4", does_look_below),
		AT_DISPATCH("registers a device at DISPATCH", "8.19", does_make_a_device),
		{"cancels a periodic timer at DISPATCH", "9.29", "mid",
		 .miniport = {.send_packets = send_and_do, .restart = restart_with_a_timer, .pause = pause_without_it},
		 .change = does_cancel_the_periodic, .scene = wrong_send},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Locks --------------------------------------------------------------------------------------- */

DEED(keep_a_lock)
{
	(void)vnic;
	im_acquire_spin_lock(&first);
}

DEED(take_it_twice)
{
	(void)vnic;
	im_acquire_spin_lock(&first);
	im_acquire_spin_lock(&first);
	im_release_spin_lock(&first);
}

DEED(give_what_it_has_not)
{
	(void)vnic;
	im_release_spin_lock(&first);
}

DEED(take_in_any_order)
{
	(void)vnic;
	im_acquire_spin_lock(&first);
	im_acquire_spin_lock(&second);
	im_release_spin_lock(&second);
	im_release_spin_lock(&first);
	im_acquire_spin_lock(&second);
	im_acquire_spin_lock(&first);
	im_release_spin_lock(&first);
	im_release_spin_lock(&second);
}

DEED(give_in_any_order)
{
	(void)vnic;
	im_acquire_spin_lock(&first);
	im_acquire_spin_lock(&second);
	im_release_spin_lock(&first);
	im_release_spin_lock(&second);
}

/* contract: 12.25 12.60 */
static void c9_23_c9_24_locks(void **state)
{
	static const struct wrong rows[] = {
		AT_DISPATCH("leaves a handler with a lock held", "9.24", does_keep_a_lock),
		AT_DISPATCH("acquires a lock twice", "9.24", does_take_it_twice),
		AT_DISPATCH("releases a lock that it does not hold", "9.24", does_give_what_it_has_not),
		AT_DISPATCH("acquires two locks in either order", "9.23", does_take_in_any_order),
		AT_DISPATCH("releases two locks in the wrong order", "9.23", does_give_in_any_order),
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Locks over calls ---------------------------------------------------------------------------- */

static void begin_wrong(void)
{
	if (wrong)
		im_acquire_spin_lock(&first);
}

static void end_wrong(void)
{
	if (wrong)
		im_release_spin_lock(&first);
}

static void send_locked(void *context, struct im_packet **packets, uint16_t count)
{
	begin_wrong();
	right.miniport.send_packets(context, packets, count);
	end_wrong();
}

static void complete_locked(void *context, struct im_packet **packets, uint16_t count)
{
	begin_wrong();
	right.protocol.send_complete(context, packets, count);
	end_wrong();
}

static void indicate_locked(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	begin_wrong();
	right.protocol.receive_packets(context, packets, count, references);
	end_wrong();
}

static void return_locked(void *context, struct im_packet **packets, uint16_t count)
{
	begin_wrong();
	right.miniport.return_packets(context, packets, count);
	end_wrong();
}

static void tell_locked(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	begin_wrong();
	right.protocol.status(context, indication, buffer, length);
	end_wrong();
}

static im_status_t ask_locked(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			      uint32_t *needed)
{
	struct im_request request = {.oid = oid};
	struct rig_vnic *vnic = context;

	if (wrong) {
		im_acquire_spin_lock(&first);
		im_request(vnic->below->binding, &request);
		im_release_spin_lock(&first);
	}
	return right.miniport.query_information(context, oid, buffer, length, written, needed);
}

static im_status_t wait_locked(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			       uint32_t *needed)
{
	struct im_event event = {0};

	im_set_event(&event);
	begin_wrong();
	im_wait_event(&event, 1);
	end_wrong();
	return right.miniport.query_information(context, oid, buffer, length, written, needed);
}

static void tell(void)
{
	wrong_stack();
	im_indicate_status(rig.port->instance, IM_INDICATION_MEDIA_DISCONNECT, NULL, 0);
	host_settle();
}

/* contract: 11.19 11.21 11.22 12.5 12.25 12.60 */
static void c9_12_c9_22_locks_held_over_a_call_of_the_core(void **state)
{
	static const struct wrong rows[] = {
		{"sends with a lock held", "9.22", "mid", .miniport = {.send_packets = send_locked},
		 .scene = wrong_send},
		{"completes with a lock held", "9.22", "mid", .protocol = {.send_complete = complete_locked},
		 .scene = wrong_send},
		{"indicates with a lock held", "9.22", "mid", .protocol = {.receive_packets = indicate_locked},
		 .scene = wrong_receive},
		{"returns with a lock held", "9.22", "mid", .miniport = {.return_packets = return_locked},
		 .scene = wrong_receive},
		{"indicates a status with a lock held", "9.22", "mid", .protocol = {.status = tell_locked},
		 .scene = tell},
		{"sends a request with a lock held", "9.22", "mid", .miniport = {.query_information = ask_locked},
		 .scene = wrong_query},
		{"waits with a lock held", "9.12", "mid", .miniport = {.query_information = wait_locked},
		 .scene = wrong_query},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Time ---------------------------------------------------------------------------------------- */

static void stall(void *context, struct im_packet **packets, uint16_t count)
{
	im_stall_execution(wrong ? 51 : 50);
	right.miniport.send_packets(context, packets, count);
}

/* Another thread sees it: this one has no time for its ticks. */
static void see_the_time_pass(void *unused)
{
	(void)unused;
	host_tick(wrong ? 10100 : 9000);
	host_tick(1);
}

static bool slow; /* for one time in each scene */

static void be_slow(struct rig_driver *driver)
{
	(void)driver;
	slow = true;
}

static void take_long(void)
{
	if (!slow)
		return;
	slow = false;
	host_on(HOST_CONTROL, see_the_time_pass, NULL);
}

static im_status_t pause_for_long(void *context)
{
	take_long();
	return right.miniport.pause(context);
}

static void halt_for_long(void *context)
{
	take_long();
	right.miniport.halt(context);
}

static im_status_t ask_for_long(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
				uint32_t *needed)
{
	if (oid == SLUICE_OID_GEN_LINK_SPEED)
		take_long();
	return right.miniport.query_information(context, oid, buffer, length, written, needed);
}

static im_status_t set_for_long(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
				uint32_t *needed)
{
	if (oid == SLUICE_OID_GEN_CURRENT_LOOKAHEAD)
		take_long();
	return right.miniport.set_information(context, oid, buffer, length, read, needed);
}

static enum im_pnp_event_code long_event;

static im_status_t notice_for_long(void *context, struct im_pnp_event *event)
{
	if (event->code == long_event)
		take_long();
	return right.protocol.pnp_event(context, event);
}

static void say_for_long(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	take_long();
	right.protocol.status(context, indication, buffer, length);
}

static im_status_t unbind_for_long(void *context, void *unbind_context)
{
	take_long();
	return right.protocol.unbind_adapter(context, unbind_context);
}

static void halt(void)
{
	wrong_stack();
	host_stop("m0");
}

static void pause_it(void)
{
	wrong_stack();
	host_pause("m0");
	host_restart("m0");
}

static void pause_below(void)
{
	wrong_stack();
	long_event = IM_PNP_PAUSE;
	host_pause("nic");
	host_restart("nic");
}

static void restart_below(void)
{
	wrong_stack();
	long_event = IM_PNP_RESTART;
	host_pause("nic");
	host_restart("nic");
}

static void say_below(void)
{
	wrong_stack();
	im_indicate_status(rig.port->instance, IM_INDICATION_MEDIA_DISCONNECT, NULL, 0);
	im_indicate_status_complete(rig.port->instance);
	host_settle();
}

static void unbind_below(void)
{
	wrong_stack();
	host_unbind_over("nic");
}

static void queue_for_nobody(void *context, struct im_packet **packets, uint16_t count)
{
	static struct im_dpc dpc;

	if (wrong)
		im_queue_dpc(&dpc, im_worker_count() + 1);
	right.miniport.send_packets(context, packets, count);
}

/* The call-outs that 12.17 names; a filter here is an IM driver, whose detach is its unbind and halt. */
static void c12_17_handlers_that_do_not_return(void **state)
{
	static const struct wrong rows[] = {
		{"takes long over a pause of its adapter", "12.17", "mid", .protocol = {.pnp_event = notice_for_long},
		 .change = be_slow, .scene = pause_below},
		{"takes long over another event", "12.17", "mid", .protocol = {.pnp_event = notice_for_long},
		 .change = be_slow, .scene = restart_below},
		{"takes long over a status", "12.17", "mid", .protocol = {.status = say_for_long}, .change = be_slow,
		 .scene = say_below},
		{"takes long to unbind", "12.17", "mid", .protocol = {.unbind_adapter = unbind_for_long},
		 .change = be_slow, .scene = unbind_below},
		{"takes long to pause", "12.17", "mid", .miniport = {.pause = pause_for_long}, .change = be_slow,
		 .scene = pause_it},
		{"takes long to halt", "12.17", "mid", .miniport = {.halt = halt_for_long}, .change = be_slow,
		 .scene = halt},
		{"takes long over a query", "12.17", "mid", .miniport = {.query_information = ask_for_long},
		 .change = be_slow, .scene = wrong_query},
		{"takes long over a set", "12.17", "mid", .miniport = {.set_information = set_for_long},
		 .change = be_slow, .scene = wrong_set},
	};

	(void)state;
	wrong_try(rows);
}

/* contract: 12.33 */
static void c9_27_c9_30_stalls_and_deferred_calls(void **state)
{
	static const struct wrong rows[] = {
		{"stalls for more than 50 us", "9.30", "mid", .miniport = {.send_packets = stall}, .scene = wrong_send},
		{"queues a deferred call for a worker that there is not", "9.27", "mid",
		 .miniport = {.send_packets = queue_for_nobody}, .scene = wrong_send, .workers = 1},
	};

	(void)state;
	wrong_try(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c9_3_c9_4_c9_12_c9_29_c8_19_calls_at_dispatch),
		cmocka_unit_test(c9_23_c9_24_locks),
		cmocka_unit_test(c9_12_c9_22_locks_held_over_a_call_of_the_core),
		cmocka_unit_test(c9_27_c9_30_stalls_and_deferred_calls),
		cmocka_unit_test(c12_17_handlers_that_do_not_return),
	};

	return host_run_tests(tests);
}
