/* SPDX-License-Identifier: BSD-3-Clause */
/* Drivers that are wrong with status, events, resets and pauses (contract 7, 3.15, 10D). */
#include "wrong.h"

/* ---- Status -------------------------------------------------------------------------------------- */

static void say(struct im_instance *instance, uint32_t indication, const void *buffer, uint32_t length)
{
	im_indicate_status(instance, indication, buffer, length);
	im_indicate_status_complete(instance);
}

static im_status_t say_before_it_lives(struct im_instance *instance, void *device_context)
{
	im_status_t status = right.miniport.initialize(instance, device_context);

	if (wrong)
		im_indicate_status(instance, IM_INDICATION_MEDIA_CONNECT, NULL, 0);
	return status;
}

static struct im_instance *halted;

static void halt(void *context)
{
	halted = ((struct rig_vnic *)context)->instance;
	right.miniport.halt(context);
}

/* The status comes from below, for a VNIC that it should not have any more. */
static void pass_to_the_halted(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	if (wrong && rig_vnic("m0")->instance == NULL)
		im_indicate_status(halted, indication, buffer, length);
	else
		right.protocol.status(context, indication, buffer, length);
}

static void end_for_the_halted(void *context)
{
	if (wrong && rig_vnic("m0")->instance == NULL)
		im_indicate_status_complete(halted);
	else
		right.protocol.status_complete(context);
}

static void say_below_a_halted_one(void)
{
	wrong_stack();
	host_stop("m0");
	im_indicate_status(rig.port->instance, IM_INDICATION_MEDIA_DISCONNECT, NULL, 0);
	host_settle();
}

static void end_below_a_halted_one(void)
{
	wrong_stack();
	host_stop("m0");
	say(rig.port->instance, IM_INDICATION_MEDIA_DISCONNECT, NULL, 0);
	host_settle();
}

static void say_with_a_length_alone(void)
{
	uint32_t speed = 100;

	wrong_stack();
	say(rig.port->instance, IM_INDICATION_LINK_SPEED_CHANGE, wrong ? NULL : &speed, sizeof(speed));
}

static void say_nothing(void)
{
	wrong_stack();
	say(rig.port->instance, wrong ? 0 : IM_INDICATION_MEDIA_CONNECT, NULL, 0);
}

static void say_that_it_resets(void)
{
	wrong_stack();
	if (wrong)
		im_indicate_status(rig.port->instance, IM_INDICATION_RESET_START, NULL, 0);
}

/* contract: 12.12 12.27 */
static void c7_6_c7_18_c7_20_statuses(void **state)
{
	static const struct wrong rows[] = {
		{"indicates a status before it is initialised", "7.18", "mid",
		 .miniport = {.initialize = say_before_it_lives}, .scene = wrong_stack},
		{"indicates a status after halt", "7.18", "mid", .miniport = {.halt = halt},
		 .protocol = {.status = pass_to_the_halted}, .scene = say_below_a_halted_one},
		{"indicates the end of a status after halt", "7.18", "mid", .miniport = {.halt = halt},
		 .protocol = {.status_complete = end_for_the_halted}, .scene = end_below_a_halted_one},
		{"indicates a status with a length and no buffer", "7.20", "nic", .scene = say_with_a_length_alone},
		{"indicates a status without a code", "7.20", "nic", .scene = say_nothing},
		{"says itself that a reset begins", "7.6", "nic", .scene = say_that_it_resets},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Events -------------------------------------------------------------------------------------- */

static im_status_t refuse_power(void *context, struct im_pnp_event *event)
{
	if (wrong && event->code == IM_PNP_SET_POWER && event->power != IM_POWER_D0)
		return IM_STATUS_FAILURE;
	return right.protocol.pnp_event(context, event);
}

static im_status_t refuse_to_pause(void *context, struct im_pnp_event *event)
{
	if (wrong && event->code == IM_PNP_PAUSE)
		return IM_STATUS_FAILURE;
	return right.protocol.pnp_event(context, event);
}

static im_status_t complete_and_return(void *context, struct im_pnp_event *event)
{
	if (wrong && event->code == IM_PNP_RECONFIGURE)
		im_complete_pnp_event(event, IM_STATUS_SUCCESS);
	return right.protocol.pnp_event(context, event);
}

static im_status_t complete_twice(void *context, struct im_pnp_event *event)
{
	if (event->code != IM_PNP_RECONFIGURE)
		return right.protocol.pnp_event(context, event);
	im_complete_pnp_event(event, IM_STATUS_SUCCESS);
	if (wrong)
		im_complete_pnp_event(event, IM_STATUS_SUCCESS);
	return IM_STATUS_PENDING;
}

static im_status_t complete_with_pending(void *context, struct im_pnp_event *event)
{
	if (event->code != IM_PNP_RECONFIGURE)
		return right.protocol.pnp_event(context, event);
	if (wrong)
		im_complete_pnp_event(event, IM_STATUS_PENDING);
	im_complete_pnp_event(event, IM_STATUS_SUCCESS);
	return IM_STATUS_PENDING;
}

static im_status_t never_complete(void *context, struct im_pnp_event *event)
{
	if (wrong && event->code == IM_PNP_RECONFIGURE)
		return IM_STATUS_PENDING;
	return right.protocol.pnp_event(context, event);
}

static void sleep_and_wake(void)
{
	wrong_stack();
	host_set_power("m0", IM_POWER_D3);
	host_settle();
	host_set_power("m0", IM_POWER_D0);
	host_settle();
}

static void reconfigure(void)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	wrong_stack();
	host_pnp_event("m0", &event);
	host_settle();
}

static void pause(void)
{
	wrong_stack();
	host_pause("m0");
	host_settle();
}

static im_status_t pass_on_a_pause(void *context, struct im_pnp_event *event)
{
	struct im_pnp_event pass = {.code = wrong ? IM_PNP_PAUSE : IM_PNP_RECONFIGURE};
	struct rig_binding *binding = context;

	if (event->code == IM_PNP_RECONFIGURE)
		im_notify_pnp_event(binding->vnics[0]->instance, &pass);
	return right.protocol.pnp_event(context, event);
}

static void reconfigure_below(void)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	wrong_stack();
	host_pnp_event("nic", &event);
	host_settle();
}

