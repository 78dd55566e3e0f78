/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's end of one queue pair's rings (abi/data.h): plain memory, no ethdev and no mbuf, so that a test or a
 * fuzzer can be the host.
 *
 *   ring_in    send ring                  host -> card   validated frames: which bytes of HOST_DATA
 *   ring_out   receive and return rings   card -> host   buffers of CARD_DATA, and who has each
 *
 * The host is not trusted. An index is read once a burst at most, a descriptor into private memory, and only that copy
 * is believed; what the card has written is remembered here, not read back. A frame that is malformed is skipped and
 * counted. Where an index or a returned buffer cannot be, nothing behind it means anything: the ring is broken for
 * good.
 *
 * Level: DISPATCH, one thread at a time for each struct; making and destroying: PASSIVE.
 */
#ifndef HOSTPORT_RING_H
#define HOSTPORT_RING_H

#include <assert.h>
#include <stdbool.h>

#include "abi/data.h"
#include "im/level.h"

/* What a host can break. */
enum ring_fault {
#define X(name, number, word, text) RING_FAULT_##name = number,
	SLUICE_RING_FAULT_TABLE(X)
#undef X
		RING_FAULTS
};

/** For people. */
static inline const char *ring_fault_text(enum ring_fault fault)
{
	static const char *const texts[RING_FAULTS] = {
#define X(name, number, word, text) [RING_FAULT_##name] = text,
		SLUICE_RING_FAULT_TABLE(X)
#undef X
	};

	return texts[fault];
}

/** Where the rings of a client are, and which pair of it is meant. */
struct ring_place {
	uint8_t *card;	     /* CARD_DATA */
	const uint8_t *host; /* HOST_DATA, written by the host at any time */
	uint16_t queues;
	uint16_t entries;
	uint16_t queue;
};

/* ---- Both ------------------------------------------------------------------------------------------ */

#define RING_AHEAD	   32u /* descriptors: those of a burst */
#define RING_DESCS_OF_LINE 4u

/* Two loads and no more, whatever the compiler thinks of it: what is looked at is what was read. */
static inline struct sluice_desc ring_fetch(const struct sluice_desc *shared)
{
	const volatile uint64_t *words = (const volatile uint64_t *)shared;
	uint64_t copy[2] = {words[0], words[1]};
	struct sluice_desc desc;

	__builtin_memcpy(&desc, copy, sizeof(desc));
	return desc;
}

/* Keeps the compiler from looking at the peer's bytes again where it could look at the copy. */
static inline void ring_copied(void)
{
	__asm__ volatile("" ::: "memory");
}

/* ---- From the host --------------------------------------------------------------------------------- */

struct ring_in {
	const volatile struct sluice_host_line *host;
	const struct sluice_desc *ring;
	const uint8_t *base;   /* HOST_DATA */
	uint64_t buffers;      /* of this queue: bytes from base */
	uint64_t buffers_size; /* bytes */
	struct sluice_card_line *card;
	uint32_t mask;
	uint32_t head;	    /* taken */
	uint32_t tail;	    /* as last read, found possible */
	uint32_t published; /* of head */
	enum ring_fault fault;
	uint64_t frames;  /* taken */
	uint64_t refused; /* of those */
};

/** One piece of a frame: within the queue's own send buffers. */
struct ring_piece {
	uint32_t offset; /* from the start of HOST_DATA */
	uint16_t length;
};

struct ring_frame {
	uint32_t next;	 /* head, once it is taken */
	uint32_t length; /* bytes of all pieces */
	uint16_t count;
	bool has_meta; /* the first piece begins with one, of which it has all */
	struct ring_piece pieces[SLUICE_DATA_CHAIN_MAX];
};

/** Where ring_in_copy() goes on. */
struct ring_cursor {
	uint16_t piece;
	uint16_t offset; /* in it */
};

enum ring_look {
	RING_EMPTY,
	RING_FRAME,
	RING_BAD, /* malformed: to be taken all the same, and counted */
};

void ring_in_create(struct ring_in *in, const struct ring_place *place);

/** Read send_tail, once. False: the ring is broken. */
IM_DISPATCH bool ring_in_begin(struct ring_in *in);

