/* SPDX-License-Identifier: BSD-3-Clause */
/* Attacks by commands. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "attack.h"

/* ---- Single fetch ---------------------------------------------------------------------------------- */

static uint32_t reply_crc(const struct host *host, const struct sluice_completion *completion)
{
	uint32_t crc = sluice_crc32c(0, completion, offsetof(struct sluice_completion, crc));

	return sluice_crc32c(crc, host->peer.ring.stage_out, completion->out_length);
}

/* What is judged is what was signed, or it is refused for its checksum, or for a payload that cannot be read. */
static void judge(const struct host *host, const struct sluice_completion *completion)
{
	uint32_t field = completion->error_offset & ~SLUICE_ERROR_IN_COMMAND;

	switch (completion->status) {
	case SLUICE_STATUS_OK:
		if (completion->command_id != host->next_id || completion->crc != reply_crc(host, completion))
			host_fail("command %u was taken for %u", host->next_id, completion->command_id);
		break;
	case SLUICE_STATUS_BAD_CRC:
		break;
	case SLUICE_STATUS_BAD_LENGTH:
		if (field == offsetof(struct sluice_command, in_offset) ||
		    field == offsetof(struct sluice_command, in_length))
			break;
		__attribute__((fallthrough));
	default:
		host_fail("a command that changed under the card's eyes: %s, field %u",
			  sluice_status_text(completion->status), field);
	}
}

/* Its rules of all instances: a payload, whose checksum is made of what the host meant. */
static void submit(struct host *host, uint32_t payload_at)
{
	struct sluice_command command = {
		.opcode = SLUICE_OP_RULE_LIST,
		.command_id = ++host->next_id,
		.in_offset = payload_at,
		.in_length = SLUICE_NAME_SIZE,
		.out_length = 4096,
		.phase = ring_phase(host->peer.ring.submitted),
	};
	static const uint8_t zeros[SLUICE_NAME_SIZE];

	memset(host->peer.ring.stage_in + payload_at, 0, SLUICE_NAME_SIZE);
	command.crc = sluice_crc32c(sluice_crc32c(0, &command, 56), zeros, sizeof(zeros));
	ring_publish(&host->peer.ring, &command);
	peer_kick(&host->peer);
}

/* The last word of an entry tells its lap, and stays: one command has one completion. */
void attack_flip_commands(struct attack *attack)
{
	uint64_t limit = host_now_ms() + ATTACK_LIMIT_MS, good = 0, bad = 0;
	struct attack_flipper commands, payload;
	struct sluice_completion completion;
	struct host host;

	host_open_now(&host, attack->dir, NULL, 0);
	attack_flip(&commands, host.peer.ring.submission, SLUICE_RING_ENTRIES * sizeof(struct sluice_command),
		    sizeof(struct sluice_command), host_random(&attack->random));
	attack_flip(&payload, host.peer.ring.stage_in, SLUICE_NAME_SIZE, 0, host_random(&attack->random));
	while (attack_goes_on(attack) || good == 0 || bad == 0) {
		if (host_now_ms() > limit)
			host_fail("%llu good, %llu bad: the race was never on", (unsigned long long)good,
				  (unsigned long long)bad);
		submit(&host, host.next_id % 2 == 0 ? 0 : 4096);
		if (!host_wait(&host, &completion))
			host_fail("command %u was never completed", host.next_id);
		judge(&host, &completion);
		if (completion.status == SLUICE_STATUS_OK)
			good++;
		else
			bad++;
	}
	attack_stop_flipping(&commands);
	attack_stop_flipping(&payload);
	printf("%llu commands were as meant, %llu refused\n", (unsigned long long)good, (unsigned long long)bad);
	host_close(&host);
}

/* ---- Bounds ---------------------------------------------------------------------------------------- */

static void expect_status(struct host *host, struct sluice_command command, bool good, const char *what)
{
	struct sluice_completion completion;

	if (!host_call(host, command, &completion))
		host_fail("%s: no completion", what);
	if ((completion.status == SLUICE_STATUS_OK) != good)
		host_fail("%s: %s", what, sluice_status_text(completion.status));
	if (!good && completion.status_class != SLUICE_CLASS_CALLER && completion.status_class != SLUICE_CLASS_STATE &&
	    completion.status_class != SLUICE_CLASS_RESOURCE)
		host_fail("%s: %s is not the caller's fault", what, sluice_status_text(completion.status));
}

