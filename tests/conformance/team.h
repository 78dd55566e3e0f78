/* SPDX-License-Identifier: BSD-3-Clause */
/* A team "t0" over nics of different drivers, below the top. */
#ifndef CONFORMANCE_TEAM_H
#define CONFORMANCE_TEAM_H

#include "rig.h"

#define TEAM_NICS    3u
#define TEAM_PACKETS 16u
#define PATIENCE_MS  250u /* that a member has for what was sent over it */
#define ALL	     0x20u
#define DIRECTED     0x01u
#define FILTER	     SLUICE_OID_GEN_CURRENT_PACKET_FILTER
#define OFFLOAD	     SLUICE_OID_TCP_TASK_OFFLOAD
#define SIZE	     SLUICE_OID_GEN_MAXIMUM_FRAME_SIZE
#define ADDRESS	     SLUICE_OID_802_3_CURRENT_ADDRESS

extern const char *const team_names[TEAM_NICS]; /* "nic0" ... */
extern struct rig_vnic *team_nics[TEAM_NICS];	/* they hold their sends */
extern struct im_packet *team_packets[TEAM_PACKETS];

/** Team and top loaded, this many nics running; workers: none. */
void team_load(uint32_t count, uint32_t workers);
void team_start_nic(uint32_t i);

/** Bind the team over a nic; the text is the VNIC's parameters. */
im_status_t team_bind(uint32_t i, const char *text);

/** Restart "t0", and bind the top over it, which sets this packet filter. */
void team_bind_top(uint32_t filter);

/** All of that, with this many members, of which the first one is active, and packets. */
void team_build(uint32_t count);
void team_down(void);

/** What a nic answers, and was told. */
void team_set_value(struct rig_vnic *nic, uint32_t oid, uint32_t number, bool settable);
uint32_t team_value_of(struct rig_vnic *nic, uint32_t oid);

/** What the VNIC answers, and is told by the top. */
uint32_t team_ask(uint32_t oid);
im_status_t team_set(uint32_t oid, uint32_t value);

void team_send(uint32_t first, uint16_t count);
void team_complete_all(uint32_t i);
void team_lose_link(uint32_t i);
void team_get_link(uint32_t i);

/** Who carries the traffic now; nothing is out. The last packet is sent for it. */
void team_expect_carrier(uint32_t i);

/** The top has got each of these packets back exactly once. */
void team_expect_once_each(uint32_t first, uint32_t count);

#endif
