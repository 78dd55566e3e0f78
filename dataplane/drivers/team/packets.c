/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets of a team. Sends are the relay's own: it sends where its way down leads. Of receives those of the active
 * member go up; what the others hear is the same again, or not meant for whoever carries the address now.
 */
#include "team.h"

/* ---- Sends --------------------------------------------------------------------------------------- */

/* Of whichever member they come from: the VNIC is one (10.16). */
void team_send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	const struct team_member *member = context;

	im_relay_protocol.send_complete(member->team->relay, packets, count);
}

/* What is held is the relay's, which cancels at the active member too; the others may still have some (4.25). */
void team_cancel_send_packets(void *context, uint32_t cancel_id)
{
	struct im_relay *relay = context;
	struct team *team = team_of(relay);
	struct im_binding *others[TEAM_MEMBERS_MAX];
	uint32_t count = 0;

	__atomic_add_fetch(&team->calls, 1, __ATOMIC_ACQ_REL); /* their handles stay open meanwhile */
	im_acquire_spin_lock(&team->lock);
	for (uint32_t i = 0; i < TEAM_MEMBERS_MAX; i++)
		if (team->members[i] != NULL && i != team->active && !(team->members[i]->flaws & FLAW_LEAVING))
			others[count++] = team->members[i]->below;
	im_release_spin_lock(&team->lock);
	im_relay_miniport.cancel_send_packets(relay, cancel_id);
	for (uint32_t i = 0; i < count; i++)
		im_cancel_send_packets(others[i], cancel_id);
	__atomic_sub_fetch(&team->calls, 1, __ATOMIC_RELEASE);
}

/* ---- Receives ------------------------------------------------------------------------------------ */

IM_DISPATCH static void decline(const struct team_member *member, uint16_t count)
{
	im_count_drop(im_binding_account(member->below), SLUICE_IN, SLUICE_DROP_PACKET_FILTER, count);
}

/* Members are promiscuous below: what is not for the VNIC ends here. */
IM_DISPATCH static bool is_wanted(struct team *team, const struct im_packet *packet)
{
	uint8_t room[IM_ADDRESS_SIZE];
	const uint8_t *destination = rte_pktmbuf_read(packet->mbuf, 0, sizeof(room), room);

	return im_station_takes(&team->station, destination);
}

void team_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	const struct team_member *member = context;
	struct im_relay *relay = member->team->relay;
	struct im_packet *wanted[IM_BURST];
	uint16_t places[IM_BURST], kept[IM_BURST], ready = 0;

	if (!team_is_active(member)) {
		decline(member, count);
		return;
	}
	if (!im_relay_takes(relay, count))
		return;
	for (uint16_t i = 0; i < count; i++) {
		if (!is_wanted(member->team, packets[i]))
			continue;
		places[ready] = i;
		wanted[ready++] = packets[i];
	}
	if (ready < count)
		decline(member, (uint16_t)(count - ready));
	if (ready > 0)
		im_relay_indicate(relay, wanted, ready, kept);
	for (uint16_t k = 0; k < ready; k++)
		references[places[k]] = kept[k];
}

/* ---- Frames by look-ahead ------------------------------------------------------------------------ */

/* Each member fetches from its own adapter; what is whole goes up under a descriptor of the relay's own. */
IM_DISPATCH static struct im_packet *allocate(void *owner)
{
	const struct team_member *member = owner;

	return im_allocate_packet(member->pool);
}

IM_DISPATCH static void free_packet(void *owner, struct im_packet *packet)
{
	const struct team_member *member = owner;

	im_free_packet(member->pool, packet);
}

IM_DISPATCH static void lose(void *owner)
{
	const struct team_member *member = owner;

	im_count_drop(im_binding_account(member->below), SLUICE_IN, SLUICE_DROP_NO_DESCRIPTOR, 1);
}

/* The frame's buffers are the descriptor's that goes up, and freed with it; NULL in its first word says so. */
IM_DISPATCH static void deliver(void *owner, struct im_packet *packet)
{
	const struct team_member *member = owner;
	struct im_relay *relay = member->team->relay;
	struct im_packet *own = im_relay_stand_in_receive(relay, packet);
	uint16_t kept = 0;

	if (own == NULL) {
		lose(owner);
		rte_pktmbuf_free(packet->mbuf);
	} else {
		im_packet_words(own)[0] = 0;
	}
	packet->mbuf = NULL;
	im_free_packet(member->pool, packet);
	if (own == NULL)
		return;
	im_relay_indicate(relay, &own, 1, &kept);
	if (kept == 0)
		im_relay_return(relay, &own, 1);
}

void team_assembler_init(struct team_member *member)
{
	member->assembler = (struct im_assembler){
		.owner = member, .allocate = allocate, .free = free_packet, .deliver = deliver, .lose = lose};
}

im_status_t team_receive(void *context, const struct im_lookahead *lookahead)
{
	struct team_member *member = context;
	struct team *team = member->team;
	bool addressed = lookahead->header_length >= IM_ADDRESS_SIZE;

	if (team_is_active(member) && !im_relay_takes(team->relay, 1))
		return IM_STATUS_NOT_ACCEPTED;
	if (team_is_active(member) && im_station_takes(&team->station, addressed ? lookahead->header : NULL))
		return im_assemble(&member->assembler, member->below, lookahead);
	decline(member, 1);
	return IM_STATUS_NOT_ACCEPTED;
}

void team_transfer_data_complete(void *context, struct im_packet *packet, im_status_t status, uint32_t transferred)
{
	struct team_member *member = context;

	im_assembled(&member->assembler, packet, status, transferred);
}

void team_receive_complete(void *context)
{
	const struct team_member *member = context;

	im_relay_protocol.receive_complete(member->team->relay);
}
