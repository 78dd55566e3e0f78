/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that were lent, on their way home (contract section 5B). */
#include "path.h"

/* Packets whose last return has been made go home, at most a burst at a time. */
IM_DISPATCH static void go_home(struct im_instance *owner, struct im_packet **packets, uint16_t count)
{
	struct im_worker *worker = im_this_worker;
	struct im_account *copy = &worker->accounts[owner->id];
	uint64_t *caller;

	if (count == 0)
		return;
	if (unlikely(im_is_watched(worker)))
		im_verify_home(owner, packets, count);
	caller = im_charge(worker, &copy->cycles);
	if (likely((im_gate_of(&owner->gate) & IM_GATE_QUARANTINE) == 0))
		im_call_return_packets(owner, packets, count);
	else
		im_bypass_return(owner, packets, count);
	im_charge(worker, caller);
	im_add(&copy->returned, count); /* not before the return is through (5.29) */
}

/* A serialised miniport finds what is its own again by the status, when its call returns (5.5). */
IM_DISPATCH static void stay_home(struct im_instance *owner, struct im_packet **packets, uint16_t count)
{
	if (unlikely(im_is_watched(im_this_worker)))
		im_verify_home(owner, packets, count);
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = IM_STATUS_SUCCESS;
	im_add(&im_this_worker->accounts[owner->id].returned, count);
}

void im_bring_home(struct im_instance *owner, struct im_packet **packets, uint16_t count)
{
	if (likely(owner->deserialized))
		go_home(owner, packets, count);
	else
		stay_home(owner, packets, count);
}

/* ---- Returns ------------------------------------------------------------------------------------- */

/* A packet that was lent to one has the account of its binding; of several, whoever has the same protocol. */
IM_DISPATCH static struct im_binding *look_for_redeemer(const struct im_binding *binding, struct im_packet *packet)
{
	const struct im_packet_slot *slot = im_top_slot(packet);
	bool shared = im_is_shared(slot);
	uint32_t account = shared ? 0 : slot->receiver & ~IM_SLOT_MARKS;
	uint32_t end = shared ? IM_ACCOUNTS_MAX : RTE_MIN(account + 1, IM_ACCOUNTS_MAX);

	for (; account < end; account++) {
		struct im_binding *other = __atomic_load_n(&im_core.by_account[account], __ATOMIC_ACQUIRE);

		if (other != NULL && other->lower == slot->owner && other->protocol == binding->protocol)
			return other;
	}
	return NULL;
}

/* Whose promise a return redeems where the packet is not of the adapter below @p binding: packets of several adapters
 * may come in one call (5.18). NULL: it was not lent to this protocol. */
IM_DISPATCH static struct im_binding *redeemer_of(const struct im_binding *binding, struct im_packet *packet)
{
	struct im_binding *redeemer = packet->depth > 0 ? look_for_redeemer(binding, packet) : NULL;

	if (redeemer == NULL)
		im_violation("5.16", im_driver_over(binding), "returned a packet that it was not lent");
	return redeemer;
}

/* At most a burst. */
IM_DISPATCH static inline void redeem(const struct im_binding *binding, struct im_packet **home, uint32_t ready,
				      uint32_t made)
{
	struct im_account *copy = &im_this_worker->accounts[binding->id];

	go_home(binding->lower, home, (uint16_t)ready);
	im_add(&copy->returned, made);
}

/* One return of a packet that is lent. Returns how many are still to come; below 0: it was not one of them. */
IM_DISPATCH static inline int32_t take_return(const struct im_binding *binding, struct im_packet *packet,
					      struct im_packet_slot *slot)
{
	int32_t left = __atomic_sub_fetch(&slot->references, 1, __ATOMIC_ACQ_REL);

	if (unlikely(left < 0))
		im_violation("5.16", im_driver_over(binding), "returned a packet too often");
	if (left != 0)
		return left;
	if (unlikely(im_is_shared(slot)))
		im_unshare(packet, slot);
	packet->depth--;
	return 0;
}

IM_DISPATCH static __rte_always_inline void return_plain(struct im_binding *binding, struct im_packet **packets,
							 uint16_t count)
{
	const struct im_instance *owner = binding->lower;
	struct im_packet *home[IM_BURST];
	uint32_t ready = 0;
	uint32_t made = 0;

	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *packet = packets[i];
		struct im_packet_slot *slot = packet->stack + packet->depth - 1; /* not looked at where depth is 0 */
		int32_t left;

		if (unlikely(packet->depth == 0 || slot->owner != owner)) {
			struct im_binding *other = redeemer_of(binding, packet);

			if (other == NULL)
				continue;
			redeem(binding, home, ready, made);
			binding = other;
			owner = other->lower;
			ready = 0;
			made = 0;
		}
		left = take_return(binding, packet, slot);
		made += left >= 0;
		if (left != 0)
			continue;
		home[ready++] = packet;
		if (unlikely(ready == IM_BURST)) {
			redeem(binding, home, ready, made);
			ready = 0;
			made = 0;
		}
	}
	redeem(binding, home, ready, made);
}

void im_plain_return(struct im_binding *binding, struct im_packet **packets, uint16_t count)
{
	return_plain(binding, packets, count);
}

void im_return_packets(struct im_binding *binding, struct im_packet **packets, uint16_t count)
{
	if (unlikely(im_this_worker->careful))
		im_careful_return(binding, packets, count, __builtin_return_address(0));
	else
		return_plain(binding, packets, count);
}
