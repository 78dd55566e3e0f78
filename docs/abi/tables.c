/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints docs/abi.md from the tables that the code is made of. A test compares. */
#include <stdbool.h>
#include <stdio.h>

#include "abi/bar.h"
#include "abi/data.h"
#include "abi/drop.h"
#include "abi/event.h"
#include "abi/filter.h"
#include "abi/health.h"
#include "abi/im_status.h"
#include "abi/mailbox.h"
#include "abi/oid.h"
#include "abi/opcode.h"
#include "abi/status.h"

static void print_introduction(void)
{
	puts("# The wire format between host and card\n"
	     "\n"
	     "Made from `host-shim/abi/*.h` by `docs/abi/tables.c`; the headers say more. Everything is little-endian and naturally\n"
	     "aligned. Reserved members are zero, and anything else is refused.\n");
	printf("ABI version %u.%u. Socket: `%s` in the runtime directory (default `%s`), UNIX SEQPACKET.\n",
	       SLUICE_ABI_MAJOR, SLUICE_ABI_MINOR, SLUICE_SOCKET_NAME, SLUICE_RUNTIME_DIR);
}

#define X(...) +1
static_assert((0 SLUICE_MINOR_TABLE(X)) == SLUICE_ABI_MINOR + 1,
	      "each minor version has its row, the last is this one");
enum { COMMANDS = 0 SLUICE_OPCODE_TABLE(X), STATUSES = 0 SLUICE_STATUS_TABLE(X), EVENTS = 0 SLUICE_EVENT_TABLE(X) };
#undef X

static const struct minor {
	unsigned minor, commands, statuses, events;
	const char *text;
} minors[] = {
#define X(minor, commands, statuses, events, text) {minor, commands, statuses, events, text},
	SLUICE_MINOR_TABLE(X)
#undef X
};

/* What is added without a word about it in the table of versions has no number there. False: it differs. */
static bool print_versions(void)
{
	const struct minor *last = &minors[SLUICE_ABI_MINOR];

	puts("\n## Versions\n\n"
	     "Two sides of different majors do not talk. Of two with different minors the newer one does without what the older\n"
	     "one does not know, and says so where it was asked for (`abi/base.h`).\n\n"
	     "| version | commands | statuses | events | added |\n|---|---|---|---|---|");
	for (size_t i = 0; i <= SLUICE_ABI_MINOR; i++)
		printf("| %u.%u | %u | %u | %u | %s |\n", SLUICE_ABI_MAJOR, minors[i].minor, minors[i].commands,
		       minors[i].statuses, minors[i].events, minors[i].text);
	if (last->commands == COMMANDS && last->statuses == STATUSES && last->events == EVENTS)
		return true;
	fprintf(stderr,
		"abi-tables: there are %u commands, %u statuses and %u events: SLUICE_MINOR_TABLE says otherwise\n",
		(unsigned)COMMANDS, (unsigned)STATUSES, (unsigned)EVENTS);
	return false;
}

static void print_regions(void)
{
	puts("\n## Descriptors of a WELCOME, in this order\n\n| name | bytes | writer |\n|---|---|---|");
#define X(name, bytes, writer) printf("| %s | %u | %s |\n", #name, (unsigned)(bytes), #writer);
	SLUICE_FD_TABLE(X)
#undef X
}

static void print_features(void)
{
	puts("\n## Features of HELLO and WELCOME\n\n| feature | bit | meaning |\n|---|---|---|");
#define X(name, bit, text) printf("| %s | 0x%x | %s |\n", #name, (unsigned)(bit), text);
	SLUICE_FEATURE_TABLE(X)
#undef X
}

static void print_capabilities(void)
{
	puts("\n## Capabilities in the INFO region\n\n| capability | id | version | offset | bytes |\n|---|---|---|---|---|");
#define X(name, id, version, first, last)                                                                              \
	printf("| %s | %d | %d | %zu | %zu |\n", #name, id, version, offsetof(struct sluice_info_region, first),       \
	       offsetof(struct sluice_info_region, last) + sizeof(((struct sluice_info_region *)0)->last) -            \
		       offsetof(struct sluice_info_region, first));
	SLUICE_CAPABILITY_TABLE(X)
#undef X
}

