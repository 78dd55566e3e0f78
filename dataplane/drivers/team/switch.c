/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is the active member, and how that changes without a packet lost, doubled or overtaken (10.20).
 *
 *   a flaw comes or goes ──> team_flaw() ──> act():  link above = OR of the members'
 *                                            sends are held while the best one resets, and while it is switched
 *                                            a better one than the active one: switch
 *
 *   switch    sends are held from here on ─> a grace period: nobody is on the way to the old one any more
 *             ─> what it has is home, or it had PATIENCE_MS for it ─> the way down is moved ─> what is held follows
 *
 * The old one's own sends are its to complete, whenever it does: nothing is sent twice. It is waited for so that a flow
 * does not overtake itself; not for long, as one that lost its link may keep what it has for ever.
 *
 * act() has one thread at a time in it, which goes round again for the others: so what is told last is what is so.
 */
#include "team.h"

#define PATIENCE_MS 250u

/* ---- Who is best --------------------------------------------------------------------------------- */

enum score {
	SCORE_NONE,
	SCORE_SOON, /* it is being reset */
	SCORE_WITHOUT_LINK,
	SCORE_GOOD,
};

static enum score score_of(const struct team_member *member)
{
	if (member == NULL || member->flaws & (FLAW_PAUSED | FLAW_ASLEEP | FLAW_LEAVING))
		return SCORE_NONE;
	if (member->flaws & FLAW_RESETTING)
		return SCORE_SOON;
	return member->flaws & FLAW_NO_LINK ? SCORE_WITHOUT_LINK : SCORE_GOOD;
}

/* The active one, unless another one is better; or, if it leaves, anybody who stays. Under the lock. */
static uint32_t best_of(const struct team *team)
{
	const struct team_member *active = team->members[team->active];
	bool leaves = active == NULL || (active->flaws & FLAW_LEAVING) != 0;
	uint32_t best = team->active;

	for (uint32_t i = 0; i < TEAM_MEMBERS_MAX; i++) {
		const struct team_member *member = team->members[i];

		if (member == NULL || member->flaws & FLAW_LEAVING)
			continue;
		if (leaves || score_of(member) > score_of(team->members[best])) {
			best = i;
			leaves = false;
		}
	}
	return best;
}

/* Under the lock. */
static bool has_link(const struct team *team)
{
	bool linked = false;

	for (uint32_t i = 0; i < TEAM_MEMBERS_MAX; i++)
		if (team->members[i] != NULL)
			linked |= (team->members[i]->flaws & (FLAW_NO_LINK | FLAW_ASLEEP | FLAW_LEAVING)) == 0;
	return linked;
}

bool team_is_linked(struct team *team)
{
	bool linked;

	im_acquire_spin_lock(&team->lock);
	linked = has_link(team);
	im_release_spin_lock(&team->lock);
	return linked;
}

/* ---- Acting on it -------------------------------------------------------------------------------- */

struct action {
	bool hold, linked, begin_switch;
};

/* False: another thread acts, and will see to this. */
static bool take_turn(struct team *team, struct action *action)
{
	bool mine;

	im_acquire_spin_lock(&team->lock);
	mine = !team->turn;
	team->again = !mine;
	if (mine) {
		team->turn = true;
		action->begin_switch = !team->switching && best_of(team) != team->active;
		team->switching |= action->begin_switch;
		action->hold = team->switching || score_of(team->members[team->active]) == SCORE_SOON;
		action->linked = has_link(team);
	}
	im_release_spin_lock(&team->lock);
	return mine;
}

static bool end_turn(struct team *team)
{
	bool again;

	im_acquire_spin_lock(&team->lock);
	team->turn = false;
	again = team->again;
	im_release_spin_lock(&team->lock);
	return again;
}

