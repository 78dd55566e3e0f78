/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet filters and multicast lists: what all protocols want, together (contract 5.9, 6.36, 6.37). */
#include "asked.h"

/* contract: 12.48 */
static void filters_of_several_protocols_are_put_together(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(2, true);
	assert_int_equal(im_request(nb_tops[0].binding, set(&asked, FILTER, 0x1)), IM_STATUS_SUCCESS);
	assert_int_equal(im_request(nb_tops[1].binding, set(&asked, FILTER, 0x28)), IM_STATUS_SUCCESS);
	assert_int_equal(asked.request.done, 4);
	assert_int_equal(im_request(nb_tops[1].binding, set(&asked, FILTER, 0)), IM_STATUS_SUCCESS);
	nb_expect("nic:set(1010e,1) nic:set(1010e,29) nic:set(1010e,1)"); /* the other one keeps its own */
	nb_nic.set = IM_STATUS_INVALID_DATA;
	assert_int_equal(im_request(nb_tops[1].binding, set(&asked, FILTER, 4)), IM_STATUS_INVALID_DATA);
	nb_nic.set = IM_STATUS_SUCCESS;
	assert_int_equal(im_request(nb_tops[0].binding, set(&asked, FILTER, 2)), IM_STATUS_SUCCESS);
	nb_expect("nic:set(1010e,5) nic:set(1010e,2)"); /* what was refused does not count */
	assert_int_equal(im_request_instance(nb_nic.instance, set(&asked, FILTER, 0x20)), IM_STATUS_SUCCESS);
	nb_expect("nic:set(1010e,20)"); /* the operator's goes as it is */
	nb_down();
}

static im_status_t set_addresses(struct nb_top *top, uint8_t first, uint32_t count)
{
	uint8_t list[40 * 6] = {0};
	struct im_request request = {.set = true, .oid = MULTICAST, .buffer = list, .length = count * 6};
	im_status_t status;

	for (uint32_t i = 0; i < count; i++) {
		list[i * 6] = 1;
		list[i * 6 + 5] = (uint8_t)(first + i);
	}
	status = im_request(top->binding, &request);
	assert_int_equal(request.done, status == IM_STATUS_SUCCESS ? count * 6 : 0);
	return status;
}

/* contract: 6.48 12.48 */
static void addresses_of_several_protocols_are_put_together(void **state)
{
	(void)state;
	nb_up(2, true);
	assert_int_equal(set_addresses(&nb_tops[0], 0, 20), IM_STATUS_SUCCESS);
	assert_int_equal(set_addresses(&nb_tops[1], 10, 20), IM_STATUS_SUCCESS); /* ten are the same */
	nb_expect("nic:set(1010103,20 addresses) nic:set(1010103,30 addresses)");
	assert_int_equal(set_addresses(&nb_tops[1], 10, 23), IM_STATUS_RESOURCES); /* 33 */
	nb_expect("");
	assert_int_equal(set_addresses(&nb_tops[1], 0, 0), IM_STATUS_SUCCESS);
	nb_expect("nic:set(1010103,20 addresses)");
	nb_down();
}

/* contract: 5.9 12.35 */
static void without_a_filter_nothing_is_indicated(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	nb_start_vnic();
	assert_int_equal(nb_vnic.instance->gate & IM_GATE_NO_FILTER, IM_GATE_NO_FILTER); /* nobody has set one yet */
	im_request(nb_tops[0].binding, set(&asked, FILTER, 1));
	assert_int_equal(nb_nic.instance->gate & IM_GATE_NO_FILTER, 0);
	im_request(nb_tops[0].binding, set(&asked, FILTER, 0));
	assert_int_equal(nb_nic.instance->gate & IM_GATE_NO_FILTER, IM_GATE_NO_FILTER); /* 5.9 */
	nb_nic.set = IM_STATUS_INVALID_DATA;
	im_request(nb_tops[0].binding, set(&asked, FILTER, 1));
	assert_int_equal(nb_nic.instance->gate & IM_GATE_NO_FILTER, IM_GATE_NO_FILTER);
	nb_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_several_protocols_are_put_together),
		cmocka_unit_test(filters_of_several_protocols_are_put_together),
		cmocka_unit_test(without_a_filter_nothing_is_indicated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
