/* SPDX-License-Identifier: BSD-3-Clause */
/* The data rings of a port, as they come with a WELCOME: checked before anything is mapped. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client_private.h"

#define MTU_LEAST 68u /* RFC 791: every link carries it */

static bool is_power_of_two(uint32_t number)
{
	return number != 0 && (number & (number - 1)) == 0;
}

static bool has_right_entries(uint32_t entries)
{
	return is_power_of_two(entries) && entries >= SLUICE_DATA_ENTRIES_MIN && entries <= SLUICE_DATA_ENTRIES_MAX;
}

int client_check_wish(struct sluice_client *client, const struct sluice_port_wish *wish)
{
	size_t length = strlen(wish->port);

	if (length == 0 || length >= SLUICE_NAME_SIZE)
		return client_fail(client, -EINVAL, SLUICE_FAULT_SYSTEM,
				   "a port's name has 1 to %u characters, such as host0", SLUICE_NAME_SIZE - 1);
	if (wish->queues == 0 || wish->queues > SLUICE_DATA_QUEUES_MAX)
		return client_fail(client, -EINVAL, SLUICE_FAULT_SYSTEM, "a port has 1 to %u queue pairs, not %u",
				   SLUICE_DATA_QUEUES_MAX, wish->queues);
	if (!has_right_entries(wish->entries))
		return client_fail(client, -EINVAL, SLUICE_FAULT_SYSTEM,
				   "a ring has a power of two entries from %u to %u, not %u", SLUICE_DATA_ENTRIES_MIN,
				   SLUICE_DATA_ENTRIES_MAX, wish->entries);
	return 0;
}

static bool is_station_address(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return (mac[0] & 1) == 0 && memcmp(mac, zero, sizeof(zero)) != 0;
}

int client_check_data(struct sluice_client *client, const struct sluice_welcome *welcome,
		      const struct sluice_port_wish *wish)
{
	if (welcome->queues == 0 || welcome->queues > wish->queues)
		return client_malformed_welcome(client, "another number of queue pairs than asked for");
	if (!has_right_entries(welcome->entries) || welcome->entries > wish->entries)
		return client_malformed_welcome(client, "rings have another number of entries than asked for");
	if (welcome->data_size[SLUICE_DATA_FD_CARD_DATA] != sluice_card_data_size(welcome->queues, welcome->entries) ||
	    welcome->data_size[SLUICE_DATA_FD_HOST_DATA] != sluice_host_data_size(welcome->queues, welcome->entries))
		return client_malformed_welcome(client, "the data rings have another size");
	if (welcome->mtu < MTU_LEAST || welcome->mtu > SLUICE_DATA_FRAME_MAX)
		return client_malformed_welcome(client, "an impossible MTU");
	if (!is_station_address(welcome->mac))
		return client_malformed_welcome(client, "an impossible MAC address");
	return 0;
}

/* Its reader must never sleep in it, whatever the card made of it. */
static int take_signal(struct sluice_client *client, struct sluice_data *data, unsigned queue, int *fd)
{
	int flags = fcntl(*fd, F_GETFL);

	if (flags < 0 || fcntl(*fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return client_fail(client, -errno, SLUICE_FAULT_SYSTEM, "cannot use the signal of queue %u: %s", queue,
				   strerror(errno));
	data->signal[queue] = *fd;
	*fd = -1;
	return 0;
}

static struct sluice_data *new_data(const struct sluice_welcome *welcome)
{
	struct sluice_data *data = calloc(1, sizeof(*data));

	if (data == NULL)
		return NULL;
	data->queues = welcome->queues;
	data->entries = welcome->entries;
	data->card_size = welcome->data_size[SLUICE_DATA_FD_CARD_DATA];
	data->host_size = welcome->data_size[SLUICE_DATA_FD_HOST_DATA];
	data->mtu = welcome->mtu;
	memcpy(data->mac, welcome->mac, sizeof(data->mac));
	for (unsigned i = 0; i < SLUICE_DATA_QUEUES_MAX; i++)
		data->signal[i] = -1;
	return data;
}

int client_new_data(struct sluice_client *client, const struct sluice_welcome *welcome)
{
	client->data = new_data(welcome);
	return client->data != NULL ? 0 : client_fail(client, -ENOMEM, SLUICE_FAULT_SYSTEM, "out of memory");
}

int client_use_data(struct sluice_client *client, const struct sluice_welcome *welcome, struct received_fds *fds,
		    unsigned first)
{
	int error = client_new_data(client, welcome);
	struct sluice_data *data = client->data;

	if (error != 0)
		return error;
	data->card = client_map(client, "CARD_DATA", fds->fd[first + SLUICE_DATA_FD_CARD_DATA], data->card_size,
				WRITER_CARD);
	if (data->card == NULL)
		return -EPROTO;
	data->host = client_map(client, "HOST_DATA", fds->fd[first + SLUICE_DATA_FD_HOST_DATA], data->host_size,
				WRITER_HOST);
	if (data->host == NULL)
		return -EPROTO;
	first += SLUICE_DATA_FD_COUNT;
	for (unsigned i = 0; i < data->queues && error == 0; i++)
		error = take_signal(client, data, i, &fds->fd[first + i]);
	return error;
}

struct sluice_data *sluice_take_data(struct sluice_client *client)
{
	struct sluice_data *data = client->data;

	client->data = NULL;
	return data;
}

void sluice_free_data(struct sluice_data *data)
{
	if (data == NULL)
		return;
	client_unmap(data->card, data->card_size);
	client_unmap(data->host, data->host_size);
	for (unsigned i = 0; i < SLUICE_DATA_QUEUES_MAX; i++) {
		if (data->signal[i] >= 0)
			close(data->signal[i]);
	}
	free(data);
}
