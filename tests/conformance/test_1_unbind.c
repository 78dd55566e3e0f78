/* SPDX-License-Identifier: BSD-3-Clause */
/* A relay that ships is unbound: in which order, and at a bad moment (contract sections 1E and 2E). */
#include <unistd.h>

#include "shipped.h"

static unsigned sets_at_the_stop; /* that the nic had got when the VNIC halted */

static void note_the_stop(struct im_relay *relay)
{
	(void)relay;
	sets_at_the_stop = rig_calls(RIG_set_information, "nic");
}

/* Those above still want their packets until then. */
static void c1_38_the_relay_clears_the_filters_once_its_vnic_has_stopped(void **state)
{
	static const uint32_t cleared[] = {SLUICE_OID_802_3_MULTICAST_LIST, SLUICE_OID_GEN_CURRENT_PACKET_FILTER};

	(void)state;
	shipped_begin(NULL);
	shipped.stop = note_the_stop;
	shipped_build(1);
	rig_forget();
	assert_int_equal(host_unbind_over("nic"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_unbind_adapter, "top"), 1);
	assert_int_equal(rig_calls(RIG_set_information, "nic"), sets_at_the_stop + RTE_DIM(cleared));
	for (unsigned i = 0; i < RTE_DIM(cleared); i++)
		assert_int_equal(rig_call(RIG_set_information, "nic", sets_at_the_stop + i)->value, cleared[i]);
	rig_end();
}

static const struct host_options later = {.verify = {.schedule = IM_SCHEDULE_LATER,
						     .request_limit_ms = 12000,
						     .handler_limit_ms = 10000,
						     .wait_limit_ms = 30000}};

static void unbind(void *argument)
{
	(void)argument;
	host_unbind_over("nic");
}

static bool binds; /* an unbind waits for the end of that: where the core initialises inside, it comes too late */

static im_status_t start_while_unbound(struct im_relay *relay)
{
	host_begin(HOST_IDLE, unbind, NULL);
	while (!binds && (__atomic_load_n(&relay->gate, __ATOMIC_ACQUIRE) & IM_RELAY_CLOSING) == 0)
		usleep(100);
	usleep(5000); /* to go wrong */
	return IM_STATUS_SUCCESS;
}

/* Its cancel comes too late: then it must wait, and take down the VNIC that comes. */
static void c2_43_the_relay_waits_for_an_initialize_that_runs(void **state)
{
	(void)state;
	shipped_begin(&later);
	shipped_load_all();
	shipped.start = start_while_unbound;
	binds = true;
	assert_int_equal(rig_bind("relay", "nic", "r0"), IM_STATUS_SUCCESS);
	binds = false;
	host_settle(); /* this thread initialises */
	host_join();
	assert_false(host_exists("r0"));
	assert_int_equal(host_objects("relay"), 0);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c1_38_the_relay_clears_the_filters_once_its_vnic_has_stopped),
		cmocka_unit_test(c2_43_the_relay_waits_for_an_initialize_that_runs),
	};

	return host_run_tests(tests);
}
