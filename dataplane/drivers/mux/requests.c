/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests to the VNICs of a mux (contract section 6C, right column). What is not in the tables here is the relay's:
 * answered by it, or asked of the adapter.
 *
 * A set of the packet filter or of the look-ahead is a *wish*: kept with the VNIC, put together with what the others
 * have, asked of the adapter where the sum changes (6.36), and in force when the adapter has taken it.
 */
#include <string.h>

#include "mux.h"

#define MAC_OPTIONS 0x240u /* 802.1p priority and 802.1Q VLAN in the per-packet info */

const uint32_t mux_oids[] = {
#define X(name) SLUICE_OID_##name,
	IM_STATION_OID_TABLE(X)
#undef X
		SLUICE_OID_GEN_CURRENT_LOOKAHEAD,
	SLUICE_OID_GEN_PROTOCOL_OPTIONS,
	SLUICE_OID_GEN_MAC_OPTIONS,
	SLUICE_OID_GEN_VLAN_ID,
};

const uint32_t mux_oid_count = RTE_DIM(mux_oids);

/* A frame from above may get a tag on its way, which must fit below (6.35). */
static bool has_room_for_tag(uint32_t oid)
{
	return oid == SLUICE_OID_GEN_MAXIMUM_FRAME_SIZE || oid == SLUICE_OID_GEN_MAXIMUM_TOTAL_SIZE ||
	       oid == SLUICE_OID_GEN_TRANSMIT_BLOCK_SIZE || oid == SLUICE_OID_GEN_RECEIVE_BLOCK_SIZE ||
	       oid == SLUICE_OID_GEN_MAXIMUM_LOOKAHEAD;
}

void mux_answered(struct im_relay *relay, uint32_t oid, void *value, uint32_t length)
{
	uint32_t size;

	(void)relay;
	if (!has_room_for_tag(oid) || length != sizeof(size))
		return;
	memcpy(&size, value, sizeof(size));
	size -= RTE_MIN(size, TAG_SIZE);
	memcpy(value, &size, sizeof(size));
}

/* ---- Queries ------------------------------------------------------------------------------------- */

static uint32_t value_of(struct mux_vnic *vnic, enum mux_setting setting)
{
	uint32_t value;

	im_acquire_spin_lock(&vnic->mux->lock);
	value = vnic->values[setting];
	im_release_spin_lock(&vnic->mux->lock);
	return value;
}

static bool find_number(struct mux_vnic *vnic, uint32_t oid, uint32_t *value)
{
	switch (oid) {
	case SLUICE_OID_GEN_VLAN_ID:
		*value = __atomic_load_n(&vnic->vlan, __ATOMIC_RELAXED);
		return true;
	case SLUICE_OID_GEN_CURRENT_LOOKAHEAD:
		*value = value_of(vnic, MUX_LOOKAHEAD);
		return true;
	case SLUICE_OID_GEN_PROTOCOL_OPTIONS:
		*value = vnic->protocol_options;
		return true;
	case SLUICE_OID_GEN_MAC_OPTIONS:
		*value = MAC_OPTIONS;
		return true;
	default:
		return false;
	}
}

im_status_t mux_query_information(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
				  uint32_t *needed)
{
	struct im_relay *relay = context;
	struct mux_vnic *vnic = mux_vnic(relay);
	im_status_t status;
	uint32_t number;

	*written = 0;
	*needed = 0;
	if (find_number(vnic, oid, &number))
		return im_answer(&number, sizeof(number), buffer, length, written, needed);
	status = im_station_query(&vnic->station, oid, buffer, length, written, needed);
	if (status != IM_STATUS_NOT_SUPPORTED)
		return status;
	return im_relay_miniport.query_information(relay, oid, buffer, length, written, needed);
}

/* ---- Wishes -------------------------------------------------------------------------------------- */

/* What the VNIC has, or will have if its wish comes true. Under the lock. */
static uint32_t wanted_of(const struct mux_vnic *vnic, enum mux_setting setting)
{
	bool wishes = (vnic->wish == WISH_MADE || vnic->wish == WISH_ASKED) && vnic->wished == setting;

	return wishes ? vnic->wish_value : vnic->values[setting];
}

