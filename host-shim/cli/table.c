/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include "format.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum cell_type { CELL_NONE, CELL_TEXT, CELL_NUMBER, CELL_REAL, CELL_BOOL };

struct cell {
	enum cell_type type;
	union {
		char *text;
		uint64_t number;
		double real;
		bool yes;
	};
};

struct table {
	const char *name;
	const struct table_column *columns;
	size_t column_count;
	bool is_record;
	struct cell *cells; /* row by row */
	size_t cell_count;
	size_t cell_capacity;
	size_t rows;
	int error; /* the first that happened while it was filled in */
};

/* Bytes that any cell but a text needs when it is printed. */
#define CELL_SIZE FORMAT_SIZE

static struct table *make(const char *name, const struct table_column *columns, size_t count, bool is_record)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->name = name;
	table->columns = columns;
	table->column_count = count;
	table->is_record = is_record;
	return table;
}

struct table *table_new(const char *name, const struct table_column *columns, size_t count)
{
	return make(name, columns, count, false);
}

struct table *table_new_record(const char *name, const struct table_column *columns, size_t count)
{
	return make(name, columns, count, true);
}

void table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->cell_count; i++)
		if (table->cells[i].type == CELL_TEXT)
			free(table->cells[i].text);
	free(table->cells);
	free(table);
}

static void fail(struct table *table, int error)
{
	if (table->error == 0)
		table->error = error;
}

static bool is_complete(const struct table *table)
{
	return table->cell_count == table->rows * table->column_count;
}

void table_row(struct table *table)
{
	if (!table)
		return;
	if (!is_complete(table))
		fail(table, -EINVAL);
	table->rows++;
}

/* Which cells a column takes. */
static bool fits(enum table_kind kind, enum cell_type type)
{
	switch (kind) {
	case TABLE_TEXT:
		return type == CELL_TEXT || type == CELL_NONE;
	case TABLE_NUMBER:
	case TABLE_BYTES:
		return type == CELL_NUMBER || type == CELL_NONE;
	case TABLE_RATE:
	case TABLE_PERCENT:
	case TABLE_DURATION:
		return type == CELL_REAL || type == CELL_NONE;
	case TABLE_BOOL:
		return type == CELL_BOOL || type == CELL_NONE;
	case TABLE_ANY:
		return true;
	}
	return false;
}

static bool grow(struct table *table)
{
	size_t capacity = table->cell_capacity ? table->cell_capacity * 2 : 64;
	struct cell *cells = reallocarray(table->cells, capacity, sizeof(*cells));

	if (!cells)
		return false;
	table->cells = cells;
	table->cell_capacity = capacity;
	return true;
}

/* Takes over cell.text. */
static void append(struct table *table, struct cell cell)
{
	size_t column = table->cell_count - (table->rows ? table->rows - 1 : 0) * table->column_count;

	if (table->error == 0 && (table->rows == 0 || column >= table->column_count))
		fail(table, -EINVAL);
	else if (table->error == 0 && !fits(table->columns[column].kind, cell.type))
		fail(table, -EINVAL);
	else if (table->error == 0 && table->cell_count == table->cell_capacity && !grow(table))
		fail(table, -ENOMEM);
	if (table->error == 0)
		table->cells[table->cell_count++] = cell;
	else if (cell.type == CELL_TEXT)
		free(cell.text);
}

