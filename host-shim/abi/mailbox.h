/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mailbox: regions, how a client gets them, and the entries of its rings.
 *
 *   client                                   card
 *     |-- HELLO (SEQPACKET) ------------------>|  SO_PEERCRED gives the role
 *     |<-- WELCOME + 8 descriptors ------------|  one SCM_RIGHTS message, exactly SLUICE_FD_COUNT of them
 *     |   write payload to STAGE_IN            |
 *     |   write command to SQ, publish         |
 *     |-- eventfd KICK ----------------------->|  copy once, check CRC, check, run
 *     |<-- signal NOTIFY, completion in CQ ----|  payload in STAGE_OUT
 *
 * A command is published by storing its last 8 bytes at once, with release order: {crc, phase}. An entry
 * is new when its phase is that of the ring's current lap: 1 on the first lap, 0 on the second, and so on.
 * The card reads each entry once, into private memory, before it looks at it. Both rings have
 * SLUICE_RING_ENTRIES entries; the card takes a command only when the completion ring has room,
 * as told by struct sluice_doorbell.cq_head, so a client that consumes nothing stalls only itself.
 */
#ifndef SLUICE_ABI_MAILBOX_H
#define SLUICE_ABI_MAILBOX_H

#include "base.h"
#include "health.h"

/* The COMPLETION region holds the completion ring at offset 0 and, from SLUICE_EVENT_OFFSET on, as many events:
 * event.h.
 */
#define SLUICE_EVENT_OFFSET 4096u

/* Bytes of the reason of a reset, with its NUL. */
#define SLUICE_REASON_SIZE 128u

#define SLUICE_MAGIC	    0x424d454349554c53ull /* "SLUICEMB" read as bytes */
#define SLUICE_RING_ENTRIES 64u
#define SLUICE_STAGE_SIZE   (1u << 20)

/*
 * The descriptors of a WELCOME, in this order. KICK is an eventfd. NOTIFY is to be polled and read 8 bytes at a time,
 * like one, but it is an end of a socket pair: a client could make an eventfd block the card's write. X(name, bytes,
 * writer)
 */
#define SLUICE_FD_TABLE(X)                                                                                             \
	X(INFO, 4096, CARD)                                                                                            \
	X(DOORBELL, 4096, HOST)                                                                                        \
	X(SUBMISSION, SLUICE_RING_ENTRIES * 64, HOST)                                                                  \
	X(COMPLETION, SLUICE_EVENT_OFFSET + SLUICE_RING_ENTRIES * 64, CARD)                                            \
	X(STAGE_IN, SLUICE_STAGE_SIZE, HOST)                                                                           \
	X(STAGE_OUT, SLUICE_STAGE_SIZE, CARD)                                                                          \
	X(KICK, 0, HOST)                                                                                               \
	X(NOTIFY, 0, CARD)

enum sluice_fd {
#define X(name, bytes, writer) SLUICE_FD_##name,
	SLUICE_FD_TABLE(X)
#undef X
		SLUICE_FD_COUNT
};

/* What a client asks for in HELLO, and may or may not be granted. X(name, bit, text) */
#define SLUICE_FEATURE_TABLE(X)                                                                                        \
	X(EVENTS, 0x1, "events come in the COMPLETION region (abi/event.h)")                                           \
	X(LARGE_RECEIVES, 0x2, "of a port's data rings: TCP segments may come joined (abi/data.h)")

enum sluice_feature {
#define X(name, bit, text) SLUICE_FEATURE_##name = bit,
	SLUICE_FEATURE_TABLE(X)
#undef X
};

/* First message of a client. */
struct sluice_hello {
	uint64_t magic;
	uint16_t abi_major;
	uint16_t abi_minor;
	uint32_t features;	     /* wanted: enum sluice_feature; one that the card does not know is not granted */
	char port[SLUICE_NAME_SIZE]; /* whose data rings are wanted too (data.h); all zero: none */
	uint16_t queues;	     /* pairs wanted: 1 to SLUICE_DATA_QUEUES_MAX; 0 without a port */
	uint16_t entries;	     /* of each ring wanted; 0 without a port */
	uint8_t reserved[12];
};
SLUICE_ASSERT_SIZE(struct sluice_hello, 64);

/* The answer, with SLUICE_FD_COUNT descriptors, and those of the data rings behind them where a port was named. Where
 * status is not OK, no descriptor comes with it and the card hangs up. */
struct sluice_welcome {
	uint64_t magic;
	uint16_t abi_major;
	uint16_t abi_minor;
	uint32_t features; /* wanted and granted */
	uint16_t status;   /* enum sluice_status */
	uint8_t role;	   /* enum sluice_role */
	uint8_t reserved0;
	uint32_t client_id;
	uint32_t ring_entries;
	uint32_t stage_size;
	uint32_t region_size[8]; /* by enum sluice_fd; 0 for KICK and NOTIFY */
	/* of the data rings, where a port was named: */
	uint64_t data_size[2]; /* by enum sluice_data_fd */
	uint16_t queues;
	uint16_t entries;
	uint32_t mtu;
	uint8_t mac[6];
	uint8_t reserved1[34];
};
SLUICE_ASSERT_SIZE(struct sluice_welcome, 128);

/*
 * What the INFO region holds beyond its first 80 bytes, and where: a client looks a capability up by its id, and leaves
 * alone what it does not know. A version grows where the meaning changes, the length where something is added.
 * X(name, id, version, first member, last member)
 */
