/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host that writes what it likes into its rings, against the card's end of them. The input is a list of steps: a byte
 * that says what is done, then what the step takes. Regions are of the exact size, so that the sanitizer sees a step
 * outside them; whatever the host did, no buffer may be lost or doubled, and the other queue pair goes on.
 */
#include <rte_mbuf.h>
#include <rte_net.h>
#include <stdlib.h>
#include <string.h>

#include "../input.h"
#include "hostport/meta.h"
#include "hostport/ring.h"

enum { QUEUES = 2, ENTRIES = 64, FRAME_MAX = SLUICE_DATA_CHAIN_MAX * 65536, STEPS_MAX = 4096, HEADERS = 64 };

enum step {
	SEND_DESC,    /* place, 16 bytes: any descriptor */
	SEND_GOOD,    /* flags, length (2), HEADERS bytes: a descriptor that is in its bounds */
	SEND_TAIL,    /* 4 bytes */
	RECEIVE_HEAD, /* 4 bytes */
	RECEIVE_ALL,
	RETURN_DESC, /* place, 16 bytes */
	RETURN_GOOD, /* which of the last: a buffer that came */
	RETURN_TAIL, /* 4 bytes */
	WANT_EVENT,  /* 1 byte */
	CARD_TAKES,  /* how many frames */
	CARD_GIVES,  /* buffers */
	STEPS
};

struct card {
	uint8_t *card, *host;
	struct ring_in in[QUEUES];
	struct ring_out out[QUEUES];
};

static struct sluice_host_line *line_of(const struct card *card, uint16_t queue)
{
	return (void *)(card->host + sluice_host_line_at(queue));
}

static const struct sluice_card_line *told(const struct card *card, uint16_t queue)
{
	return (void *)(card->card + sluice_card_line_at(queue));
}

static struct sluice_desc *send_ring(const struct card *card, uint16_t queue)
{
	return (void *)(card->host + sluice_send_ring_at(QUEUES, ENTRIES, queue));
}

static struct sluice_desc *return_ring(const struct card *card, uint16_t queue)
{
	return (void *)(card->host + sluice_return_ring_at(QUEUES, ENTRIES, queue));
}

/* ---- The host --------------------------------------------------------------------------------------- */

static void send_good(struct card *card, struct input *input)
{
	struct sluice_host_line *line = line_of(card, 0);
	uint32_t place = line->send_tail % ENTRIES;
	uint64_t at = sluice_send_buffer_at(QUEUES, ENTRIES, 0, place);
	uint16_t flags = take_byte(input) & (SLUICE_DESC_MORE | SLUICE_DESC_META), length;

	take(input, &length, sizeof(length));
	take(input, card->host + at, HEADERS);
	send_ring(card, 0)[place] =
		(struct sluice_desc){.offset = (uint32_t)at, .length = (uint16_t)(length % 2048 + 1), .flags = flags};
	line->send_tail++;
}

static void return_good(struct card *card, struct input *input)
{
	struct sluice_host_line *line = line_of(card, 0);
	const struct sluice_desc *ring = (void *)(card->card + sluice_receive_ring_at(QUEUES, ENTRIES, 0));
	uint32_t back = take_byte(input) % ENTRIES + 1;

	return_ring(card, 0)[line->return_tail % ENTRIES] =
		(struct sluice_desc){.id = ring[(line->receive_head - back) % ENTRIES].id};
	line->return_tail++;
}

/* ---- The card --------------------------------------------------------------------------------------- */

