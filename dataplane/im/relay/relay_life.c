/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a relay's binding and its VNIC come and go (contract section 1E).
 *
 *   bind      open below ─> pools ─> ask for the VNIC ─────────> initialize, inside the call or later or never
 *   unbind    take back, or deinitialise, the VNIC ─> halt ─> clear the filters below ─> close ─> free
 *
 * Opening and closing may pend: what follows them is in functions of its own, which the completion runs too.
 */
#include <string.h>

#include "relay_inside.h"

static const uint32_t media[] = {IM_MEDIUM_802_3};

void relay_close_gate(struct relay *relay, uint32_t bits)
{
	__atomic_or_fetch(&relay->face.gate, bits, __ATOMIC_ACQ_REL);
}

void relay_open_gate(struct relay *relay, uint32_t bits)
{
	__atomic_and_fetch(&relay->face.gate, ~bits, __ATOMIC_ACQ_REL);
}

static void set_account(struct relay *relay, uint16_t account)
{
	__atomic_store_n(&relay->account, account, __ATOMIC_RELAXED); /* a packet from below may be on its way */
}

/* ---- Memory -------------------------------------------------------------------------------------- */

IM_PASSIVE static void destroy(struct relay *relay)
{
	im_free_packet_pool(relay->send_pool);
	im_free_packet_pool(relay->receive_pool);
	hold_destroy(relay->hold);
	im_free_memory(relay->face.own);
	im_free_memory(relay);
}

/* One pool for each way, so that neither can starve the other (2.55). */
IM_PASSIVE static im_status_t allocate(struct relay *relay, struct im_relay_driver *driver)
{
	im_status_t status = im_allocate_packet_pool(driver->wrapper, RELAY_DESCRIPTORS, &relay->send_pool);

	if (status != IM_STATUS_SUCCESS)
		return status;
	status = im_allocate_packet_pool(driver->wrapper, RELAY_DESCRIPTORS, &relay->receive_pool);
	if (status != IM_STATUS_SUCCESS)
		return status;
	relay->hold =
		hold_create(driver->wrapper, &relay->face.gate, IM_RELAY_HOLDING, RELAY_NO_SENDS, relay_release, relay);
	if (relay->hold == NULL)
		return IM_STATUS_RESOURCES;
	if (driver->own_size == 0)
		return IM_STATUS_SUCCESS;
	relay->face.own = im_allocate_memory(driver->wrapper, driver->own_size, "relay's driver");
	return relay->face.own != NULL ? IM_STATUS_SUCCESS : IM_STATUS_RESOURCES;
}

IM_PASSIVE static im_status_t create(struct im_relay_driver *driver, const char *vnic, struct relay **out)
{
	struct relay *relay;
	im_status_t status;

	if (strlen(vnic) >= sizeof(relay->vnic_name))
		return IM_STATUS_INVALID_PARAMETER;
	relay = im_allocate_memory(driver->wrapper, sizeof(*relay), "relay");
	if (relay == NULL)
		return IM_STATUS_RESOURCES;
	relay->face.driver = driver;
	relay->face.gate = IM_RELAY_STOPPED; /* until its VNIC is restarted */
	relay_assembler_init(relay);
	relay->open = (struct im_open){.context = relay, .media = media, .media_count = RTE_DIM(media)};
	strncpy(relay->vnic_name, vnic, sizeof(relay->vnic_name) - 1);
	status = allocate(relay, driver);
	if (status == IM_STATUS_SUCCESS)
		*out = relay;
	else
		destroy(relay);
	return status;
}

im_status_t im_relay_create(struct im_relay_driver *driver, struct im_binding *below, const char *vnic,
			    struct im_relay **out)
{
	struct relay *relay;
	im_status_t status = create(driver, vnic, &relay);

	if (status != IM_STATUS_SUCCESS)
		return status;
	relay->face.below = below;
	relay->account = im_binding_account(below);
	*out = &relay->face;
	return status;
}

void im_relay_destroy(struct im_relay *face)
{
	if (face != NULL)
		destroy(relay_of(face));
}

/* ---- Bind ---------------------------------------------------------------------------------------- */

