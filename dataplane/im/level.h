/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Levels: what code may do, after the seeds' IRQLs (im-contract section 9).
 *
 *   PASSIVE   the control thread: may sleep, allocate, take mutexes, do I/O
 *   DISPATCH  a worker: never sleeps, allocates from the heap, makes a system call, logs or takes a mutex
 *   INIT      PASSIVE code that runs only while the firmware starts or loads a driver, and is gone afterwards
 *
 * Each function on a border carries its level: at its declaration, or at its definition where it is static. The
 * mark puts it into a section of that name, so that the object files tell which code is which, and the build
 * refuses a path from DISPATCH code to PASSIVE code (fw/check). What carries no mark is judged by who calls it.
 *
 * PASSIVE and INIT code is not inlined: it would be where its mark does not tell, and init code would stay.
 */
#ifndef IM_LEVEL_H
#define IM_LEVEL_H

#define IM_PASSIVE  __attribute__((section(".text.im_passive"), noinline))
#define IM_DISPATCH __attribute__((section(".text.im_dispatch")))
#define IM_INIT	    __attribute__((section(".text.im_init"), noinline))

#endif
