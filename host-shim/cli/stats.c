/* SPDX-License-Identifier: BSD-3-Clause */
/* Traffic and load, once or again and again. Rates are worked out of two samples. */
#include "format.h"
#include "handlers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CLEAR_SCREEN "\033[H\033[2J\033[3J"

/* Factors from what a counter grows by in a second to the unit of a column. */
#define MPPS 1e-6
#define GBPS 8e-9 /* of bytes */

enum part { PART_WORKERS, PART_INSTANCES, PART_PORTS, PARTS };

struct sample {
	struct records parts[PARTS];
	double time_s;
};

/* The sample that is shown, and the one before it. */
struct view {
	const struct sample *now;
	const struct sample *before; /* NULL: totals only */
	double seconds;		     /* between them */
};

static double clock_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void rate(struct table *t, const struct view *view, uint64_t before, uint64_t now, double factor)
{
	if (view->before)
		table_real(t, format_per_second(before, now, view->seconds) * factor);
	else
		table_none(t);
}

/* struct sluice_worker_record *r, and b: the same before, or all zero */
#define WORKER_TOTALS(X)                                                                                               \
	X("worker", NUMBER, table_number(t, r->worker))                                                                \
	X("cpu", NUMBER, table_number(t, r->cpu))                                                                      \
	X("busy-percent", PERCENT,                                                                                     \
	  table_real(t, format_share(r->busy_cycles - b->busy_cycles, r->idle_cycles - b->idle_cycles)))               \
	X("rx-packets", NUMBER, table_number(t, r->rx_packets))                                                        \
	X("tx-packets", NUMBER, table_number(t, r->tx_packets))
#define WORKER_RATES(X)                                                                                                \
	X("rx-mpps", RATE, rate(t, view, b->rx_packets, r->rx_packets, MPPS))                                          \
	X("tx-mpps", RATE, rate(t, view, b->tx_packets, r->tx_packets, MPPS))

/* struct sluice_stack_record *r, and b */
#define INSTANCE_TOTALS(X)                                                                                             \
	X("stack", TEXT, table_name(t, r->stack, sizeof(r->stack)))                                                    \
	X("instance", TEXT, table_name(t, r->instance, sizeof(r->instance)))                                           \
	X("in-packets", NUMBER, table_number(t, r->handled[SLUICE_IN].packets))                                        \
	X("in-bytes", BYTES, table_number(t, r->handled[SLUICE_IN].bytes))                                             \
	X("out-packets", NUMBER, table_number(t, r->handled[SLUICE_OUT].packets))                                      \
	X("out-bytes", BYTES, table_number(t, r->handled[SLUICE_OUT].bytes))                                           \
	X("dropped-in", NUMBER, table_number(t, r->dropped[SLUICE_IN]))                                                \
	X("dropped-out", NUMBER, table_number(t, r->dropped[SLUICE_OUT]))                                              \
	X("cycles-per-packet", RATE, table_real(t, format_each(r->cycles - b->cycles, handled(r) - handled(b))))
#define INSTANCE_RATES(X)                                                                                              \
	X("in-mpps", RATE, rate(t, view, b->handled[SLUICE_IN].packets, r->handled[SLUICE_IN].packets, MPPS))          \
	X("in-gbps", RATE, rate(t, view, b->handled[SLUICE_IN].bytes, r->handled[SLUICE_IN].bytes, GBPS))              \
	X("out-mpps", RATE, rate(t, view, b->handled[SLUICE_OUT].packets, r->handled[SLUICE_OUT].packets, MPPS))       \
	X("out-gbps", RATE, rate(t, view, b->handled[SLUICE_OUT].bytes, r->handled[SLUICE_OUT].bytes, GBPS))

/* struct sluice_port_record *r, and b */
#define PORT_TOTALS(X)                                                                                                 \
	X("name", TEXT, table_name(t, r->port.name, sizeof(r->port.name)))                                             \
	X("rx-packets", NUMBER, table_number(t, r->rx_packets))                                                        \
	X("rx-bytes", BYTES, table_number(t, r->rx_bytes))                                                             \
	X("tx-packets", NUMBER, table_number(t, r->tx_packets))                                                        \
	X("tx-bytes", BYTES, table_number(t, r->tx_bytes))                                                             \
	X("rx-missed", NUMBER, table_number(t, r->rx_missed))                                                          \
	X("rx-held-back", NUMBER, table_number(t, r->rx_held_back))                                                    \
	X("rx-held-back-us", NUMBER, table_number(t, r->rx_held_back_us))
