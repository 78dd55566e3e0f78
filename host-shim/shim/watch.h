/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel's side wants of the device: its address, MTU and filters, as rtnetlink and /proc tell them. */
#ifndef SLUICE_SHIM_WATCH_H
#define SLUICE_SHIM_WATCH_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_MULTICAST_MAX 128u

struct device_state {
	bool present; /* in this network namespace */
	bool up;
	bool promiscuous;
	bool all_multicast;
	char name[IFNAMSIZ]; /* users rename devices */
	uint32_t mtu;
	uint8_t mac[6];
	unsigned multicast_count; /* may be more than there is room for: then all are wanted */
	uint8_t multicast[WATCH_MULTICAST_MAX][6];
};

struct watch {
	int socket; /* to be polled: something changed */
	int index;
};

/** 0 or -errno. Without it changes are seen when somebody looks. */
int watch_open(struct watch *watch, int index);
void watch_close(struct watch *watch);

/** Forgets what has been told: it only says that it is time to look. */
void watch_drain(struct watch *watch);

/** Looks. 0, or -errno where the kernel does not answer; a device that is not there is an answer. */
int watch_look(struct watch *watch, struct device_state *state);

/** Reads one answer of rtnetlink of @p length bytes. */
void watch_parse_link(const void *message, size_t length, struct device_state *state);

/** Reads a line of /proc/net/dev_mcast, where it is about the device with this @p index. */
void watch_parse_multicast(const char *line, int index, struct device_state *state);

#endif
