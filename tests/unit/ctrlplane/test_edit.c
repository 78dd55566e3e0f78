/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes to a policy, as images. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "abi/mailbox.h"
#include "edit.h"
#include "images.h"

static bool fail_malloc;
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return fail_malloc ? NULL : __real_malloc(size);
}

static void expect_rules(const struct policy_image *image, const char *fw, const char *fw2)
{
	assert_true(image_is_good(image));
	assert_string_equal(image_rule_names(image, 0), fw);
	assert_string_equal(image_rule_names(image, 1), fw2);
	assert_int_equal(policy_instances(image)[2].rules, 0);
}

/* ---- Splices ---------------------------------------------------------------------------------------- */

static void expect_splice(uint32_t instance, uint32_t at, uint32_t removed, uint32_t added, const char *fw,
			  const char *fw2)
{
	struct sluice_rule rules[] = {image_rule("x", 7), image_rule("y", 8)};
	struct policy_image image = image_usual(3, 2), before = image_copy(&image), out = {0};

	assert_int_equal(edit_splice(&image, instance, at, removed, added > 0 ? rules : NULL, added, &out), 0);
	expect_rules(&out, fw, fw2);
	assert_memory_equal(image.header, before.header, before.length); /* the running one is never touched */
	policy_image_clear(&image);
	policy_image_clear(&before);
	policy_image_clear(&out);
}

static void a_splice_takes_out_and_puts_in_at_its_place(void **state)
{
	(void)state;
	expect_splice(0, 0, 0, 0, "a0 a1 a2", "b0 b1");
	expect_splice(0, 0, 0, 1, "x a0 a1 a2", "b0 b1");
	expect_splice(0, 1, 0, 2, "a0 x y a1 a2", "b0 b1");
	expect_splice(0, 3, 0, 1, "a0 a1 a2 x", "b0 b1");
	expect_splice(0, 0, 1, 0, "a1 a2", "b0 b1");
	expect_splice(0, 2, 1, 0, "a0 a1", "b0 b1");
	expect_splice(0, 0, 3, 0, "", "b0 b1");
	expect_splice(0, 1, 1, 1, "a0 x a2", "b0 b1");
	expect_splice(0, 0, 3, 2, "x y", "b0 b1");
	expect_splice(1, 0, 1, 2, "a0 a1 a2", "x y b1");
	expect_splice(1, 2, 0, 1, "a0 a1 a2", "b0 b1 x");
	expect_splice(1, 0, 2, 0, "a0 a1 a2", "");
}

static void a_splice_into_an_instance_without_rules_makes_it_take_them(void **state)
{
	const struct image_instance instances[] = {{"fw", "filter", 0, false, SLUICE_ALLOW}};
	struct policy_image image = image_full(instances, 1), out = {0};
	struct sluice_rule rule = image_rule("x", 7);

	(void)state;
	assert_int_equal(edit_splice(&image, 0, 0, 0, &rule, 1, &out), 0);
	assert_true(image_is_good(&out));
	assert_int_equal(policy_instances(&out)[0].takes_rules, 1);
	policy_image_clear(&image);
	policy_image_clear(&out);
}

static void without_memory_there_is_no_splice(void **state)
{
	struct policy_image image = image_usual(3, 2), out = {0};

	(void)state;
	fail_malloc = true;
	assert_int_equal(edit_splice(&image, 0, 0, 1, NULL, 0, &out), -ENOMEM);
	fail_malloc = false;
	assert_null(out.header);
	policy_image_clear(&image);
}

/* ---- Names ------------------------------------------------------------------------------------------ */

static void rules_are_found_by_name_in_their_instance(void **state)
{
	struct policy_image image = image_usual(3, 2);
	const struct sluice_instance *instances = policy_instances(&image);
	char name[SLUICE_NAME_SIZE];

	(void)state;
	image_name(name, "a2");
	assert_int_equal(edit_find_rule(&image, &instances[0], name), 2);
	assert_int_equal(edit_find_rule(&image, &instances[1], name), -1); /* another instance's */
	image_name(name, "b1");
	assert_int_equal(edit_find_rule(&image, &instances[1], name), 1);
	image_name(name, "a");
	assert_int_equal(edit_find_rule(&image, &instances[0], name), -1);
	policy_image_clear(&image);
}

static void a_picked_name_is_free_and_valid(void **state)
{
	struct policy_image image = image_usual(3, 2), out = {0};
	struct sluice_rule rule = image_rule("junk", 7);

	(void)state;
	edit_pick_name(&image, &policy_instances(&image)[0], &rule);
	assert_string_equal(rule.name, "rule-4");
	assert_true(policy_name_is_valid(rule.name, NULL)); /* nothing of the old name behind it */
	image_name(policy_rules(&image)[0].name, "rule-4");
	image_name(policy_rules(&image)[1].name, "rule-5");
	edit_pick_name(&image, &policy_instances(&image)[0], &rule);
	assert_string_equal(rule.name, "rule-6");
	assert_int_equal(edit_splice(&image, 0, 3, 0, &rule, 1, &out), 0);
	assert_true(image_is_good(&out));
	policy_image_clear(&image);
	policy_image_clear(&out);
}

