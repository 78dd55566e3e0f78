/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The miniport edge: what a driver presents upward, a VNIC (or a port), and the calls that belong to it.
 * Im-contract sections 2, 4, 5, 7 and 10D.
 */
#ifndef IM_MINIPORT_H
#define IM_MINIPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/im_status.h"
#include "level.h"
#include "packet.h"
#include "protocol.h"

struct im_wrapper;
struct im_miniport;
struct im_instance;
struct im_request;

#define IM_MAJOR_VERSION 4 /* [2.2] */
#define IM_MINOR_VERSION 0

/** A handler that an intermediate driver never supplies [2.19-2.24]. */
typedef void (*im_never_supplied_t)(void);

/**
 * Zero it, fill it in, register it; it is copied [1.9, 2.1].
 * Handlers marked (m) are mandatory. @p context is what im_set_attributes() gave [2.50].
 */
struct im_miniport_characteristics {
	uint8_t major_version;
	uint8_t minor_version;
	uint16_t reserved; /* 0 */

	/** (m) Bring the instance to life: call im_set_attributes() [2.49], take what it needs. On an error, such as
	 * RESOURCES, free all of it; halt is not called then [2.51]. Level: PASSIVE. */
	im_status_t (*initialize)(struct im_instance *instance, void *device_context);

	/** (m) The instance goes. All its sends are complete, its packets back and its requests done [4.34, 5.29,
	 * 6.25]; no more calls to the core for it. Level: PASSIVE. */
	void (*halt)(void *context);

	/** (m) Answer an OID [6.1-6.10]: @p written <= @p length, or 0 with @p needed = the whole size and
	 * BUFFER_TOO_SHORT; NOT_SUPPORTED: it knows no such OID. One at a time [6.14]. PENDING:
	 * im_query_information_complete() later, the pointers stay good until then [6.12]. Level: PASSIVE. */
	im_status_t (*query_information)(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
					 uint32_t *needed);

	/** (m) Set an OID [6.1-6.10]: @p read = bytes consumed; or nothing has changed, with INVALID_LENGTH and
	 * @p needed, INVALID_DATA or NOT_SUPPORTED. PENDING: im_set_information_complete() later, as above. Level:
	 * PASSIVE. */
	im_status_t (*set_information)(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
				       uint32_t *needed);

	/** Optional: bring the request that pends to its end soon; it still completes once. It may be complete by the
	 * time that this runs, and no other has come since [6.23]. Level: DISPATCH. */
	void (*cancel_request)(void *context);

	/** NULL for an intermediate driver, mandatory otherwise [2.13, C1]. SUCCESS, PENDING and one
	 * im_reset_complete(), NOT_RESETTABLE, RESET_IN_PROGRESS, SOFT_ERRORS or HARD_ERRORS [7.1]. Level: PASSIVE. */
	im_status_t (*reset)(bool *addressing_reset, void *context);

	/** (m, unless send is given) Send @p count packets in this order [4.1-4.3]. Every packet is completed exactly
	 * once with im_send_complete(), perhaps before this returns; the array is dead afterwards [4.4, 4.6]. A
	 * serialised miniport (not IM_ATTRIBUTE_DESERIALIZE) sets each status before it returns: final ones are
	 * complete, PENDING ones complete later, RESOURCES refuses that packet and all behind it for now [4.5, 4.7].
	 * Of those that pend it uses im_send_complete_status(). Level: DISPATCH. */
	void (*send_packets)(void *context, struct im_packet **packets, uint16_t count);

	/** Single-packet form [4.11]: PENDING, and one im_send_complete() later, or the final status [4.13] and none:
	 * SUCCESS, FAILURE, RESOURCES ... Never called when send_packets is given [2.31]; the core splits batches for
	 * it [2.32]. Level: DISPATCH. */
	im_status_t (*send)(void *context, struct im_packet *packet, uint32_t flags);

	/** Optional: complete what is still queued here with @p cancel_id, with SEND_ABORTED, and pass the cancel on
	 * [4.24, 4.25]; nothing queued is fine [4.27]. Level: DISPATCH. */
	void (*cancel_send_packets)(void *context, uint32_t cancel_id);

	/** Mandatory iff the driver indicates by look-ahead [2.16]: copy @p length bytes from @p offset of the frame
	 * behind @p receive_context into @p packet's buffers, which stay the caller's. SUCCESS with the bytes in
	 * @p transferred; RESOURCES, FAILURE; PENDING: im_transfer_data_complete() later [5.25].
	 * Level: DISPATCH. */
	im_status_t (*transfer_data)(struct im_packet *packet, uint32_t *transferred, void *context,
				     void *receive_context, uint32_t offset, uint32_t length);

	/** Packets lent with status SUCCESS come back, each exactly once [2.17, 5.4]. Level: DISPATCH. */
	void (*return_packets)(void *context, struct im_packet **packets, uint16_t count);

