/* SPDX-License-Identifier: BSD-3-Clause */
/* HELLO and WELCOME: how a client gets its regions from the local broker. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "client_private.h"

static const struct {
	const char *name;
	uint32_t size;
	enum region_writer writer;
} descriptors[SLUICE_FD_COUNT] = {
#define X(name, bytes, writer) [SLUICE_FD_##name] = {#name, bytes, WRITER_##writer},
	SLUICE_FD_TABLE(X)
#undef X
};

static int gone(struct sluice_client *client)
{
	return client_fail(client, -ECONNRESET, SLUICE_FAULT_GONE, "the firmware hung up before it answered");
}

int client_malformed_welcome(struct sluice_client *client, const char *what)
{
	return client_fail(client, -EPROTO, SLUICE_FAULT_PROTOCOL, "the firmware's welcome is malformed: %s", what);
}

static int connect_fault(struct sluice_client *client, int error, const char *path)
{
	const char *start = "start it with: sluice-fw --config sluice.json [--runtime-dir DIR]";

	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return client_fail(client, -error, SLUICE_FAULT_NOT_RUNNING,
				   "the firmware is not running (no socket %s); %s", path, start);
	case ECONNREFUSED:
		return client_fail(client, -error, SLUICE_FAULT_NOT_RUNNING,
				   "the firmware is not running (nobody listens on socket %s); %s", path, start);
	case EACCES:
	case EPERM:
		return client_fail(client, -error, SLUICE_FAULT_PERMISSION,
				   "no permission to connect to %s: use sudo, or join the socket's group", path);
	case EAGAIN:
		return client_fail(client, -ETIMEDOUT, SLUICE_FAULT_TIMEOUT, "the firmware does not accept on %s",
				   path);
	default:
		return client_fail(client, -error, SLUICE_FAULT_SYSTEM, "cannot connect to %s: %s", path,
				   strerror(error));
	}
}

static int make_socket(struct sluice_client *client)
{
	struct timeval limit = {.tv_sec = client->timeout_ms / 1000, .tv_usec = client->timeout_ms % 1000 * 1000};

	client->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (client->socket < 0 || setsockopt(client->socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
	    setsockopt(client->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0)
		return client_fail(client, -errno, SLUICE_FAULT_SYSTEM, "cannot make a socket: %s", strerror(errno));
	return 0;
}

static int connect_to(struct sluice_client *client, const char *runtime_dir)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *slash = "/" SLUICE_SOCKET_NAME;
	size_t length = strlen(runtime_dir);

	if (length + strlen(slash) >= sizeof(address.sun_path))
		return client_fail(client, -ENAMETOOLONG, SLUICE_FAULT_SYSTEM,
				   "runtime directory has too long a path: %.100s...", runtime_dir);
	memcpy(address.sun_path, runtime_dir, length);
	strcpy(address.sun_path + length, slash);
	if (make_socket(client) != 0)
		return -EIO;
	if (connect(client->socket, (struct sockaddr *)&address, sizeof(address)) != 0)
		return connect_fault(client, errno, address.sun_path);
	return 0;
}

static int send_hello(struct sluice_client *client, const struct sluice_port_wish *wish)
{
	struct sluice_hello hello = {
		.magic = SLUICE_MAGIC,
		.abi_major = SLUICE_ABI_MAJOR,
		.abi_minor = SLUICE_ABI_MINOR,
		.features = client->features,
	};

	if (wish != NULL) {
		memcpy(hello.port, wish->port, strlen(wish->port));
		hello.queues = wish->queues;
		hello.entries = wish->entries;
	}
	return send(client->socket, &hello, sizeof(hello), MSG_NOSIGNAL) == sizeof(hello) ? 0 : gone(client);
}

static void collect(struct msghdr *message, struct received_fds *fds)
{
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
		size_t bytes = header->cmsg_len - CMSG_LEN(0);

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds->fd + fds->count, CMSG_DATA(header), bytes);
		fds->count += (unsigned)(bytes / sizeof(int));
	}
	fds->truncated = (message->msg_flags & MSG_CTRUNC) != 0;
}

static ssize_t receive(int socket, struct sluice_welcome *welcome, struct received_fds *fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(CLIENT_FD_ROOM * sizeof(int))] = {0};
	struct iovec part = {welcome, sizeof(*welcome)};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);

	if (length >= 0)
		collect(&message, fds);
	return (message.msg_flags & MSG_TRUNC) != 0 ? -1 : length;
}

static int receive_welcome(struct sluice_client *client, struct sluice_welcome *welcome, struct received_fds *fds)
{
	ssize_t length = receive(client->socket, welcome, fds);

	/* A firmware that answers and hangs up at once is reported as a reset first, and its answer after that. */
	if (length < 0 && errno == ECONNRESET)
		length = receive(client->socket, welcome, fds);
	if (length == sizeof(*welcome))
		return welcome->magic == SLUICE_MAGIC ? 0
						      : client_malformed_welcome(client, "no Sluice firmware is there");
	if (length == 0 || (length < 0 && errno == ECONNRESET))
		return gone(client);
	if (length < 0 && errno == EAGAIN)
		return client_fail(client, -ETIMEDOUT, SLUICE_FAULT_TIMEOUT, "the firmware does not answer");
	return client_malformed_welcome(client, "it has another length");
}

