/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests to the VNIC of a team (contract section 6C, right column). What is set goes to all members, so that whoever
 * takes over has it; the set is answered when the last one has. A member that sleeps is not waited for, and is told
 * when it wakes up; one that refuses fails the set, and the others go back.
 */
#include <string.h>

#include "team.h"

#define TELL_LIMIT_MS 1000u /* for each setting of a new member */

const uint32_t team_oids[] = {
#define X(name) SLUICE_OID_##name,
	IM_STATION_OID_TABLE(X)
#undef X
		SLUICE_OID_GEN_MEDIA_CONNECT_STATUS,
	SLUICE_OID_TCP_TASK_OFFLOAD,
};

const uint32_t team_oid_count = RTE_DIM(team_oids);

static const uint32_t setting_oids[TEAM_SETTINGS] = {
#define X(name, oid) [TEAM_##name] = SLUICE_OID_##oid,
	TEAM_SETTING_TABLE(X)
#undef X
};

static const uint32_t size_oids[TEAM_SIZES] = {
#define X(name, oid) [TEAM_##name] = SLUICE_OID_##oid,
	TEAM_SIZE_TABLE(X)
#undef X
};

static uint32_t find_oid(const uint32_t *oids, uint32_t count, uint32_t oid)
{
	uint32_t at = 0;

	while (at < count && oids[at] != oid)
		at++;
	return at;
}

/* ---- Wishes -------------------------------------------------------------------------------------- */

/* Under the lock. What nobody has set stays what it was, which of the offloads alone is known. */
static void take_back(struct team *team)
{
	const struct team_wish *wish = &team->wish;

	*wish->read = 0;
	if (wish->setting != TEAM_OFFLOAD || team->is_set[TEAM_OFFLOAD])
		return;
	team->is_set[TEAM_OFFLOAD] = true;
	team->values[TEAM_OFFLOAD] = team->announced.offloads;
}

/* Under the lock. */
static void come_true(struct team *team)
{
	const struct team_wish *wish = &team->wish;

	team->values[wish->setting] = wish->value;
	team->is_set[wish->setting] = true;
	if (wish->setting == TEAM_FILTER)
		__atomic_store_n(&team->station.filter, wish->value, __ATOMIC_RELAXED);
	if (wish->setting == TEAM_OFFLOAD)
		team->announced.offloads = wish->value; /* who set it knows */
}

/* Under the lock, when no member is waited for. Returns whether the set is to be completed. */
static bool end_wish(struct team *team)
{
	struct team_wish *wish = &team->wish;

	if (!wish->made || wish->waiting != 0)
		return false;
	wish->made = false;
	if (wish->status == IM_STATUS_SUCCESS)
		come_true(team);
	else
		take_back(team);
	return wish->pended;
}

/* The next set may come as soon as this one is complete. */
static void complete(struct team *team, bool pended, im_status_t status)
{
	if (pended)
		im_set_information_complete(team->relay->instance, status);
}

/* A control thread tells them all what is wanted now. Their handles stay open meanwhile. */
static void follow_all(struct team *team, enum team_setting setting)
{
	struct team_member *member;

	__atomic_add_fetch(&team->calls, 1, __ATOMIC_ACQ_REL);
	for (uint32_t i = 0; i < TEAM_MEMBERS_MAX; i++) {
		im_acquire_spin_lock(&team->lock);
		member = team->members[i];
		im_release_spin_lock(&team->lock);
		if (member != NULL)
			im_setting_follow_soon(&member->settings[setting]);
	}
	__atomic_sub_fetch(&team->calls, 1, __ATOMIC_RELEASE);
}

/* One member less to wait for; NULL: all. */
static void settle_wish(struct team *team, const struct team_member *member, im_status_t status)
{
	struct team_wish *wish = &team->wish;
	enum team_setting setting;
	bool ended, pended;

	im_acquire_spin_lock(&team->lock);
	if (wish->status == IM_STATUS_SUCCESS)
		wish->status = status;
	wish->waiting &= member != NULL ? ~(1u << member->number) : 0;
	wish->asked &= wish->waiting;
	ended = wish->made && wish->waiting == 0;
	pended = end_wish(team);
	status = wish->status;
	setting = wish->setting;
	im_release_spin_lock(&team->lock);
	if (ended && status != IM_STATUS_SUCCESS)
		follow_all(team, setting);
	complete(team, pended, status);
}