/* The bind fails; the memory goes when the binding is closed (1.36, 1.40). */
IM_PASSIVE static im_status_t fail_bind(struct relay *relay, im_status_t status)
{
	relay->bind_status = status;
	if (im_close_adapter(relay->face.below) == IM_STATUS_PENDING)
		return IM_STATUS_PENDING; /* the completion has it, and may be through already */
	destroy(relay);
	return status;
}

/* Everything is ready for the VNIC's handlers before it is asked for (2.39, 2.40). */
IM_PASSIVE static im_status_t opened(struct relay *relay, im_status_t status)
{
	if (status != IM_STATUS_SUCCESS) {
		destroy(relay);
		return status;
	}
	set_account(relay, im_binding_account(relay->face.below));
	status = relay_start_vnic(relay);
	if (status != IM_STATUS_SUCCESS)
		return fail_bind(relay, status);
	relay->config = NULL; /* an unbind may follow as soon as the bind is complete */
	return status;
}

im_status_t im_relay_bind(struct im_relay_driver *driver, const struct im_bind_config *config)
{
	struct relay *relay;
	im_status_t status;

	if (config->vnic_count != 1)
		return IM_STATUS_INVALID_PARAMETER;
	status = create(driver, config->vnic_names[0], &relay);
	if (status != IM_STATUS_SUCCESS)
		return status;
	relay->config = config;
	status = im_open_adapter(&relay->face.below, driver->protocol, config, &relay->open);
	return status == IM_STATUS_PENDING ? status : opened(relay, status);
}

void relay_open_adapter_complete(void *context, im_status_t status)
{
	struct relay *relay = context;
	const struct im_bind_config *config = relay->config;

	status = opened(relay, status);
	if (status != IM_STATUS_PENDING)
		im_complete_bind_adapter(config, status);
}

/* A close that pended was that of a bind that failed, or the last step of an unbind. */
void relay_close_adapter_complete(void *context)
{
	struct relay *relay = context;
	const struct im_bind_config *config = relay->config;
	void *unbind_context = relay->unbind_context;
	im_status_t status = relay->bind_status;

	destroy(relay);
	if (config != NULL)
		im_complete_bind_adapter(config, status);
	else
		im_complete_unbind_adapter(unbind_context);
}

/* ---- The VNIC ------------------------------------------------------------------------------------ */

static enum relay_vnic vnic_state(struct relay *relay)
{
	enum relay_vnic vnic;

	im_acquire_spin_lock(&relay->lock);
	vnic = relay->vnic;
	im_release_spin_lock(&relay->lock);
	return vnic;
}

static void set_vnic_state(struct relay *relay, enum relay_vnic vnic)
{
	im_acquire_spin_lock(&relay->lock);
	relay->vnic = vnic;
	im_release_spin_lock(&relay->lock);
}

im_status_t relay_start_vnic(struct relay *relay)
{
	im_status_t status;
	bool wanted;

	im_acquire_spin_lock(&relay->lock);
	wanted = relay->vnic == RELAY_VNIC_NONE && !relay->deinitializing;
	if (wanted)
		relay->vnic = RELAY_VNIC_WANTED;
	im_release_spin_lock(&relay->lock);
	if (!wanted)
		return IM_STATUS_SUCCESS;
	status = im_initialize_device_instance(relay->face.driver->miniport, relay->vnic_name, relay);
	if (status != IM_STATUS_SUCCESS)
		set_vnic_state(relay, RELAY_VNIC_NONE);
	return status;
}

im_status_t im_relay_start(struct im_relay *face)
{
	return relay_start_vnic(relay_of(face));
}

IM_PASSIVE static void take_back_vnic(struct relay *relay)
{
	relay_close_gate(relay, IM_RELAY_STOPPED);
	set_vnic_state(relay, RELAY_VNIC_NONE);
}

