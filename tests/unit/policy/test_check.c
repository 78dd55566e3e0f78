/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmocka_all.h"
#include "failing_alloc.h"
#include "sample.h"

#include <errno.h>
#include <time.h>

#define NO_NUL(array)	   memset(array, 'x', sizeof(array))
#define ZERO_LENGTH(array) memset(array, 0, sizeof(array))

/*
 * Each makes one thing wrong with the sample image. The expected offset is that of the member behind the status.
 * X(test, change, status, member)
 */
#define BAD_IMAGES(X)                                                                                                  \
	X(magic, s->header.magic++, BAD_MAGIC, header.magic)                                                           \
	X(version, s->header.version++, BAD_VERSION, header.version)                                                   \
	X(header_reserved0, s->header.reserved0 = 1, BAD_RESERVED, header.reserved0)                                   \
	X(header_reserved1, s->header.reserved1 = 1, BAD_RESERVED, header.reserved1)                                   \
	X(length_too_small, s->header.length--, BAD_LENGTH, header.length)                                             \
	X(length_too_large, s->header.length++, BAD_LENGTH, header.length)                                             \
	X(one_port_less, s->header.ports--, BAD_LENGTH, header.length)                                                 \
	X(one_rule_more, s->header.rules++, BAD_LENGTH, header.length)                                                 \
	X(too_many_ports, s->header.ports = SLUICE_POLICY_MAX_PORTS + 1, BAD_VALUE, header.ports)                      \
	X(ports_overflow, s->header.ports = UINT32_MAX, BAD_VALUE, header.ports)                                       \
	X(too_many_stacks, s->header.stacks = SLUICE_POLICY_MAX_STACKS + 1, BAD_VALUE, header.stacks)                  \
	X(too_many_instances, s->header.instances = SLUICE_POLICY_MAX_INSTANCES + 1, BAD_VALUE, header.instances)      \
	X(too_many_rules, s->header.rules = SLUICE_POLICY_MAX_RULES + 1, OVER_BUDGET, header.rules)                    \
	X(rules_overflow, s->header.rules += UINT32_MAX / sizeof(struct sluice_rule) + 1, OVER_BUDGET, header.rules)   \
	X(stacks_without_ports, s->header.ports = 0, BAD_VALUE, header.ports)                                          \
	X(ports_without_stacks, s->header.stacks = 0, BAD_VALUE, header.stacks)                                        \
	X(port_name_empty, ZERO_LENGTH(s->port[1].name), BAD_NAME, port[1].name)                                       \
	X(port_name_endless, NO_NUL(s->port[1].name), BAD_NAME, port[1].name[31])                                      \
	X(port_name_character, s->port[1].name[1] = '/', BAD_NAME, port[1].name[1])                                    \
	X(port_name_padding, s->port[1].name[20] = 'x', BAD_NAME, port[1].name[20])                                    \
	X(port_name_twice, s->port[3].name[1] = '0', DUPLICATE_NAME, port[3].name)                                     \
	X(devargs_empty, ZERO_LENGTH(s->port[2].devargs), BAD_VALUE, port[2].devargs)                                  \
	X(devargs_endless, NO_NUL(s->port[2].devargs), BAD_VALUE, port[2].devargs[511])                                \
	X(devargs_padding, s->port[2].devargs[500] = 'x', BAD_VALUE, port[2].devargs[500])                             \
	X(devargs_control_character, s->port[2].devargs[3] = '\n', BAD_VALUE, port[2].devargs[3])                      \
	X(no_queues, s->port[0].queues = 0, BAD_VALUE, port[0].queues)                                                 \
	X(too_many_queues, s->port[0].queues = 17, BAD_VALUE, port[0].queues)                                          \
	X(mtu_too_small, s->port[0].mtu = 67, BAD_VALUE, port[0].mtu)                                                  \
	X(mtu_too_large, s->port[0].mtu = 65522, BAD_VALUE, port[0].mtu)                                               \
	X(port_reserved, s->port[3].reserved[23] = 1, BAD_RESERVED, port[3].reserved[23])                              \
	X(stack_name, s->stack[1].name[0] = ' ', BAD_NAME, stack[1].name)                                              \
	X(stack_name_twice, s->stack[1].name[1] = '0', DUPLICATE_NAME, stack[1].name)                                  \
	X(upper_port_unknown, s->stack[0].upper_port[2] = 'x', UNKNOWN_PORT, stack[0].upper_port)                      \
	X(lower_port_unknown, s->stack[1].lower_port[1] = '7', UNKNOWN_PORT, stack[1].lower_port)                      \
	X(lower_port_empty, ZERO_LENGTH(s->stack[1].lower_port), BAD_NAME, stack[1].lower_port)                        \
	X(one_port_for_both, s->stack[0].lower_port[1] = '0', PORT_IN_USE, stack[0].lower_port)                        \
	X(port_in_two_stacks, s->stack[1].upper_port[1] = '1', PORT_IN_USE, stack[1].upper_port)                       \
	X(stack_reserved, s->stack[0].reserved[1] = 1, BAD_RESERVED, stack[0].reserved[1])                             \
	X(instance_name, s->instance[2].name[1] = ':', BAD_NAME, instance[2].name[1])                                  \
	X(instance_name_twice, s->instance[3].name[2] = '1', DUPLICATE_NAME, instance[3].name)                         \
	X(instance_named_as_port, strcpy(s->instance[1].name, "p2\0"), DUPLICATE_NAME, instance[1].name)               \
	X(instance_driver, s->instance[2].driver[0] = 0, BAD_NAME, instance[2].driver)                                 \
	X(stack_out_of_range, s->instance[3].stack = 2, BAD_VALUE, instance[3].stack)                                  \
	X(no_stack, s->instance[3].stack = SLUICE_NO_STACK, BAD_VALUE, instance[3].stack)                              \
	X(first_not_of_first_stack, s->instance[0].stack = 1, BAD_VALUE, instance[0].stack)                            \
	X(stack_not_contiguous, s->instance[1].stack = 1; s->instance[2].stack = 0, BAD_VALUE, instance[2].stack)      \
	X(stack_without_driver, s->instance[2].stack = s->instance[3].stack = 0, BAD_VALUE, stack[1])                  \
	X(takes_rules, s->instance[0].takes_rules = 2, BAD_VALUE, instance[0].takes_rules)                             \
	X(default_unknown, s->instance[0].default_action[1] = 3, BAD_VALUE, instance[0].default_action[1])             \
	X(default_count, s->instance[0].default_action[0] = SLUICE_COUNT, BAD_VALUE, instance[0].default_action[0])    \
	X(default_without_rules, s->instance[1].default_action[1] = SLUICE_DENY, BAD_VALUE,                            \
	  instance[1].default_action[1])                                                                               \
	X(instance_reserved, s->instance[0].reserved0 = 1, BAD_RESERVED, instance[0].reserved0)                        \
	X(rules_where_none_are_taken, s->instance[2].takes_rules = 0, NO_RULES_HERE, instance[2].rules)                \
	X(rules_with_gap, s->instance[2].first_rule = 3, BAD_VALUE, instance[2].first_rule)                            \
	X(rules_overlap, s->instance[2].first_rule = 1, BAD_VALUE, instance[2].first_rule)                             \
	X(rules_beyond_end, s->instance[3].rules = 2, BAD_VALUE, instance[3].rules)                                    \
	X(rules_count_overflow, s->instance[3].rules = UINT32_MAX, BAD_VALUE, instance[3].rules)                       \
	X(rule_of_nobody, s->instance[3].rules = 0, BAD_VALUE, header.rules)                                           \
	X(rule_name_empty, s->rule[2].name[0] = 0, BAD_NAME, rule[2].name)                                             \
	X(rule_name_twice, s->rule[1].name[0] = 'a', DUPLICATE_NAME, rule[1].name)                                     \
	X(rule_action, s->rule[3].action = 3, BAD_VALUE, rule[3].action)                                               \
	X(rule_reserved, s->rule[3].reserved[9] = 1, BAD_RESERVED, rule[3].reserved[9])

