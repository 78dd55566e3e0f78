/* SPDX-License-Identifier: BSD-3-Clause */
#include "broker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "region.h"
#include "rundir.h"

/* Connections that have not said HELLO yet; when all these places are taken the oldest makes room. */
#define MAX_GREETING 16u
#define PLACES	     (BROKER_MAX_CLIENTS + MAX_GREETING)
#define GREETING_MS  5000u
/* Of one client before the next client's turn. A command costs up to some 0.5 ms (1 MiB in, 1 MiB out). */
#define COMMANDS_PER_TURN 8u
#define ACCEPTS_PER_TURN  16
#define EVENTS_PER_TURN	  64
#define REGIONS		  SLUICE_FD_KICK /* descriptors before KICK are regions */

enum client_state { CLIENT_FREE = 0, CLIENT_GREETING, CLIENT_WELCOMED };

/* What an event is about; together with place and client id in epoll's data. */
enum source { SOURCE_LISTENER, SOURCE_SOCKET, SOURCE_KICK };

struct client {
	enum client_state state;
	uint32_t id;
	enum sluice_role role;
	int socket;
	/*
	 * The client holds the same open eventfd and can clear O_NONBLOCK on it. So it is never read: epoll
	 * reports each kick by edge.
	 */
	int kick;
	/*
	 * For the same reason not an eventfd, which the client could fill up to make our write block: one end
	 * of a socket pair, where MSG_DONTWAIT is ours alone. The client reads 8 bytes, as from an eventfd.
	 */
	int notify;
	uint64_t deadline_ms;		/* for HELLO */
	bool busy;			/* commands may be waiting */
	struct region regions[REGIONS]; /* INFO absent: it is the broker's */
	struct mailbox mailbox;
};

struct broker {
	struct rundir rundir;
	int epoll_fd;
	int spare_fd; /* given up to be able to accept and refuse when descriptors run out */
	const struct mailbox_ops *ops;
	void *context;
	struct region info;
	struct mailbox_scratch scratch;
	struct mailbox_counters counters;
	uint32_t last_id;
	unsigned welcomed;
	struct client clients[PLACES];
};

