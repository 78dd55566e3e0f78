/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Levels: what code may do, after the seeds' IRQLs (im-contract section 9).
 *
 *   PASSIVE   the control thread: may sleep, allocate, take mutexes, do I/O
 *   DISPATCH  a worker: never sleeps, allocates from the heap, makes a system call, logs or takes a mutex
 *   INIT      PASSIVE code that runs only while the firmware starts
 *
 * Each function on a border carries its level. The mark puts it into a section of that name, so that the
 * object files tell which code is which.
 */
#ifndef IM_LEVEL_H
#define IM_LEVEL_H

#define IM_PASSIVE  __attribute__((section(".text.im_passive")))
#define IM_DISPATCH __attribute__((section(".text.im_dispatch")))
#define IM_INIT	    __attribute__((section(".text.im_init")))

#endif
