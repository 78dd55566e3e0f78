/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/policy.h"
#include "im/worker.h"
#include "options.h"

#define DEFAULT_CONFIG "/etc/sluice/sluice.json"

/* X(long name, letter, argument, help) */
#define OPTIONS(X)                                                                                                     \
	X("config", 'c', "FILE", "policy to boot with (default " DEFAULT_CONFIG ")")                                   \
	X("runtime-dir", 'r', "DIR", "where clients meet the firmware (default " SLUICE_RUNTIME_DIR ")")               \
	X("workers", 'w', "N", "worker threads, 1 to 16 (default: one a core, and no more than there are queues)")     \
	X("mbufs", 'm', "N", "packet buffers, 1024 to 16777216 (default 32768)")                                       \
	X("max-rules", 'R', "N", "budget of rules, 1 to 1048576 (default 65536)")                                      \
	X("verbose", 'v', NULL, "let DPDK tell what it does")                                                          \
	X("version", 'V', NULL, "print the version and exit")                                                          \
	X("help", 'h', NULL, "print this and exit")

static const struct option table[] = {
#define X(name, letter, argument, help) {name, (argument) != NULL, NULL, letter},
	OPTIONS(X)
#undef X
		{0},
};

static void print_help(void)
{
	puts("usage: sluice-fw [OPTION ...] [-- EAL-ARGUMENT ...]\n"
	     "\n"
	     "Runs the Sluice datapath firmware in the foreground until SIGINT, SIGTERM or SIGHUP.\n");
#define X(name, letter, argument, help)                                                                                \
	printf("  --%-11s %-5s %s\n", name, (argument) != NULL ? (const char *)(argument) : "", help);
	OPTIONS(X)
#undef X
	puts("\n"
	     "What stands behind -- goes to DPDK's EAL, such as: -- --no-huge -m 512, or: -- --lcores 0@2,1@3\n"
	     "example: sluice-fw --config sluice.json --runtime-dir /run/sluice\n"
	     "exit status: 0 stopped in order, 1 could not start or something leaked, 2 wrong usage, 3 bad policy");
}

static int parse_number(const char *name, const char *text, uint32_t least, uint32_t most, uint32_t *value)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && text[0] != '-' && number >= least && number <= most) {
		*value = (uint32_t)number;
		return 0;
	}
	fprintf(stderr, "sluice-fw: --%s '%s': expected a number from %u to %u, such as: --%s %u\n", name, text, least,
		most, name, least);
	return -EINVAL;
}

static int take(struct options *options, int letter)
{
	switch (letter) {
	case 'c':
		options->config = optarg;
		return 0;
	case 'r':
		options->runtime_dir = optarg;
		return 0;
	case 'w':
		return parse_number("workers", optarg, 1, IM_WORKERS_MAX - 1, &options->workers);
	case 'm':
		return parse_number("mbufs", optarg, 1024, 1 << 24, &options->mbufs);
	case 'R':
		return parse_number("max-rules", optarg, 1, SLUICE_POLICY_MAX_RULES, &options->max_rules);
	case 'v':
		options->verbose = true;
		return 0;
	default:
		return -EINVAL; /* getopt has said why */
	}
}

int options_parse(struct options *options, int argc, char **argv)
{
	int letter;

	*options = (struct options){
		.config = DEFAULT_CONFIG, .runtime_dir = SLUICE_RUNTIME_DIR, .mbufs = 32768, .max_rules = 65536};
	while ((letter = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (letter == 'h') {
			print_help();
			return 0;
		}
		if (letter == 'V') {
			puts("sluice-fw " SLUICE_VERSION);
			return 0;
		}
		if (take(options, letter) != 0) {
			fputs("sluice-fw: example: sluice-fw --config sluice.json --runtime-dir /run/sluice -- --no-huge; all options: sluice-fw --help\n",
			      stderr);
			return 2;
		}
	}
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0) {
		fprintf(stderr,
			"sluice-fw: unexpected argument '%s'; EAL arguments go behind --, such as: sluice-fw --config sluice.json -- --no-huge\n",
			argv[optind]);
		return 2;
	}
	options->eal_argc = argc - optind;
	options->eal_argv = argv + optind;
	return -1;
}
