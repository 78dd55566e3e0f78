/* SPDX-License-Identifier: BSD-3-Clause */
/* A client's data rings: regions and signals made, handed over with the WELCOME, and given up once no port uses them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker_private.h"

struct broker_data {
	STAILQ_ENTRY(broker_data) entry;
	struct data_grant grant;
	struct region regions[SLUICE_DATA_FD_COUNT];
	int signals[SLUICE_DATA_QUEUES_MAX];	    /* the card's ends */
	int client_signals[SLUICE_DATA_QUEUES_MAX]; /* the client's, until they are handed over */
	void *link;				    /* NULL: no port uses it */
};

static void close_all(int *fds)
{
	for (uint32_t q = 0; q < SLUICE_DATA_QUEUES_MAX; q++) {
		if (fds[q] >= 0)
			close(fds[q]);
		fds[q] = -1;
	}
}

static void destroy(struct broker_data *data)
{
	close_all(data->signals);
	close_all(data->client_signals);
	for (int i = 0; i < SLUICE_DATA_FD_COUNT; i++)
		region_destroy(&data->regions[i]);
	free(data);
}

/* ---- What is asked for ----------------------------------------------------------------------------- */

static bool is_zero(const char *byte, size_t length)
{
	char any = 0;

	for (size_t i = 0; i < length; i++)
		any |= byte[i];
	return any == 0;
}

static enum sluice_status judge(const struct sluice_hello *hello)
{
	size_t length = strnlen(hello->port, sizeof(hello->port));

	if (!is_zero(hello->port + length, sizeof(hello->port) - length) || length == sizeof(hello->port))
		return SLUICE_STATUS_BAD_NAME;
	if (hello->queues < 1 || hello->queues > SLUICE_DATA_QUEUES_MAX)
		return SLUICE_STATUS_BAD_QUEUES;
	if (hello->entries < SLUICE_DATA_ENTRIES_MIN || hello->entries > SLUICE_DATA_ENTRIES_MAX ||
	    (hello->entries & (hello->entries - 1)) != 0)
		return SLUICE_STATUS_BAD_ENTRIES;
	return SLUICE_STATUS_OK;
}

static enum sluice_status ask(const struct broker *broker, const struct sluice_hello *hello, enum sluice_role role,
			      struct data_grant *grant)
{
	enum sluice_status status = judge(hello);

	if (status != SLUICE_STATUS_OK)
		return status;
	if (role < SLUICE_ROLE_HOST_ADMIN)
		return SLUICE_STATUS_NOT_PERMITTED;
	if (broker->ops->data == NULL)
		return SLUICE_STATUS_UNKNOWN_PORT;
	*grant = (struct data_grant){
		.queues = hello->queues,
		.entries = hello->entries,
		.large_receives = broker_grant_features(broker, hello) & SLUICE_FEATURE_LARGE_RECEIVES,
	};
	memcpy(grant->port, hello->port, sizeof(grant->port));
	return broker->ops->data->grant(broker->context, grant);
}

/* ---- What is given --------------------------------------------------------------------------------- */

/* As in lines that are new: the rest is read only where an index covers it. */
static int take_windows(struct broker_data *data, const struct broker_bar *bar, const uint64_t *sizes)
{
	int error = bar_window(bar, SLUICE_BAR_CARD_DATA, sizes[SLUICE_DATA_FD_CARD_DATA],
			       &data->regions[SLUICE_DATA_FD_CARD_DATA]);

	if (error == 0)
		error = bar_window(bar, SLUICE_BAR_HOST_DATA, sizes[SLUICE_DATA_FD_HOST_DATA],
				   &data->regions[SLUICE_DATA_FD_HOST_DATA]);
	if (error == 0)
		memset(data->regions[SLUICE_DATA_FD_CARD_DATA].base, 0, sluice_card_line_at(data->grant.queues));
	return error;
}

static int create_regions(struct broker_data *data, const struct broker_bar *bar)
{
	static const struct {
		const char *name;
		enum region_writer writer;
	} table[SLUICE_DATA_FD_COUNT] = {
#define X(name, writer) [SLUICE_DATA_FD_##name] = {"sluice:" #name, REGION_##writer},
		SLUICE_DATA_FD_TABLE(X)
#undef X
	};
	const uint64_t sizes[SLUICE_DATA_FD_COUNT] = {
		[SLUICE_DATA_FD_CARD_DATA] = sluice_card_data_size(data->grant.queues, data->grant.entries),
		[SLUICE_DATA_FD_HOST_DATA] = sluice_host_data_size(data->grant.queues, data->grant.entries),
	};
	int error = 0;

	if (bar != NULL)
		return take_windows(data, bar, sizes);
	for (int i = 0; i < SLUICE_DATA_FD_COUNT && error == 0; i++)
		error = region_create(&data->regions[i], table[i].name, sizes[i], table[i].writer);
	return error;
}

