/* SPDX-License-Identifier: BSD-3-Clause */
/* What a port answers about itself (contract 6.31-6.47). */
#include <string.h>

#include <rte_ethdev.h>

#include "im/core.h"
#include "port.h"

#define FILTER_PROMISCUOUS   0x20u
#define FILTER_ALL_MULTICAST 0x04u
#define FILTER_KNOWN	     0x2fu
#define MULTICAST_MAX	     RTE_DIM(((struct edge_port *)0)->multicast)
#define BUFFER_BYTES	     RTE_MBUF_DEFAULT_DATAROOM

#define WAKE_UP_MEMBERS 3u

/* ---- Numbers ------------------------------------------------------------------------------------- */

static uint32_t link_speed(const struct edge_port *port)
{
	struct rte_eth_link link;

	if (rte_eth_link_get_nowait(port->port_id, &link) != 0 || link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN)
		return 0;
	return link.link_speed * 10000; /* Mbit/s in units of 100 bit/s; 400 Gbit/s still fits */
}

static uint32_t disconnected(const struct edge_port *port)
{
	struct rte_eth_link link;

	return rte_eth_link_get_nowait(port->port_id, &link) != 0 || link.link_status != RTE_ETH_LINK_UP;
}

/* X(OID, number) */
#define NUMBERS(X)                                                                                                     \
	X(GEN_HARDWARE_STATUS, port->started ? 0 : 4)                                                                  \
	X(GEN_MEDIA_SUPPORTED, 0)                                                                                      \
	X(GEN_MEDIA_IN_USE, 0)                                                                                         \
	X(GEN_MAXIMUM_LOOKAHEAD, port->config.mtu)                                                                     \
	X(GEN_MAXIMUM_FRAME_SIZE, port->config.mtu)                                                                    \
	X(GEN_MAXIMUM_TOTAL_SIZE, port->max_frame)                                                                     \
	X(GEN_LINK_SPEED, link_speed(port))                                                                            \
	X(GEN_TRANSMIT_BUFFER_SPACE, EDGE_PENDING_MAX *BUFFER_BYTES)                                                   \
	X(GEN_RECEIVE_BUFFER_SPACE, port->pool->buffers->size *BUFFER_BYTES)                                           \
	X(GEN_TRANSMIT_BLOCK_SIZE, BUFFER_BYTES)                                                                       \
	X(GEN_RECEIVE_BLOCK_SIZE, BUFFER_BYTES)                                                                        \
	X(GEN_VENDOR_ID, 0xffffff)                                                                                     \
	X(GEN_CURRENT_PACKET_FILTER, port->packet_filter)                                                              \
	X(GEN_CURRENT_LOOKAHEAD, port->lookahead)                                                                      \
	X(GEN_PROTOCOL_OPTIONS, port->protocol_options)                                                                \
	X(GEN_MAC_OPTIONS, 0)                                                                                          \
	X(GEN_MEDIA_CONNECT_STATUS, disconnected(port))                                                                \
	X(GEN_MAXIMUM_SEND_PACKETS, IM_BURST)                                                                          \
	X(GEN_VENDOR_DRIVER_VERSION, 1u << 16)                                                                         \
	X(802_3_MAXIMUM_LIST_SIZE, MULTICAST_MAX)                                                                      \
	X(OFFLOAD_ENCAPSULATION, port->encapsulation)                                                                  \
	X(TCP_TASK_OFFLOAD, port->offloads)                                                                            \
	X(TCP_OFFLOAD_HARDWARE_CAPABILITIES, EDGE_OFFLOADS)

/* X(OID, counter of struct rte_eth_stats) */
#define COUNTERS(X)                                                                                                    \
	X(GEN_XMIT_OK, stats.opackets)                                                                                 \
	X(GEN_RCV_OK, stats.ipackets)                                                                                  \
	X(GEN_XMIT_ERROR, stats.oerrors)                                                                               \
	X(GEN_RCV_ERROR, stats.ierrors)                                                                                \
	X(GEN_RCV_NO_BUFFER, stats.rx_nombuf + stats.imissed)

/* X(member of struct sluice_oid_statistics, the same): the others are not known to the device. */
#define STATISTICS(X)                                                                                                  \
	X(in_octets, stats.ibytes)                                                                                     \
	X(in_errors, stats.ierrors)                                                                                    \
	X(in_discards, stats.rx_nombuf + stats.imissed)                                                                \
	X(out_octets, stats.obytes)                                                                                    \
	X(out_errors, stats.oerrors)