/** Read and check the next frame's descriptors. Level: DISPATCH. */
IM_DISPATCH enum ring_look ring_in_look(const struct ring_in *in, struct ring_frame *frame);

/** Descriptors that are known to be there, and not taken. */
static inline uint32_t ring_in_ahead(const struct ring_in *in)
{
	return in->tail - in->head;
}

/* In 64 bits, where nothing here can wrap. */
static inline bool ring_in_is_within(const struct ring_in *in, const struct sluice_desc *desc)
{
	uint64_t offset = desc->offset, length = desc->length;

	return offset >= in->buffers && offset - in->buffers <= in->buffers_size &&
	       length <= in->buffers_size - (offset - in->buffers);
}

/** The next frame, where it is what most are: one sound piece, with nothing to say beside it. NULL: ring_in_look()
 * tells. There must be a descriptor. */
static inline const uint8_t *ring_in_plain(const struct ring_in *in, uint16_t *length)
{
	struct sluice_desc desc = ring_fetch(&in->ring[in->head & in->mask]);

	*length = desc.length;
	return desc.flags == 0 && desc.reserved == 0 && desc.length > 0 && ring_in_is_within(in, &desc)
		       ? in->base + desc.offset
		       : NULL;
}

/** The plain frame is done with. */
static inline void ring_in_take_plain(struct ring_in *in)
{
	in->head++;
	in->frames++;
}

/** A hint alone, wherever the host lets it point: the bytes of the next burst, asked for while this one is worked on.
 */
static inline void ring_in_expect(const struct ring_in *in)
{
	uint32_t ahead = ring_in_ahead(in), count = ahead < RING_AHEAD ? ahead : RING_AHEAD;

	for (uint32_t i = 0; i < count; i++)
		__builtin_prefetch(in->base + in->ring[(in->head + i) & in->mask].offset);
}

/** Copy the next @p bytes of a frame; there must be as many. */
IM_DISPATCH void ring_in_copy(const struct ring_in *in, const struct ring_frame *frame, struct ring_cursor *cursor,
			      void *to, uint32_t bytes);

/** The frame is done with: copied, or not wanted. */
IM_DISPATCH void ring_in_take(struct ring_in *in, const struct ring_frame *frame, bool refused);

/** Tell the host what has been taken. True: it sleeps and waits for that. */
IM_DISPATCH bool ring_in_publish(struct ring_in *in);

/* ---- To the host ----------------------------------------------------------------------------------- */

/* As __builtin_prefetch(at, 1), for which compilers find no instruction where they build for any x86-64. One that does
 * not know it does nothing. */
static inline void ring_fetch_to_write(const void *at)
{
#ifdef __x86_64__
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)at));
#else
	__builtin_prefetch(at, 1);
#endif
}

/* In `numbers`: what is at that place was lent. The buffer alone does not tell: it may stand at two places, where the
 * host has returned it before it passed the first one. */
#define RING_PLACE_LENT 0x8000u
static_assert(SLUICE_DATA_ENTRIES_MAX <= RING_PLACE_LENT, "numbers have room for the bit");

struct ring_out {
	const volatile struct sluice_host_line *host;
	const struct sluice_desc *returns;
	struct sluice_desc *ring;
	uint8_t *base;	  /* CARD_DATA */
	uint64_t buffers; /* of this queue: bytes from base */
	struct sluice_card_line *card;
	uint32_t mask;
	uint32_t tail;	      /* filled */
	uint32_t published;   /* of tail */
	uint32_t head;	      /* receive_head as last read, found possible */
	uint32_t return_head; /* taken back */
	uint32_t low_water;   /* buffers; where fewer would stay, the host is to copy at once */
	uint32_t free_count;
	uint32_t woken_at; /* tail when the host was woken last */
	bool woken;
	enum ring_fault fault;
	uint64_t short_frames; /* found no buffer */
	uint64_t lent;	       /* buffers that the host got ... */
	uint64_t returned;     /* ... and that came back. Readers of both: any thread, in this order backwards */
	uint16_t *free;	       /* numbers of the card's buffers */
	uint16_t *numbers;     /* by place in the ring: the buffer there */
	uint8_t *holders;      /* by buffer: enum ring_holder */
};

