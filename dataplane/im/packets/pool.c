/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pools of descriptors that drivers take for packets of their own (contract 2.55, 5.21, 5.31). Free ones are a list
 * that is taken from and put back to at the same end, so that the few in use stay in the cache, by any thread, without
 * a lock: its head counts up at each change, so that nobody takes a head that went and came back for the one that it
 * saw.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "im/core.h"

#define GUARD_SIZE 16u /* behind each descriptor, at least [12.40] */

struct im_pool {
	struct im_object object;
	uint64_t head; /* atomic: changes in the high half, number of the first free one in the low, 0: none */
	uint32_t count;
	uint16_t slots;
	size_t size;	/* bytes of a descriptor, ... */
	size_t stride;	/* ... with those that fill up its cache lines, and a guard where the verifier is on */
	uint32_t *next; /* by number - 1: number of the next free one; atomic */
	uint8_t *memory;
};

static struct im_packet *packet_of(const struct im_pool *pool, uint32_t number)
{
	return (struct im_packet *)(void *)(pool->memory + (number - 1) * pool->stride);
}

/* ---- Coming and going ---------------------------------------------------------------------------- */

static void destroy(struct im_pool *pool)
{
	free(pool->next);
	free(pool->memory);
	free(pool);
}

static struct im_pool *create(uint32_t count, uint16_t slots)
{
	size_t size = sizeof(struct im_packet) + slots * sizeof(struct im_packet_slot);
	struct im_pool *pool = im_fault_allocation() ? NULL : calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	pool->count = count;
	pool->slots = slots;
	pool->size = size;
	pool->stride = RTE_ALIGN_CEIL(size + (im_is_verified() ? GUARD_SIZE : 0), RTE_CACHE_LINE_SIZE);
	pool->next = im_fault_allocation() ? NULL : calloc(count, sizeof(*pool->next));
	pool->memory = im_fault_allocation() ? NULL : aligned_alloc(RTE_CACHE_LINE_SIZE, count * pool->stride);
	if (pool->next != NULL && pool->memory != NULL)
		return pool;
	destroy(pool);
	return NULL;
}

static void fill(struct im_pool *pool)
{
	memset(pool->memory, 0, pool->count * pool->stride);
	for (uint32_t number = 1; number <= pool->count; number++) {
		struct im_packet *packet = packet_of(pool, number);

		packet->flags = IM_PACKET_FREE;
		im_guard_memory((uint8_t *)packet + pool->size, pool->stride - pool->size);
		pool->next[number - 1] = number < pool->count ? number + 1 : 0;
	}
	pool->head = 1;
}

im_status_t im_allocate_packet_pool(struct im_wrapper *wrapper, uint32_t count, struct im_pool **out)
{
	struct im_pool *pool;

	if (wrapper == NULL || out == NULL || count == 0)
		return IM_STATUS_INVALID_PARAMETER;
	*out = NULL;
	if (!im_passive_call("im_allocate_packet_pool"))
		return IM_STATUS_FAILURE;
	pool = im_fault_call() ? NULL : create(count, im_core.packet_slots);
	if (pool == NULL)
		return IM_STATUS_RESOURCES;
	fill(pool);
	im_own(wrapper, &pool->object, IM_OBJECT_POOL, "packets");
	*out = pool;
	return IM_STATUS_SUCCESS;
}

static uint32_t count_out(const struct im_pool *pool)
{
	uint32_t out = pool->count;

	for (uint32_t number = (uint32_t)pool->head; number != 0; number = pool->next[number - 1])
		out--;
	return out;
}

/* A pool that is not whole stays: somebody still has its packets. It then shows as a leak (1.22). */
void im_free_packet_pool(struct im_pool *pool)
{
	char text[80];
	uint32_t out;

	if (pool == NULL || !im_passive_call("im_free_packet_pool"))
		return;
	out = count_out(pool);
	if (out > 0) {
		snprintf(text, sizeof(text), "freed a packet pool with %u of its %u packets out", out, pool->count);
		im_violation("5.31", pool->object.owner->object->name, text);
		return;
	}
	im_disown(&pool->object);
	destroy(pool);
}

