/* SPDX-License-Identifier: BSD-3-Clause */
/* HELLO and WELCOME: how a connection becomes a client with a mailbox, or is refused. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker_private.h"

const struct broker_region broker_regions[SLUICE_FD_COUNT] = {
#define X(name, bytes, writer) [SLUICE_FD_##name] = {"sluice:" #name, bytes, REGION_##writer},
	SLUICE_FD_TABLE(X)
#undef X
};

static int create_regions(struct client *client)
{
	int error = 0;

	for (int i = SLUICE_FD_INFO + 1; i < REGIONS && error == 0; i++)
		error = region_create(&client->regions[i], broker_regions[i].name, broker_regions[i].size,
				      broker_regions[i].writer);
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
	return broker_watch(broker, client->kick, EPOLLIN | EPOLLET, broker_tag(broker, client, SOURCE_KICK));
}

static void set_up_mailbox(struct broker *broker, struct client *client, uint16_t abi_minor)
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
		.user = role_user(client->socket),
		.client = client->id,
		.abi_minor = abi_minor,
		.answers = &broker->answers,
	};
}

/* What is kept in the log waits in the ring when the client looks for the first time, and INFO says where it ends. */
static void set_up_events(struct broker *broker, struct client *client)
{
	struct sluice_info_region *info = broker->info.base;

	client->events = (struct event_ring){
		.entries = (void *)((char *)client->regions[SLUICE_FD_COMPLETION].base + SLUICE_EVENT_OFFSET),
		.doorbell = client->regions[SLUICE_FD_DOORBELL].base,
		.cursor = event_log_start(broker->events),
	};
	event_ring_fill(&client->events, broker->events, &broker->counters.bad_doorbells);
	info->events = event_log_newest(broker->events);
}

enum sluice_status broker_status_of(int error)
{
	switch (-error) {
	case 0:
		return SLUICE_STATUS_OK;
	case ENOMEM:
	case EMFILE:
	case ENOSPC:
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

/* Memory for the session's end comes first: an end that waits for a driver must not fail. */
static enum sluice_status open_session(struct broker *broker, struct client *client)
{
	int error = 0;

	if (broker->deferred.threads != NULL) {
		client->end = deferred_reserve();
		if (client->end == NULL)
			return SLUICE_STATUS_NO_MEMORY;
		client->mailbox.defer = broker_defer;
		if (broker->deferred.operations != NULL && broker->ops->session_branch != NULL)
			client->mailbox.begin = broker_begin_operation;
	}
	if (broker->ops->session_open != NULL)
		error = broker->ops->session_open(broker->context, client->id, &client->mailbox.session);
	return broker_status_of(error);
}

/* Who has no port has no use for what concerns ports. */
uint32_t broker_grant_features(const struct broker *broker, const struct sluice_hello *hello)
{
	uint32_t features = ((const struct sluice_info_region *)broker->info.base)->features;

	if (hello->port[0] == '\0')
		features &= ~(uint32_t)SLUICE_FEATURE_LARGE_RECEIVES;
	return hello->features & features;
}

enum sluice_status broker_open_mailbox(struct broker *broker, struct client *client, const struct sluice_hello *hello)
{
	client->features = broker_grant_features(broker, hello);
	set_up_mailbox(broker, client, hello->abi_minor);
	if ((client->features & SLUICE_FEATURE_EVENTS) != 0)
		set_up_events(broker, client);
	return open_session(broker, client);
}

/* The session last: what fails before it has none to end. */
static enum sluice_status furnish(struct broker *broker, struct client *client, const struct sluice_hello *hello,
				  int *client_notify)
{
	enum sluice_status status = SLUICE_STATUS_OK;
	int error = create_regions(client);

	if (error == 0)
		error = create_signals(broker, client, client_notify);
	if (error != 0)
		return broker_status_of(error);
	if (hello->port[0] != '\0')
		status = broker_data_open(broker, NULL, hello, client->role, &client->data);
	return status == SLUICE_STATUS_OK ? broker_open_mailbox(broker, client, hello) : status;
}

/* In the order of SLUICE_FD_TABLE, then those of the data rings. Returns how many. */
static unsigned list_descriptors(const struct broker *broker, const struct client *client, int client_notify, int *fds)
{
	fds[SLUICE_FD_INFO] = broker->info.fd;
	for (int i = SLUICE_FD_INFO + 1; i < REGIONS; i++)
		fds[i] = client->regions[i].fd;
	fds[SLUICE_FD_KICK] = client->kick;
	fds[SLUICE_FD_NOTIFY] = client_notify;
	return SLUICE_FD_COUNT +
	       (client->data != NULL ? broker_data_descriptors(client->data, fds + SLUICE_FD_COUNT) : 0);
}

static int send_with_descriptors(int socket, const struct sluice_welcome *welcome, const int *fds, unsigned count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof(int))] = {0};
	struct iovec part = {(void *)welcome, sizeof(*welcome)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	*header = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof(int))};
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(*welcome) ? 0 : -errno;
}

