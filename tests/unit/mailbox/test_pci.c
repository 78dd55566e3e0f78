/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libsluice against a card behind PCI: a directory like sysfs's whose resource2 is a file, and a thread that serves the
 * real mailbox in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "abi/bar.h"
#include "mailbox/client.h"
#include "toy.h"

#define TEST_LIMIT_S 120
#define BAR_SIZE     (8u << 20)
#define ENTRIES	     64u
#define AT(page)     ((page)*4096ull)
#define RESOURCE     "0x00000000febf1000 0x00000000febf10ff 0x0000000000040200\n"
#define NONE	     "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"

/* Where the regions are: not in the order of their ids, and one behind a gap. */
static const struct sluice_bar_region table[] = {
	{.id = SLUICE_BAR_HOST_WORDS, .bar = 2, .writer = 2, .offset = AT(1), .length = AT(1)},
	{.id = SLUICE_BAR_INFO, .bar = 2, .writer = 1, .offset = AT(2), .length = AT(1)},
	{.id = SLUICE_BAR_DOORBELL, .bar = 2, .writer = 2, .offset = AT(3), .length = AT(1)},
	{.id = SLUICE_BAR_SUBMISSION, .bar = 2, .writer = 2, .offset = AT(4), .length = AT(1)},
	{.id = SLUICE_BAR_COMPLETION, .bar = 2, .writer = 1, .offset = AT(5), .length = AT(2)},
	{.id = SLUICE_BAR_STAGE_OUT, .bar = 2, .writer = 1, .offset = AT(256), .length = SLUICE_STAGE_SIZE},
	{.id = SLUICE_BAR_STAGE_IN, .bar = 2, .writer = 2, .offset = AT(512), .length = SLUICE_STAGE_SIZE},
	{.id = SLUICE_BAR_CARD_DATA, .bar = 2, .writer = 1, .offset = AT(1024), .length = AT(256)},
	{.id = SLUICE_BAR_HOST_DATA, .bar = 2, .writer = 2, .offset = AT(1280), .length = AT(256)},
	{.id = 4000, .bar = 77, .writer = 9, .offset = 1}, /* of a later version */
};
#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))

struct bed {
	char dir[64], place[80];
	uint8_t *bar;
	struct sluice_bar *card;
	struct toy toy;
	pthread_t thread;
	bool served;
	uint32_t stop;	/* atomic */
	uint32_t gone;	/* atomic: clients that said goodbye */
	uint32_t dirty; /* atomic: of those that came, with something of the last one left */
	uint16_t refuse;
};

/* ---- The directory --------------------------------------------------------------------------------- */

static void write_file(const struct bed *bed, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", bed->dir, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void set_bar_size(const struct bed *bed, off_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/resource2", bed->dir);
	assert_int_equal(truncate(path, size), 0);
}

static void fill_bar(struct bed *bed)
{
	memcpy(bed->card->table, table, sizeof(table));
	bed->card->regions = TABLE_SIZE;
	bed->card->abi_major = SLUICE_ABI_MAJOR;
	bed->card->abi_minor = SLUICE_ABI_MINOR;
	bed->card->magic = SLUICE_BAR_MAGIC;
}

static void make_bar(struct bed *bed)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/resource2", bed->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, BAR_SIZE), 0);
	bed->bar = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(bed->bar != MAP_FAILED);
	close(fd);
	bed->card = (void *)bed->bar;
	fill_bar(bed);
}

static int up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_non_null(bed);
	alarm(TEST_LIMIT_S);
	strcpy(bed->dir, "/tmp/test_pci.XXXXXX");
	assert_non_null(mkdtemp(bed->dir));
	snprintf(bed->place, sizeof(bed->place), "pci:%s", bed->dir);
	write_file(bed, "vendor", "0x1af4\n");
	write_file(bed, "device", "0x1110\n");
	write_file(bed, "enable", "1\n");
	write_file(bed, "resource",
		   RESOURCE NONE "0x00000000fe000000 0x00000000fe7fffff 0x000000000014220c\n" NONE NONE NONE NONE);
	make_bar(bed);
	*state = bed;
	return 0;
}

