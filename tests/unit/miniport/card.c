/* SPDX-License-Identifier: BSD-3-Clause */
/* The card's rings, and its life. */
#include "card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
/* after those, which it needs */
#include <cmocka.h>

#include "card_mailbox.h"

void card_init(struct card *card)
{
	memset(card, 0, sizeof(*card));
	card->queues = 1;
	card->entries = 64;
	card->mtu = 1500;
	pthread_mutex_init(&card->lock, NULL);
	strcpy(card->dir, "/tmp/test_card.XXXXXX");
	assert_non_null(mkdtemp(card->dir));
}

void card_start(struct card *card)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" SLUICE_SOCKET_NAME, card->dir);
	unlink(address.sun_path);
	card->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(card->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(card->listener, 4), 0);
	assert_int_equal(pipe(card->quit), 0);
	assert_int_equal(pthread_create(&card->thread, NULL, card_serve, card), 0);
	card->running = true;
}

void card_stop(struct card *card)
{
	char path[96];

	if (!card->running)
		return;
	assert_int_equal(write(card->quit[1], "q", 1), 1);
	pthread_join(card->thread, NULL);
	close(card->quit[0]);
	close(card->quit[1]);
	close(card->listener);
	snprintf(path, sizeof(path), "%s/" SLUICE_SOCKET_NAME, card->dir);
	unlink(path);
	card->running = false;
}

void card_free(struct card *card)
{
	card_stop(card);
	assert_int_equal(rmdir(card->dir), 0);
	pthread_mutex_destroy(&card->lock);
}

/* ---- OIDs ---------------------------------------------------------------------------------------- */

static struct card_setting *find(struct card *card, uint32_t oid)
{
	for (unsigned i = 0; i < CARD_SETTINGS; i++) {
		if (card->settings[i].oid == oid)
			return &card->settings[i];
	}
	return NULL;
}

void card_store(struct card *card, uint32_t oid, const void *value, uint32_t length, unsigned sets)
{
	struct card_setting *setting = find(card, oid);

	if (setting == NULL)
		setting = find(card, 0);
	if (setting == NULL || length > sizeof(setting->value))
		abort();
	setting->oid = oid;
	setting->length = length;
	setting->sets += sets;
	if (length > 0)
		memcpy(setting->value, value, length);
}

const struct card_setting *card_lookup(struct card *card, uint32_t oid)
{
	return find(card, oid);
}

void card_set_oid(struct card *card, uint32_t oid, const void *value, uint32_t length)
{
	pthread_mutex_lock(&card->lock);
	card_store(card, oid, value, length, 0);
	pthread_mutex_unlock(&card->lock);
}

const struct card_setting *card_find_oid(struct card *card, uint32_t oid)
{
	const struct card_setting *setting;

	pthread_mutex_lock(&card->lock);
	setting = find(card, oid);
	pthread_mutex_unlock(&card->lock);
	return setting;
}

/* ---- Rings --------------------------------------------------------------------------------------- */

struct sluice_card_line *card_line(struct card *card, unsigned queue)
{
	return (void *)(card->card_data + sluice_card_line_at(queue));
}

struct sluice_host_line *card_host_line(struct card *card, unsigned queue)
{
	return (void *)(card->host_data + sluice_host_line_at(queue));
}

/* Not a second one for packets before the host has passed those of the first (abi/data.h). */
static bool is_due(struct card_lane *lane, const struct sluice_host_line *host, uint32_t what)
{
	if (!(__atomic_load_n(&host->want_event, __ATOMIC_SEQ_CST) & what))
		return false;
	if (what == SLUICE_WANT_SEND)
		return true;
	if (lane->woken && (int32_t)(__atomic_load_n(&host->receive_head, __ATOMIC_SEQ_CST) - lane->woken_at) < 0)
		return false;
	lane->woken = true;
	lane->woken_at = lane->receive_tail;
	return true;
}

