/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that are indicated and home again are nobody else's (contract section 5A). */
#include "shipped.h"

#define PACKETS 8u

static struct im_packet *packets[PACKETS];

/* Their owner does with them what it likes: here they are gone. A sanitizer sees who touches them after that. */
static void free_them(void *context, struct im_packet **home, uint16_t count)
{
	(void)context;
	rig_packets_free(home, count);
}

static im_status_t indicate_in_the_reset(bool *addressing_reset, void *context)
{
	(void)addressing_reset;
	(void)context;
	rig_indicate(rig.port, packets, PACKETS, IM_STATUS_SUCCESS);
	return IM_STATUS_SUCCESS;
}

/* On their way up in the call; and held by a relay over a reset, so that its own call is the outermost. */
static void c5_3_nobody_touches_a_packet_that_is_indicated(void **state)
{
	static const struct host_options kinds[] = {{.workers = 0}, {.unverified = true}};

	(void)state;
	for (size_t kind = 0; kind < RTE_DIM(kinds); kind++) {
		shipped_begin(&kinds[kind]);
		rig.nic->miniport.return_packets = free_them;
		rig.nic->miniport.reset = indicate_in_the_reset;
		shipped_build(2);
		rig_packets(packets, PACKETS);
		rig_indicate(rig.port, packets, PACKETS, IM_STATUS_SUCCESS);
		host_settle();
		rig_packets(packets, PACKETS);
		assert_int_equal(host_reset("nic"), IM_STATUS_SUCCESS);
		host_settle();
		assert_int_equal(rig_packets_seen(RIG_receive_packets, "top"), 2 * PACKETS);
		assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 2 * PACKETS);
		assert_int_equal(host_outstanding("nic"), 0);
		rig_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c5_3_nobody_touches_a_packet_that_is_indicated),
	};

	return host_run_tests(tests);
}
