/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stack of passthrus between two real ports whose far ends are rings in the test's hands.
 *
 *     from_host ──> host0 ── p0 ── p1 ... ── wire0 ──> to_wire
 *     to_host   <──                               <── from_wire
 */
#ifndef TEST_EDGE_WIRES_H
#define TEST_EDGE_WIRES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <rte_ring.h>

#include "edge/port.h"
#include "im/core.h"

struct wires_config {
	uint32_t levels;
	uint32_t to_wire; /* packets that the wire's ring takes; 0: plenty */
	uint32_t to_host;
	uint16_t mtu;	 /* of both; 0: 1500 */
	uint32_t rx_pps; /* of both */
	uint32_t asks;	 /* what the host may ask of its frames: enum sluice_offload */
};

#define WIRES_TOLD_MAX 2048u

struct wires {
	struct im_packet_pool pool;
	struct rte_ring *from_host, *to_host, *from_wire, *to_wire;
	struct edge_port *host, *wire;
	uint32_t levels;
	uint32_t told;
	uint16_t statuses[WIRES_TOLD_MAX]; /* of those told */
};

void wires_up(struct wires *wires, const struct wires_config *config);

/** Takes all down and expects every descriptor and buffer back, and no leak in the core. */
void wires_down(struct wires *wires);

/** Put frames numbered from @p first into @p ring, each of @p length bytes in @p segments buffers. */
void wires_put(struct wires *wires, struct rte_ring *ring, uint32_t first, uint32_t count, uint32_t length,
	       uint32_t segments);

/** Expect exactly the frames numbered from @p first in @p ring, in order, and free them. */
#define wires_expect(ring, first, count) wires_expect_at(__LINE__, ring, first, count)
void wires_expect_at(int line, struct rte_ring *ring, uint32_t first, uint32_t count);

/** Take at most @p most frames from @p ring, expect them numbered from @p first, and free them. Returns how many. */
uint32_t wires_take(struct rte_ring *ring, uint32_t first, uint32_t most);

/** Poll until nothing more comes in. */
void wires_poll(struct edge_port *port);

/** What the host-side edge was told of its sends: how many are done, how many of them with @p status. */
uint32_t wires_told(const struct wires *wires);
uint32_t wires_told_status(const struct wires *wires, im_status_t status);

/** Packets that the port dropped for @p reason. */
uint64_t wires_dropped(const struct edge_port *port, enum sluice_direction direction, enum sluice_drop reason);

#endif
