/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "eal.h"

#define ARGUMENTS_MAX 64

struct arguments {
	int count;
	char *values[ARGUMENTS_MAX + 1];
	char text[ARGUMENTS_MAX][256]; /* of those made here */
};

IM_INIT static void add(struct arguments *arguments, const char *value)
{
	char *copy = arguments->text[arguments->count];

	if (arguments->count == ARGUMENTS_MAX)
		return;
	snprintf(copy, sizeof(arguments->text[0]), "%s", value);
	arguments->values[arguments->count++] = copy;
}

/* Whether the user gave the option in any of its forms: "-m 512", "--opt", "--opt=x". */
IM_INIT static bool given(const struct options *options, const char *name)
{
	size_t length = strlen(name);

	for (int i = 0; i < options->eal_argc; i++) {
		const char *argument = options->eal_argv[i];

		if (strncmp(argument, name, length) == 0 &&
		    (argument[length] == '\0' || argument[length] == '=' || name[1] != '-'))
			return true;
	}
	return false;
}

/* Free hugepages of any size, or -1 where the kernel has none at all. */
IM_INIT static long free_hugepages(void)
{
	DIR *sizes = opendir("/sys/kernel/mm/hugepages");
	struct dirent *entry;
	long total = 0;

	if (sizes == NULL)
		return -1;
	while ((entry = readdir(sizes)) != NULL) {
		char path[512];
		FILE *file;
		long count;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/%s/free_hugepages", entry->d_name);
		file = fopen(path, "r");
		if (file != NULL && fscanf(file, "%ld", &count) == 1)
			total += count;
		if (file != NULL)
			fclose(file);
	}
	closedir(sizes);
	return total;
}

/* The control thread on the first core that we may use, workers on the others; several on one where there are too few.
 */
IM_INIT static void add_lcores(struct arguments *arguments, uint32_t workers)
{
	char text[sizeof(arguments->text[0])];
	int cpus[CPU_SETSIZE], count = 0;
	size_t at = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[count++] = cpu;
	if (count == 0)
		cpus[count++] = 0;
	for (uint32_t lcore = 0; lcore <= workers && at < sizeof(text); lcore++) {
		int cpu = lcore == 0 || count == 1 ? cpus[0] : cpus[1 + (lcore - 1) % (uint32_t)(count - 1)];

		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u@%d", lcore > 0 ? "," : "", lcore, cpu);
	}
	add(arguments, "--lcores");
	add(arguments, text);
}

/* Buffers, descriptors and rule counters; without hugepages it is taken at the start. */
IM_INIT static uint64_t memory_needed(const struct options *options)
{
	return (uint64_t)options->mbufs * 2560 + (uint64_t)options->max_rules * 1024 + (128u << 20);
}

IM_INIT static void add_memory(struct arguments *arguments, const struct options *options)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)(memory_needed(options) >> 20));
	add(arguments, "-m");
	add(arguments, text);
}

/* Bytes that can be had without swapping, or UINT64_MAX where the kernel does not tell. */
IM_INIT static uint64_t available_memory(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long long kilobytes;
	uint64_t bytes = UINT64_MAX;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "MemAvailable: %llu kB", &kilobytes) == 1)
			bytes = kilobytes << 10;
	if (file != NULL)
		fclose(file);
	return bytes;
}

/* What would end, double or replace the firmware rather than configure it. */
IM_INIT static bool is_forbidden(const struct options *options)
{
	static const char *const names[] = {"--proc-type", "--help", "-h", "--version", "-v"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!given(options, names[i]))
			continue;
		fprintf(stderr,
			"sluice-fw: EAL argument %s has no place here; example: sluice-fw --config sluice.json -- --lcores 0@0,1@1\n",
			names[i]);
		return true;
	}
	if (options->eal_argc <= ARGUMENTS_MAX / 2)
		return false;
	fprintf(stderr, "sluice-fw: more than %d EAL arguments behind --\n", ARGUMENTS_MAX / 2);
	return true;
}

IM_INIT static void make(struct arguments *arguments, const struct options *options, uint32_t workers)
{
	bool no_huge = given(options, "--no-huge");

	add(arguments, "sluice-fw");
	add(arguments, "--no-telemetry");
	add(arguments, no_huge ? "--no-shconf" : "--in-memory"); /* the two do not go together everywhere */
	if (!given(options, "-a") && !given(options, "--allow") && !given(options, "-b"))
		add(arguments, "--no-pci"); /* hardware is taken only where it is named */
	if (!given(options, "--log-level"))
		add(arguments, options->verbose ? "--log-level=*:info" : "--log-level=*:error");
	if (!given(options, "-l") && !given(options, "--lcores") && !given(options, "-c"))
		add_lcores(arguments, workers);
	if (no_huge && !given(options, "-m"))
		add_memory(arguments, options);
	for (int i = 0; i < options->eal_argc && arguments->count < ARGUMENTS_MAX; i++)
		arguments->values[arguments->count++] = options->eal_argv[i];
}

/*
 * The EAL's threads get the default stack. What the level check lets DISPATCH code use has to be there whatever the
 * limit is that we were started with (ulimit -s); the rest is for the thread's own variables and the EAL's frames.
 */
IM_INIT static int ensure_stacks(void)
{
	const size_t least = WORKER_STACK + (1u << 20);
	pthread_attr_t attributes;
	size_t size = 0;
	int result = pthread_getattr_default_np(&attributes);

	if (result != 0)
		return result;
	pthread_attr_getstacksize(&attributes, &size);
	if (size < least) {
		result = pthread_attr_setstacksize(&attributes, least);
		if (result == 0)
			result = pthread_setattr_default_np(&attributes);
	}
	pthread_attr_destroy(&attributes);
	return result;
}

int eal_start(const struct options *options, uint32_t workers, bool *hugepages)
{
	static struct arguments arguments; /* the EAL keeps pointers into it */

	*hugepages = !given(options, "--no-huge");
	if (*hugepages && free_hugepages() <= 0) {
		fputs("sluice-fw: no free hugepages; reserve some, such as: echo 512 > /proc/sys/vm/nr_hugepages\n"
		      "sluice-fw: or do without, slower: sluice-fw --config FILE -- --no-huge\n",
		      stderr);
		return -1;
	}
	if (is_forbidden(options))
		return -1;
	if (!*hugepages && memory_needed(options) > available_memory()) {
		fprintf(stderr,
			"sluice-fw: no memory for %u mbufs and %u rules: %llu MiB are wanted, %llu are available; lower them, such as: --mbufs 8192\n",
			options->mbufs, options->max_rules, (unsigned long long)(memory_needed(options) >> 20),
			(unsigned long long)(available_memory() >> 20));
		return -1;
	}
	if (ensure_stacks() != 0) {
		fputs("sluice-fw: no memory for the workers' stacks\n", stderr);
		return -1;
	}
	make(&arguments, options, workers);
	if (rte_eal_init(arguments.count, arguments.values) < 0) {
		if (rte_errno == ENOMEM) {
			fputs("sluice-fw: the EAL gets no memory: ask for less behind --, such as: -- --no-huge -m 512\n",
			      stderr);
			return -1;
		}
		fprintf(stderr,
			"sluice-fw: the EAL does not start: %s; its arguments are those behind --, such as: -- --lcores 0@0,1@1\n",
			rte_strerror(rte_errno));
		return -1;
	}
	return 0;
}
