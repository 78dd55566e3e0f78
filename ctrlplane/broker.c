/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker_private.h"

#define GREETING_MS 5000u
#define LEAVING_US  100
#define LEAVING_MS  10 /* between looks whether workers still use the regions of a client that has gone */
/* Of one client before the next client's turn. A command costs up to some 0.5 ms (1 MiB in, 1 MiB out). */
#define COMMANDS_PER_TURN 8u
#define ACCEPTS_PER_TURN  16
#define EVENTS_PER_TURN	  64

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t broker_tag(const struct broker *broker, const struct client *client, enum source source)
{
	return (uint64_t)client->id << 32 | (uint64_t)(client - broker->clients) << 8 | source;
}

static struct client *tagged_client(struct broker *broker, uint64_t tag)
{
	struct client *client = &broker->clients[(uint32_t)tag >> 8];

	return client->state != CLIENT_FREE && client->id == tag >> 32 ? client : NULL;
}

int broker_watch(struct broker *broker, int fd, uint32_t events, uint64_t tag)
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

/* A session whose command runs, or that has to close handles, ends on a control thread; any other one here and now. */
static void end_session(struct broker *broker, struct client *client)
{
	const struct mailbox_ops *ops = broker->ops;
	void *session = client->mailbox.session;
	bool slow =
		client->job != NULL || (ops->session_is_slow != NULL && ops->session_is_slow(broker->context, session));

	if (client->end != NULL && slow && ops->session_close != NULL) {
		deferred_end(&broker->deferred, client->end, session, client->job);
		client->end = NULL;
		return;
	}
	if (ops->session_close != NULL)
		ops->session_close(broker->context, session);
	broker->sessions--;
}

void broker_hang_up(struct broker *broker, struct client *client)
{
	if (client->state == CLIENT_WELCOMED) {
		broker->welcomed--;
		end_session(broker, client);
	}
	if (client->data != NULL)
		broker_data_close(broker, client->data);
	deferred_unreserve(client->end);
	close_kick(broker, client);
	close_if_open(client->notify);
	close_if_open(client->socket);
	for (int i = 0; i < REGIONS; i++)
		region_destroy(&client->regions[i]);
	*client = (struct client){.state = CLIENT_FREE};
}

/* A free place; else that of the connection that has been silent for longest (welcomed ones are fewer than places). */
struct client *broker_find_place(struct broker *broker)
{
	struct client *oldest = NULL;

	for (unsigned i = 0; i < PLACES; i++) {
		struct client *client = &broker->clients[i];

		if (client->state == CLIENT_FREE)
			return client;
		if (client->state == CLIENT_GREETING && (oldest == NULL || client->deadline_ms < oldest->deadline_ms))
			oldest = client;
	}
	broker_hang_up(broker, oldest);
	return oldest;
}

