/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * filter: a stateless firewall. Each burst is parsed, classified and judged under the configuration of the block
 * that was in force when the burst began; what is denied ends here with its reason, what is allowed goes on in order.
 * docs/policy.md says what a rule means.
 */
#include <errno.h>

#include <rte_prefetch.h>

#include "classify/classify.h"
#include "device.h"
#include "im/relay.h"

/* The rules of one direction, frozen. */
struct side {
	struct classifier *classifier;
	uint32_t *counters; /* slot by rank */
	uint8_t *actions;   /* enum sluice_action by rank */
	uint32_t default_counter;
	uint8_t default_action;
};

struct filter_config {
	struct side sides[SLUICE_DIRECTIONS];
};

static struct im_relay_driver driver = {
	.description = "Sluice stateless packet filter",
	.own_size = sizeof(struct filter_own),
	.start = filter_device_add,
	.stop = filter_device_remove,
};

/* ---- Configuration ------------------------------------------------------------------------------- */

/* Of none too: NULL is "no memory" alone. */
IM_PASSIVE static void *allocate(size_t count, size_t size)
{
	return im_allocate_memory(driver.wrapper, (count + 1) * size, "filter's rules");
}

IM_PASSIVE static void side_free(struct side *side)
{
	classify_free(side->classifier);
	im_free_memory(side->counters);
	im_free_memory(side->actions);
}

IM_PASSIVE static int side_build(struct side *side, const struct im_config_source *source, uint8_t direction)
{
	const struct sluice_rule **rules = allocate(source->count, sizeof(*rules));
	uint32_t count = 0;
	int result = -ENOMEM;

	side->default_action = source->default_action[direction];
	side->default_counter = source->default_counter[direction];
	side->counters = allocate(source->count, sizeof(*side->counters));
	side->actions = allocate(source->count, sizeof(*side->actions));
	if (rules != NULL && side->counters != NULL && side->actions != NULL) {
		for (uint32_t i = 0; i < source->count; i++) {
			if (source->rules[i]->direction != direction)
				continue;
			side->counters[count] = source->counters[i];
			side->actions[count] = source->rules[i]->action;
			rules[count++] = source->rules[i];
		}
		result = classify_build(rules, count, &side->classifier);
	}
	im_free_memory(rules);
	return result;
}

IM_PASSIVE static void config_destroy(void *opaque)
{
	struct filter_config *config = opaque;

	side_free(&config->sides[SLUICE_IN]);
	side_free(&config->sides[SLUICE_OUT]);
	im_free_memory(config);
}

IM_PASSIVE static im_status_t config_build(const struct im_config_source *source, void **out)
{
	struct filter_config *config = allocate(1, sizeof(*config));

	if (config == NULL)
		return IM_STATUS_RESOURCES;
	for (uint8_t direction = 0; direction < SLUICE_DIRECTIONS; direction++) {
		int result = side_build(&config->sides[direction], source, direction);

		if (result != 0) {
			config_destroy(config);
			return result == -ENOMEM ? IM_STATUS_RESOURCES : IM_STATUS_INVALID_DATA;
		}
	}
	*out = config;
	return IM_STATUS_SUCCESS;
}

/* ---- Judging a burst ----------------------------------------------------------------------------- */

/* The count rules that the packet met before its verdict. */
IM_DISPATCH static void count_on_the_way(const struct side *side, const struct packet_key *key, uint32_t verdict,
					 uint32_t bytes)
{
	uint32_t rank = 0;

	while ((rank = classify_next_count(side->classifier, key, rank, verdict)) != CLASSIFY_NO_MATCH)
		im_count_rule(side->counters[rank++], 1, bytes);
}

/* The reason to drop, or 0; the rule that decided has counted. */
IM_DISPATCH static uint32_t decide(const struct side *side, uint32_t verdict, uint32_t bytes)
{
	if (verdict == CLASSIFY_NO_MATCH) {
		im_count_rule(side->default_counter, 1, bytes);
		return side->default_action == SLUICE_ALLOW ? 0 : SLUICE_DROP_DEFAULT;
	}
	im_count_rule(side->counters[verdict], 1, bytes);
	return side->actions[verdict] == SLUICE_ALLOW ? 0 : SLUICE_DROP_RULE;
}

