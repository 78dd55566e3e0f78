/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports of this driver, and the clients that come to them and go. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "port.h"

struct hostport_link {
	struct hostport *port; /* NULL: it has gone */
	LIST_ENTRY(hostport_link) entry;
	uint16_t queues;
	struct hostport_pair pairs[];
};

static LIST_HEAD(, hostport) ports = LIST_HEAD_INITIALIZER(ports); /* control side */

static struct hostport *find(const char *device)
{
	struct hostport *port;

	LIST_FOREACH(port, &ports, entry)
	if (strcmp(port->device, device) == 0)
		return port;
	return NULL;
}

void hostport_register(struct hostport *port)
{
	for (uint16_t q = 0; q < SLUICE_DATA_QUEUES_MAX; q++)
		port->queue[q].max_frame = &port->max_frame;
	LIST_INSERT_HEAD(&ports, port, entry);
}

void hostport_unregister(struct hostport *port)
{
	struct hostport_link *link;

	if (port->link != NULL)
		hostport_detach(port->link);
	while ((link = LIST_FIRST(&port->links)) != NULL) {
		LIST_REMOVE(link, entry);
		link->port = NULL;
	}
	LIST_REMOVE(port, entry);
}

int hostport_describe(const char *device, struct hostport_description *description)
{
	const struct hostport *port = find(device);

	if (port == NULL)
		return -ENODEV;
	*description = (struct hostport_description){
		.queues = port->configured,
		.entries = port->entries,
		.mtu = port->mtu,
		.taken = port->link != NULL,
		.draining = port->draining,
	};
	memcpy(description->mac, port->mac, sizeof(description->mac));
	return 0;
}

/* ---- A client -------------------------------------------------------------------------------------- */

static bool fits(const struct hostport *port, const struct hostport_client *client)
{
	return client->queues == port->configured && client->queues > 0 && client->entries >= SLUICE_DATA_ENTRIES_MIN &&
	       client->entries <= port->entries && (client->entries & (client->entries - 1)) == 0;
}

static int create_pair(struct hostport_pair *pair, const struct hostport_client *client, uint16_t queue)
{
	const struct ring_place place = {
		.card = client->card,
		.host = client->host,
		.queues = client->queues,
		.entries = client->entries,
		.queue = queue,
	};

	ring_in_create(&pair->in, &place);
	pair->card = pair->in.card;
	pair->signal = client->signals != NULL ? client->signals[queue] : -1;
	pair->joins = client->large_receives;
	return ring_out_create(&pair->out, &place);
}

