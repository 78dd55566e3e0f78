/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A relay's packets. The short way is one test of the gate, and of each packet whether a slot is left in its stack
 * (2.54); everything else is here too, behind those tests.
 *
 * Where no slot is left the relay puts a descriptor of its own in the packet's place, over the same buffers (2.56).
 * What comes back with nothing in its stack is such a descriptor: everybody else's carries at least the slot of whoever
 * handed it to this relay.
 */
#include "relay_inside.h"

static bool is_own(const struct im_packet *packet)
{
	return packet->depth == 0;
}

IM_DISPATCH static inline bool have_room(struct im_packet **packets, uint16_t count)
{
	bool full = false;

	for (uint16_t i = 0; i < count; i++)
		full |= packets[i]->depth >= packets[i]->slots;
	return !full;
}

/* One store in its life: the word is read for every burst. */
void relay_mark_back(struct relay *relay, uint32_t mark)
{
	if ((__atomic_load_n(&relay->face.back, __ATOMIC_RELAXED) & mark) == 0)
		__atomic_or_fetch(&relay->face.back, mark, __ATOMIC_ACQ_REL);
}

IM_DISPATCH static struct im_packet *allocate(struct relay *relay, struct im_pool *pool, uint32_t mark,
					      struct im_packet *original)
{
	struct im_packet *own = im_allocate_packet(pool);

	if (own == NULL)
		return NULL;
	own->mbuf = original->mbuf;
	own->length = original->length;
	own->status = IM_STATUS_SUCCESS;
	own->flags = original->flags & IM_PACKET_SHARED;
	im_packet_words(own)[0] = (uintptr_t)original;
	im_packet_words(own)[1] = (uintptr_t)relay;
	relay_mark_back(relay, mark);
	return own;
}

struct im_packet *im_relay_stand_in_send(struct im_relay *face, struct im_packet *packet)
{
	struct relay *relay = relay_of(face);
	struct im_packet *own = allocate(relay, relay->send_pool, RELAY_OWN_SENDS, packet);

	if (own != NULL)
		im_copy_send_per_packet_info(own, packet);
	return own;
}

struct im_packet *im_relay_stand_in_receive(struct im_relay *face, struct im_packet *packet)
{
	struct relay *relay = relay_of(face);
	struct im_packet *own = allocate(relay, relay->receive_pool, RELAY_OWN_RECEIVES, packet);

	if (own != NULL)
		own->info = packet->info;
	return own;
}

/* ---- Sends down ---------------------------------------------------------------------------------- */

IM_DISPATCH static void complete(struct relay *relay, struct im_packet **packets, uint16_t count, im_status_t status)
{
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = (uint16_t)status;
	relay_send_complete(relay, packets, count);
}

IM_DISPATCH static void refuse(struct relay *relay, struct im_packet **packets, uint16_t count, im_status_t status,
			       enum sluice_drop reason)
{
	im_count_drop(relay_account(relay), SLUICE_OUT, reason, count);
	complete(relay, packets, count, status);
}

/* Which gate it is that sends come to (4.32). */
static im_status_t gate_status(uint32_t gate)
{
	if (gate & (IM_RELAY_ASLEEP | IM_RELAY_BELOW_ASLEEP))
		return IM_STATUS_LOW_POWER_STATE;
	return gate & IM_RELAY_CLOSING ? IM_STATUS_CLOSING : IM_STATUS_PAUSED;
}

/* Without a slot left, under a descriptor of one's own, with what the sender asks of the frame (2.52); without one of
 * those, not at all (4.10). Returns how many can go. */
IM_DISPATCH static uint16_t make_ready(struct relay *relay, struct im_packet **packets, uint16_t count,
				       struct im_packet **ready)
{
	uint16_t readied = 0;

	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *packet = packets[i];

		if (packet->depth >= packet->slots) {
			struct im_packet *own = im_relay_stand_in_send(&relay->face, packet);

			if (own == NULL) {
				refuse(relay, &packet, 1, IM_STATUS_RESOURCES, SLUICE_DROP_NO_DESCRIPTOR);
				continue;
			}
			packet = own;
		}
		ready[readied++] = packet;
	}
	return readied;
}

IM_DISPATCH static void send_now(struct relay *relay, struct im_packet **packets, uint16_t count)
{
	struct im_packet *ready[IM_BURST];
	uint16_t burst;

	for (uint16_t done = 0; done < count; done += burst) {
		burst = (uint16_t)RTE_MIN((uint32_t)(count - done), IM_BURST);
		im_send_packets(im_relay_below(&relay->face), ready, make_ready(relay, packets + done, burst, ready));
	}
}

IM_DISPATCH static __rte_noinline void send_slowly(struct relay *relay, struct im_packet **packets, uint16_t count)
{
	uint32_t gate = relay_gate(relay);
	uint16_t held;

	if (gate & RELAY_NO_SENDS) {
		refuse(relay, packets, count, gate_status(gate), SLUICE_DROP_NOT_RUNNING);
		return;
	}
	if ((gate & IM_RELAY_HOLDING) == 0 || !hold_put(relay->hold, HOLD_SENDS, packets, count, &held)) {
		send_now(relay, packets, count);
		return;
	}
	if (held < count)
		refuse(relay, packets + held, (uint16_t)(count - held), IM_STATUS_RESOURCES, SLUICE_DROP_HOLD_FULL);
}

