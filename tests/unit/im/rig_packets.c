/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of the rig, in memory from malloc, and what became of them. */
#include <string.h>

#include "rig.h"

/* Descriptor, buffers and bytes are one piece of memory, so that free() takes them all. */
struct im_packet *rig_packet_in(uint8_t slots, uint32_t length, uint32_t size)
{
	size_t head = RTE_ALIGN_CEIL(sizeof(struct im_packet) + slots * sizeof(struct im_packet_slot), 64);
	uint32_t segments = length > size ? (length + size - 1) / size : 1;
	uint8_t *memory = aligned_alloc(64, RTE_ALIGN_CEIL(head + segments * sizeof(struct rte_mbuf) + length, 64));
	struct im_packet *packet = (struct im_packet *)(void *)memory;
	struct rte_mbuf *mbufs = (struct rte_mbuf *)(void *)(memory + head);
	uint8_t *bytes = (uint8_t *)(mbufs + segments);

	assert_non_null(memory);
	memset(memory, 0, head + segments * sizeof(*mbufs));
	for (uint32_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)i;
	for (uint32_t i = 0; i < segments; i++) {
		mbufs[i].buf_addr = bytes + i * size;
		mbufs[i].buf_len = mbufs[i].data_len = (uint16_t)RTE_MIN(size, length - i * size);
		mbufs[i].nb_segs = 1;
		mbufs[i].refcnt = 1;
		mbufs[i].next = i + 1 < segments ? &mbufs[i + 1] : NULL;
	}
	mbufs->pkt_len = length;
	mbufs->nb_segs = (uint16_t)segments;
	packet->mbuf = mbufs;
	packet->slots = slots;
	packet->length = length;
	packet->status = IM_STATUS_SUCCESS;
	return packet;
}

struct im_packet *rig_packet(uint8_t slots, uint32_t length)
{
	return rig_packet_in(slots, length, length);
}

void rig_packets(struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		packets[i] = rig_packet(RIG_LEVELS_MAX + 2, 60u + i);
}

void rig_packets_free(struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		assert_int_equal(packets[i]->depth, 0); /* nobody on its way has it any more */
		free(packets[i]);
	}
}

uint8_t *rig_byte(const struct im_packet *packet, uint32_t at)
{
	const struct rte_mbuf *mbuf = packet->mbuf;

	for (; at >= rte_pktmbuf_data_len(mbuf); mbuf = mbuf->next)
		at -= rte_pktmbuf_data_len(mbuf);
	return rte_pktmbuf_mtod_offset(mbuf, uint8_t *, at);
}

void rig_complete(uint32_t from, uint32_t count, im_status_t status)
{
	for (uint32_t i = from; i < from + count; i++)
		rig_nic.sent.packets[i]->status = (uint16_t)status;
	im_send_complete(rig_nic.instance, &rig_nic.sent.packets[from], (uint16_t)count);
}

struct im_account rig_account(const char *instance)
{
	struct im_account sum;

	im_read_account(im_instance_account(im_find_instance(instance)), &sum);
	return sum;
}

struct im_account rig_binding_account(const struct rig_top *top)
{
	struct im_account sum;

	im_read_account(im_binding_account(top->binding), &sum);
	return sum;
}

void rig_expect_at(int line, const char *name, const struct rig_log *log, struct im_packet *const *packets,
		   uint32_t count)
{
	if (log->count != count)
		fail_msg("line %d: %s holds %u packets, expected %u", line, name, log->count, count);
	for (uint32_t i = 0; i < count; i++)
		if (log->packets[i] != packets[i])
			fail_msg("line %d: %s: packet %u is not the one expected there", line, name, i);
}

void rig_expect_status_at(int line, const char *name, const struct rig_log *log, im_status_t status, uint32_t count)
{
	if (log->count != count)
		fail_msg("line %d: %s holds %u packets, expected %u", line, name, log->count, count);
	for (uint32_t i = 0; i < count; i++)
		if (log->statuses[i] != status)
			fail_msg("line %d: %s: packet %u has status '%s', expected '%s'", line, name, i,
				 im_status_text(log->statuses[i]), im_status_text(status));
}