static int down(void **state)
{
	static const char *const files[] = {"vendor", "device", "enable", "resource", "resource2"};
	struct bed *bed = *state;

	if (bed->served) {
		__atomic_store_n(&bed->stop, 1, __ATOMIC_RELEASE);
		pthread_join(bed->thread, NULL);
		assert_int_equal(bed->dirty, 0);
		assert_int_equal(bed->toy.torn, 0);
	}
	munmap(bed->bar, BAR_SIZE);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", bed->dir, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(bed->dir), 0);
	free(bed);
	return 0;
}

/* ---- The card -------------------------------------------------------------------------------------- */

static void *region(const struct bed *bed, uint16_t id)
{
	for (size_t i = 0; i < TABLE_SIZE; i++) {
		if (table[i].id == id)
			return bed->bar + table[i].offset;
	}
	return NULL;
}

static bool is_zero(const uint8_t *byte, size_t length)
{
	uint8_t any = 0;

	for (size_t i = 0; i < length; i++)
		any |= byte[i];
	return any == 0;
}

static void welcome(struct bed *bed, const struct sluice_hello *hello, struct mailbox *mailbox)
{
	struct sluice_welcome *answer = &bed->card->welcome;
	bool clean =
		is_zero(region(bed, SLUICE_BAR_DOORBELL), 4096) && is_zero(region(bed, SLUICE_BAR_SUBMISSION), 4096);

	if (hello->port[0] != '\0')
		clean = clean && is_zero(region(bed, SLUICE_BAR_HOST_DATA), 256 * SLUICE_DATA_QUEUES_MAX);
	__atomic_fetch_add(&bed->dirty, !clean, __ATOMIC_RELAXED);
	memset(region(bed, SLUICE_BAR_COMPLETION), 0, 8192);
	*answer = (struct sluice_welcome){
		.magic = SLUICE_MAGIC,
		.abi_major = SLUICE_ABI_MAJOR,
		.status = bed->refuse,
		.role = SLUICE_ROLE_OPERATOR,
		.ring_entries = SLUICE_RING_ENTRIES,
		.stage_size = SLUICE_STAGE_SIZE,
		.region_size = {4096, 4096, 4096, 8192, SLUICE_STAGE_SIZE, SLUICE_STAGE_SIZE},
		.queues = hello->queues != 0 ? 1 : 0,
		.entries = ENTRIES,
		.data_size = {sluice_card_data_size(1, ENTRIES), sluice_host_data_size(1, ENTRIES)},
		.mtu = 1500,
		.mac = {2, 0, 0, 0, 0, 7},
	};
	mailbox->taken = mailbox->posted = mailbox->cq_head = 0;
}

static void answer(struct bed *bed, struct mailbox *mailbox, bool *open)
{
	const struct sluice_bar_host *host = region(bed, SLUICE_BAR_HOST_WORDS);
	uint32_t asked = __atomic_load_n(&host->asked, __ATOMIC_ACQUIRE);

	if (asked == bed->card->answered)
		return;
	*open = host->hello.magic == SLUICE_MAGIC;
	if (*open)
		welcome(bed, &host->hello, mailbox);
	else
		__atomic_fetch_add(&bed->gone, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&bed->card->answered, asked, __ATOMIC_RELEASE);
}

static void *serve(void *argument)
{
	struct bed *bed = argument;
	struct mailbox_counters counters = {0};
	struct mailbox mailbox = {
		.regions = {.doorbell = region(bed, SLUICE_BAR_DOORBELL),
			    .submission = region(bed, SLUICE_BAR_SUBMISSION),
			    .completion = region(bed, SLUICE_BAR_COMPLETION),
			    .stage_in = region(bed, SLUICE_BAR_STAGE_IN),
			    .stage_out = region(bed, SLUICE_BAR_STAGE_OUT)},
		.ops = &toy_ops,
		.context = &bed->toy,
		.counters = &counters,
		.role = SLUICE_ROLE_OPERATOR,
	};
	bool open = false;

	assert_int_equal(mailbox_scratch_create(&mailbox.scratch), 0);
	while (!__atomic_load_n(&bed->stop, __ATOMIC_ACQUIRE)) {
		answer(bed, &mailbox, &open);
		if (open)
			mailbox_serve(&mailbox, 8);
		usleep(200);
	}
	mailbox_scratch_destroy(&mailbox.scratch);
	return NULL;
}

static void start(struct bed *bed)
{
	bed->served = true;
	assert_int_equal(pthread_create(&bed->thread, NULL, serve, bed), 0);
}

static void finish(struct bed *bed)
{
	__atomic_store_n(&bed->stop, 1, __ATOMIC_RELEASE);
	pthread_join(bed->thread, NULL);
	bed->served = false;
	bed->stop = 0;
}

