/* SPDX-License-Identifier: BSD-3-Clause */
/* The card's broker and its mailbox: a thread. A failed step ends the whole test. */
#include "card_mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/crc32c.h"
#include "abi/im_status.h"
#include "abi/record.h"
#include "abi/status.h"

#define FDS_MOST (SLUICE_FD_COUNT + SLUICE_DATA_FD_COUNT + SLUICE_DATA_QUEUES_MAX)

static const uint32_t region_size[SLUICE_FD_COUNT] = {
#define X(name, bytes, writer) bytes,
	SLUICE_FD_TABLE(X)
#undef X
};

static const bool card_writes[SLUICE_FD_COUNT] = {
	[SLUICE_FD_INFO] = true, [SLUICE_FD_COMPLETION] = true, [SLUICE_FD_STAGE_OUT] = true};

/* What belongs to one client. */
struct session {
	int socket;
	int kick;
	int notify;
	uint32_t taken; /* commands, and completions */
	size_t data_size[SLUICE_DATA_FD_COUNT];
};

static int must(int result)
{
	if (result < 0) {
		perror("card");
		abort();
	}
	return result;
}

/* A client that was killed is gone at any moment; the next look at its socket finds that. */
static void must_or_gone(ssize_t sent)
{
	if (sent < 0 && errno != EPIPE && errno != ECONNRESET)
		must(-1);
}

static void *make_region(size_t size, bool by_card, int *fd)
{
	void *base;

	*fd = must(memfd_create("card", MFD_ALLOW_SEALING | MFD_CLOEXEC));
	must(ftruncate(*fd, (off_t)size));
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (base == MAP_FAILED)
		abort();
	must(fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | (by_card ? F_SEAL_FUTURE_WRITE : 0)));
	return base;
}

static int make_signal(int *client_end)
{
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
	*client_end = pair[1];
	return pair[0];
}

static void reset_lanes(struct card *card)
{
	memset(card->lanes, 0, sizeof(card->lanes));
	for (unsigned i = 0; i < card->queues; i++) {
		for (uint32_t id = 0; id < card->entries; id++)
			card->lanes[i].free[id] = card->entries - 1u - id;
		card->lanes[i].free_count = card->entries;
		card_line(card, i)->status = SLUICE_QUEUE_UP;
	}
}

static void make_regions(struct card *card, struct session *session, int *fds)
{
	pthread_mutex_lock(&card->lock);
	for (int i = 0; i < SLUICE_FD_KICK; i++)
		card->region[i] = make_region(region_size[i], card_writes[i], &fds[i]);
	card->info = card->region[SLUICE_FD_INFO];
	session->kick = must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	fds[SLUICE_FD_KICK] = must(dup(session->kick));
	session->notify = make_signal(&fds[SLUICE_FD_NOTIFY]);
	session->data_size[0] = sluice_card_data_size(card->queues, card->entries);
	session->data_size[1] = sluice_host_data_size(card->queues, card->entries);
	fds += SLUICE_FD_COUNT;
	card->card_data = make_region(session->data_size[0], true, &fds[SLUICE_DATA_FD_CARD_DATA]);
	card->host_data = make_region(session->data_size[1], false, &fds[SLUICE_DATA_FD_HOST_DATA]);
	for (unsigned i = 0; i < card->queues; i++)
		card->signal[i] = make_signal(&fds[SLUICE_DATA_FD_COUNT + i]);
	reset_lanes(card);
	pthread_mutex_unlock(&card->lock);
}

static void send_welcome(struct card *card, const struct session *session, const int *fds, unsigned count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MOST * sizeof(int))] = {0};
	struct sluice_welcome welcome = {
		.magic = SLUICE_MAGIC,
		.abi_major = SLUICE_ABI_MAJOR,
		.role = SLUICE_ROLE_OPERATOR,
		.features = card->hello.features & card->features,
		.status = card->refuse,
		.ring_entries = SLUICE_RING_ENTRIES,
		.stage_size = SLUICE_STAGE_SIZE,
		.data_size = {session->data_size[0], session->data_size[1]},
		.queues = card->queues,
		.entries = card->entries,
		.mtu = card->mtu,
		.mac = {2, 0, 0, 0, 0, 7},
	};
	struct iovec part = {&welcome, sizeof(welcome)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *header = (struct cmsghdr *)control;

	memcpy(welcome.region_size, region_size, sizeof(region_size));
	if (card->refuse == SLUICE_STATUS_OK) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		*header = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof(int))};
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	must_or_gone(sendmsg(session->socket, &message, MSG_NOSIGNAL));
}

/* ---- Commands ------------------------------------------------------------------------------------ */

static uint32_t phase_of(uint32_t index)
{
	return (index / SLUICE_RING_ENTRIES & 1) ^ 1;
}

static uint32_t list_stack(struct card *card, uint8_t *out)
{
	struct sluice_list list = {
		.count = card->has_stack, .record_size = sizeof(struct sluice_stack_record), .total = card->has_stack};
	struct sluice_stack_record record = {.stack = "main", .upper_port = "host0", .instance = "top", .position = 0};

	memcpy(out, &list, sizeof(list));
	memcpy(out + sizeof(list), &record, sizeof(record));
	return (uint32_t)(sizeof(list) + (card->has_stack ? sizeof(record) : 0));
}

static void refuse(struct sluice_completion *completion, im_status_t status)
{
	completion->status = SLUICE_STATUS_REQUEST_FAILED;
	completion->result = status;
}

