/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who has which reference (contract 12.10). A counter tells that one is missing, or was given back twice; the ledger,
 * which the verifier keeps beside it, tells which one: each is taken and given back under a tag, and the ledger knows
 * by whom, where and on which thread. Off, it costs the test of a word.
 *
 * Nothing here knows DPDK.
 */
#ifndef IM_LEDGER_H
#define IM_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is counted. X(name, text) */
#define IM_COUNTED_TABLE(X)                                                                                            \
	X(REFERENCE, "reference")                                                                                      \
	X(BLOCK, "config block")                                                                                       \
	X(INSTANCE, "instance")                                                                                        \
	X(BINDING, "binding")

enum im_counted {
#define X(name, text) IM_COUNTED_##name,
	IM_COUNTED_TABLE(X)
#undef X
};

extern uint32_t im_ledger_is_on; /* atomic */

bool im_ledger_give_slow(const void *object, const char *tag, const void *site);
void im_ledger_take_slow(const void *object, const char *tag, const void *site);
void im_ledger_begin_slow(const void *object, enum im_counted kind);
void im_ledger_end_slow(const void *object);

static inline bool im_ledger_on(void)
{
	return __builtin_expect(__atomic_load_n(&im_ledger_is_on, __ATOMIC_RELAXED) != 0, 0);
}

/** Something that is counted begins: without a reference yet, and with nothing left of what was there before. Level:
 * any. */
static inline void im_ledger_begin(const void *object, enum im_counted kind)
{
	if (im_ledger_on())
		im_ledger_begin_slow(object, kind);
}

/** One reference more, under @p tag; NULL: none. After it was counted. Level: any. */
static inline void im_ledger_take(const void *object, const char *tag, const void *site)
{
	if (im_ledger_on())
		im_ledger_take_slow(object, tag, site);
}

/** One less, before it is counted. False: nobody has one under this tag, which has been said; do not count it. It does
 * not look at the object, which may be gone. Level: any. */
static inline bool im_ledger_give(const void *object, const char *tag, const void *site)
{
	return !im_ledger_on() || im_ledger_give_slow(object, tag, site);
}

/** It goes: what is known of it is kept until the room is needed, for who gives it back once more. Level: any. */
static inline void im_ledger_end(const void *object)
{
	if (im_ledger_on())
		im_ledger_end_slow(object);
}

/** Add those that are out of @p object; of the references that @p driver has taken and, as it goes now, will not give
 * back: they are said once, and not of the next one of its name. Returns how many. Level: any. */
uint32_t im_ledger_append(const void *object, char *text, size_t size);
uint32_t im_ledger_append_of(const char *driver, char *text, size_t size);

/** Begin and end with the verifier. 0 or -ENOMEM. Level: PASSIVE. */
int im_ledger_watch(void);
void im_ledger_unwatch(void);

#endif