static void admit(struct broker *broker, int socket)
{
	struct client *client = broker_find_place(broker);

	*client = (struct client){
		.state = CLIENT_GREETING,
		.id = ++broker->last_id,
		.socket = socket,
		.kick = -1,
		.notify = -1,
		.deadline_ms = now_ms() + GREETING_MS,
	};
	client->stranger = role_of_socket(socket, &broker->groups, &client->role) != 0;
	if (broker_watch(broker, socket, EPOLLIN | EPOLLRDHUP, broker_tag(broker, client, SOURCE_SOCKET)) != 0)
		broker_hang_up(broker, client);
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

/* Where it does not fit, unread signals are there already; where nobody listens, the hang-up is on its way. */
static void notify(const struct client *client)
{
	const uint64_t one = 1;

	send(client->notify, &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The socket's own mode knows one group only: with several, it is for everybody, and the broker for those in one. */
int broker_use_groups(struct broker *broker, const struct role_groups *groups)
{
	if (!role_has_groups(groups))
		return 0;
	broker->groups = *groups;
	return chmod(broker->rundir.socket_path, 0666) == 0 ? 0 : -errno;
}

/* ---- What is completed later ----------------------------------------------------------------------- */

int broker_defer(struct mailbox *mailbox, const struct sluice_command *command)
{
	struct client *client = (void *)((char *)mailbox - offsetof(struct client, mailbox));
	struct broker *broker = (void *)((char *)mailbox->counters - offsetof(struct broker, counters));

	client->job = deferred_start(&broker->deferred, mailbox, command, broker_tag(broker, client, SOURCE_DEFERRED));
	return client->job != NULL ? 0 : -ENOMEM;
}

/*
 * All memory comes first: what the client's session gives to the operation is given when nothing can fail any more. The
 * room is for what changes answer: in words, why they were refused.
 */
static enum sluice_status start_operation(struct broker *broker, const struct mailbox *mailbox,
					  struct mailbox_call *call)
{
	struct sluice_command command = *call->command;
	enum sluice_status status;
	struct deferred_job *job;
	void *session = NULL;

	command.out_length = sizeof(struct sluice_change_answer);
	job = deferred_prepare_operation(&broker->deferred, mailbox, &command, call->result);
	if (job == NULL)
		return SLUICE_STATUS_NO_MEMORY;
	status = broker->ops->session_branch(broker->context, call, &session);
	if (status == SLUICE_STATUS_OK)
		deferred_start_operation(job, session);
	else
		deferred_discard(job);
	return status;
}

enum sluice_status broker_begin_operation(struct mailbox *mailbox, struct mailbox_call *call)
{
	struct broker *broker = (void *)((char *)mailbox->counters - offsetof(struct broker, counters));
	struct operations *operations = broker->deferred.operations;
	enum sluice_status status = operations_begin(operations, call->user, call->command->opcode, &call->result);

	if (status != SLUICE_STATUS_OK)
		return status;
	status = start_operation(broker, mailbox, call);
	if (status != SLUICE_STATUS_OK) {
		operations_refuse(operations, call->result, status);
		call->result = 0;
	}
	return status;
}

/* Who hears that it is done finds nothing of it left. */
static void end_operation(struct broker *broker, const struct deferred_result *result)
{
	if (broker->ops->session_close != NULL)
		broker->ops->session_close(broker->context, result->call->session);
	operations_end(broker->deferred.operations, result->operation, result->call, result->status);
	deferred_free(result->call);
}

void broker_withdraw_operation(struct broker *broker, uint64_t id)
{
	deferred_withdraw_operation(&broker->deferred, id);
}

void broker_use_operations(struct broker *broker, struct operations *operations)
{
	broker->deferred.operations = operations;
}

/* A client that has gone may come again, and ask with its token. */
static void finish(struct broker *broker, const struct deferred_result *result)
{
	struct client *client = tagged_client(broker, result->tag);

	if (client != NULL) {
		mailbox_finish(&client->mailbox, result->call, result->status);
		client->job = NULL;
		client->busy = true; /* behind it others may be waiting */
		notify(client);
	} else {
		mailbox_forsake(&broker->answers, result->call, result->status);
	}
	deferred_free(result->call);
}

static void collect(struct broker *broker)
{
	struct deferred_result result;

	while (deferred_next(&broker->deferred, &result)) {
		if (result.session_ended)
			broker->sessions--;
		else if (result.operation != 0)
			end_operation(broker, &result);
		else
			finish(broker, &result);
	}
}

int broker_use_threads(struct broker *broker, struct threads *threads)
{
	int error = deferred_create(&broker->deferred, threads, broker->ops, broker->context);

	if (error != 0)
		return error;
	return broker_watch(broker, broker->deferred.event_fd, EPOLLIN, SOURCE_DEFERRED);
}

/* ---- Events ---------------------------------------------------------------------------------------- */

static unsigned tell_events(struct broker *broker, struct client *client)
{
	return event_ring_fill(&client->events, broker->events, &broker->counters.bad_doorbells);
}

/* Who has no room now gets the rest with its next kick. */
static void spread_events(struct broker *broker)
{
	struct sluice_info_region *info = broker->info.base;

	event_log_clear_signal(broker->events);
	info->events = event_log_newest(broker->events);
	for (unsigned i = 0; i < PLACES; i++)
		if (broker->clients[i].state == CLIENT_WELCOMED && tell_events(broker, &broker->clients[i]) > 0)
			notify(&broker->clients[i]);
}

int broker_use_events(struct broker *broker, struct event_log *log)
{
	int error = broker_watch(broker, log->event_fd, EPOLLIN, SOURCE_EVENTS);
	struct sluice_info_region *info = broker->info.base;

	if (error != 0)
		return error;
	broker->events = log;
	info->features |= SLUICE_FEATURE_EVENTS;
	return 0;
}

/* ---- Turns ----------------------------------------------------------------------------------------- */

static void handle(struct broker *broker, const struct epoll_event *event)
{
	enum source source = (enum source)(event->data.u64 & 0xff);
	struct client *client;

	if (source == SOURCE_LISTENER) {
		accept_some(broker);
		return;
	}
	if (source == SOURCE_DEFERRED) {
		collect(broker);
		return;
	}
	if (source == SOURCE_EVENTS) {
		spread_events(broker);
		return;
	}
	client = tagged_client(broker, event->data.u64);
	if (client == NULL)
		return;
	if (source == SOURCE_KICK)
		client->busy = true;
	else if (client->state == CLIENT_GREETING)
		broker_greet(broker, client);
	else /* a hang-up, or a message where none is due */
		broker_hang_up(broker, client);
}

/* A kick says that there are commands, or room for events, or both. */
static void serve(struct broker *broker, struct client *client)
{
	unsigned served = mailbox_serve(&client->mailbox, COMMANDS_PER_TURN);

	client->busy = served == COMMANDS_PER_TURN;
	if (served + tell_events(broker, client) > 0)
		notify(client);
}

static int serve_busy(struct broker *broker)
{
	int served = 0;

	for (unsigned i = 0; i < PLACES; i++) {
		if (!broker->clients[i].busy)
			continue;
		serve(broker, &broker->clients[i]);
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
			broker_hang_up(broker, client);
	}
}

/* @p timeout_ms, cut short by work that waits, by regions in use and by the deadline of a silent connection. */
static int wait_time(const struct broker *broker, int timeout_ms)
{
	uint64_t now = now_ms();

	if (broker->bar != NULL && (timeout_ms < 0 || timeout_ms > BAR_LOOK_MS))
		timeout_ms = BAR_LOOK_MS;
	if (!STAILQ_EMPTY(&broker->leaving) && (timeout_ms < 0 || timeout_ms > LEAVING_MS))
		timeout_ms = LEAVING_MS;
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
	broker_data_collect(broker);
	if (broker->bar != NULL)
		bar_turn(broker);
	return count + serve_busy(broker);
}

#define AT(member)     offsetof(struct sluice_info_region, member)
#define END_OF(member) (AT(member) + sizeof(((struct sluice_info_region *)0)->member))

static const struct sluice_capability capabilities[SLUICE_CAPABILITIES] = {
#define X(name, id, version, first, last) {id, version, AT(first), END_OF(last) - AT(first)},
	SLUICE_CAPABILITY_TABLE(X)
#undef X
};

static int set_up_info(struct broker *broker)
{
	struct sluice_info_region *info;
	int error = region_create(&broker->info, broker_regions[SLUICE_FD_INFO].name,
				  broker_regions[SLUICE_FD_INFO].size, REGION_CARD);

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
	memcpy(info->capability, capabilities, sizeof(info->capability));
	if (broker->ops->data != NULL)
		info->features = SLUICE_FEATURE_LARGE_RECEIVES;
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
	return broker_watch(broker, broker->rundir.listen_fd, EPOLLIN, SOURCE_LISTENER);
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
	STAILQ_INIT(&broker->leaving);
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

int broker_use_bar(struct broker *broker, const char *path, char *error, size_t error_size)
{
	broker->bar = bar_create(path, error, error_size);
	return broker->bar != NULL ? 0 : -1;
}

void broker_destroy(struct broker *broker)
{
	if (broker == NULL)
		return;
	for (unsigned i = 0; i < PLACES; i++) {
		if (broker->clients[i].state != CLIENT_FREE)
			broker_hang_up(broker, &broker->clients[i]);
	}
	while (!STAILQ_EMPTY(&broker->leaving)) {
		usleep(LEAVING_US);
		broker_data_collect(broker);
	}
	while (deferred_wait(&broker->deferred) > 0)
		collect(broker);
	deferred_destroy(&broker->deferred);
	bar_destroy(broker->bar);
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
