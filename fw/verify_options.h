/* SPDX-License-Identifier: BSD-3-Clause */
/* Words of the command line for the verifier. */
#ifndef FW_VERIFY_OPTIONS_H
#define FW_VERIFY_OPTIONS_H

#include "im/level.h"
#include "im/verify.h"

/** What a violation brings about; NULL is the first. 0, or -EINVAL with the reason printed. Level: PASSIVE (init). */
IM_INIT int verify_action(const char *word, enum im_verify_action *action);

/** When the core hands things on. 0, or -EINVAL with the reason printed. Level: PASSIVE (init). */
IM_INIT int verify_schedule(const char *word, enum im_verify_schedule *schedule);

/** Print what the words mean. Level: PASSIVE (init). */
IM_INIT void verify_help(void);

#endif
