/* SPDX-License-Identifier: BSD-3-Clause */
/* What a relay answers itself, what it asks below, and what it changes of the answer (contract section 6C). */
#include <string.h>

#include "im/core.h"
#include "relay_inside.h"

/* ---- Who answers what ---------------------------------------------------------------------------- */

/* X(OID, query, set) */
#define OID_TABLE(X)                                                                                                   \
	X(GEN_SUPPORTED_LIST, CHANGED, NONE)                                                                           \
	X(GEN_HARDWARE_STATUS, FORWARD, NONE)                                                                          \
	X(GEN_MEDIA_SUPPORTED, FORWARD, NONE)                                                                          \
	X(GEN_MEDIA_IN_USE, FORWARD, NONE)                                                                             \
	X(GEN_MAXIMUM_LOOKAHEAD, FORWARD, NONE)                                                                        \
	X(GEN_MAXIMUM_FRAME_SIZE, FORWARD, NONE)                                                                       \
	X(GEN_LINK_SPEED, FORWARD, NONE)                                                                               \
	X(GEN_TRANSMIT_BUFFER_SPACE, FORWARD, NONE)                                                                    \
	X(GEN_RECEIVE_BUFFER_SPACE, FORWARD, NONE)                                                                     \
	X(GEN_TRANSMIT_BLOCK_SIZE, FORWARD, NONE)                                                                      \
	X(GEN_RECEIVE_BLOCK_SIZE, FORWARD, NONE)                                                                       \
	X(GEN_VENDOR_ID, FORWARD, NONE)                                                                                \
	X(GEN_VENDOR_DESCRIPTION, OWN, NONE)                                                                           \
	X(GEN_VENDOR_DRIVER_VERSION, OWN, NONE)                                                                        \
	X(GEN_CURRENT_PACKET_FILTER, FORWARD, FORWARD)                                                                 \
	X(GEN_CURRENT_LOOKAHEAD, FORWARD, FORWARD)                                                                     \
	X(GEN_DRIVER_VERSION, OWN, NONE)                                                                               \
	X(GEN_MAXIMUM_TOTAL_SIZE, FORWARD, NONE)                                                                       \
	X(GEN_PROTOCOL_OPTIONS, FORWARD, FORWARD)                                                                      \
	X(GEN_MAC_OPTIONS, FORWARD, NONE)                                                                              \
	X(GEN_MEDIA_CONNECT_STATUS, FORWARD, NONE)                                                                     \
	X(GEN_MAXIMUM_SEND_PACKETS, FORWARD, NONE)                                                                     \
	X(GEN_SUPPORTED_GUIDS, NONE, NONE)                                                                             \
	X(GEN_VLAN_ID, FORWARD, FORWARD)                                                                               \
	X(GEN_XMIT_OK, OWN, NONE)                                                                                      \
	X(GEN_RCV_OK, OWN, NONE)                                                                                       \
	X(GEN_XMIT_ERROR, OWN, NONE)                                                                                   \
	X(GEN_RCV_ERROR, FORWARD, NONE)                                                                                \
	X(GEN_RCV_NO_BUFFER, OWN, NONE)                                                                                \
	X(GEN_STATISTICS, OWN, NONE)                                                                                   \
	X(802_3_PERMANENT_ADDRESS, FORWARD, NONE)                                                                      \
	X(802_3_CURRENT_ADDRESS, FORWARD, NONE)                                                                        \
	X(802_3_MULTICAST_LIST, FORWARD, FORWARD)                                                                      \
	X(802_3_MAXIMUM_LIST_SIZE, FORWARD, NONE)                                                                      \
	X(802_3_RCV_ERROR_ALIGNMENT, FORWARD, NONE)                                                                    \
	X(802_3_XMIT_ONE_COLLISION, FORWARD, NONE)                                                                     \
	X(802_3_XMIT_MORE_COLLISIONS, FORWARD, NONE)                                                                   \
	X(OFFLOAD_ENCAPSULATION, OFFLOAD, OFFLOAD)                                                                     \
	X(TCP_TASK_OFFLOAD, OFFLOAD, OFFLOAD)                                                                          \
	X(TCP_OFFLOAD_HARDWARE_CAPABILITIES, OFFLOAD, NONE)                                                            \
	X(PNP_CAPABILITIES, CHANGED, NONE)                                                                             \
	X(PNP_SET_POWER, NONE, OWN)                                                                                    \
	X(PNP_QUERY_POWER, OWN, NONE)                                                                                  \
	X(PNP_ADD_WAKE_UP_PATTERN, NONE, FORWARD)                                                                      \
	X(PNP_REMOVE_WAKE_UP_PATTERN, NONE, FORWARD)                                                                   \
	X(PNP_WAKE_UP_PATTERN_LIST, FORWARD, NONE)                                                                     \
	X(PNP_ENABLE_WAKE_UP, FORWARD, FORWARD)