static const struct {
	const char *name;
	size_t size;
	enum region_writer writer;
} region_table[] = {
#define X(name, bytes, writer) [SLUICE_FD_##name] = {"sluice:" #name, bytes, REGION_##writer},
	SLUICE_FD_TABLE(X)
#undef X
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The id tells an event of a place's former client from one of its present client. */
static uint64_t event_tag(const struct broker *broker, const struct client *client, enum source source)
{
	return (uint64_t)client->id << 32 | (uint64_t)(client - broker->clients) << 8 | source;
}

static struct client *tagged_client(struct broker *broker, uint64_t tag)
{
	struct client *client = &broker->clients[(uint32_t)tag >> 8];

	return client->state != CLIENT_FREE && client->id == tag >> 32 ? client : NULL;
}

static int watch(struct broker *broker, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event event = {.events = events, .data.u64 = tag};

	return epoll_ctl(broker->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

/*
 * Closing takes a descriptor out of epoll only with its last copy, and the client may hold copies of KICK
 * and have sent them to others: so it is taken out by name.
 */
static void close_kick(struct broker *broker, struct client *client)
{
	if (client->kick < 0)
		return;
	epoll_ctl(broker->epoll_fd, EPOLL_CTL_DEL, client->kick, NULL);
	close(client->kick);
}

static void hang_up(struct broker *broker, struct client *client)
{
	if (client->state == CLIENT_WELCOMED) {
		broker->welcomed--;
		if (broker->ops->session_close != NULL)
			broker->ops->session_close(broker->context, client->mailbox.session);
	}
	close_kick(broker, client);
	close_if_open(client->notify);
	close(client->socket);
	for (int i = 0; i < REGIONS; i++)
		region_destroy(&client->regions[i]);
	*client = (struct client){.state = CLIENT_FREE};
}

static int create_regions(struct client *client)
{
	int error = 0;

	for (int i = SLUICE_FD_INFO + 1; i < REGIONS && error == 0; i++)
		error = region_create(&client->regions[i], region_table[i].name, region_table[i].size,
				      region_table[i].writer);
	return error;
}

/* KICK for us to watch, NOTIFY for us to send; *client_notify is the other end, for the client. */
static int create_signals(struct broker *broker, struct client *client, int *client_notify)
{
	int pair[2];

	client->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (client->kick < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		return -errno;
	client->notify = pair[0];
	*client_notify = pair[1];
	shutdown(client->notify, SHUT_RD); /* nothing comes this way */
	return watch(broker, client->kick, EPOLLIN | EPOLLET, event_tag(broker, client, SOURCE_KICK));
}

static void set_up_mailbox(struct broker *broker, struct client *client)
{
	client->mailbox = (struct mailbox){
		.regions =
			{
				.doorbell = client->regions[SLUICE_FD_DOORBELL].base,
				.submission = client->regions[SLUICE_FD_SUBMISSION].base,
				.completion = client->regions[SLUICE_FD_COMPLETION].base,
				.stage_in = client->regions[SLUICE_FD_STAGE_IN].base,
				.stage_out = client->regions[SLUICE_FD_STAGE_OUT].base,
			},
		.scratch = broker->scratch,
		.ops = broker->ops,
		.context = broker->context,
		.counters = &broker->counters,
		.role = client->role,
	};
}

static enum sluice_status status_of_errno(int error)
{
	switch (-error) {
	case 0:
		return SLUICE_STATUS_OK;
	case ENOMEM:
	case EMFILE:
	case ENFILE:
		return SLUICE_STATUS_NO_MEMORY;
	case EBUSY:
		return SLUICE_STATUS_BUSY;
	case ESHUTDOWN:
		return SLUICE_STATUS_SHUTTING_DOWN;
	default:
		return SLUICE_STATUS_INTERNAL;
	}
}

static enum sluice_status furnish(struct broker *broker, struct client *client, int *client_notify)
{
	int error = create_regions(client);

	if (error == 0)
		error = create_signals(broker, client, client_notify);
	if (error != 0)
		return status_of_errno(error);
	set_up_mailbox(broker, client);
	if (broker->ops->session_open != NULL)
		error = broker->ops->session_open(broker->context, client->id, &client->mailbox.session);
	return status_of_errno(error);
}

static int send_welcome(struct broker *broker, struct client *client, int client_notify)
{
	struct sluice_welcome welcome = {
		.magic = SLUICE_MAGIC,
		.abi_major = SLUICE_ABI_MAJOR,
		.abi_minor = SLUICE_ABI_MINOR,
		.status = SLUICE_STATUS_OK,
		.role = (uint8_t)client->role,
		.client_id = client->id,
		.ring_entries = SLUICE_RING_ENTRIES,
		.stage_size = SLUICE_STAGE_SIZE,
	};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(SLUICE_FD_COUNT * sizeof(int))] = {0};
	struct iovec part = {&welcome, sizeof(welcome)};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int fds[SLUICE_FD_COUNT] = {[SLUICE_FD_INFO] = broker->info.fd,
				    [SLUICE_FD_KICK] = client->kick,
				    [SLUICE_FD_NOTIFY] = client_notify};

	for (int i = 0; i < SLUICE_FD_COUNT; i++)
		welcome.region_size[i] = (uint32_t)region_table[i].size;
	for (int i = SLUICE_FD_INFO + 1; i < REGIONS; i++)
		fds[i] = client->regions[i].fd;
	*header =
		(struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fds))};
	memcpy(CMSG_DATA(header), fds, sizeof(fds));
	return sendmsg(client->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(welcome) ? 0 : -errno;
}

static void refuse(struct broker *broker, struct client *client, enum sluice_status status)
{
	struct sluice_welcome welcome = {
		.magic = SLUICE_MAGIC,
		.abi_major = SLUICE_ABI_MAJOR,
		.abi_minor = SLUICE_ABI_MINOR,
		.status = (uint16_t)status,
	};

	send(client->socket, &welcome, sizeof(welcome), MSG_DONTWAIT | MSG_NOSIGNAL);
	hang_up(broker, client);
}

/* Nothing is kept that the client alone needs: of the regions the mappings, of NOTIFY the sending end. */
static void welcome(struct broker *broker, struct client *client)
{
	int client_notify = -1;
	enum sluice_status status = furnish(broker, client, &client_notify);
	int error;

	if (status != SLUICE_STATUS_OK) {
		close_if_open(client_notify);
		refuse(broker, client, status);
		return;
	}
	client->state = CLIENT_WELCOMED;
	broker->welcomed++;
	error = send_welcome(broker, client, client_notify);
	close(client_notify);
	for (int i = 0; i < REGIONS; i++)
		region_close_fd(&client->regions[i]);
	if (error != 0)
		hang_up(broker, client);
}

static bool is_zero(const uint8_t *byte, size_t length)
{
	uint8_t any = 0;

	for (size_t i = 0; i < length; i++)
		any |= byte[i];
	return any == 0;
}

static enum sluice_status judge_hello(const struct broker *broker, const struct sluice_hello *hello)
{
	if (hello->abi_major != SLUICE_ABI_MAJOR)
		return SLUICE_STATUS_BAD_VERSION;
	if (!is_zero(hello->reserved, sizeof(hello->reserved)))
		return SLUICE_STATUS_BAD_RESERVED;
	if (broker->welcomed == BROKER_MAX_CLIENTS)
		return SLUICE_STATUS_TOO_MANY_CLIENTS;
	return SLUICE_STATUS_OK;
}

/*
 * One whole HELLO without descriptors, or false. There is no room for control data, so that the kernel drops
 * any descriptors instead of installing them here, and tells by MSG_CTRUNC.
 */
static bool receive_hello(int socket, struct sluice_hello *hello)
{
	struct iovec part = {hello, sizeof(*hello)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t length = recvmsg(socket, &message, MSG_DONTWAIT);

	return length == sizeof(*hello) && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 &&
	       hello->magic == SLUICE_MAGIC;
}

static void greet(struct broker *broker, struct client *client)
{
	struct sluice_hello hello;
	enum sluice_status status;

	if (!receive_hello(client->socket, &hello)) { /* nobody who would understand an answer */
		hang_up(broker, client);
		return;
	}
	status = judge_hello(broker, &hello);
	if (status == SLUICE_STATUS_OK)
		welcome(broker, client);
	else
		refuse(broker, client, status);
}

/* A free place; else that of the connection that has been silent for longest (welcomed ones are fewer than places). */
static struct client *find_place(struct broker *broker)
{
	struct client *oldest = NULL;

	for (unsigned i = 0; i < PLACES; i++) {
		struct client *client = &broker->clients[i];

		if (client->state == CLIENT_FREE)
			return client;
		if (client->state == CLIENT_GREETING && (oldest == NULL || client->deadline_ms < oldest->deadline_ms))
			oldest = client;
	}
	hang_up(broker, oldest);
	return oldest;
}

static enum sluice_role peer_role(int socket)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
		return SLUICE_ROLE_TENANT;
	return peer.uid == 0 || peer.uid == geteuid() ? SLUICE_ROLE_OPERATOR : SLUICE_ROLE_TENANT;
}

static void admit(struct broker *broker, int socket)
{
	struct client *client = find_place(broker);

	*client = (struct client){
		.state = CLIENT_GREETING,
		.id = ++broker->last_id,
		.role = peer_role(socket),
		.socket = socket,
		.kick = -1,
		.notify = -1,
		.deadline_ms = now_ms() + GREETING_MS,
	};
	if (watch(broker, socket, EPOLLIN | EPOLLRDHUP, event_tag(broker, client, SOURCE_SOCKET)) != 0)
		hang_up(broker, client);
}

/* Without a free descriptor a connection would stay in the backlog and wake us for ever: accept it and hang up. */
static void refuse_for_want_of_descriptors(struct broker *broker)
{
	close_if_open(broker->spare_fd);
	close_if_open(accept4(broker->rundir.listen_fd, NULL, NULL, SOCK_CLOEXEC));
	broker->spare_fd = eventfd(0, EFD_CLOEXEC);
}

static void accept_some(struct broker *broker)
{
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int socket = accept4(broker->rundir.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (socket >= 0) {
			admit(broker, socket);
		} else if (errno == EMFILE || errno == ENFILE) {
			refuse_for_want_of_descriptors(broker);
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

static void handle(struct broker *broker, const struct epoll_event *event)
{
	enum source source = (enum source)(event->data.u64 & 0xff);
	struct client *client;

	if (source == SOURCE_LISTENER) {
		accept_some(broker);
		return;
	}
	client = tagged_client(broker, event->data.u64);
	if (client == NULL)
		return;
	if (source == SOURCE_KICK)
		client->busy = true;
	else if (client->state == CLIENT_GREETING)
		greet(broker, client);
	else /* a hang-up, or a message where none is due */
		hang_up(broker, client);
}

static void serve(struct client *client)
{
	const uint64_t one = 1;
	unsigned served = mailbox_serve(&client->mailbox, COMMANDS_PER_TURN);

	client->busy = served == COMMANDS_PER_TURN;
	/* Where it does not fit, unread signals are there already; where nobody listens, the hang-up is on its way. */
	if (served > 0)
		send(client->notify, &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int serve_busy(struct broker *broker)
{
	int served = 0;

	for (unsigned i = 0; i < PLACES; i++) {
		if (!broker->clients[i].busy)
			continue;
		serve(&broker->clients[i]);
		served++;
	}
	return served;
}

static void drop_silent(struct broker *broker)
{
	uint64_t now = now_ms();

	for (unsigned i = 0; i < PLACES; i++) {
		struct client *client = &broker->clients[i];

		if (client->state == CLIENT_GREETING && client->deadline_ms <= now)
			hang_up(broker, client);
	}
}

/* @p timeout_ms, cut short by work that waits and by the deadline of a silent connection. */
static int wait_time(const struct broker *broker, int timeout_ms)
{
	uint64_t now = now_ms();

	for (unsigned i = 0; i < PLACES; i++) {
		const struct client *client = &broker->clients[i];
		uint64_t left = client->deadline_ms > now ? client->deadline_ms - now : 0;

		if (client->busy)
			return 0;
		if (client->state == CLIENT_GREETING && (timeout_ms < 0 || left < (uint64_t)timeout_ms))
			timeout_ms = (int)left;
	}
	return timeout_ms;
}

int broker_poll(struct broker *broker, int timeout_ms)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int count = epoll_wait(broker->epoll_fd, events, EVENTS_PER_TURN, wait_time(broker, timeout_ms));

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++)
		handle(broker, &events[i]);
	drop_silent(broker);
	return count + serve_busy(broker);
}

static int set_up_info(struct broker *broker)
{
	struct sluice_info_region *info;
	int error = region_create(&broker->info, region_table[SLUICE_FD_INFO].name, region_table[SLUICE_FD_INFO].size,
				  REGION_CARD);

	if (error != 0)
		return error;
	info = broker->info.base;
	if (getrandom(&info->boot_id, sizeof(info->boot_id), GRND_NONBLOCK) != sizeof(info->boot_id))
		info->boot_id = now_ms(); /* it tells starts apart and is no secret */
	info->abi_major = SLUICE_ABI_MAJOR;
	info->abi_minor = SLUICE_ABI_MINOR;
	info->device_status = SLUICE_DEVICE_BOOTING;
	memcpy(info->version, SLUICE_VERSION, sizeof(SLUICE_VERSION));
	static_assert(sizeof(SLUICE_VERSION) <= SLUICE_NAME_SIZE, "the version fits its member");
	info->magic = SLUICE_MAGIC;
	return 0;
}

static int set_up(struct broker *broker)
{
	int error = set_up_info(broker);

	if (error == 0)
		error = mailbox_scratch_create(&broker->scratch);
	if (error != 0)
		return error;
	broker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	broker->spare_fd = eventfd(0, EFD_CLOEXEC);
	if (broker->epoll_fd < 0 || broker->spare_fd < 0)
		return -errno;
	return watch(broker, broker->rundir.listen_fd, EPOLLIN, SOURCE_LISTENER);
}

struct broker *broker_create(const char *runtime_dir, const struct mailbox_ops *ops, void *context, char *error,
			     size_t error_size)
{
	struct broker *broker = calloc(1, sizeof(*broker));
	int code;

	if (broker == NULL) {
		snprintf(error, error_size, "out of memory for the mailbox");
		return NULL;
	}
	broker->ops = ops;
	broker->context = context;
	broker->epoll_fd = -1;
	broker->spare_fd = -1;
	if (rundir_open(&broker->rundir, runtime_dir, error, error_size) != 0) {
		free(broker);
		return NULL;
	}
	code = set_up(broker);
	if (code == 0)
		return broker;
	snprintf(error, error_size, "cannot set up the mailbox in '%s': %s", runtime_dir, strerror(-code));
	broker_destroy(broker);
	return NULL;
}

void broker_destroy(struct broker *broker)
{
	if (broker == NULL)
		return;
	for (unsigned i = 0; i < PLACES; i++) {
		if (broker->clients[i].state != CLIENT_FREE)
			hang_up(broker, &broker->clients[i]);
	}
	rundir_close(&broker->rundir);
	close_if_open(broker->epoll_fd);
	close_if_open(broker->spare_fd);
	region_destroy(&broker->info);
	mailbox_scratch_destroy(&broker->scratch);
	free(broker);
}

struct sluice_info_region *broker_info(struct broker *broker)
{
	return broker->info.base;
}

unsigned broker_clients(const struct broker *broker)
{
	return broker->welcomed;
}

const struct mailbox_counters *broker_counters(const struct broker *broker)
{
	return &broker->counters;
}
