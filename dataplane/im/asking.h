/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a driver asks of the adapter below on its own account (6.16): a question that it waits for, and a setting that
 * follows what several VNICs want together (6.36).
 *
 *   wanted changes ──> im_setting_follow() ── the same as below has it ──────────────────> settled
 *                         └─ else one request at a time, with what is wanted then ──> answer ──> settled
 *
 * One request is under way for each setting, and its end looks again: so what came last is what is below, whoever
 * asked, and in whatever order completions come.
 */
#ifndef IM_ASKING_H
#define IM_ASKING_H

#include <stdbool.h>
#include <stdint.h>

#include "level.h"
#include "request.h"
#include "sync.h"

struct im_binding;

/** A request of the driver's own; zero it to begin with. */
struct im_question {
	struct im_request request;
	struct im_event done;
	im_status_t status;
};

/**
 * Query @p oid and wait for the end [6.16], with no lock held [9.22]. Buffer and question are the caller's again when
 * this returns [6.13]. SUCCESS with the bytes in question->request.done; CLOSING, LOW_POWER_STATE, or what the adapter
 * answered. Level: PASSIVE.
 */
IM_PASSIVE im_status_t im_ask(struct im_question *question, struct im_binding *below, uint32_t oid, void *buffer,
			      uint32_t length);

/** For request_complete [3.8]: ends the wait. False where @p request is not this question's. Level: DISPATCH. */
IM_DISPATCH bool im_question_answered(struct im_question *question, struct im_request *request, im_status_t status);

/** A 32-bit value of the adapter below. Set up the first six; zero the rest. */
struct im_setting {
	struct im_wrapper *wrapper;
	void *owner;
	struct im_binding *below;
	uint32_t oid;
	/** What all want together now [6.36]; whoever's wish is in it is settled by the next settled(). Runs
	 * with a lock held: no call to the core but for another lock, behind it in order [9.22, 9.23]. Level: DISPATCH.
	 */
	uint32_t (*wanted)(struct im_setting *setting);
	/** It is so below, or was refused with @p status: complete what waits for it, once each [6.11]. Level:
	 * DISPATCH. */
	void (*settled)(struct im_setting *setting, im_status_t status);

	struct im_request request;
	struct im_work work;
	struct im_event idle; /* set: no request is under way */
	uint32_t looks;	      /* work that is queued or running; atomic */
	struct im_lock lock;  /* of what follows */
	uint32_t value;	      /* that is asked for */
	uint32_t has;	      /* that the adapter has */
	bool busy;
	bool again;  /* something was wanted meanwhile */
	bool barred; /* the adapter sleeps, or goes: nothing is asked of it */
};

/** Make @p setting ready, before anything follows it: its lock with what it guards [9.18]. The driver's, until
 * im_setting_stop() has returned. Level: PASSIVE. */
IM_PASSIVE void im_setting_init(struct im_setting *setting);

/** What is wanted may have changed: the adapter below is asked for it if so [6.36], by one request at a time. Level:
 * PASSIVE.
 */
IM_PASSIVE void im_setting_follow(struct im_setting *setting);

/** The same for DISPATCH code, which cannot ask [9.7]: a control thread follows, soon [6.36]. Level: any. */
void im_setting_follow_soon(struct im_setting *setting);

/** The adapter sleeps (true), and is asked nothing [6.19], or is awake again, and gets what is wanted by now [7.24].
 * Level: PASSIVE. */
IM_PASSIVE void im_setting_bar(struct im_setting *setting, bool barred);

/** Whether a request of it is under way, which the adapter's going to sleep waits for [7.23]. Level: any. */
bool im_setting_is_busy(struct im_setting *setting);

/** The adapter goes: it is told what is wanted at the end [1.38], and then nothing more; a request that it does not
 * answer soon is cancelled, and ends with the close at the latest [3.6]. Level: PASSIVE. */
IM_PASSIVE void im_setting_stop(struct im_setting *setting);

/** For request_complete [3.8]: settles it, the same way as one that finished at once [6.21]. False where @p request is
 * not this setting's. Level: DISPATCH. */
IM_DISPATCH bool im_setting_answered(struct im_setting *setting, struct im_request *request, im_status_t status);

#endif