#define PORT_RATES(X)                                                                                                  \
	X("rx-mpps", RATE, rate(t, view, b->rx_packets, r->rx_packets, MPPS))                                          \
	X("rx-gbps", RATE, rate(t, view, b->rx_bytes, r->rx_bytes, GBPS))                                              \
	X("tx-mpps", RATE, rate(t, view, b->tx_packets, r->tx_packets, MPPS))                                          \
	X("tx-gbps", RATE, rate(t, view, b->tx_bytes, r->tx_bytes, GBPS))

static const struct table_column worker_columns[] = {WORKER_TOTALS(TABLE_AS_COLUMN)
							     WORKER_RATES(TABLE_AS_OPTIONAL_COLUMN)};
static const struct table_column instance_columns[] = {INSTANCE_TOTALS(TABLE_AS_COLUMN)
							       INSTANCE_RATES(TABLE_AS_OPTIONAL_COLUMN)};
static const struct table_column port_columns[] = {PORT_TOTALS(TABLE_AS_COLUMN) PORT_RATES(TABLE_AS_OPTIONAL_COLUMN)};

static uint64_t handled(const struct sluice_stack_record *r)
{
	return r->handled[SLUICE_IN].packets + r->handled[SLUICE_OUT].packets;
}

/*
 * Record @p index of a part, and in *@p before the same of the sample before: ports, stacks and workers stay
 * what they are while the firmware runs. Without one, *@p before is @p zero.
 */
static const void *record_at(const struct view *view, enum part part, uint32_t index, size_t size, const void *zero,
			     const void **before)
{
	const struct records *then = view->before ? &view->before->parts[part] : NULL;

	*before = then && index < then->count ? (const char *)then->data + index * size : zero;
	return (const char *)view->now->parts[part].data + index * size;
}

static struct table *worker_table(const struct view *view)
{
	static const struct sluice_worker_record zero;
	struct table *t = table_new("workers", TABLE_COLUMNS(worker_columns));
	const void *before;

	for (uint32_t i = 0; i < view->now->parts[PART_WORKERS].count; i++) {
		const struct sluice_worker_record *r = record_at(view, PART_WORKERS, i, sizeof(*r), &zero, &before);
		const struct sluice_worker_record *b = before;

		table_row(t);
		WORKER_TOTALS(TABLE_AS_CELL)
		WORKER_RATES(TABLE_AS_CELL)
	}
	return t;
}

static struct table *instance_table(const struct view *view)
{
	static const struct sluice_stack_record zero;
	struct table *t = table_new("instances", TABLE_COLUMNS(instance_columns));
	const void *before;

	for (uint32_t i = 0; i < view->now->parts[PART_INSTANCES].count; i++) {
		const struct sluice_stack_record *r = record_at(view, PART_INSTANCES, i, sizeof(*r), &zero, &before);
		const struct sluice_stack_record *b = before;

		table_row(t);
		INSTANCE_TOTALS(TABLE_AS_CELL)
		INSTANCE_RATES(TABLE_AS_CELL)
	}
	return t;
}

static struct table *port_table(const struct view *view)
{
	static const struct sluice_port_record zero;
	struct table *t = table_new("ports", TABLE_COLUMNS(port_columns));
	const void *before;

	for (uint32_t i = 0; i < view->now->parts[PART_PORTS].count; i++) {
		const struct sluice_port_record *r = record_at(view, PART_PORTS, i, sizeof(*r), &zero, &before);
		const struct sluice_port_record *b = before;

		table_row(t);
		PORT_TOTALS(TABLE_AS_CELL)
		PORT_RATES(TABLE_AS_CELL)
	}
	return t;
}

/* What each part is: its command, its records, its table. */
static const struct {
	uint16_t opcode;
	uint32_t record_size;
	struct table *(*make)(const struct view *view);
} parts[PARTS] = {
	[PART_WORKERS] = {SLUICE_OP_WORKER_LIST, sizeof(struct sluice_worker_record), worker_table},
	[PART_INSTANCES] = {SLUICE_OP_STACK_LIST, sizeof(struct sluice_stack_record), instance_table},
	[PART_PORTS] = {SLUICE_OP_PORT_LIST, sizeof(struct sluice_port_record), port_table},
};

