/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that come to a relay by look-ahead (contract section 5C): each becomes a packet of the relay's own and goes
 * the way of all received packets from there, through the driver's receive_packets. So no driver can be bypassed by a
 * miniport that indicates in this way, and none needs a second path.
 */
#include "relay_inside.h"

IM_DISPATCH static struct im_packet *allocate(void *owner)
{
	struct relay *relay = owner;

	return im_allocate_packet(relay->receive_pool);
}

IM_DISPATCH static void free_packet(void *owner, struct im_packet *packet)
{
	struct relay *relay = owner;

	im_free_packet(relay->receive_pool, packet);
}

/* Where the driver does not keep it, it is done with here; otherwise it comes back through return_packets, and the zero
 * in its first word says that there is no original. */
IM_DISPATCH static void deliver(void *owner, struct im_packet *packet)
{
	struct relay *relay = owner;
	uint16_t reference = 0;

	relay_mark_back(relay, RELAY_OWN_RECEIVES);
	relay->face.driver->receive_packets(relay, &packet, 1, &reference);
	if (reference == 0)
		im_relay_return(&relay->face, &packet, 1);
}

IM_DISPATCH static void lose(void *owner)
{
	const struct relay *relay = owner;

	im_count_drop(relay_account(relay), SLUICE_IN, SLUICE_DROP_NO_DESCRIPTOR, 1);
}

void relay_assembler_init(struct relay *relay)
{
	relay->assembler = (struct im_assembler){
		.owner = relay, .allocate = allocate, .free = free_packet, .deliver = deliver, .lose = lose};
}

im_status_t relay_receive(void *context, const struct im_lookahead *lookahead)
{
	struct relay *relay = context;

	if (!im_relay_takes(&relay->face, 1))
		return IM_STATUS_NOT_ACCEPTED;
	return im_assemble(&relay->assembler, relay->face.below, lookahead);
}

void relay_transfer_data_complete(void *context, struct im_packet *packet, im_status_t status, uint32_t transferred)
{
	struct relay *relay = context;

	im_assembled(&relay->assembler, packet, status, transferred);
}

/* Once for all that this thread has sent up since the last time, in whatever way: the core counts it (5.27). */
void relay_receive_complete(void *context)
{
	struct relay *relay = context;
	const struct im_worker *worker = im_this_worker;
	uint64_t *seen = &relay->indicated[worker->index % RELAY_THREADS];
	uint64_t indicated = worker->accounts[relay_account(relay)].indicated;

	if (indicated == *seen)
		return;
	*seen = indicated;
	if ((relay_gate(relay) & RELAY_NO_RECEIVES) == 0)
		im_indicate_receive_complete(relay->face.instance);
}
