/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each command does; command.c binds them to their words. Each asks the firmware, fills in a table and
 * prints it. All return an exit code, told where it is not 0.
 */
#ifndef SLUICE_CLI_HANDLERS_H
#define SLUICE_CLI_HANDLERS_H

#include "session.h"

/* info.c */
int run_info(struct session *session);
int run_worker_list(struct session *session);

/* driver.c */
int run_driver_list(struct session *session);
int run_driver_load(struct session *session);
int run_driver_unload(struct session *session);

/* port.c */
int run_port_list(struct session *session);
int run_port_stats(struct session *session);

/* stack.c */
int run_stack_show(struct session *session);
int run_drops(struct session *session);

/* stack_change.c */
int run_stack_insert(struct session *session);
int run_stack_remove(struct session *session);

/* device.c */
int run_device_list(struct session *session);
int run_device_open(struct session *session);
int run_device_call(struct session *session);

/* rule.c */
int run_rule_add(struct session *session);
int run_rule_replace(struct session *session);
int run_rule_delete(struct session *session);
int run_rule_flush(struct session *session);

/* rule_list.c */
int run_rule_list(struct session *session);

/* apply.c */
int run_apply(struct session *session);
int run_show_config(struct session *session);

/* stats.c */
int run_stats(struct session *session);

/* event.c */
int run_events(struct session *session);

/* health.c */
int run_health(struct session *session);

/* dev_info.c */
int run_dev_info(struct session *session);

/* reset.c */
int run_reset(struct session *session);

/* operation.c */
int run_operation_list(struct session *session);
int run_operation_show(struct session *session);
int run_operation_wait(struct session *session);
int run_operation_cancel(struct session *session);

/* oid.c */
int run_oid_list(struct session *session);
int run_oid_get(struct session *session);
int run_oid_set(struct session *session);

/* help.c */
int run_help(struct session *session);

#endif
