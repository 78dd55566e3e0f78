/* SPDX-License-Identifier: BSD-3-Clause */
#include "client_private.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "abi/crc32c.h"
#include "memory/guard.h"

/* Signals that one turn takes off NOTIFY: more may be left, they only make the next turn come sooner. */
#define SIGNALS_PER_TURN 64

static const size_t region_sizes[] = {
#define X(name, bytes, writer) bytes,
	SLUICE_FD_TABLE(X)
#undef X
};

int client_fail(struct sluice_client *client, int code, enum sluice_fault_kind kind, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(client->fault.text, sizeof(client->fault.text), format, arguments);
	va_end(arguments);
	client->fault.kind = kind;
	return code;
}

static void clear_fault(struct sluice_client *client)
{
	client->fault = (struct sluice_fault){.error_offset = SLUICE_NO_OFFSET};
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

struct sluice_client *sluice_open(const char *runtime_dir, struct sluice_fault *fault)
{
	return sluice_open_within(runtime_dir, CLIENT_TIMEOUT_MS, fault);
}

static int attach(struct sluice_client *client, const char *place, const struct sluice_port_wish *wish)
{
	bool is_device = strncmp(place, SLUICE_DEVICE_PREFIX, strlen(SLUICE_DEVICE_PREFIX)) == 0;
	int error = wish != NULL ? client_check_wish(client, wish) : 0;

	if (error != 0)
		return error;
	client->source = is_device ? &client_source_bar : &client_source_broker;
	return client->source->attach(client, is_device ? place + strlen(SLUICE_DEVICE_PREFIX) : place, wish);
}

static struct sluice_client *open_client(const char *place, const struct sluice_port_wish *wish, uint32_t timeout_ms,
					 uint32_t features, struct sluice_fault *fault)
{
	struct sluice_client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		*fault = (struct sluice_fault){.kind = SLUICE_FAULT_SYSTEM, .text = "out of memory"};
		return NULL;
	}
	client->socket = client->kick = client->notify = -1;
	client->timeout_ms = timeout_ms;
	client->features = features;
	clear_fault(client);
	if (attach(client, place != NULL ? place : SLUICE_RUNTIME_DIR, wish) == 0)
		return client;
	*fault = client->fault;
	sluice_close(client);
	return NULL;
}

struct sluice_client *sluice_open_within(const char *runtime_dir, uint32_t timeout_ms, struct sluice_fault *fault)
{
	return open_client(runtime_dir, NULL, timeout_ms, 0, fault);
}

struct sluice_client *sluice_open_port(const char *runtime_dir, const struct sluice_port_wish *wish,
				       uint32_t timeout_ms, struct sluice_fault *fault)
{
	return open_client(runtime_dir, wish, timeout_ms, wish->large_receives ? SLUICE_FEATURE_LARGE_RECEIVES : 0,
			   fault);
}

struct sluice_client *sluice_open_wanting(const char *runtime_dir, uint32_t timeout_ms, uint32_t features,
					  struct sluice_fault *fault)
{
	return open_client(runtime_dir, NULL, timeout_ms, features, fault);
}

void client_unmap(const void *base, uint64_t size)
{
	if (base == NULL)
		return;
	guard_remove(base);
	munmap((void *)(uintptr_t)base, size);
}

void sluice_close(struct sluice_client *client)
{
	if (client == NULL)
		return;
	if (client->source != NULL)
		client->source->detach(client);
	close_if_open(client->socket);
	close_if_open(client->kick);
	close_if_open(client->notify);
	for (int i = 0; i < CLIENT_REGIONS; i++)
		client_unmap(client->regions[i], region_sizes[i]);
	sluice_free_data(client->data);
	free(client);
}

void sluice_set_timeout(struct sluice_client *client, uint32_t timeout_ms)
{
	client->timeout_ms = timeout_ms < INT_MAX ? timeout_ms : INT_MAX; /* poll()'s own limit */
}

uint8_t sluice_role(const struct sluice_client *client)
{
	return client->role;
}

