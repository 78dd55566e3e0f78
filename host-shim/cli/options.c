/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include "abi/base.h"
#include "mailbox/client.h"
#include "number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNTIME_DIR_VARIABLE "SLUICE_RUNTIME_DIR"
#define TIMEOUT_MS	     10000u
#define MOST_SECONDS	     86400.0

/* Seconds, which may have decimals; more than nothing and at most a day. */
static bool parse_seconds(const char *text, double *seconds)
{
	char *end;

	if (text[0] < '.' || text[0] > '9' || strpbrk(text, "xXpPeE"))
		return false;
	*seconds = strtod(text, &end);
	return *end == '\0' && isfinite(*seconds) && *seconds >= 0.001 && *seconds <= MOST_SECONDS;
}

static bool set_device(struct options *options, const char *value)
{
	int length = snprintf(options->device, sizeof(options->device), SLUICE_DEVICE_PREFIX "%s", value);

	options->runtime_dir = options->device;
	return value[0] != '\0' && (size_t)length < sizeof(options->device);
}

static bool set_runtime_dir(struct options *options, const char *value)
{
	options->runtime_dir = value;
	return value[0] != '\0';
}

static bool set_json(struct options *options, const char *value)
{
	(void)value;
	options->json = true;
	return true;
}

static bool set_timeout(struct options *options, const char *value)
{
	double seconds;

	if (!parse_seconds(value, &seconds))
		return false;
	options->timeout_ms = (uint32_t)(seconds * 1000.0);
	return true;
}

static bool set_help(struct options *options, const char *value)
{
	(void)value;
	options->help = true;
	return true;
}

static bool set_version(struct options *options, const char *value)
{
	(void)value;
	options->version = true;
	return true;
}

static bool set_dry_run(struct options *options, const char *value)
{
	(void)value;
	options->dry_run = true;
	return true;
}

static bool set_expect_generation(struct options *options, const char *value)
{
	return number_parse(value, UINT64_MAX, &options->expect_generation) && options->expect_generation > 0;
}

static bool set_watch(struct options *options, const char *value)
{
	options->watch = true;
	return !value || parse_seconds(value, &options->watch_s);
}

static bool set_count(struct options *options, const char *value)
{
	options->watch = true;
	return number_parse(value, UINT64_MAX, &options->count) && options->count > 0;
}

static bool set_man(struct options *options, const char *value)
{
	(void)value;
	options->man = true;
	return true;
}

static bool set_uninstall(struct options *options, const char *value)
{
	(void)value;
	options->uninstall = true;
	return true;
}

static bool set_follow(struct options *options, const char *value)
{
	(void)value;
	options->follow = true;
	return true;
}

static bool set_background(struct options *options, const char *value)
{
	(void)value;
	options->background = true;
	return true;
}

static bool set_level(struct options *options, const char *value)
{
	options->level = value;
	return true;
}

static bool set_reason(struct options *options, const char *value)
{
	options->reason = value;
	return true;
}

/* That it was given says all. */
static bool set_end_of_stack(struct options *options, const char *value)
{
	(void)options, (void)value;
	return true;
}

static bool set_neighbour(struct options *options, const char *value)
{
	options->neighbour = value;
	return value[0] != '\0';
}

const struct option_spec option_specs[OPTION_COUNT_OF_ALL] = {
	[OPTION_RUNTIME_DIR] =
		{
			.name = "runtime-dir",
			.is_global = true,
			.argument = "DIR",
			.help = "Meet the firmware in DIR; default " SLUICE_RUNTIME_DIR
				", or what the environment variable " RUNTIME_DIR_VARIABLE " says",
			.example = "/run/sluice",
			.set = set_runtime_dir,
		},
	[OPTION_JSON] =
		{
			.name = "json",
			.is_global = true,
			.help = "Print JSON for programs, errors included",
			.set = set_json,
		},
	[OPTION_TIMEOUT] =
		{
			.name = "timeout",
			.is_global = true,
			.argument = "SECONDS",
			.help = "Wait at most SECONDS for each answer of the firmware, default 10, and where this is given also for "
				"the end of an operation",
			.example = "2.5",
			.set = set_timeout,
		},
	[OPTION_HELP] =
		{
			.name = "help",
			.letter = 'h',
			.is_global = true,
			.help = "Explain the command, or list all commands",
			.set = set_help,
		},
	[OPTION_VERSION] =
		{
			.name = "version",
			.is_global = true,
			.help = "Print the version of sluicectl",
			.set = set_version,
		},
	[OPTION_DRY_RUN] =
		{
			.name = "dry-run",
			.help = "Let the firmware check everything, and change nothing",
			.set = set_dry_run,
		},
	[OPTION_EXPECT_GENERATION] =
		{
			.name = "expect-generation",
			.argument = "N",
			.help = "Refuse unless the running policy is still generation N",
			.example = "7",
			.set = set_expect_generation,
		},
	[OPTION_WATCH] =
		{
			.name = "watch",
			.argument_optional = true,
			.argument = "SECONDS",
			.help = "Repeat every SECONDS (default 1) and show rates",
			.example = "2",
			.set = set_watch,
		},
	[OPTION_COUNT] =
		{
			.name = "count",
			.argument = "N",
			.help = "Stop after N samples; implies --watch",
			.example = "5",
			.set = set_count,
		},
	[OPTION_MAN] =
		{
			.name = "man",
			.help = "Print the parts of the man page that are made from the tables of commands and options",
			.set = set_man,
		},
	[OPTION_UNINSTALL] =
		{
			.name = "uninstall",
			.help = "Take the driver's instances out of their stacks first",
			.set = set_uninstall,
		},
	[OPTION_TOP] =
		{
			.name = "top",
			.help = "Put it next to the host; this is the default",
			.set = set_end_of_stack,
		},
	[OPTION_BOTTOM] =
		{
			.name = "bottom",
			.help = "Put it next to the wire",
			.set = set_end_of_stack,
		},
	[OPTION_ABOVE] =
		{
			.name = "above",
			.argument = "INSTANCE",
			.help = "Put it on the host's side of INSTANCE",
			.example = "fw",
			.set = set_neighbour,
		},
	[OPTION_BELOW] =
		{
			.name = "below",
			.argument = "INSTANCE",
			.help = "Put it on the wire's side of INSTANCE",
			.example = "fw",
			.set = set_neighbour,
		},
	[OPTION_FOLLOW] =
		{
			.name = "follow",
			.letter = 'f',
			.help = "Go on telling what happens, until interrupted",
			.set = set_follow,
		},
	[OPTION_LEVEL] =
		{
			.name = "level",
			.argument = "LEVEL",
			.help = "What is reset: datapath (the default) or device",
			.example = "device",
			.set = set_level,
		},
	[OPTION_REASON] =
		{
			.name = "reason",
			.argument = "TEXT",
			.help = "Why, in one line of at most 127 bytes",
			.example = "stuck-queue",
			.set = set_reason,
		},
	[OPTION_DEVICE] =
		{
			.name = "device",
			.is_global = true,
			.argument = "CARD",
			.help = "Meet the firmware of a card behind PCI, by its address or the directory of its resources",
			.example = "0000:01:00.0",
			.set = set_device,
		},
	[OPTION_BACKGROUND] =
		{
			.name = "background",
			.help = "Begin it, tell the id of its operation, and do not wait for its end",
			.set = set_background,
		},
};

