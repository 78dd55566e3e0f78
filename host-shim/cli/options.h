/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options. One table makes the parser, the help, the completion and the OPTIONS section of the man page.
 * Options may stand anywhere before "--"; everything else are words.
 */
#ifndef SLUICE_CLI_OPTIONS_H
#define SLUICE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_id {
	OPTION_RUNTIME_DIR,
	OPTION_JSON,
	OPTION_TIMEOUT,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_DRY_RUN,
	OPTION_EXPECT_GENERATION,
	OPTION_WATCH,
	OPTION_COUNT,
	OPTION_MAN,
	OPTION_UNINSTALL,
	OPTION_TOP,
	OPTION_BOTTOM,
	OPTION_ABOVE,
	OPTION_BELOW,
	OPTION_FOLLOW,
	OPTION_LEVEL,
	OPTION_REASON,
	OPTION_DEVICE,
	OPTION_BACKGROUND,
	OPTION_COUNT_OF_ALL,
};

#define OPTION_BIT(id) (1u << OPTION_##id)

/* Filled in by the parser. */
struct options {
	const char *runtime_dir; /* or `device` */
	char device[272];	 /* "pci:" and what --device says */
	bool json;
	bool help;
	bool version;
	bool dry_run;
	bool man;
	bool watch;
	bool uninstall;
	bool follow;
	bool background;
	const char *level; /* NULL: none is given */
	const char *reason;
	const char *neighbour; /* of --above and --below */
	uint32_t timeout_ms;
	uint64_t expect_generation; /* 0: any */
	double watch_s;
	uint64_t count; /* samples; 0: until interrupted */
	uint32_t given; /* OPTION_BITs */
};

struct option_spec {
	const char *name;	/* without the dashes */
	char letter;		/* or 0 */
	bool is_global;		/* else only with the commands that name it */
	bool argument_optional; /* it is taken where the next word is one */
	const char *argument;	/* NULL: takes none */
	const char *help;	/* a sentence without its full stop */
	const char *example;	/* of its argument; NULL where it takes none */
	/* Sets what the option says; value is NULL where none is given. false: not a value for it. */
	bool (*set)(struct options *options, const char *value);
};

/** By enum option_id. */
extern const struct option_spec option_specs[OPTION_COUNT_OF_ALL];

/** Defaults, and what the environment says. */
void options_init(struct options *options);

/** The option that @p word (with its dashes) names, up to a '='; NULL for none. */
const struct option_spec *options_find(const char *word);

/** Whether @p word is an option rather than a word ("-" is a word). */
bool options_is_option(const char *word);

/** The bit of @p spec in struct options.given and in a command's options. */
uint32_t options_bit(const struct option_spec *spec);

/**
 * Parses the options in @p argv[0..argc-1] and moves the other words to its start.
 *
 * @param[out] word_count how many those are
 * @param error           what is wrong, with an example
 * @return 0 or -EINVAL with @p error filled in
 */
int options_parse(struct options *options, int argc, char **argv, int *word_count, char *error, size_t error_size);

/** Whether "--json" stands among the options of @p argv, whatever else is wrong with them. */
bool options_want_json(int argc, char *const *argv);

/** "--name ARGUMENT" of @p spec as people read it; @p size of 64 is enough. */
void options_usage(const struct option_spec *spec, char *out, size_t size);

#endif
