/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/policy.h"
#include "im/worker.h"
#include "options.h"
#include "verify_options.h"

#define DEFAULT_CONFIG "/etc/sluice/sluice.json"

/* X(long name, letter, has_arg of getopt, argument, help) */
#define OPTIONS(X)                                                                                                     \
	X("config", 'c', required_argument, " FILE", "policy to boot with (default " DEFAULT_CONFIG ")")               \
	X("runtime-dir", 'r', required_argument, " DIR",                                                               \
	  "where clients meet the firmware (default " SLUICE_RUNTIME_DIR ")")                                          \
	X("bar", 'B', required_argument, " FILE",                                                                      \
	  "serve one more client in memory that is a PCI device's to its host")                                        \
	X("workers", 'w', required_argument, " N",                                                                     \
	  "worker threads, 1 to 16 (default: one a core, and no more than there are queues)")                          \
	X("mbufs", 'm', required_argument, " N", "packet buffers, 1024 to 16777216 (default 32768)")                   \
	X("max-rules", 'R', required_argument, " N", "budget of rules, 1 to 1048576 (default 65536)")                  \
	X("operator-group", 'O', required_argument, " GROUP", "whose members may do everything")                       \
	X("admin-group", 'H', required_argument, " GROUP", "whose members may look, and attach hosts")                 \
	X("tenant-group", 'T', required_argument, " GROUP", "whose members may look; nobody else may then")            \
	X("return-limit", 'L', required_argument, " MS",                                                               \
	  "how long the end waits for buffers that hosts have, 0 to 600000 (default 5000)")                            \
	X("verifier", 'F', optional_argument, "[=ACTION]", "watch that drivers keep the contract (see below)")         \
	X("verifier-schedule", 'S', required_argument, " WHEN", "when what the core hands on comes (see below)")       \
	X("verifier-seed", 'E', required_argument, " N", "of the random schedule (default 1)")                         \
	X("verifier-fail-call", 'C', required_argument, " N", "let the Nth core call that can fail do so")             \
	X("verifier-fail-allocation", 'A', required_argument, " N", "let the Nth allocation fail")                     \
	X("verbose", 'v', no_argument, "", "let DPDK tell what it does")                                               \
	X("version", 'V', no_argument, "", "print the version and exit")                                               \
	X("help", 'h', no_argument, "", "print this and exit")

static const struct option table[] = {
#define X(name, letter, has_argument, argument, help) {name, has_argument, NULL, letter},
	OPTIONS(X)
#undef X
		{0},
};

IM_INIT static void print_help(void)
{
	puts("usage: sluice-fw [OPTION ...] [-- EAL-ARGUMENT ...]\n"
	     "\n"
	     "Runs the Sluice datapath firmware in the foreground until SIGINT, SIGTERM or SIGHUP.\n");
#define X(name, letter, has_argument, argument, help) printf("  --%-29s %s\n", name argument, help);
	OPTIONS(X)
#undef X
	verify_help();
	puts("\n"
	     "What stands behind -- goes to DPDK's EAL, such as: -- --no-huge -m 512, or: -- --lcores 0@2,1@3\n"
	     "example: sluice-fw --config sluice.json --runtime-dir /run/sluice\n"
	     "exit status: 0 stopped in order, 1 could not start or something leaked, 2 wrong usage, 3 bad policy");
}

IM_INIT static int parse_number(const char *name, const char *text, uint32_t least, uint32_t most, uint32_t *value)
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

IM_INIT static int take_verify(struct im_verify_options *verify, int letter)
{
	uint32_t seed = 0;
	int result;

	switch (letter) {
	case 'F':
		return verify_action(optarg, &verify->action);
	case 'S':
		return verify_schedule(optarg, &verify->schedule);
	case 'E':
		result = parse_number("verifier-seed", optarg, 0, UINT32_MAX, &seed);
		verify->seed = seed;
		return result;
	case 'C':
		return parse_number("verifier-fail-call", optarg, 1, UINT32_MAX, &verify->fail_call);
	default:
		return parse_number("verifier-fail-allocation", optarg, 1, UINT32_MAX, &verify->fail_allocation);
	}
}

/* A name, or a number. */
IM_INIT static int take_group(const char *option, enum sluice_role role, struct role_groups *groups)
{
	const struct group *found = getgrnam(optarg);
	char *end = optarg;
	unsigned long number = optarg[0] >= '0' && optarg[0] <= '9' ? strtoul(optarg, &end, 10) : 0;

	if (found == NULL && (end == optarg || *end != '\0' || number >= UINT32_MAX)) {
		fprintf(stderr, "sluice-fw: --%s '%s': there is no such group; make one with: groupadd %s\n", option,
			optarg, optarg);
		return -EINVAL;
	}
	groups->given[role] = true;
	groups->group[role] = found != NULL ? found->gr_gid : (gid_t)number;
	return 0;
}

IM_INIT static int take(struct options *options, int letter)
{
	switch (letter) {
	case 'c':
		options->config = optarg;
		return 0;
	case 'r':
		options->runtime_dir = optarg;
		return 0;
	case 'B':
		options->bar = optarg;
		return 0;
	case 'w':
		return parse_number("workers", optarg, 1, IM_WORKERS_MAX - 1, &options->workers);
	case 'm':
		return parse_number("mbufs", optarg, 1024, 1 << 24, &options->mbufs);
	case 'R':
		return parse_number("max-rules", optarg, 1, SLUICE_POLICY_MAX_RULES, &options->max_rules);
	case 'O':
		return take_group("operator-group", SLUICE_ROLE_OPERATOR, &options->groups);
	case 'H':
		return take_group("admin-group", SLUICE_ROLE_HOST_ADMIN, &options->groups);
	case 'T':
		return take_group("tenant-group", SLUICE_ROLE_TENANT, &options->groups);
	case 'L':
		return parse_number("return-limit", optarg, 0, 600000, &options->return_limit_ms);
	case 'F':
	case 'S':
	case 'E':
	case 'C':
	case 'A':
		options->verifier = true;
		return take_verify(&options->verify, letter);
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

	*options = (struct options){.config = DEFAULT_CONFIG,
				    .runtime_dir = SLUICE_RUNTIME_DIR,
				    .mbufs = 32768,
				    .max_rules = 65536,
				    .return_limit_ms = 5000};
	options->verify = im_verify_defaults;
	options->verify.seed = 1;
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