static void do_oid(struct card *card, const struct sluice_command *command, struct sluice_completion *completion,
		   uint8_t *out)
{
	const uint8_t *in = card->region[SLUICE_FD_STAGE_IN];
	struct sluice_oid_command oid;
	const struct card_setting *setting;

	memcpy(&oid, in + command->in_offset, sizeof(oid));
	memcpy(card->asked, oid.instance, sizeof(card->asked));
	if (command->opcode == SLUICE_OP_OID_SET) {
		if (card->role_fail != 0)
			completion->status = card->role_fail;
		else if (oid.oid == SLUICE_OID_GEN_CURRENT_PACKET_FILTER &&
			 command->in_length - sizeof(oid) != sizeof(uint32_t))
			refuse(completion, IM_STATUS_INVALID_LENGTH);
		else
			card_store(card, oid.oid, in + command->in_offset + sizeof(oid),
				   command->in_length - (uint32_t)sizeof(oid), 1);
		return;
	}
	setting = card_lookup(card, oid.oid);
	if (setting == NULL) {
		refuse(completion, IM_STATUS_NOT_SUPPORTED);
		return;
	}
	memcpy(out, setting->value, setting->length);
	completion->out_length = setting->length;
}

static void answer(struct card *card, struct session *session, const struct sluice_command *command)
{
	struct sluice_completion *ring = card->region[SLUICE_FD_COMPLETION];
	struct sluice_completion completion = {.command_id = command->command_id, .error_offset = SLUICE_NO_OFFSET};
	uint8_t *out = (uint8_t *)card->region[SLUICE_FD_STAGE_OUT] + command->out_offset;
	struct sluice_completion *entry = &ring[session->taken % SLUICE_RING_ENTRIES];
	uint64_t word;

	if (command->opcode == SLUICE_OP_STACK_LIST)
		completion.out_length = list_stack(card, out);
	else if (command->opcode == SLUICE_OP_OID_GET || command->opcode == SLUICE_OP_OID_SET)
		do_oid(card, command, &completion, out);
	else
		completion.status = SLUICE_STATUS_NOT_SUPPORTED;
	word = sluice_crc32c(sluice_crc32c(0, &completion, 24), out, completion.out_length);
	memcpy(entry, &completion, 24);
	__atomic_store_n((uint64_t *)&entry->crc, word | (uint64_t)phase_of(session->taken) << 32, __ATOMIC_RELEASE);
}

static void run_commands(struct card *card, struct session *session)
{
	const struct sluice_command *ring = card->region[SLUICE_FD_SUBMISSION];
	uint64_t kicks;
	const uint64_t one = 1;

	must((int)read(session->kick, &kicks, sizeof(kicks)));
	pthread_mutex_lock(&card->lock);
	while (!card->mute) {
		const struct sluice_command *entry = &ring[session->taken % SLUICE_RING_ENTRIES];
		uint64_t word = __atomic_load_n((const uint64_t *)&entry->crc, __ATOMIC_ACQUIRE);
		struct sluice_command command = *entry;

		if ((word >> 32 & 1) != phase_of(session->taken))
			break;
		answer(card, session, &command);
		session->taken++;
		must_or_gone(send(session->notify, &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL));
	}
	pthread_mutex_unlock(&card->lock);
}

/* ---- Clients ------------------------------------------------------------------------------------- */

static void set_connected(struct card *card, bool is_connected)
{
	pthread_mutex_lock(&card->lock);
	card->is_connected = is_connected;
	card->clients += is_connected;
	pthread_mutex_unlock(&card->lock);
}

/* True: the card is to stop. */
static bool converse(struct card *card, struct session *session)
{
	struct pollfd sources[] = {{.fd = card->quit[0], .events = POLLIN},
				   {.fd = session->socket, .events = POLLIN},
				   {.fd = session->kick, .events = POLLIN}};

	for (;;) {
		must(poll(sources, 3, -1));
		if (sources[0].revents != 0)
			return true;
		if (sources[2].revents != 0)
			run_commands(card, session);
		if (sources[1].revents != 0)
			return false;
	}
}

static void take_down(struct card *card, struct session *session)
{
	pthread_mutex_lock(&card->lock);
	close(session->kick);
	close(session->notify);
	for (int i = 0; i < SLUICE_FD_KICK; i++)
		munmap(card->region[i], region_size[i]);
	munmap(card->card_data, session->data_size[0]);
	munmap(card->host_data, session->data_size[1]);
	for (unsigned i = 0; i < card->queues; i++)
		close(card->signal[i]);
	card->card_data = card->host_data = NULL;
	pthread_mutex_unlock(&card->lock);
}

static bool serve_one(struct card *card, int socket)
{
	struct session session = {.socket = socket};
	int fds[FDS_MOST];
	unsigned count = SLUICE_FD_COUNT + SLUICE_DATA_FD_COUNT + card->queues;
	bool stop = false;

	if (recv(socket, &card->hello, sizeof(card->hello), 0) == sizeof(card->hello)) {
		make_regions(card, &session, fds);
		set_connected(card, card->refuse == SLUICE_STATUS_OK);
		send_welcome(card, &session, fds, count);
		for (unsigned i = 0; i < count; i++)
			close(fds[i]);
		stop = card->refuse == SLUICE_STATUS_OK && converse(card, &session);
		set_connected(card, false);
		take_down(card, &session);
	}
	close(socket);
	return stop;
}

void *card_serve(void *context)
{
	struct card *card = context;
	struct pollfd sources[] = {{.fd = card->quit[0], .events = POLLIN}, {.fd = card->listener, .events = POLLIN}};
	bool stop = false;

	while (!stop) {
		must(poll(sources, 2, -1));
		stop = sources[0].revents != 0;
		if (!stop && sources[1].revents != 0)
			stop = serve_one(card, must(accept4(card->listener, NULL, NULL, SOCK_CLOEXEC)));
	}
	return NULL;
}
