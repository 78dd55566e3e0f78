/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/data.h"
#include "log.h"
#include "mailbox/client.h"

#define EXAMPLE "sluice-shim --port host0 --name sluice0"

/* X(long name, letter, has_arg of getopt, argument, help) */
#define OPTIONS(X)                                                                                                     \
	X("port", 'p', required_argument, " PORT", "port of the card to present; it must be given")                    \
	X("runtime-dir", 'r', required_argument, " DIR",                                                               \
	  "where clients meet the firmware (default " SLUICE_RUNTIME_DIR ")")                                          \
	X("device", 'd', required_argument, " CARD",                                                                   \
	  "a card behind PCI in its place: address, or directory of its resources")                                    \
	X("name", 'n', required_argument, " NAME", "of the network device (default sluice0)")                          \
	X("queues", 'q', required_argument, " N", "queue pairs, 1 to 16 (default 1)")                                  \
	X("entries", 'e', required_argument, " N", "of each ring, a power of two, 64 to 4096 (default 1024)")          \
	X("offloads", 'o', required_argument, " LIST",                                                                 \
	  "what the kernel may leave to the card, or none (default: all)")                                             \
	X("persist", 'P', no_argument, "", "the device outlives this program, with its addresses")                     \
	X("version", 'V', no_argument, "", "print the version and exit")                                               \
	X("help", 'h', no_argument, "", "print this and exit")

static const struct option table[] = {
#define X(name, letter, has_argument, argument, help) {name, has_argument, NULL, letter},
	OPTIONS(X)
#undef X
		{0},
};

static const struct {
	const char *word;
	unsigned flag;
	const char *text;
} offloads[] = {
#define X(word, flag, text) {word, flag, text},
	OFFLOAD_TABLE(X)
#undef X
};

#define OFFLOADS (sizeof(offloads) / sizeof(offloads[0]))

static void print_help(void)
{
	puts("usage: sluice-shim --port PORT [OPTION ...]\n"
	     "\n"
	     "Presents a port of the card as a network device of the kernel, in the foreground, until SIGINT, SIGTERM or\n"
	     "SIGHUP.\n");
#define X(name, letter, has_argument, argument, help) printf("  --%-19s %s\n", name argument, help);
	OPTIONS(X)
#undef X
	puts("\n"
	     "LIST is words with commas between them:");
	for (unsigned i = 0; i < OFFLOADS; i++)
		printf("  %-21s %s\n", offloads[i].word, offloads[i].text);
	puts("\n"
	     "example: " EXAMPLE "\n"
	     "exit status: 0 stopped in order, 1 could not start or the device was deleted, 2 wrong usage");
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
	say("--%s '%s': expected a number from %u to %u, such as: --%s %u", name, text, least, most, name, least);
	return -EINVAL;
}

static int parse_entries(const char *text, uint32_t *value)
{
	if (parse_number("entries", text, SLUICE_DATA_ENTRIES_MIN, SLUICE_DATA_ENTRIES_MAX, value) != 0)
		return -EINVAL;
	if ((*value & (*value - 1)) == 0)
		return 0;
	say("--entries '%s': expected a power of two, such as: --entries 1024", text);
	return -EINVAL;
}

static int parse_port(const char *text, const char **value)
{
	if (text[0] == '\0' || strlen(text) >= SLUICE_NAME_SIZE) {
		say("--port '%s': expected a name of 1 to %u characters, such as: --port host0", text,
		    SLUICE_NAME_SIZE - 1);
		return -EINVAL;
	}
	*value = text;
	return 0;
}

/* What the kernel takes as the name of a device. */
static int parse_name(const char *text, const char **value)
{
	bool good = text[0] != '\0' && strlen(text) < IFNAMSIZ && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;

	for (const char *at = text; *at != '\0'; at++)
		good &= *at > ' ' && *at < 0x7f && strchr("/:%", *at) == NULL;
	if (good) {
		*value = text;
		return 0;
	}
	say("--name '%s': expected 1 to %d characters without spaces and / : %%, such as: --name sluice0", text,
	    IFNAMSIZ - 1);
	return -EINVAL;
}

