/* SPDX-License-Identifier: BSD-3-Clause */
/* A member of a team, from bind to unbind, and what its adapter tells. */
#include "team.h"

static const uint32_t media[] = {IM_MEDIUM_802_3};

/* ---- Memory -------------------------------------------------------------------------------------- */

IM_PASSIVE static void destroy(struct team_member *member)
{
	team_drop(member->team);
	im_free_packet_pool(member->pool);
	im_free_memory(member);
}

IM_PASSIVE static im_status_t create(const struct im_bind_config *config, struct team_member **out)
{
	struct team_member *member = im_allocate_memory(team_driver.wrapper, sizeof(*member), "team member");
	im_status_t status;

	if (member == NULL)
		return IM_STATUS_RESOURCES;
	status = im_allocate_packet_pool(team_driver.wrapper, TEAM_DESCRIPTORS, &member->pool);
	if (status != IM_STATUS_SUCCESS) {
		im_free_memory(member);
		return status;
	}
	member->config = config;
	member->flaws = FLAW_PAUSED; /* until the core says that data may flow */
	member->open = (struct im_open){.context = member, .media = media, .media_count = RTE_DIM(media)};
	team_assembler_init(member);
	*out = member;
	return IM_STATUS_SUCCESS;
}

/* ---- Bind and unbind ----------------------------------------------------------------------------- */

/* Sends and packets of it are home; the way down leads elsewhere when this closes. */
IM_PASSIVE static im_status_t close_below(struct team_member *member)
{
	if (member->team != NULL)
		team_leave(member);
	im_assemble_wait(&member->assembler);
	if (im_close_adapter(member->below) == IM_STATUS_PENDING)
		return IM_STATUS_PENDING;
	destroy(member);
	return IM_STATUS_SUCCESS;
}

IM_PASSIVE static im_status_t join(struct team_member *member)
{
	const struct im_bind_config *config = member->config;
	im_status_t status = team_ask_member(member);

	if (status != IM_STATUS_SUCCESS)
		return status;
	status = team_join(member, config->vnic_names[0],
			   config->vnic_parameters != NULL ? config->vnic_parameters[0] : NULL);
	if (status != IM_STATUS_SUCCESS)
		return status;
	team_flaw(member, 0, 0); /* with it, the team may have a link */
	status = team_tell_member(member);
	if (status != IM_STATUS_SUCCESS)
		return status;
	team_announce(member->team);
	return im_relay_start(member->team->relay);
}

IM_PASSIVE static im_status_t opened(struct team_member *member, im_status_t status)
{
	if (status != IM_STATUS_SUCCESS) {
		destroy(member);
		return status;
	}
	status = join(member);
	if (status != IM_STATUS_SUCCESS) {
		member->bind_status = status;
		return close_below(member) == IM_STATUS_PENDING ? IM_STATUS_PENDING : status;
	}
	member->config = NULL; /* an unbind may follow as soon as the bind is complete */
	return status;
}

im_status_t team_bind_adapter(const struct im_bind_config *config)
{
	struct team_member *member;
	im_status_t status;

	if (config->vnic_count != 1)
		return IM_STATUS_INVALID_PARAMETER;
	status = create(config, &member);
	if (status != IM_STATUS_SUCCESS)
		return status;
	status = im_open_adapter(&member->below, team_driver.protocol, config, &member->open);
	return status == IM_STATUS_PENDING ? status : opened(member, status);
}

void team_open_adapter_complete(void *context, im_status_t status)
{
	struct team_member *member = context;
	const struct im_bind_config *config = member->config;

	status = opened(member, status);
	if (status != IM_STATUS_PENDING)
		im_complete_bind_adapter(config, status);
}

im_status_t team_unbind_adapter(void *context, void *unbind_context)
{
	struct team_member *member = context;

	member->unbind_context = unbind_context;
	return close_below(member);
}

void team_close_adapter_complete(void *context)
{
	struct team_member *member = context;
	const struct im_bind_config *config = member->config;
	void *unbind_context = member->unbind_context;
	im_status_t status = member->bind_status;

	destroy(member);
	if (config != NULL)
		im_complete_bind_adapter(config, status);
	else
		im_complete_unbind_adapter(unbind_context);
}

/* ---- Status -------------------------------------------------------------------------------------- */

