/* SPDX-License-Identifier: BSD-3-Clause */
#include "shipped.h"

#include <stdio.h>
#include <string.h>

struct im_relay_driver shipped;
unsigned shipped_unloads;

static im_status_t bind_adapter(const struct im_bind_config *config)
{
	return im_relay_bind(&shipped, config);
}

static void unload(void)
{
	shipped_unloads++;
	im_relay_unload(&shipped);
}

im_status_t shipped_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport;
	static const struct im_protocol_characteristics protocol = {.bind_adapter = bind_adapter};

	return im_relay_register(&shipped, object, &miniport, &protocol, unload);
}

void shipped_begin(const struct host_options *options)
{
	rig_begin(options, 0);
	shipped = (struct im_relay_driver){.description = "relay"};
	shipped_unloads = 0;
}

im_status_t shipped_load(void)
{
	return host_load("relay", shipped_entry);
}

void shipped_load_all(void)
{
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
	assert_int_equal(shipped_load(), IM_STATUS_SUCCESS);
	assert_int_equal(rig_load(rig.top), IM_STATUS_SUCCESS);
	rig_start_nic("nic");
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	rig.port = rig_vnic("nic");
}

void shipped_bind(const char *adapter, const char *vnic)
{
	assert_int_equal(rig_bind("relay", adapter, vnic), IM_STATUS_SUCCESS);
	host_settle(); /* where the core initialises later */
	assert_int_equal(host_restart(vnic), IM_STATUS_SUCCESS);
}

void shipped_bind_top(const char *adapter)
{
	uint32_t filter = 0x2f;
	struct im_request request = {
		.set = true, .oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER, .buffer = &filter, .length = sizeof(filter)};

	assert_int_equal(rig_bind("top", adapter, "top"), IM_STATUS_SUCCESS);
	rig.top_binding = rig_binding("top");
	assert_int_equal(rig_request(rig.top_binding, &request), IM_STATUS_SUCCESS);
}

void shipped_build(unsigned levels)
{
	char adapter[SLUICE_NAME_SIZE] = "nic", vnic[SLUICE_NAME_SIZE];

	shipped_load_all();
	for (unsigned level = levels; level-- > 0;) {
		snprintf(vnic, sizeof(vnic), "r%u", level);
		shipped_bind(adapter, vnic);
		memcpy(adapter, vnic, sizeof(adapter));
	}
	shipped_bind_top(adapter);
}
