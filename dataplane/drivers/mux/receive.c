/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames on their way up. Each is looked at once: what VLAN, which VNICs. Then
 *
 *   nobody              it stays below, and is home when the call returns
 *   one, untagged       the packet itself goes on
 *   one, tagged         a descriptor of the relay's own in its place, over the frame without its tag
 *   several             such a descriptor for each, over the same buffers; they share a *loan*, which counts them
 *
 * A loan is a descriptor of the mux's own that is never handed on. It has the packet from below, which goes home with
 * the last of those over it (5.20), or buffers of the mux's own: of a frame that came by look-ahead, or of a copy that
 * had to be made because somebody else reads the original, tag and all.
 */
#include "mux.h"

/* The words of a loan. */
enum loan_word {
	LOAN_PACKET, /* from below, or 0 */
	LOAN_COUNT,  /* of descriptors over it, and one for whoever makes it; atomic */
};

/* A frame as it goes up. */
struct sighting {
	struct im_packet *base; /* the packet from below, or the loan; NULL: nobody gets it */
	uint64_t takers;	/* bits: VNICs */
	uint32_t length;
	uint16_t vlan; /* 802.1Q info */
	bool itself;   /* the packet from below is what goes up */
};

/* ---- Loans --------------------------------------------------------------------------------------- */

/* A lent packet has at least the slot of whoever lent it. */
static bool is_loan(const struct im_packet *packet)
{
	return packet->depth == 0;
}

IM_DISPATCH static struct im_packet *make_loan(struct mux *mux, struct im_packet *packet, struct rte_mbuf *mbuf)
{
	struct im_packet *loan = im_allocate_packet(mux->pool);

	if (loan == NULL)
		return NULL;
	loan->mbuf = mbuf;
	im_packet_words(loan)[LOAN_PACKET] = (uintptr_t)packet;
	im_packet_words(loan)[LOAN_COUNT] = 1;
	return loan;
}

IM_DISPATCH static void hold_loan(struct im_packet *loan)
{
	__atomic_add_fetch(&im_packet_words(loan)[LOAN_COUNT], 1, __ATOMIC_RELAXED);
}

/* Returns the packet that goes home now, or NULL. */
IM_DISPATCH static struct im_packet *drop_loan(struct mux *mux, struct im_packet *loan)
{
	struct im_packet *packet;

	if (__atomic_sub_fetch(&im_packet_words(loan)[LOAN_COUNT], 1, __ATOMIC_ACQ_REL) > 0)
		return NULL;
	packet = (struct im_packet *)im_packet_words(loan)[LOAN_PACKET];
	if (packet == NULL)
		rte_pktmbuf_free(loan->mbuf);
	loan->mbuf = NULL;
	im_free_packet(mux->pool, loan);
	return packet;
}

IM_DISPATCH static void end_loan(struct mux *mux, struct im_packet *loan)
{
	struct im_packet *packet = drop_loan(mux, loan);

	if (packet != NULL)
		im_return_packets(mux->below, &packet, 1);
}

/* What one VNIC had is back; its buffers are the loan's. */
struct im_packet *mux_returned(struct im_relay *relay, struct im_packet *own, struct im_packet *original)
{
	struct im_packet *packet;

	if (original == NULL || !is_loan(original))
		return original;
	packet = drop_loan(mux_vnic(relay)->mux, original);
	own->mbuf = packet != NULL ? packet->mbuf : NULL;
	return packet;
}

/* ---- Who wants it -------------------------------------------------------------------------------- */

IM_DISPATCH static bool runs(const struct im_relay *relay)
{
	return (__atomic_load_n(&relay->gate, __ATOMIC_ACQUIRE) & (IM_RELAY_STOPPED | IM_RELAY_ASLEEP)) == 0;
}

/* A tag with id 0 tells a priority, and no VLAN: such a frame is in none, as one without a tag. */
IM_DISPATCH static bool is_of_vlan(const struct mux_vnic *vnic, uint16_t id)
{
	uint16_t own = __atomic_load_n(&vnic->vlan, __ATOMIC_RELAXED);

	return own == 0 || id == 0 || id == own;
}

IM_DISPATCH static uint64_t find_takers(const struct mux *mux, const uint8_t *destination, uint16_t id)
{
	uint64_t takers = 0;

	for (uint32_t i = 0; i < mux->count; i++) {
		struct im_relay *relay = mux->vnics[i];
		struct mux_vnic *vnic = mux_vnic(relay);

		if (runs(relay) && is_of_vlan(vnic, id) && im_station_takes(&vnic->station, destination))
			takers |= UINT64_C(1) << i;
	}
	return takers;
}