void broker_make_welcome(const struct client *client, enum sluice_status status, struct sluice_welcome *welcome)
{
	*welcome = (struct sluice_welcome){
		.magic = SLUICE_MAGIC,
		.abi_major = SLUICE_ABI_MAJOR,
		.abi_minor = SLUICE_ABI_MINOR,
		.status = (uint16_t)status,
	};
	if (status != SLUICE_STATUS_OK)
		return;
	welcome->features = client->features;
	welcome->role = (uint8_t)client->role;
	welcome->client_id = client->id;
	welcome->ring_entries = SLUICE_RING_ENTRIES;
	welcome->stage_size = SLUICE_STAGE_SIZE;
	for (int i = 0; i < SLUICE_FD_COUNT; i++)
		welcome->region_size[i] = (uint32_t)broker_regions[i].size;
	if (client->data != NULL)
		broker_data_tell(client->data, welcome);
}

static int send_welcome(struct broker *broker, struct client *client, int client_notify)
{
	struct sluice_welcome welcome;
	int fds[FDS_MAX];
	unsigned count = list_descriptors(broker, client, client_notify, fds);

	broker_make_welcome(client, SLUICE_STATUS_OK, &welcome);
	return send_with_descriptors(client->socket, &welcome, fds, count);
}

static void refuse(struct broker *broker, struct client *client, enum sluice_status status)
{
	struct sluice_welcome welcome;

	broker_make_welcome(client, status, &welcome);
	send(client->socket, &welcome, sizeof(welcome), MSG_DONTWAIT | MSG_NOSIGNAL);
	broker_hang_up(broker, client);
}

/* Nothing is kept that the client alone needs: of the regions the mappings, of NOTIFY the sending end. */
static void welcome(struct broker *broker, struct client *client, const struct sluice_hello *hello)
{
	int client_notify = -1;
	enum sluice_status status = furnish(broker, client, hello, &client_notify);
	int error;

	if (status != SLUICE_STATUS_OK) {
		if (client_notify >= 0)
			close(client_notify);
		refuse(broker, client, status);
		return;
	}
	client->state = CLIENT_WELCOMED;
	broker->welcomed++;
	broker->sessions++;
	error = send_welcome(broker, client, client_notify);
	close(client_notify);
	for (int i = 0; i < REGIONS; i++)
		region_close_fd(&client->regions[i]);
	if (client->data != NULL)
		broker_data_handed_over(client->data);
	if (error != 0)
		broker_hang_up(broker, client);
}

static bool is_zero(const uint8_t *byte, size_t length)
{
	uint8_t any = 0;

	for (size_t i = 0; i < length; i++)
		any |= byte[i];
	return any == 0;
}

static unsigned places_for(enum sluice_role role)
{
	return BROKER_MAX_CLIENTS - (unsigned)(SLUICE_ROLE_OPERATOR - role) * BROKER_KEPT_PLACES;
}

enum sluice_status broker_judge_hello(const struct broker *broker, const struct client *client,
				      const struct sluice_hello *hello)
{
	if (client->stranger)
		return SLUICE_STATUS_NOT_PERMITTED;
	if (hello->abi_major != SLUICE_ABI_MAJOR)
		return SLUICE_STATUS_BAD_VERSION;
	if (!is_zero(hello->reserved, sizeof(hello->reserved)))
		return SLUICE_STATUS_BAD_RESERVED;
	if (hello->port[0] == '\0' && !is_zero((const uint8_t *)hello->port, sizeof(hello->port)))
		return SLUICE_STATUS_BAD_NAME;
	if (hello->port[0] == '\0' && hello->queues != 0)
		return SLUICE_STATUS_BAD_QUEUES;
	if (hello->port[0] == '\0' && hello->entries != 0)
		return SLUICE_STATUS_BAD_ENTRIES;
	if (broker->sessions >= places_for(client->role))
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

void broker_greet(struct broker *broker, struct client *client)
{
	struct sluice_hello hello;
	enum sluice_status status;

	if (!receive_hello(client->socket, &hello)) { /* nobody who would understand an answer */
		broker_hang_up(broker, client);
		return;
	}
	status = broker_judge_hello(broker, client, &hello);
	if (status == SLUICE_STATUS_OK)
		welcome(broker, client, &hello);
	else
		refuse(broker, client, status);
}