/* ---- What is right --------------------------------------------------------------------------------- */

static struct sluice_client *expect_open(const char *place)
{
	struct sluice_fault fault = {0};
	struct sluice_client *client = sluice_open_within(place, 20000, &fault);

	assert_string_equal(fault.text, "");
	assert_non_null(client);
	return client;
}

/* Commands of several laps of the rings, a list of several pages, an answer that fills the stage. */
static void commands_are_answered(void **state)
{
	struct bed *bed = *state;
	struct sluice_driver_record *records = NULL;
	struct sluice_client *client;
	struct sluice_reply reply;
	uint32_t count = 0, word;
	void *image = NULL;
	size_t length = 0;

	start(bed);
	client = expect_open(bed->place);
	assert_int_equal(sluice_role(client), SLUICE_ROLE_OPERATOR);
	assert_int_equal(sluice_connection(client), -1);
	assert_true(sluice_is_connected(client));
	assert_ptr_equal(sluice_take_data(client), NULL);
	for (uint32_t i = 0; i < 150; i++) {
		assert_int_equal(
			sluice_call(client, SLUICE_OP_POLICY_CHUNK, 0, 0, &i, sizeof(i), &word, sizeof(word), &reply),
			0);
		assert_int_equal(reply.status, SLUICE_STATUS_OK);
		assert_int_equal(word, i);
	}
	assert_int_equal(sluice_list(client, SLUICE_OP_DRIVER_LIST, NULL, 0, sizeof(*records), (void **)&records,
				     &count, NULL, NULL),
			 0);
	assert_int_equal(count, TOY_DRIVERS);
	assert_int_equal(records[TOY_DRIVERS - 1].instances, TOY_DRIVERS - 1);
	assert_int_equal(sluice_read_policy(client, &image, &length, NULL), 0);
	assert_int_equal(length, TOY_IMAGE);
	assert_int_equal(((const uint8_t *)image)[TOY_IMAGE - 1], (TOY_IMAGE - 1) % 251);
	free(records);
	free(image);
	sluice_close(client);
	while (__atomic_load_n(&bed->gone, __ATOMIC_ACQUIRE) == 0)
		usleep(200);
}

/* Each begins with clean rings, whether the one before it said goodbye or died. */
static void clients_follow_each_other(void **state)
{
	struct bed *bed = *state;
	struct sluice_reply reply;

	start(bed);
	for (int i = 0; i < 5; i++) {
		struct sluice_client *client = expect_open(bed->place);
		struct sluice_bar_host *host = region(bed, SLUICE_BAR_HOST_WORDS);
		uint32_t asked = host->asked, kicks = host->kick, word = 1;

		for (int k = 0; k <= i; k++)
			assert_int_equal(sluice_call(client, SLUICE_OP_POLICY_CHUNK, 0, 0, &word, 4, &word, 4, &reply),
					 0);
		assert_int_equal(host->kick, kicks + i + 1); /* no two of them alike */
		sluice_close(client);
		assert_int_equal(host->asked, asked + 1);
	}
}

/* Older and newer ones are served alike; another major is refused, below. */
static void cards_of_other_minor_versions(void **state)
{
	static const uint16_t minors[] = {0, SLUICE_ABI_MINOR + 7};
	struct bed *bed = *state;
	struct sluice_reply reply;
	uint32_t word = 1;

	start(bed);
	for (size_t i = 0; i < sizeof(minors) / sizeof(minors[0]); i++) {
		struct sluice_client *client;

		bed->card->abi_minor = minors[i];
		client = expect_open(bed->place);
		assert_int_equal(sluice_call(client, SLUICE_OP_POLICY_CHUNK, 0, 0, &word, 4, &word, 4, &reply), 0);
		assert_int_equal(reply.status, SLUICE_STATUS_OK);
		sluice_close(client);
	}
}

static void one_program_has_the_card(void **state)
{
	struct bed *bed = *state;
	struct sluice_client *client;
	struct sluice_fault fault = {0};

	start(bed);
	client = expect_open(bed->place);
	assert_null(sluice_open_within(bed->place, 1000, &fault));
	assert_non_null(strstr(fault.text, "/resource2 is in use by another program"));
	assert_true(sluice_is_connected(client));
	sluice_close(client);
	sluice_close(expect_open(bed->place));
}

