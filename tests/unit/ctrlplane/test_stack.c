/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stacks that change while they run, between two real ports, by the commands of a client.
 *
 *     host0 (host-edge) ── fw (filter) ── tap (passthru) ── wire0 (wire-edge)
 */
#include <stdio.h>
#include <string.h>

#include "../edge/eal.h"
#include "client.h"
#include "edge/port.h"
#include "gadget.h"
#include "reset.h"
#include "worker.h"

#define AT(member) ((uint32_t)offsetof(struct sluice_stack_command, member))

static struct control *const control = &machine.control;
static const struct sluice_change_answer *const answer = (const void *)client.reply;

/* ---- The stack --------------------------------------------------------------------------------------- */

static struct edge_port *make_port(const char *name, const char *devargs)
{
	struct sluice_port config = {.queues = 1, .mtu = 1500};
	struct edge_port *port;
	char error[256] = "";

	image_name(config.name, name);
	snprintf(config.devargs, sizeof(config.devargs), "%s", devargs);
	if (edge_port_create(&config, &machine.pool, &port, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	return port;
}

static struct policy_image image_of_two(uint32_t rules)
{
	const struct image_instance instances[] = {{"fw", "filter", rules, true, SLUICE_ALLOW},
						   {.name = "tap", .driver = "passthru"}};

	return image_full(instances, 2);
}

static void make_stack(void)
{
	struct edge_port *host = make_port("host0", "net_null0,no-rx=1"),
			 *wire = make_port("wire0", "net_null1,no-rx=1");
	char error[256];

	assert_int_equal(im_start_plain_instance(im_find_driver(EDGE_LOWER_DRIVER), "wire0", wire), IM_STATUS_SUCCESS);
	machine_bind("passthru", "wire0", "tap");
	machine_bind("filter", "tap", "fw");
	machine_bind(EDGE_UPPER_DRIVER, "fw", "host0");
	assert_int_equal(edge_port_start(host, error, sizeof(error)), 0);
	assert_int_equal(edge_port_start(wire, error, sizeof(error)), 0);
}

static int up(void **state)
{
	const char *failed = "";

	(void)state;
	memset(&machine, 0, sizeof(machine));
	memset(&gadget, 0, sizeof(gadget));
	machine_fail_allocation = 0;
	machine_grace_blocked = false;
	assert_int_equal(im_packet_pool_create(&machine.pool, 2047, 6, 2047), 0);
	assert_int_equal(im_core_create(1, counter_slots(MACHINE_BUDGET)), 0);
	im_core.buffers = machine.pool.buffers;
	assert_int_equal(workers_create(1), 0); /* never started */
	assert_int_equal(im_load_builtin_drivers(&failed), IM_STATUS_SUCCESS);
	assert_int_equal(im_load_driver(GADGET_DRIVER, gadget_entry, "test"), IM_STATUS_SUCCESS);
	make_stack();
	assert_int_equal(control_create(control, MACHINE_BUDGET, &machine.pool), 0);
	rules_serve(control);
	machine_commit(image_of_two(2), SLUICE_STATUS_OK);
	client_up();
	return 0;
}

static int down(void **state)
{
	(void)state;
	machine_fail_allocation = 0;
	client_down();
	rules_stop();
	control_destroy(control);
	im_unbind_over("wire0");
	assert_int_equal(im_deinitialize_device_instance(im_find_instance("wire0")), IM_STATUS_SUCCESS);
	edge_port_destroy(edge_port_find("host0"));
	edge_port_destroy(edge_port_find("wire0"));
	im_unload_drivers();
	workers_destroy();
	assert_int_equal(im_core_destroy(), 0);
	assert_true(im_packet_pool_full(&machine.pool));
	im_packet_pool_destroy(&machine.pool);
	return 0;
}

/* ---- What is there ----------------------------------------------------------------------------------- */

/* "fw(running) tap(running)", as the list tells it. */
static const char *stack(void)
{
	static const char *const words[] = {"halted", "initializing", "paused", "restarting", "running", "pausing"};
	const struct sluice_list *list = (const void *)client.reply;
	static char text[512];
	size_t used = 0;

	text[0] = '\0';
	expect(STACK_LIST, 0, NULL, 0, OK);
	for (uint32_t i = 0; i < list->count; i++) {
		struct sluice_stack_record record;

		memcpy(&record, (const uint8_t *)client.reply + sizeof(*list) + i * sizeof(record), sizeof(record));
		assert_int_equal(record.position, i);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s(%s)", i > 0 ? " " : "",
					 record.instance, words[record.state]);
	}
	return text;
}

/* Which driver's binding stands over @p adapter, and whether it runs. */
static void expect_over(const char *adapter, const char *driver)
{
	const struct im_instance *instance = im_find_instance(adapter);
	const struct im_binding *binding;

	assert_non_null(instance);
	binding = TAILQ_FIRST(&instance->uppers);
	assert_non_null(binding);
	assert_string_equal(im_driver_over(binding), driver);
	assert_null(TAILQ_NEXT(binding, upper));
	assert_int_equal(binding->state, IM_BINDING_RUNNING);
}

static bool is_held(const char *port)
{
	return edge_port_find(port)->stopped & EDGE_STOP_HELD;
}

/* The whole of it runs, and every driver has what was built for it. */
static void expect_runs(int line, const char *expected)
{
	const char *is = stack();

	if (strcmp(is, expected) != 0)
		fail_msg("line %d: the stack is %s, expected %s", line, is, expected);
	assert_true(config_is_whole(control->current));
	assert_false(is_held("host0") || is_held("wire0"));
	assert_int_equal(edge_port_find("host0")->stopped | edge_port_find("wire0")->stopped, 0);
}

/* ---- Commands ---------------------------------------------------------------------------------------- */

static struct sluice_stack_command insertion(const char *driver, const char *name, enum sluice_place place,
					     const char *neighbour)
{
	struct sluice_stack_command command = {.place = place};

	image_name(command.stack, "main");
	image_name(command.driver, driver);
	image_name(command.instance, name);
	image_name(command.neighbour, neighbour);
	return command;
}

static void insert(int line, const char *driver, const char *name, enum sluice_place place, const char *neighbour,
		   enum sluice_status status)
{
	struct sluice_stack_command command = insertion(driver, name, place, neighbour);

