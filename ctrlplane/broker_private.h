/* SPDX-License-Identifier: BSD-3-Clause */
/* What the broker's files share: its clients, and how they become ones. */
#ifndef CTRLPLANE_BROKER_PRIVATE_H
#define CTRLPLANE_BROKER_PRIVATE_H

#include "bar.h"
#include "broker.h"
#include "deferred.h"
#include "event_ring.h"
#include "region.h"
#include "rundir.h"

#include <sys/queue.h>

/* Connections that have not said HELLO yet; when all these places are taken the oldest makes room. */
#define MAX_GREETING 16u
#define PLACES	     (BROKER_MAX_CLIENTS + MAX_GREETING)
#define REGIONS	     SLUICE_FD_KICK /* descriptors before KICK are regions */

/* Descriptors of a WELCOME at most. */
#define FDS_MAX (SLUICE_FD_COUNT + SLUICE_DATA_FD_COUNT + SLUICE_DATA_QUEUES_MAX)

/** What a client has of a port: broker_data.c. */
struct broker_data;

enum client_state { CLIENT_FREE = 0, CLIENT_GREETING, CLIENT_WELCOMED };

/* What an event is about; together with place and client id in epoll's data. */
enum source { SOURCE_LISTENER, SOURCE_SOCKET, SOURCE_KICK, SOURCE_DEFERRED, SOURCE_EVENTS };

struct client {
	enum client_state state;
	uint32_t id;
	enum sluice_role role;
	bool stranger;	   /* it has no role: its HELLO is answered with a refusal */
	uint32_t features; /* granted */
	int socket;
	/*
	 * The client holds the same open eventfd and can clear O_NONBLOCK on it. So it is never read: epoll
	 * reports each kick by edge.
	 */
	int kick;
	/*
	 * For the same reason not an eventfd, which the client could fill up to make our write block: one end
	 * of a socket pair, where MSG_DONTWAIT is ours alone. The client reads 8 bytes, as from an eventfd.
	 */
	int notify;
	uint64_t deadline_ms;		/* for HELLO */
	bool busy;			/* commands may be waiting */
	struct deferred_job *job;	/* its command that is completed later, or NULL */
	struct deferred_end *end;	/* reserved, where there are control threads */
	struct region regions[REGIONS]; /* INFO absent: it is the broker's */
	struct broker_data *data;	/* NULL: no port */
	struct mailbox mailbox;
	struct event_ring events; /* absent where it has not asked for them */
};

struct broker {
	struct rundir rundir;
	int epoll_fd;
	int spare_fd; /* given up to be able to accept and refuse when descriptors run out */
	struct role_groups groups;
	const struct mailbox_ops *ops;
	void *context;
	struct region info;
	struct broker_bar *bar; /* NULL: there is none */
	struct mailbox_scratch scratch;
	struct mailbox_counters counters;
	struct answers answers;
	struct deferred deferred;	    /* all zero where there are no control threads */
	struct event_log *events;	    /* NULL: there are none */
	STAILQ_HEAD(, broker_data) leaving; /* of clients that have gone; a port may still use them */
	uint32_t last_id;
	unsigned welcomed;
	unsigned sessions; /* of clients, and of those that have gone while a command of theirs runs */
	struct client clients[PLACES];
};

/** What epoll says of @p client. The id tells an event of a place's former client from one of its present client. */
uint64_t broker_tag(const struct broker *broker, const struct client *client, enum source source);

/** 0 or -errno. */
int broker_watch(struct broker *broker, int fd, uint32_t events, uint64_t tag);

void broker_hang_up(struct broker *broker, struct client *client);

/** Takes what the client sent first, and makes it a client, or refuses it and hangs up. */
void broker_greet(struct broker *broker, struct client *client);

/** Has a control thread run a slow command of the client whose mailbox this is: its defer(). */
int broker_defer(struct mailbox *mailbox, const struct sluice_command *command);

/** Has a control thread carry out an operation of the client whose mailbox this is: its begin(). */
enum sluice_status broker_begin_operation(struct mailbox *mailbox, struct mailbox_call *call);

/** What a system's error means for who is refused. */
enum sluice_status broker_status_of(int error);

/** Why a HELLO is refused, or OK. */
enum sluice_status broker_judge_hello(const struct broker *broker, const struct client *client,
				      const struct sluice_hello *hello);

/** A place for one more client. */
struct client *broker_find_place(struct broker *broker);

/** Of the features that a HELLO wants, those that are there: enum sluice_feature. */
uint32_t broker_grant_features(const struct broker *broker, const struct sluice_hello *hello);

/** The last step of making a client, whose regions are there: its mailbox, its events and its session. */
enum sluice_status broker_open_mailbox(struct broker *broker, struct client *client, const struct sluice_hello *hello);

/** The answer to a HELLO. */
void broker_make_welcome(const struct client *client, enum sluice_status status, struct sluice_welcome *welcome);

/** Makes what a HELLO with a port asks for, in @p bar unless that is NULL, and attaches it. OK, or why the client is
 * refused. */
enum sluice_status broker_data_open(struct broker *broker, const struct broker_bar *bar,
				    const struct sluice_hello *hello, enum sluice_role role, struct broker_data **data);

/** Writes its part of a WELCOME. */
void broker_data_tell(const struct broker_data *data, struct sluice_welcome *welcome);

/** Lists what is handed over, in its order; at most FDS_MAX - SLUICE_FD_COUNT. Returns how many. */
unsigned broker_data_descriptors(const struct broker_data *data, int *fds);

/** Closes what the client alone needs. */
void broker_data_handed_over(struct broker_data *data);

/** The port is free for others at once; the regions go when no worker uses them any more. */
void broker_data_close(struct broker *broker, struct broker_data *data);

/** Frees what has been left and is not in use any more. */
void broker_data_collect(struct broker *broker);

/** Size and writer of each region. */
extern const struct broker_region {
	const char *name;
	size_t size;
	enum region_writer writer;
} broker_regions[SLUICE_FD_COUNT];

#endif
