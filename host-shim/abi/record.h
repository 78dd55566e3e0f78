/* SPDX-License-Identifier: BSD-3-Clause */
/* What the card answers to questions: fixed records, listed behind one kind of header. */
#ifndef SLUICE_ABI_RECORD_H
#define SLUICE_ABI_RECORD_H

#include "base.h"
#include "policy.h"

/* Ahead of the records of a list. */
struct sluice_list {
	uint32_t count;	      /* records that follow */
	uint32_t record_size; /* bytes each */
	uint32_t next;	      /* arg[0] of the command for the next page; 0: this was the last */
	uint32_t total;	      /* records on all pages */
	uint64_t generation;  /* of the policy that is shown */
	uint64_t reserved;
};
SLUICE_ASSERT_SIZE(struct sluice_list, 32);

/*
 * INFO: grows at its end with a minor version. A card cuts it to the room of who asks, which may be an older host; a
 * host takes what does not come, of an older card, for zero.
 */
struct sluice_info {
	char version[SLUICE_NAME_SIZE];
	char dpdk_version[SLUICE_NAME_SIZE];
	uint64_t policy_generation;
	uint64_t boot_id;
	uint64_t uptime_ms;
	uint64_t tsc_hz;
	uint64_t changes_applied;  /* since boot */
	uint64_t changes_rejected; /* since boot */
	uint64_t blocks_retired;   /* config blocks freed since boot */
	uint64_t blocks_waiting;   /* for a grace period or a holder */
	uint64_t commands;	   /* since boot, all clients */
	uint64_t bad_commands;	   /* of those, malformed or not permitted */
	uint32_t pid;
	uint32_t workers;
	uint32_t clients;
	uint32_t rules;
	uint32_t rule_budget;
	uint32_t mbufs; /* in the pool */
	uint32_t mbufs_free;
	uint32_t packets_free; /* descriptors */
	uint32_t packets;
	uint8_t hugepages;    /* 1 where hugepages back the pools */
	uint8_t build_id[20]; /* of the firmware's program */
	uint8_t reserved[3];
	uint32_t uploads;	     /* under way, or waiting for a client within their lease */
	uint64_t uploads_refused;    /* since boot: for want of room */
	uint64_t uploads_expired;    /* since boot: leases that ran out */
	uint64_t operations_refused; /* since boot: for want of memory or of a place */
};
SLUICE_ASSERT_SIZE(struct sluice_info, 232);

/* Bytes of it that every version has: less room is none. */
#define SLUICE_INFO_LEAST 208u

/* Longest lease of an upload: POLICY_BEGIN. */
#define SLUICE_LEASE_MAX_MS 600000u

/* How an upload is: POLICY_STATUS. */
struct sluice_upload_record {
	uint64_t id;
	uint32_t length;   /* announced */
	uint32_t received; /* the next chunk goes on here */
	uint32_t lease_ms; /* what is left of it; it runs where no client has the upload */
	uint8_t taken;	   /* 1: a client has it */
	uint8_t reserved[3];
};
SLUICE_ASSERT_SIZE(struct sluice_upload_record, 24);
SLUICE_ASSERT_OFFSET(struct sluice_info, build_id, 181);

struct sluice_port_record {
	struct sluice_port port;
	char stack[SLUICE_NAME_SIZE];
	uint8_t edge; /* 0 none, 1 upper (host), 2 lower (wire) */
	uint8_t link_up;
	uint8_t mac[6];
	uint32_t link_mbps;
	uint32_t host_held; /* receive buffers that the host has */
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t rx_missed;
	uint64_t rx_errors;
	uint64_t tx_errors;
	uint64_t rx_no_mbuf;
	uint64_t host_lent; /* receive buffers, to hosts; = returned + forfeited + held */
	uint64_t host_returned;
	uint64_t host_forfeited;  /* by hosts that had them when they hung up or were cut off */
	uint64_t rx_held_back;	  /* times that its frames were left in the port, as the wire was behind ... */
	uint64_t rx_held_back_us; /* ... and for how long, each queue's time added */
	uint64_t host_joined;	  /* of tx_packets: TCP segments that hosts got joined */
};
SLUICE_ASSERT_SIZE(struct sluice_port_record, 736);

