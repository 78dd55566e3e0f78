/* SPDX-License-Identifier: BSD-3-Clause */
/* Regions in the BARs of a card (abi/bar.h): found by its table, used after HELLO and WELCOME through its memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "client_private.h"
#include "pci.h"

#define IDS 16u /* more than there are known ones */

struct client_bar {
	struct pci pci;
	const struct sluice_bar *card;	     /* the first page; NULL: not mapped */
	struct sluice_bar_host *host;	     /* NULL: not mapped */
	uint32_t asked;			     /* 0: not yet */
	struct sluice_bar_region parts[IDS]; /* our copy of the table, by id; id 0: the card has none */
};

/* By enum sluice_bar_region_id. */
static const struct {
	const char *name;
	uint8_t writer;
} known[IDS] = {
#define X(name, id, writer) [id] = {#name, SLUICE_BAR_WRITER_##writer},
	SLUICE_BAR_REGION_TABLE(X)
#undef X
};

/* Of the regions that the mailbox has by enum sluice_fd; their ids are in the same order. */
static const uint64_t mailbox_sizes[] = {
#define X(name, bytes, writer) bytes,
	SLUICE_FD_TABLE(X)
#undef X
};
#define ID_OF(fd) ((fd) + SLUICE_BAR_INFO)
static_assert(ID_OF(SLUICE_FD_STAGE_OUT) == SLUICE_BAR_STAGE_OUT, "the same order");
static_assert(SLUICE_BAR_STAGE_OUT + 1 == SLUICE_BAR_HOST_WORDS, "the rest is not of the mailbox");

