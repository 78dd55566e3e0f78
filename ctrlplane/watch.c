/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch.h"

#include <rte_ethdev.h>

#include "edge/port.h"
#include "im/verify.h"

static bool is_up(const struct edge_port *port)
{
	struct rte_eth_link link = {0};

	return rte_eth_link_get_nowait(port->port_id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

/* The ports of a policy are those that the firmware booted with, in their order. */
static void look_at_links(struct watch *watch)
{
	struct config *config = control_hold(watch->control);
	const struct policy_image *image = &config->image;

	for (uint32_t i = 0; i < image->header->ports; i++) {
		const struct edge_port *port = edge_port_find(policy_ports(image)[i].name);
		bool up = port != NULL && is_up(port);

		if (watch->looked && up != watch->link_up[i])
			event_log_raise(watch->control->events, SLUICE_EVENT_LINK, policy_ports(image)[i].name, up);
		watch->link_up[i] = up;
	}
	im_block_drop(&config->block);
}

static void look_at_violations(struct watch *watch)
{
	uint64_t violations = im_violations();

	if (violations != watch->violations)
		event_log_raise(watch->control->events, SLUICE_EVENT_VIOLATION, NULL, violations);
	watch->violations = violations;
}

void watch_tick(struct watch *watch, uint64_t now_ms)
{
	if (now_ms < watch->next_ms)
		return;
	watch->next_ms = now_ms + WATCH_PERIOD_MS;
	look_at_links(watch);
	look_at_violations(watch);
	watch->looked = true;
}
