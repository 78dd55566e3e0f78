/* SPDX-License-Identifier: BSD-3-Clause */
/* Init code that raises itself to DISPATCH, and that calls what is DISPATCH. */
#include "handlers.h"

struct im_lock;

void im_acquire_spin_lock(struct im_lock *lock);
void im_release_spin_lock(struct im_lock *lock);

extern struct im_lock lock;
extern int value;

IM_DISPATCH __attribute__((noinline)) void work(int by)
{
	value += by;
}

IM_INIT int driver_entry(int by)
{
	im_acquire_spin_lock(&lock);
	value = by;
	im_release_spin_lock(&lock);
	work(by);
	return 0;
}

/* clang-format off */
/* refused:
level: driver_entry (INIT, tests/level/init_calls_dispatch.c:18) calls im_acquire_spin_lock, which takes a spin lock, at tests/level/init_calls_dispatch.c:20
level: driver_entry (INIT, tests/level/init_calls_dispatch.c:18) calls work, which is DISPATCH, at tests/level/init_calls_dispatch.c:23
*/