void im_relay_send(struct im_relay *face, struct im_packet **packets, uint16_t count)
{
	if (likely(__atomic_load_n(&face->gate, __ATOMIC_ACQUIRE) == 0 && have_room(packets, count)))
		im_send_packets(im_relay_below(face), packets, count);
	else
		send_slowly(relay_of(face), packets, count);
}

void relay_send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	im_relay_send(context, packets, count);
}

/* ---- Completions --------------------------------------------------------------------------------- */

/* The sender gets its own descriptor back, with what the completion tells (2.53, 4.17). */
IM_DISPATCH static struct im_packet *restore_send(struct relay *relay, struct im_packet *own)
{
	struct im_packet *original = (struct im_packet *)im_packet_words(own)[0];

	if (relay->face.driver->sent != NULL)
		relay->face.driver->sent(&relay->face, own, original);
	original->mbuf = own->mbuf;
	original->status = own->status;
	im_copy_send_complete_per_packet_info(original, own);
	own->mbuf = NULL;
	im_free_packet(relay->send_pool, own);
	return original;
}

/* A send that the reset below has thrown back, with its buffers, goes again after it (4.33). */
IM_DISPATCH static bool goes_again(struct relay *relay, struct im_packet *packet)
{
	bool thrown_back = packet->status == IM_STATUS_RESET_IN_PROGRESS || packet->status == IM_STATUS_REQUEST_ABORTED;
	uint16_t held;

	if (!thrown_back || packet->mbuf == NULL || (relay_gate(relay) & IM_RELAY_HOLDING) == 0)
		return false;
	return hold_put(relay->hold, HOLD_AGAIN, &packet, 1, &held) && held == 1;
}

IM_DISPATCH static __rte_noinline void complete_slowly(struct relay *relay, struct im_packet **packets, uint16_t count)
{
	struct im_packet *done[IM_BURST];
	uint16_t fill = 0;

	for (uint16_t i = 0; i < count; i++) {
		if (goes_again(relay, packets[i]))
			continue;
		done[fill++] = is_own(packets[i]) ? restore_send(relay, packets[i]) : packets[i];
		if (fill < IM_BURST)
			continue;
		im_send_complete(relay->face.instance, done, fill);
		fill = 0;
	}
	im_send_complete(relay->face.instance, done, fill);
}

void relay_send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	struct relay *relay = context;

	if (likely((__atomic_load_n(&relay->face.gate, __ATOMIC_ACQUIRE) |
		    __atomic_load_n(&relay->face.back, __ATOMIC_ACQUIRE)) == 0))
		im_send_complete(relay->face.instance, packets, count);
	else
		complete_slowly(relay, packets, count);
}

/* What is still here is aborted; what is below may be queued there (4.24, 4.25). */
void relay_cancel_send_packets(void *context, uint32_t cancel_id)
{
	struct relay *relay = context;
	struct im_packet *packets[IM_BURST];
	uint16_t count;

	while (cancel_id != 0 && (count = hold_take_cancelled(relay->hold, cancel_id, packets, IM_BURST)) > 0)
		complete(relay, packets, count, IM_STATUS_SEND_ABORTED);
	im_cancel_send_packets(im_relay_below(&relay->face), cancel_id);
}

void relay_abort_sends(struct relay *relay, im_status_t status)
{
	struct im_packet *packets[IM_BURST];
	uint16_t count;

	for (enum hold_kind kind = HOLD_AGAIN; kind <= HOLD_SENDS; kind++)
		while ((count = hold_take(relay->hold, kind, packets, IM_BURST)) > 0)
			refuse(relay, packets, count, status, SLUICE_DROP_NOT_RUNNING);
}

/* ---- Receives ------------------------------------------------------------------------------------ */

IM_DISPATCH static void count_lost(const struct relay *relay, enum sluice_drop reason, uint16_t count)
{
	im_count_drop(relay_account(relay), SLUICE_IN, reason, count);
}

bool im_relay_decline(const struct im_relay *face, uint16_t count)
{
	count_lost((const struct relay *)face, SLUICE_DROP_NOT_RUNNING, count);
	return false;
}

IM_DISPATCH static void set_all(uint16_t *references, uint16_t count, uint16_t value)
{
	for (uint16_t i = 0; i < count; i++)
		references[i] = value;
}

/* Under a descriptor of one's own where no slot is left; without one it stays behind (5.22). */
IM_DISPATCH static void indicate_now(struct relay *relay, struct im_packet **packets, uint16_t count,
				     uint16_t *references)
{
	struct im_packet *ready[IM_BURST];
	uint16_t readied = 0;

	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *packet = packets[i];

		if (packet->depth >= packet->slots) {
			packet = im_relay_stand_in_receive(&relay->face, packet);
			if (packet == NULL)
				count_lost(relay, SLUICE_DROP_NO_DESCRIPTOR, 1);
		}
		references[i] = packet != NULL;
		if (packet != NULL)
			ready[readied++] = packet;
	}
	im_indicate_receive_packets(relay->face.instance, ready, readied);
}

