/* SPDX-License-Identifier: BSD-3-Clause */
/* Health: rounds of reports, what of them is shown, and who reads it while it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "health.h"
#include "mailbox/client_private.h"

struct bed {
	struct event_log log;
	struct health health;
	struct sluice_info_region info;
	struct sluice_client client;
	uint32_t cursor;
};

static int make_bed(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_non_null(bed);
	assert_int_equal(event_log_create(&bed->log), 0);
	bed->health.events = &bed->log;
	bed->client.regions[SLUICE_FD_INFO] = &bed->info;
	*state = bed;
	return 0;
}

static int free_bed(void **state)
{
	struct bed *bed = *state;

	event_log_destroy(&bed->log);
	free(bed);
	return 0;
}

static struct sluice_health publish(struct bed *bed)
{
	struct sluice_health seen;

	health_publish(&bed->health, &bed->info.health);
	assert_int_equal(sluice_read_health(&bed->client, &seen), 0);
	return seen;
}

static void expect_event(struct bed *bed, const char *subject, uint64_t value)
{
	struct sluice_event event;

	assert_true(event_log_next(&bed->log, &bed->cursor, &event));
	assert_int_equal(event.kind, SLUICE_EVENT_HEALTH);
	assert_string_equal(event.subject, subject);
	assert_int_equal(event.value, value);
}

static void expect_no_event(struct bed *bed)
{
	struct sluice_event event;

	assert_false(event_log_next(&bed->log, &bed->cursor, &event));
}

static void test_changes_are_told_and_counted(void **state)
{
	struct bed *bed = *state;
	struct sluice_health seen;

	health_report(&bed->health, SLUICE_REPORTER_FIRMWARE, NULL, SLUICE_HEALTH_WELL, "");
	health_report(&bed->health, SLUICE_REPORTER_PORT, "wire0", SLUICE_HEALTH_WELL, "");
	seen = publish(bed);
	assert_int_equal(seen.state, SLUICE_HEALTH_WELL);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.reporter[0].name, "firmware");
	expect_no_event(bed);

	for (int i = 0; i < 2; i++) { /* it says it twice, and it is told once */
		health_report(&bed->health, SLUICE_REPORTER_FIRMWARE, NULL, SLUICE_HEALTH_WELL, "");
		health_report(&bed->health, SLUICE_REPORTER_PORT, "wire0", SLUICE_HEALTH_DEGRADED, "its link is down");
		seen = publish(bed);
	}
	expect_event(bed, "wire0", SLUICE_REPORTER_PORT << 8 | SLUICE_HEALTH_DEGRADED);
	expect_no_event(bed);
	assert_int_equal(seen.state, SLUICE_HEALTH_DEGRADED);
	assert_string_equal(seen.reporter[0].name, "wire0"); /* what is not well stands first */
	assert_int_equal(seen.reporter[0].errors, 1);
	assert_string_equal(seen.reporter[0].text, "its link is down");

	health_report(&bed->health, SLUICE_REPORTER_FIRMWARE, NULL, SLUICE_HEALTH_WELL, "");
	health_report(&bed->health, SLUICE_REPORTER_PORT, "wire0", SLUICE_HEALTH_WELL, "");
	seen = publish(bed);
	expect_event(bed, "wire0", SLUICE_REPORTER_PORT << 8);
	assert_int_equal(seen.state, SLUICE_HEALTH_WELL);
	assert_int_equal(seen.reporter[1].errors, 1);
	assert_string_equal(seen.reporter[1].text, "");
}