static void the_data_rings_of_a_port(void **state)
{
	const struct sluice_port_wish wish = {.port = "host0", .queues = 2, .entries = 128};
	struct bed *bed = *state;
	struct sluice_fault fault = {0};
	struct sluice_client *client;
	struct sluice_data *data;
	uint64_t events = 0;

	memset(region(bed, SLUICE_BAR_HOST_DATA), 0xff, 4096); /* of one that died */
	start(bed);
	client = sluice_open_port(bed->place, &wish, 20000, &fault);
	assert_string_equal(fault.text, "");
	data = sluice_take_data(client);
	assert_int_equal(data->queues, 1);
	assert_int_equal(data->entries, ENTRIES);
	assert_int_equal(data->mtu, 1500);
	data->host[sluice_send_buffer_at(1, ENTRIES, 0, 63) + 2047] = 0x5a;
	assert_int_equal(((uint8_t *)region(bed, SLUICE_BAR_HOST_DATA))[sluice_host_data_size(1, ENTRIES) - 1], 0x5a);
	((uint8_t *)region(bed, SLUICE_BAR_CARD_DATA))[7] = 0xa5;
	assert_int_equal(data->card[7], 0xa5);
	while (read(data->signal[0], &events, sizeof(events)) != sizeof(events)) /* it comes by itself */
		usleep(200);
	assert_int_equal(data->signal[1], -1);
	sluice_close(client);
	sluice_free_data(data);
}

/* ---- A card that goes ------------------------------------------------------------------------------ */

static void a_card_that_starts_anew(void **state)
{
	struct bed *bed = *state;
	struct sluice_client *client;
	struct sluice_reply reply;

	start(bed);
	client = expect_open(bed->place);
	finish(bed);
	bed->card->answered += 17;
	assert_false(sluice_is_connected(client));
	assert_int_equal(sluice_call(client, SLUICE_OP_INFO, 0, 0, NULL, 0, NULL, 0, &reply), -ECONNRESET);
	sluice_close(client);
}

/* With its rings: at its start, in the middle of it, and of one byte. */
static void a_card_that_is_cut(void **state)
{
	static const off_t left[] = {0, AT(512), BAR_SIZE - 1};
	const struct sluice_port_wish wish = {.port = "host0", .queues = 1, .entries = ENTRIES};
	struct bed *bed = *state;
	struct sluice_fault fault = {0};
	struct sluice_client *client;
	struct sluice_data *data;
	struct sluice_reply reply;

	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		set_bar_size(bed, BAR_SIZE);
		fill_bar(bed);
		start(bed);
		client = sluice_open_port(bed->place, &wish, 20000, &fault);
		assert_string_equal(fault.text, "");
		data = sluice_take_data(client);
		finish(bed);
		assert_true(sluice_is_connected(client));
		set_bar_size(bed, left[i]);
		assert_false(sluice_is_connected(client));
		assert_int_equal(sluice_call(client, SLUICE_OP_INFO, 0, 0, NULL, 0, NULL, 0, &reply), -ECONNRESET);
		memset(data->host, 0xff, data->host_size);
		for (uint64_t at = 0; at < data->card_size; at += 4096)
			assert_int_equal(*(const volatile uint8_t *)&data->card[at], 0);
		sluice_close(client);
		sluice_free_data(data);
	}
}

static void a_card_that_is_silent(void **state)
{
	struct bed *bed = *state;
	struct sluice_fault fault = {0};

	assert_null(sluice_open_within(bed->place, 30, &fault));
	assert_int_equal(fault.kind, SLUICE_FAULT_TIMEOUT);
	assert_non_null(strstr(fault.text, bed->dir));
}

static void a_card_that_refuses(void **state)
{
	struct bed *bed = *state;
	struct sluice_fault fault = {0};

	bed->refuse = SLUICE_STATUS_TOO_MANY_CLIENTS;
	start(bed);
	assert_null(sluice_open_within(bed->place, 20000, &fault));
	assert_int_equal(fault.kind, SLUICE_FAULT_REFUSED);
	assert_int_equal(fault.status, SLUICE_STATUS_TOO_MANY_CLIENTS);
}

/* ---- What is wrong --------------------------------------------------------------------------------- */

