/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host of a running firmware, in another process: its mailbox, and the data rings of a port where it names one.
 * Everything is in the open, so that a test can do what libsluice never would. One thread has a host; it uses one of
 * its queue pairs.
 */
#ifndef TESTS_HOSTILE_HOST_H
#define TESTS_HOSTILE_HOST_H

#include "abi/opcode.h"
#include "abi/status.h"
#include "peer.h"

#define HOST_WAIT_MS	 20000 /* for what comes at once, on a machine that does something else besides */
#define HOST_FRAME_MAX	 1514u
#define HOST_FRAME_LEAST 60u

struct host {
	struct peer peer;
	uint16_t entries;
	uint16_t queue; /* the pair that it uses: its last */
	struct sluice_host_line *line;
	const struct sluice_card_line *card;
	struct sluice_desc *send_ring, *return_ring;
	const struct sluice_desc *receive_ring;
	uint32_t send_tail, receive_head, return_tail;
	uint16_t next_id; /* of commands */
};

/** splitmix64: the same numbers from the same seed. */
uint64_t host_random(uint64_t *state);

uint64_t host_now_ms(void);

/** Ends the program with 1 and @p what (a printf) where something is not as it must be. */
void host_fail(const char *what, ...) __attribute__((format(printf, 1, 2), noreturn));

/** From here on hosts of this program want so many queue pairs of a port; 1 unless set. Before there are threads. */
void host_want_queues(uint16_t queues);

enum host_answer { HOST_WELCOME, HOST_REFUSED, HOST_GONE };

/** Connects; @p port NULL: no data rings. Refused: the status is in host->peer.welcome. Closed by host_close(). */
enum host_answer host_open(struct host *host, const char *dir, const char *port, uint16_t entries);

/** The same, and again while the last client's hang-up has not been seen; fails where it is not welcome. */
void host_open_now(struct host *host, const char *dir, const char *port, uint16_t entries);

/** As if it had died. */
void host_close(struct host *host);

/* ---- Mailbox --------------------------------------------------------------------------------------- */

/** Waits for the next completion, and consumes it. */
bool host_wait(struct host *host, struct sluice_completion *completion);

/** One command and its completion. False: none came in time, or the card hung up. */
bool host_call(struct host *host, struct sluice_command command, struct sluice_completion *completion);

/** The same for what must succeed, without payload. Returns the result. */
uint64_t host_ask(struct host *host, uint16_t opcode, uint64_t argument);

/* ---- Data ------------------------------------------------------------------------------------------ */

uint8_t *host_send_buffer(struct host *host, uint32_t place);
uint32_t host_send_room(const struct host *host);

/** The next descriptor, not published; its buffer is the one of its place. */
struct sluice_desc *host_put(struct host *host, uint32_t length, uint16_t flags);
void host_publish(struct host *host);

/** Waits until the card has taken all. False: it does not. */
bool host_sent(const struct host *host);

/** One frame in one buffer; false: no room. */
bool host_send(struct host *host, const void *frame, uint32_t length);

/** The next frame, whose buffers go back. Returns its length; 0: there is none. @p frame has room for @p room bytes. */
uint32_t host_receive(struct host *host, void *frame, uint32_t room);

/** The same, and its buffers stay the host's: their numbers are added to @p kept, which has room for all there are. */
uint32_t host_receive_and_keep(struct host *host, void *frame, uint32_t room, uint32_t *kept, uint32_t *count);

void host_give_back(struct host *host, uint32_t number);

/** Where in HOST_DATA the send buffers of its pair begin and end. */
uint64_t host_send_begin(const struct host *host);
uint64_t host_send_end(const struct host *host);

/** Whether the card still serves the pairs that it does not use. */
bool host_others_are_up(const struct host *host);

static inline uint32_t host_status(const struct host *host)
{
	return __atomic_load_n(&host->card->status, __ATOMIC_ACQUIRE);
}

static inline uint64_t host_refused(const struct host *host)
{
	return __atomic_load_n(&host->card->send_refused, __ATOMIC_ACQUIRE);
}

/** Waits until the card has given the queue up. */
bool host_is_quarantined(const struct host *host);

#endif
