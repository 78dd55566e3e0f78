/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of sluice-shim. */
#ifndef SLUICE_SHIM_OPTIONS_H
#define SLUICE_SHIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define OFFLOAD_GRO 0x80000000u /* no flag of TUNSETOFFLOAD: the kernel takes joined frames whatever it is told */

/* What the kernel may leave to the card. X(word, flag of TUNSETOFFLOAD, text) */
#define OFFLOAD_TABLE(X)                                                                                               \
	X("csum", TUN_F_CSUM, "fill in checksums")                                                                     \
	X("tso4", TUN_F_TSO4, "cut TCP over IPv4 into segments")                                                       \
	X("tso6", TUN_F_TSO6, "cut TCP over IPv6 into segments")                                                       \
	X("ecn", TUN_F_TSO_ECN, "cut TCP with ECN into segments")                                                      \
	X("gro", OFFLOAD_GRO, "join segments of TCP over IPv4 that come")

struct options {
	const char *port;
	const char *runtime_dir; /* or `device` */
	char device[272];	 /* "pci:" and what --device says */
	const char *name;
	uint32_t queues;
	uint32_t entries;
	unsigned offloads;   /* TUN_F_... */
	bool large_receives; /* OFFLOAD_GRO */
	bool persist;
};

/** Fills in *@p options. @return -1: go on; otherwise the exit status: 0 after --help and --version, 2 where the
 * command line is wrong, which has been said. */
int options_parse(struct options *options, int argc, char **argv);

#endif
