/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens to a relay: the adapter below is reset, changes its link or its power, pauses, and so does the VNIC
 * (contract sections 7 and 10D). The two power states are apart: neither follows from the other (7.21).
 */
#include "im/core.h"
#include "relay_inside.h"

/* ---- Link ---------------------------------------------------------------------------------------- */

/* While the VNIC sleeps, or is not ready, the newest is remembered (7.16). Whether it goes up now. */
static bool note_link(struct relay *relay, uint32_t indication)
{
	struct relay_link *link = &relay->link;
	bool asleep, speed = indication == IM_INDICATION_LINK_SPEED_CHANGE;

	im_acquire_spin_lock(&relay->lock);
	asleep = !link->open || (relay_gate(relay) & IM_RELAY_ASLEEP) != 0;
	if (asleep && speed)
		link->speed_missed = true;
	else if (!speed)
		*(asleep ? &link->missed : &link->told) = indication;
	im_release_spin_lock(&relay->lock);
	return !asleep;
}

/* Rebuilt: what goes up is the VNIC's (7.19). */
static void tell_up(struct relay *relay, uint32_t indication, const void *buffer, uint32_t length)
{
	struct im_instance *vnic = relay_use_vnic(relay);

	if (vnic == NULL)
		return;
	__atomic_store_n(&relay->status_told, true, __ATOMIC_RELAXED);
	im_indicate_status(vnic, indication, buffer, length);
	relay_leave_vnic(relay);
}

void relay_status_complete(void *context)
{
	struct relay *relay = context;
	struct im_instance *vnic;

	if (!__atomic_exchange_n(&relay->status_told, false, __ATOMIC_RELAXED))
		return; /* nor did the status go up (7.17) */
	vnic = relay_use_vnic(relay);
	if (vnic == NULL)
		return;
	im_indicate_status_complete(vnic);
	relay_leave_vnic(relay);
}

/* What went on while it slept, once, if it is news (7.16). */
IM_PASSIVE static void tell_missed(struct relay *relay)
{
	struct relay_link *link = &relay->link;
	uint32_t missed;
	bool speed;

	im_acquire_spin_lock(&relay->lock);
	missed = link->missed != link->told ? link->missed : 0;
	speed = link->speed_missed;
	link->told = missed != 0 ? missed : link->told;
	link->missed = 0;
	link->speed_missed = false;
	im_release_spin_lock(&relay->lock);
	if (missed != 0) {
		tell_up(relay, missed, NULL, 0);
		relay_status_complete(relay);
	}
	if (speed) {
		tell_up(relay, IM_INDICATION_LINK_SPEED_CHANGE, NULL, 0);
		relay_status_complete(relay);
	}
}

/* ---- Status from below --------------------------------------------------------------------------- */

/* Only what changes the VNIC goes up. A reset does not: it goes on taking packets, and holds them (7.7, 7.14). */
void relay_status(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	struct relay *relay = context;

	switch (indication) {
	case IM_INDICATION_RESET_START:
		hold_begin(relay->hold);
		break;
	case IM_INDICATION_RESET_END:
		hold_end(relay->hold);
		break;
	case IM_INDICATION_MEDIA_CONNECT:
	case IM_INDICATION_MEDIA_DISCONNECT:
	case IM_INDICATION_LINK_SPEED_CHANGE:
		if (note_link(relay, indication))
			tell_up(relay, indication, buffer, length);
		break;
	case IM_INDICATION_CLOSING:
		im_schedule_unbind(relay->face.below); /* 3.19 */
		break;
	default:
		break;
	}
}

/* ---- The VNIC: power, pause, shutdown ------------------------------------------------------------ */

void relay_set_vnic_power(struct relay *relay, enum im_power_state power)
{
	if (power == IM_POWER_D0) {
		relay_open_gate(relay, IM_RELAY_ASLEEP);
		tell_missed(relay);
		return;
	}
	relay_close_gate(relay, IM_RELAY_ASLEEP);
	relay_abort_sends(relay, IM_STATUS_LOW_POWER_STATE);
	relay_abort_receives(relay);
}

IM_PASSIVE static bool is_vnic_home(void *owner)
{
	struct relay *relay = owner;

	return im_outstanding(relay->face.instance) == 0;
}

IM_PASSIVE static void pause_done(void *owner)
{
	struct relay *relay = owner;

	im_pause_complete(relay->face.instance);
}

/* What is held is completed here; what is below or above comes home by itself, and is waited for (10.25, 10.29). */
im_status_t relay_pause(void *context)
{
	struct relay *relay = context;

	relay_close_gate(relay, IM_RELAY_STOPPED);
	relay_abort_sends(relay, IM_STATUS_PAUSED);
	relay_abort_receives(relay);
	relay->pause = (struct im_drain){
		.wrapper = relay->face.driver->wrapper, .owner = relay, .is_home = is_vnic_home, .done = pause_done};
	return im_drain_begin(&relay->pause) ? IM_STATUS_SUCCESS : IM_STATUS_PENDING;
}

