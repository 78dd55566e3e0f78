/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a miniport: from initialize to halt, and from one firmware to the next. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "inside.h"

/* A request that takes longer than four periods of the check for hang is a reason to reset [6.18, 7.11]. */
#define TIMEOUT_MS 8000u

#define LOOK_AGAIN_NS 200000 /* between two looks whether packets are back */

static int fail(struct sluice_fault *fault, int code, const char *text)
{
	*fault = (struct sluice_fault){
		.kind = code == -ENOMEM ? SLUICE_FAULT_SYSTEM : SLUICE_FAULT_PROTOCOL,
		.error_offset = SLUICE_NO_OFFSET,
	};
	strncpy(fault->text, text, sizeof(fault->text) - 1);
	return code;
}

static int errno_of(const struct sluice_fault *fault)
{
	switch (fault->kind) {
	case SLUICE_FAULT_NOT_RUNNING:
		return -ENOENT;
	case SLUICE_FAULT_PERMISSION:
		return -EACCES;
	case SLUICE_FAULT_REFUSED:
		return -ECONNREFUSED;
	case SLUICE_FAULT_GONE:
		return -ECONNRESET;
	case SLUICE_FAULT_TIMEOUT:
		return -ETIMEDOUT;
	default:
		return -EPROTO;
	}
}

/* ---- Coming and going of the card ---------------------------------------------------------------- */

static void learn(struct sluice_miniport *miniport, const struct sluice_data *data)
{
	miniport->traits.queues = (uint16_t)miniport->queue_count;
	miniport->traits.entries = data->entries;
	miniport->traits.mtu = data->mtu;
	memcpy(miniport->traits.mac, data->mac, sizeof(data->mac));
	__atomic_store_n(&miniport->mtu, data->mtu, __ATOMIC_RELAXED);
	miniport->large_receives = sluice_features(miniport->client) & SLUICE_FEATURE_LARGE_RECEIVES;
}

static int enter(struct sluice_miniport *miniport, struct sluice_data *data, struct sluice_fault *fault)
{
	int error = 0;

	if (miniport->queue_count == 0) {
		error = queues_create(miniport, data->queues);
		miniport->wish.queues = (uint16_t)miniport->queue_count; /* more would never be polled */
	}
	if (error == 0 && data->queues < miniport->queue_count)
		error = fail(fault, -EPROTO, "the port has fewer queue pairs than before");
	else if (error != 0)
		fail(fault, -ENOMEM, "out of descriptors");
	if (error != 0) {
		sluice_free_data(data);
		return error;
	}
	learn(miniport, data);
	miniport->life = life_create(data, &miniport->lives);
	if (miniport->life == NULL)
		return fail(fault, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < miniport->queue_count; i++) {
		queue_take(&miniport->queues[i]);
		queue_enter_lane(&miniport->queues[i], &miniport->life->lanes[i], &data->signal[i]);
		queue_release(&miniport->queues[i]);
	}
	return 0;
}

int attach(struct sluice_miniport *miniport, struct sluice_fault *fault)
{
	int error;

	miniport->client = sluice_open_port(miniport->runtime_dir, &miniport->wish, miniport->timeout_ms, fault);
	if (miniport->client == NULL && fault->status == SLUICE_STATUS_TOO_FEW_QUEUES && miniport->queue_count != 0)
		return fail(fault, -EPROTO, "the port has more queue pairs than before");
	if (miniport->client == NULL)
		return errno_of(fault);
	error = enter(miniport, sluice_take_data(miniport->client), fault);
	if (error != 0) {
		sluice_close(miniport->client);
		miniport->client = NULL;
		return error;
	}
	miniport->mailbox_lost = false;
	miniport->watched = false;
	return 0;
}

/* What was out is completed here; packets that are kept keep the life's memory, which is shared with the card. */
void leave(struct sluice_miniport *miniport)
{
	for (unsigned i = 0; i < miniport->queue_count; i++) {
		struct queue *queue = &miniport->queues[i];

		queue_take(queue);
		queue_leave_lane(queue);
		send_finish(queue);
		queue_release(queue);
	}
	if (miniport->life != NULL)
		life_leave(miniport->life, 1);
	miniport->life = NULL;
	sluice_close(miniport->client);
	miniport->client = NULL;
}

