/* SPDX-License-Identifier: BSD-3-Clause */
#include "copy.h"

#include <rte_ether.h>
#include <rte_memcpy.h>

#include "join.h"
#include "meta.h"

/* ---- From the host --------------------------------------------------------------------------------- */

/* What most frames are: one piece for one buffer, with nothing to say beside it. False: nothing has happened. */
IM_DISPATCH static bool take_plain(struct ring_in *in, uint32_t most, struct rte_mbuf *mbuf)
{
	uint16_t length;
	const uint8_t *bytes = ring_in_plain(in, &length);

	if (bytes == NULL || length < sizeof(struct rte_ether_hdr) || length > most ||
	    length > rte_pktmbuf_tailroom(mbuf))
		return false;
	rte_memcpy(rte_pktmbuf_mtod(mbuf, void *), bytes, length);
	ring_copied();
	mbuf->data_len = length;
	mbuf->pkt_len = length;
	ring_in_take_plain(in);
	return true;
}

/* Where the pool has none left, one that is there for a frame behind: else a frame of many would never find enough. */
IM_DISPATCH static struct rte_mbuf *one_more(struct copy_buffers *empty)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(empty->pool);

	if (mbuf == NULL && empty->count > 1)
		mbuf = empty->mbufs[--empty->count];
	return mbuf;
}

IM_DISPATCH static void make_empty(struct rte_mbuf *first)
{
	for (struct rte_mbuf *part = first->next, *next; part != NULL; part = next) {
		next = part->next;
		rte_pktmbuf_free_seg(part);
	}
	rte_pktmbuf_reset(first);
}

/* As many buffers as it takes, or none but the first. */
IM_DISPATCH static bool fill(const struct ring_in *in, const struct ring_frame *frame, struct ring_cursor *cursor,
			     uint32_t left, struct copy_buffers *empty)
{
	struct rte_mbuf *first = empty->mbufs[0], *part = first;

	first->pkt_len = left;
	for (;;) {
		uint16_t bytes = (uint16_t)RTE_MIN(left, (uint32_t)rte_pktmbuf_tailroom(part));

		ring_in_copy(in, frame, cursor, rte_pktmbuf_mtod(part, void *), bytes);
		part->data_len = bytes;
		left -= bytes;
		if (left == 0)
			return true;
		part->next = one_more(empty);
		if (part->next == NULL)
			return false;
		part = part->next;
		first->nb_segs++;
	}
}

IM_DISPATCH static enum copy_result copy_frame(const struct ring_in *in, const struct ring_frame *frame, uint32_t most,
					       struct copy_buffers *empty)
{
	struct sluice_frame_meta meta = {0};
	struct ring_cursor cursor = {0};
	uint32_t length = frame->length;

	if (frame->has_meta) {
		ring_in_copy(in, frame, &cursor, &meta, sizeof(meta));
		length -= (uint32_t)sizeof(meta);
	}
	if (length < sizeof(struct rte_ether_hdr) ||
	    length > (meta.gso_type == META_GSO_NONE ? most : SLUICE_DATA_FRAME_MAX))
		return COPY_REFUSED;
	if (!fill(in, frame, &cursor, length, empty))
		return COPY_NO_BUFFERS;
	return !frame->has_meta || meta_from_host(&meta, empty->mbufs[0]) ? COPY_DONE : COPY_REFUSED;
}

IM_DISPATCH static enum copy_result take_any(struct ring_in *in, uint32_t most, struct copy_buffers *empty)
{
	enum copy_result result = COPY_REFUSED;
	struct ring_frame frame;

	if (ring_in_look(in, &frame) == RING_FRAME)
		result = copy_frame(in, &frame, most, empty);
	if (result != COPY_DONE)
		make_empty(empty->mbufs[0]);
	if (result != COPY_NO_BUFFERS)
		ring_in_take(in, &frame, result == COPY_REFUSED);
	return result;
}

