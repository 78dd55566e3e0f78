/* SPDX-License-Identifier: BSD-3-Clause */
/* The `eth` object of an ace's matches. */
#include "policy/limits.h"
#include "policy/reader.h"
#include "policy/value.h"

#include <errno.h>
#include <string.h>

static int read_mac(struct reader *r, const json_t *value, uint8_t mac[6])
{
	const char *text;

	if (reader_string(r, value, &text) != 0)
		return -EINVAL;
	if (!value_read_mac(text, mac))
		return reader_refuse(r, "\"%.64s\" is not six pairs of hex digits with colons between", text);
	return 0;
}

/* The mask is all ones unless it is given, which is read after the address. */
static int read_source_mac(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;

	rule->fields |= SLUICE_MATCH_SRC_MAC;
	memset(rule->src_mac_mask, 0xff, sizeof(rule->src_mac_mask));
	return read_mac(r, value, rule->src_mac);
}

static int read_destination_mac(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;

	rule->fields |= SLUICE_MATCH_DST_MAC;
	memset(rule->dst_mac_mask, 0xff, sizeof(rule->dst_mac_mask));
	return read_mac(r, value, rule->dst_mac);
}

static int read_source_mask(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;

	if ((rule->fields & SLUICE_MATCH_SRC_MAC) == 0)
		return reader_refuse(r, "a mask needs \"source-mac-address\" beside it");
	return read_mac(r, value, rule->src_mac_mask);
}

static int read_destination_mask(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;

	if ((rule->fields & SLUICE_MATCH_DST_MAC) == 0)
		return reader_refuse(r, "a mask needs \"destination-mac-address\" beside it");
	return read_mac(r, value, rule->dst_mac_mask);
}

static int read_ethertype(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;
	uint32_t number;

	rule->fields |= SLUICE_MATCH_ETHERTYPE;
	if (json_is_string(value)) {
		if (!value_read_hex(json_string_value(value), &rule->ethertype))
			return reader_refuse(
				r, "\"%.64s\" is not an EtherType: a number, or \"0x\" and up to 4 hex digits",
				json_string_value(value));
		return 0;
	}
	if (reader_number(r, value, ETHERTYPE_LEAST, UINT16_MAX, &number) != 0)
		return -EINVAL;
	rule->ethertype = (uint16_t)number;
	return 0;
}

int reader_eth(struct reader *r, const json_t *value, void *rule)
{
	static const struct member members[] = {
		{"ethertype", read_ethertype, false},
		{"source-mac-address", read_source_mac, false},
		{"source-mac-address-mask", read_source_mask, false},
		{"destination-mac-address", read_destination_mac, false},
		{"destination-mac-address-mask", read_destination_mask, false},
	};

	return reader_object(r, value, MEMBERS(members), rule);
}