/* ---- Initialize and halt ------------------------------------------------------------------------- */

static void destroy(struct sluice_miniport *miniport)
{
	queues_destroy(miniport);
	pthread_mutex_destroy(&miniport->control);
	free(miniport->runtime_dir);
	free(miniport);
}

static struct sluice_miniport *create(const struct sluice_miniport_config *config)
{
	struct sluice_miniport *miniport = calloc(1, sizeof(*miniport));

	if (miniport == NULL)
		return NULL;
	pthread_mutex_init(&miniport->control, NULL);
	miniport->runtime_dir = strdup(config->runtime_dir != NULL ? config->runtime_dir : SLUICE_RUNTIME_DIR);
	strncpy(miniport->port, config->port, sizeof(miniport->port) - 1);
	miniport->wish = (struct sluice_port_wish){
		.port = miniport->port,
		.queues = config->queues,
		.entries = config->entries,
		.large_receives = config->large_receives,
	};
	miniport->timeout_ms = config->timeout_ms != 0 ? config->timeout_ms : TIMEOUT_MS;
	miniport->state = SLUICE_INSTANCE_RUNNING;
	if (miniport->runtime_dir != NULL)
		return miniport;
	destroy(miniport);
	return NULL;
}

struct sluice_miniport *sluice_miniport_initialize(const struct sluice_miniport_config *config,
						   struct sluice_fault *fault)
{
	struct sluice_miniport *miniport;

	if (strlen(config->port) >= SLUICE_NAME_SIZE) {
		fail(fault, -EINVAL, "a port's name has 1 to 31 characters, such as host0");
		return NULL;
	}
	miniport = create(config);
	if (miniport == NULL) {
		fail(fault, -ENOMEM, "out of memory");
		return NULL;
	}
	if (attach(miniport, fault) != 0) {
		destroy(miniport);
		return NULL;
	}
	set_link(miniport, look_at_link(miniport));
	return miniport;
}

static void abort_sends(struct sluice_miniport *miniport)
{
	for (unsigned i = 0; i < miniport->queue_count; i++) {
		struct queue *queue = &miniport->queues[i];

		queue_take(queue);
		send_abort(queue, NULL, IM_STATUS_SEND_ABORTED, true);
		send_finish(queue);
		queue_release(queue);
	}
}

/* Before the hang-up, so that the card gets them from us and does not have to take them. Sends come first, each time: a
 * protocol may return a packet because its answer is complete. */
static void wait_for_packets(struct sluice_miniport *miniport)
{
	const struct timespec pause = {.tv_nsec = LOOK_AGAIN_NS};

	abort_sends(miniport);
	while (miniport->life != NULL && __atomic_load_n(&miniport->life->references, __ATOMIC_ACQUIRE) > 1) {
		nanosleep(&pause, NULL);
		abort_sends(miniport);
	}
}

/* Packets of firmwares that have gone. */
static void wait_for_lives(const struct sluice_miniport *miniport)
{
	const struct timespec pause = {.tv_nsec = LOOK_AGAIN_NS};

	while (__atomic_load_n(&miniport->lives, __ATOMIC_ACQUIRE) > 0)
		nanosleep(&pause, NULL);
}

int sluice_miniport_halt(struct sluice_miniport *miniport)
{
	if (inside_handler())
		return -EDEADLK;
	if (miniport == NULL)
		return 0;
	wait_for_packets(miniport);
	leave(miniport);
	for (unsigned i = 0; i < miniport->queue_count; i++)
		send_finish_all(&miniport->queues[i]);
	wait_for_lives(miniport);
	for (unsigned i = 0; i < miniport->protocols.count; i++)
		free(miniport->protocols.at[i]);
	destroy(miniport);
	return 0;
}

int sluice_miniport_reattach(struct sluice_miniport *miniport, struct sluice_fault *fault)
{
	struct sluice_fault nowhere;
	int error = 0;

	if (inside_handler())
		return -EDEADLK;
	pthread_mutex_lock(&miniport->control);
	if (miniport->client == NULL) {
		error = attach(miniport, fault != NULL ? fault : &nowhere);
		if (error == 0) {
			request_restore(miniport);
			indicate(miniport, SLUICE_INDICATION_ATTACHED, 0);
			set_link(miniport, look_at_link(miniport));
		}
	}
	pthread_mutex_unlock(&miniport->control);
	return error;
}