/* A core whose protocols take look-ahead gives packets with RESOURCES in no other way (5.7). */
IM_DISPATCH static bool are_lent(struct im_packet **packets)
{
	return packets[0]->status == IM_STATUS_SUCCESS;
}

IM_DISPATCH static __rte_noinline void indicate_slowly(struct relay *relay, struct im_packet **packets, uint16_t count,
						       uint16_t *references)
{
	uint32_t gate = relay_gate(relay);
	uint16_t held;

	set_all(references, count, 0);
	if (gate & RELAY_NO_RECEIVES) {
		im_relay_decline(&relay->face, count);
		return;
	}
	if (!are_lent(packets)) {
		if ((gate & IM_RELAY_HOLDING) == 0 && have_room(packets, count))
			im_indicate_receive_packets(relay->face.instance, packets, count);
		else
			count_lost(relay, SLUICE_DROP_NO_DESCRIPTOR, count);
		return;
	}
	if ((gate & IM_RELAY_HOLDING) == 0 || !hold_put(relay->hold, HOLD_RECEIVES, packets, count, &held)) {
		indicate_now(relay, packets, count, references);
		return;
	}
	set_all(references, held, 1);
	if (held < count)
		count_lost(relay, SLUICE_DROP_HOLD_FULL, (uint16_t)(count - held));
}

void im_relay_indicate(struct im_relay *face, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	if (unlikely(__atomic_load_n(&face->gate, __ATOMIC_ACQUIRE) != 0 || !are_lent(packets) ||
		     !have_room(packets, count))) {
		indicate_slowly(relay_of(face), packets, count, references);
		return;
	}
	set_all(references, count, 1);
	im_indicate_receive_packets(face->instance, packets, count);
}

void relay_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	im_relay_indicate(context, packets, count, references);
}

/* ---- Returns ------------------------------------------------------------------------------------- */

/* What the adapter below gets back for it: the packet in whose place it went up; NULL: it was a frame by look-ahead.
 * A port may have taken the buffers, unless they are others' as well. */
IM_DISPATCH static struct im_packet *restore_receive(struct relay *relay, struct im_packet *own)
{
	struct im_packet *original = (struct im_packet *)im_packet_words(own)[0];

	if (relay->face.driver->returned != NULL)
		original = relay->face.driver->returned(&relay->face, own, original);
	if (original == NULL)
		rte_pktmbuf_free(own->mbuf);
	else if ((original->flags & IM_PACKET_SHARED) == 0)
		original->mbuf = own->mbuf;
	own->mbuf = NULL;
	im_free_packet(relay->receive_pool, own);
	return original;
}

IM_DISPATCH static __rte_noinline void return_slowly(struct relay *relay, struct im_packet **packets, uint16_t count)
{
	struct im_packet *home[IM_BURST];
	uint16_t fill = 0;

	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *packet = is_own(packets[i]) ? restore_receive(relay, packets[i]) : packets[i];

		if (packet != NULL)
			home[fill++] = packet;
		if (fill < IM_BURST)
			continue;
		im_return_packets(im_relay_below(&relay->face), home, fill);
		fill = 0;
	}
	im_return_packets(im_relay_below(&relay->face), home, fill);
}

void im_relay_return(struct im_relay *face, struct im_packet **packets, uint16_t count)
{
	if (likely((__atomic_load_n(&face->back, __ATOMIC_ACQUIRE) & RELAY_OWN_RECEIVES) == 0))
		im_return_packets(im_relay_below(face), packets, count);
	else
		return_slowly(relay_of(face), packets, count);
}

void relay_return_packets(void *context, struct im_packet **packets, uint16_t count)
{
	im_relay_return(context, packets, count);
}

void relay_abort_receives(struct relay *relay)
{
	struct im_packet *packets[IM_BURST];
	uint16_t count;

	while ((count = hold_take(relay->hold, HOLD_RECEIVES, packets, IM_BURST)) > 0) {
		im_relay_decline(&relay->face, count);
		im_relay_return(&relay->face, packets, count);
	}
}

/* ---- After a reset ------------------------------------------------------------------------------- */

/* What cannot go up after all has been promised already: it is returned. */
IM_DISPATCH static void release_receives(struct relay *relay, struct im_packet **packets, uint16_t count)
{
	uint16_t references[IM_BURST];

	indicate_now(relay, packets, count, references);
	for (uint16_t i = 0; i < count; i++)
		if (references[i] == 0)
			im_relay_return(&relay->face, &packets[i], 1);
}

void relay_release(void *owner, enum hold_kind kind, struct im_packet **packets, uint16_t count)
{
	if (kind == HOLD_RECEIVES)
		release_receives(owner, packets, count);
	else
		send_now(owner, packets, count);
}