static void print_events(void)
{
	printf("\n## Events (`abi/event.h`)\n\nThe card keeps the last %u.\n\n"
	       "| event | number | word | subject | value |\n|---|---|---|---|---|\n",
	       SLUICE_EVENT_LOG);
#define X(name, number, word, subject, value)                                                                          \
	printf("| %s | %d | %s | %s | %s |\n", #name, number, word, subject, value);
	SLUICE_EVENT_TABLE(X)
#undef X
}

static void print_health(void)
{
	puts("\n## Health (`abi/health.h`), in the INFO region\n\n| reporter | number | word | what it is about |\n|---|---|---|---|");
#define X(name, number, word, text) printf("| %s | %d | %s | %s |\n", #name, number, word, text);
	SLUICE_REPORTER_TABLE(X)
#undef X
	puts("\n| state | number | word | meaning |\n|---|---|---|---|");
#define X(name, number, word, text) printf("| %s | %d | %s | %s |\n", #name, number, word, text);
	SLUICE_HEALTH_STATE_TABLE(X)
#undef X
	puts("\n| syndrome | number | word | meaning |\n|---|---|---|---|");
#define X(name, number, word, text) printf("| %s | %d | %s | %s |\n", #name, number, word, text);
	SLUICE_SYNDROME_TABLE(X)
#undef X
}

static void print_data_rings(void)
{
	puts("\n## Data rings (`abi/data.h`)\n\n"
	     "A HELLO that names a port gets these descriptors behind those above, and one signal for each queue pair behind\n"
	     "them.\n\n| name | writer | bytes with 1 pair of 64 | bytes with 16 pairs of 4096 |\n|---|---|---|---|");
	printf("| CARD_DATA | CARD | %llu | %llu |\n", (unsigned long long)sluice_card_data_size(1, 64),
	       (unsigned long long)sluice_card_data_size(SLUICE_DATA_QUEUES_MAX, SLUICE_DATA_ENTRIES_MAX));
	printf("| HOST_DATA | HOST | %llu | %llu |\n", (unsigned long long)sluice_host_data_size(1, 64),
	       (unsigned long long)sluice_host_data_size(SLUICE_DATA_QUEUES_MAX, SLUICE_DATA_ENTRIES_MAX));
	printf("\nA queue pair has %u to %u entries, a power of two; a buffer %u bytes; a frame at most %u buffers and %u bytes.\n"
	       "One frame may ask to be cut into %u segments.\n",
	       SLUICE_DATA_ENTRIES_MIN, SLUICE_DATA_ENTRIES_MAX, SLUICE_DATA_BUFFER, SLUICE_DATA_CHAIN_MAX,
	       SLUICE_DATA_FRAME_MAX, SLUICE_DATA_SEGS_MAX);
	puts("\n| flag of a descriptor | bit | meaning |\n|---|---|---|");
#define X(name, bit, text) printf("| %s | 0x%04x | %s |\n", #name, (unsigned)(bit), text);
	SLUICE_DESC_TABLE(X)
#undef X
	puts("\n| what a host broke | number | word | meaning |\n|---|---|---|---|");
#define X(name, number, word, text) printf("| %s | %d | %s | %s |\n", #name, number, word, text);
	SLUICE_RING_FAULT_TABLE(X)
#undef X
}

static void print_bar(void)
{
	puts("\n## Regions in the BARs of a PCI device (`abi/bar.h`)\n\n"
	     "In place of a socket: the first BAR begins with `struct sluice_bar`, whose table says where these are.\n\n"
	     "| vendor | device | first BAR | what it is |\n|---|---|---|---|");
#define X(vendor, device, bar, text) printf("| 0x%04x | 0x%04x | %d | %s |\n", vendor, device, bar, text);
	SLUICE_BAR_DEVICE_TABLE(X)
#undef X
	puts("\n| region | id | writer |\n|---|---|---|");
#define X(name, id, writer) printf("| %s | %d | %s |\n", #name, id, #writer);
	SLUICE_BAR_REGION_TABLE(X)
#undef X
}

static void print_records(void)
{
	puts("\n## Records\n\n| record | bytes |\n|---|---|");
#define X(type) printf("| `struct %s` | %zu |\n", #type, sizeof(struct type));
	X(sluice_hello)
	X(sluice_welcome)
	X(sluice_info_region)
	X(sluice_capability)
	X(sluice_doorbell)
	X(sluice_command)
	X(sluice_completion)
	X(sluice_event)
	X(sluice_health)
	X(sluice_reporter)
	X(sluice_policy_header)
	X(sluice_port)
	X(sluice_stack)
	X(sluice_instance)
	X(sluice_rule)
	X(sluice_list)
	X(sluice_info)
	X(sluice_upload_record)
	X(sluice_port_record)
	X(sluice_driver_record)
	X(sluice_stack_record)
	X(sluice_worker_record)
	X(sluice_rule_record)
	X(sluice_drop_record)
	X(sluice_rule_command)
	X(sluice_oid_command)
	X(sluice_oid_record)
	X(sluice_device_record)
	X(sluice_stack_command)
	X(sluice_change_answer)
	X(sluice_reset_command)
	X(sluice_operation_record)
	X(sluice_filter_answer)
	X(sluice_desc)
	X(sluice_frame_meta)
	X(sluice_card_line)
	X(sluice_host_line)
	X(sluice_bar)
	X(sluice_bar_region)
	X(sluice_bar_host)
#undef X
}

static void print_grown(void)
{
	puts("\n## Records of lists that have grown\n\nA host whose HELLO has an older minor gets them as they were.\n\n"
	     "| list | since minor | bytes before | bytes now |\n|---|---|---|---|");
#define X(name, record, grown, before) printf("| %s | %d | %d | %zu |\n", #name, grown, before, sizeof(record));
	SLUICE_GROWN_TABLE(X)
#undef X
}

static void print_opcodes(void)
{
	puts("\n## Commands\n\n| command | opcode | payload, bytes | least role |\n|---|---|---|---|");
#define X(name, number, least, most, role)                                                                             \
	printf("| %s | 0x%02x | %zu to %zu | %s |\n", #name, number, (size_t)(least), (size_t)(most), #role);
	SLUICE_OPCODE_TABLE(X)
#undef X
}

static bool can_be_operation(uint16_t opcode)
{
	static const uint16_t table[] = {
#define X(name, builds) SLUICE_OP_##name,
		SLUICE_OPERATION_TABLE(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i] == opcode)
			return true;
	return false;
}

static void print_flags(void)
{
	puts("\n## Flags of a command\n\n| flag | bit | meaning |\n|---|---|---|");
#define X(name, bit, text) printf("| %s | 0x%x | %s |\n", #name, (unsigned)(bit), text);
	SLUICE_FLAG_TABLE(X)
#undef X
	printf("\nCommands that take OPERATION:");
#define X(name, number, least, most, role)                                                                             \
	if (can_be_operation(number))                                                                                  \
		printf(" %s", #name);
	SLUICE_OPCODE_TABLE(X)
#undef X
	printf(".\nOPERATION_CANCEL ends those that have not begun, and until what they build is in force:");
#define X(name, builds)                                                                                                \
	if (builds)                                                                                                    \
		printf(" %s", #name);
	SLUICE_OPERATION_TABLE(X)
#undef X
	puts(".");
}

static void print_filter_calls(void)
{
	puts("\n## Calls of the control device `" SLUICE_FILTER_DEVICE
	     "` (`abi/filter.h`)\n\n| call | code | what it does |\n|---|---|---|");
#define X(name, number, text) printf("| %s | %d | %s |\n", #name, number, text);
	SLUICE_FILTER_TABLE(X)
#undef X
}

static void print_places(void)
{
	puts("\n## Places in a stack (STACK_INSERT)\n\n| place | number | meaning |\n|---|---|---|");
#define X(name, number, text) printf("| %s | %d | %s |\n", #name, number, text);
	SLUICE_PLACE_TABLE(X)
#undef X
}

static void print_statuses(void)
{
	puts("\n## Status of a command\n\n| status | number | class | retry | meaning |\n|---|---|---|---|---|");
#define X(name, number, class, dnr, text)                                                                              \
	printf("| %s | %d | %s | %s | %s |\n", #name, number, #class, (dnr) ? "never" : "may help", text);
	SLUICE_STATUS_TABLE(X)
#undef X
}

static void print_drops(void)
{
	puts("\n## Why a packet was dropped\n\n| reason | number | family | meaning |\n|---|---|---|---|");
#define X(name, number, family, metric, text) printf("| %s | %d | %s | %s |\n", metric, number, #family, text);
	SLUICE_DROP_TABLE(X)
#undef X
}

static void print_oids(void)
{
	puts("\n## OIDs\n\n| OID | number | type | access | meaning |\n|---|---|---|---|---|");
#define X(name, number, type, settable, text)                                                                          \
	printf("| %s | 0x%08x | %s | %s | %s |\n", #name, number, #type, (settable) ? "rw" : "ro", text);
	SLUICE_OID_TABLE(X)
#undef X
}

static void print_im_statuses(void)
{
	puts("\n## Status of a request or a packet (`IM_STATUS_*`)\n\n| status | number | meaning |\n|---|---|---|");
#define X(name, number, text) printf("| %s | %d | %s |\n", #name, number, text);
	IM_STATUS_TABLE(X)
#undef X
}

int main(void)
{
	print_introduction();
	if (!print_versions())
		return 1;
	print_regions();
	print_features();
	print_capabilities();
	print_events();
	print_health();
	print_data_rings();
	print_bar();
	print_records();
	print_grown();
	print_opcodes();
	print_flags();
	print_filter_calls();
	print_places();
	print_statuses();
	print_drops();
	print_oids();
	print_im_statuses();
	return 0;
}