/* ---- Applying --------------------------------------------------------------------------------------- */

static struct policy_image apply(struct policy_image running, struct policy_image wanted)
{
	struct policy_image out = {0};
	uint32_t offset;

	assert_true(image_is_good(&wanted));
	assert_int_equal(edit_apply(&running, &wanted, &out, &offset), SLUICE_STATUS_OK);
	assert_int_equal(offset, SLUICE_NO_OFFSET);
	policy_image_clear(&running);
	policy_image_clear(&wanted);
	assert_true(image_is_good(&out));
	return out;
}

static void rules_only_replaces_all_rules_and_keeps_the_rest(void **state)
{
	const struct image_instance both[] = {{.name = "fw2", .rules = 1}, {.name = "fw", .rules = 2}};
	struct policy_image out = apply(image_usual(3, 2), image_rules_only(both, 2));

	(void)state;
	expect_rules(&out, "b0 b1", "a0"); /* in the order of the running instances */
	assert_int_equal(policy_instances(&out)[1].default_action[SLUICE_IN], SLUICE_DENY); /* default actions stay */
	assert_string_equal(policy_ports(&out)[1].devargs, "net_null1");
	policy_image_clear(&out);
}

static void an_instance_that_is_not_named_loses_its_rules(void **state)
{
	const struct image_instance one[] = {{.name = "fw2", .rules = 2}};
	struct policy_image out = apply(image_usual(3, 2), image_rules_only(one, 1));

	(void)state;
	expect_rules(&out, "", "a0 a1");
	assert_int_equal(policy_instances(&out)[0].takes_rules, 1);
	policy_image_clear(&out);
	out = apply(image_usual(3, 2), image_rules_only(NULL, 0));
	expect_rules(&out, "", "");
	policy_image_clear(&out);
}

static void rules_for_an_unknown_instance_are_refused_at_its_name(void **state)
{
	const struct image_instance two[] = {{.name = "fw", .rules = 1}, {.name = "nobody", .rules = 1}};
	struct policy_image running = image_usual(1, 1), wanted = image_rules_only(two, 2), out = {0};
	uint32_t offset;

	(void)state;
	assert_int_equal(edit_apply(&running, &wanted, &out, &offset), SLUICE_STATUS_NOT_FOUND);
	assert_int_equal(offset, sizeof(struct sluice_policy_header) + sizeof(struct sluice_instance));
	assert_null(out.header);
	policy_image_clear(&running);
	policy_image_clear(&wanted);
}

static void a_full_policy_brings_its_rules_and_defaults(void **state)
{
	struct policy_image wanted = image_usual(1, 4), out;

	(void)state;
	policy_instances(&wanted)[0].default_action[SLUICE_OUT] = SLUICE_DENY;
	out = apply(image_usual(3, 2), wanted);
	expect_rules(&out, "a0", "b0 b1 b2 b3");
	assert_int_equal(policy_instances(&out)[0].default_action[SLUICE_OUT], SLUICE_DENY);
	policy_image_clear(&out);
}

static void expect_difference(struct policy_image wanted, const void *at)
{
	struct policy_image running = image_usual(3, 2), out = {0};
	uint32_t expected = (uint32_t)((const char *)at - (const char *)wanted.header), offset;

	assert_int_equal(edit_apply(&running, &wanted, &out, &offset), SLUICE_STATUS_TOPOLOGY_CHANGE);
	assert_int_equal(offset, expected);
	assert_null(out.header);
	policy_image_clear(&running);
	policy_image_clear(&wanted);
}

static void a_different_topology_is_refused_where_it_differs(void **state)
{
	const struct image_instance fewer[] = {{"fw", "filter", 1, true, SLUICE_ALLOW}};
	struct policy_image wanted;

	(void)state;
	wanted = image_usual(3, 2);
	policy_ports(&wanted)[1].mtu = 9000;
	expect_difference(wanted, &policy_ports(&wanted)[1].mtu);
	wanted = image_usual(3, 2);
	strcpy(policy_ports(&wanted)[0].devargs, "net_null7");
	expect_difference(wanted, &policy_ports(&wanted)[0].devargs[8]);
	wanted = image_usual(3, 2);
	image_name(policy_stacks(&wanted)[0].name, "other");
	expect_difference(wanted, &policy_stacks(&wanted)[0]);
	wanted = image_usual(3, 2);
	image_name(policy_instances(&wanted)[2].name, "pat");
	expect_difference(wanted, &policy_instances(&wanted)[2]);
	wanted = image_usual(3, 2);
	image_name(policy_instances(&wanted)[1].driver, "passthru");
	expect_difference(wanted, policy_instances(&wanted)[1].driver);
	wanted = image_full(fewer, 1);
	expect_difference(wanted, &wanted.header->instances);
}