/* A frame in one buffer of exactly its size, behind room for a tag. */
static void say_of(const struct sluice_frame_meta *meta, const uint8_t *bytes, uint32_t length)
{
	struct rte_mbuf *mbuf = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*mbuf));
	uint8_t *buffer = malloc(RTE_PKTMBUF_HEADROOM + length);
	struct sluice_frame_meta back;

	require(mbuf != NULL && buffer != NULL);
	memset(mbuf, 0, sizeof(*mbuf));
	mbuf->buf_addr = buffer;
	mbuf->buf_len = (uint16_t)(RTE_PKTMBUF_HEADROOM + length);
	mbuf->data_off = RTE_PKTMBUF_HEADROOM;
	mbuf->nb_segs = 1;
	mbuf->data_len = (uint16_t)length;
	mbuf->pkt_len = length;
	rte_mbuf_refcnt_set(mbuf, 1);
	memcpy(buffer + RTE_PKTMBUF_HEADROOM, bytes, length);
	if (meta_from_host(meta, mbuf)) {
		uint32_t l4 = (uint32_t)mbuf->l2_len + mbuf->l3_len;

		require(mbuf->pkt_len == length + (meta->vlan != 0 ? 4 : 0));
		if (mbuf->ol_flags & RTE_MBUF_F_TX_L4_MASK)
			require(l4 < mbuf->pkt_len);
		if (mbuf->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG))
			require(mbuf->tso_segsz > 0 && l4 + mbuf->l4_len < mbuf->pkt_len);
		meta_for_host(mbuf, &back);
	}
	free(buffer);
	free(mbuf);
}

static void look_at(const struct ring_in *in, const struct ring_frame *frame)
{
	static uint8_t bytes[FRAME_MAX];
	struct sluice_frame_meta meta = {0};
	struct ring_cursor cursor = {0};
	uint32_t length = frame->length;

	require(frame->count > 0 && frame->count <= SLUICE_DATA_CHAIN_MAX && length <= FRAME_MAX);
	if (frame->has_meta) {
		ring_in_copy(in, frame, &cursor, &meta, sizeof(meta));
		length -= (uint32_t)sizeof(meta);
	}
	ring_in_copy(in, frame, &cursor, bytes, length);
	if (length >= 14 && length <= 9000)
		say_of(&meta, bytes, length);
}

/* What is found plain is a sound frame of one piece, and no other is found plain. */
static void look_at_plain(const struct ring_in *in, const struct ring_frame *frame, enum ring_look look)
{
	uint16_t length;
	const uint8_t *bytes = ring_in_plain(in, &length);

	require((bytes != NULL) == (look == RING_FRAME && frame->count == 1 && !frame->has_meta));
	require(bytes == NULL || (bytes == in->base + frame->pieces[0].offset && length == frame->length));
}

static void card_takes(struct card *card, uint16_t queue, uint32_t most)
{
	struct ring_in *in = &card->in[queue];
	enum ring_look look;
	struct ring_frame frame;

	if (!ring_in_begin(in))
		return;
	while (most-- > 0 && (look = ring_in_look(in, &frame)) != RING_EMPTY) {
		require(frame.next - in->head >= 1 && frame.next - in->head <= ENTRIES);
		look_at_plain(in, &frame, look);
		if (look == RING_FRAME)
			look_at(in, &frame);
		ring_in_take(in, &frame, look == RING_BAD);
	}
	ring_in_publish(in);
	ring_in_expect(in);
	require(told(card, queue)->send_head == in->head);
}

static void card_gives(struct card *card, uint16_t queue, uint32_t count)
{
	struct ring_out *out = &card->out[queue];

	if (!ring_out_begin(out))
		return;
	if (count > 0 && ring_out_has_room(out, count)) {
		uint16_t terms = ring_out_terms(out, count);

		for (uint32_t i = 0; i < count; i++)
			memset(ring_out_add(out, SLUICE_DATA_BUFFER, terms), (int)i, SLUICE_DATA_BUFFER);
	}
	ring_out_publish(out);
	require(told(card, queue)->receive_tail == out->tail);
}

/* Each buffer is in one place: free, the host's, or lent at one place of the ring that has not been passed. */
static void check_buffers(const struct ring_out *out)
{
	uint8_t seen[ENTRIES] = {0};
	uint32_t held = 0;

	require(out->free_count <= ENTRIES && out->tail - out->head <= ENTRIES);
	for (uint32_t i = 0; i < out->free_count; i++) {
		require(out->free[i] < ENTRIES && seen[out->free[i]]++ == 0);
		require(out->holders[out->free[i]] == RING_CARD);
	}
	for (uint32_t i = 0; i < ENTRIES; i++)
		held += out->holders[i] != RING_CARD;
	require(held == ring_out_held(out));
}

