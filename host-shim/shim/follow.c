/* SPDX-License-Identifier: BSD-3-Clause */
#include "follow.h"

#include <string.h>

#include "log.h"

#define MAC	       "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_BYTES(mac) (mac)[0], (mac)[1], (mac)[2], (mac)[3], (mac)[4], (mac)[5]

uint32_t follow_filter(const struct device_state *state, bool other_mac, bool list_fits)
{
	uint32_t filter = FILTER_DIRECTED | FILTER_MULTICAST | FILTER_BROADCAST;

	if (!state->up)
		return 0;
	if (state->all_multicast || !list_fits)
		filter |= FILTER_ALL_MULTICAST;
	if (state->promiscuous || other_mac)
		filter |= FILTER_PROMISCUOUS;
	return filter;
}

static im_status_t set(struct sluice_miniport *miniport, uint32_t oid, const void *value, uint32_t length)
{
	uint32_t read, needed;

	return sluice_miniport_set(miniport, oid, value, length, &read, &needed);
}

#define AS_THE_PORT UINT32_MAX

/* What the user wants. A device that has the port's MTU, and not one that the user gave it, goes with the port's. What
 * was set back is the user's again when it is another one. */
static uint32_t wanted_mtu(struct follow *follow, const struct device_state *state)
{
	if (follow->mtu_given == 0 || follow->mtu_given != state->mtu) {
		follow->mtu_given = 0;
		follow->mtu_wanted = state->mtu == follow->port_mtu ? AS_THE_PORT : state->mtu;
	}
	return follow->mtu_wanted;
}

/* Frames longer than the card takes would be refused one by one: rather a device that says so. When a firmware comes
 * that takes them again, they are sent again. */
static void follow_mtu(struct follow *follow, struct sluice_miniport *miniport, const struct tap *tap,
		       const struct device_state *state)
{
	struct sluice_miniport_traits traits;
	uint32_t wanted = wanted_mtu(follow, state), mtu;
	int error;

	sluice_miniport_get_traits(miniport, &traits);
	follow->port_mtu = traits.mtu;
	mtu = wanted < traits.mtu ? wanted : traits.mtu;
	if (state->mtu == mtu)
		return;
	error = tap_set_mtu(tap, mtu);
	if (error != 0) {
		say("MTU %u of %s cannot be set to %u, as the port takes it: %s", state->mtu, tap->name, mtu,
		    strerror(-error));
		return;
	}
	follow->mtu_given = mtu < wanted ? mtu : 0;
	if (mtu < state->mtu)
		say("MTU %u of %s is more than the port takes: set back to %u; the port's MTU is in the firmware's policy",
		    state->mtu, tap->name, mtu);
	else
		say("the port takes longer frames now: MTU of %s is %u, not %u", tap->name, mtu, state->mtu);
}

static bool has_mac(struct sluice_miniport *miniport, const uint8_t mac[6])
{
	uint32_t written, needed;
	uint8_t current[6];

	return sluice_miniport_query(miniport, SLUICE_OID_802_3_CURRENT_ADDRESS, current, sizeof(current), &written,
				     &needed) == IM_STATUS_SUCCESS &&
	       written == sizeof(current) && memcmp(current, mac, sizeof(current)) == 0;
}

/* Whether the card listens to another address. It is asked once to take the device's. */
static bool follow_mac(struct follow *follow, struct sluice_miniport *miniport, const struct device_state *state)
{
	im_status_t status;

	if (has_mac(miniport, state->mac))
		return false;
	if (memcmp(follow->asked_mac, state->mac, sizeof(state->mac)) == 0)
		return true;
	memcpy(follow->asked_mac, state->mac, sizeof(state->mac));
	status = set(miniport, SLUICE_OID_802_3_CURRENT_ADDRESS, state->mac, sizeof(state->mac));
	if (status == IM_STATUS_SUCCESS)
		return false;
	say("the card listens to another address than " MAC " (%s): the port is promiscuous instead",
	    MAC_BYTES(state->mac), im_status_text(status));
	return true;
}

static bool is_list_new(const struct follow *follow, const struct device_state *state)
{
	return !follow->told || follow->multicast_count != state->multicast_count ||
	       memcmp(follow->multicast, state->multicast, sizeof(state->multicast)) != 0;
}

/* False where the card cannot take the list. */
static bool follow_multicast(struct follow *follow, struct sluice_miniport *miniport, const struct device_state *state)
{
	im_status_t status;

	if (!is_list_new(follow, state))
		return !follow->list_refused;
	follow->multicast_count = state->multicast_count;
	memcpy(follow->multicast, state->multicast, sizeof(state->multicast));
	if (state->multicast_count > WATCH_MULTICAST_MAX)
		status = IM_STATUS_RESOURCES;
	else
		status = set(miniport, SLUICE_OID_802_3_MULTICAST_LIST, state->multicast, state->multicast_count * 6);
	if (status != IM_STATUS_SUCCESS && !follow->list_refused)
		say("the card does not take the list of %u multicast addresses (%s): it delivers all multicast instead",
		    state->multicast_count, im_status_text(status));
	follow->list_refused = status != IM_STATUS_SUCCESS;
	return !follow->list_refused;
}

static void follow_packet_filter(struct follow *follow, struct sluice_miniport *miniport, uint32_t filter)
{
	im_status_t status;

	if (follow->told && follow->filter == filter)
		return;
	status = set(miniport, SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter));
	if (status == IM_STATUS_SUCCESS) {
		follow->filter = filter;
		follow->told = true;
		follow->filter_said = false;
	} else if (!follow->filter_said) {
		say("the card does not take packet filter 0x%02x: %s", filter, im_status_text(status));
		follow->filter_said = true;
	}
}

void follow_anew(struct follow *follow)
{
	memset(follow->asked_mac, 0, sizeof(follow->asked_mac));
	follow->told = false;
}

void follow_device(struct follow *follow, struct sluice_miniport *miniport, const struct tap *tap,
		   const struct device_state *state)
{
	bool other_mac, list_fits;

	if (!state->present)
		return;
	follow_mtu(follow, miniport, tap, state);
	other_mac = follow_mac(follow, miniport, state);
	list_fits = follow_multicast(follow, miniport, state);
	follow_packet_filter(follow, miniport, follow_filter(state, other_mac, list_fits));
}