/* ---- Making it ready ----------------------------------------------------------------------------- */

/* Without its tag: in place, or, where others read it, in buffers of one's own. False: there are none. */
IM_DISPATCH static bool strip(struct mux *mux, struct im_packet *packet, struct sighting *sighting)
{
	struct rte_mbuf *copy;

	sighting->length -= TAG_SIZE;
	if (tag_may_edit(packet)) {
		tag_remove(packet->mbuf);
		return true;
	}
	copy = tag_copy(packet->mbuf);
	if (copy == NULL)
		return false;
	tag_remove(copy);
	if (is_loan(packet)) { /* it came by look-ahead, in more pieces than one */
		rte_pktmbuf_free(packet->mbuf);
		packet->mbuf = copy;
		return true;
	}
	sighting->base = make_loan(mux, NULL, copy);
	if (sighting->base == NULL)
		rte_pktmbuf_free(copy);
	return sighting->base != NULL;
}

IM_DISPATCH static bool prepare(struct mux *mux, struct im_packet *packet, struct sighting *sighting, bool tagged)
{
	bool several = (sighting->takers & (sighting->takers - 1)) != 0;

	sighting->base = packet;
	if (tagged && !strip(mux, packet, sighting))
		return false;
	if (several && !is_loan(sighting->base))
		sighting->base = make_loan(mux, packet, packet->mbuf);
	sighting->itself = !several && !tagged && sighting->base == packet && !is_loan(packet);
	return sighting->base != NULL;
}

/* @p packet is lent from below, or is a loan already. */
IM_DISPATCH static void look_at(struct mux *mux, struct im_packet *packet, struct sighting *sighting)
{
	uint16_t account = im_binding_account(mux->below);
	struct tag_header header;
	bool tagged;

	tag_look(packet, &header);
	tagged = header.tagged && packet->info.vlan == 0; /* else the adapter has taken the outer one out */
	*sighting = (struct sighting){.length = packet->length, .vlan = packet->info.vlan};
	if (tagged)
		sighting->vlan = header.tci & (TAG_PRIORITY | TAG_ID);
	sighting->takers =
		find_takers(mux, packet->length >= IM_ADDRESS_SIZE ? header.bytes : NULL, sighting->vlan & TAG_ID);
	if (sighting->takers == 0) {
		im_count_drop(account, SLUICE_IN, SLUICE_DROP_PACKET_FILTER, 1);
		return;
	}
	if (prepare(mux, packet, sighting, tagged))
		return;
	im_count_drop(account, SLUICE_IN, SLUICE_DROP_NO_DESCRIPTOR, 1);
	sighting->base = NULL;
}

/* ---- Up ------------------------------------------------------------------------------------------ */

/* What this VNIC gets of it; NULL: there is no descriptor. */
IM_DISPATCH static struct im_packet *make_own(struct im_relay *relay, const struct sighting *sighting)
{
	struct im_packet *own = im_relay_stand_in_receive(relay, sighting->base);

	if (own == NULL) {
		im_count_drop(im_instance_account(relay->instance), SLUICE_IN, SLUICE_DROP_NO_DESCRIPTOR, 1);
		return NULL;
	}
	own->length = sighting->length;
	own->info.vlan = sighting->vlan;
	if (is_loan(sighting->base)) {
		own->flags |= IM_PACKET_SHARED;
		hold_loan(sighting->base);
	}
	return own;
}

/* The first ones are this VNIC's; what it does not keep is given up again. */
IM_DISPATCH static void indicate(struct im_relay *relay, struct im_packet **packets, uint16_t count,
				 const uint16_t *places, const struct sighting *sightings, uint16_t *references)
{
	uint16_t kept[IM_BURST];

	im_relay_indicate(relay, packets, count, kept);
	for (uint16_t k = 0; k < count; k++) {
		if (sightings[places[k]].itself)
			references[places[k]] = kept[k];
		else if (kept[k] == 0)
			im_relay_return(relay, &packets[k], 1);
	}
}

