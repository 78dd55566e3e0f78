/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path for careful threads: a control thread, which becomes a reader of the grace period for the length of
 * the call; and, with the verifier on, every thread, whose packets are looked at before the plain call gets them. What
 * is not legal has been said, and is left out.
 */
#include "im/inside.h"
#include "verifier.h"

/* ---- Levels -------------------------------------------------------------------------------------- */

uint8_t im_raise(struct im_worker *worker)
{
	uint8_t before = worker->own_level;

	if ((worker->careful & IM_CAREFUL_PASSIVE) && worker->reading++ == 0)
		im_grace_online(im_core.grace, worker->index);
	worker->own_level = worker->level = IM_LEVEL_DISPATCH;
	return before;
}

void im_lower(struct im_worker *worker, uint8_t before)
{
	worker->own_level = before;
	worker->level = worker->locks > 0 ? IM_LEVEL_DISPATCH : before;
	if ((worker->careful & IM_CAREFUL_PASSIVE) && --worker->reading == 0)
		im_grace_offline(im_core.grace, worker->index);
}

/* A handle that is dead is not looked behind (3.22, 5.10). */
static bool is_usable(const void *handle, const char *call, const char *statement)
{
	im_unlocked_call(call);
	return im_usable_handle(handle, call, statement);
}

/* ---- Checked calls: at most IM_BURST packets ------------------------------------------------------- */

/* From its close on the handle is invalid, though the memory may still be there (3.22). */
IM_DISPATCH static bool is_open(const struct im_binding *binding)
{
	if (!__atomic_load_n(&binding->closed, __ATOMIC_ACQUIRE))
		return true;
	im_violation("3.22", im_kept_name(binding->protocol->wrapper),
		     "sent packets over a binding that it has closed");
	return false;
}

IM_DISPATCH static void check_send(struct im_binding *binding, struct im_packet **packets, uint16_t count,
				   const void *site)
{
	struct im_packet *legal[IM_BURST];
	uint16_t kept = 0;

	for (uint16_t i = 0; i < count; i++)
		if (im_edge_send(binding, packets[i], site))
			legal[kept++] = packets[i];
	if (kept > 0)
		im_plain_send(binding, legal, kept);
}

IM_DISPATCH static void check_send_complete(struct im_instance *instance, struct im_packet **packets, uint16_t count,
					    const void *site)
{
	struct im_packet *legal[IM_BURST];
	uint16_t kept = 0;

	for (uint16_t i = 0; i < count; i++)
		if (im_edge_complete(instance, packets[i], site))
			legal[kept++] = packets[i];
	if (kept > 0 && instance->serial != NULL) /* it may look at them again when its handler has returned */
		im_plain_send_complete(instance, legal, kept);
	else if (kept > 0)
		im_defer_packets(IM_DEFER_COMPLETE, instance, legal, kept);
}

/* Set before the call, and nothing else than these two (5.1). */
IM_DISPATCH static bool is_indicable(const struct im_instance *instance, const struct im_packet *packet)
{
	if (packet->status == IM_STATUS_SUCCESS || packet->status == IM_STATUS_RESOURCES)
		return true;
	im_violation_text("5.1", im_kept_name(im_wrapper_of(instance)), "indicated a packet with status %u (%s)",
			  packet->status, im_status_text(packet->status));
	return false;
}

/* RESOURCES applies to its packet and to all behind it (5.2). */
IM_DISPATCH static void check_indicate(struct im_instance *instance, struct im_packet **packets, uint16_t count,
				       const void *site)
{
	struct im_packet *legal[IM_BURST];
	uint16_t kept = 0, lent = 0;
	bool for_call = false;

	for (uint16_t i = 0; i < count; i++) {
		if (!is_indicable(instance, packets[i]))
			continue;
		for_call |= packets[i]->status == IM_STATUS_RESOURCES;
		if (im_edge_indicate(instance, packets[i], for_call, site))
			legal[kept++] = packets[i];
		lent = for_call ? lent : kept;
	}
	if (kept == 0)
		return;
	im_plain_indicate(instance, legal, kept);
	for (uint16_t i = lent; i < kept; i++)
		im_edge_end(instance, legal[i]);
}

