/* SPDX-License-Identifier: BSD-3-Clause */
/* The neighbours as drivers: made, loaded, unloaded. Handlers without a context find their driver by a slot of its own.
 */
#include <string.h>

#include "rig.h"

static struct rig_driver drivers[RIG_DRIVERS_MAX];
static uint32_t driver_count;
static __thread struct rig_driver *current;

struct rig_driver *rig_current(void)
{
	return current;
}

void rig_set_current(struct rig_driver *driver)
{
	current = driver;
}

void rig_drivers_reset(void)
{
	memset(drivers, 0, sizeof(drivers));
	driver_count = 0;
}

/* ---- Slots --------------------------------------------------------------------------------------- */

static im_status_t run_entry(uint32_t slot, struct im_driver_object *object)
{
	struct rig_driver *driver = &drivers[slot], *outer = current;
	struct rig_call *call = rig_note(RIG_driver_entry, driver->name);
	im_status_t status;

	current = driver;
	status = driver->entry(driver, object);
	current = outer;
	return rig_noted(call, status);
}

static im_status_t run_bind(uint32_t slot, const struct im_bind_config *config)
{
	struct rig_driver *driver = &drivers[slot], *outer = current;
	struct rig_binding *binding = rig_new_binding(driver, config);
	struct rig_call *call = rig_note(RIG_bind_adapter, binding->name);
	im_status_t status;

	current = driver;
	status = driver->protocol.bind_adapter(config);
	current = outer;
	return rig_noted(call, status);
}

static void run_uninstall(uint32_t slot)
{
	struct rig_driver *driver = &drivers[slot], *outer = current;
	struct rig_call *call = rig_note(RIG_uninstall, driver->name);

	current = driver;
	driver->protocol.uninstall();
	current = outer;
	rig_noted(call, IM_STATUS_SUCCESS);
}

static void run_unload(uint32_t slot)
{
	struct rig_driver *driver = &drivers[slot];
	struct rig_call *call = rig_note(RIG_unload, driver->name);

	driver->unload(driver);
	rig_noted(call, IM_STATUS_SUCCESS);
}

/* One function each for every slot. */
#define SLOT_TABLE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

#define X(n)                                                                                                           \
	static im_status_t entry_##n(struct im_driver_object *object)                                                  \
	{                                                                                                              \
		return run_entry(n, object);                                                                           \
	}                                                                                                              \
	static im_status_t bind_##n(const struct im_bind_config *config)                                               \
	{                                                                                                              \
		return run_bind(n, config);                                                                            \
	}                                                                                                              \
	static void uninstall_##n(void)                                                                                \
	{                                                                                                              \
		run_uninstall(n);                                                                                      \
	}                                                                                                              \
	static void unload_##n(void)                                                                                   \
	{                                                                                                              \
		run_unload(n);                                                                                         \
	}
SLOT_TABLE(X)
#undef X

static const struct {
	im_driver_entry_t entry;
	im_status_t (*bind_adapter)(const struct im_bind_config *config);
	void (*uninstall)(void);
	void (*unload)(void);
} slots[] = {
#define X(n) {entry_##n, bind_##n, uninstall_##n, unload_##n},
	SLOT_TABLE(X)
#undef X
};
_Static_assert(RTE_DIM(slots) == RIG_DRIVERS_MAX, "a slot for each driver");

void rig_fill(const struct rig_driver *driver, struct im_miniport_characteristics *miniport,
	      struct im_protocol_characteristics *protocol)
{
	rig_fill_tables(driver, miniport, protocol);
	if (protocol->bind_adapter != NULL)
		protocol->bind_adapter = slots[driver->slot].bind_adapter;
	if (protocol->uninstall != NULL)
		protocol->uninstall = slots[driver->slot].uninstall;
}

void rig_register_unload(struct rig_driver *driver)
{
	im_register_unload_handler(driver->wrapper, slots[driver->slot].unload);
}

im_status_t rig_load(struct rig_driver *driver)
{
	return host_load(driver->name, slots[driver->slot].entry);
}

/* ---- Loading and unloading ----------------------------------------------------------------------- */

/* Miniport, protocol, associate (1.2); what a later step cannot do, the earlier ones take back in reverse (1.12-1.16).
 */
static im_status_t register_edges(struct rig_driver *driver)
{
	struct im_miniport_characteristics miniport;
	struct im_protocol_characteristics protocol;
	im_status_t status = IM_STATUS_SUCCESS;

	rig_fill(driver, &miniport, &protocol);
	if (driver->kind == RIG_NIC)
		return im_register_miniport(driver->wrapper, &miniport, sizeof(miniport));
	if (driver->kind == RIG_MID)
		status = im_register_layered_miniport(driver->wrapper, &miniport, sizeof(miniport),
						      &driver->miniport_handle);
	if (status == IM_STATUS_SUCCESS)
		status = im_register_protocol(driver->wrapper, &protocol, sizeof(protocol), &driver->protocol_handle);
	if (status == IM_STATUS_SUCCESS && driver->kind == RIG_MID)
		status = im_associate_miniport(driver->miniport_handle, driver->protocol_handle);
	if (status != IM_STATUS_SUCCESS)
		rig_default_unload(driver);
	return status;
}

im_status_t rig_default_entry(struct rig_driver *driver, struct im_driver_object *object)
{
	im_status_t status = im_initialize_wrapper(&driver->wrapper, object);

	if (status != IM_STATUS_SUCCESS)
		return status;
	status = register_edges(driver);
	if (status == IM_STATUS_SUCCESS)
		rig_register_unload(driver);
	else
		im_terminate_wrapper(driver->wrapper);
	return status;
}

void rig_default_unload(struct rig_driver *driver)
{
	im_deregister_protocol(driver->protocol_handle);
	driver->protocol_handle = NULL;
	im_deregister_layered_miniport(driver->miniport_handle);
	driver->miniport_handle = NULL;
}

struct rig_driver *rig_driver(const char *name, enum rig_kind kind, unsigned variant)
{
	static void (*const defaults[])(struct rig_driver *) = {
		[RIG_NIC] = rig_nic_defaults, [RIG_MID] = rig_mid_defaults, [RIG_TOP] = rig_top_defaults};
	struct rig_driver *driver = &drivers[driver_count];

	assert_true(driver_count < RIG_DRIVERS_MAX);
	*driver = (struct rig_driver){.name = name, .kind = kind, .variant = variant, .slot = driver_count++};
	driver->miniport.major_version = driver->protocol.major_version = IM_MAJOR_VERSION;
	driver->entry = rig_default_entry;
	driver->unload = rig_default_unload;
	defaults[kind](driver);
	return driver;
}
