/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>

#include "wires.h"

#define PLENTY 2048u
#define MBUFS  2048u

/* ---- Up ------------------------------------------------------------------------------------------- */

static struct rte_ring *make_ring(const char *name, uint32_t size)
{
	struct rte_ring *ring = rte_ring_create(name, size != 0 ? size : PLENTY, (int)rte_socket_id(), RING_F_EXACT_SZ);

	assert_non_null(ring);
	return ring;
}

static struct edge_port *make_port(struct wires *wires, const struct wires_config *config, const char *name,
				   struct rte_ring *receive, struct rte_ring *transmit)
{
	struct sluice_port port = {.queues = 1, .mtu = config->mtu != 0 ? config->mtu : 1500, .rx_pps = config->rx_pps};
	char error[512] = "";
	struct edge_port *made;

	assert_true(rte_eth_from_rings(name, &receive, 1, &transmit, 1, rte_socket_id()) >= 0);
	snprintf(port.name, sizeof(port.name), "%s0", name);
	snprintf(port.devargs, sizeof(port.devargs), "net_ring_%s", name);
	if (edge_port_create(&port, &wires->pool, &made, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	assert_int_equal(edge_port_start(made, error, sizeof(error)), 0);
	return made;
}

static void bind_over(const char *driver, const char *adapter, const char *presents)
{
	struct im_bind_config config = {.adapter = adapter, .vnic_count = 1, .vnic_names = &presents};

	assert_int_equal(im_bind(im_find_driver(driver), &config), IM_STATUS_SUCCESS);
}

static void make_stack(struct wires *wires)
{
	char adapter[16] = "wire0", vnic[16];

	assert_int_equal(im_start_plain_instance(im_find_driver(EDGE_LOWER_DRIVER), adapter, wires->wire),
			 IM_STATUS_SUCCESS);
	for (uint32_t level = wires->levels; level-- > 0;) {
		snprintf(vnic, sizeof(vnic), "p%u", level);
		bind_over("passthru", adapter, vnic);
		memcpy(adapter, vnic, sizeof(adapter));
	}
	bind_over(EDGE_UPPER_DRIVER, adapter, "host0");
	assert_int_equal(im_restart(im_find_instance("wire0")), IM_STATUS_SUCCESS);
	for (uint32_t level = wires->levels; level-- > 0;) {
		snprintf(vnic, sizeof(vnic), "p%u", level);
		assert_int_equal(im_restart(im_find_instance(vnic)), IM_STATUS_SUCCESS);
	}
}

static struct wires *told;
static void (*send_complete)(void *context, struct im_packet **packets, uint16_t count);

static void spy(void *context, struct im_packet **packets, uint16_t count)
{
	assert_true(told->told + count <= WIRES_TOLD_MAX);
	for (uint16_t i = 0; i < count; i++)
		told->statuses[told->told++] = packets[i]->status;
	send_complete(context, packets, count);
}

static void spy_on_sends(struct wires *wires)
{
	struct im_protocol *edge = im_find_driver(EDGE_UPPER_DRIVER)->wrapper->protocol;

	told = wires;
	send_complete = edge->handlers.send_complete;
	edge->handlers.send_complete = spy;
}

void wires_up(struct wires *wires, const struct wires_config *config)
{
	const char *failed = "";

	memset(wires, 0, sizeof(*wires));
	wires->levels = config->levels;
	assert_int_equal(im_packet_pool_create(&wires->pool, 1023, (uint8_t)(config->levels + 2), MBUFS - 1), 0);
	wires->from_host = make_ring("from_host", 0);
	wires->to_host = make_ring("to_host", config->to_host);
	wires->from_wire = make_ring("from_wire", 0);
	wires->to_wire = make_ring("to_wire", config->to_wire);
	assert_int_equal(im_core_create(0, 4), 0);
	im_core.buffers = wires->pool.buffers;
	assert_int_equal(im_load_builtin_drivers(&failed), IM_STATUS_SUCCESS);
	wires->host = make_port(wires, config, "host", wires->from_host, wires->to_host);
	wires->wire = make_port(wires, config, "wire", wires->from_wire, wires->to_wire);
	wires->host->may_be_asked = config->asks;
	make_stack(wires);
	spy_on_sends(wires);
}

/* ---- Down ----------------------------------------------------------------------------------------- */

static void free_ring(struct rte_ring *ring)
{
	struct rte_mbuf *mbuf = NULL;

	while (rte_ring_dequeue(ring, (void **)&mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	rte_ring_free(ring);
}

void wires_down(struct wires *wires)
{
	edge_port_abandon(wires->host, 0);
	edge_port_abandon(wires->wire, 0);
	assert_int_equal(im_deinitialize_device_instance(im_find_instance("wire0")), IM_STATUS_SUCCESS);
	edge_port_destroy(wires->host);
	edge_port_destroy(wires->wire);
	im_unload_drivers();
	assert_int_equal(im_core_destroy(), 0);
	free_ring(wires->from_host);
	free_ring(wires->to_host);
	free_ring(wires->from_wire);
	free_ring(wires->to_wire);
	assert_int_equal(rte_mempool_avail_count(wires->pool.descriptors), 1023);
	assert_int_equal(rte_mempool_avail_count(wires->pool.buffers), MBUFS - 1);
	im_packet_pool_destroy(&wires->pool);
}

/* ---- Frames --------------------------------------------------------------------------------------- */

static struct rte_mbuf *make_frame(struct wires *wires, uint32_t number, uint32_t length, uint32_t segments)
{
	struct rte_mbuf *frame = NULL;

	for (uint32_t i = 0; i < segments; i++) {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(wires->pool.buffers);
		uint32_t part = i + 1 < segments ? length / segments : length - (segments - 1) * (length / segments);

		assert_non_null(mbuf);
		memset(rte_pktmbuf_append(mbuf, (uint16_t)part), (int)i, part);
		if (i == 0) {
			frame = mbuf;
			memcpy(rte_pktmbuf_mtod(frame, void *), &number, sizeof(number));
		} else {
			assert_int_equal(rte_pktmbuf_chain(frame, mbuf), 0);
		}
	}
	return frame;
}

void wires_put(struct wires *wires, struct rte_ring *ring, uint32_t first, uint32_t count, uint32_t length,
	       uint32_t segments)
{
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(rte_ring_enqueue(ring, make_frame(wires, first + i, length, segments)), 0);
}

uint32_t wires_take(struct rte_ring *ring, uint32_t first, uint32_t most)
{
	uint32_t taken = 0;
	struct rte_mbuf *mbuf = NULL;

	while (taken < most && rte_ring_dequeue(ring, (void **)&mbuf) == 0) {
		uint32_t number;

		memcpy(&number, rte_pktmbuf_mtod(mbuf, void *), sizeof(number));
		rte_pktmbuf_free(mbuf);
		if (number != first + taken)
			fail_msg("frame %u came where %u was expected", number, first + taken);
		taken++;
	}
	return taken;
}

void wires_expect_at(int line, struct rte_ring *ring, uint32_t first, uint32_t count)
{
	uint32_t taken = wires_take(ring, first, UINT32_MAX);

	if (taken != count)
		fail_msg("line %d: %u frames came, expected %u", line, taken, count);
}

void wires_poll(struct edge_port *port)
{
	while (edge_port_poll(port) > 0)
		;
}

uint64_t wires_dropped(const struct edge_port *port, enum sluice_direction direction, enum sluice_drop reason)
{
	struct im_account sum;

	im_read_account(edge_port_account(port), &sum);
	return sum.drops[direction][reason];
}

uint32_t wires_told(const struct wires *wires)
{
	return wires->told;
}

uint32_t wires_told_status(const struct wires *wires, im_status_t status)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < wires->told; i++)
		count += wires->statuses[i] == status;
	return count;
}
