/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Past a driver in quarantine, where everything shall go through: the core does what a relay would do between the
 * driver's VNIC and the one binding that it stands over, and the driver is told nothing of it.
 *
 *      sender ── VNIC ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ binding ── adapter
 *                  above   the core relays   below
 *
 * What the driver itself had taken or handed on before comes back to it, as ever: packets that are inside it are its
 * debt. Slots that the core has pushed in its place have a mark (IM_SLOT_RELAYED).
 */
#include <string.h>

#include "path.h"

/* ---- Finding the way ------------------------------------------------------------------------------ */

/* The binding that @p instance stands over, if there is one, and no other VNIC over it. */
static struct im_binding *find_below(const struct im_instance *instance)
{
	struct im_binding *below = NULL;
	const struct im_edge *edge;

	LIST_FOREACH(edge, &im_core.edges, link)
	{
		if (strcmp(edge->vnic, instance->name) != 0)
			continue;
		if (below != NULL)
			return NULL;
		below = edge->binding;
	}
	LIST_FOREACH(edge, &im_core.edges, link)
	{
		if (edge->binding == below && strcmp(edge->vnic, instance->name) != 0)
			return NULL;
	}
	return below;
}

void im_find_bypass(struct im_instance *instance)
{
	struct im_binding *below = find_below(instance);

	if (below == NULL || below->protocol->wrapper != im_wrapper_of(instance))
		return;
	__atomic_store_n(&below->above, instance, __ATOMIC_RELEASE);
	__atomic_store_n(&instance->below, below, __ATOMIC_RELEASE);
}

void im_forget_bypass(struct im_instance *instance, struct im_binding *binding)
{
	if (instance == NULL || binding == NULL)
		return;
	__atomic_store_n(&binding->above, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&instance->below, NULL, __ATOMIC_RELEASE);
}

bool im_is_below(const struct im_instance *instance, const struct im_binding *binding)
{
	const struct im_instance *lower = binding->lower;

	while (lower != instance && im_below(lower) != NULL)
		lower = im_below(lower)->lower;
	return lower == instance;
}

/* ---- Down ----------------------------------------------------------------------------------------- */

void im_bypass_send(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	struct im_binding *below = im_below(instance);
	im_status_t status = below != NULL ? im_status_of_sends(below) : IM_STATUS_FAILURE;
	struct im_packet *passed[IM_BURST];
	uint16_t passing = 0;

	if (status != IM_STATUS_SUCCESS) {
		im_complete_with(instance, packets, count, status);
		return;
	}
	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *packet = packets[i];

		if (packet->depth < packet->slots) {
			packet->stack[packet->depth].receiver = IM_SLOT_RELAYED;
			passed[passing++] = packet;
		} else {
			im_complete_with(instance, &packet, 1, IM_STATUS_RESOURCES);
		}
	}
	if (passing > 0 && unlikely(im_is_watched(im_this_worker)))
		im_verify_relayed_send(below, passed, passing);
	if (passing > 0)
		im_send_past_gate(below, passed, passing);
}

/* Part what came back to @p packets by who handed it on. Returns how many the core did. */
IM_DISPATCH static uint16_t part(struct im_packet **packets, uint16_t count, struct im_packet **relayed,
				 struct im_packet **others)
{
	uint16_t number = 0;

	for (uint16_t i = 0; i < count; i++) {
		struct im_packet_slot *slot = im_popped_slot(packets[i]);

		if (slot->receiver & IM_SLOT_RELAYED)
			relayed[number++] = packets[i];
		else
			others[i - number] = packets[i];
		slot->receiver = 0;
	}
	return number;
}

void im_bypass_complete(struct im_binding *binding, struct im_packet **packets, uint16_t count)
{
	struct im_instance *above = __atomic_load_n(&binding->above, __ATOMIC_ACQUIRE);
	struct im_packet *relayed[IM_BURST], *others[IM_BURST];
	uint16_t number = above != NULL ? part(packets, count, relayed, others) : 0;

	if (number > 0)
		im_complete_sends(above, relayed, number);
	if (number < count)
		im_call_send_complete(binding, above != NULL ? others : packets, (uint16_t)(count - number));
}

/* ---- Up ------------------------------------------------------------------------------------------- */

/* What has no slot left to come back by is shown instead. */
void im_bypass_receive(struct im_binding *binding, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct im_instance *above = __atomic_load_n(&binding->above, __ATOMIC_ACQUIRE);
	struct im_packet *passed[IM_BURST];
	uint16_t passing = 0;

	if (above == NULL)
		return;
	for (uint16_t i = 0; i < count; i++) {
		if (packets[i]->status != IM_STATUS_SUCCESS || packets[i]->depth == packets[i]->slots)
			continue;
		references[i] = 1;
		passed[passing++] = packets[i];
	}
	if (passing > 0 && unlikely(im_is_watched(im_this_worker)))
		im_verify_relayed_loan(above, passed, passing);
	if (passing > 0)
		im_indicate_relayed(binding, above, passed, passing);
	for (uint16_t i = 0; i < count && passing < count; i++)
		if (references[i] == 0)
			im_indicate_copy(above, packets[i]);
}

void im_bypass_return(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	struct im_binding *below = im_below(instance);
	struct im_packet *relayed[IM_BURST], *others[IM_BURST];
	uint16_t number = below != NULL ? part(packets, count, relayed, others) : 0;

	if (number > 0)
		im_plain_return(below, relayed, number);
	if (number < count)
		im_call_return_packets(instance, below != NULL ? others : packets, (uint16_t)(count - number));
}
