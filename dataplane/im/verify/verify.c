/* SPDX-License-Identifier: BSD-3-Clause */
/* The verifier's switch, and what happens on a violation. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "im/core.h"
#include "im/ledger.h"
#include "im/spin.h"
#include "verifier.h"

const struct im_verify_options im_verify_defaults = {
	.action = IM_VERIFY_STOP,
	.schedule = IM_SCHEDULE_INLINE,
	.send_limit_ms = 30000,
	.progress_limit_ms = 22000,
	.request_limit_ms = 12000,
	.handler_limit_ms = 10000,
	.wait_limit_ms = 30000,
};

struct im_verify_options im_verify_now;

static bool is_on;

static struct {
	uint32_t lock;	/* of `last` */
	uint64_t count; /* atomic */
	char last[4096];
} violations;

/* ---- On and off ---------------------------------------------------------------------------------- */

/* Its own word in each thread, so that the packet path asks for nothing else. */
static void mark_threads(bool on)
{
	for (uint32_t i = 0; i < im_core.thread_count; i++) {
		uint8_t *careful = &im_core.workers[i].careful;

		if (on)
			__atomic_or_fetch(careful, IM_CAREFUL_VERIFY, __ATOMIC_RELAXED);
		else
			__atomic_and_fetch(careful, (uint8_t)~IM_CAREFUL_VERIFY, __ATOMIC_RELAXED);
	}
}

int im_verify(const struct im_verify_options *options)
{
	int result;

#ifdef IM_WITHOUT_VERIFIER
	(void)options;
	return -ENOTSUP;
#endif
	im_verify_end();
	result = im_packets_watch();
	if (result == 0)
		result = im_ledger_watch();
	if (result != 0) {
		im_packets_unwatch();
		return result;
	}
	im_verify_now = *options;
	im_verify_fail(options->fail_call, options->fail_allocation);
	violations.last[0] = '\0';
	__atomic_store_n(&violations.count, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&is_on, true, __ATOMIC_RELEASE);
	mark_threads(true);
	return 0;
}

void im_verify_end(void)
{
	if (!im_is_verified())
		return;
	mark_threads(false);
	if (im_verify_untracked() > 0)
		fprintf(stderr, "verifier: %lu times there was no room to watch a packet\n", im_verify_untracked());
	im_forget_freed();
	im_quarantine_reset();
	im_verify_fail(0, 0);
	__atomic_store_n(&is_on, false, __ATOMIC_RELEASE);
	im_watch_reset();
	im_handles_reset();
	im_forget_orders();
	im_ledger_unwatch();
	im_packets_unwatch();
}

bool im_is_verified(void)
{
	return __atomic_load_n(&is_on, __ATOMIC_ACQUIRE);
}

uint64_t im_verify_clock(void)
{
	return __atomic_load_n(&im_core.now_ns, __ATOMIC_RELAXED);
}

/* ---- Violations ---------------------------------------------------------------------------------- */

void im_append(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + used, size - used, format, arguments);
	va_end(arguments);
}

static void say(const char *statement, const char *driver, const char *what)
{
	im_spin_lock(&violations.lock);
	snprintf(violations.last, sizeof(violations.last), "im-contract [%s] violated by driver '%s': %s", statement,
		 driver, what);
	fprintf(stderr, "%s\n", violations.last);
	im_spin_unlock(&violations.lock);
	__atomic_add_fetch(&violations.count, 1, __ATOMIC_RELEASE);
}

void im_violation(const char *statement, const char *driver, const char *what)
{
	say(statement, driver, what);
	if (!im_is_verified() || im_verify_now.action == IM_VERIFY_STOP)
		abort();
	if (im_verify_now.action != IM_VERIFY_COUNT)
		im_quarantine(driver);
}

void im_violation_text(const char *statement, const char *driver, const char *format, ...)
{
	char what[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	im_violation(statement, driver, what);
}

void im_violation_at(const char *statement, const char *driver, const char *what, const void *site)
{
	char text[512];

	snprintf(text, sizeof(text), "%s ", what);
	im_append_site(text, sizeof(text), site);
	im_violation(statement, driver, text);
}

uint64_t im_violations(void)
{
	return __atomic_load_n(&violations.count, __ATOMIC_ACQUIRE);
}

const char *im_last_violation(void)
{
	return violations.last;
}
