/* SPDX-License-Identifier: BSD-3-Clause */
/* How the card is: its exit code says whether all is well. */
#include "handlers.h"

#include "abi/health.h"
#include "format.h"

#include <stdlib.h>
#include <string.h>

/* const struct sluice_reporter *r */
#define HEALTH_TABLE(X)                                                                                                \
	X("reporter", TEXT, table_text(t, sluice_reporter_word(r->kind)))                                              \
	X("name", TEXT, table_name(t, r->name, sizeof(r->name)))                                                       \
	X("state", TEXT, table_text(t, sluice_health_word(r->state)))                                                  \
	X("since", TEXT, table_text(t, since))                                                                         \
	X("errors", NUMBER, table_number(t, r->errors))                                                                \
	X("text", TEXT, table_name(t, r->text, sizeof(r->text)))

static const struct table_column health_columns[] = {HEALTH_TABLE(TABLE_AS_COLUMN)};

static void add_row(struct table *t, const struct sluice_reporter *r)
{
	char since[FORMAT_TIME_SIZE];

	format_time(r->since_ms, since);
	table_row(t);
	HEALTH_TABLE(TABLE_AS_CELL)
}

static int complain_of(struct session *session, const struct sluice_reporter *worst)
{
	return session_fail(session, EXIT_UNWELL, "sluicectl events", "%s %.31s %s: %.47s",
			    sluice_reporter_word(worst->kind), worst->name, sluice_health_word(worst->state),
			    worst->text);
}

static int show(struct session *session, const struct sluice_health *health)
{
	struct table *t = table_new("reporters", TABLE_COLUMNS(health_columns));
	const struct sluice_reporter *worst = &health->reporter[0];
	int code;

	for (uint32_t i = 0; i < health->count; i++) {
		add_row(t, &health->reporter[i]);
		if (health->reporter[i].state > worst->state)
			worst = &health->reporter[i];
	}
	code = session_print(session, t);
	if (code == 0 && worst->state != SLUICE_HEALTH_WELL)
		code = complain_of(session, worst);
	return code;
}

/* What the one who was here before had to say is history, and no reason to complain. */
static void show_predecessor(struct session *session)
{
	const char *words = sluice_info(session->client)->previous_words;

	if (words[0] != '\0' && !session->options.json)
		fprintf(session->out, "the firmware before this one ended: %.*s\n", (int)SLUICE_WORDS_SIZE - 1, words);
}

/* A firmware that has ended before its time has left a file. */
static int show_last_words(struct session *session, const struct sluice_fault *fault)
{
	char path[512], words[SLUICE_WORDS_SIZE] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%.400s/" SLUICE_WORDS_FILE, session->options.runtime_dir);
	file = fault->kind == SLUICE_FAULT_NOT_RUNNING ? fopen(path, "re") : NULL;
	if (file == NULL)
		return session_fault(session, fault, NULL, NULL);
	if (fgets(words, sizeof(words), file) != NULL)
		words[strcspn(words, "\n")] = '\0';
	fclose(file);
	return session_fail(session, EXIT_GONE, NULL, "the firmware has ended; its last words: %s", words);
}

int run_health(struct session *session)
{
	struct sluice_fault fault = {0};
	struct sluice_health health;

	session->client = sluice_open_within(session->options.runtime_dir, session->options.timeout_ms, &fault);
	if (session->client == NULL)
		return show_last_words(session, &fault);
	if (sluice_read_health(session->client, &health))
		return session_fail(session, EXIT_RETRY, NULL, "the firmware has not looked at itself yet");
	show_predecessor(session);
	return show(session, &health);
}