static void sample_clear(struct sample *sample)
{
	for (int i = 0; i < PARTS; i++)
		free(sample->parts[i].data);
	memset(sample, 0, sizeof(*sample));
}

static int sample_take(struct session *session, struct sample *sample)
{
	int code = 0;

	sample_clear(sample);
	sample->time_s = clock_s();
	for (int i = 0; i < PARTS && code == 0; i++)
		code = session_list(session, parts[i].opcode, SESSION_NO_NAME, parts[i].record_size, &sample->parts[i]);
	return code;
}

static uint64_t sample_generation(const struct sample *sample)
{
	return sample->parts[PART_INSTANCES].generation;
}

/* One line, so that a reader can take sample after sample. */
static int print_json(const struct view *view, struct table *const tables[PARTS], FILE *out)
{
	int error = 0;

	fprintf(out, "{\"generation\": %llu", (unsigned long long)sample_generation(view->now));
	if (view->before)
		fprintf(out, ", \"interval-seconds\": %.6f", view->seconds);
	for (int i = 0; i < PARTS && error == 0; i++) {
		fprintf(out, ", \"%s\": ", table_title(tables[i]));
		error = table_print_json(tables[i], out, " ");
	}
	fputs("}\n", out);
	return error;
}

static int print_text(const struct view *view, struct table *const tables[PARTS], FILE *out)
{
	int error = 0;

	if (view->before && isatty(fileno(out)))
		fputs(CLEAR_SCREEN, out);
	if (view->before)
		fprintf(out, "generation %llu, rates over %.1f s\n\n", (unsigned long long)sample_generation(view->now),
			view->seconds);
	for (int i = 0; i < PARTS && error == 0; i++) {
		fputs(i ? "\n" : "", out);
		error = table_print_text(tables[i], out);
	}
	fputs(view->before ? "\n" : "", out);
	return error;
}

/* Tables are complete before the first byte is printed: half an object is of use to nobody. */
static int print_view(struct session *session, const struct view *view)
{
	struct table *tables[PARTS];
	int error = 0;

	for (int i = 0; i < PARTS; i++) {
		tables[i] = parts[i].make(view);
		if (error == 0)
			error = table_error(tables[i]);
	}
	if (error == 0)
		error = session->options.json ? print_json(view, tables, session->out)
					      : print_text(view, tables, session->out);
	for (int i = 0; i < PARTS; i++)
		table_free(tables[i]);
	return error ? session_table_failed(session, error) : 0;
}

/* Until a time, so that the work between two samples does not add up. */
static void sleep_until(double time_s)
{
	struct timespec until = {.tv_sec = (time_t)time_s};

	until.tv_nsec = (long)((time_s - (double)until.tv_sec) * 1e9);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static int show_next(struct session *session, struct sample samples[2], uint64_t turn)
{
	struct sample *now = &samples[(turn + 1) % 2];
	const struct sample *before = &samples[turn % 2];
	struct view view = {.now = now, .before = before};
	int code = sample_take(session, now);

	if (code)
		return code;
	view.seconds = now->time_s - before->time_s;
	return print_view(session, &view);
}

static int watch(struct session *session, struct sample samples[2])
{
	const struct options *options = &session->options;
	double next_s = samples[0].time_s;
	int code = 0;

	for (uint64_t turn = 0; code == 0 && (options->count == 0 || turn < options->count); turn++) {
		next_s += options->watch_s;
		sleep_until(next_s);
		code = show_next(session, samples, turn);
		/* Nobody reads any more, or the disk is full: main() tells which. */
		if (fflush(session->out) || ferror(session->out))
			break;
	}
	return code;
}

int run_stats(struct session *session)
{
	struct sample samples[2] = {0};
	struct view view = {.now = &samples[0]};
	int code = sample_take(session, &samples[0]);

	if (code == 0 && session->options.watch)
		code = watch(session, samples);
	else if (code == 0)
		code = print_view(session, &view);
	sample_clear(&samples[0]);
	sample_clear(&samples[1]);
	return code;
}