/* In the order in which they came (5.11). What is promised is written before the packet can come back. */
IM_DISPATCH static void give_to(struct im_relay *relay, uint64_t bit, const struct sighting *sightings, uint16_t count,
				uint16_t *references)
{
	struct im_packet *packets[IM_BURST];
	uint16_t places[IM_BURST];
	uint16_t ready = 0;

	for (uint16_t i = 0; i < count; i++) {
		const struct sighting *sighting = &sightings[i];

		if (sighting->base == NULL || (sighting->takers & bit) == 0)
			continue;
		packets[ready] = sighting->itself ? sighting->base : make_own(relay, sighting);
		if (packets[ready] == NULL)
			continue;
		if (!sighting->itself && !is_loan(sighting->base))
			references[i] = 1;
		places[ready++] = i;
	}
	if (ready > 0)
		indicate(relay, packets, ready, places, sightings, references);
}

IM_DISPATCH static void give_to_all(struct mux *mux, const struct sighting *sightings, uint16_t count,
				    uint16_t *references)
{
	uint64_t takers = 0;

	for (uint16_t i = 0; i < count; i++)
		takers |= sightings[i].base != NULL ? sightings[i].takers : 0;
	for (; takers != 0; takers &= takers - 1)
		give_to(mux->vnics[__builtin_ctzll(takers)], takers & -takers, sightings, count, references);
	for (uint16_t i = 0; i < count; i++)
		if (sightings[i].base != NULL && is_loan(sightings[i].base))
			end_loan(mux, sightings[i].base);
}

/* The core shows what it needs back by look-ahead, as this protocol takes that (5.7): all that comes here is lent. */
void mux_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct mux *mux = context;
	struct sighting sightings[IM_BURST];

	for (uint16_t i = 0; i < count; i++) {
		look_at(mux, packets[i], &sightings[i]);
		references[i] = sightings[i].base != NULL && is_loan(sightings[i].base) &&
				im_packet_words(sightings[i].base)[LOAN_PACKET] != 0;
	}
	give_to_all(mux, sightings, count, references);
}

/* ---- Frames by look-ahead ------------------------------------------------------------------------ */

IM_DISPATCH static struct im_packet *allocate(void *owner)
{
	const struct mux *mux = owner;

	return im_allocate_packet(mux->pool);
}

IM_DISPATCH static void free_packet(void *owner, struct im_packet *packet)
{
	const struct mux *mux = owner;

	im_free_packet(mux->pool, packet);
}

IM_DISPATCH static void deliver(void *owner, struct im_packet *packet)
{
	struct mux *mux = owner;
	struct sighting sighting;
	uint16_t reference = 0;

	im_packet_words(packet)[LOAN_COUNT] = 1;
	look_at(mux, packet, &sighting);
	if (sighting.base == NULL) {
		end_loan(mux, packet);
		return;
	}
	give_to_all(mux, &sighting, 1, &reference);
}

IM_DISPATCH static void lose(void *owner)
{
	const struct mux *mux = owner;

	im_count_drop(im_binding_account(mux->below), SLUICE_IN, SLUICE_DROP_NO_DESCRIPTOR, 1);
}

void mux_assembler_init(struct mux *mux)
{
	mux->assembler = (struct im_assembler){
		.owner = mux, .allocate = allocate, .free = free_packet, .deliver = deliver, .lose = lose};
}

/* By its address alone: the tag may stand behind what is in sight. */
IM_DISPATCH static bool is_wanted(const struct mux *mux, const struct im_lookahead *lookahead)
{
	bool addressed = lookahead->header_length >= IM_ADDRESS_SIZE;

	return find_takers(mux, addressed ? lookahead->header : NULL, 0) != 0;
}

im_status_t mux_receive(void *context, const struct im_lookahead *lookahead)
{
	struct mux *mux = context;

	if (is_wanted(mux, lookahead))
		return im_assemble(&mux->assembler, mux->below, lookahead);
	im_count_drop(im_binding_account(mux->below), SLUICE_IN, SLUICE_DROP_PACKET_FILTER, 1);
	return IM_STATUS_NOT_ACCEPTED;
}

void mux_transfer_data_complete(void *context, struct im_packet *packet, im_status_t status, uint32_t transferred)
{
	struct mux *mux = context;

	im_assembled(&mux->assembler, packet, status, transferred);
}

void mux_receive_complete(void *context)
{
	const struct mux *mux = context;

	for (uint32_t i = 0; i < mux->count; i++)
		im_relay_protocol.receive_complete(mux->vnics[i]);
}