/* ---- Steps ------------------------------------------------------------------------------------------ */

static void take_step(struct card *card, struct input *input)
{
	struct sluice_host_line *line = line_of(card, 0);

	switch ((enum step)(take_byte(input) % STEPS)) {
	case SEND_DESC:
		take(input, &send_ring(card, 0)[take_byte(input) % ENTRIES], sizeof(struct sluice_desc));
		break;
	case SEND_GOOD:
		send_good(card, input);
		break;
	case SEND_TAIL:
		take(input, &line->send_tail, sizeof(line->send_tail));
		break;
	case RECEIVE_HEAD:
		take(input, &line->receive_head, sizeof(line->receive_head));
		break;
	case RECEIVE_ALL:
		line->receive_head = told(card, 0)->receive_tail;
		break;
	case RETURN_DESC:
		take(input, &return_ring(card, 0)[take_byte(input) % ENTRIES], sizeof(struct sluice_desc));
		break;
	case RETURN_GOOD:
		return_good(card, input);
		break;
	case RETURN_TAIL:
		take(input, &line->return_tail, sizeof(line->return_tail));
		break;
	case WANT_EVENT:
		line->want_event = take_byte(input);
		break;
	case CARD_TAKES:
		card_takes(card, 0, take_byte(input));
		break;
	case CARD_GIVES:
		card_gives(card, 0, take_byte(input) % (SLUICE_DATA_CHAIN_MAX + 1));
		check_buffers(&card->out[0]);
		break;
	case STEPS:
		break;
	}
}

/* One frame each way, as if nobody were beside it. */
static void check_neighbour(struct card *card)
{
	struct sluice_host_line *line = line_of(card, 1);

	send_ring(card, 1)[0] =
		(struct sluice_desc){.offset = (uint32_t)sluice_send_buffer_at(QUEUES, ENTRIES, 1, 0), .length = 60};
	line->send_tail = 1;
	card_takes(card, 1, 32);
	require(told(card, 1)->send_frames == 1 && told(card, 1)->send_refused == 0);
	card_gives(card, 1, 1);
	require(told(card, 1)->receive_tail == 1 && card->out[1].fault == RING_FAULT_NONE);
}

static void card_up(struct card *card, uint32_t index)
{
	card->card = calloc(1, sluice_card_data_size(QUEUES, ENTRIES));
	card->host = calloc(1, sluice_host_data_size(QUEUES, ENTRIES));
	require(card->card != NULL && card->host != NULL);
	for (uint16_t q = 0; q < QUEUES; q++) {
		const struct ring_place place = {card->card, card->host, QUEUES, ENTRIES, q};

		ring_in_create(&card->in[q], &place);
		require(ring_out_create(&card->out[q], &place) == 0);
	}
	card->in[0].head = card->in[0].tail = card->in[0].published = index; /* near 2^32, so that they wrap */
	card->out[0].head = card->out[0].tail = card->out[0].published = card->out[0].return_head = index;
	((struct sluice_card_line *)(void *)card->card)->send_head = index;
	line_of(card, 0)->send_tail = line_of(card, 0)->receive_head = line_of(card, 0)->return_tail = index;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, data + size};
	struct card card = {0};

	card_up(&card, take_byte(&input) % 2 == 0 ? 0 : UINT32_MAX - 40);
	for (uint32_t steps = 0; steps < STEPS_MAX && input.at < input.end; steps++)
		take_step(&card, &input);
	card_takes(&card, 0, ENTRIES);
	card_gives(&card, 0, 1);
	check_buffers(&card.out[0]);
	check_neighbour(&card);
	for (uint16_t q = 0; q < QUEUES; q++)
		ring_out_destroy(&card.out[q]);
	free(card.card);
	free(card.host);
	return 0;
}
