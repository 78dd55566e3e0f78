/* SPDX-License-Identifier: BSD-3-Clause */
/* Teams: made by their first member, found by the others, freed by the last one; and the driver. */
#include "team.h"

#include <stdio.h>
#include <string.h>

static struct im_lock list_lock;
static LIST_HEAD(, team) teams = LIST_HEAD_INITIALIZER(teams);

void team_sleep(void)
{
	struct im_event never = {0};

	im_wait_event(&never, 1);
}

/* ---- Teams --------------------------------------------------------------------------------------- */

/* Found, and used once more; NULL: there is none that goes on. */
static struct team *find(const char *name)
{
	struct team *team;

	im_acquire_spin_lock(&list_lock);
	LIST_FOREACH(team, &teams, link)
	if (!team->going && strcmp(team->name, name) == 0)
		break;
	if (team != NULL)
		team->users++;
	im_release_spin_lock(&list_lock);
	return team;
}

/* False: meanwhile another one has been made. */
static bool publish(struct team *team)
{
	const struct team *other;

	im_acquire_spin_lock(&list_lock);
	LIST_FOREACH(other, &teams, link)
	if (!other->going && strcmp(other->name, team->name) == 0)
		break;
	if (other == NULL)
		LIST_INSERT_HEAD(&teams, team, link);
	im_release_spin_lock(&list_lock);
	return other == NULL;
}

void team_drop(struct team *team)
{
	bool last;

	if (team == NULL)
		return;
	im_acquire_spin_lock(&list_lock);
	last = --team->users == 0;
	if (last)
		LIST_REMOVE(team, link);
	im_release_spin_lock(&list_lock);
	if (!last)
		return;
	im_relay_destroy(team->relay);
	im_free_memory(team);
}

IM_PASSIVE static bool read_address(const char *text, uint8_t *address)
{
	unsigned bytes[IM_ADDRESS_SIZE];
	int end = 0;

	if (text == NULL || text[0] == '\0')
		return true;
	if (sscanf(text, "mac=%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4],
		   &bytes[5], &end) != IM_ADDRESS_SIZE ||
	    text[end] != '\0' || end != (int)strlen("mac=") + 3 * (int)IM_ADDRESS_SIZE - 1 || (bytes[0] & 1) != 0)
		return false;
	for (uint32_t i = 0; i < IM_ADDRESS_SIZE; i++)
		address[i] = (uint8_t)bytes[i];
	return true;
}

/* Of its first member: its address, its link, what it can. */
IM_PASSIVE static im_status_t create(struct team_member *member, const char *name, const char *text, struct team **out)
{
	struct team *team = im_allocate_memory(team_driver.wrapper, sizeof(*team), "team");
	im_status_t status;

	if (team == NULL)
		return IM_STATUS_RESOURCES;
	snprintf(team->name, sizeof(team->name), "%s", name);
	memcpy(team->station.address, member->address, IM_ADDRESS_SIZE);
	if (!read_address(text, team->station.address)) {
		fprintf(stderr, "team: VNIC '%s': '%s' is not understood; example: mac=02:00:00:00:00:09\n", name,
			text);
		im_free_memory(team);
		return IM_STATUS_INVALID_PARAMETER;
	}
	team->users = 1;
	team->linked = (member->flaws & FLAW_NO_LINK) == 0;
	team->announced = member->abilities;
	team_switch_init(team);
	team_announce_init(team);
	status = im_relay_create(&team_driver, member->below, name, &team->relay);
	if (status != IM_STATUS_SUCCESS) {
		im_free_memory(team);
		return status;
	}
	*(struct team **)team->relay->own = team;
	*out = team;
	return status;
}

IM_PASSIVE static im_status_t find_or_create(struct team_member *member, const char *name, const char *text,
					     struct team **out)
{
	im_status_t status;

	for (;;) {
		*out = find(name);
		if (*out != NULL)
			return IM_STATUS_SUCCESS;
		status = create(member, name, text, out);
		if (status != IM_STATUS_SUCCESS || publish(*out))
			return status;
		im_relay_destroy((*out)->relay);
		im_free_memory(*out);
	}
}

/* ---- Members ------------------------------------------------------------------------------------- */

