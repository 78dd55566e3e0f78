/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * usage: random_host RUNTIME_DIR HOSTS SECONDS [SEED]
 *
 * Host number i has ports host<i> and wire<i>, and a filter fw<i> between. Exits 0 where every legal step came to what
 * it must, often enough.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "random.h"

#define HOSTS_MAX 8
#define ENOUGH	  10u	 /* tries of each step, however short the run */
#define LATER_MS  120000 /* than asked for, on a machine that does something else besides */

struct step {
	const char *name;
	enum outcome (*take)(struct actor *actor);
	uint32_t weight;
	uint32_t least; /* of a hundred */
	uint64_t tries, done;
};

static struct step steps[] = {
#define X(name, weight, least, text) {#name, legal_##name, weight * 4, least, 0, 0},
	LEGAL_TABLE(X)
#undef X
#define X(name, weight, text) {#name, crime_##name, weight, 100, 0, 0},
		CRIME_TABLE(X)
#undef X
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static uint64_t seed, end_ms;

void actor_fail(const struct actor *actor, const char *what, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, what);
	vsnprintf(text, sizeof(text), what, arguments);
	va_end(arguments);
	host_fail("seed %llu, host %u, %s: %s", (unsigned long long)seed, actor->number, actor->doing, text);
}

static struct step *choose(struct actor *actor)
{
	uint32_t all = 0, chosen;

	for (size_t i = 0; i < STEPS; i++)
		all += steps[i].weight;
	chosen = actor_choose(actor, all);
	for (size_t i = 0;; i++) {
		if (chosen < steps[i].weight)
			return &steps[i];
		chosen -= steps[i].weight;
	}
}

static bool were_all_tried(void)
{
	for (size_t i = 0; i < STEPS; i++)
		if (__atomic_load_n(&steps[i].tries, __ATOMIC_RELAXED) < ENOUGH)
			return false;
	return true;
}

static bool goes_on(void)
{
	uint64_t now = host_now_ms();

	return now < end_ms || (now < end_ms + LATER_MS && !were_all_tried());
}

static void *act(void *argument)
{
	struct actor *actor = argument;

	while (goes_on()) {
		struct step *step = choose(actor);
		enum outcome outcome;

		actor->doing = step->name;
		outcome = step->take(actor);
		__atomic_fetch_add(&step->tries, outcome != STEP_IMPOSSIBLE, __ATOMIC_RELAXED);
		__atomic_fetch_add(&step->done, outcome == STEP_DONE, __ATOMIC_RELAXED);
	}
	if (actor->attached)
		actor_detach(actor);
	free(actor->policy);
	return NULL;
}

static bool report(void)
{
	bool enough = true;

	for (size_t i = 0; i < STEPS; i++) {
		const struct step *step = &steps[i];
		bool good = step->tries >= ENOUGH && step->done * 100 >= step->tries * step->least;

		printf("%-16s %9llu tries, %5.1f %% done%s\n", step->name, (unsigned long long)step->tries,
		       step->tries > 0 ? 100.0 * (double)step->done / (double)step->tries : 0.0,
		       good ? "" : ": not enough");
		enough &= good;
	}
	return enough;
}

static void set_up(struct actor *actor, const char *dir, unsigned number)
{
	*actor = (struct actor){.dir = dir, .number = number, .random = seed * 1000003 + number};
	snprintf(actor->upper_port, sizeof(actor->upper_port), "host%u", number);
	snprintf(actor->lower_port, sizeof(actor->lower_port), "wire%u", number);
	snprintf(actor->filter, sizeof(actor->filter), "fw%u", number);
}

int main(int argc, char **argv)
{
	struct actor actors[HOSTS_MAX];
	pthread_t threads[HOSTS_MAX];
	unsigned hosts = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

	if (argc < 4 || argc > 5 || hosts < 1 || hosts > HOSTS_MAX)
		host_fail("usage: random_host RUNTIME_DIR HOSTS SECONDS [SEED]");
	seed = argc == 5 ? strtoull(argv[4], NULL, 10) : host_now_ms();
	end_ms = host_now_ms() + strtoull(argv[3], NULL, 10) * 1000;
	printf("%u random hosts, %s s, seed %llu\n", hosts, argv[3], (unsigned long long)seed);
	fflush(stdout);
	for (unsigned i = 0; i < hosts; i++) {
		set_up(&actors[i], argv[1], i);
		if (pthread_create(&threads[i], NULL, act, &actors[i]) != 0)
			host_fail("no thread");
	}
	for (unsigned i = 0; i < hosts; i++)
		pthread_join(threads[i], NULL);
	return report() ? 0 : 1;
}