static void set_status(struct hostport_pair *pair, bool up)
{
	uint32_t expected = up ? SLUICE_QUEUE_DOWN : SLUICE_QUEUE_UP; /* what is broken stays so */

	__atomic_compare_exchange_n(&pair->card->status, &expected, up ? SLUICE_QUEUE_UP : SLUICE_QUEUE_DOWN, false,
				    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

static void publish(struct hostport *port, struct hostport_link *link)
{
	port->link = link;
	LIST_INSERT_HEAD(&port->links, link, entry);
	for (uint16_t q = 0; q < link->queues; q++) {
		set_status(&link->pairs[q], port->started);
		__atomic_store_n(&port->queue[q].counters.fault, RING_FAULT_NONE, __ATOMIC_RELAXED);
		__atomic_store_n(&port->queue[q].pair, &link->pairs[q], __ATOMIC_RELEASE);
	}
}

static void free_link(struct hostport_link *link)
{
	for (uint16_t q = 0; q < link->queues; q++)
		ring_out_destroy(&link->pairs[q].out);
	free(link);
}

static struct hostport_link *create_link(struct hostport *port, const struct hostport_client *client)
{
	size_t size = sizeof(struct hostport_link) + client->queues * sizeof(struct hostport_pair);
	struct hostport_link *link = aligned_alloc(64, (size + 63) / 64 * 64);

	if (link == NULL)
		return NULL;
	memset(link, 0, size);
	link->port = port;
	for (; link->queues < client->queues; link->queues++) {
		if (create_pair(&link->pairs[link->queues], client, link->queues) != 0) {
			free_link(link);
			return NULL;
		}
	}
	return link;
}

int hostport_attach(const char *device, const struct hostport_client *client, struct hostport_link **out)
{
	struct hostport *port = find(device);
	struct hostport_link *link;

	if (port == NULL)
		return -ENODEV;
	if (port->draining)
		return -ESHUTDOWN;
	if (port->link != NULL)
		return -EBUSY;
	if (!fits(port, client))
		return -EINVAL;
	link = create_link(port, client);
	if (link == NULL)
		return -ENOMEM;
	publish(port, link);
	*out = link;
	return 0;
}

void hostport_detach(struct hostport_link *link)
{
	struct hostport *port = link->port;

	if (port == NULL || port->link != link)
		return;
	for (uint16_t q = 0; q < link->queues; q++) {
		__atomic_store_n(&port->queue[q].pair, NULL, __ATOMIC_RELEASE);
		__atomic_store_n(&port->queue[q].counters.fault, RING_FAULT_NONE, __ATOMIC_RELAXED);
		set_status(&link->pairs[q], false);
	}
	port->link = NULL;
}

/* What a host has returned before it hung up counts as returned. */
static void settle(struct hostport_link *link, struct hostport_account *past)
{
	for (uint16_t q = 0; q < link->queues; q++) {
		struct ring_out *out = &link->pairs[q].out;

		ring_out_begin(out);
		past->lent += out->lent;
		past->returned += out->returned;
		past->forfeited += out->lent - out->returned;
	}
}

void hostport_free(struct hostport_link *link)
{
	if (link->port != NULL) {
		settle(link, &link->port->past);
		LIST_REMOVE(link, entry);
	}
	free_link(link);
}

void hostport_drain(const char *device)
{
	struct hostport *port = find(device);

	if (port == NULL)
		return;
	port->draining = true;
	for (uint16_t q = 0; q < SLUICE_DATA_QUEUES_MAX; q++)
		__atomic_store_n(&port->queue[q].draining, 1, __ATOMIC_RELAXED);
	for (uint16_t q = 0; port->link != NULL && q < port->link->queues; q++)
		set_status(&port->link->pairs[q], false);
}

void hostport_set_started(struct hostport *port, bool started)
{
	port->started = started;
	for (uint16_t q = 0; port->link != NULL && q < port->link->queues; q++)
		set_status(&port->link->pairs[q], started);
}

/* ---- Counters -------------------------------------------------------------------------------------- */

bool hostport_read(const char *device, uint16_t queue, struct hostport_counters *counters)
{
	const struct hostport *port = find(device);
	const uint64_t *from;
	uint64_t *to = (uint64_t *)counters;

	if (port == NULL || queue >= port->queues)
		return false;
	from = (const uint64_t *)&port->queue[queue].counters;
	for (size_t i = 0; i < offsetof(struct hostport_counters, fault) / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	counters->fault = __atomic_load_n(&port->queue[queue].counters.fault, __ATOMIC_RELAXED);
	return true;
}

enum ring_fault hostport_take_fault(const char *device, uint16_t queue)
{
	struct hostport *port = find(device);

	if (port == NULL || queue >= port->queues)
		return RING_FAULT_NONE;
	return (enum ring_fault)__atomic_exchange_n(&port->queue[queue].untold, RING_FAULT_NONE, __ATOMIC_RELAXED);
}

/* What has come back is read first: it is never more than what was lent before that. */
static void add_pair(struct hostport_account *account, const struct hostport_pair *pair, bool attached)
{
	uint64_t returned = __atomic_load_n(&pair->out.returned, __ATOMIC_ACQUIRE);
	uint64_t lent = __atomic_load_n(&pair->out.lent, __ATOMIC_ACQUIRE);

	account->returned += returned;
	account->lent += lent;
	account->held += (uint32_t)(lent - returned);
	if (attached && !__atomic_load_n(&pair->broken, __ATOMIC_RELAXED))
		account->awaited += (uint32_t)(lent - returned);
}

bool hostport_account(const char *device, struct hostport_account *account)
{
	const struct hostport *port = find(device);
	const struct hostport_link *link;

	if (port == NULL)
		return false;
	*account = port->past;
	LIST_FOREACH(link, &port->links, entry)
	for (uint16_t q = 0; q < link->queues; q++)
		add_pair(account, &link->pairs[q], link == port->link);
	return true;
}