static void expect(const void *image, size_t length, int rc, enum sluice_status status, size_t offset)
{
	enum sluice_status got_status;
	uint32_t got_offset;

	assert_int_equal(policy_check(image, length, &got_offset, &got_status), rc);
	assert_string_equal(sluice_status_name((uint16_t)got_status), sluice_status_name((uint16_t)status));
	assert_int_equal(got_offset, offset);
}

#define X(test, change, status, member)                                                                                \
	static void refuses_##test(void **state)                                                                       \
	{                                                                                                              \
		struct sample sample, *s = &sample;                                                                    \
                                                                                                                       \
		(void)state;                                                                                           \
		sample_make(s);                                                                                        \
		change;                                                                                                \
		expect(s, sizeof(*s), -EINVAL, SLUICE_STATUS_##status, offsetof(struct sample, member));               \
	}
BAD_IMAGES(X)
#undef X

/* The same for the image of rules only. */
#define BAD_RULES_IMAGES(X)                                                                                            \
	X(stack_index, s->instance[1].stack = 0, BAD_VALUE, instance[1].stack)                                         \
	X(driver, s->instance[1].driver[0] = 'f', BAD_VALUE, instance[1].driver)                                       \
	X(no_rules_taken, s->instance[1].takes_rules = 0, BAD_VALUE, instance[1].takes_rules)                          \
	X(default_action, s->instance[1].default_action[1] = SLUICE_DENY, BAD_VALUE, instance[1].default_action[1])    \
	X(name_twice, s->instance[1].name[2] = '0', DUPLICATE_NAME, instance[1].name)

#define X(test, change, status, member)                                                                                \
	static void refuses_rules_only_with_##test(void **state)                                                       \
	{                                                                                                              \
		struct rules_sample sample, *s = &sample;                                                              \
                                                                                                                       \
		(void)state;                                                                                           \
		rules_sample_make(s);                                                                                  \
		change;                                                                                                \
		expect(s, sizeof(*s), -EINVAL, SLUICE_STATUS_##status, offsetof(struct rules_sample, member));         \
	}
BAD_RULES_IMAGES(X)
#undef X

static void accepts_whole_policy(void **state)
{
	struct sample s;

	(void)state;
	sample_make(&s);
	expect(&s, sizeof(s), 0, SLUICE_STATUS_OK, 0);
}

static void accepts_bounds(void **state)
{
	struct sample s;

	(void)state;
	sample_make(&s);
	s.port[0].mtu = 68;
	s.port[1].mtu = 65521;
	s.port[0].queues = 16;
	s.port[2].rx_pps = UINT32_MAX;
	memset(s.port[3].devargs, '~', sizeof(s.port[3].devargs) - 1);
	memset(s.rule[0].name, 'Z', sizeof(s.rule[0].name) - 1);
	s.instance[0].default_action[SLUICE_IN] = SLUICE_DENY;
	expect(&s, sizeof(s), 0, SLUICE_STATUS_OK, 0);
}

static void accepts_rules_only(void **state)
{
	struct rules_sample s;

	(void)state;
	rules_sample_make(&s);
	expect(&s, sizeof(s), 0, SLUICE_STATUS_OK, 0);
	s.header.instances = s.header.rules = 0;
	s.header.length = sizeof(s.header);
	expect(&s, sizeof(s.header), 0, SLUICE_STATUS_OK, 0);
}

/* In a block of exactly that size, so that the sanitizer sees a read behind it. */
static void refuses_every_truncation(void **state)
{
	struct sample s;

	(void)state;
	sample_make(&s);
	for (size_t length = 0; length < sizeof(s); length += length < 64 ? 1 : 37) {
		void *copy = malloc(length);

		memcpy(copy, &s, length);
		expect(copy, length, -EINVAL, SLUICE_STATUS_BAD_LENGTH,
		       length < sizeof(s.header) ? 0 : offsetof(struct sample, header.length));
		free(copy);
	}
}

static void refuses_when_out_of_memory(void **state)
{
	struct sample s;

	(void)state;
	sample_make(&s);
	allocations_left = 1;
	expect(&s, sizeof(s), -ENOMEM, SLUICE_STATUS_NO_MEMORY, 0);
	assert_int_equal(allocations_left, 0);
}

struct large {
	struct sluice_policy_header header;
	struct sluice_instance instance;
	struct sluice_rule rule[100000];
};

static struct large *make_large(void)
{
	struct large *image = calloc(1, sizeof(*image));
	uint32_t rules = sizeof(image->rule) / sizeof(image->rule[0]);

	assert_non_null(image);
	image->header = (struct sluice_policy_header){.magic = SLUICE_POLICY_MAGIC,
						      .version = SLUICE_POLICY_VERSION,
						      .length = sizeof(*image),
						      .instances = 1,
						      .rules = rules};
	sample_instance(&image->instance, "fw", SLUICE_NO_STACK, 0, rules);
	memset(image->instance.driver, 0, SLUICE_NAME_SIZE);
	for (uint32_t i = 0; i < rules; i++) {
		sample_rule(&image->rule[i], "");
		snprintf(image->rule[i].name, SLUICE_NAME_SIZE, "rule-%u", i);
	}
	return image;
}

static void finds_one_duplicate_among_100000_rules_soon(void **state)
{
	struct large *image = make_large();
	struct timespec begin, end;
	double seconds;

	(void)state;
	strcpy(image->rule[99999].name, "rule-7");
	memset(image->rule[99999].name + 7, 0, SLUICE_NAME_SIZE - 7);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	expect(image, sizeof(*image), -EINVAL, SLUICE_STATUS_DUPLICATE_NAME, offsetof(struct large, rule[99999].name));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	printf("100000 rules checked in %.3f s\n", seconds);
	assert_true(seconds < 1.0); /* 0.02 s without a sanitizer; comparing each with each takes minutes */
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(accepts_whole_policy),
					   cmocka_unit_test(accepts_bounds),
					   cmocka_unit_test(accepts_rules_only),
					   cmocka_unit_test(refuses_every_truncation),
					   cmocka_unit_test(refuses_when_out_of_memory),
					   cmocka_unit_test(finds_one_duplicate_among_100000_rules_soon),
#define X(test, change, status, member) cmocka_unit_test(refuses_##test),
					   BAD_IMAGES(X)
#undef X
#define X(test, change, status, member) cmocka_unit_test(refuses_rules_only_with_##test),
						   BAD_RULES_IMAGES(X)
#undef X
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
