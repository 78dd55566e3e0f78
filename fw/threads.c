/* SPDX-License-Identifier: BSD-3-Clause */
/* The control threads of the firmware: those of the core, on which commands wait for drivers. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "boot.h"
#include "rule.h"

/* More than any two of the lines in ctrlplane/session.c can fill with commands that wait for a driver. */
#define CONTROL_THREADS 6u

static int begin(void *context)
{
	(void)context;
	return im_thread_attach();
}

static void end(void *context)
{
	(void)context;
	im_thread_detach();
}

static void tick(void *context)
{
	struct firmware *firmware = context;
	struct timespec now;
	uint64_t now_ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	im_tick(now_ns);
	control_tick(&firmware->control);
	uploads_tick(&firmware->control.uploads, now_ns / 1000000, firmware->control.events);
	watch_tick(&firmware->watch, now_ns / 1000000);
}

int control_threads_up(struct firmware *firmware)
{
	const struct threads_hooks hooks = {.begin = begin, .end = end, .tick = tick, .context = firmware};
	int error;

	watch_start(&firmware->watch, &firmware->control, broker_info(firmware->broker));
	firmware->threads = threads_create(&hooks, CONTROL_THREADS, &error);
	if (firmware->threads != NULL)
		error = broker_use_threads(firmware->broker, firmware->threads);
	if (error != 0) {
		fprintf(stderr, "sluice-fw: cannot start the control threads: %s\n", strerror(-error));
		return 1;
	}
	broker_use_operations(firmware->broker, &firmware->control.operations);
	rules_serve(&firmware->control);
	return 0;
}

void control_threads_down(struct firmware *firmware)
{
	if (firmware->threads == NULL)
		return;
	rules_stop();
	threads_destroy(firmware->threads);
	firmware->threads = NULL;
}