static int malformed(struct sluice_client *client, const char *what)
{
	return client_fail(client, -EPROTO, SLUICE_FAULT_PROTOCOL, "%s/resource%u: the card's table is malformed: %s",
			   client->bar->pci.directory, client->bar->pci.first_bar, what);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- The table ------------------------------------------------------------------------------------- */

static int take_part(struct sluice_client *client, const struct sluice_bar_region *part)
{
	struct sluice_bar_region *place;

	if (part->id == 0 || part->id >= IDS || known[part->id].name == NULL)
		return 0; /* of a later version */
	place = &client->bar->parts[part->id];
	if (place->id != 0)
		return malformed(client, "a region is there twice");
	if (part->bar >= SLUICE_BAR_COUNT || part->writer != known[part->id].writer || part->reserved != 0 ||
	    part->reserved1 != 0)
		return malformed(client, "a region has a wrong BAR, writer or reserved field");
	if (part->offset % SLUICE_BAR_ALIGN != 0 || part->length % SLUICE_BAR_ALIGN != 0 || part->length == 0)
		return malformed(client, "a region does not begin and end at a page");
	*place = *part;
	return 0;
}

static int check_head(struct sluice_client *client, const struct sluice_bar *head)
{
	const struct pci *pci = &client->bar->pci;

	if (head->magic != SLUICE_BAR_MAGIC)
		return client_fail(client, -EPROTO, SLUICE_FAULT_NOT_RUNNING,
				   "no Sluice firmware serves %s/resource%u: it does not begin with a card's magic",
				   pci->directory, pci->first_bar);
	if (head->abi_major != SLUICE_ABI_MAJOR)
		return client_fail(client, -EPROTONOSUPPORT, SLUICE_FAULT_VERSION,
				   "the card at %s speaks version %u.%u of the mailbox, this program %u.%u: use the "
				   "program of the firmware's release",
				   pci->directory, head->abi_major, head->abi_minor, SLUICE_ABI_MAJOR,
				   SLUICE_ABI_MINOR);
	if (head->regions > SLUICE_BAR_REGIONS_MAX)
		return malformed(client, "it has more regions than there is room for");
	return 0;
}

/* Copied once: it is the card's to change. */
static int read_table(struct sluice_client *client)
{
	struct sluice_bar head;
	int error;

	memcpy(&head, client->bar->card, sizeof(head));
	__asm__ volatile("" : : "r"(&head) : "memory");
	error = check_head(client, &head);
	for (uint32_t i = 0; i < head.regions && error == 0; i++)
		error = take_part(client, &head.table[i]);
	return error;
}

static void *map_part(struct sluice_client *client, uint16_t id, uint64_t least)
{
	struct sluice_bar_region part = client->bar->parts[id];

	if (part.id == 0 || part.length < least) {
		client_fail(client, -EPROTO, SLUICE_FAULT_PROTOCOL, "%s/resource%u: region %s %s",
			    client->bar->pci.directory, client->bar->pci.first_bar, known[id].name,
			    part.id == 0 ? "is missing in the card's table" : "is too small");
		return NULL;
	}
	part.length = least; /* what is unmapped is that */
	return pci_map(&client->bar->pci, client, &part, known[id].name);
}

static int map_first_page(struct sluice_client *client)
{
	const struct sluice_bar_region page = {.bar = client->bar->pci.first_bar,
					       .writer = SLUICE_BAR_WRITER_CARD,
					       .length = sizeof(struct sluice_bar)};

	client->bar->card = pci_map(&client->bar->pci, client, &page, "BAR");
	return client->bar->card != NULL ? 0 : -EPROTO;
}

static int map_mailbox(struct sluice_client *client)
{
	for (unsigned i = 0; i < CLIENT_REGIONS; i++) {
		client->regions[i] = map_part(client, (uint16_t)ID_OF(i), mailbox_sizes[i]);
		if (client->regions[i] == NULL)
			return -EPROTO;
	}
	client->bar->host = map_part(client, SLUICE_BAR_HOST_WORDS, sizeof(struct sluice_bar_host));
	return client->bar->host != NULL ? 0 : -EPROTO;
}

/* ---- HELLO and WELCOME ----------------------------------------------------------------------------- */

/* The number is neither one that was asked before nor the one that was answered last. */
static void ask(struct client_bar *bar, const struct sluice_hello *hello)
{
	uint32_t answered = __atomic_load_n(&bar->card->answered, __ATOMIC_ACQUIRE);

	bar->asked = bar->host->asked + 1;
	while (bar->asked == 0 || bar->asked == answered)
		bar->asked++;
	memcpy(&bar->host->hello, hello, sizeof(*hello));
	__atomic_store_n(&bar->host->asked, bar->asked, __ATOMIC_RELEASE);
}

static int wait_for_answer(struct sluice_client *client, struct sluice_welcome *welcome)
{
	const struct timespec pause = {.tv_nsec = SLUICE_DEVICE_LOOK_MS * 1000000};
	const struct client_bar *bar = client->bar;
	uint64_t deadline_ms = now_ms() + client->timeout_ms;

	while (__atomic_load_n(&bar->card->answered, __ATOMIC_ACQUIRE) != bar->asked) {
		if (now_ms() >= deadline_ms)
			return client_fail(client, -ETIMEDOUT, SLUICE_FAULT_TIMEOUT, "the card at %s does not answer",
					   bar->pci.directory);
		nanosleep(&pause, NULL);
	}
	memcpy(welcome, &bar->card->welcome, sizeof(*welcome));
	__asm__ volatile("" : : "r"(welcome) : "memory");
	return welcome->magic == SLUICE_MAGIC ? 0 : client_malformed_welcome(client, "no Sluice firmware is there");
}

static int greet(struct sluice_client *client, const struct sluice_port_wish *wish, struct sluice_welcome *welcome)
{
	struct sluice_hello hello = {
		.magic = SLUICE_MAGIC,
		.abi_major = SLUICE_ABI_MAJOR,
		.abi_minor = SLUICE_ABI_MINOR,
		.features = client->features,
	};
	int error;

	if (wish != NULL) {
		memcpy(hello.port, wish->port, strlen(wish->port));
		hello.queues = wish->queues;
		hello.entries = wish->entries;
	}
	memset(client->regions[SLUICE_FD_DOORBELL], 0, mailbox_sizes[SLUICE_FD_DOORBELL]);
	memset(client->regions[SLUICE_FD_SUBMISSION], 0, mailbox_sizes[SLUICE_FD_SUBMISSION]);
	ask(client->bar, &hello);
	error = wait_for_answer(client, welcome);
	if (error == 0)
		error = client_check_welcome(client, welcome, wish);
	if (error == 0) {
		client->role = welcome->role;
		client->features = welcome->features;
	}
	return error;
}

/* ---- Waiting without interrupts -------------------------------------------------------------------- */

/* Ready at each interval: whoever sleeps on it looks again. It is read 8 bytes at a time, as a signal is. */
static int make_clock(struct sluice_client *client)
{
	const struct timespec interval = {.tv_nsec = SLUICE_DEVICE_LOOK_MS * 1000000};
	const struct itimerspec every = {.it_interval = interval, .it_value = interval};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0 && timerfd_settime(fd, 0, &every, NULL) == 0)
		return fd;
	client_fail(client, -errno, SLUICE_FAULT_SYSTEM, "cannot make a timer: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* ---- The data rings -------------------------------------------------------------------------------- */

static int map_data(struct sluice_client *client, const struct sluice_welcome *welcome)
{
	int error = client_new_data(client, welcome);
	struct sluice_data *data = client->data;

	if (error != 0)
		return error;
	data->card = map_part(client, SLUICE_BAR_CARD_DATA, data->card_size);
	if (data->card != NULL)
		data->host = map_part(client, SLUICE_BAR_HOST_DATA, data->host_size);
	if (data->host == NULL)
		return -EPROTO;
	for (unsigned i = 0; i < data->queues; i++) {
		data->signal[i] = make_clock(client);
		if (data->signal[i] < 0)
			return -EIO;
	}
	return 0;
}

static_assert(sizeof(struct sluice_host_line) * SLUICE_DATA_QUEUES_MAX % SLUICE_BAR_ALIGN == 0, "whole pages");

/* Before it is asked for, since the card looks there as soon as it has the port. */
static int clear_lines(struct sluice_client *client)
{
	uint64_t length = sluice_host_line_at(SLUICE_DATA_QUEUES_MAX);
	void *lines = map_part(client, SLUICE_BAR_HOST_DATA, length);

	if (lines == NULL)
		return -EPROTO;
	memset(lines, 0, length);
	client_unmap(lines, length);
	return 0;
}

/* ---- The source ------------------------------------------------------------------------------------ */

static int attach(struct sluice_client *client, const char *place, const struct sluice_port_wish *wish)
{
	struct sluice_welcome welcome;
	int error;

	client->bar = calloc(1, sizeof(*client->bar));
	if (client->bar == NULL)
		return client_fail(client, -ENOMEM, SLUICE_FAULT_SYSTEM, "out of memory");
	error = pci_open(&client->bar->pci, client, place);
	if (error == 0)
		error = pci_lock(&client->bar->pci, client);
	if (error == 0)
		error = map_first_page(client);
	if (error == 0)
		error = read_table(client);
	if (error == 0)
		error = map_mailbox(client);
	if (error == 0 && wish != NULL)
		error = clear_lines(client);
	if (error == 0)
		error = greet(client, wish, &welcome);
	if (error == 0 && wish != NULL)
		error = map_data(client, &welcome);
	if (error == 0) {
		client->notify = make_clock(client);
		error = client->notify >= 0 ? 0 : -EIO;
	}
	return error;
}

static int kick(struct sluice_client *client)
{
	struct sluice_bar_host *host = client->bar->host;

	__atomic_store_n(&host->kick, host->kick + 1, __ATOMIC_RELEASE); /* on from where the last client was */
	return 0;
}

static bool is_connected(const struct sluice_client *client)
{
	const struct client_bar *bar = client->bar;

	return __atomic_load_n(&bar->card->magic, __ATOMIC_ACQUIRE) == SLUICE_BAR_MAGIC &&
	       __atomic_load_n(&bar->card->answered, __ATOMIC_ACQUIRE) == bar->asked && pci_is_whole(&bar->pci);
}

static void detach(struct sluice_client *client)
{
	static const struct sluice_hello gone; /* all zero */
	struct client_bar *bar = client->bar;

	if (bar == NULL)
		return;
	if (bar->asked != 0)
		ask(bar, &gone);
	client_unmap(bar->card, sizeof(*bar->card));
	client_unmap(bar->host, sizeof(*bar->host));
	pci_close(&bar->pci);
	free(bar);
	client->bar = NULL;
}

const struct client_source client_source_bar = {
	.attach = attach,
	.kick = kick,
	.is_connected = is_connected,
	.detach = detach,
};