/* To the relay it is as if its adapter were reset: it holds, and lets go in order (7.7). */
static void hold(struct team *team, bool holding)
{
	if (holding == team->holding)
		return;
	team->holding = holding;
	im_relay_protocol.status(team->relay, holding ? IM_INDICATION_RESET_START : IM_INDICATION_RESET_END, NULL, 0);
}

static void tell_link(struct team *team, bool linked)
{
	if (linked == team->linked)
		return;
	team->linked = linked;
	im_relay_protocol.status(team->relay, linked ? IM_INDICATION_MEDIA_CONNECT : IM_INDICATION_MEDIA_DISCONNECT,
				 NULL, 0);
	im_relay_protocol.status_complete(team->relay);
}

static void act(struct team *team)
{
	struct action action;

	do {
		if (!take_turn(team, &action))
			return;
		hold(team, action.hold);
		tell_link(team, action.linked);
		if (action.begin_switch)
			im_schedule_work(&team->switch_work);
	} while (end_turn(team));
}

void team_flaw(struct team_member *member, uint32_t set, uint32_t clear)
{
	im_acquire_spin_lock(&member->team->lock);
	member->flaws = (member->flaws | set) & ~clear;
	im_release_spin_lock(&member->team->lock);
	act(member->team);
}

/* ---- Switching ----------------------------------------------------------------------------------- */

IM_DISPATCH static void lose_patience(struct im_timer *timer)
{
	struct team *team = (struct team *)(void *)((char *)timer - offsetof(struct team, patience));

	__atomic_store_n(&team->impatient, 1, __ATOMIC_RELEASE);
}

IM_PASSIVE static bool is_old_one_home(void *owner)
{
	const struct team *team = owner;

	return __atomic_load_n(&team->impatient, __ATOMIC_ACQUIRE) ||
	       im_sends_are_home(team->members[team->active]->below);
}

/* A timer that has expired is waited for, as it may be in its function. */
IM_PASSIVE static void stop_timer(struct team *team)
{
	if (im_cancel_timer(&team->patience))
		return;
	while (!__atomic_load_n(&team->impatient, __ATOMIC_ACQUIRE))
		team_sleep();
}

/* Whoever is best by now; it may be the old one again. */
IM_PASSIVE static void move(void *owner)
{
	struct team *team = owner;

	stop_timer(team);
	im_acquire_spin_lock(&team->lock);
	__atomic_store_n(&team->active, best_of(team), __ATOMIC_RELEASE);
	im_relay_move(team->relay, team->members[team->active]->below);
	team->switching = false;
	im_release_spin_lock(&team->lock);
	act(team);
	__atomic_sub_fetch(&team->calls, 1, __ATOMIC_RELEASE);
}

IM_PASSIVE static void begin_switch(struct im_work *work)
{
	struct team *team = (struct team *)(void *)((char *)work - offsetof(struct team, switch_work));

	__atomic_add_fetch(&team->calls, 1, __ATOMIC_ACQ_REL);
	im_synchronize();
	__atomic_store_n(&team->impatient, 0, __ATOMIC_RELAXED);
	im_set_timer(&team->patience, PATIENCE_MS);
	team->drain = (struct im_drain){
		.wrapper = team_driver.wrapper, .owner = team, .is_home = is_old_one_home, .done = move};
	if (im_drain_begin(&team->drain))
		move(team);
}

static bool is_switched(struct team_member *member)
{
	struct team *team = member->team;
	bool switched;

	im_acquire_spin_lock(&team->lock);
	switched = !team->switching && !team->turn && (team->members[team->active] != member || team->stopped);
	im_release_spin_lock(&team->lock);
	return switched;
}

void team_wait_for_switch(struct team_member *member)
{
	while (!is_switched(member))
		team_sleep();
}

void team_switch_init(struct team *team)
{
	team->switch_work = (struct im_work){.run = begin_switch, .wrapper = team_driver.wrapper};
	team->patience = (struct im_timer){.expired = lose_patience, .wrapper = team_driver.wrapper};
}
