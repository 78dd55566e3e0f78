/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Init code: what is marked IM_INIT runs while the firmware boots and while a driver is being loaded, and has no memory
 * at any other time [9.15]. A call there ends the firmware with SIGSEGV; the build's level check refuses code that
 * could make one.
 *
 *   main       ── boot ── init_discard() ── serve ...
 *   loader                                  init_map() ── driver_entry ── init_discard()
 *
 * The code is used by so many at a time; the boot is the first user, and the last one to leave gives the pages back.
 */
#ifndef FW_DISCARD_H
#define FW_DISCARD_H

#include <stddef.h>

/**
 * Use init code: map it again, out of the firmware's own file, if nobody else uses it. Level: PASSIVE.
 * Returns 0, and init_discard() is to be called; or -errno, such as -ENOMEM or -EMFILE, and nothing has changed.
 */
int init_map(void);

/**
 * Use it no more; the last user gives the pages back to the kernel. Level: PASSIVE.
 * Returns 0; -EALREADY if it is in use by nobody; or -errno where the kernel refused: then the code stays, unused.
 */
int init_discard(void);

/** Bytes that are given back: whole pages. Level: any. */
size_t init_size(void);

#endif