struct sluice_driver_record {
	char name[SLUICE_NAME_SIZE];
	char description[64];
	uint32_t instances;
	uint8_t takes_rules;
	uint8_t kind;	/* 0 intermediate driver, 1 edge */
	uint8_t shared; /* 0 built in, 1 loaded from a shared object */
	uint8_t reserved;
};
SLUICE_ASSERT_SIZE(struct sluice_driver_record, 104);

struct sluice_traffic {
	uint64_t packets;
	uint64_t bytes;
};

/* An instance in its stack, with what its driver did. */
struct sluice_stack_record {
	char stack[SLUICE_NAME_SIZE];
	char upper_port[SLUICE_NAME_SIZE];
	char lower_port[SLUICE_NAME_SIZE];
	char instance[SLUICE_NAME_SIZE];
	char driver[SLUICE_NAME_SIZE];
	uint32_t position; /* 0 at the host side */
	uint8_t state;	   /* enum sluice_instance_state */
	uint8_t default_action[SLUICE_DIRECTIONS];
	uint8_t takes_rules;
	uint32_t rules;
	uint32_t reserved;
	struct sluice_traffic handled[SLUICE_DIRECTIONS];   /* handed to the driver */
	struct sluice_traffic defaulted[SLUICE_DIRECTIONS]; /* judged by the default action */
	uint64_t dropped[SLUICE_DIRECTIONS];
	uint64_t cycles; /* TSC cycles in the driver's own code */
};
SLUICE_ASSERT_SIZE(struct sluice_stack_record, 264);

/* im-contract 10.21. X(name, number, text) */
#define SLUICE_INSTANCE_STATE_TABLE(X)                                                                                 \
	X(HALTED, 0, "halted")                                                                                         \
	X(INITIALIZING, 1, "initializing")                                                                             \
	X(PAUSED, 2, "paused")                                                                                         \
	X(RESTARTING, 3, "restarting")                                                                                 \
	X(RUNNING, 4, "running")                                                                                       \
	X(PAUSING, 5, "pausing")

enum sluice_instance_state {
#define X(name, number, text) SLUICE_INSTANCE_##name = number,
	SLUICE_INSTANCE_STATE_TABLE(X)
#undef X
};

struct sluice_worker_record {
	uint32_t worker;
	uint32_t lcore;
	uint32_t cpu;
	uint32_t lanes;	      /* queue pairs it serves */
	uint64_t polls;	      /* turns of the loop */
	uint64_t busy_cycles; /* of turns that moved a packet */
	uint64_t idle_cycles; /* of turns that moved none */
	uint64_t rx_packets;
	uint64_t tx_packets;
	uint64_t bursts;	  /* non-empty receive bursts */
	uint64_t generation_seen; /* of the block in its last turn */
	uint64_t reserved;
};
SLUICE_ASSERT_SIZE(struct sluice_worker_record, 80);

struct sluice_rule_record {
	char instance[SLUICE_NAME_SIZE];
	struct sluice_rule rule;
	struct sluice_traffic hits;
};
SLUICE_ASSERT_SIZE(struct sluice_rule_record, 176);

struct sluice_drop_record {
	char where[SLUICE_NAME_SIZE]; /* instance or port */
	uint32_t reason;	      /* enum sluice_drop */
	uint8_t direction;	      /* enum sluice_direction */
	uint8_t reserved[3];
	uint64_t packets;
	uint64_t generation; /* of the policy that decided the last of them */
};
SLUICE_ASSERT_SIZE(struct sluice_drop_record, 56);

/* A rule, and whose it is: what policy_parse_rule() makes, and what abi/filter.h takes. */
struct sluice_rule_command {
	char instance[SLUICE_NAME_SIZE]; /* all zero: the only one that takes rules; to delete all: every one */
	struct sluice_rule rule;
};
SLUICE_ASSERT_SIZE(struct sluice_rule_command, 160);

struct sluice_device_record {
	char name[SLUICE_NAME_SIZE];
	char driver[SLUICE_NAME_SIZE]; /* that registered it */
	uint32_t handles;	       /* open ones */
	uint32_t reserved;
};
SLUICE_ASSERT_SIZE(struct sluice_device_record, 72);