#define SLUICE_CAPABILITY_TABLE(X)                                                                                     \
	X(EVENTS, 1, 1, features, events)                                                                              \
	X(RESET, 2, 1, reset_generation, reset_generation)                                                             \
	X(SYNDROME, 3, 1, syndrome, syndrome)                                                                          \
	X(LAST_WORDS, 4, 1, last_words, previous_words)                                                                \
	X(RESET_REASON, 5, 1, reset_reason, reset_reason)                                                              \
	X(HEALTH, 6, 1, health, health)

enum sluice_capability_id {
#define X(name, id, version, first, last) SLUICE_CAPABILITY_##name = id,
	SLUICE_CAPABILITY_TABLE(X)
#undef X
};

struct sluice_capability {
	uint16_t id; /* enum sluice_capability_id; 0: the list ends */
	uint16_t version;
	uint16_t offset; /* in the INFO region */
	uint16_t length; /* bytes */
};
SLUICE_ASSERT_SIZE(struct sluice_capability, 8);

/* Entries of the list, with the one that ends it. */
#define SLUICE_CAPABILITIES 32u

/* INFO region: one for all clients, written by the card. */
struct sluice_info_region {
	uint64_t magic;
	uint16_t abi_major;
	uint16_t abi_minor;
	uint32_t device_status;	    /* enum sluice_device_status */
	uint64_t boot_id;	    /* differs with each start */
	uint64_t policy_generation; /* of the policy in force */
	uint64_t control_heartbeat; /* advances while the control thread lives */
	uint64_t worker_heartbeat;  /* advances while every worker lives */
	char version[SLUICE_NAME_SIZE];
	uint32_t features;	   /* that can be granted */
	uint32_t events;	   /* since the start, modulo 2^32: the number of the last one */
	uint32_t reset_generation; /* resets since the first start; written after reset_reason */
	uint32_t syndrome;	   /* enum sluice_syndrome; written after last_words */
	uint8_t reserved1[32];
	char last_words[SLUICE_WORDS_SIZE];	/* why it ended */
	char previous_words[SLUICE_WORDS_SIZE]; /* why the firmware that was here before ended, where it did not in
						   order */
	char reset_reason[SLUICE_REASON_SIZE];	/* of the last one */
	struct sluice_capability capability[SLUICE_CAPABILITIES];
	struct sluice_health health;
};
SLUICE_ASSERT_SIZE(struct sluice_info_region, 4096);
SLUICE_ASSERT_OFFSET(struct sluice_info_region, features, 80);
SLUICE_ASSERT_OFFSET(struct sluice_info_region, last_words, 128);
SLUICE_ASSERT_OFFSET(struct sluice_info_region, capability, 768);
SLUICE_ASSERT_OFFSET(struct sluice_info_region, health, 1024);

enum sluice_device_status {
	SLUICE_DEVICE_BOOTING = 0,
	SLUICE_DEVICE_RUNNING = 1,
	SLUICE_DEVICE_DRAINING = 2,
	SLUICE_DEVICE_DEAD = 3, /* see syndrome */
};

/*
 * DOORBELL region: the host's own page. Hints, never trusted. Its reserved part is where the host's control fields go
 * (heartbeat, reset request): who writes them is the same, so they need no region of their own.
 */
struct sluice_doorbell {
	uint32_t cq_head; /* completions consumed since the start, modulo 2^32 */
	uint8_t reserved0[60];
	uint32_t event_head; /* likewise, of events */
	uint8_t reserved1[60];
	uint8_t reserved[3968];
};
SLUICE_ASSERT_SIZE(struct sluice_doorbell, 4096);
SLUICE_ASSERT_OFFSET(struct sluice_doorbell, event_head, 64);

/* Of a command. X(name, bit, text) */
#define SLUICE_FLAG_TABLE(X) X(OPERATION, 0x1, "answer at once with the id of an operation that does it (opcode.h)")

enum sluice_flag {
#define X(name, bit, text) SLUICE_FLAG_##name = bit,
	SLUICE_FLAG_TABLE(X)
#undef X
};

struct sluice_command {
	uint16_t opcode;
	uint16_t command_id; /* the client's; comes back in the completion */
	uint32_t flags;	     /* enum sluice_flag; others must be 0 */
	uint64_t token;	     /* opcode.h; 0 for none */
	uint64_t arg[2];
	uint32_t in_offset; /* payload in STAGE_IN */
	uint32_t in_length;
	uint32_t out_offset; /* room for the answer in STAGE_OUT */
	uint32_t out_length;
	uint64_t reserved;
	uint32_t crc;	/* CRC32C of bytes 0 to 55, then of the payload in STAGE_IN */
	uint32_t phase; /* bit 0; others 0 */
};
SLUICE_ASSERT_SIZE(struct sluice_command, 64);
SLUICE_ASSERT_OFFSET(struct sluice_command, crc, 56);

struct sluice_completion {
	uint16_t command_id;
	uint16_t status;      /* enum sluice_status */
	uint8_t status_class; /* enum sluice_class */
	uint8_t do_not_retry;
	uint16_t sq_head;      /* commands taken since the start, modulo 2^16 */
	uint32_t error_offset; /* byte offset of the bad field: see SLUICE_ERROR_IN_COMMAND */
	uint32_t out_length;   /* bytes written to STAGE_OUT */
	uint64_t result;
	uint32_t crc; /* CRC32C of bytes 0 to 23, then of the payload in STAGE_OUT */
	uint32_t phase;
};
SLUICE_ASSERT_SIZE(struct sluice_completion, 32);
SLUICE_ASSERT_OFFSET(struct sluice_completion, crc, 24);

/* error_offset: no field to blame */
#define SLUICE_NO_OFFSET 0xffffffffu
/* error_offset: the offset is in the command itself; otherwise in the payload or the uploaded image */
#define SLUICE_ERROR_IN_COMMAND 0x80000000u

#endif