/* A member tells the team; what that means for the VNIC is the team's to say (7.14). */
void team_status(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	struct team_member *member = context;

	if (member->team == NULL)
		return;
	switch (indication) {
	case IM_INDICATION_RESET_START:
		team_flaw(member, FLAW_RESETTING, 0);
		break;
	case IM_INDICATION_RESET_END:
		team_flaw(member, 0, FLAW_RESETTING);
		break;
	case IM_INDICATION_MEDIA_CONNECT:
		team_flaw(member, 0, FLAW_NO_LINK);
		break;
	case IM_INDICATION_MEDIA_DISCONNECT:
		team_flaw(member, FLAW_NO_LINK, 0);
		break;
	case IM_INDICATION_LINK_SPEED_CHANGE:
		if (team_is_active(member))
			im_relay_protocol.status(member->team->relay, indication, buffer, length);
		break;
	case IM_INDICATION_CLOSING:
		im_schedule_unbind(member->below); /* 3.19 */
		break;
	default:
		break;
	}
}

void team_status_complete(void *context)
{
	const struct team_member *member = context;

	if (member->team != NULL)
		im_relay_protocol.status_complete(member->team->relay);
}

/* ---- Events -------------------------------------------------------------------------------------- */

IM_PASSIVE static bool is_home(void *owner)
{
	struct team_member *member = owner;
	bool busy = false;

	for (uint32_t i = 0; i < TEAM_SETTINGS; i++)
		busy |= im_setting_is_busy(&member->settings[i]);
	if (team_is_active(member))
		busy |= im_relay_has_request(member->team->relay);
	return !busy && im_sends_are_home(member->below);
}

IM_PASSIVE static void slept(void *owner)
{
	struct team_member *member = owner;

	im_complete_pnp_event(member->event, IM_STATUS_SUCCESS);
}

/* The VNIC goes on with the others (10.19); the event is answered when what this one has is home (7.23). */
IM_PASSIVE static im_status_t go_to_sleep(struct team_member *member, struct im_pnp_event *event)
{
	for (uint32_t i = 0; i < TEAM_SETTINGS; i++)
		im_setting_bar(&member->settings[i], true);
	team_flaw(member, FLAW_ASLEEP, 0);
	team_spare_member(member);
	member->event = event;
	member->drain =
		(struct im_drain){.wrapper = team_driver.wrapper, .owner = member, .is_home = is_home, .done = slept};
	return im_drain_begin(&member->drain) ? IM_STATUS_SUCCESS : IM_STATUS_PENDING;
}

IM_PASSIVE static im_status_t wake_up(struct team_member *member)
{
	team_flaw(member, 0, FLAW_ASLEEP);
	for (uint32_t i = 0; i < TEAM_SETTINGS; i++)
		im_setting_bar(&member->settings[i], false);
	return IM_STATUS_SUCCESS;
}

static bool is_only_one(const struct team_member *member)
{
	struct team *team = member->team;
	uint32_t others = 0;

	im_acquire_spin_lock(&team->lock);
	for (uint32_t i = 0; i < TEAM_MEMBERS_MAX; i++)
		others += team->members[i] != NULL && team->members[i] != member;
	im_release_spin_lock(&team->lock);
	return others == 0;
}

im_status_t team_pnp_event(void *context, struct im_pnp_event *event)
{
	struct team_member *member = context;

	if (member->team == NULL)
		return IM_STATUS_SUCCESS;
	switch (event->code) {
	case IM_PNP_SET_POWER:
		return event->power != IM_POWER_D0 ? go_to_sleep(member, event) : wake_up(member);
	case IM_PNP_PAUSE:
		team_flaw(member, FLAW_PAUSED, 0);
		return IM_STATUS_SUCCESS;
	case IM_PNP_RESTART:
		team_flaw(member, 0, FLAW_PAUSED);
		return IM_STATUS_SUCCESS;
	case IM_PNP_QUERY_REMOVE:
	case IM_PNP_CANCEL_REMOVE:
		if (!is_only_one(member))
			return IM_STATUS_SUCCESS; /* it can be spared: nobody above need know */
		return im_relay_protocol.pnp_event(member->team->relay, event);
	case IM_PNP_RECONFIGURE:
		return im_relay_protocol.pnp_event(member->team->relay, event);
	default: /* QUERY_POWER always succeeds (7.26) */
		return IM_STATUS_SUCCESS;
	}
}
