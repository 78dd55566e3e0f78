/* SPDX-License-Identifier: BSD-3-Clause */
/* Offloads through a relay, over a nic that has them all (contract section 10E). What a port does is in unit/edge. */
#include <string.h>

#include "shipped.h"

static const uint32_t oids[] = {SLUICE_OID_OFFLOAD_ENCAPSULATION, SLUICE_OID_TCP_TASK_OFFLOAD,
				SLUICE_OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES};

static void set_value(uint32_t oid, uint32_t number, bool settable)
{
	struct rig_value *value = rig_value(rig.port, oid);

	value->length = sizeof(number);
	value->settable = settable;
	memcpy(value->bytes, &number, sizeof(number));
}

static void up(bool edits_frames, unsigned levels)
{
	shipped_begin(NULL);
	shipped.edits_frames = edits_frames;
	shipped_build(levels);
	set_value(SLUICE_OID_OFFLOAD_ENCAPSULATION, 6, true);
	set_value(SLUICE_OID_TCP_TASK_OFFLOAD, 0, true);
	rig_forget();
}

static im_status_t ask(uint32_t oid, bool set, uint32_t *value)
{
	struct im_request request = {.set = set, .oid = oid, .buffer = value, .length = sizeof(*value)};

	return rig_request(rig.top_binding, &request);
}

/* Of what is neither asked nor set the nic hears nothing, and the list of OIDs does not have it. */
static void c10_33_a_driver_that_edits_frames_has_no_offloads(void **state)
{
	uint32_t list[128], value = 7;
	struct im_request listed = {.oid = SLUICE_OID_GEN_SUPPORTED_LIST, .buffer = list, .length = sizeof(list)};

	(void)state;
	up(true, 1);
	for (size_t i = 0; i < RTE_DIM(oids); i++) {
		assert_int_equal(ask(oids[i], false, &value), IM_STATUS_NOT_SUPPORTED);
		assert_int_equal(ask(oids[i], true, &value), IM_STATUS_NOT_SUPPORTED);
	}
	assert_int_equal(rig_calls(RIG_query_information, "nic") + rig_calls(RIG_set_information, "nic"), 0);
	assert_int_equal(rig_request(rig.top_binding, &listed), IM_STATUS_SUCCESS);
	for (size_t i = 0; i < RTE_DIM(oids); i++)
		for (uint32_t k = 0; k < listed.done / sizeof(list[0]); k++)
			assert_int_not_equal(list[k], oids[i]);
	rig_end();
}

static im_status_t refuse_encapsulation(void *context, uint32_t oid, const void *buffer, uint32_t length,
					uint32_t *read, uint32_t *needed)
{
	if (oid == SLUICE_OID_OFFLOAD_ENCAPSULATION)
		return IM_STATUS_INVALID_PARAMETER;
	return rig_nic_set(context, oid, buffer, length, read, needed);
}

/* One that leaves them as they are passes on what is asked, what is switched on, and how that was answered. */
static void c10_32_c10_33_c10_34_a_driver_that_passes_frames_passes_offloads(void **state)
{
	uint32_t value = 0, on = 7;

	(void)state;
	up(false, 2);
	assert_int_equal(ask(SLUICE_OID_TCP_TASK_OFFLOAD, true, &on), IM_STATUS_SUCCESS);
	assert_int_equal(rig_value(rig.port, SLUICE_OID_TCP_TASK_OFFLOAD)->bytes[0], 7);
	assert_int_equal(ask(SLUICE_OID_TCP_TASK_OFFLOAD, false, &value), IM_STATUS_SUCCESS);
	assert_int_equal(value, 7);
	on = 0;
	assert_int_equal(ask(SLUICE_OID_TCP_TASK_OFFLOAD, true, &on), IM_STATUS_SUCCESS);
	assert_int_equal(rig_value(rig.port, SLUICE_OID_TCP_TASK_OFFLOAD)->bytes[0], 0);
	rig.nic->miniport.set_information = refuse_encapsulation;
	on = 8;
	assert_int_equal(ask(SLUICE_OID_OFFLOAD_ENCAPSULATION, true, &on), IM_STATUS_INVALID_PARAMETER);
	rig.nic->miniport.set_information = rig_nic_set;
	rig_end();
}

/* Longer than any frame may be, with a slot for the relay and without: it goes down whole, with what is asked. */
static void c10_32_c10_35_a_large_send_goes_down_whole(void **state)
{
	struct im_packet *packets[2] = {rig_packet(8, 9000, 1500), rig_packet(1, 64000, 1500)};

	(void)state;
	up(false, 2);
	rig.nic->script.sends = RIG_LATER;
	for (int i = 0; i < 2; i++)
		packets[i]->info = (struct im_packet_info){.checksum = IM_CHECKSUM_TCP, .mss = 1460};
	im_send_packets(rig.top_binding->binding, packets, 2);
	host_settle();
	assert_int_equal(rig.port->held_count, 2);
	for (int i = 0; i < 2; i++) {
		const struct im_packet *below = rig.port->held[i];

		assert_int_equal(below->length, packets[i]->length);
		assert_int_equal(below->info.mss, 1460);
		assert_int_equal(below->info.checksum, IM_CHECKSUM_TCP);
	}
	rig_complete(rig.port, 2, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 2);
	rig_packets_free(packets, 2);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c10_33_a_driver_that_edits_frames_has_no_offloads),
		cmocka_unit_test(c10_32_c10_33_c10_34_a_driver_that_passes_frames_passes_offloads),
		cmocka_unit_test(c10_32_c10_35_a_large_send_goes_down_whole),
	};

	return host_run_tests(tests);
}