/* Those with an answer of another form, or none but to a set. X(OID) */
#define OTHERS(X)                                                                                                      \
	X(GEN_SUPPORTED_LIST)                                                                                          \
	X(GEN_DRIVER_VERSION)                                                                                          \
	X(GEN_STATISTICS)                                                                                              \
	X(GEN_VENDOR_DESCRIPTION)                                                                                      \
	X(802_3_PERMANENT_ADDRESS)                                                                                     \
	X(802_3_CURRENT_ADDRESS)                                                                                       \
	X(802_3_MULTICAST_LIST)                                                                                        \
	X(PNP_CAPABILITIES)                                                                                            \
	X(PNP_QUERY_POWER)                                                                                             \
	X(PNP_SET_POWER)

/* What is listed is answered, and the other way round (6.46). */
static const uint32_t supported[] = {
#define X(name, ...) SLUICE_OID_##name,
	NUMBERS(X) COUNTERS(X) OTHERS(X)
#undef X
};

static bool find_number(const struct edge_port *port, uint32_t oid, uint32_t *value)
{
	switch (oid) {
#define X(name, number)                                                                                                \
	case SLUICE_OID_##name:                                                                                        \
		*value = (uint32_t)(number);                                                                           \
		return true;
		NUMBERS(X)
#undef X
	default:
		return false;
	}
}

/* ---- Counters ------------------------------------------------------------------------------------ */

static bool find_counter(const struct edge_port *port, uint32_t oid, uint64_t *value)
{
	struct rte_eth_stats stats = {0};

	rte_eth_stats_get(port->port_id, &stats);
	switch (oid) {
#define X(name, counter)                                                                                               \
	case SLUICE_OID_##name:                                                                                        \
		*value = counter;                                                                                      \
		return true;
		COUNTERS(X)
#undef X
	default:
		return false;
	}
}

static struct sluice_oid_statistics read_statistics(const struct edge_port *port)
{
	struct sluice_oid_statistics known = {0};
	struct rte_eth_stats stats = {0};

	if (rte_eth_stats_get(port->port_id, &stats) != 0)
		return known;
#define X(member, counter)                                                                                             \
	known.valid |= UINT64_C(1) << SLUICE_STATISTIC_##member;                                                       \
	known.member = counter;
	STATISTICS(X)
#undef X
	return known;
}

static im_status_t answer_other(const struct edge_port *port, uint32_t oid, void *buffer, uint32_t length,
				uint32_t *written, uint32_t *needed)
{
	static const uint32_t wake_up[WAKE_UP_MEMBERS]; /* all unspecified: a port wakes nobody */
	const uint16_t version = IM_MAJOR_VERSION << 8 | IM_MINOR_VERSION;
	struct sluice_oid_statistics statistics;

	switch (oid) {
	case SLUICE_OID_GEN_SUPPORTED_LIST:
		return im_answer(supported, sizeof(supported), buffer, length, written, needed);
	case SLUICE_OID_GEN_DRIVER_VERSION:
		return im_answer(&version, sizeof(version), buffer, length, written, needed);
	case SLUICE_OID_GEN_STATISTICS:
		statistics = read_statistics(port);
		return im_answer(&statistics, sizeof(statistics), buffer, length, written, needed);
	case SLUICE_OID_GEN_VENDOR_DESCRIPTION:
		return im_answer(port->config.devargs, (uint32_t)strlen(port->config.devargs), buffer, length, written,
				 needed);
	case SLUICE_OID_802_3_PERMANENT_ADDRESS:
	case SLUICE_OID_802_3_CURRENT_ADDRESS:
		return im_answer(port->mac, sizeof(port->mac), buffer, length, written, needed);
	case SLUICE_OID_802_3_MULTICAST_LIST:
		return im_answer(port->multicast, port->multicast_count * 6, buffer, length, written, needed);
	case SLUICE_OID_PNP_CAPABILITIES:
		return im_answer(wake_up, sizeof(wake_up), buffer, length, written, needed);
	case SLUICE_OID_PNP_QUERY_POWER: /* always a success: the state asked about stays in the buffer (6.27) */
		*written = length >= sizeof(uint32_t) ? sizeof(uint32_t) : 0;
		return IM_STATUS_SUCCESS;
	default:
		return IM_STATUS_NOT_SUPPORTED;
	}
}

im_status_t edge_port_query(struct edge_port *port, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			    uint32_t *needed)
{
	uint64_t counter;
	uint32_t number;

	if (find_number(port, oid, &number))
		return im_answer(&number, sizeof(number), buffer, length, written, needed);
	if (find_counter(port, oid, &counter))
		return im_answer_counter(counter, buffer, length, written, needed);
	return answer_other(port, oid, buffer, length, written, needed);
}

/* ---- Sets ---------------------------------------------------------------------------------------- */