	/** NULL for an intermediate driver [2.18, 7.13]. True: reset me [7.11]. Level: PASSIVE. */
	bool (*check_for_hang)(void *context);

	/** Optional [10.25]: indicate no more, complete every send that is held. It cannot fail [10.21, 12.26]:
	 * SUCCESS, or PENDING and one im_pause_complete(). A driver that holds packets needs it. Level: PASSIVE. */
	im_status_t (*pause)(void *context);

	/** Optional [10.21]: data may flow when this returns SUCCESS; on an error, such as RESOURCES, the instance
	 * stays paused. Level: PASSIVE. */
	im_status_t (*restart)(void *context);

	/** Optional: something happened to the device itself [2.26, 7.26]. Level: PASSIVE. */
	void (*pnp_event_notify)(void *context, const struct im_pnp_event *event);

	/** Optional for an intermediate driver; who has hardware needs it [12.36]. The card goes down now: quiesce,
	 * call nothing, free nothing [2.27, 7.29]. Level: DISPATCH. */
	void (*adapter_shutdown)(void *context);

	/* Never supplied: no interrupting device, no allocation at raised level, no reconfiguration, no connections. */
	im_never_supplied_t isr;
	im_never_supplied_t handle_interrupt;
	im_never_supplied_t enable_interrupt;
	im_never_supplied_t disable_interrupt;
	im_never_supplied_t allocate_complete;
	im_never_supplied_t reconfigure;
	im_never_supplied_t co_create_vc;
	im_never_supplied_t co_delete_vc;
	im_never_supplied_t co_activate_vc;
	im_never_supplied_t co_deactivate_vc;
	im_never_supplied_t co_send_packets;
	im_never_supplied_t co_request;
};

/* ---- Registration -------------------------------------------------------------------------------- */

/**
 * Register the miniport edge of an intermediate driver [2.33]. @p length is sizeof(*characteristics).
 * Checked in this order [2.8]: NULL arguments (INVALID_PARAMETER), version (BAD_VERSION), length, reserved and
 * never-supplied entries, mandatory entries (BAD_CHARACTERISTICS each), allocation (RESOURCES). On an error *handle is
 * NULL [2.6]. Level: PASSIVE.
 */
IM_PASSIVE im_status_t im_register_layered_miniport(struct im_wrapper *wrapper,
						    const struct im_miniport_characteristics *characteristics,
						    uint32_t length, struct im_miniport **handle);

/** Register a plain miniport, whose instances the core initialises by itself [2.33, 2.34]. Otherwise as above:
 * INVALID_PARAMETER, BAD_VERSION, BAD_CHARACTERISTICS, RESOURCES; version 3 is legal [2.2]. Level: PASSIVE. */
IM_PASSIVE im_status_t im_register_miniport(struct im_wrapper *wrapper,
					    const struct im_miniport_characteristics *characteristics, uint32_t length);

/** The reciprocal of im_register_layered_miniport() [2.36]. NULL is a no-op. Level: PASSIVE. */
IM_PASSIVE void im_deregister_layered_miniport(struct im_miniport *handle);

/* ---- Instances ----------------------------------------------------------------------------------- */

/**
 * Ask for the VNIC @p name to be initialised [2.37-2.42]. SUCCESS: initiated; initialize may have run inside this call,
 * may run now on another thread, or later, or never. NOT_ACCEPTED: the name is in use [2.38]; INVALID_PARAMETER;
 * RESOURCES; what initialize returned, where it ran inside. Level: PASSIVE.
 */
IM_PASSIVE im_status_t im_initialize_device_instance(struct im_miniport *miniport, const char *name,
						     void *device_context);

/**
 * Take back what was asked. SUCCESS: initialize will never be called for it. FAILURE: it has been called, is running,
 * or nothing was asked: wait for it, then deinitialise [2.43, 2.44]. Level: PASSIVE.
 */
IM_PASSIVE im_status_t im_cancel_initialize_device_instance(struct im_miniport *miniport, const char *name);

/** Reverse it [2.46]: overlying protocols unbind, then halt runs. FAILURE: no such instance, or it is going already.
 * Level: PASSIVE. */
IM_PASSIVE im_status_t im_deinitialize_device_instance(struct im_instance *instance);

#define IM_ATTRIBUTE_INTERMEDIATE_DRIVER 0x01u
#define IM_ATTRIBUTE_DESERIALIZE	 0x02u
#define IM_ATTRIBUTE_NO_HALT_ON_SUSPEND	 0x04u
#define IM_ATTRIBUTE_IGNORE_TIMEOUTS	 0x08u /* of packets and requests: those below are timed; no hardware's [12.37] */
#define IM_ATTRIBUTE_NO_LOOPBACK	 0x10u /* the core loops frames to the own address back [4.29] */

