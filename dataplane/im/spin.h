/* SPDX-License-Identifier: BSD-3-Clause */
/* A word as a lock, for the core's own data: no level, no owner, no verifier behind it. Held for moments. */
#ifndef IM_SPIN_H
#define IM_SPIN_H

#include <stdint.h>

#include <rte_pause.h>

/** Level: any. */
static inline void im_spin_lock(uint32_t *lock)
{
	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) != 0)
		while (__atomic_load_n(lock, __ATOMIC_RELAXED) != 0)
			rte_pause();
}

static inline void im_spin_unlock(uint32_t *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

#endif