/* An error whose text names @p file of the directory, and says @p text. */
static void expect_fault(const struct bed *bed, const char *file, const char *text)
{
	struct sluice_fault fault = {0};
	struct sluice_client *client = sluice_open_within(bed->place, 30, &fault);
	char path[128];

	assert_null(client);
	snprintf(path, sizeof(path), "%s%s", bed->dir, file);
	if (strstr(fault.text, path) == NULL || strstr(fault.text, text) == NULL)
		fail_msg("'%s' has not '%s' and '%s'", fault.text, path, text);
}

static void files_that_are_missing(void **state)
{
	static const char *const files[] = {"/vendor", "/device", "/enable", "/resource", "/resource2"};
	struct bed *bed = *state;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[128], away[140];

		snprintf(path, sizeof(path), "%s%s", bed->dir, files[i]);
		snprintf(away, sizeof(away), "%s.away", path);
		assert_int_equal(rename(path, away), 0);
		expect_fault(bed, files[i], "No such file");
		assert_int_equal(rename(away, path), 0);
	}
}

static void lines_that_are_malformed(void **state)
{
	static const char *const wrong[] = {
		"",
		"\n",
		"0x1000\n",
		"0x1000 0x1fff\n",
		"0x1000 0x1fff 0x200 0x1\n",
		"0x1000 0x1fff 0x\n",
		"0x1000 0x1fff flags\n",
		"-1 0x1fff 0x200\n",
		"0x2000 0x1fff 0x200\n",
		"0x0 0xffffffffffffffff 0x200\n",
		"0x1000  0x1fff 0x200\n",
		"0x11000000000000000 0x11000000000000001 0x200\n",
	};
	struct bed *bed = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[512];

		snprintf(text, sizeof(text), "%s%s%s", RESOURCE NONE, wrong[i], NONE NONE NONE);
		write_file(bed, "resource", text);
		expect_fault(bed, "/resource: line ", "is not of the form START END FLAGS");
	}
	write_file(bed, "resource", NONE NONE NONE NONE NONE NONE);
	expect_fault(bed, "/resource", "there is no memory BAR 2");
	write_file(bed, "resource",
		   NONE NONE "0x000000000000c000 0x000000000000c0ff 0x0000000000040101\n" NONE NONE NONE);
	expect_fault(bed, "/resource", "there is no memory BAR 2"); /* it is one of ports */
}

static void devices_that_are_no_cards(void **state)
{
	struct bed *bed = *state;
	struct sluice_fault fault = {0};

	write_file(bed, "device", "0x1111\n");
	expect_fault(bed, "", "is no Sluice card: vendor 0x1af4, device 0x1111");
	write_file(bed, "device", "none\n");
	expect_fault(bed, "/device", "does not hold a number");
	write_file(bed, "device", "0x1110\n");
	assert_null(sluice_open_within("pci:no-address", 30, &fault));
	assert_non_null(strstr(fault.text, "'no-address' is no PCI address"));
	assert_null(sluice_open_within("pci:", 30, &fault));
	assert_non_null(strstr(fault.text, "is no PCI address"));
	assert_null(sluice_open_within("pci:ff:1f.7", 30, &fault));
	assert_non_null(strstr(fault.text, "/sys/bus/pci/devices/0000:ff:1f.7/vendor"));
}

static void read_file(const struct bed *bed, const char *name, char text[64])
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", bed->dir, name);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, 64, file));
	fclose(file);
}

static void a_device_that_is_switched_off(void **state)
{
	struct bed *bed = *state;
	char text[64];

	start(bed);
	write_file(bed, "enable", "0\n");
	sluice_close(expect_open(bed->place));
	read_file(bed, "enable", text);
	assert_string_equal(text, "1\n");
	write_file(bed, "enable", "2\n"); /* by two others: that is for them to say */
	sluice_close(expect_open(bed->place));
	read_file(bed, "enable", text);
	assert_string_equal(text, "2\n");
}

/* What cannot be written to has no room for a byte here: no file may grow. */
static void a_device_that_stays_off(void **state)
{
	struct rlimit before, none;
	struct bed *bed = *state;

	write_file(bed, "enable", "0\n");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	expect_fault(bed, "/enable", "cannot switch the device on");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
}

