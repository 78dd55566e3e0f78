/* SPDX-License-Identifier: BSD-3-Clause */
/* Relays between the neighbours: one that hands on all, and one that declines packets of even length. */
#include "rig.h"

static struct im_relay_driver relay = {.description = "relay"};
static struct im_relay_driver picky = {.description = "picky"};

static im_status_t relay_bind(const struct im_bind_config *config)
{
	return im_relay_bind(&relay, config);
}

static void relay_unload(void)
{
	rig_event("unload", "relay");
	im_relay_unload(&relay);
}

im_status_t rig_relay_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport;
	static const struct im_protocol_characteristics protocol = {.bind_adapter = relay_bind};

	return im_relay_register(&relay, object, &miniport, &protocol, relay_unload);
}

static im_status_t picky_bind(const struct im_bind_config *config)
{
	return im_relay_bind(&picky, config);
}

static void picky_unload(void)
{
	im_relay_unload(&picky);
}

static uint16_t part(struct im_packet **packets, uint16_t count, struct im_packet **odd, struct im_packet **even)
{
	uint16_t odds = 0;

	for (uint16_t i = 0; i < count; i++) {
		if (packets[i]->length % 2 == 1)
			odd[odds++] = packets[i];
		else
			even[i - odds] = packets[i];
	}
	return odds;
}

static void picky_send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct im_packet *odd[IM_BURST], *even[IM_BURST];
	uint16_t odds = part(packets, count, odd, even);
	struct im_relay *level = context;

	for (uint16_t i = 0; i < count - odds; i++)
		even[i]->status = IM_STATUS_FAILURE;
	im_send_complete(level->instance, even, (uint16_t)(count - odds));
	im_send_packets(level->below, odd, odds);
}

/* As a filter does: what it declines stays behind, and the first packet of what passes is another than the first it
 * got. */
static void picky_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct im_packet *odd[IM_BURST], *even[IM_BURST];
	bool lent = packets[0]->status == IM_STATUS_SUCCESS;
	uint16_t odds = part(packets, count, odd, even);
	struct im_relay *level = context;

	for (uint16_t i = 0; i < count; i++)
		references[i] = lent && packets[i]->length % 2 == 1;
	im_indicate_receive_packets(level->instance, odd, odds);
}

im_status_t rig_picky_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport = {.send_packets = picky_send_packets};
	static const struct im_protocol_characteristics protocol = {.bind_adapter = picky_bind,
								    .receive_packets = picky_receive_packets};

	return im_relay_register(&picky, object, &miniport, &protocol, picky_unload);
}
