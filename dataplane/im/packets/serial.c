/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Serialised miniports: one call of the send handler at a time, and what it refuses for now waits here, in order
 * (contract 4.5, 4.7, 4.8).
 *
 *   sends ──> queue ──> burst ──> send handler ──> final status   complete now
 *               ^                      |           PENDING        held, until the miniport completes it
 *               └── refused, in order ─┘           RESOURCES      it and all behind it wait for the next completion,
 *                                                                 or for im_send_resources_available()
 *
 * Whoever finds work and nobody at it runs it, on its own thread; others leave theirs in the queue. The lock is never
 * held while a handler runs (9.25).
 *
 * Another thread of the driver may complete a packet before the call that took it is judged. Until it does, the packet
 * says PENDING: im_send_complete_status() takes it out of the burst first, and then sets what has become of it.
 */
#include <stdlib.h>

#include "im/spin.h"
#include "serial_queue.h"

#define TRIES_MAX 64u /* in a row without a packet taken, though the miniport says that it can take some */

struct im_serial *im_serial_create(void)
{
	return im_fault_allocation() ? NULL : calloc(1, sizeof(struct im_serial));
}

void im_serial_destroy(struct im_serial *serial)
{
	free(serial);
}

/* The caller has to run the queue if this is true. */
static bool begin(struct im_serial *serial)
{
	if (serial->running || serial->stalled || serial->queued == 0)
		return false;
	serial->running = true;
	return true;
}

/* ---- One call of the send handler ------------------------------------------------------------------ */

IM_DISPATCH static void call_singly(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		struct im_frame frame;
		im_status_t status;

		im_enter(&frame, IM_HANDLER_send, instance->miniport->wrapper, instance);
		status = instance->miniport->handlers.send(instance->context, packets[i], 0);
		im_leave(&frame);
		if (status == IM_STATUS_PENDING)
			continue; /* it may be complete already: no touch */
		packets[i]->status = (uint16_t)status;
		if (status == IM_STATUS_RESOURCES)
			return;
	}
}

/* The status word is the miniport's answer: what it does not answer pends. The burst itself is not its to change. */
IM_DISPATCH static void call(struct im_instance *instance, struct im_packet *const *burst, uint16_t count)
{
	struct im_packet *packets[IM_BURST];
	struct im_frame frame;

	for (uint16_t i = 0; i < count; i++) {
		packets[i] = burst[i];
		packets[i]->status = IM_STATUS_PENDING;
	}
	if (instance->miniport->handlers.send_packets == NULL) {
		call_singly(instance, packets, count);
		return;
	}
	im_enter(&frame, IM_HANDLER_send_packets, instance->miniport->wrapper, instance);
	instance->miniport->handlers.send_packets(instance->context, packets, count);
	im_leave(&frame);
}

/* What came of the call, under the lock: *done gets those with a final status. Returns how many were refused. */
IM_DISPATCH static uint16_t judge(struct im_serial *serial, struct im_packet *const *burst, uint16_t count,
				  struct im_packet **done, uint16_t *done_count)
{
	uint16_t refused = 0;
	uint16_t i;

	*done_count = 0;
	for (i = 0; i < count; i++) {
		uint16_t status;

		if (burst[i] == NULL)
			continue;
		status = __atomic_load_n(&burst[i]->status, __ATOMIC_ACQUIRE); /* another thread may set it now */
		if (status == IM_STATUS_RESOURCES)
			break;
		if (status == IM_STATUS_PENDING) {
			serial_hold(serial, burst[i]);
			continue;
		}
		done[(*done_count)++] = burst[i];
	}
	for (uint16_t k = count; k-- > i;) { /* it and all behind it (4.7) */
		if (burst[k] == NULL)
			continue;
		serial_put_back(serial, burst[k]);
		refused++;
	}
	return refused;
}

/* ---- Running the queue ----------------------------------------------------------------------------- */

struct turn {
	struct im_packet *burst[IM_BURST];
	uint16_t count;
	uint32_t wakes; /* when it began */
	uint32_t tries;
};

/* False: there is nothing to do now, and nobody is at it any more. */
IM_DISPATCH static bool begin_turn(struct im_serial *serial, struct turn *turn)
{
	im_spin_lock(&serial->lock);
	serial->running = !serial->stalled && serial->queued > 0;
	turn->count = serial->running ? serial_take(serial, turn->burst) : 0;
	turn->wakes = serial->wakes;
	serial->burst = turn->burst;
	serial->calling = turn->count;
	im_spin_unlock(&serial->lock);
	return turn->count > 0;
}

/* A wake-up that came while the handler ran may be newer than its refusal: then it is asked again. */
IM_DISPATCH static void end_turn(struct im_instance *instance, struct turn *turn)
{
	struct im_serial *serial = instance->serial;
	struct im_packet *done[IM_BURST];
	uint16_t done_count;
	uint16_t refused;

	im_spin_lock(&serial->lock);
	serial->calling = 0;
	refused = judge(serial, turn->burst, turn->count, done, &done_count);
	turn->tries = refused == turn->count ? turn->tries + 1 : 0;
	serial->stalled = refused > 0 && (serial->wakes == turn->wakes || turn->tries == TRIES_MAX);
	im_spin_unlock(&serial->lock);
	im_complete_sends(instance, done, done_count);
}