im_status_t relay_initialize(struct im_instance *instance, void *device_context)
{
	struct relay *relay = device_context;
	im_status_t (*start)(struct im_relay *) = relay->face.driver->start;
	im_status_t status = IM_STATUS_SUCCESS;

	im_set_attributes(instance, relay,
			  IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE |
				  IM_ATTRIBUTE_NO_HALT_ON_SUSPEND | IM_ATTRIBUTE_IGNORE_TIMEOUTS);
	relay->face.instance = instance;
	set_account(relay, im_instance_account(instance));
	relay->link = (struct relay_link){0};
	relay_open_gate(relay, IM_RELAY_ASLEEP);
	if (start != NULL)
		status = start(&relay->face);
	set_vnic_state(relay, status == IM_STATUS_SUCCESS ? RELAY_VNIC_ALIVE : RELAY_VNIC_NONE);
	return status;
}

struct im_instance *relay_use_vnic(struct relay *relay)
{
	__atomic_add_fetch(&relay->users, 1, __ATOMIC_SEQ_CST); /* first the count, then the look (6.22) */
	if (vnic_state(relay) == RELAY_VNIC_ALIVE)
		return relay->face.instance;
	relay_leave_vnic(relay);
	return NULL;
}

void relay_leave_vnic(struct relay *relay)
{
	__atomic_sub_fetch(&relay->users, 1, __ATOMIC_RELEASE);
}

struct im_instance *im_relay_use_vnic(struct im_relay *face)
{
	return relay_use_vnic(relay_of(face));
}

void im_relay_leave_vnic(struct im_relay *face)
{
	relay_leave_vnic(relay_of(face));
}

/* A millisecond at a time: nobody who is at DISPATCH can wake a sleeper. */
IM_PASSIVE static void sleep_a_moment(void)
{
	struct im_event never = {0};

	im_wait_event(&never, 1);
}

/* No thread is on its way up any more when this returns (7.18). face.instance stays: a worker that has passed the gate
 * may look at it until the core's grace period ends. */
void relay_halt(void *context)
{
	struct relay *relay = context;

	if (relay->face.driver->stop != NULL)
		relay->face.driver->stop(&relay->face);
	take_back_vnic(relay);
	while (__atomic_load_n(&relay->users, __ATOMIC_ACQUIRE) > 0)
		sleep_a_moment();
	__atomic_store_n(&relay->status_told, false, __ATOMIC_RELAXED);
}

/* ---- Unbind -------------------------------------------------------------------------------------- */

/* Asked for and not there: taken back, or waited for, as it runs now (2.43, 2.44). */
IM_PASSIVE static void settle_initialize(struct relay *relay)
{
	if (vnic_state(relay) != RELAY_VNIC_WANTED)
		return;
	if (im_cancel_initialize_device_instance(relay->face.driver->miniport, relay->vnic_name) == IM_STATUS_SUCCESS) {
		set_vnic_state(relay, RELAY_VNIC_NONE);
		return;
	}
	while (vnic_state(relay) == RELAY_VNIC_WANTED)
		sleep_a_moment();
}

/* It may have been halted on its own, or be on its way there (1.41, 2.47). */
IM_PASSIVE static void stop_vnic(struct relay *relay)
{
	settle_initialize(relay);
	while (vnic_state(relay) == RELAY_VNIC_ALIVE) {
		if (im_deinitialize_device_instance(relay->face.instance) != IM_STATUS_SUCCESS)
			sleep_a_moment();
	}
}

void im_relay_stop(struct im_relay *face)
{
	struct relay *relay = relay_of(face);

	im_acquire_spin_lock(&relay->lock);
	relay->deinitializing = true;
	im_release_spin_lock(&relay->lock);
	relay_close_gate(relay, IM_RELAY_CLOSING);
	relay_fail_parked(relay);
	stop_vnic(relay);
	relay_abort_receives(relay);
}

/* In the order of 1.38. Nothing that this relay has asked of the adapter is open when it closes (3.21). */
im_status_t relay_unbind_adapter(void *context, void *unbind_context)
{
	struct relay *relay = context;

	relay->unbind_context = unbind_context;
	im_relay_stop(&relay->face);
	im_assemble_wait(&relay->assembler);
	relay_clear_below(relay);
	if (im_close_adapter(relay->face.below) == IM_STATUS_PENDING)
		return IM_STATUS_PENDING;
	destroy(relay);
	return IM_STATUS_SUCCESS;
}
