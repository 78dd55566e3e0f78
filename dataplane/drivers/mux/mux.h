/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mux: several VNICs over one adapter (contract 10B), each with an address, a packet filter and a multicast list of its
 * own, and, if it wants, in a VLAN of its own.
 *
 *      VNIC 0      VNIC 1 ...    a relay each (im/relay.h): life, gates, holding, requests, events
 *         \         /            send.c: the tag goes in; what comes back finds its VNIC in its second word
 *          [ mux ]               receive.c: who wants it; a packet of its own for each
 *             |                  requests.c: what a VNIC answers itself; what all want together is asked below
 *          adapter
 *
 * A VNIC with id 0 is in no VLAN: it gets frames of all, and says with the 802.1Q info of each packet where it goes.
 * Tags of either kind are taken out on the way up, and stand in that info (10.10).
 *
 * VNICs of one mux do not hear each other: what one sends goes to the adapter and nowhere else (10.12). Whoever wants
 * them to has a switch below that sends frames back; isolated tenants stay so without a rule.
 */
#ifndef MUX_H
#define MUX_H

#include "im/asking.h"
#include "im/assemble.h"
#include "im/drain.h"
#include "im/relay.h"
#include "im/station.h"
#include "options.h"
#include "tag.h"

#define MUX_DESCRIPTORS 512u /* for frames that several VNICs have, or that are copied */

/* What all VNICs want together of the adapter. */
enum mux_setting {
	MUX_FILTER,
	MUX_LOOKAHEAD,
	MUX_SETTINGS,
};

enum mux_wish {
	WISH_NONE,
	WISH_MADE,     /* by a set that is not answered */
	WISH_ASKED,    /* of the adapter */
	WISH_ANSWERED, /* before the handler has returned: it takes the status along */
};

/* What a VNIC carries besides its relay: relay->own. */
struct mux_vnic {
	struct mux *mux;
	struct im_station station;
	uint16_t vlan; /* id; atomic */
	uint32_t protocol_options;

	/* under the mux's lock */
	uint32_t values[MUX_SETTINGS]; /* in force */
	enum mux_wish wish;
	enum mux_setting wished;
	uint32_t wish_value;
	im_status_t wish_status;
	uint32_t *wish_read; /* of the set */
	bool pended;	     /* its handler has returned PENDING */
};

struct mux {
	struct im_binding *below;
	uint8_t address[IM_ADDRESS_SIZE]; /* of the adapter */
	uint32_t count;
	struct im_relay *vnics[MUX_VNICS_MAX];
	struct im_lock lock;
	bool closing; /* under the lock: no more sets wait for the adapter */
	struct im_setting settings[MUX_SETTINGS];
	struct im_question question; /* inside the bind */
	struct im_pool *pool;
	struct im_assembler assembler;
	struct im_drain drain; /* of the event that pends */
	struct im_pnp_event *event;

	struct im_open open;
	const struct im_bind_config *config; /* of the bind that is under way, or NULL */
	im_status_t bind_status;
	void *unbind_context;
};

extern struct im_relay_driver mux_driver;

static inline struct mux_vnic *mux_vnic(const struct im_relay *relay)
{
	return relay->own;
}

/* send.c: handlers */
IM_DISPATCH void mux_send_packets(void *context, struct im_packet **packets, uint16_t count);
IM_DISPATCH void mux_send_complete(void *context, struct im_packet **packets, uint16_t count);
IM_DISPATCH void mux_sent(struct im_relay *relay, struct im_packet *own, struct im_packet *original);

/* receive.c: handlers */
IM_DISPATCH void mux_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references);
IM_DISPATCH im_status_t mux_receive(void *context, const struct im_lookahead *lookahead);
IM_DISPATCH void mux_receive_complete(void *context);
IM_DISPATCH void mux_transfer_data_complete(void *context, struct im_packet *packet, im_status_t status,
					    uint32_t transferred);
IM_DISPATCH struct im_packet *mux_returned(struct im_relay *relay, struct im_packet *own, struct im_packet *original);
void mux_assembler_init(struct mux *mux);

/* requests.c: handlers, the settings, and what it answers in the relay's place */
extern const uint32_t mux_oids[];
extern const uint32_t mux_oid_count;
IM_PASSIVE im_status_t mux_query_information(void *context, uint32_t oid, void *buffer, uint32_t length,
					     uint32_t *written, uint32_t *needed);
IM_PASSIVE im_status_t mux_set_information(void *context, uint32_t oid, const void *buffer, uint32_t length,
					   uint32_t *read, uint32_t *needed);
IM_DISPATCH void mux_cancel_request(void *context);
IM_DISPATCH void mux_request_complete(void *context, struct im_request *request, im_status_t status);
IM_DISPATCH void mux_answered(struct im_relay *relay, uint32_t oid, void *value, uint32_t length);
IM_PASSIVE void mux_settings_init(struct mux *mux);

/** Fail the set of this VNIC that waits for the adapter, if there is one. Level: any. */
void mux_fail_wish(struct im_relay *relay, im_status_t status);

/** The VNIC wants nothing any more; what the others want goes down (10.13). Level: PASSIVE. */
IM_PASSIVE void mux_forget_wants(struct im_relay *relay);

#endif
