/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the firmware says when it ends before its time: in the INFO region, for those who have it mapped, and in a file
 * of the runtime directory, for those who come later, the next firmware there among them.
 */
#ifndef FW_LAST_WORDS_H
#define FW_LAST_WORDS_H

#include "abi/mailbox.h"
#include "im/level.h"

/** Shows the words of who was here before in @p info, and says ours from now on when a signal ends us. */
IM_INIT void last_words_arm(struct sluice_info_region *info, const char *runtime_dir);

/** Says @p words now, if none have been said. Level: any, in a signal handler as well. */
void last_words_say(enum sluice_syndrome syndrome, const char *words);

/** INFO is about to go: says no more. Level: PASSIVE. */
void last_words_disarm(void);

#endif
