/* SPDX-License-Identifier: BSD-3-Clause */
/* What the checks of a packet's edges have in common (verify_edge.c). */
#ifndef IM_VERIFY_EDGE_H
#define IM_VERIFY_EDGE_H

#include "verifier.h"

/* What a check finds wrong: said when the shard is unlocked again. Start with statement NULL and an empty text. */
struct im_finding {
	const char *statement; /* NULL: nothing */
	const char *driver;
	char text[1500];
};

#define IM_NO_FINDING(name)                                                                                            \
	struct im_finding name;                                                                                        \
	name.statement = NULL;                                                                                         \
	name.text[0] = '\0'

/** Something is wrong. Of several the first counts: the others come from it. False. */
__attribute__((format(printf, 4, 5))) bool im_find(struct im_finding *finding, const char *statement,
						   const char *driver, const char *format, ...);

/** Let a packet that nobody has rest, unlock, and say what was found. @p track may be NULL. */
void im_finish(struct im_shard *shard, struct im_track *track, struct im_finding *finding);

/** The last handing over that has not been taken back, or NULL. */
struct im_handover *im_top_of(struct im_track *track);

/** Hand a packet on. False: it is not legal. */
bool im_hand_on(struct im_packet *packet, const struct im_handover *next, const void *site);

/** Guard the end of a frame; take the guard away. False: somebody has written there. */
void im_guard_frame(struct im_guard *guard, const struct im_packet *packet);
bool im_unguard_frame(struct im_guard *guard, const struct im_packet *packet);

/** The same for the end of the words in slot @p slot. */
void im_guard_words(struct im_track *track, struct im_packet *packet, uint32_t slot);
bool im_unguard_words(struct im_track *track, const struct im_packet *packet, uint32_t slot);

/** Whether nothing is known of what was done at @p depth slots, as that is more than there are levels. */
bool im_is_beyond(const struct im_track *track, uint32_t depth);

/** The giver has the packet again, and its words. @p statement: that it must not have written there meanwhile. */
void im_take_back(struct im_track *track, struct im_packet *packet, const char *statement, struct im_finding *finding);

/** Whoever had slot @p slot has given the packet back: its words are poison until the next one is there. */
void im_leave_slot(struct im_track *track, struct im_packet *packet, uint16_t slot, const char *driver);

#endif
