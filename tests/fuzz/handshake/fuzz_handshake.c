/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections that say anything to the broker, in any order, with descriptors or without. An input is a list of steps:
 * a byte that says what is done and to which of PLACES connections, then what the step takes. Who is welcomed must have
 * said what a client says; whatever was said, nothing stays open when all have gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../input.h"
#include "peer.h"
#include "toy.h"

enum { PLACES = 4, STEPS_MAX = 64, TURNS = 64 };

enum step {
	CONNECT,
	SAY,   /* length, then as many bytes */
	HELLO, /* count, then as many times: offset, byte, of a HELLO for no port */
	PORT,  /* the same, of a HELLO for the toy's port */
	CARRY, /* how many descriptors go with what is said next */
	TURN,  /* the broker's */
	LEAVE,
	KICK,
	STEPS
};

struct place {
	struct peer peer; /* socket -1: nobody */
	bool said;	  /* something: what comes next is no HELLO */
	bool answered;
	uint8_t carried;
	struct sluice_hello hello; /* what was said first ... */
	size_t length;		   /* ... of so many bytes ... */
	uint8_t descriptors;	   /* ... with so many */
};

static struct {
	char dir[32];
	struct broker *broker;
	struct toy toy;
	struct place places[PLACES];
} world;

static void clean_up(void)
{
	broker_destroy(world.broker);
	rmdir(world.dir);
}

static void set_up_once(void)
{
	char error[256];

	if (world.broker != NULL)
		return;
	strcpy(world.dir, "/tmp/fuzz_handshake.XXXXXX");
	require(mkdtemp(world.dir) != NULL);
	world.broker = broker_create(world.dir, &toy_ops, &world.toy, error, sizeof(error));
	require(world.broker != NULL && atexit(clean_up) == 0);
}

/* ---- Steps ----------------------------------------------------------------------------------------- */

static void say(struct place *place, const void *bytes, size_t length)
{
	ssize_t sent;

	if (place->peer.socket < 0)
		return;
	sent = peer_send(place->peer.socket, bytes, length, place->peer.socket, place->carried);
	if (sent == (ssize_t)length && !place->said) {
		place->said = true;
		place->length = length;
		place->descriptors = place->carried;
		memcpy(&place->hello, bytes, length < sizeof(place->hello) ? length : sizeof(place->hello));
	}
	place->carried = 0;
}

static void say_anything(struct place *place, struct input *input)
{
	uint8_t bytes[256];
	uint8_t length = take_byte(input);

	take(input, bytes, length);
	say(place, bytes, length);
}

static void say_hello(struct place *place, struct input *input, bool port)
{
	struct sluice_hello hello = peer_hello();

	if (port) {
		strcpy(hello.port, TOY_PORT);
		hello.queues = TOY_QUEUES;
		hello.entries = TOY_ENTRIES;
	}
	for (int i = take_byte(input) % 8; i > 0; i--) {
		uint8_t offset = take_byte(input) % sizeof(hello);

		((uint8_t *)&hello)[offset] = take_byte(input);
	}
	say(place, &hello, sizeof(hello));
}

/* Written a second time, in the words of abi/mailbox.h. */
static bool may_be_welcome(const struct place *place)
{
	static const uint8_t zero[sizeof(struct sluice_hello)];
	static const char toy_port[SLUICE_NAME_SIZE] = TOY_PORT;
	const struct sluice_hello *hello = &place->hello;
	bool port = memcmp(hello->port, zero, sizeof(hello->port)) != 0;

	if (place->length != sizeof(*hello) || place->descriptors != 0 || hello->magic != SLUICE_MAGIC ||
	    hello->abi_major != SLUICE_ABI_MAJOR || memcmp(hello->reserved, zero, sizeof(hello->reserved)) != 0)
		return false;
	if (!port)
		return hello->queues == 0 && hello->entries == 0;
	return memcmp(hello->port, toy_port, sizeof(hello->port)) == 0 && hello->queues >= TOY_QUEUES &&
	       hello->queues <= SLUICE_DATA_QUEUES_MAX && hello->entries >= SLUICE_DATA_ENTRIES_MIN &&
	       hello->entries <= SLUICE_DATA_ENTRIES_MAX && (hello->entries & (hello->entries - 1)) == 0;
}

