/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything is where it may be. */
#include <stdlib.h>
#include <string.h>

#include "handlers.h"

struct im_module {
	const char *name;
	int (*entry)(struct handlers *handlers);
};

/* Members of one name and one type: which of them is called is told by the structure. */
struct job {
	void (*run)(void *context); /* frees */
};

struct call {
	void (*run)(void *context); /* does not */
};

struct queue {
	const struct job *job;
	struct call calls[2];
};

void im_violation(const char *statement, const char *driver, const char *what);

static char copy[64];
extern struct handlers *below;
extern struct queue *queue;

static __attribute__((noinline)) void copy_out(void *context)
{
	memcpy(copy, context, sizeof(copy));
	if (copy[0] != 0)
		im_violation("4.12", "good", "ends here, whatever it does");
}

const struct job forget = {.run = free};
const struct queue queues[] = {{.job = &forget, .calls = {{.run = copy_out}}}};

IM_DISPATCH static void work(void *context)
{
	void (*run)(void *) = queue->calls[0].run;

	queue->calls[1].run(context);
	run(context);
	below->work(context);
}

IM_PASSIVE static int ask(void *context, int question)
{
	queue->job->run(context);
	work(malloc((size_t)question)); /* PASSIVE may call DISPATCH */
	return 0;
}

IM_INIT static int driver_entry(struct handlers *handlers)
{
	handlers->work = handlers->work != NULL ? handlers->work : work;
	handlers->ask = ask;
	return 0;
}

struct im_module driver = {.name = "good", .entry = driver_entry};
