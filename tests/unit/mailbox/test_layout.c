/* SPDX-License-Identifier: BSD-3-Clause */
/* The layout of every record: each member stands where layout.h says, and no byte belongs to none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "abi/bar.h"
#include "abi/data.h"
#include "abi/event.h"
#include "abi/filter.h"
#include "abi/mailbox.h"
#include "abi/oid.h"
#include "abi/opcode.h"
#include "abi/policy.h"
#include "abi/record.h"
#include "layout.h"

struct row {
	const char *record, *member; /* member NULL: the record itself */
	size_t offset, size;	     /* as the compiler has them */
	size_t written_offset, written_size;
};

static const struct row rows[] = {
#define R(record, bytes) {#record, NULL, 0, sizeof(struct record), 0, bytes},
#define M(record, member, at, bytes)                                                                                   \
	{#record, #member, offsetof(struct record, member), sizeof(((struct record *)NULL)->member), at, bytes},
	LAYOUT_TABLE(R, M)
#undef R
#undef M
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void test_members_are_where_they_were(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		const char *member = rows[i].member != NULL ? rows[i].member : "(all)";

		if (rows[i].offset != rows[i].written_offset || rows[i].size != rows[i].written_size)
			fail_msg("%s.%s: %zu bytes at %zu, written down are %zu at %zu", rows[i].record, member,
				 rows[i].size, rows[i].offset, rows[i].written_size, rows[i].written_offset);
	}
}

/* Between two members, and behind the last one, is nothing: no padding that could carry what was not meant for it. */
static void test_no_byte_is_without_a_member(void **state)
{
	size_t records = 0;

	(void)state;
	for (size_t i = 0; i < ROWS; records++) {
		const struct row *record = &rows[i];
		size_t at = 0;

		assert_null(record->member);
		for (i++; i < ROWS && rows[i].member != NULL; i++) {
			assert_string_equal(rows[i].record, record->record);
			if (rows[i].offset != at)
				fail_msg("%s: a gap before %s", record->record, rows[i].member);
			at += rows[i].size;
		}
		if (at != record->size)
			fail_msg("%s: %zu bytes of members in %zu", record->record, at, record->size);
	}
	assert_true(records > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_are_where_they_were),
		cmocka_unit_test(test_no_byte_is_without_a_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
