/* SPDX-License-Identifier: BSD-3-Clause */
#include "im/station.h"

#include <string.h>

#include <rte_common.h>

#include "im/packet.h"
#include "im/protocol.h"
#include "im/request.h"

#define BUFFER_SPACE   (512u * RTE_MBUF_DEFAULT_DATAROOM) /* of the descriptors that a VNIC has each way */
#define VENDOR_UNKNOWN 0xffffffu

static const uint8_t broadcast[IM_ADDRESS_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

IM_DISPATCH static bool is_listed(struct im_station *station, const uint8_t *address)
{
	bool listed = false;

	im_acquire_spin_lock(&station->lock);
	for (uint32_t i = 0; i < station->list_count && !listed; i++)
		listed = memcmp(station->list[i], address, IM_ADDRESS_SIZE) == 0;
	im_release_spin_lock(&station->lock);
	return listed;
}

bool im_station_takes(struct im_station *station, const uint8_t *destination)
{
	uint32_t filter = __atomic_load_n(&station->filter, __ATOMIC_RELAXED);

	if (filter & IM_FILTER_PROMISCUOUS)
		return true;
	if (filter == 0 || destination == NULL)
		return false;
	if ((destination[0] & 1) == 0)
		return (filter & IM_FILTER_DIRECTED) && memcmp(destination, station->address, IM_ADDRESS_SIZE) == 0;
	if (memcmp(destination, broadcast, IM_ADDRESS_SIZE) == 0)
		return filter & IM_FILTER_BROADCAST;
	return (filter & IM_FILTER_ALL_MULTICAST) ||
	       ((filter & IM_FILTER_MULTICAST) && is_listed(station, destination));
}

/* Lists stay up here, so an adapter that is not promiscuous must let all multicast frames pass. */
uint32_t im_station_filter_below(uint32_t wanted, bool addresses_differ)
{
	if (wanted == 0)
		return 0;
	if (addresses_differ)
		return wanted | IM_FILTER_PROMISCUOUS;
	return wanted & IM_FILTER_MULTICAST ? wanted | IM_FILTER_ALL_MULTICAST : wanted;
}

static im_status_t query_list(struct im_station *station, void *buffer, uint32_t length, uint32_t *written,
			      uint32_t *needed)
{
	uint8_t list[sizeof(station->list)];
	uint32_t size;

	im_acquire_spin_lock(&station->lock);
	size = station->list_count * IM_ADDRESS_SIZE;
	memcpy(list, station->list, size);
	im_release_spin_lock(&station->lock);
	return im_answer(list, size, buffer, length, written, needed);
}

/* X(OID, value) */
#define CONSTANTS(X)                                                                                                   \
	X(GEN_HARDWARE_STATUS, 0) /* ready */                                                                          \
	X(GEN_MEDIA_SUPPORTED, IM_MEDIUM_802_3)                                                                        \
	X(GEN_MEDIA_IN_USE, IM_MEDIUM_802_3)                                                                           \
	X(GEN_TRANSMIT_BUFFER_SPACE, BUFFER_SPACE)                                                                     \
	X(GEN_RECEIVE_BUFFER_SPACE, BUFFER_SPACE)                                                                      \
	X(GEN_VENDOR_ID, VENDOR_UNKNOWN)                                                                               \
	X(GEN_MAXIMUM_SEND_PACKETS, IM_BURST)                                                                          \
	X(802_3_MAXIMUM_LIST_SIZE, IM_STATION_LIST_MAX)

static bool find_constant(uint32_t oid, uint32_t *value)
{
	switch (oid) {
#define X(name, number)                                                                                                \
	case SLUICE_OID_##name:                                                                                        \
		*value = number;                                                                                       \
		return true;
		CONSTANTS(X)
#undef X
	default:
		return false;
	}
}

/* Errors of the wire are an adapter's, and cannot be told to be one VNIC's (6.42). */
im_status_t im_station_query(struct im_station *station, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			     uint32_t *needed)
{
	const uint32_t filter = __atomic_load_n(&station->filter, __ATOMIC_RELAXED);
	uint32_t number;

	if (find_constant(oid, &number))
		return im_answer(&number, sizeof(number), buffer, length, written, needed);
	switch (oid) {
	case SLUICE_OID_802_3_PERMANENT_ADDRESS:
	case SLUICE_OID_802_3_CURRENT_ADDRESS:
		return im_answer(station->address, sizeof(station->address), buffer, length, written, needed);
	case SLUICE_OID_GEN_CURRENT_PACKET_FILTER:
		return im_answer(&filter, sizeof(filter), buffer, length, written, needed);
	case SLUICE_OID_GEN_RCV_ERROR:
	case SLUICE_OID_802_3_RCV_ERROR_ALIGNMENT:
	case SLUICE_OID_802_3_XMIT_ONE_COLLISION:
	case SLUICE_OID_802_3_XMIT_MORE_COLLISIONS:
		return im_answer_counter(0, buffer, length, written, needed);
	case SLUICE_OID_802_3_MULTICAST_LIST:
		return query_list(station, buffer, length, written, needed);
	default:
		return IM_STATUS_NOT_SUPPORTED;
	}
}

im_status_t im_station_set_list(struct im_station *station, const void *buffer, uint32_t length, uint32_t *read,
				uint32_t *needed)
{
	if (length % IM_ADDRESS_SIZE != 0 || length > sizeof(station->list)) {
		*needed = RTE_MIN(length - length % IM_ADDRESS_SIZE, (uint32_t)sizeof(station->list));
		return IM_STATUS_INVALID_LENGTH;
	}
	im_acquire_spin_lock(&station->lock);
	if (length > 0) /* an empty list may come without a buffer */
		memcpy(station->list, buffer, length);
	station->list_count = length / IM_ADDRESS_SIZE;
	im_release_spin_lock(&station->lock);
	*read = length;
	return IM_STATUS_SUCCESS;
}

void im_station_clear(struct im_station *station)
{
	__atomic_store_n(&station->filter, 0, __ATOMIC_RELAXED);
	im_acquire_spin_lock(&station->lock);
	station->list_count = 0;
	im_release_spin_lock(&station->lock);
}