im_status_t sluice_miniport_reset(struct sluice_miniport *miniport)
{
	struct sluice_fault fault;
	int error;

	if (inside_handler())
		return IM_STATUS_NOT_ACCEPTED;
	pthread_mutex_lock(&miniport->control);
	indicate(miniport, IM_INDICATION_RESET_START, 0);
	leave(miniport);
	error = attach(miniport, &fault);
	if (error == 0)
		request_restore(miniport);
	indicate(miniport, IM_INDICATION_RESET_END, 0);
	set_link(miniport, error == 0 && look_at_link(miniport));
	pthread_mutex_unlock(&miniport->control);
	return error == 0 ? IM_STATUS_SUCCESS : IM_STATUS_HARD_ERRORS;
}

/* ---- Pause and restart --------------------------------------------------------------------------- */

static bool is_idle(const struct sluice_miniport *miniport)
{
	for (unsigned i = 0; i < miniport->queue_count; i++) {
		if (__atomic_load_n(&miniport->queues[i].sends_out, __ATOMIC_ACQUIRE) != 0)
			return false;
	}
	return miniport->life == NULL || __atomic_load_n(&miniport->life->references, __ATOMIC_ACQUIRE) == 1;
}

/* With control. */
static enum sluice_instance_state settle(struct sluice_miniport *miniport)
{
	uint32_t state = __atomic_load_n(&miniport->state, __ATOMIC_RELAXED);

	if (state == SLUICE_INSTANCE_PAUSING && is_idle(miniport)) {
		state = SLUICE_INSTANCE_PAUSED;
		__atomic_store_n(&miniport->state, state, __ATOMIC_RELAXED);
	}
	return state;
}

/* A turn of a queue that began before saw another state: when its flag was had once, it is over. */
im_status_t sluice_miniport_pause(struct sluice_miniport *miniport)
{
	im_status_t status = IM_STATUS_NOT_ACCEPTED;

	if (inside_handler())
		return IM_STATUS_NOT_ACCEPTED;
	pthread_mutex_lock(&miniport->control);
	if (__atomic_load_n(&miniport->state, __ATOMIC_RELAXED) == SLUICE_INSTANCE_RUNNING) {
		__atomic_store_n(&miniport->state, SLUICE_INSTANCE_PAUSING, __ATOMIC_RELAXED);
		for (unsigned i = 0; i < miniport->queue_count; i++) {
			queue_take(&miniport->queues[i]);
			send_abort(&miniport->queues[i], NULL, IM_STATUS_PAUSED, false);
			send_finish(&miniport->queues[i]);
			queue_release(&miniport->queues[i]);
		}
		status = settle(miniport) == SLUICE_INSTANCE_PAUSED ? IM_STATUS_SUCCESS : IM_STATUS_PENDING;
	}
	pthread_mutex_unlock(&miniport->control);
	return status;
}

im_status_t sluice_miniport_restart(struct sluice_miniport *miniport)
{
	im_status_t status = IM_STATUS_NOT_ACCEPTED;

	if (inside_handler())
		return IM_STATUS_NOT_ACCEPTED;
	pthread_mutex_lock(&miniport->control);
	if (settle(miniport) == SLUICE_INSTANCE_PAUSED) {
		__atomic_store_n(&miniport->state, SLUICE_INSTANCE_RUNNING, __ATOMIC_RELAXED);
		status = IM_STATUS_SUCCESS;
	}
	pthread_mutex_unlock(&miniport->control);
	return status;
}

enum sluice_instance_state sluice_miniport_state(struct sluice_miniport *miniport)
{
	enum sluice_instance_state state;

	if (inside_handler()) /* control may be held above us */
		return __atomic_load_n(&miniport->state, __ATOMIC_RELAXED);
	pthread_mutex_lock(&miniport->control);
	state = settle(miniport);
	pthread_mutex_unlock(&miniport->control);
	return state;
}