/* Shorter than `resource` says, or than the table says: never is anything touched that is not there. */
static void bars_that_are_too_small(void **state)
{
	struct bed *bed = *state;

	set_bar_size(bed, 0);
	expect_fault(bed, "/resource2", "is shorter than the 8388608 bytes");
	set_bar_size(bed, BAR_SIZE - 1);
	expect_fault(bed, "/resource2", "is shorter than the 8388608 bytes");
	set_bar_size(bed, BAR_SIZE);
	write_file(bed, "resource", NONE NONE "0xfe000000 0xfe000fff 0x200\n" NONE NONE NONE);
	expect_fault(bed, "/resource2", "does not begin with a card's magic"); /* truncate() has emptied it */
	write_file(bed, "resource", NONE NONE "0xfe000000 0xfe0000ff 0x200\n" NONE NONE NONE);
	expect_fault(bed, "/resource2", "too small for region BAR");
}

static void regions_beyond_the_bar(void **state)
{
	static const uint64_t offsets[] = {BAR_SIZE, BAR_SIZE - 4096 + 4096, UINT64_MAX - 4095, 1ull << 63};
	struct bed *bed = *state;

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		bed->card->table[1].offset = offsets[i];
		expect_fault(bed, "/resource2", "too small for region INFO");
	}
	bed->card->table[1] = table[1];
	bed->card->table[1].bar = 1;
	expect_fault(bed, "/resource", "there is no memory BAR 1");
}

/* It was long enough once. */
static void a_bar_that_shrinks(void **state)
{
	struct bed *bed = *state;
	struct sluice_fault fault = {0};

	write_file(bed, "resource", NONE NONE "0xfe000000 0xfe001fff 0x200\n" NONE NONE NONE);
	set_bar_size(bed, 4096);
	assert_null(sluice_open_within(bed->place, 30, &fault));
	assert_non_null(strstr(fault.text, "/resource2 is shorter than the 8192 bytes"));
}

static void heads_that_are_wrong(void **state)
{
	struct bed *bed = *state;
	struct sluice_bar good = *bed->card;

	bed->card->magic++;
	expect_fault(bed, "/resource2", "does not begin with a card's magic");
	*bed->card = good;
	bed->card->abi_major++;
	expect_fault(bed, "", "speaks version");
	*bed->card = good;
	bed->card->regions = SLUICE_BAR_REGIONS_MAX + 1;
	expect_fault(bed, "/resource2", "more regions than there is room for");
	bed->card->regions = UINT32_MAX;
	expect_fault(bed, "/resource2", "more regions than there is room for");
	bed->card->regions = 3; /* DOORBELL is the last */
	expect_fault(bed, "/resource2", "region SUBMISSION is missing");
}

static void entries_that_are_wrong(void **state)
{
	struct bed *bed = *state;
	struct sluice_bar_region *entry = &bed->card->table[4];
	struct sluice_bar_region good = *entry;

	entry->bar = 6;
	expect_fault(bed, "/resource2", "wrong BAR, writer or reserved");
	*entry = good;
	entry->writer = SLUICE_BAR_WRITER_HOST;
	expect_fault(bed, "/resource2", "wrong BAR, writer or reserved");
	*entry = good;
	entry->reserved = 1;
	expect_fault(bed, "/resource2", "wrong BAR, writer or reserved");
	*entry = good;
	entry->reserved1 = 1;
	expect_fault(bed, "/resource2", "wrong BAR, writer or reserved");
	*entry = good;
	entry->offset++;
	expect_fault(bed, "/resource2", "at a page");
	*entry = good;
	entry->length = 0;
	expect_fault(bed, "/resource2", "at a page");
	entry->length = 4096;
	expect_fault(bed, "/resource2", "region COMPLETION is too small");
	*entry = good;
	entry->id = SLUICE_BAR_INFO;
	expect_fault(bed, "/resource2", "twice");
	*entry = good;
	start(bed);
	sluice_close(expect_open(bed->place));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(commands_are_answered),
		CASE(clients_follow_each_other),
		CASE(cards_of_other_minor_versions),
		CASE(one_program_has_the_card),
		CASE(the_data_rings_of_a_port),
		CASE(a_card_that_starts_anew),
		CASE(a_card_that_is_cut),
		CASE(a_card_that_is_silent),
		CASE(a_card_that_refuses),
		CASE(files_that_are_missing),
		CASE(lines_that_are_malformed),
		CASE(devices_that_are_no_cards),
		CASE(a_device_that_is_switched_off),
		CASE(a_device_that_stays_off),
		CASE(bars_that_are_too_small),
		CASE(regions_beyond_the_bar),
		CASE(a_bar_that_shrinks),
		CASE(heads_that_are_wrong),
		CASE(entries_that_are_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
