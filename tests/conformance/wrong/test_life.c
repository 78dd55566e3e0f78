/* SPDX-License-Identifier: BSD-3-Clause */
/* Drivers that are wrong in how they and their VNICs come and go (contract 1, 2). */
#include "wrong.h"

static void load(void)
{
	rig_load(rig.mid);
}

/* ---- Entries ------------------------------------------------------------------------------------- */

static im_status_t register_nothing(struct rig_driver *driver, struct im_driver_object *object)
{
	return wrong ? IM_STATUS_SUCCESS : rig_default_entry(driver, object);
}

static im_status_t pend(struct rig_driver *driver, struct im_driver_object *object)
{
	return wrong ? IM_STATUS_PENDING : rig_default_entry(driver, object);
}

static im_status_t fail_as_it_is(struct rig_driver *driver, struct im_driver_object *object)
{
	im_status_t status = rig_default_entry(driver, object);

	return wrong ? IM_STATUS_RESOURCES : status;
}

/* The steps of the contract, but for the one that `wrong` leaves out. */
static im_status_t register_edges(struct rig_driver *driver, struct im_driver_object *object, bool associated)
{
	struct im_miniport_characteristics miniport;
	struct im_protocol_characteristics protocol;

	rig_fill(driver, &miniport, &protocol);
	if (im_initialize_wrapper(&driver->wrapper, object) != IM_STATUS_SUCCESS ||
	    im_register_layered_miniport(driver->wrapper, &miniport, sizeof(miniport), &driver->miniport_handle) !=
		    IM_STATUS_SUCCESS ||
	    im_register_protocol(driver->wrapper, &protocol, sizeof(protocol), &driver->protocol_handle) !=
		    IM_STATUS_SUCCESS)
		return IM_STATUS_FAILURE;
	return associated ? im_associate_miniport(driver->miniport_handle, driver->protocol_handle) : IM_STATUS_SUCCESS;
}

static im_status_t forget_to_associate(struct rig_driver *driver, struct im_driver_object *object)
{
	im_status_t status = register_edges(driver, object, !wrong);

	rig_register_unload(driver);
	return status;
}

static im_status_t forget_unload(struct rig_driver *driver, struct im_driver_object *object)
{
	im_status_t status = register_edges(driver, object, true);

	if (!wrong)
		rig_register_unload(driver);
	return status;
}

static im_status_t unload_comes_first(struct rig_driver *driver, struct im_driver_object *object)
{
	struct im_miniport_characteristics miniport;
	struct im_protocol_characteristics protocol;

	if (!wrong)
		return rig_default_entry(driver, object);
	rig_fill(driver, &miniport, &protocol);
	im_initialize_wrapper(&driver->wrapper, object);
	rig_register_unload(driver);
	return im_register_protocol(driver->wrapper, &protocol, sizeof(protocol), &driver->protocol_handle);
}

static im_status_t terminate_with_edges(struct rig_driver *driver, struct im_driver_object *object)
{
	register_edges(driver, object, true);
	if (!wrong)
		rig_default_unload(driver);
	im_terminate_wrapper(driver->wrapper);
	return IM_STATUS_RESOURCES;
}

/* X(name): entries of drivers. */
#define ENTRY_TABLE(X)                                                                                                 \
	X(register_nothing)                                                                                            \
	X(pend)                                                                                                        \
	X(fail_as_it_is)                                                                                               \
	X(forget_to_associate)                                                                                         \
	X(forget_unload)                                                                                               \
	X(unload_comes_first)                                                                                          \
	X(terminate_with_edges)

#define X(name)                                                                                                        \
	static void entry_##name(struct rig_driver *driver)                                                            \
	{                                                                                                              \
		driver->entry = name;                                                                                  \
	}
ENTRY_TABLE(X)
#undef X

static void load_top(void)
{
	rig_load(rig.top);
}

