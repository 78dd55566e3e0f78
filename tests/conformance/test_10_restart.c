/* SPDX-License-Identifier: BSD-3-Clause */
/* A restart that fails (contract section 10D). */
#include "shipped.h"

static void expect_send(struct im_packet *packet, im_status_t status)
{
	rig_forget();
	im_send_packets(rig.top_binding->binding, &packet, 1);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", status), 1);
	assert_int_equal(rig_calls(RIG_send_packets, "nic"), status == IM_STATUS_SUCCESS);
}

static void c10_21_c10_22_a_restart_that_fails_ends_in_paused(void **state)
{
	struct im_packet *packet = rig_packet(RIG_LEVELS_MAX, 60, 0);

	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	host_pause("nic");
	rig.nic->script.restart_status = IM_STATUS_HARD_ERRORS;
	assert_int_equal(host_restart("nic"), IM_STATUS_HARD_ERRORS);
	assert_int_equal(host_state("nic"), SLUICE_INSTANCE_PAUSED);
	expect_send(packet, IM_STATUS_PAUSED);
	rig_indicate(rig.port, &packet, 1, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_receive_packets, "top"), 0);
	rig.nic->script.restart_status = IM_STATUS_SUCCESS;
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS); /* legal, as it is paused */
	assert_int_equal(host_restart("nic"), IM_STATUS_NOT_ACCEPTED);
	expect_send(packet, IM_STATUS_SUCCESS);
	rig_packets_free(&packet, 1);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c10_21_c10_22_a_restart_that_fails_ends_in_paused),
	};

	return host_run_tests(tests);
}
