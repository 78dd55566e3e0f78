/* SPDX-License-Identifier: BSD-3-Clause */
/* The order in which a relay that ships is unbound (contract section 1E). */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c1_38_the_relay_clears_the_filters_once_its_vnic_has_stopped),
	};

	return host_run_tests(tests);
}
