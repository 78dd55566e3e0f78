/* SPDX-License-Identifier: BSD-3-Clause */
/* Protocols that attach to the miniport, and leave it. */
#include <errno.h>
#include <stdlib.h>

#include "inside.h"

static bool add(struct sluice_miniport *miniport, struct sluice_protocol *protocol)
{
	struct protocol_list *list = &miniport->protocols;

	if (list->count == SLUICE_PROTOCOLS_MAX)
		return false;
	queues_take_all(miniport);
	list->at[list->count++] = protocol;
	queues_release_all(miniport);
	return true;
}

struct sluice_protocol *sluice_miniport_attach(struct sluice_miniport *miniport,
					       const struct sluice_protocol_handlers *handlers, void *context)
{
	struct sluice_protocol *protocol;
	bool added;

	if (inside_handler() || handlers->send_complete == NULL)
		return NULL;
	protocol = calloc(1, sizeof(*protocol));
	if (protocol == NULL)
		return NULL;
	*protocol = (struct sluice_protocol){.miniport = miniport, .handlers = *handlers, .context = context};
	pthread_mutex_lock(&miniport->control);
	added = add(miniport, protocol);
	pthread_mutex_unlock(&miniport->control);
	if (added)
		return protocol;
	free(protocol);
	return NULL;
}

static void take_out(struct protocol_list *list, const struct sluice_protocol *protocol)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < list->count; i++) {
		if (list->at[i] != protocol)
			list->at[kept++] = list->at[i];
	}
	list->count = kept;
}

/* Its handler may send again: until it does not. */
static void finish_sends(struct sluice_protocol *protocol)
{
	struct sluice_miniport *miniport = protocol->miniport;

	while (__atomic_load_n(&protocol->sends_out, __ATOMIC_ACQUIRE) != 0) {
		for (unsigned i = 0; i < miniport->queue_count; i++) {
			send_abort(&miniport->queues[i], protocol, IM_STATUS_CLOSING, true);
			send_finish(&miniport->queues[i]);
		}
	}
}

/* Its sends are completed while it is still there; those that the ring holds are copies, which nobody misses. */
int sluice_miniport_detach(struct sluice_protocol *protocol)
{
	struct sluice_miniport *miniport = protocol->miniport;

	if (inside_handler())
		return -EDEADLK;
	pthread_mutex_lock(&miniport->control);
	queues_take_all(miniport);
	finish_sends(protocol);
	take_out(&miniport->protocols, protocol);
	queues_release_all(miniport);
	pthread_mutex_unlock(&miniport->control);
	free(protocol);
	return 0;
}