static void hear(struct place *place)
{
	ssize_t length;

	if (place->peer.socket < 0 || place->answered)
		return;
	length = peer_receive(&place->peer);
	if (length <= 0)
		return;
	place->answered = true;
	require(place->said && length == sizeof(place->peer.welcome));
	require(place->peer.welcome.magic == SLUICE_MAGIC);
	if (place->peer.welcome.status == SLUICE_STATUS_OK) {
		require(may_be_welcome(place) && place->peer.ring.doorbell != NULL);
		require((place->hello.port[0] != '\0') == (place->peer.data_fds > 0));
	} else {
		require(place->peer.ring.doorbell == NULL);
		/* what is as it should be is refused for want of the port alone: one client has it */
		require(!may_be_welcome(place) || place->peer.welcome.status == SLUICE_STATUS_PORT_TAKEN);
	}
}

static void leave(struct place *place)
{
	if (place->peer.socket >= 0)
		peer_close(&place->peer);
	*place = (struct place){.peer = {.socket = -1}};
}

static void come(struct place *place)
{
	leave(place);
	place->peer.socket = peer_connect(world.dir);
	require(place->peer.socket >= 0);
}

static void turn(void)
{
	require(broker_poll(world.broker, 0) >= 0);
	for (int i = 0; i < PLACES; i++)
		hear(&world.places[i]);
}

static void take_step(struct input *input)
{
	uint8_t byte = take_byte(input);
	struct place *place = &world.places[byte / STEPS % PLACES];

	switch ((enum step)(byte % STEPS)) {
	case CONNECT:
		come(place);
		break;
	case SAY:
		say_anything(place, input);
		break;
	case HELLO:
		say_hello(place, input, false);
		break;
	case PORT:
		say_hello(place, input, true);
		break;
	case CARRY:
		place->carried = take_byte(input) % 64;
		break;
	case TURN:
		turn();
		break;
	case LEAVE:
		leave(place);
		break;
	case KICK:
		if (place->peer.ring.doorbell != NULL)
			peer_kick(&place->peer);
		break;
	case STEPS:
		break;
	}
}

/* ---- Nothing stays --------------------------------------------------------------------------------- */

static int next_descriptor(void)
{
	int fd = dup(STDIN_FILENO);

	if (fd >= 0)
		close(fd);
	return fd;
}

static void expect_nothing_left(int before)
{
	for (int i = 0; i < PLACES; i++)
		leave(&world.places[i]);
	for (int i = 0; i < TURNS && broker_poll(world.broker, 0) > 0; i++)
		;
	require(broker_clients(world.broker) == 0 && !world.toy.attached);
	require(world.toy.sessions_opened == world.toy.sessions_closed && world.toy.detached == world.toy.released);
	require(next_descriptor() == before);
}

/* An honest one is served, whoever came before it. */
static void expect_welcome(void)
{
	struct place *place = &world.places[0];
	static const uint8_t none;
	struct input nothing = {&none, &none};

	come(place);
	say_hello(place, &nothing, true);
	for (int i = 0; i < TURNS && !place->answered; i++)
		turn();
	require(place->answered && place->peer.welcome.status == SLUICE_STATUS_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, data + size};
	int before;

	set_up_once();
	before = next_descriptor();
	for (int i = 0; i < PLACES; i++)
		world.places[i] = (struct place){.peer = {.socket = -1}};
	for (int steps = 0; steps < STEPS_MAX && input.at < input.end; steps++)
		take_step(&input);
	turn();
	expect_nothing_left(before);
	expect_welcome();
	expect_nothing_left(before);
	return 0;
}