/* contract: 12.3 */
static void c1_2_c1_7_c1_8_c1_12_c1_15_entries(void **state)
{
	static const struct wrong rows[] = {
		{"registers nothing", "1.2", "mid", .change = entry_register_nothing, .scene = load},
		{"does not associate its edges", "1.2", "mid", .change = entry_forget_to_associate, .scene = load},
		{"pends in its entry", "1.7", "mid", .change = entry_pend, .scene = load},
		{"has no unload handler", "1.8", "mid", .change = entry_forget_unload, .scene = load},
		{"registers its unload handler before an edge", "1.8", "top", .change = entry_unload_comes_first,
		 .scene = load_top},
		{"fails in its entry and leaves its edges", "1.12", "mid", .change = entry_fail_as_it_is,
		 .scene = load},
		{"terminates its wrapper before its edges", "1.15", "mid", .change = entry_terminate_with_edges,
		 .scene = load},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Unloading ----------------------------------------------------------------------------------- */

static void unload_nothing(struct rig_driver *driver)
{
	if (!wrong)
		rig_default_unload(driver);
}

static void change_to_nothing(struct rig_driver *driver)
{
	driver->unload = unload_nothing;
}

static im_status_t take_its_miniport_away(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
					  uint32_t *needed)
{
	im_status_t status = right.miniport.query_information(context, oid, buffer, length, written, needed);

	if (wrong)
		im_deregister_layered_miniport(((struct rig_vnic *)context)->driver->miniport_handle);
	return status;
}

static im_status_t go_by_itself(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
				uint32_t *needed)
{
	im_status_t status = right.miniport.query_information(context, oid, buffer, length, written, needed);

	if (wrong)
		im_deregister_protocol(((struct rig_vnic *)context)->driver->protocol_handle);
	return status;
}

static void ask_the_mid(void)
{
	uint32_t speed, written, needed;

	wrong_stack();
	host_unbind_over("m0");
	host_query("m0", SLUICE_OID_GEN_LINK_SPEED, &speed, sizeof(speed), &written, &needed);
}

/* contract: 12.3 */
static void c1_19_c1_20_c1_25_going(void **state)
{
	static const struct wrong rows[] = {
		{"is unloaded with its edges registered", "1.19", "mid", .change = change_to_nothing, .scene = load},
		{"deregisters its miniport with a VNIC alive", "1.20", "mid",
		 .miniport = {.query_information = take_its_miniport_away}, .scene = ask_the_mid, .stops = true},
		{"deregisters its protocol from inside a request", "1.25", "mid",
		 .miniport = {.query_information = go_by_itself}, .scene = ask_the_mid, .stops = true},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- VNICs --------------------------------------------------------------------------------------- */

static void start_a_vnic(void)
{
	rig_load_all();
	rig_start_nic("nic");
	rig_bind("mid", "nic", "m0");
	host_settle();
}

static im_status_t initialize_without_a_context(struct im_instance *instance, void *device_context)
{
	if (!wrong)
		return right.miniport.initialize(instance, device_context);
	rig_vnic(im_instance_name(instance))->asked = false;
	im_set_event(&rig_vnic(im_instance_name(instance))->initialized);
	return IM_STATUS_SUCCESS;
}

static im_status_t initialize_as_a_nic(struct im_instance *instance, void *device_context)
{
	struct rig_vnic *vnic = rig_vnic(im_instance_name(instance));

	vnic->device_context = device_context;
	return rig_initialize_vnic(vnic, instance,
				   wrong ? IM_ATTRIBUTE_DESERIALIZE
					 : IM_ATTRIBUTE_DESERIALIZE | IM_ATTRIBUTE_INTERMEDIATE_DRIVER);
}

/* contract: 11.40 */
static void c2_49_c2_50_instances(void **state)
{
	static const struct wrong rows[] = {
		{"initialises without a context", "2.50", "mid",
		 .miniport = {.initialize = initialize_without_a_context}, .scene = start_a_vnic},
		{"does not say that it is an intermediate driver", "2.49", "mid",
		 .miniport = {.initialize = initialize_as_a_nic}, .scene = start_a_vnic},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Hardware ------------------------------------------------------------------------------------ */

static void without_shutdown(struct rig_driver *driver)
{
	if (wrong)
		driver->miniport.adapter_shutdown = NULL;
}

static void without_timeouts(struct rig_driver *driver)
{
	if (wrong)
		driver->script.attributes = IM_ATTRIBUTE_IGNORE_TIMEOUTS;
}

/* The mid of this scene has neither, and may. */
static void c12_36_c12_37_drivers_with_hardware(void **state)
{
	static const struct wrong rows[] = {
		{"has no shutdown handler", "12.36", "nic", .change = without_shutdown, .scene = wrong_stack},
		{"does not want to be timed", "12.37", "nic", .change = without_timeouts, .scene = wrong_stack},
	};

	(void)state;
	wrong_try(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c1_2_c1_7_c1_8_c1_12_c1_15_entries),
		cmocka_unit_test(c1_19_c1_20_c1_25_going),
		cmocka_unit_test(c2_49_c2_50_instances),
		cmocka_unit_test(c12_36_c12_37_drivers_with_hardware),
	};

	return host_run_tests(tests);
}
