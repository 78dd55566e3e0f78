/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Boot order, and the same backwards.
 *
 *   EAL -> pools -> core -> drivers loaded -> ports -> stacks bound bottom up -> first policy in force
 *       -> broker -> stacks restarted bottom up -> ports and workers started
 */
#ifndef FW_BOOT_H
#define FW_BOOT_H

#include "broker.h"
#include "control.h"
#include "im/level.h"
#include "options.h"
#include "policy/policy.h"
#include "watch.h"

/* A policy document with its image: kept to say where in the document an error lies. */
struct document {
	const char *path;
	char *text;
	size_t length;
	struct policy_image image;
};

struct firmware {
	struct options options;
	struct document document;
	struct im_packet_pool pool;
	struct control control;
	struct event_log events;
	struct watch watch;
	struct broker *broker;
	struct threads *threads; /* that the broker uses; NULL before packets flow */
	uint32_t workers;
	bool hugepages;
	/* how far the boot came */
	bool logging, eal, core, drivers, controlled, started;
	unsigned leaked; /* objects that did not come back */
};

/** Returns 0 when packets flow; or the exit code, with the reason printed. firmware_down() is to be called either way.
 */
IM_INIT int firmware_up(struct firmware *firmware);

/** Start the threads on which commands wait for drivers, and the core's ticks. 0, or 1 with the reason printed. */
int control_threads_up(struct firmware *firmware);

/** End them, when the broker is gone. */
void control_threads_down(struct firmware *firmware);

/** Drain, unload and check that everything is back. Returns 0, or 1 where something leaked. */
int firmware_down(struct firmware *firmware);

/** Read the policy document. Returns 0, or the exit code with the reason printed. */
IM_INIT int document_read(struct document *document, const char *path);

/** Print where in the document @p status at @p offset of its image lies. */
IM_INIT void document_blame(const struct document *document, enum sluice_status status, uint32_t offset);

/** Bind every stack of @p image bottom up over its ports. 0 or the exit code, with the reason printed. */
IM_INIT int stacks_up(const struct document *document);

/** Restart what stacks_up() has bound, bottom up [10.27]. */
IM_INIT void stacks_restart(const struct policy_image *image);

/** Unbind whatever is bound, top down. */
void stacks_down(const struct policy_image *image);

#endif
