/* SPDX-License-Identifier: BSD-3-Clause */
/* What a driver answers with: whole or not at all, with the right byte counts (contract 6.3 to 6.9). */
#include "asked.h"

/* ---- What a driver answers with ---------------------------------------------------------------------- */

/* contract: 6.3 6.4 */
static void an_answer_is_stored_whole_or_not_at_all(void **state)
{
	uint8_t buffer[8] = {9, 9, 9, 9, 9, 9, 9, 9};
	static const uint8_t value[] = {1, 2, 3, 4, 5};
	uint32_t written = 77, needed = 77;

	(void)state;
	for (uint32_t length = 0; length < sizeof(value); length++) {
		assert_int_equal(im_answer(value, sizeof(value), buffer, length, &written, &needed),
				 IM_STATUS_BUFFER_TOO_SHORT);
		assert_int_equal(written, 0);
		assert_int_equal(needed, sizeof(value)); /* the total, not what is missing (C2) */
		assert_int_equal(buffer[0], 9);
	}
	for (uint32_t length = sizeof(value); length <= sizeof(buffer); length++) {
		assert_int_equal(im_answer(value, sizeof(value), buffer, length, &written, &needed), IM_STATUS_SUCCESS);
		assert_int_equal(written, sizeof(value));
		assert_int_equal(needed, 0);
		assert_memory_equal(buffer, value, sizeof(value));
		assert_int_equal(buffer[5], 9); /* nothing beyond */
	}
}

static void an_empty_answer_needs_no_buffer(void **state)
{
	uint32_t written = 77, needed = 77;

	(void)state;
	assert_int_equal(im_answer("", 0, NULL, 0, &written, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(written, 0);
	assert_int_equal(needed, 0);
}

/* contract: 6.5 6.6 */
static void a_counter_has_eight_bytes_or_four(void **state)
{
	const uint64_t value = 0x1122334455667788ull;
	uint64_t buffer;
	uint32_t written, needed;

	(void)state;
	for (uint32_t length = 0; length <= sizeof(buffer); length++) {
		uint32_t size = length < 4 ? 0 : length < 8 ? 4 : 8;

		buffer = 0;
		assert_int_equal(im_answer_counter(value, &buffer, length, &written, &needed),
				 size > 0 ? IM_STATUS_SUCCESS : IM_STATUS_BUFFER_TOO_SHORT);
		assert_int_equal(written, size);
		assert_int_equal(needed, size < 8 ? 8 : 0); /* 6.6; a probe learns the whole size (6.5) */
		assert_int_equal(buffer, size == 8 ? value : size == 4 ? 0x55667788 : 0);
	}
}

/* contract: 6.7 6.9 */
static void a_value_is_taken_at_its_right_size_alone(void **state)
{
	const uint64_t given = 0x1122334455667788ull;
	uint32_t value, read, needed;

	(void)state;
	for (uint32_t length = 0; length <= sizeof(given); length++) {
		value = 7;
		assert_int_equal(im_take(&value, sizeof(value), &given, length, &read, &needed),
				 length == 4 ? IM_STATUS_SUCCESS : IM_STATUS_INVALID_LENGTH);
		assert_int_equal(read, length == 4 ? 4 : 0); /* 6.9, 6.7 */
		assert_int_equal(needed, length == 4 ? 0 : 4);
		assert_int_equal(value, length == 4 ? 0x55667788 : 7); /* no state has changed */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_counter_has_eight_bytes_or_four),
		cmocka_unit_test(a_value_is_taken_at_its_right_size_alone),
		cmocka_unit_test(an_answer_is_stored_whole_or_not_at_all),
		cmocka_unit_test(an_empty_answer_needs_no_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