IM_DISPATCH static void skip_turn(struct im_instance *instance, struct turn *turn, im_status_t status)
{
	im_spin_lock(&instance->serial->lock);
	instance->serial->calling = 0; /* the miniport has not seen them */
	im_spin_unlock(&instance->serial->lock);
	im_complete_with(instance, turn->burst, turn->count, status);
}

IM_DISPATCH static void run(struct im_instance *instance)
{
	struct turn turn = {.tries = 0};

	while (begin_turn(instance->serial, &turn)) {
		im_status_t status = im_status_of_gates(im_gate_of(&instance->gate));

		if (status == IM_STATUS_SUCCESS) {
			call(instance, turn.burst, turn.count);
			end_turn(instance, &turn);
		} else {
			skip_turn(instance, &turn, status);
		}
	}
}

void im_serial_send(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	struct im_serial *serial = instance->serial;
	uint16_t taken;
	bool mine;

	im_spin_lock(&serial->lock);
	taken = serial_append(serial, packets, count);
	mine = begin(serial);
	im_spin_unlock(&serial->lock);
	if (taken < count) {
		im_count_drop(instance->id, SLUICE_OUT, SLUICE_DROP_TX_QUEUE_FULL, (uint32_t)(count - taken));
		im_complete_with(instance, packets + taken, (uint16_t)(count - taken), IM_STATUS_RESOURCES);
	}
	if (mine)
		run(instance);
}

static bool take_out(struct im_packet **packets, uint16_t count, const struct im_packet *packet)
{
	for (uint16_t i = 0; i < count; i++) {
		if (packets[i] != packet)
			continue;
		packets[i] = NULL;
		return true;
	}
	return false;
}

/* What was never sent here is good too: that is for who takes the slots off to say. */
IM_DISPATCH static bool claim(struct im_serial *serial, struct im_packet *packet)
{
	bool good;

	im_spin_lock(&serial->lock);
	good = serial_let_go(serial, packet) || take_out(serial->burst, serial->calling, packet) ||
	       !serial_is_queued(serial, packet);
	im_spin_unlock(&serial->lock);
	return good;
}

uint16_t im_serial_completing(struct im_instance *instance, struct im_packet **packets, uint16_t count,
			      struct im_packet **completed)
{
	uint16_t number = 0;

	for (uint16_t i = 0; i < count; i++) {
		if (claim(instance->serial, packets[i]))
			completed[number++] = packets[i];
		else
			im_violation("4.12", im_driver_of(instance), "completed a packet that it has refused");
	}
	return number;
}

/* What was never sent here keeps its status: that is for who completes it to say. */
void im_serial_answer(struct im_instance *instance, struct im_packet **packets, uint16_t count, im_status_t status)
{
	struct im_serial *serial = instance->serial;

	im_spin_lock(&serial->lock);
	for (uint16_t i = 0; i < count; i++)
		if (serial_let_go(serial, packets[i]) || take_out(serial->burst, serial->calling, packets[i]))
			packets[i]->status = (uint16_t)status;
	im_spin_unlock(&serial->lock);
}

void im_serial_completed(struct im_instance *instance)
{
	struct im_serial *serial = instance->serial;
	bool mine;

	im_spin_lock(&serial->lock);
	serial->wakes++;
	serial->stalled = false;
	mine = begin(serial);
	im_spin_unlock(&serial->lock);
	if (mine)
		run(instance);
}

/* ---- Leaving the queue ----------------------------------------------------------------------------- */

IM_DISPATCH static void complete_leavers(struct im_instance *instance, const struct leavers *leavers,
					 im_status_t status)
{
	struct im_serial *serial = instance->serial;
	struct im_packet *packets[IM_BURST];
	uint16_t count;

	do {
		im_spin_lock(&serial->lock);
		count = serial_take_leavers(serial, leavers, packets);
		im_spin_unlock(&serial->lock);
		im_complete_with(instance, packets, count, status);
	} while (count == IM_BURST);
}

void im_serial_cancel(struct im_instance *instance, uint32_t cancel_id)
{
	complete_leavers(instance, &(struct leavers){.cancel_id = cancel_id}, IM_STATUS_SEND_ABORTED);
}

/* Without it the queue would wait for a wake-up that need not come: what is empty, or shut, is not stalled. */
static void unstall(struct im_serial *serial)
{
	im_spin_lock(&serial->lock);
	serial->stalled = false;
	im_spin_unlock(&serial->lock);
}

void im_serial_refuse(struct im_instance *instance, const struct im_binding *sender, im_status_t status)
{
	uint8_t before = im_begin_call("im_serial_refuse");

	if (instance->serial != NULL)
		complete_leavers(instance, &(struct leavers){.sender = sender}, status);
	if (instance->serial != NULL && sender == NULL)
		unstall(instance->serial);
	im_end_call(before);
}

static uint16_t take_from_miniport(struct im_serial *serial, struct im_packet **packets)
{
	uint16_t taken;

	im_spin_lock(&serial->lock);
	taken = serial_take_held(serial, packets);
	im_spin_unlock(&serial->lock);
	return taken;
}

void im_serial_abort(struct im_instance *instance, im_status_t status)
{
	uint8_t before = im_begin_call("im_serial_abort");
	struct im_packet *packets[IM_BURST];
	uint16_t count;

	while (instance->serial != NULL && (count = take_from_miniport(instance->serial, packets)) > 0)
		im_complete_with(instance, packets, count, status);
	im_end_call(before);
	im_serial_refuse(instance, NULL, status);
}
