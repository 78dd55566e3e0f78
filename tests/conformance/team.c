/* SPDX-License-Identifier: BSD-3-Clause */
#include "team.h"

#include <string.h>

const char *const team_names[] = {"nic0", "nic1", "nic2"};
static const char *const team_drivers[] = {"alpha", "beta", "gamma"}; /* each adapter is another driver's (10.18) */

struct rig_vnic *team_nics[TEAM_NICS];
struct im_packet *team_packets[TEAM_PACKETS];

/* ---- Building ------------------------------------------------------------------------------------ */

void team_set_value(struct rig_vnic *nic, uint32_t oid, uint32_t number, bool settable)
{
	struct rig_value *value = rig_value(nic, oid);

	value->length = sizeof(number);
	value->settable = settable;
	memcpy(value->bytes, &number, sizeof(number));
}

uint32_t team_value_of(struct rig_vnic *nic, uint32_t oid)
{
	uint32_t number;

	memcpy(&number, rig_value(nic, oid)->bytes, sizeof(number));
	return number;
}

void team_start_nic(uint32_t i)
{
	struct rig_driver *driver = rig_driver(team_drivers[i], RIG_NIC, 0);

	assert_int_equal(rig_load(driver), IM_STATUS_SUCCESS);
	team_nics[i] = rig_start_nic_of(driver, team_names[i]);
	driver->script.sends = RIG_LATER;
	rig_value(team_nics[i], ADDRESS)->bytes[5] = (uint8_t)(0x10 + i);
	team_set_value(team_nics[i], OFFLOAD, 0x07, true);
	assert_int_equal(host_restart(team_names[i]), IM_STATUS_SUCCESS);
}

im_status_t team_bind(uint32_t i, const char *text)
{
	const char *const vnics[] = {"t0", NULL}, *const texts[] = {text};
	im_status_t status = host_bind_with("team", team_names[i], vnics, texts);

	host_settle(); /* where the core initialises later */
	return status;
}

void team_load(uint32_t count, uint32_t workers)
{
	const struct host_options options = {.buffers = 1023, .workers = workers};

	rig_begin(&options, 0);
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	assert_int_equal(host_load_builtin("team"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_load(rig.top), IM_STATUS_SUCCESS);
	for (uint32_t i = 0; i < count; i++)
		team_start_nic(i);
}

im_status_t team_set(uint32_t oid, uint32_t value)
{
	struct im_request request = {.set = true, .oid = oid, .buffer = &value, .length = sizeof(value)};
	im_status_t status = rig_request(rig.top_binding, &request);

	assert_int_equal(request.done, status == IM_STATUS_SUCCESS ? sizeof(value) : 0);
	return status;
}

void team_bind_top(uint32_t filter)
{
	assert_int_equal(host_restart("t0"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("top", "t0", "top"), IM_STATUS_SUCCESS);
	rig.top_binding = rig_binding("top");
	assert_int_equal(team_set(FILTER, filter), IM_STATUS_SUCCESS);
	host_settle();
	rig_forget();
}

/* A team of this many members, of which the first one is active. */
void team_build(uint32_t count)
{
	team_load(count, 0);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(team_bind(i, NULL), IM_STATUS_SUCCESS);
	team_bind_top(ALL);
	rig_packets(team_packets, TEAM_PACKETS);
}

void team_down(void)
{
	host_settle();
	rig_packets_free(team_packets, TEAM_PACKETS);
	rig_end();
}

void team_send(uint32_t first, uint16_t count)
{
	im_send_packets(rig.top_binding->binding, team_packets + first, count);
	host_settle();
}

static void team_tell(struct rig_vnic *nic, uint32_t indication)
{
	im_indicate_status(nic->instance, indication, NULL, 0);
	im_indicate_status_complete(nic->instance);
	host_settle();
}

void team_lose_link(uint32_t i)
{
	team_tell(team_nics[i], IM_INDICATION_MEDIA_DISCONNECT);
}

void team_get_link(uint32_t i)
{
	team_tell(team_nics[i], IM_INDICATION_MEDIA_CONNECT);
}

void team_complete_all(uint32_t i)
{
	rig_complete(team_nics[i], team_nics[i]->held_count, IM_STATUS_SUCCESS);
	host_settle();
}

uint32_t team_ask(uint32_t oid)
{
	uint32_t value = 0, written, needed;

	assert_int_equal(host_query("t0", oid, &value, sizeof(value), &written, &needed), IM_STATUS_SUCCESS);
	return value;
}

/* Who carries the traffic now. */
void team_expect_carrier(uint32_t i)
{
	team_send(TEAM_PACKETS - 1, 1);
	assert_int_equal(team_nics[i]->held_count, 1);
	team_complete_all(i);
}

static unsigned team_completions_of(const struct im_packet *packet)
{
	unsigned found = 0;

	for (unsigned i = 0; i < rig_calls(RIG_send_complete, "top"); i++)
		for (uint16_t k = 0; k < rig_call(RIG_send_complete, "top", i)->count; k++)
			found += rig_call(RIG_send_complete, "top", i)->packets[k] == packet;
	return found;
}

void team_expect_once_each(uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++)
		assert_int_equal(team_completions_of(team_packets[i]), 1);
}