IM_DISPATCH static void judge(const struct side *side, struct im_packet **packets, uint16_t count, uint32_t *drops)
{
	struct packet_key keys[IM_BURST];
	uint32_t ranks[IM_BURST];
	uint16_t parsed[IM_BURST]; /* which packet a key belongs to */
	uint16_t good = 0;

	for (uint16_t i = 0; i < count; i++) {
		drops[i] = parse_packet(packets[i]->mbuf, &keys[good]);
		parsed[good] = i;
		good += drops[i] == 0;
	}
	if (good > 0)
		classify_burst(side->classifier, keys, good, ranks);
	for (uint16_t k = 0; k < good; k++) {
		uint32_t bytes = packets[parsed[k]]->length;

		if (classify_has_counts(side->classifier))
			count_on_the_way(side, &keys[k], ranks[k], bytes);
		drops[parsed[k]] = decide(side, ranks[k], bytes);
	}
}

/* Part the burst in two, each in order. Returns how many pass. */
IM_DISPATCH static uint16_t part(struct im_instance *instance, enum sluice_direction direction,
				 struct im_packet **packets, uint16_t count, uint32_t *drops, struct im_packet **passed,
				 struct im_packet **denied)
{
	uint16_t passing = 0;

	for (uint16_t i = 0; i < count; i++) {
		if (drops[i] == 0) {
			passed[passing++] = packets[i];
			continue;
		}
		denied[i - passing] = packets[i];
		im_count_drop(im_instance_account(instance), direction, drops[i], 1);
	}
	return passing;
}

/* A filter whose configuration is missing lets nothing through. */
IM_DISPATCH static void judge_for(struct im_instance *instance, enum sluice_direction direction,
				  struct im_packet **packets, uint16_t count, uint32_t *drops)
{
	const struct filter_config *config = im_config(instance);

	if (likely(config != NULL)) {
		judge(&config->sides[direction], packets, count, drops);
		return;
	}
	for (uint16_t i = 0; i < count; i++)
		drops[i] = SLUICE_DROP_NOT_RUNNING;
}

/* ---- Handlers ------------------------------------------------------------------------------------ */

IM_DISPATCH static void send_burst(struct im_relay *relay, struct im_packet **packets, uint16_t count)
{
	struct im_packet *passed[IM_BURST], *denied[IM_BURST];
	uint32_t drops[IM_BURST]; /* enum sluice_drop of each packet, 0: it passes */
	uint16_t passing;

	judge_for(relay->instance, SLUICE_OUT, packets, count, drops);
	passing = part(relay->instance, SLUICE_OUT, packets, count, drops, passed, denied);
	for (uint16_t i = 0; i < count - passing; i++)
		denied[i]->status = IM_STATUS_FAILURE;
	if (passing < count)
		im_send_complete(relay->instance, denied, (uint16_t)(count - passing));
	if (passing > 0)
		im_relay_send(relay, passed, passing);
}

/* A sender may hand over more at once than the burst that fits on the stack here (4.1). */
IM_DISPATCH static void send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	for (uint16_t done = 0; done < count; done += IM_BURST)
		send_burst(context, packets + done, RTE_MIN((uint16_t)(count - done), (uint16_t)IM_BURST));
}

/* What is denied is not kept: it goes home when this returns. */
IM_DISPATCH static void receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct im_relay *relay = context;
	struct im_packet *passed[IM_BURST], *denied[IM_BURST];
	uint16_t kept[IM_BURST];  /* references of what passes */
	uint32_t drops[IM_BURST]; /* enum sluice_drop of each packet, 0: it passes */
	uint16_t passing;

	if (!im_relay_takes(relay, count))
		return;
	judge_for(relay->instance, SLUICE_IN, packets, count, drops);
	passing = part(relay->instance, SLUICE_IN, packets, count, drops, passed, denied);
	if (passing == 0)
		return;
	im_relay_indicate(relay, passed, passing, kept);
	for (uint16_t i = 0, k = 0; i < count; i++)
		references[i] = drops[i] == 0 ? kept[k++] : 0;
}

IM_PASSIVE static im_status_t bind_adapter(const struct im_bind_config *config)
{
	return im_relay_bind(&driver, config);
}

IM_PASSIVE static void unload(void)
{
	im_relay_unload(&driver);
}

IM_INIT static im_status_t driver_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport = {.send_packets = send_packets};
	static const struct im_protocol_characteristics protocol = {
		.bind_adapter = bind_adapter,
		.receive_packets = receive_packets,
	};
	static const struct im_config_handlers config = {.build = config_build, .destroy = config_destroy};
	im_status_t status = im_relay_register(&driver, object, &miniport, &protocol, unload);

	if (status == IM_STATUS_SUCCESS)
		im_register_config_handlers(driver.miniport, &config);
	return status;
}

IM_DRIVER("filter", "stateless packet filter: allow, deny and count rules")
