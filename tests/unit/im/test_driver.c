/* SPDX-License-Identifier: BSD-3-Clause */
/* Registration, loading and unloading, through im.h as a driver sees it and core.h as the firmware does. */
#include <stdio.h>

#include "rig.h"

/* ---- A driver whose entry is the test's ------------------------------------------------------------ */

static im_status_t initialize(struct im_instance *instance, void *device_context)
{
	im_set_attributes(instance, device_context, IM_ATTRIBUTE_INTERMEDIATE_DRIVER);
	return IM_STATUS_SUCCESS;
}

static void halt(void *context)
{
	(void)context;
	rig_event("halt", "own");
}

static im_status_t query(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			 uint32_t *needed)
{
	(void)context, (void)oid, (void)buffer, (void)length, (void)written, (void)needed;
	return IM_STATUS_NOT_SUPPORTED;
}

static im_status_t set(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
		       uint32_t *needed)
{
	(void)context, (void)oid, (void)buffer, (void)length, (void)read, (void)needed;
	return IM_STATUS_NOT_SUPPORTED;
}

static im_status_t reset(bool *addressing_reset, void *context)
{
	(void)addressing_reset, (void)context;
	return IM_STATUS_NOT_RESETTABLE;
}

static void send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context, (void)packets, (void)count;
}

static im_status_t send_one(void *context, struct im_packet *packet, uint32_t flags)
{
	(void)context, (void)packet, (void)flags;
	return IM_STATUS_PENDING;
}

static void never(void)
{
}

static im_status_t bind_adapter(const struct im_bind_config *config)
{
	(void)config;
	return IM_STATUS_SUCCESS;
}

static void unbind_adapter(void *context)
{
	(void)context;
}

static void send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context, (void)packets, (void)count;
}

static void receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	(void)context, (void)packets, (void)count, (void)references;
}

static struct im_miniport_characteristics good_miniport(void)
{
	return (struct im_miniport_characteristics){
		.major_version = 4,
		.initialize = initialize,
		.halt = halt,
		.query_information = query,
		.set_information = set,
		.send_packets = send_packets,
	};
}

static struct im_protocol_characteristics good_protocol(void)
{
	return (struct im_protocol_characteristics){
		.major_version = 4,
		.bind_adapter = bind_adapter,
		.unbind_adapter = unbind_adapter,
		.send_complete = send_complete,
		.receive_packets = receive_packets,
	};
}

/* An entry's body; whatever it registered is undone afterwards and the load fails, so that nothing is left. */
static void (*body)(struct im_wrapper *wrapper);

static im_status_t entry(struct im_driver_object *object)
{
	struct im_wrapper *wrapper;

	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	body(wrapper);
	im_deregister_protocol(wrapper->protocol);
	im_deregister_layered_miniport(wrapper->miniport);
	im_terminate_wrapper(wrapper);
	return IM_STATUS_FAILURE;
}

static void in_driver_entry(void (*run)(struct im_wrapper *))
{
	body = run;
	assert_int_equal(im_load_driver("own", entry, "test"), IM_STATUS_FAILURE);
	assert_null(im_find_driver("own"));
}

static int core_up(void **state)
{
	(void)state;
	rig_events[0] = '\0';
	rig_fail_calloc = 0;
	return im_core_create(0, 4);
}

static int core_down(void **state)
{
	(void)state;
	rig_fail_calloc = 0;
	return im_core_destroy() == 0 ? 0 : -1;
}

/* ---- Miniport registration ------------------------------------------------------------------------- */

#define NOT_AN_ADDRESS ((void *)(uintptr_t)1)

static void expect_layered(struct im_wrapper *wrapper, const struct im_miniport_characteristics *c, uint32_t length,
			   im_status_t expected, const char *why)
{
	struct im_miniport *handle = NOT_AN_ADDRESS;
	im_status_t status = im_register_layered_miniport(wrapper, c, length, &handle);

	if (status != expected)
		fail_msg("%s: got '%s', expected '%s'", why, im_status_text(status), im_status_text(expected));
	if (expected != IM_STATUS_SUCCESS && handle != NULL)
		fail_msg("%s: the handle is not NULL after an error (2.6)", why);
	if (expected != IM_STATUS_SUCCESS && wrapper->miniport != NULL)
		fail_msg("%s: an object is left after an error (2.6)", why);
}