static int create_signals(struct broker_data *data)
{
	for (uint16_t q = 0; q < data->grant.queues; q++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
			return -errno;
		data->signals[q] = pair[0];
		data->client_signals[q] = pair[1];
		shutdown(pair[0], SHUT_RD); /* nothing comes this way */
	}
	return 0;
}

static struct broker_data *create(const struct data_grant *grant, const struct broker_bar *bar, int *error)
{
	struct broker_data *data = calloc(1, sizeof(*data));

	*error = -ENOMEM;
	if (data == NULL)
		return NULL;
	memset(data->signals, -1, sizeof(data->signals));
	memset(data->client_signals, -1, sizeof(data->client_signals));
	data->grant = *grant;
	*error = create_regions(data, bar);
	if (*error == 0 && bar == NULL)
		*error = create_signals(data);
	if (*error == 0)
		return data;
	destroy(data);
	return NULL;
}

/* A BAR may have less room than the port has entries. */
static void fit(struct data_grant *grant, const struct broker_bar *bar)
{
	while (grant->entries > SLUICE_DATA_ENTRIES_MIN &&
	       (sluice_card_data_size(grant->queues, grant->entries) > bar_room(bar, SLUICE_BAR_CARD_DATA) ||
		sluice_host_data_size(grant->queues, grant->entries) > bar_room(bar, SLUICE_BAR_HOST_DATA)))
		grant->entries /= 2;
}

enum sluice_status broker_data_open(struct broker *broker, const struct broker_bar *bar,
				    const struct sluice_hello *hello, enum sluice_role role, struct broker_data **out)
{
	struct broker_data *data;
	struct data_grant grant;
	enum sluice_status status = ask(broker, hello, role, &grant);
	int error;

	if (status != SLUICE_STATUS_OK)
		return status;
	if (bar != NULL)
		fit(&grant, bar);
	data = create(&grant, bar, &error);
	if (data == NULL)
		return broker_status_of(error);
	status = broker->ops->data->attach(broker->context, &data->grant,
					   &(struct data_regions){
						   .card = data->regions[SLUICE_DATA_FD_CARD_DATA].base,
						   .host = data->regions[SLUICE_DATA_FD_HOST_DATA].base,
						   .signals = data->signals,
					   },
					   &data->link);
	if (status != SLUICE_STATUS_OK) {
		destroy(data);
		return status;
	}
	*out = data;
	return SLUICE_STATUS_OK;
}

void broker_data_tell(const struct broker_data *data, struct sluice_welcome *welcome)
{
	for (int i = 0; i < SLUICE_DATA_FD_COUNT; i++)
		welcome->data_size[i] = data->regions[i].size;
	welcome->queues = data->grant.queues;
	welcome->entries = data->grant.entries;
	welcome->mtu = data->grant.mtu;
	memcpy(welcome->mac, data->grant.mac, sizeof(welcome->mac));
}

unsigned broker_data_descriptors(const struct broker_data *data, int *fds)
{
	unsigned count = 0;

	while (count < SLUICE_DATA_FD_COUNT) {
		fds[count] = data->regions[count].fd;
		count++;
	}
	for (uint16_t q = 0; q < data->grant.queues; q++)
		fds[count++] = data->client_signals[q];
	return count;
}

void broker_data_handed_over(struct broker_data *data)
{
	close_all(data->client_signals);
	for (int i = 0; i < SLUICE_DATA_FD_COUNT; i++)
		region_close_fd(&data->regions[i]);
}

/* ---- Hang-up --------------------------------------------------------------------------------------- */

void broker_data_close(struct broker *broker, struct broker_data *data)
{
	broker_data_handed_over(data);
	broker->ops->data->detach(broker->context, data->link);
	STAILQ_INSERT_TAIL(&broker->leaving, data, entry);
	broker_data_collect(broker);
}

/* In the order of their coming: grace periods end in the order in which they began. */
void broker_data_collect(struct broker *broker)
{
	struct broker_data *data;

	while ((data = STAILQ_FIRST(&broker->leaving)) != NULL &&
	       broker->ops->data->release(broker->context, data->link)) {
		STAILQ_REMOVE_HEAD(&broker->leaving, entry);
		destroy(data);
	}
}
