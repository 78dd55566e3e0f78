/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of drivers and stacks: commands that answer with struct sluice_change_answer, perhaps late. */
#ifndef SLUICE_CLI_CHANGE_H
#define SLUICE_CLI_CHANGE_H

#include "session.h"

struct change {
	const struct request *request; /* without room for its answer */
	const char *about;	       /* what it is done to, for errors */
	/* What the firmware blames, where it says a place in the payload; NULL: there are no places. Returns `about` of
	 * that place, in @p out if need be. */
	const char *(*blame)(const struct change *change, uint32_t offset, char *out, size_t size);
	const char *example;		    /* of how it is right */
	struct sluice_reply reply;	    /* out */
	struct sluice_change_answer answer; /* out */
	bool left;			    /* out: it goes on, and all is told */
};

/**
 * Gives the command, as an operation where it can be one, and waits for its end as the options say.
 *
 * @return 0, or an exit code, told: in the firmware's words where it has any. The caller tells the rest, unless `left`
 */
int change_give(struct session *session, struct change *change);

#endif
