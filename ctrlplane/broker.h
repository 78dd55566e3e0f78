/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The local broker: how clients on this machine get a mailbox where there is no card with a BAR.
 *
 * It owns the runtime directory:
 *
 *   <dir>/lock           flock()ed by the firmware that owns the directory; holds its pid
 *   <dir>/mailbox.sock   UNIX SEQPACKET; the connection is the client's life
 *
 * A client says HELLO and gets WELCOME with its regions and two signalling descriptors. From then on only
 * KICK is looked at. A second message, a message of another length, or one with descriptors ends the
 * connection; nothing that a client, or a driver that it talks to, does or fails to do blocks the broker.
 *
 * All functions belong to the control thread (PASSIVE).
 */
#ifndef CTRLPLANE_BROKER_H
#define CTRLPLANE_BROKER_H

#include <stddef.h>

#include "event_log.h"
#include "mailbox.h"
#include "operation.h"
#include "role.h"

#define BROKER_MAX_CLIENTS 128u

/** Of these, places that a role leaves to each role above it: a crowd of tenants does not keep the operator out. */
#define BROKER_KEPT_PLACES 16u

struct broker;

/**
 * Takes @p runtime_dir (made with mode 0755 if missing) and listens there.
 *
 * @param ops      handlers; must outlive the broker
 * @param context  handed to every handler
 * @param error    gets one line for people on failure, without a newline
 * @return a broker for broker_destroy(), or NULL
 */
struct broker *broker_create(const char *runtime_dir, const struct mailbox_ops *ops, void *context, char *error,
			     size_t error_size);

/**
 * Has slow commands, and the ends of sessions that may wait for a driver, run on @p threads, which outlive the broker.
 * Before the first broker_poll(). Without it every handler runs on the broker's thread.
 *
 * @return 0 or -errno
 */
int broker_use_threads(struct broker *broker, struct threads *threads);

/**
 * Has commands that ask for it carried out as operations, which @p operations, that outlives the broker, keeps. After
 * broker_use_threads().
 */
void broker_use_operations(struct broker *broker, struct operations *operations);

/** Ends an operation that waits for its turn with CANCELLED. Of the broker's thread: a handler of a quick command's. */
void broker_withdraw_operation(struct broker *broker, uint64_t id);

/**
 * Has clients that ask for it told what is raised in @p log, which outlives the broker. Before the first broker_poll().
 *
 * @return 0 or -errno
 */
int broker_use_events(struct broker *broker, struct event_log *log);

/**
 * Gives roles to the members of @p groups: from now on everybody may connect, and who has no role is refused.
 *
 * @return 0 or -errno
 */
int broker_use_groups(struct broker *broker, const struct role_groups *groups);

/**
 * Serves one more client in the memory of a file, which is a PCI device's to its host (abi/bar.h). Before the first
 * broker_poll(), which then looks there at least every millisecond.
 *
 * @return 0, or -1 with a line in @p error
 */
int broker_use_bar(struct broker *broker, const char *path, char *error, size_t error_size);

/**
 * Hangs up on every client (session_close is called for each), waits for those of their commands that run, and removes
 * socket and lock. NULL does nothing.
 */
void broker_destroy(struct broker *broker);

/**
 * Waits for work and does it: connections, kicks, a bounded number of commands of each client.
 *
 * @param timeout_ms  how long to wait where nothing is to be done; 0 not at all, -1 for ever
 * @return number of events served, 0 for none (also when a signal came), or -errno
 */
int broker_poll(struct broker *broker, int timeout_ms);

/** The INFO region, shared with every client: the caller keeps its members up to date. */
struct sluice_info_region *broker_info(struct broker *broker);

/** Clients that have been welcomed and have not gone. */
unsigned broker_clients(const struct broker *broker);

/** Totals of all clients since the start. */
const struct mailbox_counters *broker_counters(const struct broker *broker);

#endif
