/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timers (contract section 9D), on the clock of im_tick(). Few: each driver has one or two, so a scan of all of them is
 * cheap, and only setting and cancelling one has to be, as workers do that.
 */
#include "im/verify/verifier.h"
#include "inside.h"
#include "spin.h"

#define SLOTS	64u
#define THREADS (IM_WORKERS_MAX + IM_CONTROL_THREADS_MAX)
#define NS_A_MS 1000000u

enum state {
	NEVER_SET,
	SET_EARLY, /* before the first im_tick(): `due_ns` is a delay */
	SET,
	EXPIRED, /* or expiring */
	CANCELLED,
};

static struct {
	uint32_t lock; /* of all below, and of the core's words of each timer in it */
	uint32_t count;
	uint64_t earliest_ns; /* nothing is due before */
	bool early;	      /* there are some that are SET_EARLY */
	struct im_timer *slots[SLOTS];
	const struct im_timer *firing[THREADS]; /* whose function a thread is in; only ever compared */
} timers;

static struct im_timer **slot_of(const struct im_timer *timer)
{
	return &timers.slots[((uintptr_t)timer >> 4) % SLOTS];
}

/* ---- Under the lock ------------------------------------------------------------------------------ */

static bool is_linked(const struct im_timer *timer)
{
	return timer->state == SET || timer->state == SET_EARLY;
}

static void link_timer(struct im_timer *timer, uint64_t due_ns, enum state state)
{
	struct im_timer **slot = slot_of(timer);

	timer->due_ns = due_ns;
	timer->state = state;
	timer->next = *slot;
	*slot = timer;
	timers.early |= state == SET_EARLY;
	if (timers.count++ == 0 || due_ns < timers.earliest_ns)
		timers.earliest_ns = due_ns;
}

static void unlink_timer(struct im_timer *timer, enum state state)
{
	struct im_timer **at = slot_of(timer);

	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
	timer->state = state;
	timers.count--;
}

static bool is_firing(const struct im_timer *timer)
{
	for (uint32_t i = 0; i < THREADS; i++)
		if (timers.firing[i] == timer)
			return true;
	return false;
}

/* ---- Set and cancel ------------------------------------------------------------------------------ */

static void set(struct im_timer *timer, uint64_t delay_ns, uint64_t period_ns)
{
	uint64_t now_ns = __atomic_load_n(&im_core.now_ns, __ATOMIC_RELAXED);
	const void *object = im_is_verified() ? im_running_object() : NULL;
	bool alternates;

	im_spin_lock(&timers.lock);
	alternates = !is_linked(timer);
	if (alternates) {
		timer->period_ns = period_ns;
		timer->object = object;
		if (now_ns == 0)
			link_timer(timer, delay_ns, SET_EARLY);
		else
			link_timer(timer, now_ns + (delay_ns > 0 ? delay_ns : 1), SET);
	}
	im_spin_unlock(&timers.lock);
	if (!alternates)
		im_violation("9.28", im_running_driver(), "set a timer that is set");
}

void im_set_timer(struct im_timer *timer, uint32_t delay_ms)
{
	set(timer, (uint64_t)delay_ms * NS_A_MS, 0);
}

void im_set_periodic_timer(struct im_timer *timer, uint32_t period_ms)
{
	uint64_t period_ns = (uint64_t)(period_ms > 0 ? period_ms : 1) * NS_A_MS;

	set(timer, period_ns, period_ns);
}

bool im_cancel_timer(struct im_timer *timer)
{
	bool linked, firing, again;

	if (timer->period_ns != 0 && !im_passive_call("im_cancel_timer"))
		return false;
	im_spin_lock(&timers.lock);
	linked = is_linked(timer);
	firing = is_firing(timer);
	again = timer->state == CANCELLED;
	if (linked)
		unlink_timer(timer, CANCELLED);
	timer->state = CANCELLED;
	im_spin_unlock(&timers.lock);
	if (again && im_is_verified())
		im_violation("9.28", im_running_driver(), "cancelled a timer twice");
	return linked && !(firing && timer->period_ns != 0); /* a periodic one is set again while its function runs */
}

/* ---- Expiry -------------------------------------------------------------------------------------- */

