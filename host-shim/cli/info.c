/* SPDX-License-Identifier: BSD-3-Clause */
/* The card as a whole: the firmware and its workers. */
#include "format.h"
#include "handlers.h"

#include <stdlib.h>

/* struct sluice_info *r */
#define INFO_TABLE(X)                                                                                                  \
	X("version", TEXT, table_name(t, r->version, sizeof(r->version)))                                              \
	X("dpdk-version", TEXT, table_name(t, r->dpdk_version, sizeof(r->dpdk_version)))                               \
	X("status", TEXT, table_text(t, device_status(session)))                                                       \
	X("role", TEXT, table_text(t, role_word(session)))                                                             \
	X("pid", NUMBER, table_number(t, r->pid))                                                                      \
	X("uptime-seconds", DURATION, table_real(t, (double)r->uptime_ms / 1000.0))                                    \
	X("boot-id", TEXT, table_text(t, boot_id))                                                                     \
	X("generation", NUMBER, table_number(t, r->policy_generation))                                                 \
	X("workers", NUMBER, table_number(t, r->workers))                                                              \
	X("clients", NUMBER, table_number(t, r->clients))                                                              \
	X("rules", NUMBER, table_number(t, r->rules))                                                                  \
	X("rule-budget", NUMBER, table_number(t, r->rule_budget))                                                      \
	X("mbufs", NUMBER, table_number(t, r->mbufs))                                                                  \
	X("mbufs-free", NUMBER, table_number(t, r->mbufs_free))                                                        \
	X("packets", NUMBER, table_number(t, r->packets))                                                              \
	X("packets-free", NUMBER, table_number(t, r->packets_free))                                                    \
	X("hugepages", BOOL, table_bool(t, r->hugepages))                                                              \
	X("changes-applied", NUMBER, table_number(t, r->changes_applied))                                              \
	X("changes-rejected", NUMBER, table_number(t, r->changes_rejected))                                            \
	X("blocks-retired", NUMBER, table_number(t, r->blocks_retired))                                                \
	X("blocks-waiting", NUMBER, table_number(t, r->blocks_waiting))                                                \
	X("commands", NUMBER, table_number(t, r->commands))                                                            \
	X("bad-commands", NUMBER, table_number(t, r->bad_commands))                                                    \
	X("uploads", NUMBER, table_number(t, r->uploads))                                                              \
	X("uploads-refused", NUMBER, table_number(t, r->uploads_refused))                                              \
	X("uploads-expired", NUMBER, table_number(t, r->uploads_expired))                                              \
	X("operations-refused", NUMBER, table_number(t, r->operations_refused))                                        \
	X("tsc-hz", NUMBER, table_number(t, r->tsc_hz))

static const struct table_column info_columns[] = {INFO_TABLE(TABLE_AS_COLUMN)};

static const char *device_status(const struct session *session)
{
	switch (sluice_info(session->client)->device_status) {
	case SLUICE_DEVICE_BOOTING:
		return "booting";
	case SLUICE_DEVICE_RUNNING:
		return "running";
	case SLUICE_DEVICE_DRAINING:
		return "draining";
	case SLUICE_DEVICE_DEAD:
		return "dead";
	default:
		return NULL;
	}
}

static const char *role_word(const struct session *session)
{
	switch (sluice_role(session->client)) {
	case SLUICE_ROLE_TENANT:
		return "tenant";
	case SLUICE_ROLE_HOST_ADMIN:
		return "host-admin";
	case SLUICE_ROLE_OPERATOR:
		return "operator";
	default:
		return NULL;
	}
}

static struct table *info_table(const struct session *session, const struct sluice_info *r)
{
	struct table *t = table_new_record("info", TABLE_COLUMNS(info_columns));
	char boot_id[24];

	/* Random in all 64 bits: readers of JSON would round it if it were a number. */
	snprintf(boot_id, sizeof(boot_id), "0x%016llx", (unsigned long long)r->boot_id);
	table_row(t);
	INFO_TABLE(TABLE_AS_CELL)
	return t;
}

int run_info(struct session *session)
{
	struct sluice_info info = {0};
	const struct request request = {.opcode = SLUICE_OP_INFO, .out = &info, .out_capacity = sizeof(info)};
	struct sluice_reply reply;
	struct sluice_fault fault;

	if (session_call(session, &request, &reply, &fault))
		return session_fault(session, &fault, NULL, NULL);
	if (reply.out_length < SLUICE_INFO_LEAST)
		return session_fail(session, EXIT_REFUSED, NULL, "the firmware's answer has %u bytes instead of %u",
				    reply.out_length, SLUICE_INFO_LEAST);
	return session_print(session, info_table(session, &info));
}

/* struct sluice_worker_record *r */
#define WORKER_TABLE(X)                                                                                                \
	X("worker", NUMBER, table_number(t, r->worker))                                                                \
	X("lcore", NUMBER, table_number(t, r->lcore))                                                                  \
	X("cpu", NUMBER, table_number(t, r->cpu))                                                                      \
	X("lanes", NUMBER, table_number(t, r->lanes))                                                                  \
	X("polls", NUMBER, table_number(t, r->polls))                                                                  \
	X("busy-percent", PERCENT, table_real(t, format_share(r->busy_cycles, r->idle_cycles)))                        \
	X("busy-cycles", NUMBER, table_number(t, r->busy_cycles))                                                      \
	X("idle-cycles", NUMBER, table_number(t, r->idle_cycles))                                                      \
	X("rx-packets", NUMBER, table_number(t, r->rx_packets))                                                        \
	X("tx-packets", NUMBER, table_number(t, r->tx_packets))                                                        \
	X("bursts", NUMBER, table_number(t, r->bursts))                                                                \
	X("generation", NUMBER, table_number(t, r->generation_seen))

static const struct table_column worker_columns[] = {WORKER_TABLE(TABLE_AS_COLUMN)};

int run_worker_list(struct session *session)
{
	const struct sluice_worker_record *r;
	struct records records;
	int code = session_list(session, SLUICE_OP_WORKER_LIST, SESSION_NO_NAME, sizeof(*r), &records);
	struct table *t;

	if (code)
		return code;
	t = table_new("workers", TABLE_COLUMNS(worker_columns));
	r = records.data;
	for (uint32_t i = 0; i < records.count; i++, r++) {
		table_row(t);
		WORKER_TABLE(TABLE_AS_CELL)
	}
	free(records.data);
	return session_print(session, t);
}
