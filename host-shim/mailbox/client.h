/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libsluice: the host's end of the mailbox.
 *
 *   sluice_open() -- HELLO, WELCOME, maps the regions --> struct sluice_client
 *   sluice_open_port() -- the same, with the data rings of a port --> sluice_take_data()
 *   sluice_call() -- one command, waits for its completion
 *   sluice_next_event() -- what happens without being asked for
 *   sluice_begin(), sluice_wait() -- what takes long, without waiting for it
 *   sluice_list(), sluice_upload(), sluice_read_policy() -- what takes more than one command
 *   sluice_close()
 *
 * A client belongs to one thread. It has one command under way at a time. After -ETIMEDOUT, -ECONNRESET or
 * -EPROTO it is of no use any more: the card may still write the answer of the lost command into the
 * staging area, so every later call fails the same way until the caller closes it and opens another.
 */
#ifndef SLUICE_MAILBOX_CLIENT_H
#define SLUICE_MAILBOX_CLIENT_H

#include <stdbool.h>

#include "abi/data.h"
#include "abi/event.h"
#include "abi/mailbox.h"
#include "abi/opcode.h"
#include "abi/status.h"

enum sluice_fault_kind {
	SLUICE_FAULT_NONE = 0,
	SLUICE_FAULT_NOT_RUNNING, /* no firmware listens in this directory */
	SLUICE_FAULT_PERMISSION,  /* this user may not connect */
	SLUICE_FAULT_VERSION,	  /* the firmware speaks another major version of the mailbox */
	SLUICE_FAULT_REFUSED,	  /* the firmware answered HELLO with fault.status */
	SLUICE_FAULT_PROTOCOL,	  /* the firmware broke the protocol */
	SLUICE_FAULT_GONE,	  /* the firmware went away */
	SLUICE_FAULT_TIMEOUT,	  /* no completion in time */
	SLUICE_FAULT_COMMAND,	  /* a command was completed with fault.status */
	SLUICE_FAULT_SYSTEM,	  /* the machine: memory, descriptors, a path that is too long */
};

/** What went wrong, for the program (kind, status, error_offset) and for people (text, one line, no full stop). */
struct sluice_fault {
	enum sluice_fault_kind kind;
	uint16_t status;       /* enum sluice_status, for REFUSED and COMMAND */
	uint32_t error_offset; /* as in struct sluice_completion, for COMMAND; else SLUICE_NO_OFFSET */
	char text[320];
};

/** A completion, checked. */
struct sluice_reply {
	uint16_t status;      /* enum sluice_status */
	uint8_t status_class; /* enum sluice_class */
	uint8_t do_not_retry;
	uint32_t error_offset;
	uint32_t out_length; /* bytes in the caller's buffer */
	uint64_t result;
};

struct sluice_client;

/**
 * In place of a runtime directory: a card behind PCI, by its address ("pci:0000:01:00.0") or by the directory of its
 * resources ("pci:/sys/bus/pci/devices/0000:01:00.0"). One client of this machine has the card at a time. There are no
 * interrupts, so whoever waits looks every SLUICE_DEVICE_LOOK_MS; and no connection, so sluice_connection() is -1 and
 * sluice_is_connected() tells a card that restarted, while one that died is told by its heartbeats alone.
 */
#define SLUICE_DEVICE_PREFIX  "pci:"
#define SLUICE_DEVICE_LOOK_MS 1u

/**
 * Connects to the firmware in @p runtime_dir (NULL: SLUICE_RUNTIME_DIR).
 *
 * @return a client for sluice_close(), or NULL with *@p fault filled in.
 */
struct sluice_client *sluice_open(const char *runtime_dir, struct sluice_fault *fault);

/** The same, with a limit in place of the usual 10 seconds, for this and for every later call. */
struct sluice_client *sluice_open_within(const char *runtime_dir, uint32_t timeout_ms, struct sluice_fault *fault);

/** Which port's data rings are wanted, and how large. */
struct sluice_port_wish {
	const char *port;
	uint16_t queues;  /* pairs, 1 to SLUICE_DATA_QUEUES_MAX; the card may give fewer */
	uint16_t entries; /* of each ring: a power of two, SLUICE_DATA_ENTRIES_MIN to _MAX; the card may give fewer */
	bool large_receives; /* SLUICE_FEATURE_LARGE_RECEIVES is wanted: sluice_features() tells whether it is granted
			      */
};

