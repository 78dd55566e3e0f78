/* SPDX-License-Identifier: BSD-3-Clause */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"

#define DEVICE "/dev/net/tun"

static int open_failed(const char *name, int error)
{
	switch (error) {
	case EPERM:
	case EACCES:
		say("no permission to make network device %s: use sudo, or give the program CAP_NET_ADMIN", name);
		break;
	case EBUSY:
		say("network device %s belongs to another program already: choose another --name", name);
		break;
	case EINVAL:
	case E2BIG:
		say("network device %s is there, and of another kind or with other --queues: delete it with: ip link delete %s",
		    name, name);
		break;
	case ENOENT:
	case ENODEV:
		say("no " DEVICE ": load the kernel's module with: modprobe tun");
		break;
	default:
		say("cannot make network device %s: %s", name, strerror(error));
	}
	return -error;
}

static int open_queue(struct tap *tap, const char *name, unsigned queue)
{
	struct ifreq request = {
		.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (tap->queues > 1 ? IFF_MULTI_QUEUE : 0))};

	tap->fd[queue] = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap->fd[queue] < 0)
		return open_failed(name, errno);
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(tap->fd[queue], TUNSETIFF, &request) != 0)
		return open_failed(name, errno);
	memcpy(tap->name, request.ifr_name, IFNAMSIZ);
	return 0;
}

static int set_up(struct tap *tap, unsigned offloads, bool persist)
{
	int error = tap_set_offloads(tap, offloads);

	if (error != 0)
		return open_failed(tap->name, -error);
	if (ioctl(tap->fd[0], TUNSETPERSIST, persist ? 1 : 0) != 0)
		return open_failed(tap->name, errno);
	tap->index = (int)if_nametoindex(tap->name);
	return tap_set_carrier(tap, false);
}

int tap_open(struct tap *tap, const char *name, unsigned queues, unsigned offloads, bool persist)
{
	int error = 0;

	*tap = (struct tap){.queues = queues, .was_there = if_nametoindex(name) != 0};
	for (unsigned i = 0; i < SLUICE_DATA_QUEUES_MAX; i++)
		tap->fd[i] = -1;
	for (unsigned i = 0; i < queues && error == 0; i++)
		error = open_queue(tap, name, i);
	if (error == 0)
		error = set_up(tap, offloads, persist);
	if (error != 0)
		tap_close(tap);
	return error;
}

void tap_close(struct tap *tap)
{
	for (unsigned i = 0; i < SLUICE_DATA_QUEUES_MAX; i++) {
		if (tap->fd[i] >= 0)
			close(tap->fd[i]);
		tap->fd[i] = -1;
	}
}

int tap_set_offloads(const struct tap *tap, unsigned offloads)
{
	for (unsigned i = 0; i < tap->queues; i++) {
		if (ioctl(tap->fd[i], TUNSETOFFLOAD, offloads) != 0)
			return -errno;
	}
	return 0;
}

/* ---- The most segments of a frame, for which there is no ioctl ------------------------------------ */

struct link_request {
	struct nlmsghdr header;
	struct ifinfomsg link;
	struct rtattr attribute;
	uint32_t value;
};

static int talk(int fd, const struct link_request *request)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		uint8_t rest[256];
	} answer;
	ssize_t length;

	if (send(fd, request, sizeof(*request), 0) != sizeof(*request))
		return -errno;
	length = recv(fd, &answer, sizeof(answer), 0); /* the kernel answers before send() returns */
	if (length < 0)
		return -errno;
	return length >= (ssize_t)NLMSG_LENGTH(sizeof(answer.error)) && answer.header.nlmsg_type == NLMSG_ERROR
		       ? answer.error.error
		       : -EPROTO;
}

int tap_set_segments(const struct tap *tap, uint32_t segments)
{
	const struct link_request request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = RTM_NEWLINK,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.link = {.ifi_index = tap->index},
		.attribute = {.rta_len = RTA_LENGTH(sizeof(segments)), .rta_type = IFLA_GSO_MAX_SEGS},
		.value = segments,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int error = fd < 0 ? -errno : talk(fd, &request);

	if (fd >= 0)
		close(fd);
	return error;
}

/* ---- What ioctls are for -------------------------------------------------------------------------- */

int tap_set_carrier(const struct tap *tap, bool up)
{
	int carrier = up;

	return ioctl(tap->fd[0], TUNSETCARRIER, &carrier) == 0 ? 0 : -errno;
}

static int configure(const struct tap *tap, unsigned long what, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = fd < 0 ? -errno : 0;

	if (fd < 0)
		return error;
	memcpy(request->ifr_name, tap->name, IFNAMSIZ);
	if (ioctl(fd, what, request) != 0)
		error = -errno;
	close(fd);
	return error;
}

int tap_set_mtu(const struct tap *tap, uint32_t mtu)
{
	struct ifreq request = {.ifr_mtu = (int)mtu};

	return configure(tap, SIOCSIFMTU, &request);
}

int tap_set_mac(const struct tap *tap, const uint8_t mac[6])
{
	struct ifreq request = {.ifr_hwaddr = {.sa_family = ARPHRD_ETHER}};

	memcpy(request.ifr_hwaddr.sa_data, mac, 6);
	return configure(tap, SIOCSIFHWADDR, &request);
}
