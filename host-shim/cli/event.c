/* SPDX-License-Identifier: BSD-3-Clause */
/* What happened on the card, and what happens. */
#include "format.h"
#include "handlers.h"

#include "abi/data.h"
#include "abi/event.h"
#include "abi/health.h"

#include <inttypes.h>
#include <stdlib.h>

#define FOR_EVER	-1
#define EVENT_TEXT_SIZE 64

static const char *or_unknown(const char *word)
{
	return word ? word : "?";
}

/* What the value says, where a number alone does not. */
static void explain_value(const struct sluice_event *event, char text[EVENT_TEXT_SIZE])
{
	unsigned low = event->value & 0xff, high = event->value >> 8 & 0xff;

	text[0] = '\0';
	switch (event->kind) {
	case SLUICE_EVENT_LINK:
		snprintf(text, EVENT_TEXT_SIZE, "%s", event->value ? "up" : "down");
		break;
	case SLUICE_EVENT_HEALTH:
		snprintf(text, EVENT_TEXT_SIZE, "%s %s", or_unknown(sluice_reporter_word(high)),
			 or_unknown(sluice_health_word(low)));
		break;
	case SLUICE_EVENT_HOST_BROKEN:
		snprintf(text, EVENT_TEXT_SIZE, "ring pair %u: %s", high, or_unknown(sluice_ring_fault_word(low)));
		break;
	default:
		break;
	}
}

/* const struct sluice_event *e */
#define EVENT_TABLE(X)                                                                                                 \
	X("number", NUMBER, table_number(t, e->number))                                                                \
	X("time", TEXT, table_text(t, time))                                                                           \
	X("event", TEXT, table_text(t, sluice_event_word(e->kind)))                                                    \
	X("subject", TEXT, table_name(t, e->subject, sizeof(e->subject)))                                              \
	X("value", NUMBER, table_number(t, e->value))                                                                  \
	X("lost-before", NUMBER, table_number(t, e->lost))                                                             \
	X("text", TEXT, table_name(t, text, sizeof(text)))

static const struct table_column event_columns[] = {EVENT_TABLE(TABLE_AS_COLUMN)};

static void add_row(struct table *t, const struct sluice_event *e)
{
	char time[FORMAT_TIME_SIZE], text[EVENT_TEXT_SIZE];

	format_time(e->time_ms, time);
	explain_value(e, text);
	table_row(t);
	EVENT_TABLE(TABLE_AS_CELL)
}

/* One line, so that a reader can take event after event. */
static int print_line_json(struct session *session, const struct sluice_event *event)
{
	struct table *t = table_new_record("event", TABLE_COLUMNS(event_columns));
	int error;

	add_row(t, event);
	error = table_error(t);
	if (error == 0)
		error = table_print_json(t, session->out, " ");
	fputc('\n', session->out);
	table_free(t);
	return error ? session_table_failed(session, error) : 0;
}

static int print_line(struct session *session, const struct sluice_event *event)
{
	char time[FORMAT_TIME_SIZE], text[EVENT_TEXT_SIZE];

	if (session->options.json)
		return print_line_json(session, event);
	if (event->lost > 0)
		fprintf(session->out, "(%u events were lost)\n", event->lost);
	format_time(event->time_ms, time);
	explain_value(event, text);
	fprintf(session->out, "%s  %-16s %-24.32s %" PRIu64 "%s%s\n", time, sluice_event_word(event->kind),
		event->subject[0] ? event->subject : "-", event->value, text[0] ? "  " : "", text);
	return 0;
}

/* A stranger's kind of event is left out: a newer firmware may tell more than we know. */
static int next_event(struct session *session, int timeout_ms, struct sluice_event *event)
{
	int result;

	do {
		result = sluice_next_event(session->client, timeout_ms, event);
	} while (result == 1 && sluice_event_word(event->kind) == NULL);
	return result;
}

static int connect_for_events(struct session *session)
{
	struct sluice_fault fault = {0};

	session->client = sluice_open_wanting(session->options.runtime_dir, session->options.timeout_ms,
					      SLUICE_FEATURE_EVENTS, &fault);
	if (!session->client)
		return session_fault(session, &fault, NULL, NULL);
	if (!(sluice_features(session->client) & SLUICE_FEATURE_EVENTS))
		return session_fail(session, EXIT_REFUSED, NULL, "this firmware tells no events");
	return 0;
}

static int follow(struct session *session)
{
	struct sluice_event event;
	int code = 0;

	while (code == 0 && next_event(session, FOR_EVER, &event) == 1) {
		code = print_line(session, &event);
		/* Nobody reads any more, or the disk is full: main() tells which. */
		if (fflush(session->out) || ferror(session->out))
			return code;
	}
	return code ? code : session_fault(session, sluice_last_fault(session->client), NULL, NULL);
}

/* Up to the newest of now: the firmware may raise more for as long as we look. */
static int show_kept(struct session *session)
{
	uint32_t newest = __atomic_load_n(&sluice_info(session->client)->events, __ATOMIC_RELAXED);
	struct table *t = table_new("events", TABLE_COLUMNS(event_columns));
	struct sluice_event event = {0};
	int result = 1;

	while (result == 1 && (int32_t)(newest - event.number) > 0) {
		result = next_event(session, (int)session->options.timeout_ms, &event);
		if (result == 1)
			add_row(t, &event);
	}
	if (result == 1)
		return session_print(session, t);
	table_free(t);
	if (result < 0)
		return session_fault(session, sluice_last_fault(session->client), NULL, NULL);
	return session_fail(session, EXIT_RETRY, NULL, "the firmware did not tell its events in time");
}

int run_events(struct session *session)
{
	int code = connect_for_events(session);

	if (code)
		return code;
	return session->options.follow ? follow(session) : show_kept(session);
}
