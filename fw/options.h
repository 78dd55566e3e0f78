/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of sluice-fw. One table makes the parser and --help. */
#ifndef FW_OPTIONS_H
#define FW_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "im/level.h"
#include "im/verify.h"
#include "role.h"

struct options {
	const char *config;
	const char *runtime_dir;
	const char *bar; /* NULL: none */
	struct role_groups groups;
	uint32_t workers; /* 0: as many as there are lanes and cores */
	uint32_t mbufs;
	uint32_t max_rules;
	uint32_t return_limit_ms; /* that an orderly end waits for buffers that hosts have */
	bool verbose;
	bool verifier;
	struct im_verify_options verify;
	int eal_argc; /* what stood behind -- */
	char **eal_argv;
};

/** Returns -1 to go on, or the exit code: 0 after --help and --version, 2 after an error that has been printed. Level:
 * PASSIVE (init). */
IM_INIT int options_parse(struct options *options, int argc, char **argv);

#endif
