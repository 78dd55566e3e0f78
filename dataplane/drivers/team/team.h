/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * team: one VNIC over several adapters (contract 10C), of whatever drivers (10.18). One of them, the active one,
 * carries the traffic; when it fails another one takes over, and nobody above sees more of that than a pause (10.20).
 *
 *              VNIC            a relay (im/relay.h) whose way down is moved from member to member
 *               |              requests.c: what the VNIC answers, and what all members are told
 *            [ team ]          switch.c: who is active, and how that changes
 *           /   |    \         packets.c: receives of the active one
 *      member member member    member.c: bound, unbound, asleep; team.c: the team itself, and the driver
 *
 * Binds that name the same VNIC make a team. Its address is that of the first member, or is configured, and stays
 * whoever carries it; so the others, which have their own, are promiscuous below (6.36).
 */
#ifndef TEAM_H
#define TEAM_H

#include <sys/queue.h>

#include "im/asking.h"
#include "im/assemble.h"
#include "im/drain.h"
#include "im/relay.h"
#include "im/station.h"

#define TEAM_MEMBERS_MAX 8u
#define TEAM_DESCRIPTORS 256u /* of a member, for frames by look-ahead */

/* What keeps a member from being the active one: bits. */
enum team_flaw {
	FLAW_NO_LINK = 1,   /* better than nothing */
	FLAW_RESETTING = 2, /* it is back soon: sends wait for it */
	FLAW_PAUSED = 4,
	FLAW_ASLEEP = 8,
	FLAW_LEAVING = 16,
};

/* What the VNIC is set to, and all members with it. X(name, OID) */
#define TEAM_SETTING_TABLE(X)                                                                                          \
	X(FILTER, GEN_CURRENT_PACKET_FILTER)                                                                           \
	X(LOOKAHEAD, GEN_CURRENT_LOOKAHEAD)                                                                            \
	X(OPTIONS, GEN_PROTOCOL_OPTIONS)                                                                               \
	X(VLAN, GEN_VLAN_ID)                                                                                           \
	X(OFFLOAD, TCP_TASK_OFFLOAD)

enum team_setting {
#define X(name, oid) TEAM_##name,
	TEAM_SETTING_TABLE(X)
#undef X
		TEAM_SETTINGS,
};

/* What the team can do is what the least of its members can (10.36). X(name, OID) */
#define TEAM_SIZE_TABLE(X)                                                                                             \
	X(FRAME, GEN_MAXIMUM_FRAME_SIZE)                                                                               \
	X(TOTAL, GEN_MAXIMUM_TOTAL_SIZE)                                                                               \
	X(LOOKAHEAD_MAXIMUM, GEN_MAXIMUM_LOOKAHEAD)

enum team_size {
#define X(name, oid) TEAM_##name,
	TEAM_SIZE_TABLE(X)
#undef X
		TEAM_SIZES,
};

struct team_abilities {
	uint32_t sizes[TEAM_SIZES]; /* 0: nobody says */
	uint32_t offloads;
};

struct team_member {
	struct team *team;
	struct im_binding *below;
	uint8_t address[IM_ADDRESS_SIZE];
	struct team_abilities abilities; /* under the team's lock */
	uint32_t flaws;			 /* under the team's lock */
	uint32_t number;		 /* in the team */
	uint32_t refused;		 /* bits: settings that it has not taken; under the team's lock */
	struct im_setting settings[TEAM_SETTINGS];
	struct im_question question;
	struct im_pool *pool;
	struct im_assembler assembler;
	struct im_drain drain; /* of the event that pends */
	struct im_pnp_event *event;

	struct im_open open;
	const struct im_bind_config *config; /* of the bind that is under way, or NULL */
	im_status_t bind_status;
	void *unbind_context;
};

/* A set of the VNIC that waits for the members; there is one at a time (6.14). Under the lock. */
struct team_wish {
	bool made;
	bool pended; /* its handler has returned PENDING */
	enum team_setting setting;
	uint32_t value;
	uint32_t *read;
	uint32_t waiting; /* bits: members that have not taken it yet */
	uint32_t asked;	  /* bits: of those, whom it has been asked of */
	im_status_t status;
};

struct team {
	LIST_ENTRY(team) link; /* under the list's lock */
	char name[SLUICE_NAME_SIZE];
	struct im_relay *relay;
	struct im_station station;
	uint32_t users; /* members, also those that close, and who looks it up; the last one frees; under the list's
			   lock */
	bool going;	/* its last member leaves; under the list's lock */