static void without_memory_nothing_is_applied(void **state)
{
	const struct image_instance one[] = {{.name = "fw", .rules = 1}};
	struct policy_image running = image_usual(3, 2), rules = image_rules_only(one, 1), full = image_usual(1, 1),
			    out = {0};
	uint32_t offset;

	(void)state;
	fail_malloc = true;
	assert_int_equal(edit_apply(&running, &rules, &out, &offset), SLUICE_STATUS_NO_MEMORY);
	assert_int_equal(edit_apply(&running, &full, &out, &offset), SLUICE_STATUS_NO_MEMORY);
	fail_malloc = false;
	assert_null(out.header);
	policy_image_clear(&running);
	policy_image_clear(&rules);
	policy_image_clear(&full);
}

/* ---- Instances --------------------------------------------------------------------------------------- */

/* "fw:a0 a1 tap:" : the instances in their order, each with its rules. */
static const char *layout(const struct policy_image *image)
{
	static char text[512];

	assert_true(image_is_good(image));
	text[0] = '\0';
	for (uint32_t i = 0; i < image->header->instances; i++) {
		if (i > 0)
			strcat(text, " ");
		strcat(text, policy_instances(image)[i].name);
		strcat(text, ":");
		strcat(text, image_rule_names(image, i));
	}
	return text;
}

static void expect_insertion(uint32_t at, const char *expected)
{
	struct sluice_instance instance = {.name = "new", .driver = "filter", .takes_rules = 1};
	struct policy_image image = image_usual(2, 1), before = image_copy(&image), out = {0};

	assert_int_equal(edit_insert_instance(&image, at, &instance, &out), 0);
	assert_string_equal(layout(&out), expected);
	assert_memory_equal(image.header, before.header, before.length);
	policy_image_clear(&image);
	policy_image_clear(&before);
	policy_image_clear(&out);
}

static void an_instance_comes_in_at_its_place_without_rules(void **state)
{
	(void)state;
	expect_insertion(0, "new: fw:a0 a1 fw2:b0 tap:");
	expect_insertion(1, "fw:a0 a1 new: fw2:b0 tap:");
	expect_insertion(2, "fw:a0 a1 fw2:b0 new: tap:");
	expect_insertion(3, "fw:a0 a1 fw2:b0 tap: new:");
}

static void expect_removal(uint32_t index, const char *expected)
{
	struct policy_image image = image_usual(2, 1), before = image_copy(&image), out = {0};

	assert_int_equal(edit_remove_instance(&image, index, &out), 0);
	assert_string_equal(layout(&out), expected);
	assert_memory_equal(image.header, before.header, before.length);
	policy_image_clear(&image);
	policy_image_clear(&before);
	policy_image_clear(&out);
}

static void an_instance_goes_with_its_rules(void **state)
{
	(void)state;
	expect_removal(0, "fw2:b0 tap:");
	expect_removal(1, "fw:a0 a1 tap:");
	expect_removal(2, "fw:a0 a1 fw2:b0");
}

static void without_memory_no_instance_comes_or_goes(void **state)
{
	const struct sluice_instance instance = {.name = "new", .driver = "passthru"};
	struct policy_image image = image_usual(2, 1), out = {0};

	(void)state;
	fail_malloc = true;
	assert_int_equal(edit_insert_instance(&image, 1, &instance, &out), -ENOMEM);
	assert_int_equal(edit_remove_instance(&image, 1, &out), -ENOMEM);
	assert_int_equal(edit_copy(&image, &out), -ENOMEM);
	fail_malloc = false;
	assert_null(out.header);
	policy_image_clear(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_splice_takes_out_and_puts_in_at_its_place),
		cmocka_unit_test(a_splice_into_an_instance_without_rules_makes_it_take_them),
		cmocka_unit_test(without_memory_there_is_no_splice),
		cmocka_unit_test(rules_are_found_by_name_in_their_instance),
		cmocka_unit_test(a_picked_name_is_free_and_valid),
		cmocka_unit_test(rules_only_replaces_all_rules_and_keeps_the_rest),
		cmocka_unit_test(an_instance_that_is_not_named_loses_its_rules),
		cmocka_unit_test(rules_for_an_unknown_instance_are_refused_at_its_name),
		cmocka_unit_test(a_full_policy_brings_its_rules_and_defaults),
		cmocka_unit_test(a_different_topology_is_refused_where_it_differs),
		cmocka_unit_test(without_memory_nothing_is_applied),
		cmocka_unit_test(an_instance_comes_in_at_its_place_without_rules),
		cmocka_unit_test(an_instance_goes_with_its_rules),
		cmocka_unit_test(without_memory_no_instance_comes_or_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
