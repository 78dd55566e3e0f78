/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames on their way down. One that gets a tag goes under a descriptor of the relay's own, so that whatever becomes of
 * it, its sender finds the frame as it was (4.17): edited in place where that can be undone, else as a copy. Which of
 * the two says the original: its buffers are with the descriptor, or are still its own.
 */
#include "mux.h"

/* ---- Tags ---------------------------------------------------------------------------------------- */

/* The tag that a frame of this VNIC gets; 0: none (10.8, 10.9). */
IM_DISPATCH static uint16_t tag_of(const struct mux_vnic *vnic, const struct im_packet *packet)
{
	uint16_t id = __atomic_load_n(&vnic->vlan, __ATOMIC_RELAXED);

	if (id == 0)
		return packet->info.vlan & (TAG_PRIORITY | TAG_ID);
	return (uint16_t)((packet->info.vlan & TAG_PRIORITY) | id);
}

IM_DISPATCH static bool edit(struct im_packet *own, struct im_packet *original, uint16_t tci)
{
	struct rte_mbuf *copy;

	if (tag_may_edit(original) && tag_insert(own->mbuf, tci)) {
		original->mbuf = NULL;
		return true;
	}
	copy = tag_copy(original->mbuf);
	if (copy == NULL || !tag_insert(copy, tci)) {
		rte_pktmbuf_free(copy);
		return false;
	}
	own->mbuf = copy;
	return true;
}

IM_DISPATCH static void refuse(struct im_relay *relay, struct im_packet *packet, im_status_t status,
			       enum sluice_drop reason)
{
	im_count_drop(im_instance_account(relay->instance), SLUICE_OUT, reason, 1);
	packet->status = (uint16_t)status;
	im_relay_protocol.send_complete(relay, &packet, 1);
}

/* What goes down in its place, or NULL: it has been completed. */
IM_DISPATCH static struct im_packet *tagged(struct im_relay *relay, struct im_packet *packet, uint16_t tci)
{
	struct im_packet *own;

	if (packet->length < ETHERNET) { /* it must not go out in no VLAN, or another one */
		refuse(relay, packet, IM_STATUS_FAILURE, SLUICE_DROP_ETH_TRUNCATED);
		return NULL;
	}
	own = im_relay_stand_in_send(relay, packet);
	if (own == NULL) {
		refuse(relay, packet, IM_STATUS_RESOURCES, SLUICE_DROP_NO_DESCRIPTOR);
		return NULL;
	}
	if (!edit(own, packet, tci)) {
		refuse(relay, own, IM_STATUS_RESOURCES, SLUICE_DROP_NO_DESCRIPTOR);
		return NULL;
	}
	own->length += TAG_SIZE;
	own->info.vlan = 0; /* it stands in the frame now */
	return own;
}

/* It is back: the tag goes, or the copy. A sender whose packet has no buffers knows that they have left the card. */
void mux_sent(struct im_relay *relay, struct im_packet *own, struct im_packet *original)
{
	(void)relay;
	if (own->length == original->length)
		return; /* for want of a slot alone */
	if (original->mbuf == NULL) {
		if (own->mbuf != NULL)
			tag_remove(own->mbuf);
		return;
	}
	if (own->mbuf != NULL || (original->flags & IM_PACKET_SHARED)) {
		rte_pktmbuf_free(own->mbuf);
		own->mbuf = original->mbuf;
		return;
	}
	rte_pktmbuf_free(original->mbuf);
	original->mbuf = NULL;
}

/* ---- Down ---------------------------------------------------------------------------------------- */

/* Its second word tells whose it is when it is back; where no slot is left, the relay's own descriptor will. */
IM_DISPATCH static void mark(struct im_relay *relay, struct im_packet *packet)
{
	uintptr_t *words = im_packet_words(packet);

	if (words != NULL)
		words[1] = (uintptr_t)relay;
}

IM_DISPATCH static void send_burst(struct im_relay *relay, struct im_packet **packets, uint16_t count)
{
	const struct mux_vnic *vnic = mux_vnic(relay);
	struct im_packet *ready[IM_BURST];
	uint16_t readied = 0;

	for (uint16_t i = 0; i < count; i++) {
		uint16_t tci = tag_of(vnic, packets[i]);
		struct im_packet *packet = tci != 0 ? tagged(relay, packets[i], tci) : packets[i];

		if (packet == NULL)
			continue;
		if (packet == packets[i])
			mark(relay, packet);
		ready[readied++] = packet;
	}
	if (readied > 0)
		im_relay_send(relay, ready, readied);
}

void mux_send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	for (uint32_t done = 0; done < count; done += IM_BURST)
		send_burst(context, packets + done, (uint16_t)RTE_MIN(count - done, IM_BURST));
}

/* ---- Back ---------------------------------------------------------------------------------------- */

IM_DISPATCH static struct im_relay *sender_of(struct im_packet *packet)
{
	return (struct im_relay *)im_packet_words(packet)[1];
}

/* To the VNIC that sent it, and to no other (4.18); runs of one VNIC stay together. */
void mux_send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	uint16_t run;

	(void)context;
	for (uint16_t from = 0; from < count; from += run) {
		struct im_relay *relay = sender_of(packets[from]);

		for (run = 1; from + run < count && sender_of(packets[from + run]) == relay; run++)
			;
		im_relay_protocol.send_complete(relay, packets + from, run);
	}
}
