/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card for one client: a thread plays the broker and the mailbox, the test itself plays the rings, step by step, so
 * that nothing depends on time. By abi/data.h and abi/mailbox.h alone.
 */
#ifndef TESTS_MINIPORT_CARD_H
#define TESTS_MINIPORT_CARD_H

#include <pthread.h>
#include <stdbool.h>

#include "abi/data.h"
#include "abi/mailbox.h"
#include "abi/oid.h"
#include "abi/opcode.h"

#define CARD_SETTINGS 32u

struct card_setting {
	uint32_t oid;
	uint32_t length;
	uint8_t value[256];
	unsigned sets; /* how often it was set */
};

struct card_lane {
	uint32_t receive_tail;
	uint32_t send_head;
	uint32_t return_head;
	bool woken;	   /* by an event, ... */
	uint32_t woken_at; /* ... when receive_tail was here */
	unsigned free_count;
	uint32_t free[SLUICE_DATA_ENTRIES_MAX]; /* receive buffers that are the card's */
	unsigned unlent_count;
	uint32_t unlent[SLUICE_DATA_ENTRIES_MAX]; /* given with RESOURCES: the card's when receive_head is past ... */
	uint32_t unlent_at[SLUICE_DATA_ENTRIES_MAX]; /* ... this index */
};

struct card {
	/* set before card_start() */
	uint16_t queues;
	uint16_t entries;
	uint32_t mtu;
	bool has_stack;	    /* an instance "top" over the port */
	uint16_t refuse;    /* every client, with this status */
	uint32_t features;  /* that can be granted */
	uint16_t role_fail; /* status of every OID_SET; 0: it is done */

	char dir[64];
	int listener;
	int quit[2];
	bool running;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	unsigned clients;     /* that were ever welcomed */
	bool is_connected;
	bool mute; /* commands are not answered */
	struct card_setting settings[CARD_SETTINGS];
	char asked[SLUICE_NAME_SIZE]; /* whom the last OID command named */
	struct sluice_hello hello;    /* of the last client */

	/* of the client; valid from its welcome until it hangs up, which a thread besides the test's sees by lock and
	 * card_data */
	void *region[SLUICE_FD_KICK];
	struct sluice_info_region *info;
	uint8_t *card_data;
	uint8_t *host_data;
	int signal[SLUICE_DATA_QUEUES_MAX];
	struct card_lane lanes[SLUICE_DATA_QUEUES_MAX];
};

/** Zeroes it and makes its directory; then set what is to be set. */
void card_init(struct card *card);

/** Listens; card_stop() goes away as a killed firmware does. Both may be repeated. */
void card_start(struct card *card);
void card_stop(struct card *card);

/** Removes the directory. */
void card_free(struct card *card);

/** The value of an OID, from now on. */
void card_set_oid(struct card *card, uint32_t oid, const void *value, uint32_t length);

/** What was set last, or NULL. */
const struct card_setting *card_find_oid(struct card *card, uint32_t oid);

struct sluice_card_line *card_line(struct card *card, unsigned queue);
struct sluice_host_line *card_host_line(struct card *card, unsigned queue);

/** Gives a frame to the host; false: too few buffers are the card's. @p flags: SLUICE_DESC_RESOURCES or 0. */
bool card_give(struct card *card, unsigned queue, const void *frame, uint32_t length,
	       const struct sluice_frame_meta *meta, uint16_t flags);

/** Gives a descriptor as it is. */
void card_give_raw(struct card *card, unsigned queue, struct sluice_desc desc);

/** Takes a frame from the host: its bytes without meta, or 0 where there is none. */
uint32_t card_take(struct card *card, unsigned queue, void *frame, struct sluice_frame_meta *meta);

/** Takes what the host returned; how many buffers are the card's. */
unsigned card_collect(struct card *card, unsigned queue);

#endif