IM_DISPATCH static uint32_t combine(struct mux *mux, enum mux_setting setting)
{
	uint32_t all = 0, most = 0;
	bool differ = false;

	for (uint32_t i = 0; i < mux->count; i++) {
		struct mux_vnic *vnic = mux_vnic(mux->vnics[i]);
		uint32_t wanted = wanted_of(vnic, setting);

		all |= wanted;
		most = RTE_MAX(most, wanted);
		differ |= wanted != 0 && memcmp(vnic->station.address, mux->address, IM_ADDRESS_SIZE) != 0;
		if (vnic->wish == WISH_MADE && vnic->wished == setting)
			vnic->wish = WISH_ASKED;
	}
	if (setting == MUX_FILTER)
		return im_station_filter_below(all, differ);
	return most > 0 ? most + TAG_SIZE : 0; /* 6.39 */
}

IM_DISPATCH static uint32_t wanted(struct im_setting *setting)
{
	struct mux *mux = setting->owner;
	uint32_t value;

	im_acquire_spin_lock(&mux->lock);
	value = combine(mux, (enum mux_setting)(setting - mux->settings));
	im_release_spin_lock(&mux->lock);
	return value;
}

/* Under the lock. */
static void come_true(struct mux_vnic *vnic)
{
	vnic->values[vnic->wished] = vnic->wish_value;
	if (vnic->wished == MUX_FILTER)
		__atomic_store_n(&vnic->station.filter, vnic->wish_value, __ATOMIC_RELAXED);
}

/* The wish is over; a handler that has not returned yet answers for itself. */
static void end_wish(struct im_relay *relay, enum mux_wish from, im_status_t status)
{
	struct mux_vnic *vnic = mux_vnic(relay);
	bool complete;

	im_acquire_spin_lock(&vnic->mux->lock);
	if (vnic->wish < from || vnic->wish == WISH_ANSWERED) {
		im_release_spin_lock(&vnic->mux->lock);
		return;
	}
	if (status == IM_STATUS_SUCCESS)
		come_true(vnic);
	else
		*vnic->wish_read = 0;
	complete = vnic->pended;
	vnic->wish = complete ? WISH_NONE : WISH_ANSWERED;
	vnic->wish_status = status;
	vnic->pended = false;
	im_release_spin_lock(&vnic->mux->lock);
	if (complete)
		im_set_information_complete(relay->instance, status);
}

static bool wishes_for(struct im_relay *relay, enum mux_setting setting)
{
	struct mux_vnic *vnic = mux_vnic(relay);
	bool wishes;

	im_acquire_spin_lock(&vnic->mux->lock);
	wishes = vnic->wish == WISH_ASKED && vnic->wished == setting;
	im_release_spin_lock(&vnic->mux->lock);
	return wishes;
}

IM_DISPATCH static void settled(struct im_setting *setting, im_status_t status)
{
	struct mux *mux = setting->owner;

	for (uint32_t i = 0; i < mux->count; i++)
		if (wishes_for(mux->vnics[i], (enum mux_setting)(setting - mux->settings)))
			end_wish(mux->vnics[i], WISH_ASKED, status);
}

void mux_fail_wish(struct im_relay *relay, im_status_t status)
{
	end_wish(relay, WISH_MADE, status);
}

/* Returns whether the adapter is to be asked. */
static bool begin_wish(struct mux_vnic *vnic, enum mux_setting setting, uint32_t value, uint32_t *read)
{
	struct mux *mux = vnic->mux;
	bool begun;

	im_acquire_spin_lock(&mux->lock);
	begun = !mux->closing;
	if (begun) {
		vnic->wish = WISH_MADE;
		vnic->wished = setting;
		vnic->wish_value = value;
		vnic->wish_read = read;
		vnic->pended = false;
	}
	im_release_spin_lock(&mux->lock);
	return begun;
}

static im_status_t wish(struct im_relay *relay, enum mux_setting setting, uint32_t value, uint32_t *read)
{
	struct mux_vnic *vnic = mux_vnic(relay);
	struct mux *mux = vnic->mux;
	im_status_t status = IM_STATUS_PENDING;

	if (!begin_wish(vnic, setting, value, read))
		return IM_STATUS_CLOSING;
	im_setting_follow(&mux->settings[setting]);
	im_acquire_spin_lock(&mux->lock);
	if (vnic->wish == WISH_ANSWERED) {
		status = vnic->wish_status;
		vnic->wish = WISH_NONE;
	} else {
		vnic->pended = true;
	}
	im_release_spin_lock(&mux->lock);
	return status;
}

/* Its own sets are over when a VNIC halts (6.25). */
void mux_forget_wants(struct im_relay *relay)
{
	struct mux_vnic *vnic = mux_vnic(relay);
	struct mux *mux = vnic->mux;

	im_station_clear(&vnic->station);
	im_acquire_spin_lock(&mux->lock);
	memset(vnic->values, 0, sizeof(vnic->values));
	vnic->wish = WISH_NONE;
	im_release_spin_lock(&mux->lock);
	for (uint32_t i = 0; i < MUX_SETTINGS; i++)
		im_setting_follow(&mux->settings[i]);
}