static bool add(struct team *team, struct team_member *member)
{
	uint32_t number = 0;

	im_acquire_spin_lock(&team->lock);
	while (number < TEAM_MEMBERS_MAX && team->members[number] != NULL)
		number++;
	member->number = number;
	if (number < TEAM_MEMBERS_MAX)
		team->members[number] = member;
	im_release_spin_lock(&team->lock);
	return number < TEAM_MEMBERS_MAX;
}

im_status_t team_join(struct team_member *member, const char *name, const char *text)
{
	struct team *team;
	im_status_t status;

	if (strlen(name) >= sizeof(team->name))
		return IM_STATUS_INVALID_PARAMETER;
	status = find_or_create(member, name, text, &team);
	if (status != IM_STATUS_SUCCESS)
		return status;
	member->team = team; /* before the others can find it */
	if (add(team, member))
		return IM_STATUS_SUCCESS;
	member->team = NULL;
	team_drop(team);
	return IM_STATUS_RESOURCES;
}

/* Whether nobody stays behind: then the team goes, and a new one of this name may come. */
static bool is_last(struct team_member *member)
{
	struct team *team = member->team;
	uint32_t others = 0;

	im_acquire_spin_lock(&list_lock);
	im_acquire_spin_lock(&team->lock);
	member->flaws |= FLAW_LEAVING;
	for (uint32_t i = 0; i < TEAM_MEMBERS_MAX; i++)
		others += team->members[i] != NULL && !(team->members[i]->flaws & FLAW_LEAVING);
	im_release_spin_lock(&team->lock);
	team->going |= others == 0;
	im_release_spin_lock(&list_lock);
	return others == 0;
}

static void take_out(struct team_member *member)
{
	struct team *team = member->team;

	im_acquire_spin_lock(&team->lock);
	team->members[member->number] = NULL;
	im_release_spin_lock(&team->lock);
}

static void note(struct team *team, bool *what)
{
	im_acquire_spin_lock(&team->lock);
	*what = true;
	im_release_spin_lock(&team->lock);
}

void team_leave(struct team_member *member)
{
	struct team *team = member->team;
	bool last = is_last(member);

	if (last) {
		note(team, &team->closing);
		team_fail_wish(team, IM_STATUS_CLOSING);
		im_relay_stop(team->relay);
		note(team, &team->stopped);
	}
	team_flaw(member, FLAW_LEAVING, 0); /* it is so already: to act on it */
	team_wait_for_switch(member);
	team_spare_member(member);
	take_out(member);
	while (__atomic_load_n(&team->calls, __ATOMIC_ACQUIRE) > 0 ||
	       __atomic_load_n(&team->announcing, __ATOMIC_ACQUIRE))
		team_sleep();
	for (uint32_t i = 0; i < TEAM_SETTINGS; i++)
		im_setting_stop(&member->settings[i]);
	if (!last)
		team_announce(team);
}

/* ---- The driver ---------------------------------------------------------------------------------- */

struct im_relay_driver team_driver = {
	.description = "Sluice team: one VNIC over several adapters",
	.own_size = sizeof(struct team *),
	.oids = team_oids,
	.stop = team_forget_wants,
};

IM_PASSIVE static void unload(void)
{
	im_relay_unload(&team_driver);
}

IM_INIT static im_status_t driver_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport = {
		.query_information = team_query_information,
		.set_information = team_set_information,
		.cancel_request = team_cancel_request,
		.cancel_send_packets = team_cancel_send_packets,
	};
	static const struct im_protocol_characteristics protocol = {
		.bind_adapter = team_bind_adapter,
		.unbind_adapter = team_unbind_adapter,
		.open_adapter_complete = team_open_adapter_complete,
		.close_adapter_complete = team_close_adapter_complete,
		.send_complete = team_send_complete,
		.receive_packets = team_receive_packets,
		.receive = team_receive,
		.receive_complete = team_receive_complete,
		.transfer_data_complete = team_transfer_data_complete,
		.request_complete = team_request_complete,
		.status = team_status,
		.status_complete = team_status_complete,
		.pnp_event = team_pnp_event,
	};

	team_driver.oid_count = team_oid_count;
	return im_relay_register(&team_driver, object, &miniport, &protocol, unload);
}

IM_DRIVER("team", "one VNIC over several adapters, of which another one takes over when one fails")