/* contract: 12.8 12.14 */
static void c3_15_c7_26_c10_26_events(void **state)
{
	static const struct wrong rows[] = {
		{"refuses that its adapter sleeps", "7.26", "top", .protocol = {.pnp_event = refuse_power},
		 .scene = sleep_and_wake},
		{"refuses to pause", "10.26", "top", .protocol = {.pnp_event = refuse_to_pause}, .scene = pause},
		{"completes an event and returns its status too", "3.15", "top",
		 .protocol = {.pnp_event = complete_and_return}, .scene = reconfigure},
		{"completes an event twice", "3.15", "top", .protocol = {.pnp_event = complete_twice},
		 .scene = reconfigure},
		{"completes an event with PENDING", "3.15", "top", .protocol = {.pnp_event = complete_with_pending},
		 .scene = reconfigure},
		{"never completes an event", "3.15", "top", .protocol = {.pnp_event = never_complete},
		 .scene = reconfigure, .stops = true},
		{"passes on an event that is the core's to send", "12.14", "mid",
		 .protocol = {.pnp_event = pass_on_a_pause}, .scene = reconfigure_below},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Resets -------------------------------------------------------------------------------------- */

static void reset(void)
{
	wrong_stack();
	host_reset("nic");
	host_settle();
}

static void reset_by_itself(void)
{
	reset();
	if (wrong)
		im_reset_complete(rig.port->instance, IM_STATUS_SUCCESS, false);
	host_settle();
}

static im_status_t reset_and_return(bool *addressing_reset, void *context)
{
	*addressing_reset = false;
	if (wrong)
		im_reset_complete(((struct rig_vnic *)context)->instance, IM_STATUS_SUCCESS, false);
	return IM_STATUS_SUCCESS;
}

static im_status_t reset_as_a_request(bool *addressing_reset, void *context)
{
	(void)context;
	*addressing_reset = false;
	return wrong ? IM_STATUS_NOT_SUPPORTED : IM_STATUS_NOT_RESETTABLE;
}

static im_status_t reset_for_ever(bool *addressing_reset, void *context)
{
	(void)context;
	*addressing_reset = false;
	return wrong ? IM_STATUS_PENDING : IM_STATUS_SUCCESS;
}

/* contract: 12.4 */
static void c7_1_c7_3_resets(void **state)
{
	static const struct wrong rows[] = {
		{"completes a reset that there is not", "7.3", "nic", .scene = reset_by_itself},
		{"completes a reset and returns its status too", "7.3", "nic", .miniport = {.reset = reset_and_return},
		 .scene = reset},
		{"resets with a status that a reset cannot have", "7.1", "nic",
		 .miniport = {.reset = reset_as_a_request}, .scene = reset},
		{"never completes a reset", "7.1", "nic", .miniport = {.reset = reset_for_ever}, .scene = reset,
		 .stops = true},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Pauses -------------------------------------------------------------------------------------- */

static im_status_t refuse_pause(void *context)
{
	(void)context;
	return wrong ? IM_STATUS_FAILURE : IM_STATUS_SUCCESS;
}

static im_status_t pause_twice(void *context)
{
	struct rig_vnic *vnic = context;

	im_pause_complete(vnic->instance);
	if (wrong)
		im_pause_complete(vnic->instance);
	return IM_STATUS_PENDING;
}

static void pause_by_itself(void)
{
	pause();
	if (wrong)
		im_pause_complete(rig_vnic("m0")->instance);
}

static im_status_t pause_for_ever(void *context)
{
	(void)context;
	return wrong ? IM_STATUS_PENDING : IM_STATUS_SUCCESS;
}

static void keep_through_a_pause(void)
{
	struct im_packet *packet = wrong_packet();

	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	wrong_stack();
	rig_indicate(rig.port, &packet, 1, IM_STATUS_SUCCESS);
	host_settle();
	if (!wrong)
		rig_return(rig.top_binding, 1);
	host_settle();
	host_pause("m0");
}

/* contract: 12.11 12.21 12.26 */
static void c10_25_c10_26_pauses(void **state)
{
	static const struct wrong rows[] = {
		{"fails to pause", "10.25", "mid", .miniport = {.pause = refuse_pause}, .scene = pause},
		{"completes a pause twice", "10.25", "mid", .miniport = {.pause = pause_twice}, .scene = pause},
		{"completes a pause that there is not", "10.25", "mid", .scene = pause_by_itself},
		{"never completes a pause", "10.25", "mid", .miniport = {.pause = pause_for_ever}, .scene = pause,
		 .stops = true},
		{"keeps what it was lent through a pause", "10.26", "top", .scene = keep_through_a_pause,
		 .stops = true},
	};

	(void)state;
	wrong_try(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c7_6_c7_18_c7_20_statuses),
		cmocka_unit_test(c3_15_c7_26_c10_26_events),
		cmocka_unit_test(c7_1_c7_3_resets),
		cmocka_unit_test(c10_25_c10_26_pauses),
	};

	return host_run_tests(tests);
}