/** The data rings of a port: sizes, seals and numbers are checked, what the rings hold is not. */
struct sluice_data {
	const uint8_t *card; /* CARD_DATA, which can only be read */
	uint8_t *host;	     /* HOST_DATA */
	uint64_t card_size;
	uint64_t host_size;
	uint16_t queues;
	uint16_t entries;
	uint32_t mtu;
	uint8_t mac[6];
	int signal[SLUICE_DATA_QUEUES_MAX]; /* of each queue pair: never blocks; -1 where the caller took it */
};

/**
 * Connects as sluice_open_within() does, and has the data rings of a port. One client at a time has a port: the card
 * refuses others with SLUICE_STATUS_PORT_IN_USE or SLUICE_STATUS_BUSY.
 */
struct sluice_client *sluice_open_port(const char *runtime_dir, const struct sluice_port_wish *wish,
				       uint32_t timeout_ms, struct sluice_fault *fault);

/**
 * The data rings, which are the caller's from here on, for sluice_free_data(): they stay mapped after sluice_close(),
 * when the card has already turned away from them. NULL: no port was opened, or they were taken before.
 */
struct sluice_data *sluice_take_data(struct sluice_client *client);

/** Unmaps and closes; NULL does nothing. */
void sluice_free_data(struct sluice_data *data);

/** The connection, to be polled for POLLIN: it gets ready when the firmware has gone. */
int sluice_connection(const struct sluice_client *client);

/** Whether the firmware still holds its end of the connection. */
bool sluice_is_connected(const struct sluice_client *client);
/** The same, asking for @p features as well: enum sluice_feature. */
struct sluice_client *sluice_open_wanting(const char *runtime_dir, uint32_t timeout_ms, uint32_t features,
					  struct sluice_fault *fault);

/** Hangs up; NULL does nothing. */
void sluice_close(struct sluice_client *client);

/** Milliseconds that a call waits for its completion; 10000 unless set. */
void sluice_set_timeout(struct sluice_client *client, uint32_t timeout_ms);

/** What the firmware made of this user: enum sluice_role. */
uint8_t sluice_role(const struct sluice_client *client);

/** Which of the features that were asked for the firmware granted. */
uint32_t sluice_features(const struct sluice_client *client);

/**
 * Takes the next event, of a client that was granted SLUICE_FEATURE_EVENTS.
 *
 * @param timeout_ms how long to wait for one; 0 not at all, -1 for ever
 * @return 1 with *@p event set, 0 where none came in time, -ECONNRESET (the firmware went away; what it had told before
 *         has been taken) or -EPROTO; text in sluice_last_fault()
 */
int sluice_next_event(struct sluice_client *client, int timeout_ms, struct sluice_event *event);

/**
 * Gives one command and waits for its completion.
 *
 * @param in           payload of @p in_length bytes, at most SLUICE_STAGE_SIZE; NULL where that is 0
 * @param out          gets at most @p out_capacity bytes of the answer; NULL where that is 0
 * @param[out] reply   the completion; its status may be other than SLUICE_STATUS_OK while the call returns 0
 * @return 0 when a completion came, -EMSGSIZE (payload too long), -ETIMEDOUT, -ECONNRESET (the firmware went
 *         away) or -EPROTO (the completion is malformed); text in sluice_last_fault()
 */
int sluice_call(struct sluice_client *client, uint16_t opcode, uint64_t arg0, uint64_t arg1, const void *in,
		uint32_t in_length, void *out, uint32_t out_capacity, struct sluice_reply *reply);

/**
 * The same with a token (opcode.h): where the connection breaks before the answer came, the caller opens another
 * client, gives the same command with the same token again, and gets the first one's answer, or
 * SLUICE_STATUS_TOKEN_UNDER_WAY while that still runs. It is never run twice by the same firmware: its boot_id is in
 * sluice_info().
 */
int sluice_call_once(struct sluice_client *client, uint64_t token, uint16_t opcode, uint64_t arg0, uint64_t arg1,
		     const void *in, uint32_t in_length, void *out, uint32_t out_capacity, struct sluice_reply *reply);

