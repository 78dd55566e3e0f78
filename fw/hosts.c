/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of ports that have hosts: what a host has received is its own until it returns it (5.4), so an end in order
 * waits for that. It is bounded, because the host may hang: then it is cut off, and its buffers are forfeited.
 */
#include "hosts.h"

#include <stdio.h>
#include <time.h>

#include "data_port.h"

#define SAY_MS 200u /* a host that is awake has returned all by then: nothing is to be said of it */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint32_t awaited(const struct sluice_port *port)
{
	struct data_port_account account;

	return data_port_account(port->name, &account) ? account.awaited : 0;
}

void hosts_drain(struct hosts *hosts, const struct policy_image *image, uint32_t limit_ms)
{
	*hosts = (struct hosts){.image = image, .limit_ms = limit_ms, .begun_ms = now_ms()};
	for (uint32_t i = 0; i < image->header->ports; i++)
		data_port_drain(policy_ports(image)[i].name);
}

static void say_waiting(struct hosts *hosts)
{
	for (uint32_t i = 0; i < hosts->image->header->ports; i++) {
		const struct sluice_port *port = &policy_ports(hosts->image)[i];
		uint32_t held = awaited(port);

		if (held > 0)
			fprintf(stderr,
				"sluice-fw: port '%s': waiting up to %u ms for %u receive buffers that its host has\n",
				port->name, hosts->limit_ms, held);
	}
	hosts->said = true;
}

static void say_cut_off(const struct hosts *hosts)
{
	for (uint32_t i = 0; i < hosts->image->header->ports; i++) {
		const struct sluice_port *port = &policy_ports(hosts->image)[i];
		uint32_t held = awaited(port);

		if (held > 0)
			fprintf(stderr,
				"sluice-fw: port '%s': its host is cut off: it has not returned %u receive buffers within %u ms\n",
				port->name, held, hosts->limit_ms);
	}
}

bool hosts_wait(struct hosts *hosts)
{
	uint64_t waited_ms = now_ms() - hosts->begun_ms;
	uint32_t held = 0;

	for (uint32_t i = 0; i < hosts->image->header->ports; i++)
		held += awaited(&policy_ports(hosts->image)[i]);
	if (held == 0) {
		if (hosts->said)
			fprintf(stderr, "sluice-fw: the hosts have returned all receive buffers\n");
		return false;
	}
	if (waited_ms >= hosts->limit_ms) {
		say_cut_off(hosts);
		return false;
	}
	if (waited_ms >= SAY_MS && !hosts->said)
		say_waiting(hosts);
	return true;
}