/* What the firmware sends is not trusted to be UTF-8, and JSON can hold nothing else. */
static void replace_foreign_bytes(char *text)
{
	json_t *valid = json_string(text);

	if (valid) {
		json_decref(valid);
		return;
	}
	for (char *at = text; *at; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
}

static void append_text(struct table *table, char *copy)
{
	if (!copy) {
		fail(table, -ENOMEM);
		return;
	}
	replace_foreign_bytes(copy);
	append(table, (struct cell){.type = CELL_TEXT, .text = copy});
}

void table_text(struct table *table, const char *text)
{
	if (!text)
		table_none(table);
	else if (table)
		append_text(table, strdup(text));
}

void table_name(struct table *table, const char *text, size_t size)
{
	if (size == 0 || text[0] == '\0')
		table_none(table);
	else if (table)
		append_text(table, strndup(text, size));
}

void table_number(struct table *table, uint64_t number)
{
	if (table)
		append(table, (struct cell){.type = CELL_NUMBER, .number = number});
}

void table_real(struct table *table, double real)
{
	if (table)
		append(table, (struct cell){.type = CELL_REAL, .real = real});
}

void table_bool(struct table *table, bool yes)
{
	if (table)
		append(table, (struct cell){.type = CELL_BOOL, .yes = yes});
}

void table_none(struct table *table)
{
	if (table)
		append(table, (struct cell){.type = CELL_NONE});
}

size_t table_rows(const struct table *table)
{
	return table ? table->rows : 0;
}

const char *table_title(const struct table *table)
{
	return table->name;
}

int table_error(const struct table *table)
{
	if (!table)
		return -ENOMEM;
	if (table->error)
		return table->error;
	if (!is_complete(table) || (table->is_record && table->rows != 1))
		return -EINVAL;
	return 0;
}

static const struct cell *cell_at(const struct table *table, size_t row, size_t column)
{
	return &table->cells[row * table->column_count + column];
}

static void real_text(enum table_kind kind, double real, char out[CELL_SIZE])
{
	if (kind == TABLE_PERCENT)
		format_percent(real, out);
	else if (kind == TABLE_DURATION)
		format_duration(real, out);
	else
		format_rate(real, out);
}

/* The text of a cell for people: its own, or one made in @p buffer. */
static const char *cell_text(const struct cell *cell, enum table_kind kind, char buffer[CELL_SIZE])
{
	switch (cell->type) {
	case CELL_TEXT:
		return cell->text;
	case CELL_NUMBER:
		snprintf(buffer, CELL_SIZE, "%llu", (unsigned long long)cell->number);
		return buffer;
	case CELL_REAL:
		real_text(kind, cell->real, buffer);
		return buffer;
	case CELL_BOOL:
		return cell->yes ? "yes" : "no";
	case CELL_NONE:
		break;
	}
	return "-";
}

/* Columns that a text takes: bytes that start a character. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* A terminal must not obey what a name says: control characters (C0, DEL, C1) are shown as '?'. */
static void put_text(const char *text, FILE *out)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (*at < 0x20 || *at == 0x7f) {
			fputc('?', out);
		} else if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) {
			fputc('?', out);
			at++;
		} else {
			fputc(*at, out);
		}
	}
}

static void put_padded(const char *text, size_t width, bool right, bool last, FILE *out)
{
	size_t own = text_width(text);
	int padding = own < width ? (int)(width - own) : 0;

	if (right)
		fprintf(out, "%*s", padding, "");
	put_text(text, out);
	if (!right && !last)
		fprintf(out, "%*s", padding, "");
}

static bool is_right_aligned(enum table_kind kind)
{
	static const bool right[] = {
#define X(name, right) right,
		TABLE_KIND_TABLE(X)
#undef X
	};

	return right[kind];
}

static bool column_is_shown(const struct table *table, size_t column)
{
	if (!table->columns[column].optional)
		return true;
	for (size_t row = 0; row < table->rows; row++)
		if (cell_at(table, row, column)->type != CELL_NONE)
			return true;
	return false;
}

/* Width of a column; 0 where it is not shown. */
static size_t column_width(const struct table *table, size_t column)
{
	size_t width = text_width(table->columns[column].name);
	char buffer[CELL_SIZE];

	if (!column_is_shown(table, column))
		return 0;
	for (size_t row = 0; row < table->rows; row++) {
		const char *text = cell_text(cell_at(table, row, column), table->columns[column].kind, buffer);
		size_t own = text_width(text);

		if (own > width)
			width = own;
	}
	return width;
}

