/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long commands over the mailbox take: INFO, which only asks, and one rule after the other added to a filter.
 *
 *     mailbox_calls RUNTIME-DIR COMMANDS RULES
 *
 * Prints the microseconds of each kind, from call to return: {"command": {"p50": ..., "p99": ...}, "rule": {...},
 * "rules-per-second": ...}
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/filter.h"
#include "mailbox/client.h"

static void fail(const char *what)
{
	fprintf(stderr, "mailbox_calls: %s\n", what);
	exit(1);
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *one, const void *other)
{
	double left = *(const double *)one, right = *(const double *)other;

	return (left > right) - (left < right);
}

static void tell(const char *name, double *times, unsigned count)
{
	qsort(times, count, sizeof(*times), compare);
	printf("\"%s\": {\"p50\": %.1f, \"p99\": %.1f}", name, times[count / 2], times[count * 99 / 100]);
}

static struct sluice_reply call(struct sluice_client *client, uint16_t opcode, uint64_t arg0, uint64_t arg1,
				const void *in, uint32_t in_length, void *out, uint32_t capacity)
{
	struct sluice_reply reply;

	if (sluice_call(client, opcode, arg0, arg1, in, in_length, out, capacity, &reply) != 0)
		fail(sluice_last_fault(client)->text);
	if (reply.status != SLUICE_STATUS_OK)
		fail("a command was refused");
	return reply;
}

static void ask(struct sluice_client *client)
{
	struct sluice_info info;

	call(client, SLUICE_OP_INFO, 0, 0, NULL, 0, &info, sizeof(info));
}

/* Each of them is one change of the policy, in force when the call returns. */
static void add_rule(struct sluice_client *client, uint64_t filter, unsigned number)
{
	struct sluice_rule_command command = {
		.rule = {.priority = number,
			 .fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_SRC_ADDR,
			 .family = 4,
			 .src_prefix = 32},
	};
	struct sluice_filter_answer answer;
	uint32_t address = htonl(0x0a000000 + number);

	snprintf(command.rule.name, sizeof(command.rule.name), "r%u", number);
	memcpy(command.rule.src_addr, &address, sizeof(address));
	call(client, SLUICE_OP_DEVICE_CALL, filter, SLUICE_FILTER_ADD, &command, sizeof(command), &answer,
	     sizeof(answer));
}

int main(int argc, char **argv)
{
	const char device[SLUICE_NAME_SIZE] = SLUICE_FILTER_DEVICE;
	unsigned commands = argc > 3 ? (unsigned)atoi(argv[2]) : 0, rules = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
	double *times = calloc(commands + rules + 1, sizeof(*times)), begun;
	struct sluice_client *client;
	struct sluice_fault fault;
	uint64_t filter;

	if (commands == 0 || rules == 0 || times == NULL) {
		fputs("usage: mailbox_calls RUNTIME-DIR COMMANDS RULES; example: mailbox_calls /run/sluice 10000 1000\n",
		      stderr);
		return 2;
	}
	client = sluice_open(argv[1], &fault);
	if (client == NULL)
		fail(fault.text);
	for (unsigned i = 0; i < commands; i++) {
		begun = now_us();
		ask(client);
		times[i] = now_us() - begun;
	}
	printf("{");
	tell("command", times, commands);
	filter = call(client, SLUICE_OP_DEVICE_OPEN, 0, 0, device, sizeof(device), NULL, 0).result;
	for (unsigned i = 0; i < rules; i++) {
		begun = now_us();
		add_rule(client, filter, i);
		times[commands + i] = now_us() - begun;
	}
	begun = 0;
	for (unsigned i = 0; i < rules; i++)
		begun += times[commands + i];
	printf(", ");
	tell("rule", times + commands, rules);
	printf(", \"rules-per-second\": %.0f}\n", rules / begun * 1e6);
	free(times);
	sluice_close(client);
	return 0;
}