static const struct row {
	uint32_t oid;
	enum relay_answer query, set;
} rows[] = {
#define X(name, query_, set_) {.oid = SLUICE_OID_##name, .query = RELAY_##query_, .set = RELAY_##set_},
	OID_TABLE(X)
#undef X
};

#define OIDS_MAX (RTE_DIM(rows) + 64u) /* with those of the driver */

enum relay_answer relay_who_answers(const struct relay *relay, uint32_t oid, bool set)
{
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		enum relay_answer answer = set ? rows[i].set : rows[i].query;

		if (rows[i].oid != oid)
			continue;
		if (answer == RELAY_OFFLOAD)
			return relay->face.driver->edits_frames ? RELAY_NONE : RELAY_FORWARD;
		return answer;
	}
	return RELAY_NONE;
}

/* ---- Own answers --------------------------------------------------------------------------------- */

/* Of the original packets, each once, by how it was completed (4.36, 6.40). */
static bool find_counter(const struct relay *relay, uint32_t oid, uint64_t *value)
{
	struct im_account sum;

	im_read_account(im_instance_account(relay->face.instance), &sum);
	switch (oid) {
	case SLUICE_OID_GEN_XMIT_OK:
		*value = sum.sends_good;
		return true;
	case SLUICE_OID_GEN_XMIT_ERROR:
		*value = sum.sends_done - sum.sends_good;
		return true;
	case SLUICE_OID_GEN_RCV_OK:
		*value = sum.indicated;
		return true;
	case SLUICE_OID_GEN_RCV_NO_BUFFER:
		*value = sum.drops[SLUICE_IN][SLUICE_DROP_NO_DESCRIPTOR] + sum.drops[SLUICE_IN][SLUICE_DROP_HOLD_FULL];
		return true;
	default:
		return false;
	}
}

static uint64_t sum_drops(const struct im_account *account, enum sluice_direction direction)
{
	uint64_t sum = 0;

	for (uint32_t reason = 0; reason < SLUICE_DROP_LIMIT; reason++)
		sum += account->drops[direction][reason];
	return sum;
}

/* Octets as they came in at either edge, with those of packets that are dropped then. To whom frames are addressed
 * nobody counts (6.41). */
static struct sluice_oid_statistics read_statistics(const struct relay *relay)
{
	struct im_account vnic, below;

	im_read_account(im_instance_account(relay->face.instance), &vnic);
	im_read_account(im_binding_account(relay->face.below), &below);
	return (struct sluice_oid_statistics){
		.valid = 1u << SLUICE_STATISTIC_in_octets | 1u << SLUICE_STATISTIC_in_discards |
			 1u << SLUICE_STATISTIC_out_octets | 1u << SLUICE_STATISTIC_out_errors,
		.in_octets = below.handled[SLUICE_IN].bytes,
		.in_discards = sum_drops(&vnic, SLUICE_IN),
		.out_octets = vnic.handled[SLUICE_OUT].bytes,
		.out_errors = vnic.sends_done - vnic.sends_good,
	};
}

/* Always a success: the state asked about stays in the buffer (6.27). */
static im_status_t agree_to_power(uint32_t length, uint32_t *written)
{
	*written = length >= sizeof(uint32_t) ? sizeof(uint32_t) : 0;
	return IM_STATUS_SUCCESS;
}