	client_expect(line, SLUICE_OP_STACK_INSERT, 0, 0, &command, sizeof(command), status);
	assert_string_equal(answer->name, name);
}

static void take_out(int line, const char *name, enum sluice_status status)
{
	struct sluice_stack_command command = insertion("", name, 0, "");

	client_expect(line, SLUICE_OP_STACK_REMOVE, 0, 0, &command, sizeof(command), status);
}

#define insert(...)	      insert(__LINE__, __VA_ARGS__)
#define take_out(...)	      take_out(__LINE__, __VA_ARGS__)
#define expect_runs(expected) expect_runs(__LINE__, expected)

/* ---- Inserting --------------------------------------------------------------------------------------- */

static void an_instance_is_inserted_where_it_is_wanted(void **state)
{
	(void)state;
	expect_runs("fw(running) tap(running)");
	insert("passthru", "top", SLUICE_PLACE_TOP, "", SLUICE_STATUS_OK);
	assert_int_equal(client.call.result, 2); /* the new generation */
	expect_runs("top(running) fw(running) tap(running)");
	expect_over("fw", "passthru");
	expect_over("top", EDGE_UPPER_DRIVER);
	insert("passthru", "bottom", SLUICE_PLACE_BOTTOM, "", SLUICE_STATUS_OK);
	insert("filter", "above", SLUICE_PLACE_ABOVE, "tap", SLUICE_STATUS_OK);
	insert(GADGET_DRIVER, "below", SLUICE_PLACE_BELOW, "top", SLUICE_STATUS_OK);
	expect_runs("top(running) below(running) fw(running) above(running) tap(running) bottom(running)");
	expect_over("wire0", "passthru");
	expect_over("tap", "filter");
	expect_over("fw", GADGET_DRIVER);
	assert_int_equal(control->generation, 5);
}

static void a_newcomer_lets_everything_through_and_leaves_the_others_their_rules(void **state)
{
	const struct sluice_instance *instances;

	(void)state;
	im_count_rule(control->current->slots[1], 3, 300);
	insert("filter", "fw2", SLUICE_PLACE_TOP, "", SLUICE_STATUS_OK);
	instances = policy_instances(&control->current->image);
	assert_string_equal(instances[0].name, "fw2");
	assert_int_equal(instances[0].takes_rules, 1);
	assert_int_equal(instances[0].rules, 0);
	assert_int_equal(instances[0].default_action[SLUICE_IN], SLUICE_ALLOW);
	assert_int_equal(instances[0].default_action[SLUICE_OUT], SLUICE_ALLOW);
	assert_string_equal(client_rules(1), "a0 a1");
	assert_int_equal(im_read_rule(control->current->slots[1]).packets, 3);
	assert_true(image_is_good(&control->current->image));
}

static void what_cannot_be_inserted_is_refused_at_its_fault(void **state)
{
	static const struct {
		struct sluice_stack_command command;
		enum sluice_status status;
		uint32_t offset;
	} cases[] = {
		{{"other", "x", "passthru", "", 0, 0}, SLUICE_STATUS_NOT_FOUND, AT(stack)},
		{{"main", "x", "nobody", "", 0, 0}, SLUICE_STATUS_UNKNOWN_DRIVER, AT(driver)},
		{{"main", "x", EDGE_LOWER_DRIVER, "", 0, 0}, SLUICE_STATUS_UNKNOWN_DRIVER, AT(driver)},
		{{"main", "x", "a b", "", 0, 0}, SLUICE_STATUS_BAD_NAME, AT(driver) + 1},
		{{"main", "a b", "passthru", "", 0, 0}, SLUICE_STATUS_BAD_NAME, AT(instance) + 1},
		{{"main", "", "passthru", "", 0, 0}, SLUICE_STATUS_BAD_NAME, AT(instance)},
		{{"main", "fw", "passthru", "", 0, 0}, SLUICE_STATUS_DUPLICATE_NAME, AT(instance)},
		{{"main", "wire0", "passthru", "", 0, 0}, SLUICE_STATUS_DUPLICATE_NAME, AT(instance)},
		{{"main", "x", "passthru", "", 4, 0}, SLUICE_STATUS_BAD_VALUE, AT(place)},
		{{"main", "x", "passthru", "fw", 0, 0}, SLUICE_STATUS_BAD_VALUE, AT(neighbour)},
		{{"main", "x", "passthru", "", 2, 0}, SLUICE_STATUS_NOT_FOUND, AT(neighbour)},
		{{"main", "x", "passthru", "nobody", 3, 0}, SLUICE_STATUS_NOT_FOUND, AT(neighbour)},
		{{"main", "x", "passthru", "", 0, 1}, SLUICE_STATUS_BAD_RESERVED, AT(reserved)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		client_expect((int)i, SLUICE_OP_STACK_INSERT, 0, 0, &cases[i].command, sizeof(cases[i].command),
			      cases[i].status);
		assert_int_equal(client.call.error_offset, cases[i].offset);
	}
	assert_int_equal(control->generation, 1);
	expect_runs("fw(running) tap(running)");
}

/* ---- Removing ---------------------------------------------------------------------------------------- */

static void an_instance_goes_with_its_rules(void **state)
{
	(void)state;
	insert("filter", "fw2", SLUICE_PLACE_BELOW, "fw", SLUICE_STATUS_OK);
	take_out("fw", SLUICE_STATUS_OK);
	assert_int_equal(client.call.result, 3);
	expect_runs("fw2(running) tap(running)");
	assert_int_equal(control->current->image.header->rules, 0);
	take_out("fw2", SLUICE_STATUS_OK);
	expect_runs("tap(running)");
	expect_over("tap", EDGE_UPPER_DRIVER);
	assert_true(image_is_good(&control->current->image));
}

static void the_lowest_and_the_middle_ones_can_go(void **state)
{
	(void)state;
	insert("passthru", "middle", SLUICE_PLACE_BELOW, "fw", SLUICE_STATUS_OK);
	take_out("middle", SLUICE_STATUS_OK);
	expect_runs("fw(running) tap(running)");
	expect_over("tap", "filter");
	take_out("tap", SLUICE_STATUS_OK);
	expect_runs("fw(running)");
	expect_over("wire0", "filter");
	assert_string_equal(client_rules(0), "a0 a1");
}

static void the_last_one_stays(void **state)
{
	(void)state;
	take_out("tap", SLUICE_STATUS_OK);
	take_out("fw", SLUICE_STATUS_LAST_DRIVER);
	assert_int_equal(client.call.error_offset, AT(instance));
	take_out("nobody", SLUICE_STATUS_NOT_FOUND);
	assert_int_equal(client.call.error_offset, AT(instance));
	expect_runs("fw(running)");
	insert("passthru", "other", SLUICE_PLACE_TOP, "", SLUICE_STATUS_OK);
	take_out("fw", SLUICE_STATUS_OK);
	expect_runs("other(running)");
}

/* ---- Failing ----------------------------------------------------------------------------------------- */

static void a_driver_that_does_not_bind_leaves_the_stack_as_it_was(void **state)
{
	(void)state;
	gadget.fail_bind = true;
	insert(GADGET_DRIVER, "g", SLUICE_PLACE_BELOW, "fw", SLUICE_STATUS_DRIVER_REFUSED);
	assert_int_equal(client.call.result, IM_STATUS_OPEN_FAILED);
	assert_string_equal(answer->text, "cannot bind 'g': open failed");
	assert_int_equal(control->generation, 1);
	expect_runs("fw(running) tap(running)");
	expect_over("tap", "filter");
	assert_string_equal(client_rules(0), "a0 a1");
}

static void a_driver_that_does_not_restart_leaves_the_stack_as_it_was(void **state)
{
	(void)state;
	gadget.fail_restart = true;
	insert(GADGET_DRIVER, "g", SLUICE_PLACE_BOTTOM, "", SLUICE_STATUS_DRIVER_REFUSED);
	assert_int_equal(client.call.result, IM_STATUS_FAILURE);
	assert_string_equal(answer->text, "cannot restart 'g': failure");
	expect_runs("fw(running) tap(running)");
	assert_string_equal(client_rules(0), "a0 a1"); /* the policy of before is in force again */
	assert_int_equal(control->current->image.header->instances, 2);
}

/* The one that stays cannot come up again when its neighbour has gone: the neighbour comes back, with its rules. */
static void a_removal_that_fails_brings_the_instance_back(void **state)
{
	(void)state;
	insert(GADGET_DRIVER, "g", SLUICE_PLACE_TOP, "", SLUICE_STATUS_OK);
	gadget.fail_restart = true;
	take_out("fw", SLUICE_STATUS_STACK_DOWN); /* nor can it come up as it was */
	assert_string_equal(client_rules(1), "a0 a1");
	assert_string_equal(stack(), "g(paused) fw(running) tap(running)");
	assert_true(is_held("host0") && is_held("wire0"));
	gadget.fail_restart = false;
	take_out("g", SLUICE_STATUS_OK); /* any change brings up what is down */
	expect_runs("fw(running) tap(running)");
}

static void a_stack_that_cannot_be_put_together_is_down_until_it_can(void **state)
{
	struct policy_image image;

	(void)state;
	insert(GADGET_DRIVER, "g", SLUICE_PLACE_TOP, "", SLUICE_STATUS_OK);
	gadget.fail_bind = true;
	insert("passthru", "p", SLUICE_PLACE_BOTTOM, "", SLUICE_STATUS_STACK_DOWN);
	assert_non_null(strstr(answer->text, "cannot bind 'g'"));
	assert_string_equal(stack(), "g(halted) fw(paused) tap(paused)");
	assert_true(is_held("host0") && is_held("wire0"));
	image = image_copy(&control->current->image); /* its policy can be changed meanwhile */
	machine_commit(image, SLUICE_STATUS_OK);
	gadget.fail_bind = false;
	insert("passthru", "p", SLUICE_PLACE_BOTTOM, "", SLUICE_STATUS_OK);
	expect_runs("g(running) fw(running) tap(running) p(running)");
	assert_string_equal(client_rules(1), "a0 a1");
}

/* Whatever allocation fails: the stack is as it was, or as it was wanted; and goes on, and nothing leaks. */
static void without_memory_a_stack_is_not_changed(void **state)
{
	uint32_t refused = 0, down = 0;

	(void)state;
	for (uint32_t step = 1;; step++) {
		struct sluice_stack_command command = insertion("filter", "fw2", SLUICE_PLACE_BELOW, "fw");
		enum sluice_status status;

		machine_fail_allocation = step;
		status = client_run(SLUICE_OP_STACK_INSERT, 0, 0, &command, sizeof(command));
		if (machine_fail_allocation > 0)
			break;
		down += status == SLUICE_STATUS_STACK_DOWN;
		if (status == SLUICE_STATUS_OK) { /* it could do without */
			take_out("fw2", SLUICE_STATUS_OK);
			continue;
		}
		refused++;
		if (status != SLUICE_STATUS_STACK_DOWN)
			expect_runs("fw(running) tap(running)");
	}
	machine_fail_allocation = 0;
	assert_true(refused > 20);
	assert_int_equal(down, 0);
	expect_runs("fw(running) fw2(running) tap(running)");
}

/* ---- Drivers ----------------------------------------------------------------------------------------- */

static void driver(int line, enum sluice_opcode opcode, const char *name, uint64_t flags, enum sluice_status status)
{
	char payload[SLUICE_NAME_SIZE] = "";

	image_name(payload, name);
	client_expect(line, opcode, flags, 0, payload,
		      opcode == SLUICE_OP_DRIVER_LOAD ? (uint32_t)strlen(name) : sizeof(payload), status);
}

#define unload(name, flags, status) driver(__LINE__, SLUICE_OP_DRIVER_UNLOAD, name, flags, SLUICE_STATUS_##status)
#define load(name, status)	    driver(__LINE__, SLUICE_OP_DRIVER_LOAD, name, 0, SLUICE_STATUS_##status)

static void a_driver_in_use_is_not_unloaded(void **state)
{
	(void)state;
	insert("filter", "fw2", SLUICE_PLACE_TOP, "", SLUICE_STATUS_OK);
	unload("filter", 0, DRIVER_IN_USE);
	assert_string_equal(answer->text, "it is fw2 in stack main, fw in stack main");
	unload(EDGE_UPPER_DRIVER, SLUICE_UNLOAD_UNINSTALL, NOT_SUPPORTED);
	unload("nobody", 0, UNKNOWN_DRIVER);
	unload("a b", 0, BAD_NAME);
	unload("filter", 2, BAD_VALUE);
	expect_runs("fw2(running) fw(running) tap(running)");
}

static void an_uninstalled_driver_leaves_its_stacks_first(void **state)
{
	(void)state;
	insert("filter", "fw2", SLUICE_PLACE_BOTTOM, "", SLUICE_STATUS_OK);
	while (control_waiting(control) > 0)
		control_tick(control); /* as the ticks do: what blocks hold of a driver keeps it */
	insert(GADGET_DRIVER, "g", SLUICE_PLACE_TOP, "", SLUICE_STATUS_OK);
	unload(GADGET_DRIVER, SLUICE_UNLOAD_UNINSTALL, OK);
	assert_string_equal(answer->name, GADGET_DRIVER);
	assert_int_equal(gadget.unloaded, 1);
	assert_null(im_find_driver(GADGET_DRIVER));
	expect_runs("fw(running) tap(running) fw2(running)");
	unload("passthru", SLUICE_UNLOAD_UNINSTALL, OK);
	expect_runs("fw(running) fw2(running)");
	load("passthru", OK);
	assert_string_equal(answer->name, "passthru");
	insert("passthru", "tap", SLUICE_PLACE_BOTTOM, "", SLUICE_STATUS_OK);
	expect_runs("fw(running) fw2(running) tap(running)");
}

static void the_last_instance_of_a_stack_keeps_its_driver(void **state)
{
	(void)state;
	take_out("fw", SLUICE_STATUS_OK);
	unload("passthru", SLUICE_UNLOAD_UNINSTALL, LAST_DRIVER);
	assert_string_equal(answer->text, "tap in stack main");
	expect_runs("tap(running)");
}

static void what_cannot_be_loaded_is_refused(void **state)
{
	(void)state;
	load("filter", DRIVER_LOADED);
	load("nobody", UNKNOWN_DRIVER);
	load("a b", BAD_NAME);
	load("/nonexistent/driver.so", NOT_FOUND);
	load("/bin/sh", NOT_A_DRIVER); /* whoever has put it there */
	client_expect(__LINE__, SLUICE_OP_DRIVER_LOAD, 0, 0, "fil\0ter", 7, SLUICE_STATUS_BAD_VALUE);
}

/* ---- Resets ------------------------------------------------------------------------------------------ */

static enum sluice_status reset(enum sluice_opcode opcode, const char *reason)
{
	struct sluice_reset_command command = {0};

	memcpy(command.reason, reason, strnlen(reason, sizeof(command.reason)));
	return client_run(opcode, 0, 0, &command, sizeof(command));
}

static void a_reset_pauses_and_restarts_what_runs(void **state)
{
	struct event_log log;
	struct sluice_event event;
	uint32_t cursor = 0;

	(void)state;
	assert_int_equal(event_log_create(&log), 0);
	control->events = &log;
	assert_int_equal(reset(SLUICE_OP_RESET_DATAPATH, "a test"), SLUICE_STATUS_OK);
	assert_int_equal(client.call.result, 1);
	expect_runs("fw(running) tap(running)");
	assert_int_equal(edge_port_find("host0")->stopped, 0);
	assert_int_equal(edge_port_find("wire0")->stopped, 0);
	assert_true(event_log_next(&log, &cursor, &event));
	assert_int_equal(event.kind, SLUICE_EVENT_RESET);
	assert_string_equal(event.subject, "a test");
	assert_int_equal(event.value, 1);
	assert_true(event_log_next(&log, &cursor, &event));
	assert_int_equal(event.kind, SLUICE_EVENT_PROGRESS);
	assert_int_equal(event.value, 100);
	assert_false(event_log_next(&log, &cursor, &event));
	assert_int_equal(reset(SLUICE_OP_RESET_DATAPATH, "again"), SLUICE_STATUS_OK);
	assert_int_equal(client.call.result, 2);
	assert_false(control->reset_wanted);
	control->events = NULL;
	event_log_destroy(&log);
}

/* The gadget says no when it is to restart: the stack is not polled until a later reset brings it up. */
static void a_stack_that_does_not_restart_is_down_until_it_does(void **state)
{
	(void)state;
	insert("gadget", "g", SLUICE_PLACE_TOP, "", SLUICE_STATUS_OK);
	gadget.fail_restart = true;
	assert_int_equal(reset(SLUICE_OP_RESET_DATAPATH, "a test"), SLUICE_STATUS_STACK_DOWN);
	assert_non_null(strstr(answer->text, "cannot restart 'g'"));
	assert_int_not_equal(edge_port_find("wire0")->stopped, 0);
	gadget.fail_restart = false;
	assert_int_equal(reset(SLUICE_OP_RESET_DATAPATH, "a test"), SLUICE_STATUS_OK);
	expect_runs("g(running) fw(running) tap(running)");
	assert_int_equal(edge_port_find("wire0")->stopped, 0);
}

static void a_reset_of_the_device_is_noted_and_left_to_the_firmware(void **state)
{
	struct sluice_info_region *info = calloc(1, sizeof(*info));
	struct control next = {0};

	(void)state;
	assert_int_equal(reset(SLUICE_OP_RESET_DEVICE, "it is stuck"), SLUICE_STATUS_OK);
	assert_int_equal(client.call.result, 1);
	assert_true(control->reset_wanted);
	expect_runs("fw(running) tap(running)");
	reset_bequeath(control);
	reset_inherit(&next, info);
	assert_int_equal(next.resets, 1);
	assert_string_equal(next.reset_reason, "it is stuck");
	assert_int_equal(info->reset_generation, 1);
	assert_string_equal(info->reset_reason, "it is stuck");
	reset_inherit(&next, info); /* it is inherited once */
	assert_null(getenv("SLUICE_RESET"));
	free(info);
}

static void a_reset_without_a_readable_reason_is_refused(void **state)
{
	static const struct {
		const char *reason;
		uint32_t offset;
	} bad[] = {{"", 0}, {"two\nlines", 3}, {"\x7f", 0}};
	char endless[129];

	(void)state;
	memset(endless, 'x', 128);
	endless[128] = '\0';
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(reset(SLUICE_OP_RESET_DATAPATH, bad[i].reason), SLUICE_STATUS_BAD_VALUE);
		assert_int_equal(client.call.error_offset, bad[i].offset);
		assert_int_equal(reset(SLUICE_OP_RESET_DEVICE, bad[i].reason), SLUICE_STATUS_BAD_VALUE);
	}
	assert_int_equal(reset(SLUICE_OP_RESET_DATAPATH, endless), SLUICE_STATUS_BAD_VALUE);
	assert_int_equal(control->resets, 0);
	assert_false(control->reset_wanted);
}

int main(void)
{
#define WITH_STACK(test) cmocka_unit_test_setup_teardown(test, up, down)
	const struct CMUnitTest tests[] = {
		WITH_STACK(an_instance_is_inserted_where_it_is_wanted),
		WITH_STACK(a_newcomer_lets_everything_through_and_leaves_the_others_their_rules),
		WITH_STACK(what_cannot_be_inserted_is_refused_at_its_fault),
		WITH_STACK(an_instance_goes_with_its_rules),
		WITH_STACK(the_lowest_and_the_middle_ones_can_go),
		WITH_STACK(the_last_one_stays),
		WITH_STACK(a_driver_that_does_not_bind_leaves_the_stack_as_it_was),
		WITH_STACK(a_driver_that_does_not_restart_leaves_the_stack_as_it_was),
		WITH_STACK(a_removal_that_fails_brings_the_instance_back),
		WITH_STACK(a_stack_that_cannot_be_put_together_is_down_until_it_can),
		WITH_STACK(without_memory_a_stack_is_not_changed),
		WITH_STACK(a_driver_in_use_is_not_unloaded),
		WITH_STACK(an_uninstalled_driver_leaves_its_stacks_first),
		WITH_STACK(the_last_instance_of_a_stack_keeps_its_driver),
		WITH_STACK(what_cannot_be_loaded_is_refused),
		WITH_STACK(a_reset_pauses_and_restarts_what_runs),
		WITH_STACK(a_stack_that_does_not_restart_is_down_until_it_does),
		WITH_STACK(a_reset_of_the_device_is_noted_and_left_to_the_firmware),
		WITH_STACK(a_reset_without_a_readable_reason_is_refused),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