void team_spare_member(struct team_member *member)
{
	settle_wish(member->team, member, IM_STATUS_SUCCESS);
}

void team_fail_wish(struct team *team, im_status_t status)
{
	settle_wish(team, NULL, status);
}

/* ---- Members ------------------------------------------------------------------------------------- */

/* Under the lock. */
static uint32_t wanted_of(const struct team_member *member, enum team_setting setting)
{
	const struct team *team = member->team;
	bool differ = memcmp(member->address, team->station.address, IM_ADDRESS_SIZE) != 0;
	uint32_t value = team->values[setting];

	if (setting == TEAM_FILTER && member->flaws & FLAW_LEAVING)
		return 0; /* 1.38 */
	if (team->wish.made && team->wish.setting == setting)
		value = team->wish.value;
	else if (!team->is_set[setting])
		return member->settings[setting].has;
	return setting == TEAM_FILTER ? im_station_filter_below(value, differ) : value;
}

IM_DISPATCH static uint32_t wanted(struct im_setting *setting)
{
	struct team_member *member = setting->owner;
	enum team_setting which = (enum team_setting)(setting - member->settings);
	struct team *team = member->team;
	uint32_t value;

	im_acquire_spin_lock(&team->lock);
	value = wanted_of(member, which);
	if (team->wish.made && team->wish.setting == which)
		team->wish.asked |= team->wish.waiting & 1u << member->number;
	im_release_spin_lock(&team->lock);
	return value;
}

/* Whether the wish waits for this. One that goes or sleeps is no reason to fail it. */
static bool note_settled(struct team_member *member, enum team_setting which, uint32_t value, im_status_t *status,
			 bool *changed)
{
	struct team *team = member->team;
	bool waits;

	im_acquire_spin_lock(&team->lock);
	waits = team->wish.made && team->wish.setting == which && (team->wish.asked & 1u << member->number);
	*changed = which == TEAM_OFFLOAD && *status == IM_STATUS_SUCCESS && member->abilities.offloads != value;
	if (*changed)
		member->abilities.offloads = value;
	member->refused &= ~(1u << which);
	if (*status != IM_STATUS_SUCCESS)
		member->refused |= 1u << which;
	if (member->flaws & (FLAW_ASLEEP | FLAW_LEAVING))
		*status = IM_STATUS_SUCCESS;
	im_release_spin_lock(&team->lock);
	return waits;
}

IM_DISPATCH static void settled(struct im_setting *setting, im_status_t status)
{
	struct team_member *member = setting->owner;
	bool changed;

	if (note_settled(member, (enum team_setting)(setting - member->settings), setting->value, &status, &changed))
		settle_wish(member->team, member, status);
	else if (changed)
		team_announce(member->team);
}

IM_PASSIVE static uint32_t ask(struct team_member *member, uint32_t oid)
{
	uint32_t value = 0;

	if (im_ask(&member->question, member->below, oid, &value, sizeof(value)) != IM_STATUS_SUCCESS)
		value = 0;
	return value;
}

/* What it does not say, it cannot, or need not be asked. */
im_status_t team_ask_member(struct team_member *member)
{
	im_status_t status = im_ask(&member->question, member->below, SLUICE_OID_802_3_CURRENT_ADDRESS, member->address,
				    sizeof(member->address));

	if (status != IM_STATUS_SUCCESS)
		return status;
	if (ask(member, SLUICE_OID_GEN_MEDIA_CONNECT_STATUS) != 0)
		member->flaws |= FLAW_NO_LINK;
	for (uint32_t i = 0; i < TEAM_SIZES; i++)
		member->abilities.sizes[i] = ask(member, size_oids[i]);
	member->abilities.offloads = ask(member, SLUICE_OID_TCP_TASK_OFFLOAD);
	for (uint32_t i = 0; i < TEAM_SETTINGS; i++) {
		member->settings[i] = (struct im_setting){.wrapper = team_driver.wrapper,
							  .owner = member,
							  .below = member->below,
							  .oid = setting_oids[i],
							  .wanted = wanted,
							  .settled = settled};
		im_setting_init(&member->settings[i]);
	}
	member->settings[TEAM_OFFLOAD].has = member->abilities.offloads;
	return IM_STATUS_SUCCESS;
}

