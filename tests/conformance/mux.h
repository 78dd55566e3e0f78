/* SPDX-License-Identifier: BSD-3-Clause */
/* A mux between the nic and a protocol over each of its VNICs, and frames for it. */
#ifndef CONFORMANCE_MUX_H
#define CONFORMANCE_MUX_H

#include "rig.h"

#define MUX_VNICS 3u
#define MUX_FRAME 64u /* bytes without a tag */
#define MUX_TAG	  4u
#define UNTAGGED  (-1)
/* Packet filters. */
#define FILTER	 SLUICE_OID_GEN_CURRENT_PACKET_FILTER
#define DIRECTED 0x01u
#define LISTED	 0x02u
#define ALL	 0x20u

/** "v0" in VLAN 100, "v1" in none, "v2" in VLAN 200 with an address of its own; "t0" ... above them. */
extern const char *const mux_names[MUX_VNICS + 1], *const mux_tops[MUX_VNICS], *const mux_parameters[MUX_VNICS];
extern const uint8_t mux_everybody[6], mux_group[6], mux_stranger[6];

/** Of the VNICs, once they are there. */
extern uint8_t mux_addresses[MUX_VNICS][6];
extern struct rig_binding *mux_uppers[MUX_VNICS];

/** Nic, mux and top loaded, the nic running; it holds its sends, and the top what it receives. */
void mux_load(void);

/** What stands over these VNICs: they are restarted, and get a protocol each. */
void mux_restart(const char *const *vnics);

/** The mux with those parameters; nobody takes anything yet. Or each the same. */
void mux_build_deaf(const char *const *parameters);
void mux_build(uint32_t filter);

im_status_t mux_set_filter(uint32_t vnic, uint32_t filter);

/** The bytes of a frame with this tag, or UNTAGGED. Returns how many. */
uint32_t mux_fill(uint8_t *bytes, const uint8_t *to, int tci);
struct im_packet *mux_frame(const uint8_t *to, int tci);
#define mux_expect_frame(packet, to, tci) mux_expect_frame_at(__FILE__, __LINE__, packet, to, tci)
void mux_expect_frame_at(const char *file, int line, const struct im_packet *packet, const uint8_t *to, int tci);

void mux_indicate(struct im_packet **packets, uint16_t count);
void mux_send(uint32_t vnic, struct im_packet **packets, uint16_t count);

/** Which VNICs get such a frame, as bits; each of them sees the other tag, and this 802.1Q info. */
uint32_t mux_receivers_of(const uint8_t *to, int tci, int seen_tci, uint16_t info);
uint32_t mux_vlan_receivers(int tci, uint16_t info);
uint32_t mux_directed_receivers(const uint8_t *to);

#endif
