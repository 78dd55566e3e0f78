/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice-fw: boots, serves the mailbox on this thread until a signal, goes down in order. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"
#include "discard.h"
#include "last_words.h"

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

static int serve(struct firmware *firmware)
{
	for (uint64_t turn = 1; !stopping; turn++) {
		int result = broker_poll(firmware->broker, 100);

		if (result < 0) {
			fprintf(stderr, "sluice-fw: the mailbox broker failed: %s; forwarding stops\n",
				strerror(-result));
			last_words_say(SLUICE_SYNDROME_MAILBOX, strerror(-result));
			return 1;
		}
		show_life(firmware, turn);
	}
	broker_info(firmware->broker)->device_status = SLUICE_DEVICE_DRAINING;
	return 0;
}

int main(int argc, char **argv)
{
	static struct firmware firmware;
	int result = options_parse(&firmware.options, argc, argv);

	if (result >= 0)
		return result;
	catch_signals();
	result = firmware_up(&firmware);
	if (result == 0) {
		introduce(&firmware);
		result = serve(&firmware);
	}
	if (firmware_down(&firmware) != 0)
		return 1;
	return result;
}