/* What was set before the first tick counts from it. */
static void begin_clock(uint64_t now_ns)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		for (struct im_timer *timer = timers.slots[i]; timer != NULL; timer = timer->next)
			if (timer->state == SET_EARLY) {
				timer->due_ns += now_ns;
				timer->state = SET;
			}
	timers.early = false;
}

static struct im_timer *find_due(uint64_t now_ns)
{
	struct im_timer *first = NULL;

	timers.earliest_ns = UINT64_MAX;
	for (uint32_t i = 0; i < SLOTS; i++)
		for (struct im_timer *timer = timers.slots[i]; timer != NULL; timer = timer->next) {
			if (timer->due_ns < timers.earliest_ns)
				timers.earliest_ns = timer->due_ns;
			if (timer->due_ns <= now_ns && (first == NULL || timer->due_ns < first->due_ns))
				first = timer;
		}
	return first;
}

/* A periodic one is set again before its function runs, at a whole number of periods from where it was. */
static void set_next(struct im_timer *timer, uint64_t now_ns)
{
	uint64_t missed = (now_ns - timer->due_ns) / timer->period_ns;
	uint64_t due_ns = timer->due_ns + (missed + 1) * timer->period_ns;

	link_timer(timer, due_ns, SET);
}

static struct im_timer *take_due(uint64_t now_ns, struct im_wrapper **wrapper)
{
	struct im_timer *timer = NULL;

	im_spin_lock(&timers.lock);
	if (timers.early)
		begin_clock(now_ns);
	if (timers.count > 0 && timers.earliest_ns <= now_ns)
		timer = find_due(now_ns);
	if (timer != NULL) {
		unlink_timer(timer, EXPIRED);
		if (timer->period_ns != 0)
			set_next(timer, now_ns);
		timers.firing[im_this_worker->index] = timer;
		*wrapper = timer->wrapper;
		if (*wrapper != NULL)
			__atomic_add_fetch(&(*wrapper)->owned.deferred, 1, __ATOMIC_RELAXED);
	}
	im_spin_unlock(&timers.lock);
	return timer;
}

/* Its function may free a timer that is not periodic: not a look at it afterwards. */
static void fire(struct im_timer *timer, struct im_wrapper *wrapper)
{
	struct im_worker *worker = im_this_worker;
	uint8_t level = im_raise(worker);
	struct im_frame frame;

	im_enter(&frame, IM_HANDLER_timer, wrapper, timer);
	timer->expired(timer);
	im_leave(&frame);
	im_lower(worker, level);
	im_spin_lock(&timers.lock);
	timers.firing[worker->index] = NULL;
	im_spin_unlock(&timers.lock);
	if (wrapper != NULL)
		__atomic_sub_fetch(&wrapper->owned.deferred, 1, __ATOMIC_RELEASE);
}

void im_run_timers(uint64_t now_ns)
{
	struct im_wrapper *wrapper;
	struct im_timer *timer;

	while ((timer = take_due(now_ns, &wrapper)) != NULL)
		fire(timer, wrapper);
}

/* ---- What is left -------------------------------------------------------------------------------- */

typedef bool match_t(const struct im_timer *timer, const void *what, size_t size);

static uint32_t drop(match_t *match, const void *what, size_t size)
{
	uint32_t dropped = 0;

	im_spin_lock(&timers.lock);
	for (uint32_t i = 0; i < SLOTS; i++)
		for (struct im_timer *timer = timers.slots[i], *next; timer != NULL; timer = next) {
			next = timer->next;
			if (!match(timer, what, size))
				continue;
			unlink_timer(timer, CANCELLED);
			dropped++;
		}
	im_spin_unlock(&timers.lock);
	return dropped;
}

static bool lies_in(const struct im_timer *timer, const void *memory, size_t size)
{
	return (uintptr_t)timer - (uintptr_t)memory < size;
}

static bool belongs_to(const struct im_timer *timer, const void *wrapper, size_t size)
{
	(void)size;
	return timer->wrapper == wrapper;
}

static bool was_set_for(const struct im_timer *timer, const void *object, size_t size)
{
	(void)size;
	return timer->object == object;
}

uint32_t im_drop_timers_in(const void *memory, size_t size)
{
	return drop(lies_in, memory, size);
}

uint32_t im_drop_timers_of(const struct im_wrapper *wrapper)
{
	return drop(belongs_to, wrapper, 0);
}

uint32_t im_drop_timers_for(const void *object)
{
	return drop(was_set_for, object, 0);
}
