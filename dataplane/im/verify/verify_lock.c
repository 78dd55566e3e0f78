/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Spin locks: balanced (9.24), released in reverse order, and taken in one order by all (9.23).
 *
 * Each thread knows the locks that it holds. Whoever takes B with A held has made the order A, B; somebody who takes
 * them the other way round can be half of a deadlock, even if the two never meet.
 */
#include "im/core.h"
#include "im/spin.h"
#include "verifier.h"

#define HELD_MAX  16u
#define PAIRS_MAX 512u

static __thread struct {
	const struct im_lock *lock;
	const void *site;
} held[HELD_MAX];

struct pair {
	const struct im_lock *first;
	const struct im_lock *second;
};

static struct {
	uint32_t lock;
	uint32_t count; /* full: no more orders are learnt */
	struct pair pairs[PAIRS_MAX];
} orders;

/* ---- Orders -------------------------------------------------------------------------------------- */

static bool knows(const struct im_lock *first, const struct im_lock *second)
{
	for (uint32_t i = 0; i < orders.count; i++)
		if (orders.pairs[i].first == first && orders.pairs[i].second == second)
			return true;
	return false;
}

/* False: they have been taken the other way round before. */
static bool learn(const struct im_lock *first, const struct im_lock *second)
{
	bool reverse;

	im_spin_lock(&orders.lock);
	reverse = knows(second, first);
	if (!reverse && !knows(first, second) && orders.count < PAIRS_MAX)
		orders.pairs[orders.count++] = (struct pair){first, second};
	im_spin_unlock(&orders.lock);
	return !reverse;
}

static bool lies_in(const struct im_lock *lock, const void *memory, size_t size)
{
	return (uintptr_t)lock - (uintptr_t)memory < size;
}

void im_forget_locks(const void *memory, size_t size, const char *driver)
{
	for (uint32_t i = 0; i < im_this_worker->locks && i < HELD_MAX; i++)
		if (lies_in(held[i].lock, memory, size))
			im_violation("9.24", driver, "freed memory with a spin lock in it that is held");
	im_spin_lock(&orders.lock);
	for (uint32_t i = 0; i < orders.count;)
		if (lies_in(orders.pairs[i].first, memory, size) || lies_in(orders.pairs[i].second, memory, size))
			orders.pairs[i] = orders.pairs[--orders.count];
		else
			i++;
	im_spin_unlock(&orders.lock);
}

void im_forget_orders(void)
{
	im_spin_lock(&orders.lock);
	orders.count = 0;
	im_spin_unlock(&orders.lock);
}

/* ---- Acquire and release ------------------------------------------------------------------------- */

bool im_verify_acquire(const struct im_lock *lock, const void *site)
{
	uint32_t locks = im_this_worker->locks;

	for (uint32_t i = 0; i < locks && i < HELD_MAX; i++) {
		if (held[i].lock == lock) {
			im_violation_at("9.24", im_running_driver(),
					"acquired a spin lock that it holds already: since", held[i].site);
			return false;
		}
		if (!learn(held[i].lock, lock))
			im_violation("9.23", im_running_driver(),
				     "acquired two spin locks in the other order than before");
	}
	if (locks < HELD_MAX) {
		held[locks].lock = lock;
		held[locks].site = site;
	}
	return true;
}

const void *im_held_site(void)
{
	uint32_t locks = im_this_worker->locks;

	return locks > 0 && locks <= HELD_MAX ? held[locks - 1].site : NULL;
}

static uint32_t find_held(const struct im_lock *lock)
{
	uint32_t at = 0;

	while (at < im_this_worker->locks && at < HELD_MAX && held[at].lock != lock)
		at++;
	return at;
}

bool im_verify_release(const struct im_lock *lock)
{
	uint32_t locks = im_this_worker->locks;
	uint32_t at = find_held(lock);

	if (locks > HELD_MAX)
		return true;
	if (at == locks) {
		im_violation("9.24", im_running_driver(), "released a spin lock that it does not hold");
		return false;
	}
	if (at != locks - 1)
		im_violation("9.23", im_running_driver(), "released a spin lock before one that it acquired after it");
	for (; at < locks - 1; at++)
		held[at] = held[at + 1];
	return true;
}

/* After the violation: as the handler should have left it. A lock too few cannot be taken again for it. */
void im_restore_locks(uint16_t wanted)
{
	struct im_worker *worker = im_this_worker;

	while (worker->locks > wanted) {
		worker->locks--;
		if (worker->locks < HELD_MAX)
			im_spin_unlock((uint32_t *)(uintptr_t)&held[worker->locks].lock->held);
	}
	worker->locks = wanted;
}
