/* SPDX-License-Identifier: BSD-3-Clause */
/* What a host may not do, and what it comes to. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "random.h"

#define PAUSE_US 200

/* ---- Data rings ------------------------------------------------------------------------------------ */

static void spoil(struct actor *actor, struct sluice_desc *desc)
{
	switch (actor_choose(actor, 6)) {
	case 0:
		desc->offset = actor_choose(actor, 4096);
		break;
	case 1:
		desc->offset = 0u - 1 - actor_choose(actor, 4096);
		break;
	case 2:
		desc->length = (uint16_t)actor_choose(actor, 14);
		break;
	case 3:
		desc->length = (uint16_t)(2000 + actor_choose(actor, 60000));
		break;
	case 4:
		desc->flags = (uint16_t)(4u << actor_choose(actor, 14));
		break;
	default:
		desc->reserved = 1u << actor_choose(actor, 32);
		break;
	}
}

enum outcome crime_bad_descriptors(struct actor *actor)
{
	uint64_t refused;
	uint32_t count = 1 + actor_choose(actor, ACTOR_FRAMES);

	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	refused = host_refused(&actor->upper);
	for (uint32_t i = 0; i < count; i++)
		spoil(actor, host_put(&actor->upper, 100, 0));
	host_publish(&actor->upper);
	if (!host_sent(&actor->upper) || host_refused(&actor->upper) != refused + count)
		actor_fail(actor, "%llu of %u malformed frames were refused",
			   (unsigned long long)(host_refused(&actor->upper) - refused), count);
	return STEP_DONE;
}

static uint16_t odd(struct actor *actor)
{
	static const uint16_t numbers[] = {0, 1, 13, 14, 34, 54, 536, 1400, 1500, 8000, 0x7fff, 0xfffe, 0xffff};

	return numbers[actor_choose(actor, sizeof(numbers) / sizeof(numbers[0]))];
}

static struct sluice_frame_meta odd_meta(struct actor *actor)
{
	static const uint8_t kinds[] = {0, 1, 3, 4, 5, 0x81, 0x84, 0x80, 0xff};
	struct sluice_frame_meta meta = {
		.flags = (uint8_t)actor_choose(actor, 4),
		.gso_type = kinds[actor_choose(actor, sizeof(kinds))],
		.hdr_len = odd(actor),
		.gso_size = odd(actor),
		.csum_start = actor_choose(actor, 2) == 0 ? 34 : odd(actor),
		.csum_offset = actor_choose(actor, 2) == 0 ? 16 : odd(actor),
		.vlan = actor_choose(actor, 4) == 0 ? odd(actor) : 0,
	};

	return meta;
}

/* TCP over IPv4, by and large, behind a meta. */
static void put_large(struct actor *actor)
{
	static const uint8_t headers[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0,   0, 1, 8, 0,	  0x45, 0, 5,
					  0,	0,    0,    0x40, 0,	64,   6, 0, 0, 192, 0, 2, 1, 192, 0,	2, 2};
	struct sluice_frame_meta meta = odd_meta(actor);
	uint32_t pieces = 1 + actor_choose(actor, 5);
	uint8_t *buffer = host_send_buffer(&actor->upper, actor->upper.send_tail);

	memcpy(buffer, &meta, sizeof(meta));
	memcpy(buffer + sizeof(meta), headers, sizeof(headers));
	memset(buffer + sizeof(meta) + sizeof(headers), (int)actor_choose(actor, 256), 200);
	for (uint32_t i = 0; i < pieces; i++) {
		uint32_t length = i == 0 ? 100 + actor_choose(actor, 1948) : 1 + actor_choose(actor, 2048);
		bool more = i + 1 < pieces || actor_choose(actor, 32) == 0;

		host_put(&actor->upper, length,
			 (uint16_t)((i == 0 ? SLUICE_DESC_META : 0) | (more ? SLUICE_DESC_MORE : 0)));
	}
}

