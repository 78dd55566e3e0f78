/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice-fw: boots, serves the mailbox on this thread until a signal, goes down in order. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"
#include "discard.h"
#include "hosts.h"
#include "last_words.h"
#include "reset.h"
#include "worker.h"

/* For a device reset to bring everything down in order. */
#define RESET_LIMIT_S 30

static volatile sig_atomic_t stopping;

/* The first signal stops in order; a second one ends a boot or a drain that does not come to its end. */
static void stop(int signal_number)
{
	if (stopping)
		_exit(128 + signal_number);
	stopping = 1;
}

IM_INIT static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = stop};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL); /* the terminal is gone */
	signal(SIGPIPE, SIG_IGN);
}

static void show_life(struct firmware *firmware, uint64_t turn)
{
	struct sluice_info_region *info = broker_info(firmware->broker);

	info->policy_generation = control_generation(&firmware->control);
	__atomic_store_n(&info->control_heartbeat, turn, __ATOMIC_RELAXED);
}

/* From here on it runs: what it booted with is given back. */
static void introduce(struct firmware *firmware)
{
	struct sluice_info_region *info = broker_info(firmware->broker);
	int result = init_discard();

	if (result != 0)
		fprintf(stderr, "sluice-fw: warning: init code stays in memory: %s\n", strerror(-result));
	info->boot_id = firmware->control.boot_id;
	strncpy(info->version, SLUICE_VERSION, sizeof(info->version) - 1);
	info->device_status = SLUICE_DEVICE_RUNNING;
	puts("sluice-fw: ready");
	fflush(stdout);
}

static bool is_reset_wanted(const struct firmware *firmware)
{
	return __atomic_load_n(&firmware->control.reset_wanted, __ATOMIC_ACQUIRE);
}

static int turn(struct firmware *firmware, int timeout_ms)
{
	static uint64_t turns;
	int result = broker_poll(firmware->broker, timeout_ms);

	if (result < 0) {
		fprintf(stderr, "sluice-fw: the mailbox broker failed: %s; forwarding stops\n", strerror(-result));
		last_words_say(SLUICE_SYNDROME_MAILBOX, strerror(-result));
		return 1;
	}
	show_life(firmware, ++turns);
	return 0;
}

/* Who wants a reset does not wait for hosts: they attach again. */
static int serve(struct firmware *firmware)
{
	struct hosts hosts;
	int result = 0;

	while (!stopping && !is_reset_wanted(firmware) && result == 0)
		result = turn(firmware, 100);
	broker_info(firmware->broker)->device_status = SLUICE_DEVICE_DRAINING;
	if (result == 0)
		result = turn(firmware, 0); /* what was raised last is told */
	if (is_reset_wanted(firmware))
		return result;
	hosts_drain(&hosts, &firmware->document.image, firmware->options.return_limit_ms);
	while (result == 0 && hosts_wait(&hosts))
		result = turn(firmware, 10);
	return result;
}

/*
 * A device reset: nothing of this program is left in the one that takes its place in the same process, so that it does
 * not matter what was broken, and whoever started us need not know. What does not come down in time is ended by
 * SIGALRM: then it is for the service manager to start us again.
 */
static int start_anew(struct firmware *firmware, char **arguments)
{
	alarm(RESET_LIMIT_S);
	if (firmware_down(firmware) != 0)
		fputs("sluice-fw: not all came back; the reset goes on\n", stderr);
	alarm(0);
	reset_bequeath(&firmware->control);
	puts("sluice-fw: reset");
	fflush(stdout);
	execv("/proc/self/exe", arguments);
	fprintf(stderr, "sluice-fw: cannot start anew: %s\n", strerror(errno));
	return 1;
}

/* getopt puts the words in another order, where they mean something else. */
static char **copy_arguments(int argc, char **argv)
{
	char **copy = calloc((size_t)argc + 1, sizeof(*copy));

	if (copy != NULL)
		memcpy(copy, argv, (size_t)argc * sizeof(*copy));
	return copy;
}

int main(int argc, char **argv)
{
	static struct firmware firmware;
	char **arguments = copy_arguments(argc, argv);
	int result = arguments != NULL ? options_parse(&firmware.options, argc, argv) : 1;

	if (result >= 0) {
		free(arguments);
		return result;
	}
	catch_signals();
	result = firmware_up(&firmware);
	if (result == 0) {
		introduce(&firmware);
		result = serve(&firmware);
	}
	if (result == 0 && !stopping && is_reset_wanted(&firmware))
		result = start_anew(&firmware, arguments);
	else if (firmware_down(&firmware) != 0)
		result = 1;
	free(arguments);
	return result;
}