	struct im_lock lock;			       /* of all below */
	struct team_member *members[TEAM_MEMBERS_MAX]; /* by number; NULL: none */
	uint32_t active;			       /* number; it changes in switch.c alone; atomic for who reads */
	uint32_t calls;				       /* threads that call with members' handles; atomic */
	uint32_t values[TEAM_SETTINGS];
	bool is_set[TEAM_SETTINGS]; /* else members keep what they have */
	struct team_wish wish;
	struct team_abilities announced;
	struct im_work announce;
	bool announcing;     /* that work is queued or running */
	bool announce_again; /* and has to tell once more */
	bool closing;	     /* no more sets wait for the members */
	bool stopped;	     /* the VNIC is halted for good: nobody uses the way down */

	/* switch.c */
	bool turn, again; /* somebody acts on what changed; it has changed once more */
	bool holding, linked;
	bool switching;
	struct im_work switch_work;
	struct im_drain drain;
	struct im_timer patience;
	uint32_t impatient; /* atomic */
};

extern struct im_relay_driver team_driver;

static inline struct team *team_of(const struct im_relay *relay)
{
	return *(struct team **)relay->own;
}

static inline bool team_is_active(const struct team_member *member)
{
	struct team *team = member->team;

	return team->members[__atomic_load_n(&team->active, __ATOMIC_ACQUIRE)] == member;
}

/* team.c */

/** Be a member of the team of this VNIC, which is made if there is none. RESOURCES ... Level: PASSIVE. */
IM_PASSIVE im_status_t team_join(struct team_member *member, const char *name, const char *text);

/** Nobody's any more: the last one takes the VNIC along. The binding is open, and can be closed afterwards. Level:
 * PASSIVE. */
IM_PASSIVE void team_leave(struct team_member *member);

/** The member's binding is closed; the last one frees the team. Level: PASSIVE. */
IM_PASSIVE void team_drop(struct team *team);

/** A moment, for who waits for another thread. Level: PASSIVE. */
IM_PASSIVE void team_sleep(void);

/* switch.c */
void team_switch_init(struct team *team);

/** Set and clear flaws of a member, and act on it: hold, switch, tell the link. Level: any. */
void team_flaw(struct team_member *member, uint32_t set, uint32_t clear);

/** Wait until @p member is not the active one, or the VNIC is gone. Level: PASSIVE. */
IM_PASSIVE void team_wait_for_switch(struct team_member *member);

/** Whether some member has a link [10.20]. Level: any. */
bool team_is_linked(struct team *team);

/* member.c: handlers of the protocol edge */
IM_PASSIVE im_status_t team_bind_adapter(const struct im_bind_config *config);
IM_PASSIVE im_status_t team_unbind_adapter(void *context, void *unbind_context);
IM_PASSIVE void team_open_adapter_complete(void *context, im_status_t status);
IM_PASSIVE void team_close_adapter_complete(void *context);
void team_status(void *context, uint32_t indication, const void *buffer, uint32_t length);
void team_status_complete(void *context);
IM_PASSIVE im_status_t team_pnp_event(void *context, struct im_pnp_event *event);

/* packets.c: handlers */
IM_DISPATCH void team_send_complete(void *context, struct im_packet **packets, uint16_t count);
IM_DISPATCH void team_cancel_send_packets(void *context, uint32_t cancel_id);
IM_DISPATCH void team_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references);
IM_DISPATCH im_status_t team_receive(void *context, const struct im_lookahead *lookahead);
IM_DISPATCH void team_receive_complete(void *context);
IM_DISPATCH void team_transfer_data_complete(void *context, struct im_packet *packet, im_status_t status,
					     uint32_t transferred);
void team_assembler_init(struct team_member *member);

/* requests.c: handlers, and what members are told */
extern const uint32_t team_oids[];
extern const uint32_t team_oid_count;
IM_PASSIVE im_status_t team_query_information(void *context, uint32_t oid, void *buffer, uint32_t length,
					      uint32_t *written, uint32_t *needed);
IM_PASSIVE im_status_t team_set_information(void *context, uint32_t oid, const void *buffer, uint32_t length,
					    uint32_t *read, uint32_t *needed);
IM_DISPATCH void team_cancel_request(void *context);
IM_DISPATCH void team_request_complete(void *context, struct im_request *request, im_status_t status);

/** Ask a new member what it can, and what it is. Level: PASSIVE. */
IM_PASSIVE im_status_t team_ask_member(struct team_member *member);

/** Tell it what the VNIC is set to. It is in the team. FAILURE: it refuses what it could not carry the VNIC without.
 * Level: PASSIVE. */
IM_PASSIVE im_status_t team_tell_member(struct team_member *member);

/** It sleeps, or leaves: nobody waits for it. Level: any. */
void team_spare_member(struct team_member *member);

/** Fail the set that waits. Level: any. */
void team_fail_wish(struct team *team, im_status_t status);

void team_announce_init(struct team *team);

/** What the team can do may have changed: say so above if it has (10.36). Level: any. */
void team_announce(struct team *team);

/** The VNIC halts: the members go back to nothing. Level: PASSIVE. */
IM_PASSIVE void team_forget_wants(struct im_relay *relay);

#endif