/** From inside initialize: the context for every later handler, and what the instance is [2.49, 2.50]. Level: PASSIVE.
 */
IM_PASSIVE void im_set_attributes(struct im_instance *instance, void *context, uint32_t attributes);

/** From inside initialize: call check_for_hang every @p seconds instead of every 2 [7.11]. Level: PASSIVE. */
IM_PASSIVE void im_set_check_for_hang_time(struct im_instance *instance, uint32_t seconds);

/** The name that an instance was asked for by, and that no other has [2.38]; good until halt has returned. Level: any.
 */
const char *im_instance_name(const struct im_instance *instance);

/** Where an instance counts, in each thread's own copy [9.27]: for im_count_drop(). Level: any. */
uint16_t im_instance_account(const struct im_instance *instance);

/** What the driver built for this instance, of the block that judges this burst, and good until its end [9.27]; or
 * NULL. Level: DISPATCH. */
IM_DISPATCH const void *im_config(const struct im_instance *instance);

/* ---- Packets ------------------------------------------------------------------------------------- */

/**
 * Complete packets that came through send_packets, each with its final status in packet->status (never PENDING)
 * [4.12, 4.13]. Do not touch them afterwards [4.15]. Packets of one call may have come from several [4.19]. Level:
 * DISPATCH.
 */
IM_DISPATCH void im_send_complete(struct im_instance *instance, struct im_packet **packets, uint16_t count);

/**
 * The same with @p status for all, which the core sets: for a serialised miniport, whose packets say PENDING until
 * here, as the core may still be reading what send_packets has answered while another thread completes [4.5]. Level:
 * DISPATCH.
 */
IM_DISPATCH void im_send_complete_status(struct im_instance *instance, struct im_packet **packets, uint16_t count,
					 im_status_t status);

/** A serialised miniport that refused packets can take some again [4.8]. Level: DISPATCH. */
IM_DISPATCH void im_send_resources_available(struct im_instance *instance);

/**
 * Indicate packets upward [5.1-5.6], each with status SUCCESS (lent: comes back through return_packets exactly once,
 * perhaps before this returns) or RESOURCES (it and all after it are the caller's again when this returns). While the
 * instance has no packet filter, because none was set or 0 was, they go home unseen [5.9]. Level: DISPATCH.
 */
IM_DISPATCH void im_indicate_receive_packets(struct im_instance *instance, struct im_packet **packets, uint16_t count);

/** Part of a frame, good during the call [5.23]. */
struct im_lookahead {
	void *receive_context; /* the miniport's name for the frame: what transfer_data gets */
	const void *header;
	const void *data;	/* follows the header */
	uint32_t header_length; /* bytes */
	uint32_t data_length;	/* bytes at data */
	uint32_t packet_length; /* bytes of the whole frame behind the header */
};

/** Indicate a frame by its beginning; who wants the rest asks for it inside the call [5.23, 5.24]. Level: DISPATCH. */
IM_DISPATCH void im_indicate_receive(struct im_instance *instance, const struct im_lookahead *lookahead);

/** Once after one or more im_indicate_receive() [5.27]. Level: DISPATCH. */
IM_DISPATCH void im_indicate_receive_complete(struct im_instance *instance);

/** Complete a transfer_data that returned PENDING [5.25]. Level: DISPATCH. */
IM_DISPATCH void im_transfer_data_complete(struct im_instance *instance, struct im_packet *packet, im_status_t status,
					   uint32_t transferred);

/* ---- Events -------------------------------------------------------------------------------------- */

/**
 * Tell the protocols above about a change [7.14-7.20]. @p indication is an enum im_indication; RESET_START and
 * RESET_END are the core's alone [7.6]. Not before initialize succeeded nor after halt [7.18]. Level: any.
 */
void im_indicate_status(struct im_instance *instance, uint32_t indication, const void *buffer, uint32_t length);

/** Follows im_indicate_status() [7.17]. Level: any. */
void im_indicate_status_complete(struct im_instance *instance);

/** Complete a reset that returned PENDING [7.1, 7.3]. Level: any. */
void im_reset_complete(struct im_instance *instance, im_status_t status, bool addressing_reset);

/** Complete a pause that returned PENDING [10.25]. Level: any. */
void im_pause_complete(struct im_instance *instance);

/**
 * Pass an event of the caller's on to the protocols above, never from inside a request handler [7.28]. SUCCESS, or the
 * first refusal: FAILURE; INVALID_PARAMETER: a NULL, or a length without a buffer. PAUSE and RESTART are the core's
 * alone [12.14]. Level: PASSIVE.
 */
IM_PASSIVE im_status_t im_notify_pnp_event(struct im_instance *instance, struct im_pnp_event *event);

#endif
