/* SPDX-License-Identifier: BSD-3-Clause */
#include "pump.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BUDGET	    64u /* frames of one turn, each way */
#define IDLE_TURNS  32u /* without a frame, before it sleeps: a turn is two system calls at most */
#define KERNEL_IOVS (SLUICE_DATA_CHAIN_MAX + 3)

static void add(uint64_t *counter, uint64_t by)
{
	__atomic_fetch_add(counter, by, __ATOMIC_RELAXED);
}

static void raise_event(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return; /* EAGAIN: raised already */
}

/* ---- Frames -------------------------------------------------------------------------------------- */

static struct pump_frame *take_frame(struct pump *pump)
{
	struct pump_frame *frame;

	pthread_mutex_lock(&pump->lock);
	frame = pump->free;
	if (frame != NULL)
		pump->free = frame->next;
	pthread_mutex_unlock(&pump->lock);
	return frame;
}

static void give_frame(struct pump *pump, struct pump_frame *frame)
{
	pthread_mutex_lock(&pump->lock);
	frame->next = pump->free;
	pump->free = frame;
	pthread_mutex_unlock(&pump->lock);
}

static bool has_frames(struct pump *pump)
{
	bool has;

	pthread_mutex_lock(&pump->lock);
	has = pump->free != NULL;
	pthread_mutex_unlock(&pump->lock);
	return has;
}

void pump_complete(struct pump *pump, struct sluice_send **sends, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		add(&pump->counters.to_card_lost, sends[i]->status != IM_STATUS_SUCCESS);
		give_frame(pump, (struct pump_frame *)sends[i]);
	}
}

/* ---- From the kernel ----------------------------------------------------------------------------- */

static bool is_device_gone(int error)
{
	return error == EBADFD || error == ENODEV;
}

/* One frame; false where the kernel has none. *@p send is NULL for one that is dropped. */
static bool read_frame(struct pump *pump, struct pump_frame *frame, struct sluice_send **send)
{
	ssize_t length = read(pump->tap, frame->bytes, sizeof(frame->bytes));

	*send = NULL;
	if (length < 0) {
		if (is_device_gone(errno))
			raise_event(pump->gone_event);
		return false;
	}
	add(&pump->counters.to_card, 1);
	if (vnet_parse(frame->bytes, (size_t)length, &frame->send.meta) != VNET_FAULT_NONE) {
		add(&pump->counters.to_card_malformed, 1);
		return true;
	}
	frame->piece = (struct iovec){.iov_base = frame->bytes + VNET_HEADER, .iov_len = (size_t)length - VNET_HEADER};
	frame->send.pieces = &frame->piece;
	frame->send.piece_count = 1;
	*send = &frame->send;
	return true;
}

static unsigned read_frames(struct pump *pump)
{
	struct sluice_send *sends[BUDGET];
	unsigned number = 0, turns = 0;
	bool more = __atomic_load_n(&pump->flowing, __ATOMIC_RELAXED) != 0;

	for (; more && turns < BUDGET; turns++) {
		struct pump_frame *frame = take_frame(pump);

		if (frame == NULL)
			break;
		more = read_frame(pump, frame, &sends[number]);
		if (more && sends[number] != NULL)
			number++;
		else
			give_frame(pump, frame);
	}
	if (number > 0)
		sluice_miniport_send(pump->protocol, pump->queue, sends, number);
	return number;
}

/* ---- To the kernel ------------------------------------------------------------------------------- */

/* The pieces from byte @p skip on. */
static int add_pieces(const struct sluice_packet *packet, uint32_t skip, struct iovec *to)
{
	int number = 0;

	for (uint32_t i = 0; i < packet->piece_count; i++) {
		const struct iovec *piece = &packet->pieces[i];

		if (skip >= piece->iov_len) {
			skip -= (uint32_t)piece->iov_len;
			continue;
		}
		to[number++] =
			(struct iovec){.iov_base = (uint8_t *)piece->iov_base + skip, .iov_len = piece->iov_len - skip};
		skip = 0;
	}
	return number;
}

static bool write_frame(struct pump *pump, const struct sluice_packet *packet, uint8_t *header, uint8_t *tag)
{
	struct iovec iov[KERNEL_IOVS] = {{header, VNET_HEADER}};
	uint8_t addresses[VNET_ADDRESSES];
	int number = 1;
	uint32_t skip = 0;

	if (packet->meta.vlan != 0) {
		skip = sluice_miniport_transfer_data(packet, 0, addresses, VNET_ADDRESSES);
		iov[number++] = (struct iovec){addresses, skip};
		iov[number++] = (struct iovec){tag, VNET_TAG};
	}
	number += add_pieces(packet, skip, iov + number);
	if (writev(pump->tap, iov, number) >= 0)
		return true;
	if (is_device_gone(errno))
		raise_event(pump->gone_event);
	return false;
}