static const uint32_t extremes[] = {0,		1,	    31,		32,	   33,	     0xffff,
				    0x10000,	0x10001,    0xfffff,	0x100000,  0x100001, 0x7fffffff,
				    0x80000000, 0xffff0000, 0xfffffff0, 0xffffffff};
#define EXTREMES (sizeof(extremes) / sizeof(extremes[0]))

static void try_places(struct host *host, uint32_t offset, uint32_t length)
{
	bool within = (uint64_t)offset + length <= SLUICE_STAGE_SIZE;
	char what[128];

	snprintf(what, sizeof(what), "answer at %u, %u bytes", offset, length);
	if (!within || length >= 4096)
		expect_status(
			host,
			(struct sluice_command){.opcode = SLUICE_OP_INFO, .out_offset = offset, .out_length = length},
			within, what);
	snprintf(what, sizeof(what), "payload at %u, %u bytes", offset, length);
	expect_status(
		host,
		(struct sluice_command){
			.opcode = SLUICE_OP_RULE_LIST, .in_offset = offset, .in_length = length, .out_length = 65536},
		within && length == SLUICE_NAME_SIZE, what);
}

/* Numbers of 64 bits that become others of 32. */
static void try_numbers(struct host *host, uint64_t number)
{
	char what[128];

	snprintf(what, sizeof(what), "upload of %llu bytes", (unsigned long long)number);
	expect_status(host, (struct sluice_command){.opcode = SLUICE_OP_POLICY_BEGIN, .arg = {number}}, false, what);
	snprintf(what, sizeof(what), "policy from byte %llu", (unsigned long long)number);
	expect_status(host,
		      (struct sluice_command){.opcode = SLUICE_OP_POLICY_READ, .arg = {number}, .out_length = 4096},
		      false, what);
	snprintf(what, sizeof(what), "chunk at byte %llu", (unsigned long long)number);
	expect_status(host, (struct sluice_command){.opcode = SLUICE_OP_POLICY_BEGIN, .arg = {4096}}, true, what);
	expect_status(host,
		      (struct sluice_command){.opcode = SLUICE_OP_POLICY_CHUNK, .arg = {number}, .in_length = 4096},
		      false, what);
	expect_status(host, (struct sluice_command){.opcode = SLUICE_OP_POLICY_ABORT}, true, what);
	snprintf(what, sizeof(what), "ports from the %lluth", (unsigned long long)number);
	expect_status(host, (struct sluice_command){.opcode = SLUICE_OP_PORT_LIST, .arg = {number}, .out_length = 4096},
		      false, what);
	snprintf(what, sizeof(what), "handle %llu", (unsigned long long)number);
	expect_status(host, (struct sluice_command){.opcode = SLUICE_OP_DEVICE_CLOSE, .arg = {number}}, false, what);
}

void attack_command_bounds(struct attack *attack)
{
	static const uint64_t numbers[] = {0xffffffff,	       0x100000000,	   0x100000001,
					   0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffff0000,
					   0xffffffffffffffff};
	struct host host;

	host_open_now(&host, attack->dir, NULL, 0);
	for (size_t i = 0; i < EXTREMES; i++)
		for (size_t j = 0; j < EXTREMES; j++)
			try_places(&host, extremes[i], extremes[j]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		try_numbers(&host, numbers[i]);
	for (uint32_t opcode = 0; opcode < 65536; opcode = opcode < 300 ? opcode + 1 : opcode * 2 + 1) {
		struct sluice_completion completion;

		/* 1 MiB that no command takes: so nothing is done where there is such a command */
		if (!host_call(&host,
			       (struct sluice_command){
				       .opcode = (uint16_t)opcode,
				       .in_length = opcode == SLUICE_OP_POLICY_CHUNK ? 0 : SLUICE_STAGE_SIZE},
			       &completion))
			host_fail("opcode %u: no completion", opcode);
		if (completion.status != SLUICE_STATUS_BAD_OPCODE && completion.status != SLUICE_STATUS_BAD_LENGTH)
			host_fail("opcode %u: %s", opcode, sluice_status_text(completion.status));
	}
	host_close(&host);
}

/* ---- Privileges ------------------------------------------------------------------------------------ */

#define NOBODY 65534

static const struct {
	uint16_t opcode;
	uint8_t role;
} opcodes[] = {
#define X(name, number, least, most, role) {number, SLUICE_ROLE_##role},
	SLUICE_OPCODE_TABLE(X)
#undef X
};

/* -1: it is in no table. */
static int role_of(uint32_t opcode)
{
	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++)
		if (opcodes[i].opcode == opcode)
			return opcodes[i].role;
	return -1;
}

