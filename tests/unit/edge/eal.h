/* SPDX-License-Identifier: BSD-3-Clause */
/* An EAL for unit tests: one lcore, no hugepages, nothing shared with other processes. */
#ifndef TEST_EAL_H
#define TEST_EAL_H

#include <rte_eal.h>
#include <sched.h>
#include <stdio.h>

/* As a cmocka group set-up. */
static inline int eal_up(void **state)
{
	static char lcores[32];
	static char *arguments[] = {
		"test",		  "--no-huge",		 "-m",	     "64",  "--no-pci", "--no-shconf",
		"--no-telemetry", "--log-level=*:error", "--lcores", lcores};
	int cpu = 0;
	cpu_set_t set;

	(void)state;
	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &set))
			cpu++;
	snprintf(lcores, sizeof(lcores), "0@%d", cpu);
	return rte_eal_init(sizeof(arguments) / sizeof(arguments[0]), arguments) < 0 ? -1 : 0;
}

/* As a cmocka group tear-down. */
static inline int eal_down(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}

#endif
