/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of libsluice share. */
#ifndef SLUICE_MAILBOX_CLIENT_PRIVATE_H
#define SLUICE_MAILBOX_CLIENT_PRIVATE_H

#include <stdbool.h>

#include "client.h"
#include "source.h"

#define CLIENT_REGIONS	  SLUICE_FD_KICK /* descriptors before KICK are regions */
#define CLIENT_TIMEOUT_MS 10000u
/* More than there should ever be, so that a surplus is seen; the kernel drops what is beyond even this. */
#define CLIENT_FD_ROOM (SLUICE_FD_COUNT + SLUICE_DATA_FD_COUNT + SLUICE_DATA_QUEUES_MAX + 8)

enum region_writer { WRITER_CARD, WRITER_HOST };

/* What came with a WELCOME. A descriptor that has found its place is -1 here. */
struct received_fds {
	int fd[CLIENT_FD_ROOM];
	unsigned count;
	bool truncated;
};

/** What a client has of a card's BARs: bar.c. */
struct client_bar;

struct sluice_client {
	const struct client_source *source; /* NULL: none was chosen yet */
	struct client_bar *bar;		    /* NULL: the regions came from a broker */
	int socket;
	int kick;
	int notify;
	void *regions[CLIENT_REGIONS]; /* mappings, by enum sluice_fd */
	struct sluice_data *data; /* the data rings of the port that was opened; NULL: none, or the caller has them */
	uint8_t role;
	uint32_t features; /* wanted, then granted */
	uint32_t timeout_ms;
	uint32_t submitted; /* commands, modulo 2^32 */
	uint32_t consumed;  /* completions, modulo 2^32 */
	uint32_t events;    /* taken, modulo 2^32 */
	int lost;	    /* -errno of the failure after which no command can be given; 0 */
	struct sluice_fault fault;
};

/** Whether the card has accepted, and what it says of itself is as it must be; sets the fault. */
int client_check_welcome(struct sluice_client *client, const struct sluice_welcome *welcome,
			 const struct sluice_port_wish *wish);

/** Maps a region after a check of its size and its seals; NULL with client->fault set. */
void *client_map(struct sluice_client *client, const char *name, int fd, uint64_t size, enum region_writer writer);

/** Unmaps what client_map() or a card's BAR gave. NULL does nothing. */
void client_unmap(const void *base, uint64_t size);

/** A WELCOME that is not as it should be: sets the fault, returns -EPROTO. */
int client_malformed_welcome(struct sluice_client *client, const char *what);

/** Whether @p wish can be asked for; sets the fault. */
int client_check_wish(struct sluice_client *client, const struct sluice_port_wish *wish);

/** Whether what the welcome says about the data rings is sane, and within what was wished for. */
int client_check_data(struct sluice_client *client, const struct sluice_welcome *welcome,
		      const struct sluice_port_wish *wish);

/** Makes client->data of the numbers in a welcome, with nothing mapped. 0 or -ENOMEM with the fault set. */
int client_new_data(struct sluice_client *client, const struct sluice_welcome *welcome);

/** Makes client->data of the descriptors from @p first on. */
int client_use_data(struct sluice_client *client, const struct sluice_welcome *welcome, struct received_fds *fds,
		    unsigned first);

/** Takes signals off NOTIFY. */
void client_drain(struct sluice_client *client);

/** The phase of entry number @p index of a ring. */
static inline uint32_t client_phase(uint32_t index)
{
	return (index / SLUICE_RING_ENTRIES & 1) ^ 1;
}

/** Sets client->fault and returns @p code. */
int client_fail(struct sluice_client *client, int code, enum sluice_fault_kind kind, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