uint32_t sluice_features(const struct sluice_client *client)
{
	return client->features;
}

const struct sluice_fault *sluice_last_fault(const struct sluice_client *client)
{
	return &client->fault;
}

const struct sluice_info_region *sluice_info(const struct sluice_client *client)
{
	return client->regions[SLUICE_FD_INFO];
}

int sluice_connection(const struct sluice_client *client)
{
	return client->socket;
}

bool sluice_is_connected(const struct sluice_client *client)
{
	return client->source->is_connected(client);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Writes the entry, then publishes it by storing its checksum and phase at once. */
static void submit(struct sluice_client *client, struct sluice_command *command)
{
	struct sluice_command *ring = client->regions[SLUICE_FD_SUBMISSION];
	struct sluice_command *entry = &ring[client->submitted % SLUICE_RING_ENTRIES];
	const uint8_t *payload = client->regions[SLUICE_FD_STAGE_IN];
	uint32_t crc = sluice_crc32c(0, command, offsetof(struct sluice_command, crc));
	uint64_t word = sluice_crc32c(crc, payload, command->in_length);

	word |= (uint64_t)client_phase(client->submitted) << 32;
	memcpy(entry, command, offsetof(struct sluice_command, crc));
	__atomic_store_n((uint64_t *)&entry->crc, word, __ATOMIC_RELEASE);
	client->submitted++;
}

/* Copies the next completion, once; false where none is published yet. */
static bool take(struct sluice_client *client, struct sluice_completion *completion)
{
	const struct sluice_completion *ring = client->regions[SLUICE_FD_COMPLETION];
	const struct sluice_completion *entry = &ring[client->consumed % SLUICE_RING_ENTRIES];
	struct sluice_doorbell *doorbell = client->regions[SLUICE_FD_DOORBELL];
	uint64_t word = __atomic_load_n((const uint64_t *)&entry->crc, __ATOMIC_ACQUIRE);

	if ((word >> 32 & 1) != client_phase(client->consumed))
		return false;
	memcpy(completion, entry, offsetof(struct sluice_completion, crc));
	completion->crc = (uint32_t)word;
	completion->phase = (uint32_t)(word >> 32);
	client->consumed++;
	__atomic_store_n(&doorbell->cq_head, client->consumed, __ATOMIC_RELEASE);
	return true;
}

void client_drain(struct sluice_client *client)
{
	uint64_t signals;

	for (int i = 0; i < SIGNALS_PER_TURN && read(client->notify, &signals, sizeof(signals)) > 0; i++)
		;
}

/* 0 when it is worth looking again, or the fault. */
static int wait_for_signal(struct sluice_client *client, uint64_t deadline_ms)
{
	struct pollfd sources[] = {{.fd = client->notify, .events = POLLIN}, {.fd = client->socket, .events = POLLIN}};
	uint64_t now = now_ms();
	int count = poll(sources, 2, deadline_ms > now ? (int)(deadline_ms - now) : 0);

	if (count < 0 && errno == EINTR)
		return 0;
	if (count <= 0)
		return client_fail(client, -ETIMEDOUT, SLUICE_FAULT_TIMEOUT, "the firmware did not answer within %u ms",
				   client->timeout_ms);
	if (sources[1].revents != 0 || (sources[0].revents & ~POLLIN) != 0 || !client->source->is_connected(client))
		return client_fail(client, -ECONNRESET, SLUICE_FAULT_GONE, "the firmware went away");
	client_drain(client);
	return 0;
}

/* Looks once more after a fault: the firmware may have answered and then gone. */
static int wait_for_completion(struct sluice_client *client, struct sluice_completion *completion)
{
	uint64_t deadline_ms = now_ms() + client->timeout_ms;
	int error = 0;

	while (!take(client, completion)) {
		if (error != 0)
			return error;
		error = wait_for_signal(client, deadline_ms);
	}
	clear_fault(client);
	return 0;
}

static int damaged(struct sluice_client *client, const char *what)
{
	return client_fail(client, -EPROTO, SLUICE_FAULT_PROTOCOL, "the firmware's answer is malformed: %s", what);
}

/* The checksum is taken over the caller's copy, so that what it covers is what the caller sees. */
static int check(struct sluice_client *client, const struct sluice_command *command,
		 const struct sluice_completion *completion, void *out)
{
	const uint8_t *answer = client->regions[SLUICE_FD_STAGE_OUT];
	uint32_t crc = sluice_crc32c(0, completion, offsetof(struct sluice_completion, crc));

	if (completion->command_id != command->command_id)
		return damaged(client, "it belongs to another command");
	if (completion->out_length > command->out_length)
		return damaged(client, "it is longer than asked for");
	if (completion->out_length > 0)
		memcpy(out, answer + command->out_offset, completion->out_length);
	if (sluice_crc32c(crc, out, completion->out_length) != completion->crc)
		return damaged(client, "its checksum does not match");
	return 0;
}

static int give(struct sluice_client *client, struct sluice_command *command, void *out, struct sluice_reply *reply)
{
	struct sluice_completion completion;
	int error;

	submit(client, command);
	error = client->source->kick(client);
	if (error == 0)
		error = wait_for_completion(client, &completion);
	if (error == 0)
		error = check(client, command, &completion, out);
	if (error != 0)
		return error;
	*reply = (struct sluice_reply){
		.status = completion.status,
		.status_class = completion.status_class,
		.do_not_retry = completion.do_not_retry,
		.error_offset = completion.error_offset,
		.out_length = completion.out_length,
		.result = completion.result,
	};
	return 0;
}

uint64_t sluice_new_token(void)
{
	uint64_t token = 0;

	if (getrandom(&token, sizeof(token), 0) != sizeof(token))
		return 0;
	return token | 1; /* 0 is none */
}

static int call(struct sluice_client *client, struct sluice_command *command, const void *in, void *out,
		struct sluice_reply *reply)
{
	command->command_id = (uint16_t)client->submitted;
	if (client->lost != 0)
		return client->lost;
	clear_fault(client);
	if (command->in_length > SLUICE_STAGE_SIZE)
		return client_fail(client, -EMSGSIZE, SLUICE_FAULT_SYSTEM,
				   "a payload of %u bytes is over the limit of %u", command->in_length,
				   SLUICE_STAGE_SIZE);
	if (command->in_length > 0)
		memcpy(client->regions[SLUICE_FD_STAGE_IN], in, command->in_length);
	client->lost = give(client, command, out, reply);
	return client->lost;
}

int sluice_call(struct sluice_client *client, uint16_t opcode, uint64_t arg0, uint64_t arg1, const void *in,
		uint32_t in_length, void *out, uint32_t out_capacity, struct sluice_reply *reply)
{
	return sluice_call_once(client, 0, opcode, arg0, arg1, in, in_length, out, out_capacity, reply);
}

int sluice_call_once(struct sluice_client *client, uint64_t token, uint16_t opcode, uint64_t arg0, uint64_t arg1,
		     const void *in, uint32_t in_length, void *out, uint32_t out_capacity, struct sluice_reply *reply)
{
	struct sluice_command command = {
		.opcode = opcode,
		.token = token,
		.arg = {arg0, arg1},
		.in_length = in_length,
		.out_length = out_capacity < SLUICE_STAGE_SIZE ? out_capacity : SLUICE_STAGE_SIZE,
	};

	return call(client, &command, in, out, reply);
}

int sluice_begin(struct sluice_client *client, uint64_t token, uint16_t opcode, uint64_t arg0, uint64_t arg1,
		 const void *in, uint32_t in_length, struct sluice_reply *reply)
{
	struct sluice_command command = {
		.opcode = opcode,
		.flags = SLUICE_FLAG_OPERATION,
		.token = token,
		.arg = {arg0, arg1},
		.in_length = in_length,
	};

	return call(client, &command, in, NULL, reply);
}