/* Each is refused, dropped or sent in whatever pieces: the card says nothing of that here. */
enum outcome crime_metas(struct actor *actor)
{
	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	for (uint32_t i = 1 + actor_choose(actor, 8); i > 0; i--)
		put_large(actor);
	host_publish(&actor->upper);
	if (!host_sent(&actor->upper))
		actor_fail(actor, "the card stops at a meta: status %u", host_status(&actor->upper));
	actor_flush(actor);
	return STEP_DONE;
}

/* The card looks at it when it has something to give, too. */
static enum outcome expect_quarantine(struct actor *actor)
{
	uint8_t frame[HOST_FRAME_LEAST] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2};

	host_send(&actor->lower, frame, sizeof(frame));
	if (!host_is_quarantined(&actor->upper))
		actor_fail(actor, "the queue has status %u", host_status(&actor->upper));
	if (host_status(&actor->lower) != SLUICE_QUEUE_UP)
		actor_fail(actor, "the other end has status %u", host_status(&actor->lower));
	host_ask(&actor->upper, SLUICE_OP_INFO, 0); /* its mailbox is another matter */
	actor_detach(actor);
	return STEP_DONE;
}

enum outcome crime_bad_index(struct actor *actor)
{
	static const uint32_t ahead[] = {ACTOR_ENTRIES + 1, 0x10000, 0x7fffffff, 0x80000000};
	uint32_t by = ahead[actor_choose(actor, 4)];

	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	switch (actor_choose(actor, 3)) {
	case 0:
		actor->upper.line->send_tail = actor->upper.send_tail + by;
		break;
	case 1:
		actor->upper.line->receive_head = actor->upper.receive_head + by;
		break;
	default:
		actor->upper.line->return_tail = actor->upper.return_tail + by;
		break;
	}
	return expect_quarantine(actor);
}

/* A frame of former times may have come, so that one or the other is the host's: not all of them are. */
static void give_all_back(struct actor *actor)
{
	for (uint32_t id = 0; id < ACTOR_ENTRIES; id++)
		host_give_back(&actor->upper, id);
}

enum outcome crime_bad_return(struct actor *actor)
{
	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	if (actor_choose(actor, 2) == 0)
		actor->upper.return_ring[actor->upper.return_tail % ACTOR_ENTRIES].reserved = 1;
	if (actor_choose(actor, 2) == 0)
		host_give_back(&actor->upper, ACTOR_ENTRIES + actor_choose(actor, 1u << 31));
	else
		give_all_back(actor);
	return expect_quarantine(actor);
}

/* ---- Mailbox --------------------------------------------------------------------------------------- */

static const struct {
	struct sluice_command command;
	uint16_t status;
} bad_commands[] = {
	{{.opcode = 0xffff}, SLUICE_STATUS_BAD_OPCODE},
	{{.opcode = 0}, SLUICE_STATUS_BAD_OPCODE},
	{{.opcode = SLUICE_OP_INFO, .flags = 2}, SLUICE_STATUS_BAD_RESERVED},
	{{.opcode = SLUICE_OP_INFO, .reserved = 1ull << 63}, SLUICE_STATUS_BAD_RESERVED},
	{{.opcode = SLUICE_OP_INFO, .in_length = 1}, SLUICE_STATUS_BAD_LENGTH},
	{{.opcode = SLUICE_OP_INFO, .in_offset = 0xffffffff, .in_length = 2}, SLUICE_STATUS_BAD_LENGTH},
	{{.opcode = SLUICE_OP_INFO, .out_offset = SLUICE_STAGE_SIZE, .out_length = 1}, SLUICE_STATUS_BAD_LENGTH},
	{{.opcode = SLUICE_OP_INFO, .out_offset = 1, .out_length = 0xffffffff}, SLUICE_STATUS_BAD_LENGTH},
	{{.opcode = SLUICE_OP_RULE_LIST, .in_length = SLUICE_NAME_SIZE - 1}, SLUICE_STATUS_BAD_LENGTH},
	{{.opcode = SLUICE_OP_DEVICE_CLOSE, .arg = {1ull << 32}}, SLUICE_STATUS_HANDLE_INVALID},
};

