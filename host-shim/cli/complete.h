/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Completion. The shell calls `sluicectl __complete WORD...` with the words up to the one under the cursor;
 * the answer is one candidate on each line.
 */
#ifndef SLUICE_CLI_COMPLETE_H
#define SLUICE_CLI_COMPLETE_H

#include "session.h"

#define COMPLETE_WORD "__complete"

/** complete() returns this where the shell should propose files. */
#define COMPLETE_FILES 100

/** @param words those after "sluicectl"; the last one is being completed. @return 0 or COMPLETE_FILES */
int complete(struct session *session, int word_count, char *const *words);

#endif
