/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes wrong, or another way, on request: the n-th call or allocation (12.62), completions (12.61). */
#include "im/core.h"
#include "verifier.h"

/* One kind of thing that can be made to fail. */
struct fault {
	uint32_t at;	/* the n-th from the moment it was set; 0: none */
	uint32_t count; /* so far; atomic */
};

static struct fault calls, allocations;
static uint32_t injected;

void im_verify_fail(uint32_t fail_call, uint32_t fail_allocation)
{
	calls = (struct fault){.at = fail_call};
	allocations = (struct fault){.at = fail_allocation};
	__atomic_store_n(&injected, 0, __ATOMIC_RELAXED);
}

uint32_t im_verify_failed(void)
{
	return __atomic_load_n(&injected, __ATOMIC_RELAXED);
}

static bool is_due(struct fault *fault)
{
	if (likely(fault->at == 0))
		return false;
	if (__atomic_add_fetch(&fault->count, 1, __ATOMIC_RELAXED) != fault->at)
		return false;
	__atomic_add_fetch(&injected, 1, __ATOMIC_RELAXED);
	return true;
}

bool im_fault_call(void)
{
	return is_due(&calls);
}

bool im_fault_allocation(void)
{
	return is_due(&allocations);
}

/* ---- Schedules ----------------------------------------------------------------------------------- */

/* A thread's own sequence, different from the others' and the same for the same seed. */
static uint32_t draw(void)
{
	static __thread uint64_t state, seed;
	uint64_t wanted = im_verify_now.seed + 1;

	if (seed != wanted) {
		seed = wanted;
		state = (wanted + im_this_worker->index) * 0x9e3779b97f4a7c15u | 1u;
	}
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32);
}

enum im_verify_schedule im_verify_choose(void)
{
	if (!im_is_watched(im_this_worker))
		return IM_SCHEDULE_INLINE;
	if (im_verify_now.schedule == IM_SCHEDULE_RANDOM)
		return (enum im_verify_schedule)(draw() % IM_SCHEDULE_RANDOM);
	return im_verify_now.schedule;
}

bool im_verify_later(void)
{
	return im_verify_choose() != IM_SCHEDULE_INLINE;
}
