/* SPDX-License-Identifier: BSD-3-Clause */
/* Registration, through im.h as a driver sees it. */
#include <stdio.h>

#include "own.h"

static im_status_t reset(bool *addressing_reset, void *context)
{
	(void)addressing_reset, (void)context;
	return IM_STATUS_NOT_RESETTABLE;
}

static im_status_t send_one(void *context, struct im_packet *packet, uint32_t flags)
{
	(void)context, (void)packet, (void)flags;
	return IM_STATUS_PENDING;
}

static void never(void)
{
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
		struct im_miniport_characteristics c = own_miniport();
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

/* contract: 2.2 12.13 */
static void version_is_exactly_4_0_for_an_intermediate_driver(void **state)
{
	(void)state;
	in_driver_entry(versions);
}

static void lengths(struct im_wrapper *wrapper)
{
	struct im_miniport_characteristics c = own_miniport();

	expect_layered(wrapper, &c, sizeof(c) - 1, IM_STATUS_BAD_CHARACTERISTICS, "one byte short");
	expect_layered(wrapper, &c, 0, IM_STATUS_BAD_CHARACTERISTICS, "length 0");
	c.reserved = 1;
	expect_layered(wrapper, &c, sizeof(c), IM_STATUS_BAD_CHARACTERISTICS, "reserved member set");
	c.reserved = 0;
	expect_layered(wrapper, &c, sizeof(c) + 8, IM_STATUS_SUCCESS, "longer than this version's struct");
}

/* contract: 2.1 2.3 2.6 12.13 */
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
	c = own_miniport();                                                                                            \
	c.member = never;                                                                                              \
	expect_layered(wrapper, &c, sizeof(c), IM_STATUS_BAD_CHARACTERISTICS, "supplies " #member);
	NEVER_SUPPLIED(X)
#undef X
}

/* contract: 2.7 2.19 2.20 2.21 2.22 2.23 2.24 9.11 */
static void never_supplied_handlers_are_refused(void **state)
{
	(void)state;
	in_driver_entry(forbidden);
}

static void mandatory(struct im_wrapper *wrapper)
{
	struct im_miniport_characteristics c;

#define X(member)                                                                                                      \
	c = own_miniport();                                                                                            \
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
	c = own_miniport();
	expect_plain(wrapper, &c, IM_STATUS_BAD_CHARACTERISTICS, "plain, lacks reset");
	c.send_packets = NULL;
	c.send = send_one;
	expect_layered(wrapper, &c, sizeof(c), IM_STATUS_SUCCESS, "send in place of send_packets");
}

/* contract: 2.4 2.9 2.10 2.11 2.12 2.13 2.14 2.15 2.29 */
static void mandatory_handlers_are_required(void **state)
{
	(void)state;
	in_driver_entry(mandatory);
}

static void null_arguments(struct im_wrapper *wrapper)
{
	struct im_miniport_characteristics c = own_miniport();
	struct im_protocol_characteristics p = own_protocol();
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

/* contract: 1.26 2.8 */
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

/* contract: 2.8 */
static void checks_are_made_in_order(void **state)
{
	(void)state;
	in_driver_entry(order);
}

static void no_memory(struct im_wrapper *wrapper)
{
	struct im_miniport_characteristics c = own_miniport();
	struct im_protocol_characteristics p = own_protocol();
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

/* contract: 2.5 2.6 3.2 */
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
	struct im_miniport_characteristics c = own_miniport();
	struct im_protocol_characteristics p = own_protocol();
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
	struct im_miniport_characteristics c = own_miniport();
	struct im_miniport *miniport;

	c.halt = counted_halt;
	assert_int_equal(im_register_layered_miniport(wrapper, &c, sizeof(c), &miniport), IM_STATUS_SUCCESS);
	c.halt = other_halt;
	c.initialize = NULL;
	assert_int_equal(im_initialize_device_instance(miniport, "copy", &c), IM_STATUS_SUCCESS);
	assert_int_equal(im_deinitialize_device_instance(im_find_instance("copy")), IM_STATUS_SUCCESS);
	assert_int_equal(halts_of_the_copy, 1);
}

/* contract: 1.9 */
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
	struct im_protocol_characteristics p = own_protocol();

	expect_protocol(wrapper, &p, sizeof(p) - 1, IM_STATUS_BAD_CHARACTERISTICS, "one byte short");
	p.reserved = 1;
	expect_protocol(wrapper, &p, sizeof(p), IM_STATUS_BAD_CHARACTERISTICS, "reserved member set");
#define X(member)                                                                                                      \
	p = own_protocol();                                                                                            \
	p.member = NULL;                                                                                               \
	expect_protocol(wrapper, &p, sizeof(p), IM_STATUS_BAD_CHARACTERISTICS, "lacks " #member);
	X(bind_adapter)
	X(unbind_adapter)
	X(open_adapter_complete)
	X(close_adapter_complete)
	X(send_complete)
	X(request_complete)
	X(receive)
	X(receive_complete)
	X(status)
	X(status_complete)
#undef X
	p = own_protocol();
	p.major_version = 3;
	expect_protocol(wrapper, &p, sizeof(p), IM_STATUS_SUCCESS, "version 3.0");
	p.major_version = 5;
	expect_protocol(wrapper, &p, sizeof(p), IM_STATUS_BAD_VERSION, "version 5.0");
	p.major_version = 4;
	p.minor_version = 1;
	expect_protocol(wrapper, &p, sizeof(p), IM_STATUS_BAD_VERSION, "version 4.1");
}

/* What only an intermediate driver must have: whoever has no miniport edge may do without (3.7, 3.12, 3.15). */
static void protocols_of_intermediate_drivers(struct im_wrapper *wrapper)
{
	struct im_miniport_characteristics c = own_miniport();
	struct im_protocol_characteristics p;
	struct im_miniport *miniport;

#define X(member)                                                                                                      \
	p = own_protocol();                                                                                            \
	p.member = NULL;                                                                                               \
	expect_protocol(wrapper, &p, sizeof(p),                                                                        \
			wrapper->miniport != NULL ? IM_STATUS_BAD_CHARACTERISTICS : IM_STATUS_SUCCESS,                 \
			"lacks " #member);
#define ALL(X) X(receive_packets) X(reset_complete) X(pnp_event)
	ALL(X)
	assert_int_equal(im_register_layered_miniport(wrapper, &c, sizeof(c), &miniport), IM_STATUS_SUCCESS);
	ALL(X)
#undef ALL
#undef X
}

/* contract: 3.7 3.12 3.15 */
static void an_intermediate_drivers_protocol_has_more_to_supply(void **state)
{
	(void)state;
	in_driver_entry(protocols_of_intermediate_drivers);
}

/* contract: 3.1 3.2 3.3 3.4 3.5 3.6 3.8 3.9 3.11 3.13 3.14 */
static void protocol_breaches_have_their_status(void **state)
{
	(void)state;
	in_driver_entry(protocols);
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
		WITH_CORE(an_intermediate_drivers_protocol_has_more_to_supply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
