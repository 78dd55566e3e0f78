/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a VNIC is to the network where several share an adapter, or one has several: its own address, its own packet
 * filter, its own multicast list, matched in software (6.36-6.38, 10.7).
 */
#ifndef IM_STATION_H
#define IM_STATION_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/im_status.h"
#include "level.h"
#include "sync.h"

/* Bits of OID_GEN_CURRENT_PACKET_FILTER. */
#define IM_FILTER_DIRECTED	0x01u
#define IM_FILTER_MULTICAST	0x02u /* addresses of the list */
#define IM_FILTER_ALL_MULTICAST 0x04u
#define IM_FILTER_BROADCAST	0x08u
#define IM_FILTER_PROMISCUOUS	0x20u
#define IM_FILTER_KNOWN		0x2fu

#define IM_ADDRESS_SIZE	    6u
#define IM_STATION_LIST_MAX 32u

/** All zero takes nothing. */
struct im_station {
	uint8_t address[IM_ADDRESS_SIZE]; /* before its VNIC is asked for */
	uint32_t filter;		  /* in force; atomic */
	struct im_lock lock;		  /* of the list */
	uint32_t list_count;
	uint8_t list[IM_STATION_LIST_MAX][IM_ADDRESS_SIZE];
};

/** Whether a frame to this address is for it, by filter and list [10.7]. NULL: the frame is too short to have one.
 * Level: DISPATCH. */
IM_DISPATCH bool im_station_takes(struct im_station *station, const uint8_t *destination);

/** What the adapter below must let pass, where @p wanted is what all stations over it want, and whether one of them has
 * another address than it [6.36]. Level: any. */
uint32_t im_station_filter_below(uint32_t wanted, bool addresses_differ);

/* What a station answers that nobody below has to be asked for (6.34, 6.38, 6.42). X(OID) */
#define IM_STATION_OID_TABLE(X)                                                                                        \
	X(802_3_PERMANENT_ADDRESS)                                                                                     \
	X(802_3_CURRENT_ADDRESS)                                                                                       \
	X(802_3_MULTICAST_LIST)                                                                                        \
	X(802_3_MAXIMUM_LIST_SIZE)                                                                                     \
	X(GEN_CURRENT_PACKET_FILTER)                                                                                   \
	X(GEN_HARDWARE_STATUS)                                                                                         \
	X(GEN_MEDIA_SUPPORTED)                                                                                         \
	X(GEN_MEDIA_IN_USE)                                                                                            \
	X(GEN_TRANSMIT_BUFFER_SPACE)                                                                                   \
	X(GEN_RECEIVE_BUFFER_SPACE)                                                                                    \
	X(GEN_VENDOR_ID)                                                                                               \
	X(GEN_MAXIMUM_SEND_PACKETS)                                                                                    \
	X(GEN_RCV_ERROR)                                                                                               \
	X(802_3_RCV_ERROR_ALIGNMENT)                                                                                   \
	X(802_3_XMIT_ONE_COLLISION)                                                                                    \
	X(802_3_XMIT_MORE_COLLISIONS)

/** Answer one of these [6.34, 6.38, 6.42]; BUFFER_TOO_SHORT with @p needed [6.4]; NOT_SUPPORTED: it is none. Level:
 * any. */
im_status_t im_station_query(struct im_station *station, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			     uint32_t *needed);

/** Set OID_802_3_MULTICAST_LIST, which is copied [6.37]. INVALID_LENGTH with @p needed: no whole addresses, or too
 * many; the list is as it was. Level: any. */
im_status_t im_station_set_list(struct im_station *station, const void *buffer, uint32_t length, uint32_t *read,
				uint32_t *needed);

/** Take nothing any more, as at first, when its VNIC halts [10.13]; the address stays. Level: any. */
void im_station_clear(struct im_station *station);

#endif