/* The device is told what it can do about it; a device without the switch delivers everything anyway. */
static im_status_t set_packet_filter(struct edge_port *port, uint32_t filter)
{
	if ((filter & ~FILTER_KNOWN) != 0)
		return IM_STATUS_INVALID_DATA;
	if (filter & FILTER_PROMISCUOUS)
		rte_eth_promiscuous_enable(port->port_id);
	else
		rte_eth_promiscuous_disable(port->port_id);
	if (filter & FILTER_ALL_MULTICAST)
		rte_eth_allmulticast_enable(port->port_id);
	else
		rte_eth_allmulticast_disable(port->port_id);
	__atomic_store_n(&port->packet_filter, filter, __ATOMIC_RELAXED);
	if (filter == 0)
		im_synchronize(); /* what was received before is on its way when this returns (5.9) */
	return IM_STATUS_SUCCESS;
}

/* Asleep it is not polled, and keeps what it was told (6.28, 10.37). */
static im_status_t set_power(struct edge_port *port, uint32_t power)
{
	if (power < IM_POWER_D0 || power > IM_POWER_D3)
		return IM_STATUS_NOT_ACCEPTED;
	if (power == IM_POWER_D0)
		__atomic_and_fetch(&port->stopped, ~(uint32_t)EDGE_STOP_ASLEEP, __ATOMIC_RELEASE);
	else
		__atomic_or_fetch(&port->stopped, EDGE_STOP_ASLEEP, __ATOMIC_RELEASE);
	return IM_STATUS_SUCCESS;
}

static im_status_t set_number(struct edge_port *port, uint32_t oid, uint32_t value)
{
	switch (oid) {
	case SLUICE_OID_PNP_SET_POWER:
		return set_power(port, value);
	case SLUICE_OID_TCP_TASK_OFFLOAD:
		return edge_set_offloads(port, value);
	case SLUICE_OID_OFFLOAD_ENCAPSULATION:
		return edge_set_encapsulation(port, value);
	case SLUICE_OID_GEN_CURRENT_PACKET_FILTER:
		return set_packet_filter(port, value);
	case SLUICE_OID_GEN_CURRENT_LOOKAHEAD:
		if (value > port->config.mtu)
			return IM_STATUS_INVALID_DATA;
		port->lookahead = value;
		return IM_STATUS_SUCCESS;
	case SLUICE_OID_GEN_PROTOCOL_OPTIONS:
		port->protocol_options = value;
		return IM_STATUS_SUCCESS;
	default:
		return IM_STATUS_NOT_SUPPORTED;
	}
}

static bool is_settable_number(uint32_t oid)
{
	return oid == SLUICE_OID_GEN_CURRENT_PACKET_FILTER || oid == SLUICE_OID_GEN_CURRENT_LOOKAHEAD ||
	       oid == SLUICE_OID_GEN_PROTOCOL_OPTIONS || oid == SLUICE_OID_TCP_TASK_OFFLOAD ||
	       oid == SLUICE_OID_OFFLOAD_ENCAPSULATION || oid == SLUICE_OID_PNP_SET_POWER;
}

/* Whole addresses, all of them multicast, no more than there is room for (6.37). */
static im_status_t set_multicast(struct edge_port *port, const void *buffer, uint32_t length, uint32_t *read,
				 uint32_t *needed)
{
	const uint8_t *address = buffer;

	if (length % 6 != 0 || length > sizeof(port->multicast)) {
		*needed = length % 6 != 0 ? length - length % 6 : sizeof(port->multicast);
		return IM_STATUS_INVALID_LENGTH;
	}
	for (uint32_t at = 0; at < length; at += 6)
		if ((address[at] & 1) == 0)
			return IM_STATUS_INVALID_DATA;
	if (length > 0) /* an empty list has no buffer */
		memcpy(port->multicast, buffer, length);
	port->multicast_count = length / 6;
	rte_eth_dev_set_mc_addr_list(port->port_id, (struct rte_ether_addr *)port->multicast, port->multicast_count);
	*read = length;
	return IM_STATUS_SUCCESS;
}

im_status_t edge_port_set(struct edge_port *port, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
			  uint32_t *needed)
{
	im_status_t status;
	uint32_t value;

	if (oid == SLUICE_OID_802_3_MULTICAST_LIST)
		return set_multicast(port, buffer, length, read, needed);
	if (!is_settable_number(oid))
		return IM_STATUS_NOT_SUPPORTED;
	if (length != sizeof(value)) {
		*needed = sizeof(value);
		return IM_STATUS_INVALID_LENGTH;
	}
	memcpy(&value, buffer, sizeof(value));
	status = set_number(port, oid, value);
	if (status == IM_STATUS_SUCCESS)
		*read = sizeof(value);
	return status;
}