static int check_geometry(struct sluice_client *client, const struct sluice_welcome *welcome)
{
	if (welcome->ring_entries != SLUICE_RING_ENTRIES || welcome->stage_size != SLUICE_STAGE_SIZE)
		return client_malformed_welcome(client, "rings or stages have another size");
	for (unsigned i = 0; i < SLUICE_FD_COUNT; i++) {
		if (welcome->region_size[i] != descriptors[i].size)
			return client_malformed_welcome(client, "a region has another size");
	}
	return 0;
}

static unsigned expected_fds(const struct sluice_welcome *welcome, const struct sluice_port_wish *wish)
{
	return SLUICE_FD_COUNT + (wish != NULL ? SLUICE_DATA_FD_COUNT + welcome->queues : 0);
}

int client_check_welcome(struct sluice_client *client, const struct sluice_welcome *welcome,
			 const struct sluice_port_wish *wish)
{
	int error;

	if (welcome->abi_major != SLUICE_ABI_MAJOR)
		return client_fail(client, -EPROTONOSUPPORT, SLUICE_FAULT_VERSION,
				   "the firmware speaks version %u.%u of the mailbox, this program %u.%u: use the "
				   "program of the firmware's release",
				   welcome->abi_major, welcome->abi_minor, SLUICE_ABI_MAJOR, SLUICE_ABI_MINOR);
	if (welcome->status != SLUICE_STATUS_OK) {
		client->fault.status = welcome->status;
		return client_fail(client, -ECONNREFUSED, SLUICE_FAULT_REFUSED,
				   "the firmware refused the connection: %s", sluice_status_text(welcome->status));
	}
	if ((welcome->features & ~client->features) != 0)
		return client_malformed_welcome(client, "it grants what was not asked for");
	error = check_geometry(client, welcome);
	if (error == 0 && wish != NULL)
		error = client_check_data(client, welcome, wish);
	return error;
}

static int check_answer(struct sluice_client *client, const struct sluice_welcome *welcome,
			const struct received_fds *fds, const struct sluice_port_wish *wish)
{
	int error = client_check_welcome(client, welcome, wish);

	if (error == 0 && (fds->truncated || fds->count != expected_fds(welcome, wish)))
		error = client_malformed_welcome(client, "not the right number of descriptors");
	return error;
}

/* A region that someone could still shrink would be a SIGBUS in waiting; so the seals are part of the deal. */
static bool is_region(int fd, uint64_t size, enum region_writer writer)
{
	int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | (writer == WRITER_CARD ? F_SEAL_FUTURE_WRITE : 0);
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat found;

	return seals >= 0 && (seals & wanted) == wanted && fstat(fd, &found) == 0 && (uint64_t)found.st_size == size;
}

void *client_map(struct sluice_client *client, const char *name, int fd, uint64_t size, enum region_writer writer)
{
	int protection = writer == WRITER_CARD ? PROT_READ : PROT_READ | PROT_WRITE;
	void *base;

	if (!is_region(fd, size, writer)) {
		client_malformed_welcome(client, "a region has another size, or is not sealed");
		return NULL;
	}
	base = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
	if (base != MAP_FAILED)
		return base;
	client_fail(client, -errno, SLUICE_FAULT_SYSTEM, "cannot map region %s: %s", name, strerror(errno));
	return NULL;
}

static int use_descriptors(struct sluice_client *client, struct received_fds *fds)
{
	for (unsigned i = 0; i < CLIENT_REGIONS; i++) {
		client->regions[i] =
			client_map(client, descriptors[i].name, fds->fd[i], descriptors[i].size, descriptors[i].writer);
		if (client->regions[i] == NULL)
			return -EPROTO;
	}
	client->kick = fds->fd[SLUICE_FD_KICK];
	client->notify = fds->fd[SLUICE_FD_NOTIFY];
	fds->fd[SLUICE_FD_KICK] = -1;
	fds->fd[SLUICE_FD_NOTIFY] = -1;
	return 0;
}

static void close_rest(struct received_fds *fds)
{
	for (unsigned i = 0; i < fds->count; i++) {
		if (fds->fd[i] >= 0)
			close(fds->fd[i]);
	}
}

static int attach(struct sluice_client *client, const char *runtime_dir, const struct sluice_port_wish *wish)
{
	struct sluice_welcome welcome = {0};
	struct received_fds fds = {0};
	int error = connect_to(client, runtime_dir);

	if (error == 0)
		error = send_hello(client, wish);
	if (error == 0)
		error = receive_welcome(client, &welcome, &fds);
	if (error == 0)
		error = check_answer(client, &welcome, &fds, wish);
	if (error == 0)
		error = use_descriptors(client, &fds);
	if (error == 0 && wish != NULL)
		error = client_use_data(client, &welcome, &fds, SLUICE_FD_COUNT);
	if (error == 0) {
		client->role = welcome.role;
		client->features = welcome.features;
	}
	close_rest(&fds);
	return error;
}

/* ---- The source ------------------------------------------------------------------------------------ */

static int kick(struct sluice_client *client)
{
	const uint64_t one = 1;

	if (write(client->kick, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN)
		return 0;
	return client_fail(client, -EPROTO, SLUICE_FAULT_PROTOCOL, "cannot kick the firmware: %s", strerror(errno));
}

/* Nothing comes on the connection after the WELCOME: whatever poll() sees there is its end. */
static bool is_connected(const struct sluice_client *client)
{
	struct pollfd source = {.fd = client->socket, .events = POLLIN};

	return poll(&source, 1, 0) <= 0;
}

/* The caller closes the socket, which is all there is to it. */
static void detach(struct sluice_client *client)
{
	(void)client;
}

const struct client_source client_source_broker = {
	.attach = attach,
	.kick = kick,
	.is_connected = is_connected,
	.detach = detach,
};
