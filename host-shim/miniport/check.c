/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether the firmware is there, whether it is well, and what it has counted. */
#include <errno.h>
#include <string.h>

#include "inside.h"

void set_link(struct sluice_miniport *miniport, bool up)
{
	if (__atomic_exchange_n(&miniport->link_up, up, __ATOMIC_RELAXED) != up)
		indicate(miniport, up ? IM_INDICATION_MEDIA_CONNECT : IM_INDICATION_MEDIA_DISCONNECT, 0);
}

static bool is_any_lane_up(const struct life *life)
{
	for (unsigned i = 0; i < life->queues; i++) {
		if (__atomic_load_n(&life->lanes[i].card->status, __ATOMIC_RELAXED) == SLUICE_QUEUE_UP)
			return true;
	}
	return false;
}

/* Frames flow where the card takes them from the host, and has somewhere to send them: a stack that cannot tell the
 * second is taken at its word about the first. */
bool look_at_link(struct sluice_miniport *miniport)
{
	uint32_t disconnected = 0, written, needed;
	im_status_t status;

	if (miniport->life == NULL || !is_any_lane_up(miniport->life))
		return false;
	status = request_query(miniport, SLUICE_OID_GEN_MEDIA_CONNECT_STATUS, &disconnected, sizeof(disconnected),
			       &written, &needed);
	return status != IM_STATUS_SUCCESS || disconnected == 0;
}

int sluice_miniport_check(struct sluice_miniport *miniport)
{
	int error = 0;

	if (inside_handler())
		return -EDEADLK;
	pthread_mutex_lock(&miniport->control);
	if (miniport->client != NULL && !sluice_is_connected(miniport->client)) {
		leave(miniport);
		set_link(miniport, false);
		indicate(miniport, SLUICE_INDICATION_FIRMWARE_GONE, 0);
	}
	if (miniport->client == NULL)
		error = -ENOTCONN;
	else
		set_link(miniport, look_at_link(miniport));
	pthread_mutex_unlock(&miniport->control);
	return error;
}

/* A firmware without workers has no heartbeat of theirs. */
static bool has_stopped(struct heartbeat *heartbeat, uint64_t now_seen, uint64_t now_ms, bool watched)
{
	if (!watched || heartbeat->seen != now_seen)
		*heartbeat = (struct heartbeat){.seen = now_seen, .since_ms = now_ms};
	return now_seen != 0 && now_ms - heartbeat->since_ms >= SLUICE_HANG_MS;
}

static bool is_hung(struct sluice_miniport *miniport, uint64_t now_ms)
{
	const struct sluice_info_region *info = sluice_info(miniport->client);
	bool hung = miniport->mailbox_lost;

	hung |= has_stopped(&miniport->control_heartbeat, __atomic_load_n(&info->control_heartbeat, __ATOMIC_RELAXED),
			    now_ms, miniport->watched);
	hung |= has_stopped(&miniport->worker_heartbeat, __atomic_load_n(&info->worker_heartbeat, __ATOMIC_RELAXED),
			    now_ms, miniport->watched);
	miniport->watched = true;
	for (unsigned i = 0; i < miniport->queue_count; i++)
		hung |= lane_is_broken(&miniport->life->lanes[i]);
	return hung;
}

bool sluice_miniport_check_for_hang(struct sluice_miniport *miniport, uint64_t now_ms)
{
	bool hung;

	if (inside_handler())
		return false;
	pthread_mutex_lock(&miniport->control);
	hung = miniport->client != NULL && is_hung(miniport, now_ms);
	pthread_mutex_unlock(&miniport->control);
	return hung;
}

bool sluice_miniport_link_up(const struct sluice_miniport *miniport)
{
	return __atomic_load_n(&miniport->link_up, __ATOMIC_RELAXED) != 0;
}

int sluice_miniport_connection(const struct sluice_miniport *miniport)
{
	return miniport->client != NULL ? sluice_connection(miniport->client) : -1;
}

void sluice_miniport_get_traits(struct sluice_miniport *miniport, struct sluice_miniport_traits *traits)
{
	bool in_handler = inside_handler(); /* then control is held above us, or nobody changes them */

	if (!in_handler)
		pthread_mutex_lock(&miniport->control);
	*traits = miniport->traits;
	if (!in_handler)
		pthread_mutex_unlock(&miniport->control);
}

static uint32_t packets_out(struct lane *lane)
{
	uint32_t out = 0;

	for (uint32_t i = 0; i < lane->entries; i++)
		out += __atomic_load_n(&lane->packets[i].references, __ATOMIC_RELAXED) != 0;
	return out;
}

void sluice_miniport_get_counters(struct sluice_miniport *miniport, unsigned at,
				  struct sluice_miniport_counters *counters)
{
	struct queue *queue = &miniport->queues[at];

	*counters = (struct sluice_miniport_counters){0};
#define X(member, text) counters->member = __atomic_load_n(&queue->counters.member, __ATOMIC_RELAXED);
	SLUICE_COUNTER_TABLE(X)
#undef X
	counters->sends_out = __atomic_load_n(&queue->sends_out, __ATOMIC_RELAXED);
	if (inside_handler()) /* control may be held above us: not the card's words */
		return;
	pthread_mutex_lock(&miniport->control);
	if (miniport->life != NULL) {
		const struct sluice_card_line *card = miniport->life->lanes[at].card;

		counters->card_send_frames = __atomic_load_n(&card->send_frames, __ATOMIC_RELAXED);
		counters->card_send_refused = __atomic_load_n(&card->send_refused, __ATOMIC_RELAXED);
		counters->card_receive_short = __atomic_load_n(&card->receive_short, __ATOMIC_RELAXED);
		counters->packets_out = packets_out(&miniport->life->lanes[at]);
	}
	pthread_mutex_unlock(&miniport->control);
}
