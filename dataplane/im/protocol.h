/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The protocol edge: how a driver is bound to an adapter below it, and the calls that belong to it.
 * Im-contract sections 1E, 3, 4, 5 and 7.
 */
#ifndef IM_PROTOCOL_H
#define IM_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/im_status.h"
#include "level.h"
#include "packet.h"

struct im_wrapper;
struct im_miniport;
struct im_protocol;
struct im_binding;
struct im_request;
struct im_lookahead;

#define IM_MEDIUM_802_3 0u

/** What the core tells bind_adapter about the binding. Good until the bind is complete. */
struct im_bind_config {
	const char *adapter; /* to open */
	uint32_t vnic_count; /* VNICs that the driver shall present over it [1.33, 1.35] */
	const char *const *vnic_names;
	void *core;			    /* the core's */
	const char *const *vnic_parameters; /* a text for each VNIC, "vlan=100,mac=02:00:00:00:00:09"; NULL: none */
};

/* X(name, text) */
#define IM_PNP_EVENT_TABLE(X)                                                                                          \
	X(SET_POWER, "the adapter changes its power state")                                                            \
	X(QUERY_POWER, "may it?")                                                                                      \
	X(QUERY_REMOVE, "may the adapter go?")                                                                         \
	X(CANCEL_REMOVE, "it does not go")                                                                             \
	X(RECONFIGURE, "read the configuration again")                                                                 \
	X(BIND_LIST, "the list of bindings changed")                                                                   \
	X(BINDS_COMPLETE, "all bindings are made")                                                                     \
	X(PAUSE, "start no more sends")                                                                                \
	X(RESTART, "data may flow")

enum im_pnp_event_code {
#define X(name, text) IM_PNP_##name,
	IM_PNP_EVENT_TABLE(X)
#undef X
};

enum im_power_state {
	IM_POWER_D0 = 1,
	IM_POWER_D1 = 2,
	IM_POWER_D2 = 3,
	IM_POWER_D3 = 4,
};

/** An event, good until it is answered. */
struct im_pnp_event {
	enum im_pnp_event_code code;
	enum im_power_state power; /* of SET_POWER and QUERY_POWER */
	const void *buffer;	   /* of RECONFIGURE and BIND_LIST; validate it */
	uint32_t length;
	void *core; /* the core's */
};

/** Zero it, fill it in, register it; it is copied. Handlers marked (m) are mandatory, (im) for an intermediate driver.
 */
struct im_protocol_characteristics {
	uint8_t major_version; /* 4 (or 3) [3.1] */
	uint8_t minor_version;
	uint16_t reserved; /* 0 */

	/** (m) Open the adapter, start the VNICs [1.33]. On an error, RESOURCES or what im_open_adapter() returned,
	 * close what was opened [1.36]. PENDING: im_complete_bind_adapter() later [3.3]. Level: PASSIVE. */
	im_status_t (*bind_adapter)(const struct im_bind_config *config);

	/** (m) Cannot fail [1.37]: deinitialise the VNICs, then im_close_adapter(), then free [1.38]. SUCCESS, or
	 * PENDING and one im_complete_unbind_adapter() [3.4]. Level: PASSIVE. */
	im_status_t (*unbind_adapter)(void *context, void *unbind_context);

	/** (m) An open that pended is through [3.5]. Level: PASSIVE. */
	void (*open_adapter_complete)(void *context, im_status_t status);

	/** (m) A close that pended is through; the handle was dead already; free what the binding had [3.6, 1.40].
	 * Level: PASSIVE. */
	void (*close_adapter_complete)(void *context);

	/** (m) Packets this protocol sent are its own again; status tells how each fared [3.9, 4.15]. Level: DISPATCH.
	 */
	void (*send_complete)(void *context, struct im_packet **packets, uint16_t count);

	/** (im) Packets from below, lent. references[i], 0 on entry, is how often this protocol will return
	 * packet i with im_return_packets() [5.12]; 0 for a packet with status RESOURCES [5.15]. Level: DISPATCH. */
	void (*receive_packets)(void *context, struct im_packet **packets, uint16_t count, uint16_t *references);

	/** (m) The beginning of a frame [5.23]; im_transfer_data() inside this call gets the rest [5.24]. NOT_ACCEPTED:
	 * not for this protocol [5.28]. Frames that the miniport needs back at once come this way too [5.7]. Level:
	 * DISPATCH. */
	im_status_t (*receive)(void *context, const struct im_lookahead *lookahead);

	/** (m) After one or more receive calls; may run while others do [3.13, 5.27]. Level: DISPATCH. */
	void (*receive_complete)(void *context);