IM_DISPATCH static void check_return(struct im_binding *binding, struct im_packet **packets, uint16_t count,
				     const void *site)
{
	struct im_packet *legal[IM_BURST];
	uint16_t kept = 0;

	for (uint16_t i = 0; i < count; i++)
		if (im_edge_return(binding, packets[i], site))
			legal[kept++] = packets[i];
	if (kept > 0)
		im_defer_packets(IM_DEFER_RETURN, binding, legal, kept);
}

/* ---- The calls ------------------------------------------------------------------------------------ */

/* How many of the packets that are left go at once. */
static uint16_t part(uint32_t count, uint32_t at)
{
	return (uint16_t)RTE_MIN(count - at, IM_BURST);
}

void im_careful_send(struct im_binding *binding, struct im_packet **packets, uint16_t count, const void *site)
{
	struct im_worker *worker = im_this_worker;
	uint8_t level;

	if (im_is_watched(worker) && (!is_usable(binding, "im_send_packets", "3.22") || !is_open(binding)))
		return;
	level = im_raise(worker);
	if (!im_is_watched(worker))
		im_plain_send(binding, packets, count);
	else
		for (uint32_t at = 0; at < count; at += IM_BURST)
			check_send(binding, packets + at, part(count, at), site);
	im_lower(worker, level);
}

void im_careful_send_complete(struct im_instance *instance, struct im_packet **packets, uint16_t count,
			      const void *site)
{
	struct im_worker *worker = im_this_worker;
	uint8_t level;

	if (im_is_watched(worker) && !is_usable(instance, "im_send_complete", "4.12"))
		return;
	level = im_raise(worker);
	if (!im_is_watched(worker))
		im_plain_send_complete(instance, packets, count);
	else
		for (uint32_t at = 0; at < count; at += IM_BURST)
			check_send_complete(instance, packets + at, part(count, at), site);
	im_lower(worker, level);
}

/* From one burst to the next too: RESOURCES applies to its packet and to all that follow (5.2). */
IM_DISPATCH static void mark_all_behind(struct im_packet **packets, uint16_t count)
{
	bool for_call = false;

	for (uint16_t i = 0; i < count; i++) {
		for_call |= packets[i]->status == IM_STATUS_RESOURCES;
		if (for_call && packets[i]->status == IM_STATUS_SUCCESS)
			packets[i]->status = IM_STATUS_RESOURCES;
	}
}

void im_careful_indicate(struct im_instance *instance, struct im_packet **packets, uint16_t count, const void *site)
{
	struct im_worker *worker = im_this_worker;
	uint8_t level;

	if (im_is_watched(worker) && !is_usable(instance, "im_indicate_receive_packets", "5.10"))
		return;
	level = im_raise(worker);
	if (count > IM_BURST)
		mark_all_behind(packets, count);
	if (!im_is_watched(worker))
		im_plain_indicate(instance, packets, count);
	else
		for (uint32_t at = 0; at < count; at += IM_BURST)
			check_indicate(instance, packets + at, part(count, at), site);
	im_lower(worker, level);
}

void im_careful_return(struct im_binding *binding, struct im_packet **packets, uint16_t count, const void *site)
{
	struct im_worker *worker = im_this_worker;
	uint8_t level;

	if (im_is_watched(worker) && !is_usable(binding, "im_return_packets", "3.22"))
		return;
	level = im_raise(worker);
	if (!im_is_watched(worker))
		im_plain_return(binding, packets, count);
	else
		for (uint32_t at = 0; at < count; at += IM_BURST)
			check_return(binding, packets + at, part(count, at), site);
	im_lower(worker, level);
}