static size_t last_shown(const size_t *widths, size_t count)
{
	while (count > 1 && widths[count - 1] == 0)
		count--;
	return count - 1;
}

/* One line; @p row == table->rows stands for the headers. */
static void print_line(const struct table *table, const size_t *widths, size_t row, FILE *out)
{
	size_t last = last_shown(widths, table->column_count);
	char buffer[CELL_SIZE];

	for (size_t i = 0; i < table->column_count; i++) {
		const struct table_column *column = &table->columns[i];
		const char *text =
			row == table->rows ? column->name : cell_text(cell_at(table, row, i), column->kind, buffer);

		if (widths[i] == 0)
			continue;
		put_padded(text, widths[i], is_right_aligned(column->kind), i == last, out);
		fputs(i == last ? "\n" : "  ", out);
	}
}

static int print_columns(const struct table *table, FILE *out)
{
	size_t *widths = calloc(table->column_count, sizeof(*widths));

	if (!widths)
		return -ENOMEM;
	for (size_t i = 0; i < table->column_count; i++)
		widths[i] = column_width(table, i);
	print_line(table, widths, table->rows, out);
	for (size_t row = 0; row < table->rows; row++)
		print_line(table, widths, row, out);
	free(widths);
	return 0;
}

static void print_record(const struct table *table, FILE *out)
{
	char buffer[CELL_SIZE];
	size_t width = 0;

	for (size_t i = 0; i < table->column_count; i++) {
		size_t own = text_width(table->columns[i].name);

		width = own > width ? own : width;
	}
	for (size_t i = 0; i < table->column_count; i++) {
		put_padded(table->columns[i].name, width + 2, false, false, out);
		put_text(cell_text(cell_at(table, 0, i), table->columns[i].kind, buffer), out);
		fputc('\n', out);
	}
}

int table_print_text(const struct table *table, FILE *out)
{
	int error = table_error(table);

	if (error)
		return error;
	if (table->is_record)
		print_record(table, out);
	else if (table->rows == 0)
		fprintf(out, "no %s\n", table->name);
	else
		return print_columns(table, out);
	return 0;
}

/* JSON's numbers are jansson's long long: what does not fit is still a number. */
static json_t *number_json(uint64_t number)
{
	if (number <= INT64_MAX)
		return json_integer((json_int_t)number);
	return json_real((double)number);
}

static json_t *cell_json(const struct cell *cell)
{
	switch (cell->type) {
	case CELL_TEXT:
		return json_string(cell->text);
	case CELL_NUMBER:
		return number_json(cell->number);
	case CELL_REAL:
		return json_real(cell->real); /* NULL where it is not finite */
	case CELL_BOOL:
		return json_boolean(cell->yes);
	case CELL_NONE:
		break;
	}
	return json_null();
}

/* One row at a time, so that a long list does not stand in memory twice. */
static int print_row_json(const struct table *table, size_t row, FILE *out)
{
	json_t *object = json_object();
	int error = object ? 0 : -ENOMEM;

	for (size_t i = 0; i < table->column_count && error == 0; i++)
		if (json_object_set_new(object, table->columns[i].name, cell_json(cell_at(table, row, i))))
			error = -ENOMEM;
	/* A failed write shows in ferror(out), where the caller looks for all of them. */
	if (error == 0)
		json_dumpf(object, out, JSON_REAL_PRECISION(15));
	json_decref(object);
	return error;
}

int table_print_json(const struct table *table, FILE *out, const char *row_separator)
{
	int error = table_error(table);

	if (error)
		return error;
	if (table->is_record)
		return print_row_json(table, 0, out);
	fputc('[', out);
	for (size_t row = 0; row < table->rows && error == 0; row++) {
		if (row > 0)
			fprintf(out, ",%s", row_separator);
		error = print_row_json(table, row, out);
	}
	fputc(']', out);
	return error;
}