static void expect_plain(struct im_wrapper *wrapper, const struct im_miniport_characteristics *c, im_status_t expected,
			 const char *why)
{
	im_status_t status = im_register_miniport(wrapper, c, sizeof(*c));

	if (status != expected)
		fail_msg("%s: got '%s', expected '%s'", why, im_status_text(status), im_status_text(expected));
	im_deregister_layered_miniport(wrapper->miniport);
}

static void versions(struct im_wrapper *wrapper)
{
	/* IM: exactly 4.0; others: 3.x too (2.2) */
	static const struct {
		uint8_t major, minor;
		im_status_t layered, plain;
	} cases[] = {
		{4, 0, IM_STATUS_SUCCESS, IM_STATUS_SUCCESS},
		{3, 0, IM_STATUS_BAD_VERSION, IM_STATUS_SUCCESS},
		{3, 1, IM_STATUS_BAD_VERSION, IM_STATUS_SUCCESS},
		{4, 1, IM_STATUS_BAD_VERSION, IM_STATUS_BAD_VERSION},
		{5, 0, IM_STATUS_BAD_VERSION, IM_STATUS_BAD_VERSION},
		{2, 0, IM_STATUS_BAD_VERSION, IM_STATUS_BAD_VERSION},
		{0, 0, IM_STATUS_BAD_VERSION, IM_STATUS_BAD_VERSION},
		{0, 4, IM_STATUS_BAD_VERSION, IM_STATUS_BAD_VERSION},
	};

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct im_miniport_characteristics c = good_miniport();
		char why[32];

		c.major_version = cases[i].major;
		c.minor_version = cases[i].minor;
		snprintf(why, sizeof(why), "version %u.%u", cases[i].major, cases[i].minor);
		expect_layered(wrapper, &c, sizeof(c), cases[i].layered, why);
		im_deregister_layered_miniport(wrapper->miniport);
		c.reset = reset;
		expect_plain(wrapper, &c, cases[i].plain, why);
	}
}

static void version_is_exactly_4_0_for_an_intermediate_driver(void **state)
{
	(void)state;
	in_driver_entry(versions);
}

static void lengths(struct im_wrapper *wrapper)
{
	struct im_miniport_characteristics c = good_miniport();

	expect_layered(wrapper, &c, sizeof(c) - 1, IM_STATUS_BAD_CHARACTERISTICS, "one byte short");
	expect_layered(wrapper, &c, 0, IM_STATUS_BAD_CHARACTERISTICS, "length 0");
	c.reserved = 1;
	expect_layered(wrapper, &c, sizeof(c), IM_STATUS_BAD_CHARACTERISTICS, "reserved member set");
	c.reserved = 0;
	expect_layered(wrapper, &c, sizeof(c) + 8, IM_STATUS_SUCCESS, "longer than this version's struct");
}

static void length_and_reserved_members_are_checked(void **state)
{
	(void)state;
	in_driver_entry(lengths);
}

#define NEVER_SUPPLIED(X)                                                                                              \
	X(isr)                                                                                                         \
	X(handle_interrupt)                                                                                            \
	X(enable_interrupt)                                                                                            \
	X(disable_interrupt)                                                                                           \
	X(allocate_complete)                                                                                           \
	X(reconfigure)                                                                                                 \
	X(co_create_vc)                                                                                                \
	X(co_delete_vc)                                                                                                \
	X(co_activate_vc)                                                                                              \
	X(co_deactivate_vc)                                                                                            \
	X(co_send_packets)                                                                                             \
	X(co_request)