/* Most bytes that a DEVICE_CALL takes to a driver. */
#define SLUICE_DEVICE_INPUT_MAX 65536u

/* Most bytes of the path of a driver. */
#define SLUICE_PATH_MAX 4095u

/* DRIVER_UNLOAD: arg[0] */
#define SLUICE_UNLOAD_UNINSTALL 1u /* take its instances out of their stacks first */

/* Where in its stack an instance comes. X(name, number, text) */
#define SLUICE_PLACE_TABLE(X)                                                                                          \
	X(TOP, 0, "next to the host")                                                                                  \
	X(BOTTOM, 1, "next to the wire")                                                                               \
	X(ABOVE, 2, "on the host's side of its neighbour")                                                             \
	X(BELOW, 3, "on the wire's side of its neighbour")

enum sluice_place {
#define X(name, number, text) SLUICE_PLACE_##name = number,
	SLUICE_PLACE_TABLE(X)
#undef X
};

/* STACK_INSERT. STACK_REMOVE: of which stack and instance count, the others are zero. */
struct sluice_stack_command {
	char stack[SLUICE_NAME_SIZE];
	char instance[SLUICE_NAME_SIZE];
	char driver[SLUICE_NAME_SIZE];
	char neighbour[SLUICE_NAME_SIZE]; /* an instance of the stack, for ABOVE and BELOW; otherwise zero */
	uint32_t place;			  /* enum sluice_place */
	uint32_t reserved;
};
SLUICE_ASSERT_SIZE(struct sluice_stack_command, 136);

/* What a change of drivers or stacks answers. */
struct sluice_change_answer {
	char name[SLUICE_NAME_SIZE]; /* of the driver or instance that came or went */
	char text[224];		     /* where it was refused: why, in words; "" where the status says all */
};
SLUICE_ASSERT_SIZE(struct sluice_change_answer, 256);

/* RESET_DATAPATH, RESET_DEVICE */
struct sluice_reset_command {
	char reason[128]; /* 1 to 127 printable bytes, then zero: for people, and for those who look for it later */
};
SLUICE_ASSERT_SIZE(struct sluice_reset_command, 128);

/* How far an operation has come. X(name, number, word) */
#define SLUICE_OPERATION_STATE_TABLE(X)                                                                                \
	X(WAITING, 0, "waiting")                                                                                       \
	X(RUNNING, 1, "running")                                                                                       \
	X(DONE, 2, "done")

enum sluice_operation_state {
#define X(name, number, word) SLUICE_OPERATION_##name = number,
	SLUICE_OPERATION_STATE_TABLE(X)
#undef X
};

#define SLUICE_PERCENT_UNKNOWN 255u

/* OPERATION_STATUS, OPERATION_LIST */
struct sluice_operation_record {
	uint64_t id;
	uint64_t begun_ms; /* since 1970 */
	uint64_t ended_ms; /* likewise; this, result, status, error_offset and answer: 0 before it is done */
	uint64_t result;   /* as in the command's completion */
	uint32_t user;
	uint32_t error_offset;
	uint16_t opcode;
	uint16_t status; /* enum sluice_status */
	uint8_t state;	 /* enum sluice_operation_state */
	uint8_t percent; /* of the step, or SLUICE_PERCENT_UNKNOWN */
	uint16_t reserved;
	char step[SLUICE_NAME_SIZE]; /* what is done, or was done last; "" where that is not told */
	struct sluice_change_answer answer;
};
SLUICE_ASSERT_SIZE(struct sluice_operation_record, 336);

#define SLUICE_OID_VALUE_MAX 4096u

/* OID_GET, OID_SET (value follows) */
struct sluice_oid_command {
	char instance[SLUICE_NAME_SIZE]; /* instance or port */
	uint32_t oid;
	uint32_t reserved;
};
SLUICE_ASSERT_SIZE(struct sluice_oid_command, 40);

struct sluice_oid_record {
	uint32_t oid;
	uint32_t reserved;
};
SLUICE_ASSERT_SIZE(struct sluice_oid_record, 8);

#endif