enum outcome crime_bad_command(struct actor *actor)
{
	uint32_t which = actor_choose(actor, sizeof(bad_commands) / sizeof(bad_commands[0]) + 1);
	struct sluice_command command = {.opcode = SLUICE_OP_INFO};
	struct sluice_completion completion;
	uint16_t wanted = SLUICE_STATUS_BAD_CRC;

	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	if (which < sizeof(bad_commands) / sizeof(bad_commands[0])) {
		wanted = bad_commands[which].status;
		completion = actor_call(actor, bad_commands[which].command);
	} else {
		command.phase = ring_phase(actor->upper.peer.ring.submitted);
		command.crc = ~ring_crc(&actor->upper.peer.ring, &command);
		ring_publish(&actor->upper.peer.ring, &command);
		peer_kick(&actor->upper.peer);
		if (!host_wait(&actor->upper, &completion))
			actor_fail(actor, "no completion");
	}
	if (completion.status != wanted)
		actor_fail(actor, "bad command %u: %s", which, sluice_status_text(completion.status));
	return STEP_DONE;
}

static void submit_and_wait(struct actor *actor)
{
	ring_submit(&actor->upper.peer.ring, (struct sluice_command){.opcode = SLUICE_OP_INFO, .out_length = 4096});
	peer_kick(&actor->upper.peer);
	usleep(PAUSE_US);
}

enum outcome crime_bad_doorbell(struct actor *actor)
{
	struct ring *ring = &actor->upper.peer.ring;
	struct sluice_completion completion;

	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	ring->doorbell->cq_head = ring->consumed + 2 + actor_choose(actor, 1u << 31);
	submit_and_wait(actor);
	if (ring_take(ring, &completion)) { /* it had looked at the doorbell before, and at the entry after */
		submit_and_wait(actor);
		if (ring_take(ring, &completion))
			actor_fail(actor, "a completion where the doorbell makes no sense");
	}
	__atomic_store_n(&ring->doorbell->cq_head, ring->consumed, __ATOMIC_RELEASE);
	peer_kick(&actor->upper.peer);
	if (!host_wait(&actor->upper, &completion) || completion.status != SLUICE_STATUS_OK)
		actor_fail(actor, "no completion although the doorbell is right again");
	return STEP_DONE;
}

enum outcome crime_kicks(struct actor *actor)
{
	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	for (uint32_t i = actor_choose(actor, 1000); i > 0; i--)
		peer_kick(&actor->upper.peer);
	return STEP_DONE;
}

/* ---- Connections ----------------------------------------------------------------------------------- */

enum outcome crime_stranger(struct actor *actor)
{
	uint8_t bytes[256];
	struct sluice_hello hello = peer_hello();
	int one = peer_connect(actor->dir);

	if (one < 0)
		actor_fail(actor, "nobody listens");
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)host_random(&actor->random);
	if (actor_choose(actor, 2) == 0)
		memcpy(bytes, &hello, 16);
	if (actor_choose(actor, 2) == 0)
		memset(bytes + 16, 0, sizeof(bytes) - 16);
	peer_send(one, bytes, actor_choose(actor, 2) == 0 ? sizeof(hello) : actor_choose(actor, sizeof(bytes)), one,
		  actor_choose(actor, 4));
	if (actor_choose(actor, 2) == 0)
		usleep(PAUSE_US);
	close(one);
	return STEP_DONE;
}

enum outcome crime_second_host(struct actor *actor)
{
	struct host other;

	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	if (host_open(&other, actor->dir, actor->upper_port, ACTOR_ENTRIES) != HOST_REFUSED)
		actor_fail(actor, "its port is another one's, too");
	if (other.peer.welcome.status != SLUICE_STATUS_PORT_TAKEN &&
	    other.peer.welcome.status != SLUICE_STATUS_TOO_MANY_CLIENTS)
		actor_fail(actor, "%s", sluice_status_text(other.peer.welcome.status));
	return STEP_DONE;
}