im_status_t relay_query_own(const struct relay *relay, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			    uint32_t *needed)
{
	const struct im_relay_driver *driver = relay->face.driver;
	const uint16_t interface = IM_MAJOR_VERSION << 8 | IM_MINOR_VERSION;
	const uint32_t version = driver->version != 0 ? driver->version : 1u << 16;
	struct sluice_oid_statistics statistics;
	uint64_t counter;

	if (find_counter(relay, oid, &counter))
		return im_answer_counter(counter, buffer, length, written, needed);
	switch (oid) {
	case SLUICE_OID_GEN_STATISTICS:
		statistics = read_statistics(relay);
		return im_answer(&statistics, sizeof(statistics), buffer, length, written, needed);
	case SLUICE_OID_GEN_VENDOR_DESCRIPTION:
		return im_answer(driver->description, (uint32_t)strlen(driver->description), buffer, length, written,
				 needed);
	case SLUICE_OID_GEN_VENDOR_DRIVER_VERSION:
		return im_answer(&version, sizeof(version), buffer, length, written, needed);
	case SLUICE_OID_GEN_DRIVER_VERSION:
		return im_answer(&interface, sizeof(interface), buffer, length, written, needed);
	case SLUICE_OID_PNP_QUERY_POWER:
		return agree_to_power(length, written);
	default:
		return IM_STATUS_NOT_SUPPORTED;
	}
}

/* SUCCESS or NOT_ACCEPTED, once the length is right (6.28). */
im_status_t relay_set_own(struct relay *relay, const void *buffer, uint32_t length, uint32_t *read, uint32_t *needed)
{
	uint32_t power;
	im_status_t status = im_take(&power, sizeof(power), buffer, length, read, needed);

	if (status != IM_STATUS_SUCCESS)
		return status;
	if (power < IM_POWER_D0 || power > IM_POWER_D3) {
		*read = 0;
		return IM_STATUS_NOT_ACCEPTED;
	}
	relay_set_vnic_power(relay, power);
	return IM_STATUS_SUCCESS;
}

/* ---- What comes back from below ------------------------------------------------------------------ */

/* Whether the adapter below answers @p oid. One that has no list, or too long a one, is taken at its word later. */
static bool is_below(const struct relay_forward *forward, im_status_t status, uint32_t oid)
{
	const uint32_t *list = forward->request.buffer;

	if (status != IM_STATUS_SUCCESS)
		return true;
	for (uint32_t i = 0; i < forward->request.done / sizeof(*list); i++)
		if (list[i] == oid)
			return true;
	return false;
}

static bool is_drivers(const struct im_relay_driver *driver, uint32_t oid)
{
	for (uint32_t i = 0; i < driver->oid_count; i++)
		if (driver->oids[i] == oid)
			return true;
	return false;
}

/* Exactly what is answered: the relay's, what the adapter below answers of what is forwarded, the driver's (6.46). */
static uint32_t list_oids(const struct relay *relay, im_status_t status, uint32_t *list)
{
	const struct im_relay_driver *driver = relay->face.driver;
	uint32_t count = 0;

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		enum relay_answer query = relay_who_answers(relay, rows[i].oid, false),
				  set = relay_who_answers(relay, rows[i].oid, true);
		bool own = query == RELAY_OWN || set == RELAY_OWN || rows[i].oid == SLUICE_OID_GEN_SUPPORTED_LIST;

		if (is_drivers(driver, rows[i].oid))
			continue; /* in its place below */
		if (own ||
		    ((query != RELAY_NONE || set != RELAY_NONE) && is_below(&relay->forward, status, rows[i].oid)))
			list[count++] = rows[i].oid;
	}
	for (uint32_t i = 0; i < driver->oid_count && count < OIDS_MAX; i++)
		list[count++] = driver->oids[i];
	return count;
}

static im_status_t answer_list(struct relay *relay, im_status_t status)
{
	struct relay_forward *forward = &relay->forward;
	uint32_t list[OIDS_MAX];
	uint32_t count = list_oids(relay, status, list);

	return im_answer(list, count * sizeof(list[0]), forward->buffer, forward->length, forward->done,
			 forward->needed);
}

/* Status and byte counts go back as they are (6.20), but for two and what the driver changes. */
im_status_t relay_translate(struct relay *relay, im_status_t status)
{
	struct relay_forward *forward = &relay->forward;
	struct im_request *request = &forward->request;

	if (request->oid == SLUICE_OID_GEN_SUPPORTED_LIST && status != IM_STATUS_REQUEST_ABORTED)
		return answer_list(relay, status);
	if (request->oid == SLUICE_OID_PNP_CAPABILITIES && status == IM_STATUS_SUCCESS)
		memset(request->buffer, 0, request->done); /* all of it are wake-up members: unspecified (6.29) */
	if (!request->set && status == IM_STATUS_SUCCESS && relay->face.driver->answered != NULL)
		relay->face.driver->answered(&relay->face, request->oid, request->buffer, request->done);
	*forward->done = request->done;
	*forward->needed = request->needed;
	return status;
}