void options_init(struct options *options)
{
	const char *directory = getenv(RUNTIME_DIR_VARIABLE);

	memset(options, 0, sizeof(*options));
	options->runtime_dir = directory && directory[0] ? directory : SLUICE_RUNTIME_DIR;
	options->timeout_ms = TIMEOUT_MS;
	options->watch_s = 1.0;
}

bool options_is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0' &&
	       !(word[1] >= '0' && word[1] <= '9'); /* -1 is a number, if a wrong one */
}

/* Whether @p word is "-letter" or "--name", up to a '='. */
static bool names(const char *word, const struct option_spec *spec)
{
	size_t length = strlen(spec->name);

	if (word[0] == '-' && word[1] == spec->letter && spec->letter)
		return word[2] == '\0' || word[2] == '=';
	if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, spec->name, length) != 0)
		return false;
	return word[length + 2] == '\0' || word[length + 2] == '=';
}

const struct option_spec *options_find(const char *word)
{
	for (size_t i = 0; i < OPTION_COUNT_OF_ALL; i++)
		if (names(word, &option_specs[i]))
			return &option_specs[i];
	return NULL;
}

uint32_t options_bit(const struct option_spec *spec)
{
	return 1u << (spec - option_specs);
}

void options_usage(const struct option_spec *spec, char *out, size_t size)
{
	const char *open = spec->argument_optional ? " [" : " ";
	const char *close = spec->argument_optional ? "]" : "";
	char letter[8] = "";

	if (spec->letter)
		snprintf(letter, sizeof(letter), "-%c, ", spec->letter);
	snprintf(out, size, "%s--%s%s%s%s", letter, spec->name, spec->argument ? open : "",
		 spec->argument ? spec->argument : "", spec->argument ? close : "");
}

/* Whether the option takes @p next, which may be NULL, as its argument. */
static bool takes(const struct option_spec *spec, const char *next)
{
	double seconds;

	if (!spec->argument || !next)
		return false;
	return !spec->argument_optional || parse_seconds(next, &seconds);
}

static int set_option(struct options *options, const struct option_spec *spec, const char *value, char *error,
		      size_t error_size)
{
	if (value && !spec->argument)
		snprintf(error, error_size, "--%s takes no argument", spec->name);
	else if (!value && spec->argument && !spec->argument_optional)
		snprintf(error, error_size, "--%s needs %s, as in --%s %s", spec->name, spec->argument, spec->name,
			 spec->example);
	else if (!spec->set(options, value))
		snprintf(error, error_size, "--%s: \"%s\" is not %s, as in --%s %s", spec->name, value, spec->argument,
			 spec->name, spec->example);
	else
		return 0;
	return -EINVAL;
}

/* The option at @p argv[0]. @return how many words it took, or -EINVAL. */
static int parse_one(struct options *options, int argc, char **argv, char *error, size_t error_size)
{
	const struct option_spec *spec = options_find(argv[0]);
	const char *equals = strchr(argv[0], '=');
	const char *next = argc > 1 ? argv[1] : NULL;
	bool separate = !equals && spec && takes(spec, next);
	const char *value = equals ? equals + 1 : (separate ? next : NULL);

	if (!spec) {
		snprintf(error, error_size, "unknown option %.*s", (int)strcspn(argv[0], "="), argv[0]);
		return -EINVAL;
	}
	options->given |= options_bit(spec);
	if (set_option(options, spec, value, error, error_size) < 0)
		return -EINVAL;
	return separate ? 2 : 1;
}

int options_parse(struct options *options, int argc, char **argv, int *word_count, char *error, size_t error_size)
{
	bool only_words = false;
	int words = 0;

	for (int i = 0; i < argc;) {
		int taken;

		if (only_words || !options_is_option(argv[i])) {
			argv[words++] = argv[i++];
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			only_words = true;
			i++;
			continue;
		}
		taken = parse_one(options, argc - i, argv + i, error, error_size);
		if (taken < 0)
			return taken;
		i += taken;
	}
	*word_count = words;
	return 0;
}

bool options_want_json(int argc, char *const *argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}
