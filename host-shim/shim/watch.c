/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_BYTES	  32768
#define ANSWER_MS	  1000
#define MESSAGES_PER_TURN 64

static int open_netlink(uint32_t groups)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int error;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int watch_open(struct watch *watch, int index)
{
	*watch = (struct watch){.socket = open_netlink(RTMGRP_LINK), .index = index};
	return watch->socket >= 0 ? 0 : watch->socket;
}

void watch_close(struct watch *watch)
{
	if (watch->socket >= 0)
		close(watch->socket);
	watch->socket = -1;
}

/* Also where some were lost (ENOBUFS): whoever was told looks at everything anyway. */
void watch_drain(struct watch *watch)
{
	uint8_t message[ANSWER_BYTES];

	for (int i = 0; i < MESSAGES_PER_TURN; i++) {
		if (recv(watch->socket, message, sizeof(message), MSG_DONTWAIT) < 0 && errno != ENOBUFS)
			return;
	}
}

/* ---- What the kernel says ------------------------------------------------------------------------ */

static uint32_t number_of(const struct rtattr *attribute)
{
	uint32_t number = 0;

	if (RTA_PAYLOAD(attribute) >= sizeof(number))
		memcpy(&number, RTA_DATA(attribute), sizeof(number));
	return number;
}

static void take_attribute(const struct rtattr *attribute, struct device_state *state)
{
	switch (attribute->rta_type) {
	case IFLA_MTU:
		state->mtu = number_of(attribute);
		break;
	case IFLA_PROMISCUITY: /* counts those that IFF_PROMISC does not show, such as a capture */
		state->promiscuous |= number_of(attribute) != 0;
		break;
	case IFLA_ADDRESS:
		if (RTA_PAYLOAD(attribute) == sizeof(state->mac))
			memcpy(state->mac, RTA_DATA(attribute), sizeof(state->mac));
		break;
	case IFLA_IFNAME:
		if (RTA_PAYLOAD(attribute) > 0 && RTA_PAYLOAD(attribute) <= sizeof(state->name))
			memcpy(state->name, RTA_DATA(attribute), RTA_PAYLOAD(attribute));
		state->name[sizeof(state->name) - 1] = '\0';
		break;
	default:
		break;
	}
}

void watch_parse_link(const void *message, size_t length, struct device_state *state)
{
	const struct nlmsghdr *header = message;
	const struct ifinfomsg *link;
	int left;

	*state = (struct device_state){0};
	if (!NLMSG_OK(header, length) || header->nlmsg_type != RTM_NEWLINK ||
	    header->nlmsg_len < NLMSG_LENGTH(sizeof(*link)))
		return;
	link = NLMSG_DATA(header);
	state->present = true;
	state->up = (link->ifi_flags & IFF_UP) != 0;
	state->promiscuous = (link->ifi_flags & IFF_PROMISC) != 0;
	state->all_multicast = (link->ifi_flags & IFF_ALLMULTI) != 0;
	left = (int)IFLA_PAYLOAD(header);
	for (const struct rtattr *at = IFLA_RTA(link); RTA_OK(at, left); at = RTA_NEXT(at, left))
		take_attribute(at, state);
}

static int hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool parse_address(const char *text, uint8_t address[6])
{
	for (int i = 0; i < 6; i++, text += 2) {
		int high = hex(text[0]), low = high >= 0 ? hex(text[1]) : -1;

		if (low < 0)
			return false;
		address[i] = (uint8_t)(high << 4 | low);
	}
	return *text == '\0';
}

/* index name users global-users address */
void watch_parse_multicast(const char *line, int index, struct device_state *state)
{
	uint8_t address[6];
	char text[32];
	int whose;

	if (sscanf(line, "%d %*s %*d %*d %31s", &whose, text) != 2 || whose != index || !parse_address(text, address))
		return;
	if (state->multicast_count < WATCH_MULTICAST_MAX)
		memcpy(state->multicast[state->multicast_count], address, sizeof(address));
	state->multicast_count++;
}

static void look_at_multicast(int index, struct device_state *state)
{
	FILE *file = fopen("/proc/self/net/dev_mcast", "re");
	char line[256];

	if (file == NULL) {
		state->all_multicast = true; /* better too many than too few */
		return;
	}
	while (fgets(line, sizeof(line), file) != NULL)
		watch_parse_multicast(line, index, state);
	fclose(file);
}

/* ---- Asking -------------------------------------------------------------------------------------- */

static int ask(int fd, int index)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
	} request = {
		.header = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
		.link = {.ifi_index = index},
	};

	return send(fd, &request, sizeof(request), 0) == sizeof(request) ? 0 : -errno;
}

static int hear(int fd, struct device_state *state)
{
	_Alignas(struct nlmsghdr) uint8_t message[ANSWER_BYTES];
	struct pollfd source = {.fd = fd, .events = POLLIN};
	ssize_t length;

	if (poll(&source, 1, ANSWER_MS) != 1)
		return -ETIMEDOUT;
	length = recv(fd, message, sizeof(message), 0);
	if (length < 0)
		return -errno;
	watch_parse_link(message, (size_t)length, state);
	return 0;
}

int watch_look(struct watch *watch, struct device_state *state)
{
	int fd = open_netlink(0);
	int error = fd < 0 ? fd : ask(fd, watch->index);

	*state = (struct device_state){0};
	if (error == 0)
		error = hear(fd, state);
	if (fd >= 0)
		close(fd);
	if (error == 0 && state->present)
		look_at_multicast(watch->index, state);
	return error;
}