im_status_t relay_restart(void *context)
{
	struct relay *relay = context;
	bool asleep;

	im_acquire_spin_lock(&relay->lock);
	relay->link.open = true;
	asleep = relay_gate(relay) & IM_RELAY_ASLEEP;
	im_release_spin_lock(&relay->lock);
	relay_open_gate(relay, IM_RELAY_STOPPED);
	if (!asleep)
		tell_missed(relay);
	return IM_STATUS_SUCCESS;
}

/* Quiet, and nothing else: the core is not called any more (7.29). */
void relay_adapter_shutdown(void *context)
{
	relay_close_gate(context, IM_RELAY_STOPPED);
}

/* ---- Events from below --------------------------------------------------------------------------- */

IM_PASSIVE static bool are_sends_home(void *owner)
{
	const struct relay_event *event = owner;

	return im_sends_are_home(event->relay->face.below) && !relay_has_request_below(event->relay);
}

IM_PASSIVE static void event_done(void *owner)
{
	struct relay_event *event = owner;

	im_complete_pnp_event(event->event, IM_STATUS_SUCCESS);
}

void im_relay_sleep_below(struct im_relay *face)
{
	struct relay *relay = relay_of(face);

	relay_close_gate(relay, IM_RELAY_BELOW_ASLEEP);
	relay_abort_sends(relay, IM_STATUS_LOW_POWER_STATE);
	relay_abort_receives(relay);
}

/* New sends and requests are stopped; the event is answered when those that are below are back (7.23). */
IM_PASSIVE static im_status_t go_to_sleep_below(struct relay *relay, struct im_pnp_event *event)
{
	struct relay_event *slot = &relay->power_event;

	im_relay_sleep_below(&relay->face);
	slot->relay = relay;
	slot->event = event;
	slot->drain = (struct im_drain){
		.wrapper = relay->face.driver->wrapper, .owner = slot, .is_home = are_sends_home, .done = event_done};
	return im_drain_begin(&slot->drain) ? IM_STATUS_SUCCESS : IM_STATUS_PENDING;
}

IM_PASSIVE static im_status_t set_power_below(struct relay *relay, struct im_pnp_event *event)
{
	if (event->power != IM_POWER_D0)
		return go_to_sleep_below(relay, event);
	relay_open_gate(relay, IM_RELAY_BELOW_ASLEEP);
	relay_send_parked(relay); /* 7.24 */
	return IM_STATUS_SUCCESS;
}

/* What is below comes home when the miniport there is paused, which is after this answer: the core counts it (10.26).
 */
IM_PASSIVE static im_status_t pause_below(struct relay *relay)
{
	relay_close_gate(relay, IM_RELAY_BELOW_PAUSED);
	relay_abort_sends(relay, IM_STATUS_PAUSED);
	relay_abort_receives(relay);
	return IM_STATUS_SUCCESS;
}

IM_PASSIVE static im_status_t pass_up(struct relay *relay, struct im_pnp_event *event)
{
	struct im_pnp_event copy = *event;
	struct im_instance *vnic = relay_use_vnic(relay);
	im_status_t status;

	if (vnic == NULL)
		return IM_STATUS_SUCCESS;
	copy.core = NULL; /* the one below's */
	status = im_notify_pnp_event(vnic, &copy);
	relay_leave_vnic(relay);
	return status;
}

/* Starts what is missing, and nothing twice (7.27). Its buffer means nothing to a relay. */
IM_PASSIVE static im_status_t reconfigure(struct relay *relay, struct im_pnp_event *event)
{
	im_status_t status = relay_start_vnic(relay);

	return status == IM_STATUS_SUCCESS ? pass_up(relay, event) : status;
}

im_status_t relay_pnp_event(void *context, struct im_pnp_event *event)
{
	struct relay *relay = context;

	switch (event->code) {
	case IM_PNP_SET_POWER:
		return set_power_below(relay, event);
	case IM_PNP_PAUSE:
		return pause_below(relay);
	case IM_PNP_RESTART:
		relay_open_gate(relay, IM_RELAY_BELOW_PAUSED);
		return IM_STATUS_SUCCESS;
	case IM_PNP_QUERY_REMOVE:
	case IM_PNP_CANCEL_REMOVE:
		return pass_up(relay, event);
	case IM_PNP_RECONFIGURE:
		return reconfigure(relay, event);
	default: /* QUERY_POWER always succeeds (7.26); a relay has one binding, whatever the lists say */
		return IM_STATUS_SUCCESS;
	}
}
