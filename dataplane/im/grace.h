/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Grace periods: when can no thread be in the middle of what it read before? (rte_rcu_qsbr behind a small face.)
 *
 * A worker is a reader from im_grace_online() to im_grace_offline(), and says im_grace_quiescent() once a turn. A
 * control thread reads only inside the calls of the packet path that it makes, which put it online for that long.
 */
#ifndef IM_GRACE_H
#define IM_GRACE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_rcu_qsbr.h>

#include "level.h"
#include "spin.h"

struct im_grace {
	struct rte_rcu_qsbr *readers;
	uint32_t checking; /* a lock: what one thread has found to be over, the next is told without looking again */
};

/** For threads 0 to @p threads - 1. 0 or -ENOMEM. */
IM_PASSIVE int im_grace_create(struct im_grace **grace, uint32_t threads);
IM_PASSIVE void im_grace_destroy(struct im_grace *grace);

IM_DISPATCH static inline void im_grace_online(struct im_grace *grace, uint32_t thread)
{
	rte_rcu_qsbr_thread_online(grace->readers, thread);
}

IM_DISPATCH static inline void im_grace_offline(struct im_grace *grace, uint32_t thread)
{
	rte_rcu_qsbr_thread_offline(grace->readers, thread);
}

IM_DISPATCH static inline void im_grace_quiescent(struct im_grace *grace, uint32_t thread)
{
	rte_rcu_qsbr_quiescent(grace->readers, thread);
}

/** Begin a grace period; im_grace_passed(token) tells whether every reader has left what it saw before. Level: any. */
static inline uint64_t im_grace_begin(struct im_grace *grace)
{
	return rte_rcu_qsbr_start(grace->readers);
}

static inline bool im_grace_passed(struct im_grace *grace, uint64_t token)
{
	bool passed;

	im_spin_lock(&grace->checking);
	passed = rte_rcu_qsbr_check(grace->readers, token, false) == 1;
	im_spin_unlock(&grace->checking);
	return passed;
}

#endif