void pump_receive(struct pump *pump, struct sluice_packet *packet)
{
	uint8_t header[VNET_HEADER], tag[VNET_TAG];

	add(&pump->counters.to_kernel, 1);
	if (vnet_make(&packet->meta, packet->length, header, tag) != VNET_FAULT_NONE)
		add(&pump->counters.to_kernel_malformed, 1);
	else if (!write_frame(pump, packet, header, tag))
		add(&pump->counters.to_kernel_lost, 1);
}

/* ---- The thread ---------------------------------------------------------------------------------- */

static void sleep_until_something(struct pump *pump)
{
	bool flowing = __atomic_load_n(&pump->flowing, __ATOMIC_RELAXED) != 0;
	bool room = has_frames(pump);
	uint32_t want = SLUICE_WANT_RECEIVE | (room ? 0 : SLUICE_WANT_SEND);
	struct pollfd sources[] = {
		{.fd = pump->wake, .events = POLLIN},
		{.fd = sluice_miniport_signal(pump->miniport, pump->queue), .events = POLLIN},
		{.fd = flowing && room ? pump->tap : -1, .events = POLLIN},
	};
	uint64_t events;

	if (!sluice_miniport_arm(pump->miniport, pump->queue, want))
		return;
	poll(sources, 3, -1);
	sluice_miniport_disarm(pump->miniport, pump->queue);
	if (sources[0].revents != 0 && read(pump->wake, &events, sizeof(events)) < 0)
		return;
	if ((sources[2].revents & (POLLERR | POLLNVAL)) != 0)
		raise_event(pump->gone_event);
}

static void *run(void *context)
{
	struct pump *pump = context;
	unsigned idle = 0;

	while (__atomic_load_n(&pump->stop, __ATOMIC_ACQUIRE) == 0) {
		unsigned work = sluice_miniport_poll(pump->miniport, pump->queue, BUDGET);

		__atomic_store_n(&pump->turns, pump->turns + 1, __ATOMIC_RELAXED); /* one writer */
		work += read_frames(pump);
		idle = work > 0 ? 0 : idle + 1;
		if (idle >= IDLE_TURNS)
			sleep_until_something(pump);
	}
	return NULL;
}

int pump_create(struct pump *pump, struct sluice_miniport *miniport, unsigned queue, int tap, int gone_event)
{
	*pump = (struct pump){
		.miniport = miniport,
		.queue = queue,
		.tap = tap,
		.gone_event = gone_event,
		.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.frames = calloc(PUMP_FRAMES, sizeof(struct pump_frame)),
	};
	pthread_mutex_init(&pump->lock, NULL);
	if (pump->wake < 0 || pump->frames == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < PUMP_FRAMES; i++) {
		pump->frames[i].queue = queue;
		give_frame(pump, &pump->frames[i]);
	}
	return 0;
}

int pump_start(struct pump *pump, struct sluice_protocol *protocol)
{
	int error;

	pump->protocol = protocol;
	error = pthread_create(&pump->thread, NULL, run, pump);
	pump->started = error == 0;
	return -error;
}

void pump_set_flowing(struct pump *pump, bool flowing)
{
	__atomic_store_n(&pump->flowing, flowing, __ATOMIC_RELAXED);
	raise_event(pump->wake);
}

bool pump_is_alive(struct pump *pump)
{
	uint32_t turns = __atomic_load_n(&pump->turns, __ATOMIC_RELAXED);
	bool alive = turns != pump->turns_seen;

	pump->turns_seen = turns;
	raise_event(pump->wake);
	return alive;
}

void pump_stop(struct pump *pump)
{
	if (!pump->started)
		return;
	__atomic_store_n(&pump->stop, 1, __ATOMIC_RELEASE);
	raise_event(pump->wake);
	pthread_join(pump->thread, NULL);
	pump->started = false;
}

void pump_destroy(struct pump *pump)
{
	if (pump->wake >= 0)
		close(pump->wake);
	free(pump->frames);
	pthread_mutex_destroy(&pump->lock);
	*pump = (struct pump){.wake = -1};
}
