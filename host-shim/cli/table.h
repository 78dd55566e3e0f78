/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every command answers with: rows of typed cells under named columns. The same rows become text for
 * people and JSON for programs, so the two cannot drift apart.
 *
 *     columns ──> table_new ──> table_row, table_text, table_number, ... ──> table_print_text
 *                                                                      └──> table_print_json
 *
 * A handler fills in the cells of a row from left to right. Out of memory, or a cell that does not fit its
 * column, is remembered and reported when the table is printed, so that filling in needs no checks.
 */
#ifndef SLUICE_CLI_TABLE_H
#define SLUICE_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A list X(name, kind, fill) says all about the rows of one command: the columns, and the statements that
 * fill in the cells, each of one call of the functions below.
 *
 *     static const struct table_column columns[] = {LIST(TABLE_AS_COLUMN)};
 *     table = table_new("things", TABLE_COLUMNS(columns));
 *     table_row(table);
 *     LIST(TABLE_AS_CELL)
 */
#define TABLE_AS_COLUMN(name, kind, fill)	   {name, TABLE_##kind, false},
#define TABLE_AS_OPTIONAL_COLUMN(name, kind, fill) {name, TABLE_##kind, true},
#define TABLE_AS_CELL(name, kind, fill)		   fill;
#define TABLE_COLUMNS(columns)			   (columns), sizeof(columns) / sizeof((columns)[0])

/* What the cells of a column hold. X(name, right-aligned) */
#define TABLE_KIND_TABLE(X)                                                                                            \
	X(TEXT, 0)                                                                                                     \
	X(NUMBER, 1)   /* whole, 64 bits without a sign */                                                             \
	X(BYTES, 1)    /* the same, of bytes */                                                                        \
	X(RATE, 1)     /* a real number; the unit stands in the column's name */                                       \
	X(PERCENT, 1)  /* 0 to 100, one decimal */                                                                     \
	X(DURATION, 1) /* seconds; for people days, hours, minutes and seconds */                                      \
	X(BOOL, 0)     /* yes or no; true or false in JSON */                                                          \
	X(ANY, 0)      /* text or a number, cell by cell */

enum table_kind {
#define X(name, right) TABLE_##name,
	TABLE_KIND_TABLE(X)
#undef X
};

struct table_column {
	const char *name; /* kebab-case; the header for people, the key in JSON */
	enum table_kind kind;
	bool optional; /* people do not see it where all its cells are empty */
};

struct table;

/**
 * A table without rows.
 *
 * @param name    what a row is, in the plural, such as "rules"; also its key among several tables
 * @param columns kept, not copied: @p count of them
 * @return a table for table_free(), or NULL when out of memory
 */
struct table *table_new(const char *name, const struct table_column *columns, size_t count);

/** The same, for one row that people see as one line for each column, and programs as one object. */
struct table *table_new_record(const char *name, const struct table_column *columns, size_t count);

/** Frees @p table; NULL does nothing. */
void table_free(struct table *table);

/** Starts a row. The functions below need not look at a NULL table: they do nothing with it. */
void table_row(struct table *table);

/** The next cell of the row. A NULL text is an empty cell. Bytes that are not UTF-8 become '?'. */
void table_text(struct table *table, const char *text);
/** The next cell: a NUL padded member of @p size bytes; empty text is an empty cell. */
void table_name(struct table *table, const char *text, size_t size);
void table_number(struct table *table, uint64_t number);
void table_real(struct table *table, double real);
void table_bool(struct table *table, bool yes);
/** The next cell is empty: "-" for people, null in JSON. */
void table_none(struct table *table);

/** Rows so far. */
size_t table_rows(const struct table *table);

/** The name given at the start. */
const char *table_title(const struct table *table);

/** @return 0, -ENOMEM, or -EINVAL where a row is incomplete or a cell does not fit its column. */
int table_error(const struct table *table);

/** Prints aligned columns, or the lines of a record. @return 0 or table_error(). */
int table_print_text(const struct table *table, FILE *out);

/**
 * Prints an array of objects, or the object of a record, without a newline at its end.
 *
 * @param row_separator stands after the comma between rows, such as "\n" or " "
 * @return 0, -ENOMEM, or table_error()
 */
int table_print_json(const struct table *table, FILE *out, const char *row_separator);

#endif
