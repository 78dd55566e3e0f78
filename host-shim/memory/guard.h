/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared memory that somebody else can take away: a file gets shorter, a device is pulled out of its slot. Whoever
 * touches what is not there any more gets SIGBUS, which ends a program. Seals forbid it where the memory is our own
 * (a broker's); the BAR of a card is not.
 *
 * A mapping that is guarded turns into zeros of this process's own at the first such touch, all of it at once, and the
 * program goes on. Its reader needs to know nothing of that: zeros are what a hostile peer might have written as well.
 * Any other SIGBUS goes to whoever handled it when a mapping was guarded: a program that wants the signal takes it
 * before. It is called from the guard's handler, of its flags only SA_SIGINFO counts, and it may jump out. Who takes
 * the signal later has it, guarded or not, until the next guard_add() takes it back; and must not call the handler that
 * it found: from then on the two would call each other without end.
 *
 * Level: PASSIVE. The memory itself may be touched at any level.
 */
#ifndef SLUICE_MEMORY_GUARD_H
#define SLUICE_MEMORY_GUARD_H

#include <stddef.h>

#define GUARD_MAPPINGS 128u

/** Guard the mapping of @p size bytes at @p base, whose pages are mapped with @p protection (PROT_READ...).
 *
 * @return 0, or -ENOSPC: GUARD_MAPPINGS are guarded */
int guard_add(void *base, size_t size, int protection);

/** Call before the mapping is unmapped. One that is not guarded is left alone. */
void guard_remove(const void *base);

#endif