im_status_t team_tell_member(struct team_member *member)
{
	bool refuses;

	for (uint32_t i = 0; i < TEAM_SETTINGS; i++) {
		im_setting_follow(&member->settings[i]);
		im_wait_event(&member->settings[i].idle, TELL_LIMIT_MS);
	}
	im_acquire_spin_lock(&member->team->lock);
	refuses = member->refused & (1u << TEAM_FILTER | 1u << TEAM_VLAN);
	im_release_spin_lock(&member->team->lock);
	return refuses ? IM_STATUS_FAILURE : IM_STATUS_SUCCESS;
}

/* The addresses come first, for the filter to be nothing; what else was set stays so (10.37). */
void team_forget_wants(struct im_relay *relay)
{
	struct team *team = team_of(relay);

	im_station_clear(&team->station);
	im_acquire_spin_lock(&team->lock);
	team->wish.made = false;
	team->values[TEAM_FILTER] = 0;
	im_release_spin_lock(&team->lock);
	follow_all(team, TEAM_FILTER);
}

/* ---- What the team can --------------------------------------------------------------------------- */

/* Under the lock. */
static struct team_abilities combine(const struct team *team)
{
	struct team_abilities all = {.offloads = UINT32_MAX};

	for (uint32_t i = 0; i < TEAM_MEMBERS_MAX; i++) {
		const struct team_member *member = team->members[i];

		if (member == NULL || member->flaws & FLAW_LEAVING)
			continue;
		all.offloads &= member->abilities.offloads;
		for (uint32_t k = 0; k < TEAM_SIZES; k++)
			if (all.sizes[k] == 0 ||
			    (member->abilities.sizes[k] != 0 && member->abilities.sizes[k] < all.sizes[k]))
				all.sizes[k] = member->abilities.sizes[k];
	}
	return all;
}

static bool is_announced(struct team *team)
{
	bool announced;

	im_acquire_spin_lock(&team->lock);
	announced = !team->announce_again;
	team->announce_again = false;
	if (announced)
		__atomic_store_n(&team->announcing, false, __ATOMIC_RELEASE);
	im_release_spin_lock(&team->lock);
	return announced;
}

/* Never from inside a request (7.28): a control thread tells the protocols above to look again. */
IM_PASSIVE static void announce(struct im_work *work)
{
	struct team *team = (struct team *)(void *)((char *)work - offsetof(struct team, announce));
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	do {
		struct im_instance *vnic = im_relay_use_vnic(team->relay);

		if (vnic == NULL)
			continue;
		im_notify_pnp_event(vnic, &event);
		im_relay_leave_vnic(team->relay);
	} while (!is_announced(team));
}

void team_announce(struct team *team)
{
	struct team_abilities now;
	bool begin = false;

	im_acquire_spin_lock(&team->lock);
	now = combine(team);
	if (memcmp(&now, &team->announced, sizeof(now)) != 0) {
		team->announced = now;
		begin = !team->announcing;
		team->announce_again = !begin;
		team->announcing = true;
	}
	im_release_spin_lock(&team->lock);
	if (begin)
		im_schedule_work(&team->announce);
}

void team_announce_init(struct team *team)
{
	team->is_set[TEAM_FILTER] = true; /* to nothing */
	team->announce = (struct im_work){.run = announce, .wrapper = team_driver.wrapper};
}

/* ---- Queries ------------------------------------------------------------------------------------- */

static bool find_number(struct team *team, uint32_t oid, uint32_t *value)
{
	uint32_t setting = find_oid(setting_oids, TEAM_SETTINGS, oid), size = find_oid(size_oids, TEAM_SIZES, oid);
	bool found = false;

	im_acquire_spin_lock(&team->lock);
	if (size < TEAM_SIZES) {
		*value = combine(team).sizes[size];
		found = *value != 0;
	} else if (setting == TEAM_OFFLOAD) {
		*value = combine(team).offloads;
		found = true;
	} else if (setting < TEAM_SETTINGS) {
		*value = team->values[setting];
		found = team->is_set[setting];
	}
	im_release_spin_lock(&team->lock);
	return found;
}