	/** Mandatory if im_transfer_data() is used: one that pended is through [3.10]. Level: DISPATCH. */
	void (*transfer_data_complete)(void *context, struct im_packet *packet, im_status_t status,
				       uint32_t transferred);

	/** (m) A request that pended is complete: its byte counts are valid [3.8]. Level: DISPATCH. */
	void (*request_complete)(void *context, struct im_request *request, im_status_t status);

	/** (im) A reset that this protocol asked for, and that pended, is over [3.7]. Level: DISPATCH. */
	void (*reset_complete)(void *context, im_status_t status);

	/** (m) The adapter tells something [3.14]; @p buffer is good during the call [7.20]. Level: DISPATCH. */
	void (*status)(void *context, uint32_t indication, const void *buffer, uint32_t length);

	/** (m) Follows status [3.14, 7.17]. Level: DISPATCH. */
	void (*status_complete)(void *context);

	/** (im) Power, configuration, pause [3.15, 7.26]. SUCCESS; PENDING and one im_complete_pnp_event();
	 * QUERY_REMOVE may be refused with FAILURE. Level: PASSIVE. */
	im_status_t (*pnp_event)(void *context, struct im_pnp_event *event);

	/** Optional: before unload, when a user uninstalls the driver [1.27-1.29]. Level: PASSIVE. */
	void (*uninstall)(void);
};

/* ---- Registration and binding -------------------------------------------------------------------- */

/**
 * Register the protocol edge [3.1-3.16]. The handle is valid before the first bind_adapter [1.5]. BAD_VERSION,
 * BAD_CHARACTERISTICS, RESOURCES, INVALID_PARAMETER. Level: PASSIVE.
 */
IM_PASSIVE im_status_t im_register_protocol(struct im_wrapper *wrapper,
					    const struct im_protocol_characteristics *characteristics, uint32_t length,
					    struct im_protocol **handle);

/** Unbinds what is bound, then deregisters [1.24]. NULL is a no-op, so that it can be called twice [1.26]. Level:
 * PASSIVE. */
IM_PASSIVE void im_deregister_protocol(struct im_protocol *handle);

/** Tell that the two edges belong together [1.2]. INVALID_PARAMETER if they are not of one driver; RESOURCES. Level:
 * PASSIVE. */
IM_PASSIVE im_status_t im_associate_miniport(struct im_miniport *miniport, struct im_protocol *protocol);

/** What a protocol wants opened. */
struct im_open {
	void *context;	       /* what every later protocol handler of the binding gets */
	const uint32_t *media; /* that the protocol can work with [3.20] */
	uint32_t media_count;
	uint32_t selected; /* out: index of the medium, once it is open */
};

/**
 * Open the adapter of @p config, inside the bind that it belongs to [1.34]. *binding is set before anything is
 * delivered for it, and the driver's until it closes it; @p open stays where it is until the open is through. SUCCESS;
 * PENDING: open_adapter_complete follows [3.5]; ADAPTER_NOT_FOUND, UNSUPPORTED_MEDIA [3.20]; FAILURE: not inside its
 * bind; RESOURCES, INVALID_PARAMETER. What would close a cycle is refused before bind_adapter is called [10.4]. Level:
 * PASSIVE.
 */
IM_PASSIVE im_status_t im_open_adapter(struct im_binding **binding, struct im_protocol *protocol,
				       const struct im_bind_config *config, struct im_open *open);

/** Close, from inside unbind_adapter or a failing bind [1.34], with no send and no request out [3.21]. From this call
 * on the handle is invalid [3.22]. SUCCESS, or PENDING and close_adapter_complete later [3.6]; FAILURE: it is not open;
 * INVALID_PARAMETER: NULL. Level: PASSIVE. */
IM_PASSIVE im_status_t im_close_adapter(struct im_binding *binding);

/** Have the core unbind @p binding, as if its adapter went: for a driver that wants to be rid of it at another moment
 * [1.34]. Level: any. */
void im_schedule_unbind(struct im_binding *binding);

/** Complete a bind_adapter that returned PENDING [3.3]. Level: PASSIVE. */
IM_PASSIVE void im_complete_bind_adapter(const struct im_bind_config *config, im_status_t status);

/** Complete an unbind_adapter that returned PENDING; the context is dead from here on [3.4]. Level: PASSIVE. */
IM_PASSIVE void im_complete_unbind_adapter(void *unbind_context);

/** Complete a pnp_event that returned PENDING, once and with a final status [3.15, 7.26]; the event is the core's
 * again. Level: any. */
