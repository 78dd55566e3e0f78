/* SPDX-License-Identifier: BSD-3-Clause */
/* Indications and returns: which are legal (contract 5.3-5.16). */
#include "im/inside.h"
#include "verify_edge.h"

static const char several[] = "its receivers";

bool im_edge_indicate(const struct im_instance *instance, struct im_packet *packet, bool for_call, const void *site)
{
	const struct im_binding *upper = __atomic_load_n(&instance->upper, __ATOMIC_ACQUIRE);
	const struct im_handover next = {
		.object = instance,
		.giver = im_kept_name(im_wrapper_of(instance)),
		.holder = upper != NULL ? im_kept_name(upper->protocol->wrapper) : several,
		.kind = IM_EDGE_INDICATED,
		.for_call = for_call,
	};

	return im_hand_on(packet, &next, site);
}

/* Packets of several adapters may come back over any of the protocol's bindings (5.18). */
static bool is_lent_to(const struct im_handover *loan, const struct im_binding *binding, const char *driver)
{
	return loan->object == binding->lower || loan->holder == driver || loan->holder == several;
}

static bool may_return(struct im_track *track, const struct im_packet *packet, const struct im_binding *binding,
		       const char *driver, struct im_finding *finding)
{
	const struct im_handover *top = track != NULL ? im_top_of(track) : NULL;

	if (track == NULL ? im_tracks_are_short() : im_is_beyond(track, packet->depth))
		return true;
	if (track == NULL)
		return im_find(finding, "5.16", driver, "returned a packet that it was never lent");
	if (top == NULL)
		return im_find(finding, "5.16", driver, "returned a packet that it does not have");
	if (top->kind != IM_EDGE_INDICATED || !is_lent_to(top, binding, driver))
		return im_find(finding, "5.16", driver, "returned a packet that '%s' has", top->holder);
	if (top->for_call)
		return im_find(finding, "5.15", driver, "returned a packet that was lent for the call alone");
	return true;
}

/* ---- Several receivers ------------------------------------------------------------------------------ */

_Static_assert(IM_TRACK_RECEIVERS == IM_RECEIVERS_MAX, "there is a place for each receiver");

static struct im_debt *debt_of(struct im_track *track, const struct im_binding *binding)
{
	for (uint32_t i = 0; i < track->debt_count; i++)
		if (track->debts[i].binding == binding)
			return &track->debts[i];
	if (track->debt_count == IM_TRACK_RECEIVERS)
		return NULL;
	track->debts[track->debt_count] =
		(struct im_debt){.binding = binding, .driver = im_kept_name(binding->protocol->wrapper)};
	return &track->debts[track->debt_count++];
}

/* The core counts the returns of all together; here each answers for its own (5.12). */
static bool keeps_promise(struct im_track *track, const struct im_packet *packet, const struct im_binding *binding,
			  const char *driver, struct im_finding *finding)
{
	struct im_debt *debt = packet->flags & IM_PACKET_SHARED ? debt_of(track, binding) : NULL;

	if (debt == NULL)
		return true;
	if (debt->said && debt->returned >= debt->promised)
		return im_find(finding, "5.16", driver, "returned a packet more often than the %u times it promised",
			       debt->promised);
	debt->returned++;
	return true;
}

void im_verify_promised(const struct im_binding *receiver, struct im_packet **packets, const uint16_t *references,
			uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		struct im_shard *shard = im_shard_lock(packets[i]);
		struct im_track *track = im_track_find(shard, packets[i], false);
		struct im_debt *debt = track != NULL ? debt_of(track, receiver) : NULL;

		if (debt != NULL) {
			debt->promised = references[i];
			debt->said = true;
		}
		im_shard_unlock(shard);
	}
}

/* ---- Returns ---------------------------------------------------------------------------------------- */

/* The packet goes home with the last of its returns, which the core counts: im_verify_home(). */
bool im_edge_return(const struct im_binding *binding, struct im_packet *packet, const void *site)
{
	const char *driver = im_kept_name(binding->protocol->wrapper);
	struct im_shard *shard = im_shard_lock(packet);
	struct im_track *track = im_track_find(shard, packet, false);
	IM_NO_FINDING(finding);
	bool legal = may_return(track, packet, binding, driver, &finding);

	if (legal && track != NULL)
		legal = keeps_promise(track, packet, binding, driver, &finding);
	if (legal && track != NULL)
		im_track_note(track, IM_EDGE_RETURNED, driver, site);
	im_finish(shard, track, &finding);
	return legal;
}

static void come_home(const struct im_instance *owner, struct im_packet *packet)
{
	struct im_shard *shard = im_shard_lock(packet);
	struct im_track *track = im_track_find(shard, packet, false);
	struct im_handover *top = track != NULL ? im_top_of(track) : NULL;
	IM_NO_FINDING(finding);

	if (top != NULL && top->object == owner && !im_is_beyond(track, packet->depth + 1u)) {
		im_leave_slot(track, packet, (uint16_t)(top->slot + 1), top->holder);
		im_take_back(track, packet, "5.3", &finding);
		im_track_note(track, IM_EDGE_HOME, im_kept_name(im_wrapper_of(owner)), NULL);
	}
	im_finish(shard, track, &finding);
}

void im_verify_home(const struct im_instance *owner, struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		come_home(owner, packets[i]);
}

/* Whatever was put on top of the loan has not come back: it is forgotten, so that one violation is not many. */
static void take_all_back(struct im_track *track, const struct im_handover *loan, struct im_packet *packet,
			  struct im_finding *finding)
{
	const struct im_handover *top = im_top_of(track);

	if (top != loan)
		im_find(finding, "5.15", top->giver, "kept a packet that was lent for the call alone");
	while (im_top_of(track) != loan)
		im_take_back(track, packet, "5.3", finding);
}

void im_edge_end(const struct im_instance *instance, struct im_packet *packet)
{
	struct im_shard *shard = im_shard_lock(packet);
	struct im_track *track = im_track_find(shard, packet, false);
	struct im_handover *loan = track != NULL ? im_top_of(track) : NULL;
	IM_NO_FINDING(finding);

	if (loan == NULL || im_is_beyond(track, packet->depth + 1u))
		loan = NULL;
	while (loan != NULL && loan > track->levels && (loan->object != instance || !loan->for_call))
		loan--;
	if (loan != NULL && loan->object == instance && loan->for_call) {
		take_all_back(track, loan, packet, &finding);
		if (packet->mbuf != loan->mbuf || packet->length != loan->length)
			im_find(&finding, "5.7", loan->holder,
				"did not leave a packet that was lent for the call as it had got it");
		im_leave_slot(track, packet, (uint16_t)(loan->slot + 1), loan->holder);
		im_take_back(track, packet, "5.3", &finding);
		im_track_note(track, IM_EDGE_HOME, im_kept_name(im_wrapper_of(instance)), NULL);
	}
	im_finish(shard, track, &finding);
}

void im_verify_relayed_loan(const struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		im_edge_indicate(instance, packets[i], false, NULL);
}
