/* SPDX-License-Identifier: BSD-3-Clause */
#include "bar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker_private.h"

#define BAR_NUMBER 2 /* of an ivshmem device, which has its memory there */
#define IDS	   16u

struct broker_bar {
	int fd;
	uint64_t size;		     /* bytes, of the file when it was laid out */
	bool lost;		     /* it has not so many any more, or not the card's head */
	char name[SLUICE_NAME_SIZE]; /* of the file, without its directory, cut */
	struct region head, words, info;
	struct sluice_bar *card;	     /* in head */
	const struct sluice_bar_host *host;  /* in words */
	struct sluice_bar_region parts[IDS]; /* by id */
	uint32_t seen;			     /* of `asked` */
	uint32_t kicks;
	struct client *client; /* its place; it is ours while the id is */
	uint32_t client_id;
};

static const uint8_t writers[IDS] = {
#define X(name, id, writer) [id] = SLUICE_BAR_WRITER_##writer,
	SLUICE_BAR_REGION_TABLE(X)
#undef X
};

/* ---- Layout ---------------------------------------------------------------------------------------- */

static void place(struct broker_bar *bar, uint16_t id, uint64_t *at, uint64_t length)
{
	bar->parts[id] = (struct sluice_bar_region){
		.id = id, .bar = BAR_NUMBER, .writer = writers[id], .offset = *at, .length = length};
	*at += length;
}

/* What the mailbox leaves is shared by the data rings. Returns whether it all fits. */
static bool lay_out(struct broker_bar *bar, uint64_t size)
{
	uint64_t at = sizeof(struct sluice_bar), each;

	place(bar, SLUICE_BAR_HOST_WORDS, &at, sizeof(struct sluice_bar_host));
	for (uint16_t i = 0; i < REGIONS; i++)
		place(bar, (uint16_t)(SLUICE_BAR_INFO + i), &at, broker_regions[i].size);
	if (at > size)
		return false;
	each = (size - at) / 2 / SLUICE_BAR_ALIGN * SLUICE_BAR_ALIGN;
	if (each == 0)
		return true;
	place(bar, SLUICE_BAR_CARD_DATA, &at, each);
	place(bar, SLUICE_BAR_HOST_DATA, &at, each);
	return true;
}

uint64_t bar_room(const struct broker_bar *bar, uint16_t id)
{
	return bar->parts[id].length;
}

int bar_window(const struct broker_bar *bar, uint16_t id, size_t size, struct region *region)
{
	const struct sluice_bar_region *part = &bar->parts[id];

	if (size > part->length)
		return -ENOSPC;
	return region_window(region, bar->fd, part->offset, size,
			     part->writer == SLUICE_BAR_WRITER_CARD ? REGION_CARD : REGION_HOST);
}

/* The magic comes last. A host that was there before sees another number than its own; a question that nobody answered
 * is not taken for a new one. */
static void publish(struct broker_bar *bar)
{
	struct sluice_bar *card = bar->card;
	uint32_t regions = 0; /* counted here, since a host may write there too */

	__atomic_store_n(&card->magic, 0, __ATOMIC_SEQ_CST);
	bar->seen = __atomic_load_n(&bar->host->asked, __ATOMIC_ACQUIRE);
	bar->kicks = __atomic_load_n(&bar->host->kick, __ATOMIC_RELAXED);
	memset(card, 0, sizeof(*card));
	card->abi_major = SLUICE_ABI_MAJOR;
	card->abi_minor = SLUICE_ABI_MINOR;
	for (uint16_t id = 0; id < IDS; id++) {
		if (bar->parts[id].id != 0)
			card->table[regions++] = bar->parts[id];
	}
	card->regions = regions;
	card->answered = ~bar->seen;
	__atomic_store_n(&card->magic, SLUICE_BAR_MAGIC, __ATOMIC_RELEASE);
}

static int map_own(struct broker_bar *bar)
{
	int error = region_window(&bar->head, bar->fd, 0, sizeof(*bar->card), REGION_CARD);

	if (error == 0)
		error = bar_window(bar, SLUICE_BAR_HOST_WORDS, sizeof(*bar->host), &bar->words);
	if (error == 0)
		error = bar_window(bar, SLUICE_BAR_INFO, sizeof(struct sluice_info_region), &bar->info);
	bar->card = bar->head.base;
	bar->host = bar->words.base;
	return error;
}

