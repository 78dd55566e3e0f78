/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet filters and multicast lists. Several protocols may stand over one miniport, which has but one filter: what
 * goes down for a set is what all of them want together, so that one that goes, and clears its own, leaves the others
 * theirs. What the operator sets goes down as it is. The core remembers what the miniport has, for 7.2.
 */
#include <string.h>

#include "im/inside.h"

#define ADDRESS_SIZE 6u

bool im_is_addressing(const struct im_request *request)
{
	if (!request->set)
		return false;
	if (request->oid == SLUICE_OID_GEN_CURRENT_PACKET_FILTER)
		return request->length == sizeof(uint32_t);
	return request->oid == SLUICE_OID_802_3_MULTICAST_LIST && request->length % ADDRESS_SIZE == 0 &&
	       request->length <= sizeof(((struct im_addressing *)0)->multicast);
}

static bool has_address(const struct im_addressing *all, const uint8_t *address)
{
	for (uint32_t at = 0; at < all->multicast_length; at += ADDRESS_SIZE)
		if (memcmp(&all->multicast[at], address, ADDRESS_SIZE) == 0)
			return true;
	return false;
}

static bool add_addresses(struct im_addressing *all, const uint8_t *list, uint32_t length)
{
	for (uint32_t at = 0; at < length; at += ADDRESS_SIZE) {
		if (has_address(all, list + at))
			continue;
		if (all->multicast_length == sizeof(all->multicast))
			return false;
		memcpy(&all->multicast[all->multicast_length], list + at, ADDRESS_SIZE);
		all->multicast_length += ADDRESS_SIZE;
	}
	return true;
}

/* Put what the request sets into @p wanted. */
static void take(struct im_addressing *wanted, const struct im_request *request)
{
	if (request->oid == SLUICE_OID_GEN_CURRENT_PACKET_FILTER) {
		memcpy(&wanted->packet_filter, request->buffer, sizeof(wanted->packet_filter));
		return;
	}
	wanted->multicast_length = request->length;
	if (request->length > 0) /* an empty list may come without a buffer */
		memmove(wanted->multicast, request->buffer, request->length);
}

/* Its own addresses first: a miniport that has room for few refuses what came last. */
im_status_t im_merge_addressing(struct im_instance *instance, const struct im_request *request,
				struct im_addressing *merged)
{
	const struct im_binding *other;
	bool fits = true;

	*merged = (struct im_addressing){0};
	take(merged, request);
	pthread_mutex_lock(&im_core.lock);
	TAILQ_FOREACH(other, &instance->uppers, upper)
	{
		if (other == request->core.binding)
			continue;
		merged->packet_filter |= other->addressing.packet_filter;
		fits &= add_addresses(merged, other->addressing.multicast, other->addressing.multicast_length);
	}
	pthread_mutex_unlock(&im_core.lock);
	return fits || request->oid != SLUICE_OID_802_3_MULTICAST_LIST ? IM_STATUS_SUCCESS : IM_STATUS_RESOURCES;
}

static void show_filter(struct im_instance *instance)
{
	if (instance->addressing.packet_filter != 0)
		im_open_gate(&instance->gate, IM_GATE_NO_FILTER);
	else
		im_close_gate(&instance->gate, IM_GATE_NO_FILTER);
}

void im_remember_addressing(struct im_instance *instance, const struct im_request *request,
			    const struct im_addressing *merged)
{
	struct im_addressing *has = &instance->addressing;

	if (request->core.binding != NULL)
		take(&request->core.binding->addressing, request);
	if (merged == NULL) {
		take(has, request);
	} else if (request->oid == SLUICE_OID_GEN_CURRENT_PACKET_FILTER) {
		has->packet_filter = merged->packet_filter;
	} else {
		has->multicast_length = merged->multicast_length;
		memcpy(has->multicast, merged->multicast, merged->multicast_length);
	}
	show_filter(instance);
}