enum outcome crime_resize(struct actor *actor)
{
	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	for (int i = 0; i < SLUICE_FD_KICK; i++)
		if (ftruncate(actor->upper.peer.fd[i], actor_choose(actor, 1u << 21)) == 0 || errno != EPERM)
			actor_fail(actor, "region %d has another size", i);
	for (int i = 0; i < SLUICE_DATA_FD_COUNT; i++)
		if (ftruncate(actor->upper.peer.data_fd[i], actor_choose(actor, 1u << 21)) == 0 || errno != EPERM)
			actor_fail(actor, "data region %d has another size", i);
	return STEP_DONE;
}

enum outcome crime_message(struct actor *actor)
{
	uint64_t limit = host_now_ms() + HOST_WAIT_MS;

	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	peer_send(actor->upper.peer.socket, "hello?", 6, actor->upper.peer.socket, actor_choose(actor, 3));
	while (!peer_is_hung_up(actor->upper.peer.socket)) {
		if (host_now_ms() > limit)
			actor_fail(actor, "the card does not hang up");
		usleep(PAUSE_US);
	}
	actor_detach(actor);
	return STEP_DONE;
}

/* ---- What ends in going ---------------------------------------------------------------------------- */

static void scribble(struct actor *actor, void *bytes, uint32_t size, uint32_t times)
{
	while (times-- > 0)
		((uint8_t *)bytes)[actor_choose(actor, size)] = (uint8_t)host_random(&actor->random);
}

enum outcome crime_scribble(struct actor *actor)
{
	struct peer *peer = &actor->upper.peer;
	uint32_t data = (uint32_t)sluice_send_buffer_at(1, ACTOR_ENTRIES, 0, 8);

	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	for (uint32_t i = actor_choose(actor, 50); i > 0; i--) {
		scribble(actor, peer->region[SLUICE_FD_SUBMISSION], SLUICE_RING_ENTRIES * 64, 200);
		scribble(actor, peer->region[SLUICE_FD_STAGE_IN], 4096, 100);
		scribble(actor, peer->host_data, data, 200);
		peer->ring.doorbell->cq_head += actor_choose(actor, 3);
		scribble(actor, peer->host_data, sizeof(struct sluice_host_line), actor_choose(actor, 3));
		peer_kick(peer);
	}
	actor_detach(actor);
	return STEP_DONE;
}

enum outcome crime_go_with_command(struct actor *actor)
{
	static const uint16_t opcodes[] = {SLUICE_OP_POLICY_COMMIT, SLUICE_OP_POLICY_VALIDATE, SLUICE_OP_PORT_LIST};

	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	ring_submit(&actor->upper.peer.ring, (struct sluice_command){.opcode = opcodes[actor_choose(actor, 3)],
								     .out_length = SLUICE_STAGE_SIZE});
	peer_kick(&actor->upper.peer);
	usleep(actor_choose(actor, 1000));
	actor_detach(actor);
	return STEP_DONE;
}

enum outcome crime_go_with_buffers(struct actor *actor)
{
	uint8_t frame[HOST_FRAME_MAX] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2};

	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	for (uint32_t i = actor_choose(actor, 2 * ACTOR_ENTRIES); i > 0; i--) {
		host_send(&actor->lower, frame, sizeof(frame));
		host_send(&actor->upper, frame, sizeof(frame));
	}
	usleep(actor_choose(actor, 1000));
	actor_detach(actor);
	return STEP_DONE;
}

enum outcome crime_never_consume(struct actor *actor)
{
	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	for (uint32_t i = 0; i < SLUICE_RING_ENTRIES; i++)
		ring_submit(&actor->upper.peer.ring,
			    (struct sluice_command){.opcode = SLUICE_OP_PORT_LIST, .out_length = SLUICE_STAGE_SIZE});
	peer_kick(&actor->upper.peer);
	usleep(actor_choose(actor, 1000));
	actor_detach(actor);
	return STEP_DONE;
}
