/* SPDX-License-Identifier: BSD-3-Clause */
/* Waking up the host is the adapter's: a relay passes on what is asked of it (contract section 6C). */
#include "shipped.h"

static const struct {
	uint32_t oid;
	bool query, set;
} wake_up[] = {
	{SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN, .set = true},
	{SLUICE_OID_PNP_REMOVE_WAKE_UP_PATTERN, .set = true},
	{SLUICE_OID_PNP_WAKE_UP_PATTERN_LIST, .query = true},
	{SLUICE_OID_PNP_ENABLE_WAKE_UP, .query = true, .set = true},
};

static im_status_t ask(uint32_t oid, bool set, uint32_t *value)
{
	struct im_request request = {.set = set, .oid = oid, .buffer = value, .length = sizeof(*value)};

	return rig_request(rig.top_binding, &request);
}

/* One after the other, over two relays; and at an adapter that knows nothing of it. */
static void c6_30_wake_up_is_forwarded(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(wake_up); i++) {
		struct rig_value *below;
		uint32_t value = 0;

		shipped_begin(NULL);
		shipped_build(2);
		assert_int_equal(ask(wake_up[i].oid, wake_up[i].set, &value), IM_STATUS_NOT_SUPPORTED);
		below = rig_value(rig.port, wake_up[i].oid);
		below->length = sizeof(value);
		below->settable = true;
		below->bytes[0] = 7;
		if (wake_up[i].query) {
			assert_int_equal(ask(wake_up[i].oid, false, &value), IM_STATUS_SUCCESS);
			assert_int_equal(value, 7);
		}
		value = 9;
		if (wake_up[i].set) {
			assert_int_equal(ask(wake_up[i].oid, true, &value), IM_STATUS_SUCCESS);
			assert_int_equal(below->bytes[0], 9);
		}
		rig_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c6_30_wake_up_is_forwarded),
	};

	return host_run_tests(tests);
}