/* ---- Packets ------------------------------------------------------------------------------------- */

static uint64_t head_with(uint64_t head, uint32_t number)
{
	return ((head >> 32) + 1) << 32 | number;
}

IM_DISPATCH static uint32_t take(struct im_pool *pool)
{
	uint64_t head = __atomic_load_n(&pool->head, __ATOMIC_ACQUIRE);
	uint64_t changed;

	do {
		if ((uint32_t)head == 0)
			return 0;
		changed = head_with(head, __atomic_load_n(&pool->next[(uint32_t)head - 1], __ATOMIC_RELAXED));
	} while (!__atomic_compare_exchange_n(&pool->head, &head, changed, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	return (uint32_t)head;
}

IM_DISPATCH static void put(struct im_pool *pool, uint32_t number)
{
	uint64_t head = __atomic_load_n(&pool->head, __ATOMIC_RELAXED);

	do
		__atomic_store_n(&pool->next[number - 1], (uint32_t)head, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&pool->head, &head, head_with(head, number), true, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED));
}

static bool is_verified(void)
{
	return im_is_watched(im_this_worker);
}

IM_DISPATCH static void make_new(const struct im_pool *pool, struct im_packet *packet)
{
	packet->mbuf = NULL;
	packet->length = 0;
	packet->status = IM_STATUS_SUCCESS;
	packet->depth = 0;
	packet->slots = pool->slots;
	packet->flags = 0;
	packet->info = (struct im_packet_info){0};
}

struct im_packet *im_allocate_packet(struct im_pool *pool)
{
	struct im_packet *packet;
	uint32_t number;

	if (unlikely(is_verified()) && im_fault_allocation())
		return NULL;
	number = take(pool);
	if (number == 0)
		return NULL;
	packet = packet_of(pool, number);
	make_new(pool, packet);
	if (unlikely(is_verified()))
		im_verify_allocated(packet, pool->object.owner);
	return packet;
}

/* Its number, or 0 where it is not a packet of this pool that its driver has now. */
IM_DISPATCH static uint32_t number_of(const struct im_pool *pool, const struct im_packet *packet)
{
	const char *driver = pool->object.owner->object->name;
	uintptr_t offset = (uintptr_t)packet - (uintptr_t)pool->memory;

	if (unlikely(offset >= pool->count * pool->stride || offset % pool->stride != 0)) {
		im_violation("5.21", driver, "gave a packet to a pool that it is not of");
		return 0;
	}
	if (unlikely(packet->flags & IM_PACKET_FREE)) {
		im_violation("12.30", driver, "freed a packet twice");
		return 0;
	}
	if (unlikely(packet->depth > 0)) {
		im_violation("4.14", driver, "freed a packet that is still out");
		return 0;
	}
	return (uint32_t)(offset / pool->stride) + 1;
}

IM_DISPATCH static void check_freed(const struct im_pool *pool, struct im_packet *packet)
{
	uint8_t *behind = (uint8_t *)packet + pool->size;
	size_t size = pool->stride - pool->size;

	im_verify_freed(packet, pool->object.owner);
	if (im_is_guarded(behind, size))
		return;
	im_guard_memory(behind, size);
	im_violation("12.40", pool->object.owner->object->name, "wrote past the end of a packet of its pool");
}

void im_free_packet(struct im_pool *pool, struct im_packet *packet)
{
	uint32_t number = number_of(pool, packet);

	if (number == 0)
		return;
	if (unlikely(is_verified()))
		check_freed(pool, packet);
	packet->flags = IM_PACKET_FREE;
	put(pool, number);
}

void im_reinitialize_packet(struct im_pool *pool, struct im_packet *packet)
{
	if (number_of(pool, packet) == 0)
		return;
	if (unlikely(packet->mbuf != NULL))
		im_violation("5.21", pool->object.owner->object->name,
			     "reinitialised a packet whose buffers it has not freed");
	make_new(pool, packet);
}

struct rte_mbuf *im_allocate_buffer(void)
{
	if (im_core.buffers == NULL || (unlikely(is_verified()) && im_fault_allocation()))
		return NULL;
	return rte_pktmbuf_alloc(im_core.buffers);
}