/* Another kind of lock than the one that the host's client has on the same file, where both are on one machine. */
static bool is_ours(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/* Nobody can have it filled up later: a page that finds no room on its file system is SIGBUS too. Some have no pages to
 * reserve. */
static int reserve(int fd, uint64_t size)
{
	return fallocate(fd, 0, 0, (off_t)size) == 0 || errno == EOPNOTSUPP ? 0 : -errno;
}

static int say(char *error, size_t error_size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int say(char *error, size_t error_size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, error_size, format, arguments);
	va_end(arguments);
	return -1;
}

static int set_up(struct broker_bar *bar, const char *path, char *error, size_t error_size)
{
	struct stat found;
	int result;

	bar->fd = open(path, O_RDWR | O_CLOEXEC);
	if (bar->fd < 0 || fstat(bar->fd, &found) != 0)
		return say(error, error_size, "cannot open the BAR '%s': %s", path, strerror(errno));
	if (!is_ours(bar->fd))
		return say(error, error_size, "the BAR '%s' is in use by another firmware", path);
	bar->size = (uint64_t)found.st_size;
	if (!lay_out(bar, bar->size) || (bar->size & (bar->size - 1)) != 0)
		return say(
			error, error_size,
			"the BAR '%s' has %llu bytes, not a power of two from 4 MiB on: make it with truncate -s 16M",
			path, (unsigned long long)bar->size);
	result = reserve(bar->fd, bar->size);
	if (result == 0)
		result = map_own(bar);
	if (result != 0)
		return say(error, error_size, "cannot map the BAR '%s': %s", path, strerror(-result));
	snprintf(bar->name, sizeof(bar->name), "%s", basename(path));
	publish(bar);
	return 0;
}

struct broker_bar *bar_create(const char *path, char *error, size_t error_size)
{
	struct broker_bar *bar = calloc(1, sizeof(*bar));

	if (bar == NULL) {
		snprintf(error, error_size, "out of memory for the BAR");
		return NULL;
	}
	if (set_up(bar, path, error, error_size) == 0)
		return bar;
	bar_destroy(bar);
	return NULL;
}

void bar_destroy(struct broker_bar *bar)
{
	if (bar == NULL)
		return;
	if (bar->card != NULL)
		__atomic_store_n(&bar->card->magic, 0, __ATOMIC_RELEASE);
	region_destroy(&bar->head);
	region_destroy(&bar->words);
	region_destroy(&bar->info);
	if (bar->fd >= 0)
		close(bar->fd);
	free(bar);
}

/* ---- HELLO, goodbye, kicks ------------------------------------------------------------------------- */

static struct client *client_of(const struct broker_bar *bar)
{
	return bar->client != NULL && bar->client->state == CLIENT_WELCOMED && bar->client->id == bar->client_id
		       ? bar->client
		       : NULL;
}

static enum sluice_status admit(struct broker *broker, struct client *client, const struct sluice_hello *hello)
{
	enum sluice_status status = broker_judge_hello(broker, client, hello);
	int error = 0;

	if (status != SLUICE_STATUS_OK)
		return status;
	for (uint16_t i = SLUICE_FD_INFO + 1; i < REGIONS && error == 0; i++)
		error = bar_window(broker->bar, (uint16_t)(SLUICE_BAR_INFO + i), broker_regions[i].size,
				   &client->regions[i]);
	if (error != 0)
		return broker_status_of(error);
	memset(client->regions[SLUICE_FD_COMPLETION].base, 0, client->regions[SLUICE_FD_COMPLETION].size);
	if (hello->port[0] != '\0')
		status = broker_data_open(broker, broker->bar, hello, client->role, &client->data);
	return status == SLUICE_STATUS_OK ? broker_open_mailbox(broker, client, hello) : status;
}

/* Who can write to the device's memory is the host's administrator, as root is who comes to the socket. */
static void greet(struct broker *broker, const struct sluice_hello *hello)
{
	struct broker_bar *bar = broker->bar;
	struct client *client = broker_find_place(broker);
	struct sluice_welcome welcome;
	enum sluice_status status;

	*client = (struct client){.state = CLIENT_GREETING,
				  .id = ++broker->last_id,
				  .role = SLUICE_ROLE_OPERATOR,
				  .socket = -1,
				  .kick = -1,
				  .notify = -1,
				  .deadline_ms = UINT64_MAX};
	status = admit(broker, client, hello);
	broker_make_welcome(client, status, &welcome);
	bar->client = client;
	bar->client_id = client->id;
	if (status == SLUICE_STATUS_OK) {
		client->state = CLIENT_WELCOMED;
		broker->welcomed++;
		broker->sessions++;
	} else {
		broker_hang_up(broker, client);
	}
	memcpy(&bar->card->welcome, &welcome, sizeof(welcome));
}

/* The last client's rings are in the same memory: they must be nobody's before the next one gets them. */
static void look_at_hello(struct broker *broker)
{
	struct broker_bar *bar = broker->bar;
	uint32_t asked = __atomic_load_n(&bar->host->asked, __ATOMIC_ACQUIRE);
	struct sluice_hello hello;

	if (asked == bar->seen)
		return;
	if (client_of(bar) != NULL)
		broker_hang_up(broker, client_of(bar));
	if (!STAILQ_EMPTY(&broker->leaving))
		return;
	memcpy(&hello, (const void *)&bar->host->hello, sizeof(hello));
	__asm__ volatile("" : : "r"(&hello) : "memory");
	bar->seen = asked;
	if (hello.magic == SLUICE_MAGIC)
		greet(broker, &hello);
	__atomic_store_n(&bar->card->answered, asked, __ATOMIC_RELEASE);
}

/* A file that was cut and made as long as before between two looks has lost the card's head. So has one whose host
 * wrote over it: nobody could be told where anything is. */
static bool is_whole(const struct broker_bar *bar, struct stat *found)
{
	return fstat(bar->fd, found) == 0 && (uint64_t)found->st_size >= bar->size &&
	       __atomic_load_n(&bar->card->magic, __ATOMIC_RELAXED) == SLUICE_BAR_MAGIC;
}

/* For good: who cut the file may cut it again. The next firmware lays it out anew. */
static bool is_lost(struct broker *broker)
{
	struct broker_bar *bar = broker->bar;
	struct stat found = {0};

	if (bar->lost || is_whole(bar, &found))
		return bar->lost;
	bar->lost = true;
	if (client_of(bar) != NULL)
		broker_hang_up(broker, client_of(bar));
	if (broker->events != NULL)
		event_log_raise(broker->events, SLUICE_EVENT_BAR_LOST, bar->name, (uint64_t)found.st_size);
	return true;
}

void bar_turn(struct broker *broker)
{
	struct broker_bar *bar = broker->bar;
	uint32_t kicks;

	if (is_lost(broker))
		return;
	kicks = __atomic_load_n(&bar->host->kick, __ATOMIC_ACQUIRE);
	memcpy(bar->info.base, broker->info.base, bar->info.size);
	look_at_hello(broker);
	if (kicks != bar->kicks && client_of(bar) != NULL)
		client_of(bar)->busy = true;
	bar->kicks = kicks;
}