/* Whatever the table does not open to tenants is refused them before anything else is looked at. */
void attack_privileges(struct attack *attack)
{
	struct host host;

	if (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
		host_fail("only root can become another user");
	if (host_open(&host, attack->dir, attack->upper, ATTACK_ENTRIES) != HOST_REFUSED ||
	    host.peer.welcome.status != SLUICE_STATUS_NOT_PERMITTED)
		host_fail("a tenant has a port");
	host_open_now(&host, attack->dir, NULL, 0);
	for (uint32_t opcode = 0; opcode < 256; opcode++) {
		struct sluice_completion completion;
		bool denied;

		if (!host_call(&host, (struct sluice_command){.opcode = (uint16_t)opcode}, &completion))
			host_fail("opcode %u: no completion", opcode);
		denied = completion.status == SLUICE_STATUS_NOT_PERMITTED;
		if (denied != (role_of(opcode) > SLUICE_ROLE_TENANT))
			host_fail("opcode %u, of a tenant: %s", opcode, sluice_status_text(completion.status));
		if (role_of(opcode) < 0 && completion.status != SLUICE_STATUS_BAD_OPCODE)
			host_fail("opcode %u is in no table: %s", opcode, sluice_status_text(completion.status));
	}
	host_close(&host);
}

/* ---- A host that does not listen ------------------------------------------------------------------- */

static uint32_t completions(struct host *host)
{
	struct sluice_completion completion;
	uint32_t count = 0;

	while (ring_take(&host->peer.ring, &completion))
		count++;
	return count;
}

static void wait_for(struct host *host, uint32_t *came, uint32_t wanted, const char *what)
{
	uint64_t limit = host_now_ms() + HOST_WAIT_MS;

	while ((*came += completions(host)) < wanted && host_now_ms() < limit)
		usleep(1000);
	if (*came != wanted)
		host_fail("%s: %u completions, not %u", what, *came, wanted);
}

/* Commands until the card has no room for another completion; the doorbell then says what cannot be, and what is. */
static void consume_nothing(struct host *host)
{
	static const uint32_t impossible[] = {65, 0xffff, 0x10000, 0x80000000, 0xffffffff};
	const struct sluice_command command = {.opcode = SLUICE_OP_INFO, .out_length = 4096};
	uint32_t came = 0;

	for (uint32_t i = 0; i < SLUICE_RING_ENTRIES; i++)
		ring_submit(&host->peer.ring, command);
	peer_kick(&host->peer);
	wait_for(host, &came, SLUICE_RING_ENTRIES, "a full ring");
	for (uint32_t i = 0; i < SLUICE_RING_ENTRIES; i++)
		ring_submit(&host->peer.ring, command);
	for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
		__atomic_store_n(&host->peer.ring.doorbell->cq_head, impossible[i], __ATOMIC_RELEASE);
		peer_kick(&host->peer);
		usleep(20000);
		wait_for(host, &came, SLUICE_RING_ENTRIES, "an impossible doorbell");
	}
	__atomic_store_n(&host->peer.ring.doorbell->cq_head, SLUICE_RING_ENTRIES, __ATOMIC_RELEASE);
	peer_kick(&host->peer);
	wait_for(host, &came, 2 * SLUICE_RING_ENTRIES, "the doorbell as it should be");
}

