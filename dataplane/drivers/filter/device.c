/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The filter's rules come through here. A call is checked, the VNIC that it is for is looked up, and the policy's
 * keeper is asked for the change.
 *
 * Calls are not synchronised with initialize and halt (8.5), and there may be a handle when all VNICs are gone. So:
 *   - each VNIC has a block with references: its own, and one of each call that is for it (8.8). Halt takes it out of
 *     the list, marks it dead and drops its reference, without waiting for anybody (8.10);
 *   - each registration of the device has one too: each handle that was opened under it holds it. When the last VNIC
 *     has gone it is dead: its handles get DEVICE_REMOVED for ever, and can be closed at any time (8.11, 8.12).
 */
#include "device.h"

#include <stddef.h>
#include <string.h>

#include "abi/filter.h"

struct filter_vnic {
	struct im_reference reference;
	char name[SLUICE_NAME_SIZE];
	uint32_t dead;		  /* atomic: it halts */
	struct filter_vnic *next; /* under the lock of `vnics` */
};

/* From im_register_device() to im_deregister_device(), and as long as a handle of that time is open. */
struct registration {
	struct im_reference reference;
	struct im_wrapper *wrapper;
	struct im_device *device;
	uint32_t dead; /* atomic: deregistered */
};

static struct {
	struct im_lock lock;
	struct filter_vnic *first;
} vnics;

static struct im_anchor current; /* the registration that the device has now */

/* First and last VNIC, one at a time (8.3). A state, since whoever registers must not hold a spin lock (9.22). */
static struct {
	struct im_lock lock;
	bool taken;
	struct im_event left;
} life;

/* ---- VNICs ----------------------------------------------------------------------------------------- */

IM_PASSIVE static void destroy(struct im_reference *reference)
{
	im_free_memory(reference); /* the first member of either kind of block */
}

IM_PASSIVE static struct filter_vnic *make_vnic(struct im_relay *relay)
{
	struct filter_vnic *vnic = im_allocate_memory(relay->driver->wrapper, sizeof(*vnic), "VNIC");

	if (vnic == NULL)
		return NULL;
	im_reference_init(&vnic->reference, destroy);
	strncpy(vnic->name, im_instance_name(relay->instance), sizeof(vnic->name) - 1);
	return vnic;
}

IM_PASSIVE static void publish_vnic(struct filter_vnic *vnic)
{
	im_acquire_spin_lock(&vnics.lock);
	vnic->next = vnics.first;
	vnics.first = vnic;
	im_release_spin_lock(&vnics.lock);
}

/* Returns whether it was the last one. Calls that hold it already see that it is dead. */
IM_PASSIVE static bool unpublish_vnic(struct filter_vnic *vnic)
{
	struct filter_vnic **at = &vnics.first;
	bool last;

	im_acquire_spin_lock(&vnics.lock);
	while (*at != vnic)
		at = &(*at)->next;
	*at = vnic->next;
	last = vnics.first == NULL;
	im_release_spin_lock(&vnics.lock);
	__atomic_store_n(&vnic->dead, 1, __ATOMIC_RELEASE);
	return last;
}

/* Held for the caller, or NULL: look-up and increment are under the lock under which it is taken out (8.9). */
IM_PASSIVE static struct filter_vnic *hold_vnic(const char name[SLUICE_NAME_SIZE])
{
	struct filter_vnic *vnic;

	im_acquire_spin_lock(&vnics.lock);
	vnic = vnics.first;
	while (vnic != NULL && memcmp(vnic->name, name, SLUICE_NAME_SIZE) != 0)
		vnic = vnic->next;
	if (vnic != NULL && !im_reference_hold_as(&vnic->reference, "call"))
		vnic = NULL;
	im_release_spin_lock(&vnics.lock);
	return vnic;
}

/* ---- Calls ----------------------------------------------------------------------------------------- */

static const enum im_rule_change_kind kinds[] = {
	[SLUICE_FILTER_ADD] = IM_RULE_ADD,
	[SLUICE_FILTER_DELETE] = IM_RULE_DELETE,
	[SLUICE_FILTER_REPLACE] = IM_RULE_REPLACE,
	[SLUICE_FILTER_FLUSH] = IM_RULE_FLUSH,
};

IM_PASSIVE static bool is_known(uint32_t code)
{
	switch (code) {
#define X(name, number, text) case number:
		SLUICE_FILTER_TABLE(X)
#undef X
		return true;
	default:
		return false;
	}
}

IM_PASSIVE static void answer(struct im_device_call *call, const struct im_rule_change *change)
{
	const struct sluice_filter_answer answer = {
		.status = (uint16_t)change->status,
		.error_offset = change->error_offset,
		.generation = change->generation,
		.rule = change->rule,
	};

	memcpy(call->output, &answer, sizeof(answer));
	call->output_length = sizeof(answer);
}

/*
 * An instance that is named and is none of ours is either no filter, which the policy's keeper can tell, or one that is
 * not up.
 */