im_status_t team_query_information(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
				   uint32_t *needed)
{
	struct im_relay *relay = context;
	struct team *team = team_of(relay);
	im_status_t status;
	uint32_t number;

	*written = 0;
	*needed = 0;
	if (find_number(team, oid, &number))
		return im_answer(&number, sizeof(number), buffer, length, written, needed);
	number = !team_is_linked(team);
	if (oid == SLUICE_OID_GEN_MEDIA_CONNECT_STATUS)
		return im_answer(&number, sizeof(number), buffer, length, written, needed);
	status = im_station_query(&team->station, oid, buffer, length, written, needed);
	if (status != IM_STATUS_NOT_SUPPORTED)
		return status;
	return im_relay_miniport.query_information(relay, oid, buffer, length, written, needed);
}

/* ---- Sets ---------------------------------------------------------------------------------------- */

static bool begin_wish(struct team *team, enum team_setting setting, uint32_t value, uint32_t *read)
{
	uint32_t waiting = 0;
	bool begun;

	im_acquire_spin_lock(&team->lock);
	for (uint32_t i = 0; i < TEAM_MEMBERS_MAX; i++)
		if (team->members[i] != NULL && (team->members[i]->flaws & (FLAW_ASLEEP | FLAW_LEAVING)) == 0)
			waiting |= 1u << i;
	begun = !team->closing;
	if (begun)
		team->wish = (struct team_wish){
			.made = true, .setting = setting, .value = value, .read = read, .waiting = waiting};
	im_release_spin_lock(&team->lock);
	return begun;
}

/* Those that have answered by now are through; the last one answers for the handler, unless that is here still. */
static im_status_t await_wish(struct team *team)
{
	im_status_t status = IM_STATUS_PENDING;

	im_acquire_spin_lock(&team->lock);
	end_wish(team); /* where nobody was to be asked */
	if (team->wish.made)
		team->wish.pended = true;
	else
		status = team->wish.status;
	im_release_spin_lock(&team->lock);
	return status;
}

IM_PASSIVE static im_status_t wish(struct team *team, enum team_setting setting, uint32_t value, uint32_t *read)
{
	struct team_member *member;

	if (!begin_wish(team, setting, value, read))
		return IM_STATUS_CLOSING;
	__atomic_add_fetch(&team->calls, 1, __ATOMIC_ACQ_REL);
	for (uint32_t i = 0; i < TEAM_MEMBERS_MAX; i++) {
		im_acquire_spin_lock(&team->lock);
		member = team->members[i];
		im_release_spin_lock(&team->lock);
		if (member != NULL)
			im_setting_follow(&member->settings[setting]);
	}
	__atomic_sub_fetch(&team->calls, 1, __ATOMIC_RELEASE);
	return await_wish(team);
}

im_status_t team_set_information(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
				 uint32_t *needed)
{
	struct im_relay *relay = context;
	struct team *team = team_of(relay);
	uint32_t setting = find_oid(setting_oids, TEAM_SETTINGS, oid), value;
	im_status_t status;

	*read = 0;
	*needed = 0;
	if (oid == SLUICE_OID_802_3_MULTICAST_LIST)
		return im_station_set_list(&team->station, buffer, length, read, needed);
	if (setting == TEAM_SETTINGS)
		return find_oid(team_oids, team_oid_count, oid) < team_oid_count
			       ? IM_STATUS_NOT_SUPPORTED
			       : im_relay_miniport.set_information(relay, oid, buffer, length, read, needed);
	status = im_take(&value, sizeof(value), buffer, length, read, needed);
	if (status != IM_STATUS_SUCCESS)
		return status;
	if (setting != TEAM_FILTER || (value & ~IM_FILTER_KNOWN) == 0)
		return wish(team, (enum team_setting)setting, value, read);
	*read = 0;
	return IM_STATUS_INVALID_DATA;
}

void team_cancel_request(void *context)
{
	struct im_relay *relay = context;

	team_fail_wish(team_of(relay), IM_STATUS_REQUEST_ABORTED);
	im_relay_miniport.cancel_request(relay);
}

void team_request_complete(void *context, struct im_request *request, im_status_t status)
{
	struct team_member *member = context;

	if (im_question_answered(&member->question, request, status))
		return;
	for (uint32_t i = 0; i < TEAM_SETTINGS; i++)
		if (im_setting_answered(&member->settings[i], request, status))
			return;
	im_relay_request_complete(member->team->relay, request, status);
}
