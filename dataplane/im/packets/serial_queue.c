/* SPDX-License-Identifier: BSD-3-Clause */
#include "serial_queue.h"

/* ---- The queue ----------------------------------------------------------------------------------- */

uint16_t serial_append(struct im_serial *serial, struct im_packet **packets, uint16_t count)
{
	uint16_t taken = (uint16_t)RTE_MIN(count, PACKETS_MAX - serial->queued - serial->calling - serial->held);

	for (uint16_t i = 0; i < taken; i++)
		serial->queue[(serial->first + serial->queued++) % PACKETS_MAX] = packets[i];
	return taken;
}

void serial_put_back(struct im_serial *serial, struct im_packet *packet)
{
	serial->first = (serial->first + PACKETS_MAX - 1) % PACKETS_MAX;
	serial->queue[serial->first] = packet;
	serial->queued++;
}

uint16_t serial_take(struct im_serial *serial, struct im_packet **packets)
{
	uint16_t taken = (uint16_t)RTE_MIN(serial->queued, IM_BURST);

	for (uint16_t i = 0; i < taken; i++)
		packets[i] = serial->queue[(serial->first + i) % PACKETS_MAX];
	serial->first = (serial->first + taken) % PACKETS_MAX;
	serial->queued -= taken;
	return taken;
}

bool serial_is_queued(const struct im_serial *serial, const struct im_packet *packet)
{
	for (uint32_t i = 0; i < serial->queued; i++)
		if (serial->queue[(serial->first + i) % PACKETS_MAX] == packet)
			return true;
	return false;
}

static bool is_leaver(const struct leavers *leavers, struct im_packet *packet)
{
	if (leavers->cancel_id != 0 && packet->info.cancel_id != leavers->cancel_id)
		return false;
	return leavers->sender == NULL || im_top_slot(packet)->owner == leavers->sender;
}

uint16_t serial_take_leavers(struct im_serial *serial, const struct leavers *leavers, struct im_packet **packets)
{
	uint32_t queued = serial->queued;
	uint16_t taken = 0;

	serial->queued = 0;
	for (uint32_t i = 0; i < queued; i++) {
		struct im_packet *packet = serial->queue[(serial->first + i) % PACKETS_MAX];

		if (taken < IM_BURST && is_leaver(leavers, packet))
			packets[taken++] = packet;
		else
			serial->queue[(serial->first + serial->queued++) % PACKETS_MAX] = packet;
	}
	return taken;
}

/* ---- What the miniport has ----------------------------------------------------------------------- */

/* Its place is kept beside the marks of the slot. */
static void set_place(struct im_packet *packet, uint32_t place)
{
	struct im_packet_slot *slot = im_top_slot(packet);

	slot->receiver = (uint16_t)((slot->receiver & IM_SLOT_MARKS) | place);
}

void serial_hold(struct im_serial *serial, struct im_packet *packet)
{
	set_place(packet, serial->held);
	serial->at_miniport[serial->held++] = packet;
}

bool serial_let_go(struct im_serial *serial, struct im_packet *packet)
{
	uint32_t place = packet->depth > 0 ? im_top_slot(packet)->receiver & ~IM_SLOT_MARKS : PACKETS_MAX;
	struct im_packet *last;

	if (place >= serial->held || serial->at_miniport[place] != packet)
		return false;
	last = serial->at_miniport[--serial->held];
	serial->at_miniport[place] = last;
	set_place(last, place);
	return true;
}

uint16_t serial_take_held(struct im_serial *serial, struct im_packet **packets)
{
	uint16_t taken = 0;

	while (taken < IM_BURST && serial->held > 0) {
		packets[taken] = serial->at_miniport[0]; /* the oldest, unless one was completed meanwhile */
		serial_let_go(serial, packets[taken++]);
	}
	return taken;
}