void im_complete_pnp_event(struct im_pnp_event *event, im_status_t status);

/** The device context of the VNIC below: shared by all bindings over it, read only [2.48]. Level: PASSIVE. */
IM_PASSIVE void *im_get_binding_context(const struct im_binding *binding);

/** Where a binding counts, in each thread's own copy [9.27]: for im_count_drop(). Level: any. */
uint16_t im_binding_account(const struct im_binding *binding);

/* ---- Packets ------------------------------------------------------------------------------------- */

/** Send down [4.1-4.4]: ownership goes with the call, and each packet comes back through send_complete. Level:
 * DISPATCH. */
IM_DISPATCH void im_send_packets(struct im_binding *binding, struct im_packet **packets, uint16_t count);

/** Send one packet [4.11]; it too comes back through send_complete. Level: DISPATCH. */
IM_DISPATCH void im_send(struct im_binding *binding, struct im_packet *packet);

/** A cancel id that no other driver uses: its high byte is this driver's [4.23]. Level: PASSIVE. */
IM_PASSIVE uint32_t im_generate_cancel_id(struct im_wrapper *wrapper);

/** Ask that sends with @p cancel_id which are still queued below be aborted; best effort [4.24-4.27]. Level: DISPATCH.
 */
IM_DISPATCH void im_cancel_send_packets(struct im_binding *binding, uint32_t cancel_id);

/** Give back packets that came through receive_packets and were kept [5.12-5.18]; they may be of several adapters.
 * Level: DISPATCH. */
IM_DISPATCH void im_return_packets(struct im_binding *binding, struct im_packet **packets, uint16_t count);

/**
 * Inside receive: copy @p length bytes of the frame behind @p receive_context, from @p offset behind its header, into
 * the buffers of @p packet, which is the caller's own [5.24]. SUCCESS with *transferred (shorter at the end of the
 * frame, 0 beyond it); PENDING: transfer_data_complete follows [5.25]; FAILURE. Level: DISPATCH.
 */
IM_DISPATCH im_status_t im_transfer_data(struct im_binding *binding, void *receive_context, uint32_t offset,
					 uint32_t length, struct im_packet *packet, uint32_t *transferred);

/** Ask for a reset of the adapter [7.1, 7.9]. NOT_RESETTABLE, RESET_IN_PROGRESS, CLOSING, LOW_POWER_STATE; PENDING:
 * reset_complete follows, with REQUEST_ABORTED where the binding closes first [7.10]. INVALID_PARAMETER: NULL. Level:
 * any.
 */
im_status_t im_reset(struct im_binding *binding);

/* ---- Packets of one's own ------------------------------------------------------------------------ */

struct im_pool;

/** A pool of @p count descriptors for packets that the driver makes itself [2.55]; its own until im_free_packet_pool().
 * RESOURCES; INVALID_PARAMETER: a NULL, or a count of 0. Level: PASSIVE. */
IM_PASSIVE im_status_t im_allocate_packet_pool(struct im_wrapper *wrapper, uint32_t count, struct im_pool **pool);

/** Free a pool; what is still out of it is a leak [5.31]. NULL is a no-op. Level: PASSIVE. */
IM_PASSIVE void im_free_packet_pool(struct im_pool *pool);

/** A fresh descriptor without buffers, or NULL: a state, to be counted [5.22]. Level: DISPATCH. */
IM_DISPATCH struct im_packet *im_allocate_packet(struct im_pool *pool);

/** Give it back; its buffers are gone or somebody else's [5.21]. Level: DISPATCH. */
IM_DISPATCH void im_free_packet(struct im_pool *pool, struct im_packet *packet);

/** Make a descriptor of the caller's own pool as good as new; its buffers must be gone [5.21]. Level: DISPATCH. */
IM_DISPATCH void im_reinitialize_packet(struct im_pool *pool, struct im_packet *packet);

/** A buffer (mbuf) of the card, or NULL: a state, to be counted, which the verifier can bring about [12.39]. The
 * caller's until it goes with a packet; taken off before the descriptor is used again, and freed with
 * rte_pktmbuf_free() [5.21]. Level: DISPATCH. */
IM_DISPATCH struct rte_mbuf *im_allocate_buffer(void);

/** The driver's two words in the slot that it will use by handing @p packet on next, good until it is back. NULL: no
 * slot is left, a descriptor of one's own is needed [2.54, 2.56]. Level: DISPATCH. */
static inline uintptr_t *im_packet_words(struct im_packet *packet)
{
	return packet->depth < packet->slots ? packet->stack[packet->depth].words : NULL;
}

#endif