static void forbidden(struct im_wrapper *wrapper)
{
	struct im_miniport_characteristics c;

#define X(member)                                                                                                      \
	c = good_miniport();                                                                                           \
	c.member = never;                                                                                              \
	expect_layered(wrapper, &c, sizeof(c), IM_STATUS_BAD_CHARACTERISTICS, "supplies " #member);
	NEVER_SUPPLIED(X)
#undef X
}

static void never_supplied_handlers_are_refused(void **state)
{
	(void)state;
	in_driver_entry(forbidden);
}

static void mandatory(struct im_wrapper *wrapper)
{
	struct im_miniport_characteristics c;

#define X(member)                                                                                                      \
	c = good_miniport();                                                                                           \
	c.member = NULL;                                                                                               \
	expect_layered(wrapper, &c, sizeof(c), IM_STATUS_BAD_CHARACTERISTICS, "lacks " #member);                       \
	c.reset = reset;                                                                                               \
	expect_plain(wrapper, &c, IM_STATUS_BAD_CHARACTERISTICS, "plain, lacks " #member);
	X(initialize)
	X(halt)
	X(query_information)
	X(set_information)
	X(send_packets)
#undef X
	c = good_miniport();
	expect_plain(wrapper, &c, IM_STATUS_BAD_CHARACTERISTICS, "plain, lacks reset");
	c.send_packets = NULL;
	c.send = send_one;
	expect_layered(wrapper, &c, sizeof(c), IM_STATUS_SUCCESS, "send in place of send_packets");
}

static void mandatory_handlers_are_required(void **state)
{
	(void)state;
	in_driver_entry(mandatory);
}

static void null_arguments(struct im_wrapper *wrapper)
{
	struct im_miniport_characteristics c = good_miniport();
	struct im_protocol_characteristics p = good_protocol();
	struct im_miniport *miniport = NOT_AN_ADDRESS;
	struct im_protocol *protocol = NOT_AN_ADDRESS;

	assert_int_equal(im_register_layered_miniport(NULL, &c, sizeof(c), &miniport), IM_STATUS_INVALID_PARAMETER);
	assert_null(miniport);
	miniport = NOT_AN_ADDRESS;
	assert_int_equal(im_register_layered_miniport(wrapper, NULL, sizeof(c), &miniport),
			 IM_STATUS_INVALID_PARAMETER);
	assert_null(miniport);
	assert_int_equal(im_register_layered_miniport(wrapper, &c, sizeof(c), NULL), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_register_miniport(NULL, &c, sizeof(c)), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_register_protocol(NULL, &p, sizeof(p), &protocol), IM_STATUS_INVALID_PARAMETER);
	assert_null(protocol);
	protocol = NOT_AN_ADDRESS;
	assert_int_equal(im_register_protocol(wrapper, NULL, sizeof(p), &protocol), IM_STATUS_INVALID_PARAMETER);
	assert_null(protocol);
	assert_int_equal(im_register_protocol(wrapper, &p, sizeof(p), NULL), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_initialize_wrapper(NULL, wrapper->object), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_associate_miniport(NULL, NULL), IM_STATUS_INVALID_PARAMETER);
	im_deregister_layered_miniport(NULL);
	im_deregister_protocol(NULL); /* so that it can be called twice (1.26) */
}

static void null_arguments_are_invalid_parameters(void **state)
{
	(void)state;
	in_driver_entry(null_arguments);
}

/* Each breach hides those behind it (2.8): NULL, version, length and the rest, allocation. */
static void order(struct im_wrapper *wrapper)
{
	struct im_miniport_characteristics c = {.major_version = 5, .reserved = 1};
	struct im_protocol_characteristics p = {.major_version = 9, .reserved = 1};
	struct im_protocol *protocol;

	assert_int_equal(im_register_layered_miniport(wrapper, &c, 0, NULL), IM_STATUS_INVALID_PARAMETER);
	expect_layered(wrapper, &c, 0, IM_STATUS_BAD_VERSION, "version before length");
	rig_fail_calloc = 1;
	c.major_version = 4;
	expect_layered(wrapper, &c, sizeof(c), IM_STATUS_BAD_CHARACTERISTICS, "handlers before memory");
	assert_int_equal(im_register_protocol(wrapper, &p, 0, &protocol), IM_STATUS_BAD_VERSION);
	p.major_version = 4;
	assert_int_equal(im_register_protocol(wrapper, &p, sizeof(p), &protocol), IM_STATUS_BAD_CHARACTERISTICS);
	assert_int_equal(rig_fail_calloc, 1); /* no check allocated anything */
	rig_fail_calloc = 0;
}

static void checks_are_made_in_order(void **state)
{
	(void)state;
	in_driver_entry(order);
}

static void no_memory(struct im_wrapper *wrapper)
{
	struct im_miniport_characteristics c = good_miniport();
	struct im_protocol_characteristics p = good_protocol();
	struct im_protocol *protocol = NOT_AN_ADDRESS;

	rig_fail_calloc = 1;
	expect_layered(wrapper, &c, sizeof(c), IM_STATUS_RESOURCES, "no memory for a miniport");
	rig_fail_calloc = 1;
	assert_int_equal(im_register_protocol(wrapper, &p, sizeof(p), &protocol), IM_STATUS_RESOURCES);
	assert_null(protocol);
	assert_null(wrapper->protocol);
}

static im_status_t entry_without_wrapper(struct im_driver_object *object)
{
	struct im_wrapper *wrapper = NOT_AN_ADDRESS;

	rig_fail_calloc = 1;
	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_RESOURCES);
	assert_null(wrapper);
	return IM_STATUS_RESOURCES;
}

static void no_memory_is_resources(void **state)
{
	(void)state;
	in_driver_entry(no_memory);
	assert_int_equal(im_load_driver("own", entry_without_wrapper, "test"), IM_STATUS_RESOURCES);
	rig_fail_calloc = 1;
	assert_int_equal(im_load_driver("own", entry, "test"), IM_STATUS_RESOURCES);
}

static void second_edges(struct im_wrapper *wrapper)
{
	struct im_miniport_characteristics c = good_miniport();
	struct im_protocol_characteristics p = good_protocol();
	struct im_miniport *miniport, *second = NOT_AN_ADDRESS;
	struct im_protocol *protocol, *second_protocol = NOT_AN_ADDRESS;

	assert_int_equal(im_register_layered_miniport(wrapper, &c, sizeof(c), &miniport), IM_STATUS_SUCCESS);
	assert_int_equal(im_register_layered_miniport(wrapper, &c, sizeof(c), &second), IM_STATUS_INVALID_PARAMETER);
	assert_null(second);
	assert_ptr_equal(wrapper->miniport, miniport);
	assert_int_equal(im_register_protocol(wrapper, &p, sizeof(p), &protocol), IM_STATUS_SUCCESS);
	assert_int_equal(im_register_protocol(wrapper, &p, sizeof(p), &second_protocol), IM_STATUS_INVALID_PARAMETER);
	assert_null(second_protocol);
}

static void a_driver_has_each_edge_once(void **state)
{
	(void)state;
	in_driver_entry(second_edges);
}

static uint32_t halts_of_the_copy;

static void other_halt(void *context)
{
	(void)context;
	halts_of_the_copy += 100;
}

static void counted_halt(void *context)
{
	(void)context;
	halts_of_the_copy++;
}

static void copied(struct im_wrapper *wrapper)
{
	struct im_miniport_characteristics c = good_miniport();
	struct im_miniport *miniport;

	c.halt = counted_halt;
	assert_int_equal(im_register_layered_miniport(wrapper, &c, sizeof(c), &miniport), IM_STATUS_SUCCESS);
	c.halt = other_halt;
	c.initialize = NULL;
	assert_int_equal(im_initialize_device_instance(miniport, "copy", &c), IM_STATUS_SUCCESS);
	assert_int_equal(im_deinitialize_device_instance(im_find_instance("copy")), IM_STATUS_SUCCESS);
	assert_int_equal(halts_of_the_copy, 1);
}

static void characteristics_are_copied(void **state)
{
	(void)state;
	halts_of_the_copy = 0;
	in_driver_entry(copied);
}

/* ---- Protocol registration ------------------------------------------------------------------------- */

static void expect_protocol(struct im_wrapper *wrapper, const struct im_protocol_characteristics *p, uint32_t length,
			    im_status_t expected, const char *why)
{
	struct im_protocol *handle = NOT_AN_ADDRESS;
	im_status_t status = im_register_protocol(wrapper, p, length, &handle);

	if (status != expected)
		fail_msg("%s: got '%s', expected '%s'", why, im_status_text(status), im_status_text(expected));
	if (expected != IM_STATUS_SUCCESS && handle != NULL)
		fail_msg("%s: the handle is not NULL after an error", why);
	im_deregister_protocol(wrapper->protocol);
}

static void protocols(struct im_wrapper *wrapper)
{
	struct im_protocol_characteristics p = good_protocol();

	expect_protocol(wrapper, &p, sizeof(p) - 1, IM_STATUS_BAD_CHARACTERISTICS, "one byte short");
	p.reserved = 1;
	expect_protocol(wrapper, &p, sizeof(p), IM_STATUS_BAD_CHARACTERISTICS, "reserved member set");
#define X(member)                                                                                                      \
	p = good_protocol();                                                                                           \
	p.member = NULL;                                                                                               \
	expect_protocol(wrapper, &p, sizeof(p), IM_STATUS_BAD_CHARACTERISTICS, "lacks " #member);
	X(bind_adapter)
	X(unbind_adapter)
	X(send_complete)
	X(receive_packets)
#undef X
	p = good_protocol();
	p.major_version = 3;
	expect_protocol(wrapper, &p, sizeof(p), IM_STATUS_SUCCESS, "version 3.0");
	p.major_version = 5;
	expect_protocol(wrapper, &p, sizeof(p), IM_STATUS_BAD_VERSION, "version 5.0");
	p.major_version = 4;
	p.minor_version = 1;
	expect_protocol(wrapper, &p, sizeof(p), IM_STATUS_BAD_VERSION, "version 4.1");
}

static void protocol_breaches_have_their_status(void **state)
{
	(void)state;
	in_driver_entry(protocols);
}

/* ---- Loading --------------------------------------------------------------------------------------- */

static struct im_relay_driver relay;
static uint32_t unloaded;

static im_status_t relay_bind(const struct im_bind_config *config)
{
	return im_relay_bind(&relay, config);
}

static void relay_unload(void)
{
	unloaded++;
	im_relay_unload(&relay);
}

static im_status_t relay_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport;
	static const struct im_protocol_characteristics protocol = {.bind_adapter = relay_bind};

	return im_relay_register(&relay, object, &miniport, &protocol, relay_unload);
}

/* Memory runs out at the first, second, ... allocation of a load until it goes through (1.12-1.15). */
static void a_load_that_fails_at_any_step_leaves_nothing(void **state)
{
	uint32_t step = 0;
	im_status_t status;

	(void)state;
	unloaded = 0;
	do {
		rig_fail_calloc = ++step;
		status = im_load_driver("relay", relay_entry, "relay");
		if (status == IM_STATUS_SUCCESS)
			break;
		assert_int_equal(status, IM_STATUS_RESOURCES);
		assert_null(im_find_driver("relay"));
		assert_int_equal(unloaded, 0); /* never, where driver_entry failed (1.13) */
	} while (step < 20);
	assert_int_equal(step, 5); /* driver object, wrapper, miniport and protocol could not be had */
	rig_fail_calloc = 0;
	im_unload_drivers();
	assert_int_equal(unloaded, 1);
	assert_true(TAILQ_EMPTY(&im_core.drivers));
}

static struct im_miniport *other_miniport;

static im_status_t unassociable_entry(struct im_driver_object *object)
{
	struct im_protocol_characteristics p = good_protocol();
	struct im_protocol *protocol;
	struct im_wrapper *wrapper;
	im_status_t status;

	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	assert_int_equal(im_register_protocol(wrapper, &p, sizeof(p), &protocol), IM_STATUS_SUCCESS);
	im_register_unload_handler(wrapper, relay_unload);
	status = im_associate_miniport(other_miniport, protocol);
	im_deregister_protocol(protocol);
	im_terminate_wrapper(wrapper);
	return status;
}

static void edges_of_two_drivers_are_not_associated(void **state)
{
	(void)state;
	unloaded = 0;
	assert_int_equal(im_load_driver("relay", relay_entry, "relay"), IM_STATUS_SUCCESS);
	other_miniport = relay.miniport;
	assert_int_equal(im_load_driver("other", unassociable_entry, "test"), IM_STATUS_INVALID_PARAMETER);
	assert_null(im_find_driver("other"));
	assert_int_equal(unloaded, 0); /* the failed one's handler */
	im_unload_drivers();
}

static void a_name_is_loaded_once(void **state)
{
	struct im_driver_object *first;

	(void)state;
	assert_int_equal(im_load_driver("relay", relay_entry, "relay"), IM_STATUS_SUCCESS);
	first = im_find_driver("relay");
	assert_int_equal(im_load_driver("relay", relay_entry, "relay"), IM_STATUS_NOT_ACCEPTED);
	assert_ptr_equal(im_find_driver("relay"), first);
	im_unload_drivers();
}

static void a_name_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	assert_int_equal(im_load_driver("a-name-of-thirty-two-characters.", relay_entry, "relay"),
			 IM_STATUS_INVALID_PARAMETER);
	assert_true(TAILQ_EMPTY(&im_core.drivers));
}

static im_status_t order_entry(struct im_driver_object *object)
{
	struct im_miniport_characteristics c = good_miniport();
	struct im_wrapper *wrapper;
	struct im_miniport *miniport;

	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	return im_register_layered_miniport(wrapper, &c, sizeof(c), &miniport);
}

static void unload_own(void)
{
	rig_event("unload", "own");
	im_deregister_layered_miniport(im_find_driver("own")->wrapper->miniport);
}

static im_status_t layered_alone_entry(struct im_driver_object *object)
{
	im_status_t status = order_entry(object);

	im_register_unload_handler(object->wrapper, unload_own);
	return status;
}

/* Layered over something that is no adapter: there is nothing to bind to, hence no protocol (1.2, seed 3). */
static void a_layered_driver_may_have_no_protocol(void **state)
{
	(void)state;
	assert_int_equal(im_load_driver("own", layered_alone_entry, "test"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("own", "nic", "v"), IM_STATUS_INVALID_PARAMETER);
	im_unload_drivers();
	assert_string_equal(rig_events, "unload:own");
}

/* ---- What aborts ------------------------------------------------------------------------------------ */

static im_status_t registers_nothing(struct im_driver_object *object)
{
	(void)object;
	return IM_STATUS_SUCCESS;
}

static void load_registers_nothing(void)
{
	im_load_driver("own", registers_nothing, "test");
}

static void load_without_unload_handler(void)
{
	im_load_driver("own", order_entry, "test");
}

static im_status_t unassociated_entry(struct im_driver_object *object)
{
	struct im_protocol_characteristics p = good_protocol();
	struct im_protocol *protocol;
	im_status_t status = order_entry(object);

	im_register_unload_handler(object->wrapper, unload_own);
	if (status == IM_STATUS_SUCCESS)
		status = im_register_protocol(object->wrapper, &p, sizeof(p), &protocol);
	return status;
}

static void load_unassociated(void)
{
	im_load_driver("own", unassociated_entry, "test");
}

static im_status_t leaves_edges(struct im_driver_object *object)
{
	order_entry(object);
	return IM_STATUS_FAILURE;
}

static void load_leaves_edges(void)
{
	im_load_driver("own", leaves_edges, "test");
}

static im_status_t pends(struct im_driver_object *object)
{
	(void)object;
	return IM_STATUS_PENDING;
}

static void load_pends(void)
{
	im_load_driver("own", pends, "test");
}

static im_status_t terminates_early(struct im_driver_object *object)
{
	order_entry(object);
	im_terminate_wrapper(object->wrapper);
	return IM_STATUS_FAILURE;
}

static void load_terminates_early(void)
{
	im_load_driver("own", terminates_early, "test");
}

static void unload_with_an_instance(void)
{
	im_load_driver("own", layered_alone_entry, "test");
	im_initialize_device_instance(im_find_driver("own")->wrapper->miniport, "v", &body);
	im_unload_drivers();
}

static void a_driver_that_breaks_the_rules_of_loading_is_stopped(void **state)
{
	(void)state;
	rig_expect_violation("1.2", load_registers_nothing);
	rig_expect_violation("1.8", load_without_unload_handler);
	rig_expect_violation("1.2", load_unassociated);
	rig_expect_violation("1.12", load_leaves_edges);
	rig_expect_violation("1.7", load_pends);
	rig_expect_violation("1.15", load_terminates_early);
	rig_expect_violation("1.20", unload_with_an_instance);
}

/* ---- Built-in drivers ------------------------------------------------------------------------------- */

static im_status_t driver_entry(struct im_driver_object *object)
{
	return relay_entry(object);
}

IM_DRIVER("aa-good", "loads")

static im_status_t second_builtin(struct im_driver_object *object)
{
	(void)object;
	return IM_STATUS_RESOURCES;
}

static void builtin_drivers_load_by_name_until_one_fails(void **state)
{
	static struct im_builtin_driver bad = {.name = "bb-bad", .entry = second_builtin};
	const char *failed = NULL;

	(void)state;
	assert_int_equal(im_load_builtin_drivers(&failed), IM_STATUS_SUCCESS);
	assert_string_equal(im_find_driver("aa-good")->description, "loads");
	im_unload_drivers();
	im_add_builtin_driver(&bad);
	assert_int_equal(im_load_builtin_drivers(&failed), IM_STATUS_RESOURCES);
	assert_string_equal(failed, "bb-bad");
	assert_non_null(im_find_driver("aa-good"));
	assert_null(im_find_driver("bb-bad"));
	im_unload_drivers();
}

/* ---- Unloading -------------------------------------------------------------------------------------- */

/* Latest first; the protocol is deregistered, and so unbound, before anything else of the driver goes (1.19, 1.24). */
static void drivers_unload_latest_first_and_unbind_inside(void **state)
{
	(void)state;
	rig_up("nic", 2);
	assert_int_equal(im_deinitialize_device_instance(rig_nic.instance), IM_STATUS_SUCCESS);
	assert_string_equal(rig_events, "unbind:top halt:nic");
	assert_int_equal(rig_top.unbound, 1);
	assert_true(TAILQ_EMPTY(&im_core.bindings));
	rig_events[0] = '\0';
	im_unload_drivers();
	assert_string_equal(rig_events, "unload:top unload:relay");
	assert_int_equal(im_core_destroy(), 0);
}

static void deregistering_a_protocol_unbinds_each_binding_once(void **state)
{
	struct im_protocol *protocol;

	(void)state;
	rig_up("nic", 3);
	protocol = im_find_driver("relay")->wrapper->protocol;
	assert_int_equal(protocol->bindings, 3);
	im_find_driver("relay")->wrapper->unload(); /* deregisters the protocol, then the miniport */
	assert_true(TAILQ_EMPTY(&im_core.bindings));
	assert_int_equal(rig_top.unbound, 1);
	assert_null(im_find_instance("r0"));
	assert_null(im_find_instance("r1"));
	assert_null(im_find_instance("r2"));
	assert_non_null(im_find_instance("nic")); /* the port stays */
	rig_down();
}

/* Two bindings, two instances, five drivers; a copy is asked, so that the real core can be taken down properly. */
static void what_is_left_is_reported_as_a_leak(void **state)
{
	struct im_core running;

	(void)state;
	rig_up("nic", 1);
	running = im_core;
	im_core.workers = NULL;
	im_core.worker_count = 0;
	assert_int_equal(im_core_destroy(), 2 + 2 + 5);
	im_core = running;
	im_this_worker = &im_core.workers[0];
	rig_down();
}

int main(void)
{
#define WITH_CORE(test) cmocka_unit_test_setup_teardown(test, core_up, core_down)
	const struct CMUnitTest tests[] = {
		WITH_CORE(version_is_exactly_4_0_for_an_intermediate_driver),
		WITH_CORE(length_and_reserved_members_are_checked),
		WITH_CORE(never_supplied_handlers_are_refused),
		WITH_CORE(mandatory_handlers_are_required),
		WITH_CORE(null_arguments_are_invalid_parameters),
		WITH_CORE(checks_are_made_in_order),
		WITH_CORE(no_memory_is_resources),
		WITH_CORE(a_driver_has_each_edge_once),
		WITH_CORE(characteristics_are_copied),
		WITH_CORE(protocol_breaches_have_their_status),
		WITH_CORE(a_load_that_fails_at_any_step_leaves_nothing),
		WITH_CORE(edges_of_two_drivers_are_not_associated),
		WITH_CORE(a_name_is_loaded_once),
		WITH_CORE(a_name_that_does_not_fit_is_refused),
		WITH_CORE(a_layered_driver_may_have_no_protocol),
		WITH_CORE(a_driver_that_breaks_the_rules_of_loading_is_stopped),
		WITH_CORE(builtin_drivers_load_by_name_until_one_fails),
		cmocka_unit_test(drivers_unload_latest_first_and_unbind_inside),
		cmocka_unit_test(deregistering_a_protocol_unbinds_each_binding_once),
		cmocka_unit_test(what_is_left_is_reported_as_a_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