static void test_what_is_gone_is_not_shown(void **state)
{
	struct bed *bed = *state;
	struct sluice_health seen;

	health_report(&bed->health, SLUICE_REPORTER_DRIVER, "a", SLUICE_HEALTH_FAILED, "in quarantine");
	health_report(&bed->health, SLUICE_REPORTER_DRIVER, "b", SLUICE_HEALTH_WELL, "");
	health_report(&bed->health, SLUICE_REPORTER_PORT, "a", SLUICE_HEALTH_WELL, ""); /* another a */
	assert_int_equal(publish(bed).count, 3);
	health_report(&bed->health, SLUICE_REPORTER_DRIVER, "b", SLUICE_HEALTH_WELL, "");
	seen = publish(bed);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.state, SLUICE_HEALTH_WELL);
	assert_string_equal(seen.reporter[0].name, "b");
	health_report(&bed->health, SLUICE_REPORTER_DRIVER, "a", SLUICE_HEALTH_WELL, ""); /* the next of that name */
	assert_int_equal(publish(bed).reporter[0].errors, 0);
}

static void test_more_than_there_is_room_for(void **state)
{
	struct bed *bed = *state;
	struct sluice_health seen;
	char name[16];

	for (uint32_t i = 0; i < HEALTH_REPORTERS_MAX + 5; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		health_report(&bed->health, SLUICE_REPORTER_PORT, name,
			      i == 100 ? SLUICE_HEALTH_FAILED : SLUICE_HEALTH_WELL, "");
	}
	seen = publish(bed);
	assert_int_equal(seen.count, SLUICE_REPORTERS);
	assert_int_equal(seen.omitted, HEALTH_REPORTERS_MAX + 5 - SLUICE_REPORTERS);
	assert_int_equal(seen.state, SLUICE_HEALTH_FAILED);
	assert_string_equal(seen.reporter[0].name, "p100");
	assert_string_equal(seen.reporter[1].name, "p0");
}

static void test_text_is_cut(void **state)
{
	struct bed *bed = *state;
	struct sluice_health seen;

	health_report(&bed->health, SLUICE_REPORTER_PORT, "p", SLUICE_HEALTH_FAILED,
		      "0123456789012345678901234567890123456789012345678901234567890");
	seen = publish(bed);
	assert_string_equal(seen.reporter[0].text, "01234567890123456789012345678901234567890123456");
}

static void test_reader_believes_whole_rounds_only(void **state)
{
	struct bed *bed = *state;
	struct sluice_health seen;

	assert_int_equal(sluice_read_health(&bed->client, &seen), -EAGAIN); /* none was written */
	health_report(&bed->health, SLUICE_REPORTER_FIRMWARE, NULL, SLUICE_HEALTH_WELL, "");
	publish(bed);
	assert_int_equal(bed->info.health.sequence, 2);
	bed->info.health.sequence = 3; /* the writer is in the middle, and stays there */
	assert_int_equal(sluice_read_health(&bed->client, &seen), -EAGAIN);
	bed->info.health.sequence = 4;
	bed->info.health.count = 1000;
	assert_int_equal(sluice_read_health(&bed->client, &seen), 0);
	assert_int_equal(seen.count, SLUICE_REPORTERS);
}

static void test_pulse(void **state)
{
	struct health_pulse pulse = {0};

	(void)state;
	assert_int_equal(health_pulse_age(&pulse, 0, 5000), 0); /* the first look */
	assert_int_equal(health_pulse_age(&pulse, 0, 5200), 200);
	assert_int_equal(health_pulse_age(&pulse, 0, 9000), 4000);
	assert_int_equal(health_pulse_age(&pulse, 1, 9100), 0);
	assert_int_equal(health_pulse_age(&pulse, 1, 9101), 1);
	assert_int_equal(health_pulse_age(&pulse, 0, 9200), 0); /* back is a change as well */
}

#define IN_BED(name) cmocka_unit_test_setup_teardown(test_##name, make_bed, free_bed)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BED(changes_are_told_and_counted),	   IN_BED(what_is_gone_is_not_shown),
		IN_BED(more_than_there_is_room_for),	   IN_BED(text_is_cut),
		IN_BED(reader_believes_whole_rounds_only), cmocka_unit_test(test_pulse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