static unsigned find_offload(const char *word, size_t length)
{
	for (unsigned i = 0; i < OFFLOADS; i++) {
		if (strlen(offloads[i].word) == length && memcmp(offloads[i].word, word, length) == 0)
			return offloads[i].flag;
	}
	return 0;
}

static void set_offloads(struct options *options, unsigned flags)
{
	options->offloads = flags & ~OFFLOAD_GRO;
	options->large_receives = (flags & OFFLOAD_GRO) != 0;
}

/* Those of what is sent need each other. */
static bool is_whole(unsigned flags)
{
	flags &= ~OFFLOAD_GRO;
	return flags == 0 || ((flags & TUN_F_CSUM) != 0 &&
			      ((flags & TUN_F_TSO_ECN) == 0 || (flags & (TUN_F_TSO4 | TUN_F_TSO6)) != 0));
}

static int parse_offloads(const char *text, struct options *options)
{
	unsigned flags = 0;

	if (strcmp(text, "none") == 0) {
		set_offloads(options, 0);
		return 0;
	}
	for (const char *word = text;; word++) {
		size_t length = strcspn(word, ",");
		unsigned flag = find_offload(word, length);

		if (flag == 0) {
			say("--offloads '%s': expected none, or words out of csum,tso4,tso6,ecn,gro, such as: --offloads csum,tso4",
			    text);
			return -EINVAL;
		}
		flags |= flag;
		word += length;
		if (*word == '\0')
			break;
	}
	if (!is_whole(flags)) {
		say("--offloads '%s': segments need csum, ecn needs tso4 or tso6, such as: --offloads csum,tso4,ecn",
		    text);
		return -EINVAL;
	}
	set_offloads(options, flags);
	return 0;
}

static int take_device(struct options *options, const char *text)
{
	int length = snprintf(options->device, sizeof(options->device), SLUICE_DEVICE_PREFIX "%s", text);

	options->runtime_dir = options->device;
	if (text[0] != '\0' && (size_t)length < sizeof(options->device))
		return 0;
	say("--device '%.100s': expected a PCI address or a directory, such as: --device 0000:01:00.0", text);
	return -EINVAL;
}

static int take(struct options *options, int letter)
{
	switch (letter) {
	case 'p':
		return parse_port(optarg, &options->port);
	case 'r':
		options->runtime_dir = optarg;
		return 0;
	case 'd':
		return take_device(options, optarg);
	case 'n':
		return parse_name(optarg, &options->name);
	case 'q':
		return parse_number("queues", optarg, 1, SLUICE_DATA_QUEUES_MAX, &options->queues);
	case 'e':
		return parse_entries(optarg, &options->entries);
	case 'o':
		return parse_offloads(optarg, options);
	case 'P':
		options->persist = true;
		return 0;
	default:
		return -EINVAL; /* getopt has said why */
	}
}

static int wrong(void)
{
	say("example: " EXAMPLE "; all options: sluice-shim --help");
	return 2;
}

int options_parse(struct options *options, int argc, char **argv)
{
	int letter;

	*options = (struct options){
		.runtime_dir = SLUICE_RUNTIME_DIR,
		.name = "sluice0",
		.queues = 1,
		.entries = 1024,
	};
#define X(word, flag, text) | flag
	set_offloads(options, 0 OFFLOAD_TABLE(X));
#undef X
	while ((letter = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (letter == 'h') {
			print_help();
			return 0;
		}
		if (letter == 'V') {
			puts("sluice-shim " SLUICE_VERSION);
			return 0;
		}
		if (take(options, letter) != 0)
			return wrong();
	}
	if (optind < argc) {
		say("unexpected argument '%s'", argv[optind]);
		return wrong();
	}
	if (options->port == NULL) {
		say("which port? --port is missing");
		return wrong();
	}
	return -1;
}
