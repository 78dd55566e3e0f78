/* SPDX-License-Identifier: BSD-3-Clause */
#include "answers.h"

#include <string.h>

#include "abi/status.h"

static bool is_same(const struct answer_key *a, const struct answer_key *b)
{
	return a->token == b->token && a->user == b->user && a->client == b->client && a->opcode == b->opcode;
}

static struct answer *find(struct answers *answers, const struct answer_key *key)
{
	for (uint32_t i = 0; i < ANSWERS_MAX; i++)
		if (is_same(&answers->place[i].key, key))
			return &answers->place[i];
	return NULL;
}

static struct answer *older(struct answer *a, struct answer *b)
{
	return a == NULL || b->age < a->age ? b : a;
}

/* A free place while the user has less than its share; else that of its oldest answer, or, where all are taken, of the
 * oldest of all. What runs stays: its client may ask for it next. */
static struct answer *find_place(struct answers *answers, uid_t user)
{
	struct answer *oldest = NULL, *own = NULL, *empty = NULL;
	uint32_t owned = 0;

	for (uint32_t i = 0; i < ANSWERS_MAX; i++) {
		struct answer *answer = &answers->place[i];

		if (answer->key.token == 0) {
			empty = answer;
			continue;
		}
		owned += answer->key.user == user;
		if (answer->running)
			continue;
		oldest = older(oldest, answer);
		if (answer->key.user == user)
			own = older(own, answer);
	}
	if (owned >= SLUICE_ANSWERS)
		return own;
	return empty != NULL ? empty : oldest;
}

enum answer_look answers_begin(struct answers *answers, const struct answer_key *key, uint32_t fingerprint,
			       const struct answer **kept)
{
	struct answer *answer = find(answers, key);

	if (answer != NULL) {
		*kept = answer;
		if (answer->fingerprint != fingerprint)
			return ANSWER_OTHER;
		return answer->running ? ANSWER_UNDER_WAY : ANSWER_KEPT;
	}
	answer = find_place(answers, key->user);
	if (answer == NULL)
		return ANSWER_NO_ROOM;
	*answer = (struct answer){.key = *key, .fingerprint = fingerprint, .running = true, .age = ++answers->begun};
	return ANSWER_NEW;
}

void answers_forget(struct answers *answers, const struct answer_key *key)
{
	struct answer *answer = find(answers, key);

	if (answer != NULL)
		*answer = (struct answer){0};
}

void answers_end(struct answers *answers, const struct answer_key *key, const struct sluice_completion *completion,
		 const uint8_t *bytes)
{
	struct answer *answer = find(answers, key);

	if (answer == NULL)
		return;
	if (sluice_status_class(completion->status) == SLUICE_CLASS_RETRY) {
		answers_forget(answers, key);
		return;
	}
	answer->running = false;
	answer->status = completion->status;
	answer->error_offset = completion->error_offset;
	answer->result = completion->result;
	if (completion->out_length <= SLUICE_ANSWER_BYTES) {
		answer->length = completion->out_length;
		memcpy(answer->bytes, bytes, answer->length);
	}
}