/* It always sleeps, and reads no event: more than its socket holds. */
static void sleep_for_ever(const struct attack *attack, struct host *upper)
{
	uint8_t frame[HOST_FRAME_LEAST] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2};
	uint32_t sent = 0;
	struct host lower;

	host_open_now(&lower, attack->dir, attack->lower, ATTACK_ENTRIES);
	upper->line->want_event = SLUICE_WANT_RECEIVE | SLUICE_WANT_SEND;
	while (attack_goes_on(attack) || sent < 2000) {
		uint8_t got[1 << 16];

		host_send(&lower, frame, sizeof(frame)); /* nobody takes them off the receive ring for long */
		host_send(upper, frame, sizeof(frame));
		if (++sent % 500 == 0)
			while (host_receive(upper, got, sizeof(got)) > 0)
				;
		if (!host_sent(upper) || !host_sent(&lower))
			host_fail("a host that does not read its events stops the card");
	}
	if (__atomic_load_n(&upper->card->receive_short, __ATOMIC_RELAXED) == 0)
		host_fail("no frame was short of a buffer");
	host_close(&lower);
}

void attack_silent(struct attack *attack)
{
	struct host upper;

	host_open_now(&upper, attack->dir, attack->upper, ATTACK_ENTRIES);
	consume_nothing(&upper);
	attack_expect_service(attack);
	sleep_for_ever(attack, &upper);
	host_close(&upper);
}

/* ---- Floods ---------------------------------------------------------------------------------------- */

enum { FLOODERS = 3 };

struct flood {
	const struct attack *attack;
	struct host host; /* of KICK and doorbell */
	uint32_t stop;
};

static void *kick(void *argument)
{
	struct flood *flood = argument;
	uint64_t random = flood->attack->random;

	while (!__atomic_load_n(&flood->stop, __ATOMIC_RELAXED)) {
		const uint64_t some = host_random(&random) % 2 == 0 ? 1 : 1u << 20;

		__atomic_store_n(&flood->host.peer.ring.doorbell->cq_head, (uint32_t)host_random(&random),
				 __ATOMIC_RELAXED);
		(void)!write(flood->host.peer.fd[SLUICE_FD_KICK], &some, sizeof(some));
	}
	return NULL;
}

/* It says what is wrong, half of it, or nothing. */
static void *connect_and_go(void *argument)
{
	struct flood *flood = argument;
	uint64_t random = flood->attack->random + 1;
	struct sluice_hello hello = peer_hello();

	while (!__atomic_load_n(&flood->stop, __ATOMIC_RELAXED)) {
		int one = peer_connect(flood->attack->dir);

		if (one < 0)
			continue;
		peer_send(one, &hello, host_random(&random) % (sizeof(hello) + 1), -1, 0);
		if (host_random(&random) % 4 == 0)
			usleep(100);
		close(one);
	}
	return NULL;
}

static void *bad_commands(void *argument)
{
	struct flood *flood = argument;
	struct host host;

	host_open_now(&host, flood->attack->dir, NULL, 0);
	while (!__atomic_load_n(&flood->stop, __ATOMIC_RELAXED)) {
		struct sluice_completion completion;

		for (int i = 0; i < 32; i++)
			ring_submit(&host.peer.ring, (struct sluice_command){.opcode = 0xffff});
		peer_kick(&host.peer);
		for (int i = 0; i < 32; i++)
			if (!host_wait(&host, &completion) || completion.status != SLUICE_STATUS_BAD_OPCODE)
				host_fail("one of many bad commands was not refused");
	}
	host_close(&host);
	return NULL;
}

void attack_floods(struct attack *attack)
{
	void *(*const mains[FLOODERS])(void *) = {kick, connect_and_go, bad_commands};
	struct flood flood = {.attack = attack};
	pthread_t threads[FLOODERS];
	unsigned served = 0;

	host_open_now(&flood.host, attack->dir, NULL, 0);
	for (int i = 0; i < FLOODERS; i++)
		if (pthread_create(&threads[i], NULL, mains[i], &flood) != 0)
			host_fail("no thread");
	for (; attack_goes_on(attack) || served == 0; served++)
		attack_expect_service(attack);
	__atomic_store_n(&flood.stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < FLOODERS; i++)
		pthread_join(threads[i], NULL);
	printf("%u others were served meanwhile\n", served);
	host_close(&flood.host);
}

/* ---- A commit in the middle ------------------------------------------------------------------------ */