enum copy_result copy_from_host(struct ring_in *in, uint32_t most, struct copy_buffers *empty)
{
	return likely(take_plain(in, most, empty->mbufs[0])) ? COPY_DONE : take_any(in, most, empty);
}

/* ---- To the host ----------------------------------------------------------------------------------- */

/* The next bytes of a chain of buffers. */
struct source {
	const struct rte_mbuf *mbuf;
	uint32_t offset;
};

IM_DISPATCH static void read_next(struct source *source, uint8_t *to, uint32_t bytes)
{
	while (bytes > 0) {
		uint32_t left = rte_pktmbuf_data_len(source->mbuf) - source->offset;
		uint32_t part = RTE_MIN(bytes, left);

		memcpy(to, rte_pktmbuf_mtod_offset(source->mbuf, const void *, source->offset), part);
		to += part;
		bytes -= part;
		source->offset += part;
		if (part == left)
			*source = (struct source){.mbuf = source->mbuf->next};
	}
}

IM_DISPATCH static void fill_buffers(struct ring_out *out, const struct rte_mbuf *frame,
				     const struct sluice_frame_meta *meta, uint32_t count)
{
	uint32_t left = rte_pktmbuf_pkt_len(frame) + (meta != NULL ? (uint32_t)sizeof(*meta) : 0);
	uint16_t terms = ring_out_terms(out, count);
	struct source source = {.mbuf = frame};

	for (uint32_t i = 0; i < count; i++) {
		uint32_t length = RTE_MIN(left, SLUICE_DATA_BUFFER);
		uint32_t before = i == 0 && meta != NULL ? (uint32_t)sizeof(*meta) : 0;
		uint16_t flags = terms | (i + 1 < count ? SLUICE_DESC_MORE : 0) | (before > 0 ? SLUICE_DESC_META : 0);
		uint8_t *buffer = ring_out_add(out, (uint16_t)length, flags);

		if (before > 0)
			memcpy(buffer, meta, before);
		read_next(&source, buffer + before, length - before);
		left -= length;
	}
}

/* What most frames are: one piece for one buffer, with nothing to say beside it. */
static bool is_plain(const struct rte_mbuf *frame)
{
	return (frame->ol_flags & META_TOLD) == 0 && frame->nb_segs == 1 &&
	       rte_pktmbuf_data_len(frame) - 1u < SLUICE_DATA_BUFFER;
}

IM_DISPATCH static enum copy_result copy_plain(struct ring_out *out, const struct rte_mbuf *frame)
{
	uint16_t length = rte_pktmbuf_data_len(frame);

	if (!ring_out_has_room(out, 1))
		return COPY_NO_BUFFERS;
	rte_memcpy(ring_out_add(out, length, ring_out_terms(out, 1)), rte_pktmbuf_mtod(frame, const void *), length);
	return COPY_DONE;
}

IM_DISPATCH static enum copy_result copy_any(struct ring_out *out, const struct rte_mbuf *frame)
{
	struct sluice_frame_meta meta;
	bool has_meta = meta_for_host(frame, &meta);
	uint32_t bytes = rte_pktmbuf_pkt_len(frame) + (has_meta ? (uint32_t)sizeof(meta) : 0);
	uint32_t count = (bytes + SLUICE_DATA_BUFFER - 1) / SLUICE_DATA_BUFFER;

	if (bytes == 0 || rte_pktmbuf_pkt_len(frame) > SLUICE_DATA_FRAME_MAX)
		return COPY_REFUSED;
	if (!ring_out_has_room(out, count)) {
		if (join_is_made(frame))
			out->short_frames += join_segments(frame) - 1;
		return COPY_NO_BUFFERS;
	}
	fill_buffers(out, frame, has_meta ? &meta : NULL, count);
	return COPY_DONE;
}

enum copy_result copy_to_host(struct ring_out *out, const struct rte_mbuf *frame)
{
	return likely(is_plain(frame)) ? copy_plain(out, frame) : copy_any(out, frame);
}
