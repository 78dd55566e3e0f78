/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The supervisor: one thread that sleeps until something changes, and then sees what is to be done about it.
 *
 *   signals ─────────┐
 *   rtnetlink ───────┤                    ┌─ firmware: gone, hung, there again
 *   the connection ──┼─> supervise ──────>├─ carrier
 *   a lost device ───┤                    ├─ OIDs that follow the device
 *   time ────────────┘                    └─ the service manager
 *
 * The pumps' threads go on meanwhile.
 */
#include "shim.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "follow.h"
#include "log.h"
#include "notify.h"
#include "offload.h"
#include "pump.h"
#include "tap.h"
#include "watch.h"

#define LOOK_MS		    1000u /* between two looks at everything */
#define RETRY_MS	    50u	  /* between two tries to attach, at first ... */
#define RETRY_SLOW_MS	    250u  /* ... and once a firmware that restarts would have been there */
#define RETRY_SLOW_AFTER_MS 10000u
#define WATCHDOG_TRIES	    8u /* before half of the manager's patience is over */

struct shim {
	const struct options *options;
	int signals;
	int gone; /* eventfd: the device is gone */
	struct sluice_miniport *miniport;
	struct sluice_protocol *protocol;
	struct tap tap;
	struct watch watch;
	struct follow follow;
	struct pump pumps[SLUICE_DATA_QUEUES_MAX];
	unsigned pump_count;
	int carrier;	   /* as the kernel was told; -1: not yet */
	unsigned offloads; /* as the kernel was told */
	bool attached;
	bool hangs;					     /* to be reset */
	uint64_t lost_ms;				     /* when the firmware was last there */
	uint64_t look_ms;				     /* when everything is looked at again */
	uint64_t watchdog_ms;				     /* period; 0: none */
	uint64_t bark_ms;				     /* when the watchdog is to be told again */
	char said[sizeof(((struct sluice_fault *)0)->text)]; /* why it could not attach, as told last */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- The protocol -------------------------------------------------------------------------------- */

/* The kernel copies what it is given: nothing is kept. */
static void on_receive(void *context, struct sluice_packet **packets, unsigned count, bool *keep)
{
	struct shim *shim = context;

	(void)keep;
	for (unsigned i = 0; i < count; i++)
		pump_receive(&shim->pumps[packets[i]->queue], packets[i]);
}

/* A batch is of one queue. */
static void on_send_complete(void *context, struct sluice_send **sends, unsigned count)
{
	struct shim *shim = context;

	pump_complete(&shim->pumps[((struct pump_frame *)sends[0])->queue], sends, count);
}

static const struct sluice_protocol_handlers handlers = {.receive = on_receive, .send_complete = on_send_complete};

/* ---- Keeping both sides alike -------------------------------------------------------------------- */

static void set_attached(struct shim *shim, bool attached)
{
	shim->attached = attached;
	for (unsigned i = 0; i < shim->pump_count; i++)
		pump_set_flowing(&shim->pumps[i], attached);
	notify(attached ? "STATUS=attached" : "STATUS=waiting for the firmware");
}

/* -EBADFD, or another fault that only a lost device has. */
static int follow_link(struct shim *shim)
{
	int up = shim->attached && sluice_miniport_link_up(shim->miniport);
	int error;

	if (up == shim->carrier)
		return 0;
	error = tap_set_carrier(&shim->tap, up);
	if (error == 0) {
		say("link of %s is %s", shim->tap.name, up ? "up" : "down");
		shim->carrier = up;
	}
	return error;
}

/* It is the same device, whatever it is called; what is set by its name needs the new one. */
static void follow_name(struct shim *shim, const struct device_state *state)
{
	if (!state->present || state->name[0] == '\0' || strcmp(state->name, shim->tap.name) == 0)
		return;
	say("network device %s is called %s now", shim->tap.name, state->name);
	memcpy(shim->tap.name, state->name, sizeof(shim->tap.name));
}

static unsigned common_offloads(struct shim *shim)
{
	return offload_ask(shim->miniport, shim->options->offloads, shim->offloads);
}

/* A driver that comes into the stack may do less, and so may the stack of another policy. */
static void follow_offloads(struct shim *shim)
{
	unsigned offloads = shim->attached ? common_offloads(shim) : shim->offloads;

	if (offloads == shim->offloads)
		return;
	if (tap_set_offloads(&shim->tap, offloads) == 0)
		say("port %s does %s work for %s now", shim->options->port, offloads > shim->offloads ? "more" : "less",
		    shim->tap.name);
	shim->offloads = offloads;
}

static void follow_kernel(struct shim *shim)
{
	struct device_state state;
	int error;

	if (!shim->attached || shim->hangs)
		return;
	error = watch_look(&shim->watch, &state);
	if (error == 0)
		follow_name(shim, &state);
	if (error == 0)
		follow_device(&shim->follow, shim->miniport, &shim->tap, &state);
	else
		say("cannot look at %s: %s", shim->tap.name, strerror(-error));
}

static void tell_why(struct shim *shim, const struct sluice_fault *fault)
{
	if (strcmp(shim->said, fault->text) == 0)
		return;
	if (fault->kind == SLUICE_FAULT_REFUSED || fault->kind == SLUICE_FAULT_PROTOCOL) /* it is about the port */
		say("port %s: %s; trying again", shim->options->port, fault->text);
	else
		say("%s; trying again", fault->text);
	memcpy(shim->said, fault->text, sizeof(shim->said));
}

static void lose(struct shim *shim)
{
	if (!shim->attached)
		return;
	say("the firmware is gone; %s stays, without carrier", shim->tap.name);
	shim->lost_ms = now_ms();
	shim->said[0] = '\0';
	set_attached(shim, false);
}

static void find_again(struct shim *shim)
{
	struct sluice_fault fault = {0};

	if (sluice_miniport_reattach(shim->miniport, &fault) != 0) {
		tell_why(shim, &fault);
		return;
	}
	say("attached to port %s again", shim->options->port);
	shim->said[0] = '\0';
	follow_anew(&shim->follow);
	set_attached(shim, true);
}

static void reset(struct shim *shim)
{
	shim->hangs = false;
	if (sluice_miniport_reset(shim->miniport) == IM_STATUS_SUCCESS)
		set_attached(shim, true); /* the pumps look for frames that came before they could be told */
	else
		lose(shim);
}

static void check(struct shim *shim)
{
	if (sluice_miniport_check(shim->miniport) != 0) {
		lose(shim);
		return;
	}
	shim->hangs = sluice_miniport_check_for_hang(shim->miniport, now_ms());
	if (shim->hangs)
		say("port %s hangs: reset", shim->options->port);
}

/* Each of these may wait for a firmware that stands still: one a turn, so that between them a stop is seen, and the
 * service manager hears that we are well. */
static void see_to_firmware(struct shim *shim)
{
	if (!shim->attached)
		find_again(shim);
	else if (shim->hangs)
		reset(shim);
	else
		check(shim);
}

/* Everything, whatever the reason was to look: each part finds by itself whether there is something to do. */
static int look(struct shim *shim)
{
	int error;

	see_to_firmware(shim);
	error = follow_link(shim);
	if (error == 0) {
		follow_offloads(shim);
		follow_kernel(shim);
	}
	shim->look_ms = now_ms() + LOOK_MS;
	return error;
}

/* ---- Waiting ------------------------------------------------------------------------------------- */

static uint64_t retry_ms(const struct shim *shim, uint64_t now)
{
	return now - shim->lost_ms < RETRY_SLOW_AFTER_MS ? RETRY_MS : RETRY_SLOW_MS;
}

static int time_left(const struct shim *shim)
{
	uint64_t now = now_ms();
	uint64_t next = shim->attached ? shim->look_ms : now + retry_ms(shim, now);

	if (shim->hangs)
		return 0;
	if (shim->watchdog_ms != 0 && shim->bark_ms < next)
		next = shim->bark_ms;
	return next > now ? (int)(next - now) : 0;
}

/* All are asked, so that all are awake at the next time. */
static bool are_pumps_alive(struct shim *shim)
{
	bool alive = true;

	for (unsigned i = 0; i < shim->pump_count; i++)
		alive &= pump_is_alive(&shim->pumps[i]);
	return alive;
}

/* A supervisor that is well says nothing about the threads that carry the packets: where one does not go around, the
 * manager is not told, and shall restart us. */
static void tell_watchdog(struct shim *shim)
{
	if (shim->watchdog_ms == 0 || now_ms() < shim->bark_ms)
		return;
	if (are_pumps_alive(shim)) {
		notify("WATCHDOG=1");
		shim->bark_ms = now_ms() + shim->watchdog_ms;
	} else {
		shim->bark_ms = now_ms() + shim->watchdog_ms / WATCHDOG_TRIES + 1;
	}
}

static bool is_told_to_stop(struct shim *shim)
{
	struct signalfd_siginfo info;

	return read(shim->signals, &info, sizeof(info)) == sizeof(info);
}

static int device_is_gone(const struct shim *shim)
{
	say("network device %s was deleted", shim->tap.name);
	return 1;
}

static int supervise(struct shim *shim)
{
	for (;;) {
		struct pollfd sources[] = {
			{.fd = shim->signals, .events = POLLIN},
			{.fd = shim->gone, .events = POLLIN},
			{.fd = shim->watch.socket, .events = POLLIN},
			{.fd = sluice_miniport_connection(shim->miniport), .events = POLLIN},
		};
		int ready = poll(sources, 4, time_left(shim));

		if (is_told_to_stop(shim))
			return 0;
		if (ready > 0 && sources[1].revents != 0)
			return device_is_gone(shim);
		if (ready > 0 && sources[2].revents != 0)
			watch_drain(&shim->watch);
		tell_watchdog(shim);
		if ((ready > 0 || !shim->attached || shim->hangs || now_ms() >= shim->look_ms) && look(shim) != 0)
			return device_is_gone(shim);
	}
}

/* ---- Starting ------------------------------------------------------------------------------------ */

/* A signal while there is no firmware yet. */
static bool wait_a_moment(struct shim *shim)
{
	struct pollfd source = {.fd = shim->signals, .events = POLLIN};

	poll(&source, 1, (int)retry_ms(shim, now_ms()));
	tell_watchdog(shim);
	return is_told_to_stop(shim);
}

/* 0; 1: told to stop. A firmware that is not there yet is waited for: services start in any order. */
static int find_firmware(struct shim *shim)
{
	const struct sluice_miniport_config config = {
		.runtime_dir = shim->options->runtime_dir,
		.port = shim->options->port,
		.queues = (uint16_t)shim->options->queues,
		.entries = (uint16_t)shim->options->entries,
		.large_receives = shim->options->large_receives,
	};

	for (;;) {
		struct sluice_fault fault = {0};

		shim->miniport = sluice_miniport_initialize(&config, &fault);
		if (shim->miniport != NULL)
			return 0;
		tell_why(shim, &fault);
		if (wait_a_moment(shim))
			return 1;
	}
}

/* A new device is like the port. One that outlived another shim keeps what the user made of it. */
static int dress_device(struct shim *shim)
{
	struct sluice_miniport_traits traits;
	int error = tap_set_segments(&shim->tap, SLUICE_DATA_SEGS_MAX);

	if (error != 0)
		say("frames with more than %u segments are lost, as the kernel cannot be told so: %s",
		    SLUICE_DATA_SEGS_MAX, strerror(-error));
	error = 0;
	if (shim->tap.was_there)
		return 0;
	sluice_miniport_get_traits(shim->miniport, &traits);
	error = tap_set_mac(&shim->tap, traits.mac);
	if (error == 0)
		error = tap_set_mtu(&shim->tap, traits.mtu);
	if (error != 0)
		say("cannot set address and MTU of %s: %s", shim->tap.name, strerror(-error));
	return error;
}

static int make_device(struct shim *shim)
{
	const struct options *options = shim->options;
	struct sluice_miniport_traits traits;
	int error;

	sluice_miniport_get_traits(shim->miniport, &traits);
	if (traits.queues < options->queues)
		say("port %s has %u queue pairs: %u are used, not %u", options->port, traits.queues, traits.queues,
		    options->queues);
	shim->offloads = options->offloads;
	shim->offloads = common_offloads(shim);
	if (shim->offloads != options->offloads)
		say("port %s does only a part of --offloads: the kernel does the rest", options->port);
	error = tap_open(&shim->tap, options->name, traits.queues, shim->offloads, options->persist);
	if (error != 0)
		return error;
	error = dress_device(shim);
	if (error == 0 && watch_open(&shim->watch, shim->tap.index) != 0)
		say("no news from the kernel about %s: changes are seen within %u ms", shim->tap.name, LOOK_MS);
	return error;
}

static int start_pumps(struct shim *shim)
{
	int error = 0;

	for (unsigned i = 0; i < shim->tap.queues && error == 0; i++) {
		error = pump_create(&shim->pumps[i], shim->miniport, i, shim->tap.fd[i], shim->gone);
		shim->pump_count = i + 1;
	}
	if (error == 0) {
		shim->protocol = sluice_miniport_attach(shim->miniport, &handlers, shim);
		error = shim->protocol != NULL ? 0 : -ENOMEM;
	}
	for (unsigned i = 0; i < shim->pump_count && error == 0; i++)
		error = pump_start(&shim->pumps[i], shim->protocol);
	if (error != 0)
		say("cannot start: %s", strerror(-error));
	return error;
}

static void take_down(struct shim *shim)
{
	for (unsigned i = 0; i < shim->pump_count; i++)
		pump_stop(&shim->pumps[i]);
	sluice_miniport_halt(shim->miniport);
	for (unsigned i = 0; i < shim->pump_count; i++)
		pump_destroy(&shim->pumps[i]);
	watch_close(&shim->watch);
	if (shim->carrier == 1 && shim->options->persist)
		tap_set_carrier(&shim->tap, false);
	tap_close(&shim->tap);
}

static int open_events(struct shim *shim)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL); /* the pumps' threads inherit it */
	shim->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	shim->gone = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (shim->signals >= 0 && shim->gone >= 0)
		return 0;
	say("cannot start: %s", strerror(errno));
	return -errno;
}

static int run(struct shim *shim)
{
	if (find_firmware(shim) != 0)
		return 0;
	if (make_device(shim) != 0 || start_pumps(shim) != 0)
		return 1;
	set_attached(shim, true);
	if (look(shim) != 0)
		return device_is_gone(shim);
	printf("sluice-shim: ready: %s is port %s\n", shim->tap.name, shim->options->port);
	fflush(stdout);
	notify("READY=1");
	return supervise(shim);
}

int shim_run(const struct options *options)
{
	struct shim *shim = calloc(1, sizeof(*shim));
	int status = 1;

	if (shim == NULL) {
		say("out of memory");
		return 1;
	}
	shim->options = options;
	shim->carrier = -1;
	shim->watch.socket = -1;
	for (unsigned i = 0; i < SLUICE_DATA_QUEUES_MAX; i++)
		shim->tap.fd[i] = -1;
	shim->lost_ms = now_ms();
	shim->watchdog_ms = notify_watchdog_ms();
	if (open_events(shim) == 0) {
		status = run(shim);
		notify("STOPPING=1");
		take_down(shim);
		close(shim->signals);
		close(shim->gone);
	}
	free(shim);
	return status;
}