/* The running policy, read and uploaded again. */
static void upload(struct host *host)
{
	uint32_t length = (uint32_t)host_ask(host, SLUICE_OP_POLICY_READ, 0);
	struct sluice_completion completion;

	if (length > SLUICE_STAGE_SIZE)
		host_fail("the policy has %u bytes", length);
	memcpy(host->peer.ring.stage_in, host->peer.ring.stage_out, length);
	host_ask(host, SLUICE_OP_POLICY_BEGIN, length);
	if (!host_call(host, (struct sluice_command){.opcode = SLUICE_OP_POLICY_CHUNK, .in_length = length},
		       &completion) ||
	    completion.status != SLUICE_STATUS_OK)
		host_fail("a chunk is refused: %s", sluice_status_text(completion.status));
}

/* Whatever became of it, another one can commit: it may have to wait for what is retired. */
static void expect_commit(const struct attack *attack)
{
	uint64_t limit = host_now_ms() + HOST_WAIT_MS;
	struct sluice_completion completion = {.status = SLUICE_STATUS_BUSY};
	struct host host;

	host_open_now(&host, attack->dir, NULL, 0);
	while (completion.status == SLUICE_STATUS_BUSY) {
		upload(&host);
		if (!host_call(&host, (struct sluice_command){.opcode = SLUICE_OP_POLICY_COMMIT}, &completion) ||
		    host_now_ms() > limit)
			host_fail("a commit does not end");
	}
	if (completion.status != SLUICE_STATUS_OK)
		host_fail("a commit after others that were left: %s", sluice_status_text(completion.status));
	host_close(&host);
}

void attack_commits(struct attack *attack)
{
	unsigned count = 0;

	for (; attack_goes_on(attack) || count < 20; count++) {
		struct host host;

		host_open_now(&host, attack->dir, count % 2 == 0 ? NULL : attack->upper, ATTACK_ENTRIES);
		upload(&host);
		ring_submit(&host.peer.ring,
			    (struct sluice_command){.opcode = count % 3 == 0 ? SLUICE_OP_POLICY_VALIDATE
									     : SLUICE_OP_POLICY_COMMIT});
		peer_kick(&host.peer);
		usleep((useconds_t)(host_random(&attack->random) % 2000));
		host_close(&host);
		if (count % 10 == 9)
			expect_commit(attack);
	}
	expect_commit(attack);
	printf("%u clients went in the middle of a commit\n", count);
}

/* BUSY: what earlier commits have replaced is not retired yet. */
static void expect_end_of_commit(struct host *host)
{
	struct sluice_completion completion;

	if (!host_wait(host, &completion))
		host_fail("a commit in the middle of a reset does not end");
	if (completion.status != SLUICE_STATUS_OK && completion.status != SLUICE_STATUS_BUSY)
		host_fail("a commit in the middle of a reset: %s", sluice_status_text(completion.status));
}

static void reset_datapath(struct host *host)
{
	struct sluice_reset_command reason = {.reason = "in the middle of a commit"};
	struct sluice_completion completion;

	memcpy(host->peer.ring.stage_in, &reason, sizeof(reason));
	if (!host_call(host, (struct sluice_command){.opcode = SLUICE_OP_RESET_DATAPATH, .in_length = sizeof(reason)},
		       &completion))
		host_fail("a reset does not end");
	if (completion.status != SLUICE_STATUS_OK)
		host_fail("a reset: %s", sluice_status_text(completion.status));
}

/* Another client's: either may be at any step of the other. */
void attack_resets(struct attack *attack)
{
	struct host committer, resetter;
	unsigned count = 0;

	host_open_now(&committer, attack->dir, NULL, 0);
	host_open_now(&resetter, attack->dir, attack->upper, ATTACK_ENTRIES);
	for (; attack_goes_on(attack) || count < 20; count++) {
		upload(&committer);
		ring_submit(&committer.peer.ring, (struct sluice_command){.opcode = SLUICE_OP_POLICY_COMMIT});
		peer_kick(&committer.peer);
		usleep((useconds_t)(host_random(&attack->random) % 2000));
		reset_datapath(&resetter);
		expect_end_of_commit(&committer);
	}
	host_close(&committer);
	host_close(&resetter);
	expect_commit(attack);
	printf("%u resets in the middle of a commit\n", count);
}
