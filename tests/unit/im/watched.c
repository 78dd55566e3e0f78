/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "im/bind.h"
#include "im/verify/verifier.h"
#include "watched.h"

struct im_driver_object watched_driver = {.name = "mad"};
struct im_wrapper watched_wrapper = {.object = &watched_driver};

static uint64_t seen;
static uint64_t now_ns;

/* ---- The core ------------------------------------------------------------------------------------ */

void watched_core_up(uint32_t workers, const struct im_verify_options *options)
{
	struct im_verify_options counting = options != NULL ? *options : im_verify_defaults;

	counting.action = IM_VERIFY_COUNT;
	watched_wrapper = (struct im_wrapper){.object = &watched_driver};
	assert_int_equal(im_core_create(workers, 4), 0);
	assert_int_equal(im_verify(&counting), 0);
	seen = 0;
	now_ns = 1000000000;
	im_tick(now_ns);
}

void watched_core_down(void)
{
	watched_expect_none();
	assert_int_equal(im_core_destroy(), 0);
}

int watched_alone(void **state)
{
	(void)state;
	watched_core_up(0, NULL);
	return 0;
}

int watched_end(void **state)
{
	(void)state;
	watched_core_down();
	return 0;
}

void watched_expect_at(int line, const char *statement, const char *driver, const char *text)
{
	char beginning[128];

	snprintf(beginning, sizeof(beginning), "im-contract [%s] violated by driver '%s': ", statement, driver);
	if (im_violations() != seen + 1)
		fail_msg("line %d: %lu violations, expected one of %s by '%s'; the last: %s", line,
			 im_violations() - seen, statement, driver, im_last_violation());
	if (strncmp(im_last_violation(), beginning, strlen(beginning)) != 0)
		fail_msg("line %d: \"%s\" does not begin with \"%s\"", line, im_last_violation(), beginning);
	if (strstr(im_last_violation(), text) == NULL)
		fail_msg("line %d: \"%s\" does not say \"%s\"", line, im_last_violation(), text);
	seen++;
}

void watched_expect_none_at(int line)
{
	if (im_violations() != seen)
		fail_msg("line %d: %lu violations that nobody expected; the last: %s", line, im_violations() - seen,
			 im_last_violation());
}

void watched_forget(void)
{
	seen = im_violations();
}

void watched_work(struct im_work *work)
{
	(void)work;
}

void watched_expired(struct im_timer *timer)
{
	(void)timer;
}

void watched_deferred(struct im_dpc *dpc)
{
	(void)dpc;
}

struct im_instance watched_instance = {.name = "mad0"};

const void *watched_subject(enum im_handler handler)
{
	static const struct im_binding binding = {.adapter = "mad1"};
	static const struct im_bind bind = {.config.adapter = "mad2"};
	static const struct im_work work = {.run = watched_work};
	static const struct im_timer timer = {.expired = watched_expired};
	static const struct im_dpc dpc = {.run = watched_deferred};
	static const void *const subjects[] = {
		[IM_SUBJECT_DRIVER] = &watched_driver,
		[IM_SUBJECT_INSTANCE] = &watched_instance,
		[IM_SUBJECT_BINDING] = &binding,
		[IM_SUBJECT_BIND] = &bind,
		[IM_SUBJECT_HANDLE] = NULL, /* the test has one of its own */
		[IM_SUBJECT_WORK] = &work,
		[IM_SUBJECT_TIMER] = &timer,
		[IM_SUBJECT_DPC] = &dpc,
	};

	return subjects[im_handler_subject((uint16_t)handler)];
}

void watched_in_handler(enum im_handler handler, void (*run)(void))
{
	struct im_frame frame;

	im_enter(&frame, handler, &watched_wrapper, watched_subject(handler));
	run();
	im_leave(&frame);
}

void watched_tick(uint32_t ms)
{
	now_ns += (uint64_t)ms * 1000000;
	im_tick(now_ns);
}
