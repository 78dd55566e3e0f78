/* SPDX-License-Identifier: BSD-3-Clause */
/* Attacks by what came with the WELCOME: sizes, seals and mappings of the regions. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attack.h"

struct region {
	const char *name;
	int fd;
	void *base; /* as the host has it mapped */
	uint64_t size;
	bool card_writes;
};

#define CARD	    true
#define HOST	    false
#define REGIONS_MAX (SLUICE_FD_KICK + SLUICE_DATA_FD_COUNT)

static unsigned list_regions(const struct host *host, struct region *regions)
{
	static const struct region mailbox[] = {
#define X(name, bytes, writer) {#name, -1, NULL, bytes, writer},
		SLUICE_FD_TABLE(X)
#undef X
	};
	static const struct region data[] = {
#define X(name, writer) {#name, -1, NULL, 0, writer},
		SLUICE_DATA_FD_TABLE(X)
#undef X
	};
	void *const bases[] = {host->peer.card_data, host->peer.host_data};
	unsigned count = 0;

	for (; count < SLUICE_FD_KICK; count++) {
		regions[count] = mailbox[count];
		regions[count].fd = host->peer.fd[count];
		regions[count].base = host->peer.region[count];
	}
	for (unsigned i = 0; i < SLUICE_DATA_FD_COUNT; i++, count++) {
		regions[count] = data[i];
		regions[count].fd = host->peer.data_fd[i];
		regions[count].base = bases[i];
		regions[count].size = host->peer.welcome.data_size[i];
	}
	return count;
}

static void expect_denied(const struct region *region, const char *what, bool denied)
{
	if (!denied)
		host_fail("%s of %s is not denied", what, region->name);
}

/* A region that shrinks under the card ends it by SIGBUS; one that is sealed anew could refuse the host's writes. */
static void expect_shape_is_kept(const struct region *region)
{
	const off_t sizes[] = {0, 1, (off_t)region->size - 1, (off_t)region->size + 4096, (off_t)1 << 32};
	struct stat found;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		expect_denied(region, "ftruncate", ftruncate(region->fd, sizes[i]) == -1 && errno == EPERM);
	expect_denied(region, "a write behind the end",
		      pwrite(region->fd, "x", 1, (off_t)region->size) == -1 && errno == EPERM);
	expect_denied(region, "another seal", fcntl(region->fd, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EPERM);
	if (fstat(region->fd, &found) != 0 || (uint64_t)found.st_size != region->size)
		host_fail("%s has another size", region->name);
}

/* Also by a descriptor opened anew, which has rights of its own. */
static void expect_read_only(const struct region *region)
{
	void *writable = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd, 0);
	char path[64];
	int again;

	expect_denied(region, "a writable mapping", writable == MAP_FAILED);
	expect_denied(region, "mprotect", mprotect(region->base, 4096, PROT_READ | PROT_WRITE) == -1);
	expect_denied(region, "write", pwrite(region->fd, "x", 1, 0) == -1);
	expect_denied(region, "a hole",
		      fallocate(region->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == -1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", region->fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	if (again < 0)
		return;
	expect_denied(region, "a write by another descriptor", pwrite(again, "x", 1, 0) == -1);
	writable = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0);
	expect_denied(region, "a writable mapping of another descriptor", writable == MAP_FAILED);
	expect_denied(region, "ftruncate of another descriptor", ftruncate(again, 0) == -1);
	close(again);
}

/* What is the host's it may throw away; the card then finds zeros. */
static void punch(const struct region *region)
{
	if (fallocate(region->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)region->size) != 0)
		host_fail("%s is the host's, and it cannot punch a hole: %d", region->name, errno);
}

static void play(const struct region *region)
{
	expect_shape_is_kept(region);
	if (region->card_writes)
		expect_read_only(region);
}

void attack_seals(struct attack *attack)
{
	struct region regions[REGIONS_MAX];
	struct host host;
	unsigned count;

	do {
		host_open_now(&host, attack->dir, attack->upper, ATTACK_ENTRIES);
		count = list_regions(&host, regions);
		for (unsigned i = 0; i < count; i++)
			play(&regions[i]);
		host_ask(&host, SLUICE_OP_INFO, 0); /* it is a good client still */
		for (unsigned i = 0; i < count; i++)
			if (!regions[i].card_writes)
				punch(&regions[i]);
		attack_expect_service(attack);
		host_close(&host);
	} while (attack_goes_on(attack));
}

