/* SPDX-License-Identifier: BSD-3-Clause */
/* The card and what runs on it, under the names that devlink dev info has for it. */
#include "handlers.h"

#include <stdlib.h>

struct device_info {
	struct sluice_info info;
	uint32_t ports;
	char boot_id[24];
	char api[16];
	char build_id[2 * sizeof(((struct sluice_info *)0)->build_id) + 1];
};

/* struct device_info *d. fw.bundle_id is the build, fw.mgmt.api the version of the mailbox. */
#define DEV_TABLE(X)                                                                                                   \
	X("driver", TEXT, table_text(t, "sluice"))                                                                     \
	X("fw", TEXT, table_name(t, d->info.version, sizeof(d->info.version)))                                         \
	X("fw.mgmt.api", TEXT, table_text(t, d->api))                                                                  \
	X("fw.bundle_id", TEXT, table_text(t, d->build_id))                                                            \
	X("dpdk", TEXT, table_name(t, d->info.dpdk_version, sizeof(d->info.dpdk_version)))                             \
	X("boot-id", TEXT, table_text(t, d->boot_id))                                                                  \
	X("ports", NUMBER, table_number(t, d->ports))                                                                  \
	X("workers", NUMBER, table_number(t, d->info.workers))                                                         \
	X("hugepages", BOOL, table_bool(t, d->info.hugepages))

static const struct table_column dev_columns[] = {DEV_TABLE(TABLE_AS_COLUMN)};

static void put_in_words(const struct session *session, struct device_info *d)
{
	const struct sluice_info_region *region = sluice_info(session->client);

	snprintf(d->boot_id, sizeof(d->boot_id), "0x%016llx", (unsigned long long)d->info.boot_id);
	snprintf(d->api, sizeof(d->api), "%u.%u", region->abi_major, region->abi_minor);
	for (size_t i = 0; i < sizeof(d->info.build_id); i++)
		snprintf(d->build_id + 2 * i, 3, "%02x", d->info.build_id[i]);
}

static int ask(struct session *session, struct device_info *d)
{
	const struct request request = {.opcode = SLUICE_OP_INFO, .out = &d->info, .out_capacity = sizeof(d->info)};
	struct sluice_reply reply;
	struct sluice_fault fault;
	struct records ports;
	int code;

	if (session_call(session, &request, &reply, &fault))
		return session_fault(session, &fault, NULL, NULL);
	if (reply.out_length < SLUICE_INFO_LEAST)
		return session_fail(session, EXIT_REFUSED, NULL, "the firmware's answer has another length");
	code = session_list(session, SLUICE_OP_PORT_LIST, SESSION_NO_NAME, sizeof(struct sluice_port_record), &ports);
	if (code)
		return code;
	d->ports = ports.count;
	free(ports.data);
	return 0;
}

int run_dev_info(struct session *session)
{
	struct device_info device = {0}, *d = &device;
	int code = ask(session, d);
	struct table *t;

	if (code)
		return code;
	put_in_words(session, d);
	t = table_new_record("device", TABLE_COLUMNS(dev_columns));
	table_row(t);
	DEV_TABLE(TABLE_AS_CELL)
	return session_print(session, t);
}