void mux_settings_init(struct mux *mux)
{
	static const uint32_t settings[MUX_SETTINGS] = {
		[MUX_FILTER] = SLUICE_OID_GEN_CURRENT_PACKET_FILTER,
		[MUX_LOOKAHEAD] = SLUICE_OID_GEN_CURRENT_LOOKAHEAD,
	};

	for (uint32_t i = 0; i < MUX_SETTINGS; i++) {
		mux->settings[i] = (struct im_setting){.wrapper = mux_driver.wrapper,
						       .owner = mux,
						       .below = mux->below,
						       .oid = settings[i],
						       .wanted = wanted,
						       .settled = settled};
		im_setting_init(&mux->settings[i]);
	}
}

/* ---- Sets ---------------------------------------------------------------------------------------- */

static im_status_t set_number(struct im_relay *relay, uint32_t oid, uint32_t value, uint32_t *read)
{
	struct mux_vnic *vnic = mux_vnic(relay);

	switch (oid) {
	case SLUICE_OID_GEN_CURRENT_PACKET_FILTER:
		return value & ~IM_FILTER_KNOWN ? IM_STATUS_INVALID_DATA : wish(relay, MUX_FILTER, value, read);
	case SLUICE_OID_GEN_CURRENT_LOOKAHEAD:
		return wish(relay, MUX_LOOKAHEAD, value, read);
	case SLUICE_OID_GEN_VLAN_ID: /* 12 bits, the rest is 0 (6.43) */
		if (value & ~TAG_ID)
			return IM_STATUS_INVALID_DATA;
		__atomic_store_n(&vnic->vlan, (uint16_t)value, __ATOMIC_RELAXED);
		return IM_STATUS_SUCCESS;
	default:
		vnic->protocol_options = value;
		return IM_STATUS_SUCCESS;
	}
}

static bool is_settable_number(uint32_t oid)
{
	return oid == SLUICE_OID_GEN_CURRENT_PACKET_FILTER || oid == SLUICE_OID_GEN_CURRENT_LOOKAHEAD ||
	       oid == SLUICE_OID_GEN_VLAN_ID || oid == SLUICE_OID_GEN_PROTOCOL_OPTIONS;
}

static bool is_own(uint32_t oid)
{
	for (size_t i = 0; i < RTE_DIM(mux_oids); i++)
		if (mux_oids[i] == oid)
			return true;
	return false;
}

/* Of one that pends too the bytes are said now: after its completion they are not ours to write (6.12). */
im_status_t mux_set_information(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
				uint32_t *needed)
{
	struct im_relay *relay = context;
	uint32_t value;
	im_status_t status;

	*read = 0;
	*needed = 0;
	if (oid == SLUICE_OID_802_3_MULTICAST_LIST)
		return im_station_set_list(&mux_vnic(relay)->station, buffer, length, read, needed);
	if (!is_settable_number(oid))
		return is_own(oid) ? IM_STATUS_NOT_SUPPORTED
				   : im_relay_miniport.set_information(relay, oid, buffer, length, read, needed);
	status = im_take(&value, sizeof(value), buffer, length, read, needed);
	if (status != IM_STATUS_SUCCESS)
		return status;
	status = set_number(relay, oid, value, read);
	if (status != IM_STATUS_SUCCESS && status != IM_STATUS_PENDING)
		*read = 0;
	return status;
}

/* A wish ends here; what the adapter has been asked for is what the others and it wanted, and is corrected. */
void mux_cancel_request(void *context)
{
	struct im_relay *relay = context;
	struct mux *mux = mux_vnic(relay)->mux;

	mux_fail_wish(relay, IM_STATUS_REQUEST_ABORTED);
	for (uint32_t i = 0; i < MUX_SETTINGS; i++)
		im_setting_follow_soon(&mux->settings[i]);
	im_relay_miniport.cancel_request(relay);
}

void mux_request_complete(void *context, struct im_request *request, im_status_t status)
{
	struct mux *mux = context;

	if (im_question_answered(&mux->question, request, status))
		return;
	for (uint32_t i = 0; i < MUX_SETTINGS; i++)
		if (im_setting_answered(&mux->settings[i], request, status))
			return;
	for (uint32_t i = 0; i < mux->count; i++)
		if (im_relay_request_complete(mux->vnics[i], request, status))
			return;
}