IM_PASSIVE static im_status_t change_named(struct im_wrapper *wrapper, struct im_rule_change *change)
{
	struct filter_vnic *vnic = hold_vnic(change->command.instance);
	im_status_t status;

	if (vnic == NULL) {
		change->kind = IM_RULE_NONE;
		status = im_change_rules(wrapper, change);
		return status == IM_STATUS_SUCCESS ? IM_STATUS_NOT_READY : status;
	}
	if (__atomic_load_n(&vnic->dead, __ATOMIC_ACQUIRE))
		status = IM_STATUS_NOT_READY;
	else
		status = im_change_rules(wrapper, change);
	im_reference_drop_as(&vnic->reference, "call");
	return status;
}

IM_PASSIVE static im_status_t call(void *handle_context, struct im_device_call *call)
{
	struct registration *registration = handle_context;
	struct im_rule_change change = {0};
	im_status_t status;

	if (__atomic_load_n(&registration->dead, __ATOMIC_ACQUIRE))
		return IM_STATUS_DEVICE_REMOVED;
	if (!is_known(call->code))
		return IM_STATUS_NOT_SUPPORTED;
	if (call->input_length != sizeof(change.command) || call->output_room < sizeof(struct sluice_filter_answer))
		return IM_STATUS_INVALID_LENGTH;
	change.kind = kinds[call->code];
	memcpy(&change.command, call->input, sizeof(change.command));
	if (change.command.instance[0] != '\0')
		status = change_named(registration->wrapper, &change);
	else
		status = im_change_rules(registration->wrapper, &change);
	if (status == IM_STATUS_SUCCESS || status == IM_STATUS_INVALID_DATA)
		answer(call, &change);
	return status;
}

/* The registration can be found before its name can be opened; it may be gone again by now (8.13). */
IM_PASSIVE static im_status_t open(struct im_device *device, void **handle_context)
{
	struct im_reference *reference = im_anchor_get_as(&current, "open handle");

	(void)device;
	if (reference == NULL)
		return IM_STATUS_NO_SUCH_DEVICE;
	*handle_context = reference;
	return IM_STATUS_SUCCESS;
}

IM_PASSIVE static void close(void *handle_context)
{
	struct registration *registration = handle_context;

	im_reference_drop_as(&registration->reference, "open handle");
}

/* ---- Life ------------------------------------------------------------------------------------------ */

IM_PASSIVE static bool take_life(void)
{
	bool taken;

	im_acquire_spin_lock(&life.lock);
	taken = !life.taken;
	life.taken = true;
	im_release_spin_lock(&life.lock);
	return taken;
}

IM_PASSIVE static void enter_life(void)
{
	while (!take_life()) {
		im_wait_event(&life.left, 1);
		im_reset_event(&life.left);
	}
}

IM_PASSIVE static void leave_life(void)
{
	im_acquire_spin_lock(&life.lock);
	life.taken = false;
	im_release_spin_lock(&life.lock);
	im_set_event(&life.left);
}

/* Found first, then open to all; on a failure the VNIC does without (8.2), and the next one tries again (8.4). */
IM_PASSIVE static void register_device(struct im_wrapper *wrapper)
{
	static const struct im_device_operations operations = {.open = open, .call = call, .close = close};
	struct registration *registration = im_allocate_memory(wrapper, sizeof(*registration), "registration");

	if (registration == NULL)
		return;
	im_reference_init(&registration->reference, destroy);
	registration->wrapper = wrapper;
	im_reference_drop(im_anchor_publish(&current, &registration->reference));
	if (im_register_device(wrapper, SLUICE_FILTER_DEVICE, &operations, &registration->device) != IM_STATUS_SUCCESS)
		im_reference_drop(im_anchor_clear(&current));
}

IM_PASSIVE static void deregister_device(void)
{
	struct registration *registration = (struct registration *)im_anchor_clear(&current);

	if (registration == NULL)
		return;
	__atomic_store_n(&registration->dead, 1, __ATOMIC_RELEASE);
	im_deregister_device(registration->device);
	im_reference_drop(&registration->reference);
}

IM_PASSIVE static bool is_registered(void)
{
	struct im_reference *reference = im_anchor_get_as(&current, "look");

	im_reference_drop_as(reference, "look");
	return reference != NULL;
}

im_status_t filter_device_add(struct im_relay *relay)
{
	struct filter_own *own = relay->own;
	struct filter_vnic *vnic = make_vnic(relay);

	if (vnic == NULL)
		return IM_STATUS_RESOURCES;
	enter_life();
	if (!is_registered())
		register_device(relay->driver->wrapper);
	publish_vnic(vnic);
	leave_life();
	own->vnic = vnic;
	return IM_STATUS_SUCCESS;
}

void filter_device_remove(struct im_relay *relay)
{
	struct filter_own *own = relay->own;

	enter_life();
	if (unpublish_vnic(own->vnic))
		deregister_device();
	leave_life();
	im_reference_drop(&own->vnic->reference);
	own->vnic = NULL;
}