/* ---- What others left ------------------------------------------------------------------------------ */

#define SECRET 0xc7

static void expect_zero(const char *name, const uint8_t *bytes, uint64_t first, uint64_t end)
{
	for (uint64_t i = first; i < end; i++)
		if (bytes[i] != 0)
			host_fail("%s: byte %llu is %02x", name, (unsigned long long)i, bytes[i]);
}

static void expect_no_secret(const struct host *host)
{
	const uint8_t *data = host->peer.card_data;
	uint64_t size = host->peer.welcome.data_size[SLUICE_DATA_FD_CARD_DATA];

	for (uint64_t i = 0; i < size; i++)
		if (data[i] == SECRET)
			host_fail("byte %llu of CARD_DATA is another client's", (unsigned long long)i);
}

/* Until every receive buffer has held one. */
static void receive_frames(struct host *upper, struct host *lower, uint8_t byte, uint32_t length)
{
	uint64_t limit = host_now_ms() + HOST_WAIT_MS;
	uint8_t frame[HOST_FRAME_MAX], got[1 << 16];
	uint32_t count = 0;

	memset(frame, byte, sizeof(frame));
	while (count < 2u * upper->entries) {
		if (host_send_room(lower) > upper->entries / 2u)
			host_send(lower, frame, length);
		while (host_receive(upper, got, sizeof(got)) > 0)
			count++;
		if (host_now_ms() > limit)
			host_fail("only %u frames came", count);
	}
}

/* Zero behind each reply, and everywhere before the first one. */
static void expect_clean_mailbox(struct host *host)
{
	static const uint16_t questions[] = {SLUICE_OP_PORT_LIST, SLUICE_OP_INFO, SLUICE_OP_POLICY_READ,
					     SLUICE_OP_DEVICE_LIST};
	const struct ring *ring = &host->peer.ring;
	struct sluice_completion completion;

	expect_zero("STAGE_OUT", ring->stage_out, 0, SLUICE_STAGE_SIZE);
	expect_zero("COMPLETION", (const uint8_t *)ring->completion, 0, sizeof(completion) * SLUICE_RING_ENTRIES);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		const struct sluice_command command = {.opcode = questions[i], .out_length = SLUICE_STAGE_SIZE};

		if (!host_call(host, command, &completion) || completion.status != SLUICE_STATUS_OK)
			host_fail("command 0x%x failed", questions[i]);
		expect_zero("reply", ring->stage_out, completion.out_length, SLUICE_STAGE_SIZE);
		expect_zero("COMPLETION", (const uint8_t *)&ring->completion[host->peer.ring.consumed], 0,
			    sizeof(completion));
	}
}

/* One client leaves its bytes everywhere where the card keeps copies; the next one finds none of them. */
static void leave_bytes(const struct attack *attack)
{
	struct host upper, lower;
	struct sluice_completion completion;
	const uint32_t length = 65536;

	host_open_now(&upper, attack->dir, attack->upper, ATTACK_ENTRIES);
	host_open_now(&lower, attack->dir, attack->lower, ATTACK_ENTRIES);
	receive_frames(&upper, &lower, SECRET, HOST_FRAME_MAX);
	memset(upper.peer.ring.stage_in, SECRET, SLUICE_STAGE_SIZE);
	host_ask(&upper, SLUICE_OP_POLICY_BEGIN, length);
	if (!host_call(&upper, (struct sluice_command){.opcode = SLUICE_OP_POLICY_CHUNK, .in_length = length},
		       &completion) ||
	    completion.status != SLUICE_STATUS_OK)
		host_fail("a chunk is refused: %s", sluice_status_text(completion.status));
	host_close(&upper);
	host_close(&lower);
}

void attack_stale(struct attack *attack)
{
	struct host upper, lower;

	do {
		leave_bytes(attack);
		host_open_now(&upper, attack->dir, attack->upper, ATTACK_ENTRIES);
		host_open_now(&lower, attack->dir, attack->lower, ATTACK_ENTRIES);
		expect_no_secret(&upper);
		expect_clean_mailbox(&upper);
		receive_frames(&upper, &lower, 1, HOST_FRAME_LEAST);
		expect_no_secret(&upper);
		host_close(&upper);
		host_close(&lower);
	} while (attack_goes_on(attack));
}
