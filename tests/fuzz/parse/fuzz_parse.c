/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A frame must parse alike however it is cut into segments. Input: 1 byte that chooses the segmentation (0: single
 * bytes, otherwise the seed of random sizes), then the frame.
 */
#include "classify/parse.h"

#include "../../unit/classify/mbufs.h"

enum { FRAME_MAX = 4096 };

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* Cut @p length bytes into segments; some are empty. @return how many */
static uint32_t choose_sizes(uint8_t seed, uint32_t length, uint16_t *sizes)
{
	uint32_t count = 0, random = seed;

	while (length > 0) {
		random = random * 1103515245 + 12345;
		sizes[count] = seed == 0 ? 1 : (uint16_t)((random >> 16) % (2u + seed / 4));
		if (sizes[count] > length || count == FRAME_MAX - 1)
			sizes[count] = (uint16_t)length;
		length -= sizes[count++];
	}
	if (count == 0)
		sizes[count++] = 0;
	return count;
}

/* What holds for every key, whatever the frame. */
static void check_key(const struct packet_key *key)
{
	static const uint8_t zero[12];

	check(memcmp(key->reserved, zero, sizeof(key->reserved)) == 0);
	check(key->ethertype == 0 || key->ethertype >= 0x0600);
	check(key->vlan_id <= 0x0fff && ((key->flags & PACKET_KEY_TAGGED) || key->vlan_id == 0));
	check(((key->flags & PACKET_KEY_IP) != 0) == (key->family != 0));
	check(key->family == 0 || key->ethertype == (key->family == 4 ? 0x0800 : 0x86dd));
	check(key->family == 6 || (memcmp(key->src + 4, zero, 12) == 0 && memcmp(key->dst + 4, zero, 12) == 0));
	check((key->flags & PACKET_KEY_IP) ||
	      (key->flags & (PACKET_KEY_PORTS | PACKET_KEY_ICMP | PACKET_KEY_TCP_FLAGS)) == 0);
	check((key->flags & PACKET_KEY_PORTS) || (key->src_port | key->dst_port) == 0);
	check((key->flags & PACKET_KEY_ICMP) || (key->icmp_type | key->icmp_code) == 0);
	check((key->flags & PACKET_KEY_TCP_FLAGS) ? key->protocol == 6 : key->tcp_flags == 0);
}

static uint32_t parse(const uint8_t *frame, const uint16_t *sizes, uint32_t count, struct packet_key *key)
{
	struct rte_mbuf *mbufs = mbufs_make(frame, sizes, count);
	uint32_t reason;

	memset(key, 0xa5, sizeof(*key));
	reason = parse_packet(mbufs, key);
	mbufs_free(mbufs);
	return reason;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint16_t sizes[FRAME_MAX];
	struct packet_key whole, cut;
	uint32_t length = (uint32_t)size - 1, reason;

	if (size == 0 || length > FRAME_MAX)
		return 0;
	reason = parse(data + 1, &(uint16_t){(uint16_t)length}, 1, &whole);
	check(reason == 0 || strcmp(sluice_drop_family_name(reason), "malformed") == 0);
	check(parse(data + 1, sizes, choose_sizes(data[0], length, sizes), &cut) == reason);
	if (reason == 0) {
		check(memcmp(&whole, &cut, sizeof(whole)) == 0);
		check_key(&whole);
	}
	return 0;
}