enum ring_holder {
	RING_CARD = 0,
	RING_HOST,
	RING_LENT, /* until receive_head has passed it */
};

/** 0 or -ENOMEM. */
int ring_out_create(struct ring_out *out, const struct ring_place *place);
void ring_out_destroy(struct ring_out *out);

/** Take back what the host is done with: reads receive_head and return_tail, once. False: the ring is broken. */
IM_DISPATCH bool ring_out_begin(struct ring_out *out);

/** Buffers that frames may take up now. One may be back before the host has passed its place, so the ring can be full
 * where buffers are not short. */
static inline uint32_t ring_out_room(const struct ring_out *out)
{
	uint32_t places = out->mask + 1 - (out->tail - out->head);

	return out->free_count < places ? out->free_count : places;
}

/** Whether a frame of @p count buffers finds room; one that does not is counted. */
static inline bool ring_out_has_room(struct ring_out *out, uint32_t count)
{
	if (count <= ring_out_room(out))
		return true;
	out->short_frames++;
	return false;
}

/** What is to be said of each buffer of a frame of @p count: SLUICE_DESC_RESOURCES or nothing. */
static inline uint16_t ring_out_terms(const struct ring_out *out, uint32_t count)
{
	return out->free_count - count < out->low_water ? SLUICE_DESC_RESOURCES : 0;
}

/* Short frames begin at different lines of their buffers: else all of them would fall into the same few sets of a
 * cache. Bytes from the start of the buffer. */
static inline uint32_t ring_stagger(uint32_t number, uint32_t length)
{
	return length <= SLUICE_DATA_BUFFER / 2 ? number % 16 * 64 : 0;
}

/** A hint alone: what the host will have written by the next ring_out_begin(), asked for while there is other work. */
static inline void ring_out_expect(const struct ring_out *out)
{
	__builtin_prefetch((const void *)&out->host->return_tail);
	__builtin_prefetch((const void *)&out->host->receive_head);
	for (uint32_t i = 0; i < RING_AHEAD; i += RING_DESCS_OF_LINE)
		__builtin_prefetch((const void *)&out->returns[(out->return_head + i) & out->mask]);
}

/** A hint alone: the places of the next @p count frames, which the host has read, asked for at once and to be written,
 * rather than one after the other when they are. */
static inline void ring_out_prepare(const struct ring_out *out, uint32_t count)
{
	for (uint32_t i = 0; i < count && i < out->free_count; i++) {
		uint32_t number = out->free[out->free_count - 1 - i];

		ring_fetch_to_write(out->base + out->buffers + (uint64_t)number * SLUICE_DATA_BUFFER +
				    ring_stagger(number, 1));
		if (i % RING_DESCS_OF_LINE == 0)
			ring_fetch_to_write(&out->ring[(out->tail + i) & out->mask]);
	}
}

/* It has one writer. */
static inline void ring_count_one(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELEASE);
}

/** The next buffer of a frame, to be filled with @p length bytes before it is published. There must be room. */
static inline uint8_t *ring_out_add(struct ring_out *out, uint16_t length, uint16_t flags)
{
	uint16_t number = out->free[--out->free_count];
	uint64_t offset = out->buffers + (uint64_t)number * SLUICE_DATA_BUFFER + ring_stagger(number, length);
	bool lent = flags & SLUICE_DESC_RESOURCES;

	out->holders[number] = lent ? RING_LENT : RING_HOST;
	out->numbers[out->tail & out->mask] = lent ? (uint16_t)(number | RING_PLACE_LENT) : number;
	out->ring[out->tail & out->mask] =
		(struct sluice_desc){.offset = (uint32_t)offset, .length = length, .flags = flags, .id = number};
	out->tail++;
	ring_count_one(&out->lent);
	return out->base + offset;
}

/** Tell the host what it has got. True: it sleeps and waits for that. */
IM_DISPATCH bool ring_out_publish(struct ring_out *out);

/** Buffers that the host has not given back. */
static inline uint32_t ring_out_held(const struct ring_out *out)
{
	return out->mask + 1 - out->free_count;
}

#endif
