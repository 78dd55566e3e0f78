/* SPDX-License-Identifier: BSD-3-Clause */
/* Stacks of neighbours: built, and taken down. */
#include <stdio.h>
#include <string.h>

#include "rig.h"

struct rig rig;

void rig_do(enum rig_when when, bool passive, void (*run)(void *), void *argument)
{
	switch (when) {
	case RIG_INLINE:
		run(argument);
		break;
	case RIG_BEFORE:
		host_on(host_other(passive), run, argument);
		break;
	case RIG_AFTER:
		host_begin(host_other(passive), run, argument);
		break;
	case RIG_LATER:
		break;
	}
}

void rig_begin(const struct host_options *options, unsigned nic_variant)
{
	rig_forget();
	rig_at_call = NULL;
	rig_objects_reset();
	rig_drivers_reset();
	host_up(options);
	rig = (struct rig){
		.nic = rig_driver("nic", RIG_NIC, nic_variant),
		.mid = rig_driver("mid", RIG_MID, 0),
		.top = rig_driver("top", RIG_TOP, 0),
	};
}

void rig_load_all(void)
{
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
	assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
	assert_int_equal(rig_load(rig.top), IM_STATUS_SUCCESS);
}

struct rig_vnic *rig_start_nic_of(struct rig_driver *driver, const char *name)
{
	struct rig_vnic *vnic = rig_new_vnic(driver, name);

	assert_int_equal(host_start(driver->name, name, vnic), IM_STATUS_SUCCESS);
	return vnic;
}

void rig_start_nic(const char *name)
{
	rig_start_nic_of(rig.nic, name);
}

im_status_t rig_bind(const char *driver, const char *adapter, const char *name)
{
	const char *const names[] = {name, NULL};

	return host_bind(driver, adapter, names);
}

static void set_filter(struct rig_binding *binding, uint32_t filter)
{
	struct im_request request = {
		.set = true, .oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER, .buffer = &filter, .length = sizeof(filter)};

	assert_int_equal(rig_request(binding, &request), IM_STATUS_SUCCESS);
}

void rig_build(unsigned levels)
{
	char adapter[SLUICE_NAME_SIZE] = "nic", vnic[SLUICE_NAME_SIZE];

	rig_load_all();
	rig_start_nic("nic");
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	for (unsigned level = levels; level-- > 0;) {
		snprintf(vnic, sizeof(vnic), "m%u", level);
		assert_int_equal(rig_bind("mid", adapter, vnic), IM_STATUS_SUCCESS);
		host_settle(); /* where the core initialises later */
		assert_int_equal(host_restart(vnic), IM_STATUS_SUCCESS);
		memcpy(adapter, vnic, sizeof(adapter));
	}
	assert_int_equal(rig_bind("top", adapter, "top"), IM_STATUS_SUCCESS);
	rig.port = rig_vnic("nic");
	rig.top_binding = rig_binding("top");
	set_filter(rig.top_binding, 0x2f);
}

void rig_end(void)
{
	host_join();
	rig_stop_nics();
	host_down();
}