static void notify(struct card *card, unsigned queue, uint32_t what)
{
	const uint64_t one = 1;

	if (is_due(&card->lanes[queue], card_host_line(card, queue), what))
		(void)!send(card->signal[queue], &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void publish_receive(struct card *card, unsigned queue, uint32_t tail)
{
	card->lanes[queue].receive_tail = tail;
	__atomic_store_n(&card_line(card, queue)->receive_tail, tail, __ATOMIC_SEQ_CST);
	notify(card, queue, SLUICE_WANT_RECEIVE);
}

static void put(struct card *card, unsigned queue, uint32_t index, struct sluice_desc desc)
{
	struct sluice_desc *ring =
		(void *)(card->card_data + sluice_receive_ring_at(card->queues, card->entries, queue));

	ring[index & (card->entries - 1u)] = desc;
}

void card_give_raw(struct card *card, unsigned queue, struct sluice_desc desc)
{
	put(card, queue, card->lanes[queue].receive_tail, desc);
	publish_receive(card, queue, card->lanes[queue].receive_tail + 1);
}

bool card_give(struct card *card, unsigned queue, const void *frame, uint32_t length,
	       const struct sluice_frame_meta *meta, uint16_t flags)
{
	struct card_lane *lane = &card->lanes[queue];
	uint32_t meta_bytes = meta != NULL ? sizeof(*meta) : 0, left = length + meta_bytes, tail = lane->receive_tail;
	const uint8_t *from = frame;
	bool first = true;

	if (lane->free_count * SLUICE_DATA_BUFFER < left)
		return false;
	for (; left > 0; first = false) {
		uint32_t part = left < SLUICE_DATA_BUFFER ? left : SLUICE_DATA_BUFFER;
		uint32_t id = lane->free[--lane->free_count];
		uint64_t at = sluice_receive_buffer_at(card->queues, card->entries, queue, id);
		uint32_t skip = first ? meta_bytes : 0;

		if (skip > 0)
			memcpy(card->card_data + at, meta, skip);
		memcpy(card->card_data + at + skip, from, part - skip);
		from += part - skip;
		left -= part;
		put(card, queue, tail++,
		    (struct sluice_desc){.offset = (uint32_t)at,
					 .length = (uint16_t)part,
					 .id = id,
					 .flags = (uint16_t)((left > 0 ? SLUICE_DESC_MORE : 0) |
							     (skip > 0 ? SLUICE_DESC_META : 0) | flags)});
		if ((flags & SLUICE_DESC_RESOURCES) != 0) {
			lane->unlent[lane->unlent_count] = id;
			lane->unlent_at[lane->unlent_count++] = tail - 1;
		}
	}
	publish_receive(card, queue, tail);
	return true;
}

static struct sluice_desc sent(struct card *card, unsigned queue, uint32_t index)
{
	const struct sluice_desc *ring =
		(const void *)(card->host_data + sluice_send_ring_at(card->queues, card->entries, queue));

	return ring[index & (card->entries - 1u)];
}

/* Whether a descriptor is one that a card would take. */
static void check(struct card *card, unsigned queue, struct sluice_desc desc, bool first)
{
	uint64_t start = sluice_send_buffer_at(card->queues, card->entries, queue, 0);
	uint64_t end = sluice_send_buffer_at(card->queues, card->entries, queue, card->entries);

	assert_true(desc.length > 0 && desc.length <= SLUICE_DATA_BUFFER);
	assert_true(desc.offset >= start && desc.offset + desc.length <= end);
	assert_int_equal(desc.flags & ~(SLUICE_DESC_MORE | (first ? SLUICE_DESC_META : 0)), 0);
	assert_int_equal(desc.reserved, 0);
}

uint32_t card_take(struct card *card, unsigned queue, void *frame, struct sluice_frame_meta *meta)
{
	struct card_lane *lane = &card->lanes[queue];
	uint32_t tail = __atomic_load_n(&card_host_line(card, queue)->send_tail, __ATOMIC_ACQUIRE);
	uint32_t index = lane->send_head, total = 0;
	struct sluice_desc desc;

	assert_true(tail - index <= card->entries);
	if (index == tail)
		return 0;
	memset(meta, 0, sizeof(*meta));
	do {
		uint32_t skip;

		assert_int_not_equal(index, tail);
		desc = sent(card, queue, index);
		check(card, queue, desc, index == lane->send_head);
		skip = (desc.flags & SLUICE_DESC_META) != 0 ? sizeof(*meta) : 0;
		memcpy(meta, card->host_data + desc.offset, skip);
		memcpy((uint8_t *)frame + total, card->host_data + desc.offset + skip, desc.length - skip);
		total += desc.length - skip;
		index++;
	} while ((desc.flags & SLUICE_DESC_MORE) != 0);
	assert_true(index - lane->send_head <= SLUICE_DATA_CHAIN_MAX);
	lane->send_head = index;
	__atomic_store_n(&card_line(card, queue)->send_head, index, __ATOMIC_SEQ_CST);
	notify(card, queue, SLUICE_WANT_SEND);
	return total;
}

/* Those that were not lent, once the host is past them. */
static void collect_unlent(struct card *card, unsigned queue)
{
	struct card_lane *lane = &card->lanes[queue];
	uint32_t head = __atomic_load_n(&card_host_line(card, queue)->receive_head, __ATOMIC_ACQUIRE);
	unsigned kept = 0;

	for (unsigned i = 0; i < lane->unlent_count; i++) {
		if ((int32_t)(head - lane->unlent_at[i]) > 0) {
			lane->free[lane->free_count++] = lane->unlent[i];
			continue;
		}
		lane->unlent[kept] = lane->unlent[i];
		lane->unlent_at[kept++] = lane->unlent_at[i];
	}
	lane->unlent_count = kept;
}

unsigned card_collect(struct card *card, unsigned queue)
{
	const struct sluice_desc *ring =
		(const void *)(card->host_data + sluice_return_ring_at(card->queues, card->entries, queue));
	struct card_lane *lane = &card->lanes[queue];
	uint32_t tail = __atomic_load_n(&card_host_line(card, queue)->return_tail, __ATOMIC_ACQUIRE);

	collect_unlent(card, queue);
	assert_true(tail - lane->return_head <= card->entries);
	for (; lane->return_head != tail; lane->return_head++) {
		struct sluice_desc desc = ring[lane->return_head & (card->entries - 1u)];

		assert_true(desc.id < card->entries);
		for (unsigned i = 0; i < lane->free_count; i++)
			assert_int_not_equal(lane->free[i], desc.id);
		lane->free[lane->free_count++] = desc.id;
	}
	__atomic_store_n(&card_line(card, queue)->return_head, lane->return_head, __ATOMIC_RELEASE);
	return lane->free_count;
}
