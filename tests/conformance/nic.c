/* SPDX-License-Identifier: BSD-3-Clause */
/* A plain miniport: what its handlers do where a test has not replaced them. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"

#define ETHERNET_HEADER 14u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what is held; never over a call of the core */

/* ---- Sends --------------------------------------------------------------------------------------- */

/* Packets to be completed on another thread. */
struct batch {
	struct rig_vnic *vnic;
	im_status_t status;
	uint16_t count;
	struct im_packet *packets[IM_BURST];
};

static void finish(struct rig_vnic *vnic, struct im_packet **packets, uint16_t count, im_status_t status)
{
	uint32_t taken = __atomic_load_n(&vnic->taken, __ATOMIC_RELAXED);

	/* there is room again; another thread may be taking more */
	while (!__atomic_compare_exchange_n(&vnic->taken, &taken, taken - RTE_MIN(taken, (uint32_t)count), true,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
	im_send_complete_status(vnic->instance, packets, count, status);
}

static void complete_batch(void *argument)
{
	struct batch *batch = argument;

	finish(batch->vnic, batch->packets, batch->count, batch->status);
	free(batch);
}

static void hold(struct rig_vnic *vnic, struct im_packet **packets, uint16_t count)
{
	pthread_mutex_lock(&lock);
	if (vnic->held_count + count > RIG_HELD_MAX)
		rig_broken("too many sends are held");
	memcpy(vnic->held + vnic->held_count, packets, count * sizeof(*packets));
	vnic->held_count += count;
	pthread_mutex_unlock(&lock);
}

/* Take the held packet at @p at out; NULL if there is none. */
static struct im_packet *take(struct rig_vnic *vnic, uint32_t at)
{
	struct im_packet *packet = NULL;

	pthread_mutex_lock(&lock);
	if (at < vnic->held_count) {
		packet = vnic->held[at];
		memmove(vnic->held + at, vnic->held + at + 1, (--vnic->held_count - at) * sizeof(*vnic->held));
	}
	pthread_mutex_unlock(&lock);
	return packet;
}

/* Packets that a handler has, and that complete by im_send_complete(). */
static void complete_when(struct rig_vnic *vnic, struct im_packet **packets, uint16_t count)
{
	const struct rig_script *script = &vnic->driver->script;
	struct batch *batch;

	if (script->sends == RIG_LATER) {
		hold(vnic, packets, count);
		return;
	}
	batch = rig_allocate(sizeof(*batch));
	*batch = (struct batch){.vnic = vnic, .status = script->send_status, .count = count};
	memcpy(batch->packets, packets, count * sizeof(*packets));
	rig_do(script->sends, false, complete_batch, batch);
}

/* A serialised miniport says each packet's fate before it returns, and refuses from one packet on (4.5, 4.7). */
static void send_serialised(struct rig_vnic *vnic, struct im_packet **packets, uint16_t count)
{
	const struct rig_script *script = &vnic->driver->script;

	for (uint16_t i = 0; i < count; i++) {
		if (script->room > 0 && __atomic_load_n(&vnic->taken, __ATOMIC_ACQUIRE) >= script->room) {
			packets[i]->status = IM_STATUS_RESOURCES;
			return;
		}
		__atomic_add_fetch(&vnic->taken, 1, __ATOMIC_ACQ_REL);
		packets[i]->status = (uint16_t)(script->sends == RIG_INLINE ? script->send_status : IM_STATUS_PENDING);
		if (script->sends != RIG_INLINE)
			complete_when(vnic, &packets[i], 1);
	}
}

static void nic_send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_vnic *vnic = context;

	if (vnic->driver->variant & RIG_SERIALISED)
		send_serialised(vnic, packets, count);
	else
		complete_when(vnic, packets, count);
}

static im_status_t nic_send(void *context, struct im_packet *packet, uint32_t flags)
{
	struct rig_vnic *vnic = context;

	(void)flags;
	if (vnic->driver->script.sends == RIG_INLINE)
		return vnic->driver->script.send_status;
	complete_when(vnic, &packet, 1);
	return IM_STATUS_PENDING;
}

static void nic_cancel_send_packets(void *context, uint32_t cancel_id)
{
	struct rig_vnic *vnic = context;
	uint32_t at = 0;

	while (at < vnic->held_count)
		if (vnic->held[at]->info.cancel_id == cancel_id)
			rig_complete_one(vnic, vnic->held[at], IM_STATUS_SEND_ABORTED);
		else
			at++;
}

void rig_complete(struct rig_vnic *vnic, uint32_t count, im_status_t status)
{
	struct im_packet *packets[IM_BURST];
	uint16_t ready = 0;

	for (uint32_t i = 0; i < count; i++) {
		packets[ready] = take(vnic, 0);
		if (packets[ready++] == NULL)
			rig_broken("fewer sends are held than are to be completed");
		if (ready < IM_BURST && i + 1 < count)
			continue;
		finish(vnic, packets, ready, status);
		ready = 0;
	}
}

void rig_complete_one(struct rig_vnic *vnic, struct im_packet *packet, im_status_t status)
{
	uint32_t at = 0;

	while (at < vnic->held_count && vnic->held[at] != packet)
		at++;
	if (take(vnic, at) == NULL)
		rig_broken("a send is to be completed that is not held");
	finish(vnic, &packet, 1, status);
}

/* ---- Receives ------------------------------------------------------------------------------------ */

struct frame {
	const uint8_t *bytes; /* behind the header */
	uint32_t length;
};

static void nic_return_packets(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context; /* they are the test's own again */
	(void)packets;
	(void)count;
}

void rig_indicate(struct rig_vnic *vnic, struct im_packet **packets, uint16_t count, im_status_t status)
{
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = (uint16_t)status;
	im_indicate_receive_packets(vnic->instance, packets, count);
}

void rig_indicate_lookahead(struct rig_vnic *vnic, const void *bytes, uint32_t length, uint32_t lookahead)
{
	struct frame frame = {.bytes = (const uint8_t *)bytes + ETHERNET_HEADER, .length = length - ETHERNET_HEADER};
	struct im_lookahead indication = {
		.receive_context = &frame,
		.header = bytes,
		.data = frame.bytes,
		.header_length = ETHERNET_HEADER,
		.data_length = RTE_MIN(lookahead, frame.length),
		.packet_length = frame.length,
	};

	im_indicate_receive(vnic->instance, &indication);
}

/* A copy of the bytes into the first segment of @p packet, as far as both reach. */
static uint32_t copy_into(struct im_packet *packet, const struct frame *frame, uint32_t offset, uint32_t length)
{
	struct rte_mbuf *mbuf = packet->mbuf;
	uint32_t there = offset < frame->length ? frame->length - offset : 0;
	uint32_t copied = RTE_MIN(RTE_MIN(there, length), (uint32_t)(mbuf->buf_len - mbuf->data_off));

	memcpy((uint8_t *)mbuf->buf_addr + mbuf->data_off, frame->bytes + RTE_MIN(offset, frame->length), copied);
	mbuf->data_len = (uint16_t)copied;
	mbuf->pkt_len = copied;
	packet->length = copied;
	return copied;
}

struct transfer {
	struct rig_vnic *vnic;
	struct im_packet *packet;
	uint32_t transferred;
};

static void complete_transfer(void *argument)
{
	struct transfer *transfer = argument;

	im_transfer_data_complete(transfer->vnic->instance, transfer->packet, IM_STATUS_SUCCESS, transfer->transferred);
	free(transfer);
}

/* The bytes are there at once; what may come later is the word that they are. RIG_LATER: the test says it. */
static im_status_t nic_transfer_data(struct im_packet *packet, uint32_t *transferred, void *context,
				     void *receive_context, uint32_t offset, uint32_t length)
{
	struct rig_vnic *vnic = context;
	enum rig_when when = vnic->driver->script.transfers;
	uint32_t copied = copy_into(packet, receive_context, offset, length);
	struct transfer *transfer;

	if (when == RIG_INLINE) {
		*transferred = copied;
		return IM_STATUS_SUCCESS;
	}
	if (when == RIG_LATER)
		return IM_STATUS_PENDING;
	transfer = rig_allocate(sizeof(*transfer));
	*transfer = (struct transfer){.vnic = vnic, .packet = packet, .transferred = copied};
	rig_do(when, false, complete_transfer, transfer);
	return IM_STATUS_PENDING;
}

/* ---- Life, reset, pause -------------------------------------------------------------------------- */

static im_status_t nic_initialize(struct im_instance *instance, void *device_context)
{
	struct rig_vnic *vnic = rig_vnic(im_instance_name(instance));
	bool serialised = vnic->driver->variant & RIG_SERIALISED;

	vnic->device_context = device_context;
	rig_nic_values(vnic);
	return rig_initialize_vnic(vnic, instance, serialised ? 0 : IM_ATTRIBUTE_DESERIALIZE);
}

static void complete_reset(void *argument)
{
	struct rig_vnic *vnic = argument;
	const struct rig_script *script = &vnic->driver->script;

	im_reset_complete(vnic->instance, script->reset_status, script->addressing_reset);
}

static im_status_t nic_reset(bool *addressing_reset, void *context)
{
	struct rig_vnic *vnic = context;
	const struct rig_script *script = &vnic->driver->script;

	if (script->resets != RIG_INLINE) {
		rig_do(script->resets, true, complete_reset, vnic);
		return IM_STATUS_PENDING;
	}
	*addressing_reset = script->addressing_reset;
	return script->reset_status;
}

static void complete_pause(void *argument)
{
	struct rig_vnic *vnic = argument;

	im_pause_complete(vnic->instance);
}

static im_status_t nic_pause(void *context)
{
	struct rig_vnic *vnic = context;

	if (vnic->driver->script.pauses == RIG_INLINE)
		return IM_STATUS_SUCCESS;
	rig_do(vnic->driver->script.pauses, true, complete_pause, vnic);
	return IM_STATUS_PENDING;
}

static im_status_t nic_restart(void *context)
{
	struct rig_vnic *vnic = context;

	return vnic->driver->script.restart_status;
}

static bool nic_check_for_hang(void *context)
{
	struct rig_vnic *vnic = context;

	return vnic->driver->script.hung;
}

static void nic_pnp_event_notify(void *context, const struct im_pnp_event *event)
{
	(void)context;
	(void)event;
}

static void nic_adapter_shutdown(void *context)
{
	(void)context;
}

static const struct im_miniport_characteristics nic_handlers = {
	.initialize = nic_initialize,
	.halt = rig_halt_vnic,
	.query_information = rig_nic_query,
	.set_information = rig_nic_set,
	.cancel_request = rig_nic_cancel_request,
	.reset = nic_reset,
	.send_packets = nic_send_packets,
	.cancel_send_packets = nic_cancel_send_packets,
	.transfer_data = nic_transfer_data,
	.return_packets = nic_return_packets,
	.check_for_hang = nic_check_for_hang,
	.pause = nic_pause,
	.restart = nic_restart,
	.pnp_event_notify = nic_pnp_event_notify,
	.adapter_shutdown = nic_adapter_shutdown,
};

void rig_nic_defaults(struct rig_driver *driver)
{
	driver->miniport = nic_handlers;
	driver->miniport.major_version = IM_MAJOR_VERSION;
	if (driver->variant & RIG_SINGLE) {
		driver->miniport.send_packets = NULL;
		driver->miniport.send = nic_send;
	}
	if (driver->variant & RIG_NO_RETURN)
		driver->miniport.return_packets = NULL;
	if (driver->variant & RIG_NO_TRANSFER)
		driver->miniport.transfer_data = NULL;
}