/**
 * Has one of SLUICE_OPERATION_TABLE (opcode.h) carried out as an operation, which is answered at once: where
 * reply->status is OK, reply->result is its id. It goes on when this client has gone.
 *
 * @param token  as in sluice_call_once(): the same one brings the same operation; 0 for none
 * @return as sluice_call()
 */
int sluice_begin(struct sluice_client *client, uint64_t token, uint16_t opcode, uint64_t arg0, uint64_t arg1,
		 const void *in, uint32_t in_length, struct sluice_reply *reply);

/** How an operation is that this user may see. As sluice_list(). */
int sluice_operation_status(struct sluice_client *client, uint64_t id, struct sluice_operation_record *record,
			    struct sluice_fault *fault);

/**
 * Waits until an operation is done, whoever began it.
 *
 * @param timeout_ms    -1 for ever
 * @param progress      called where state, step or percent are others than before; may be NULL
 * @param[out] record   how it is, also where the time is up; its status says how it ended
 * @return 0, -EINPROGRESS (it is not done in that time, and goes on; the client stays of use), or as sluice_list()
 */
int sluice_wait(struct sluice_client *client, uint64_t id, int timeout_ms,
		void (*progress)(void *context, const struct sluice_operation_record *record), void *context,
		struct sluice_operation_record *record, struct sluice_fault *fault);

/** A token that nobody has used, or 0: the system has no random numbers. */
uint64_t sluice_new_token(void);

/** Why the last call failed; kind SLUICE_FAULT_NONE where it did not. */
const struct sluice_fault *sluice_last_fault(const struct sluice_client *client);

/** The INFO region, live, read-only. Members change under the reader: read each once. */
const struct sluice_info_region *sluice_info(const struct sluice_client *client);

/**
 * Copies how the card is out of the INFO region. Needs no answer of the firmware.
 *
 * @return 0, or -EAGAIN: the firmware has not written it yet, or ended in the middle of writing it
 */
int sluice_read_health(const struct sluice_client *client, struct sluice_health *health);

/**
 * Fetches all pages of a list.
 *
 * @param opcode           a command that answers with struct sluice_list
 * @param payload          sent with every page; NULL where @p payload_length is 0
 * @param record_size      bytes of a record as the caller knows it: what an older firmware does not have is zero, what
 * a newer one has beyond that is left out
 * @param[out] records     *count records in one block, for free(); NULL for none
 * @param[out] generation  of the policy that is shown; may be NULL
 * @param[out] fault       filled in on failure; may be NULL
 * @return 0; -EREMOTEIO (completed with fault->status); -ENOMEM; or what sluice_call() returns
 */
int sluice_list(struct sluice_client *client, uint16_t opcode, const void *payload, uint32_t payload_length,
		uint32_t record_size, void **records, uint32_t *count, uint64_t *generation,
		struct sluice_fault *fault);

/**
 * Uploads a policy image: POLICY_BEGIN and the POLICY_CHUNKs. The caller then gives POLICY_VALIDATE or
 * POLICY_COMMIT; where a chunk fails, the upload is aborted.
 *
 * @return 0, or as sluice_list(); fault->error_offset is then an offset in the image
 */
int sluice_upload(struct sluice_client *client, const void *image, size_t length, struct sluice_fault *fault);

/**
 * The same with a lease, at most SLUICE_LEASE_MAX_MS: where this client goes, the card keeps what it has for so long,
 * and another client of the same user can go on with sluice_upload_resume().
 *
 * @param[out] id  of the upload, set where the card has begun it, whatever comes then
 */
int sluice_upload_leased(struct sluice_client *client, const void *image, size_t length, uint32_t lease_ms,
			 uint64_t *id, struct sluice_fault *fault);

/** Goes on with an upload of the same image that no client has. As sluice_upload(). */
int sluice_upload_resume(struct sluice_client *client, uint64_t id, const void *image, size_t length,
			 struct sluice_fault *fault);

/** How an upload of the same user is; @p id 0: the one of this client. As sluice_list(). */
int sluice_upload_status(struct sluice_client *client, uint64_t id, struct sluice_upload_record *record,
			 struct sluice_fault *fault);

/**
 * Reads the image of the running policy.
 *
 * @param[out] image   *length bytes, for free()
 * @return 0, or as sluice_list()
 */
int sluice_read_policy(struct sluice_client *client, void **image, size_t *length, struct sluice_fault *fault);

#endif
