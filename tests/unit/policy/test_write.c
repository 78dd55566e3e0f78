/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmocka_all.h"
#include "random_policy.h"
#include "sample.h"

static void show_error(const struct policy_error *error)
{
	policy_error_print(error, "written", stdout);
}

/* What is written reads back as the same bytes. */
static void expect_round_trip(const struct policy_image *image)
{
	struct policy_error error = {0};
	struct policy_image again;
	enum sluice_status status;
	uint32_t offset;
	char *text;
	int rc;

	rc = policy_check(image->header, image->length, &offset, &status);
	if (rc != 0)
		printf("refused: %s at %u\n", sluice_status_text((uint16_t)status), offset);
	assert_int_equal(rc, 0);
	text = policy_write(image);
	assert_non_null(text);
	rc = policy_read_text(text, strlen(text), &again, &error);
	if (rc != 0)
		show_error(&error);
	assert_int_equal(rc, 0);
	assert_int_equal(again.length, image->length);
	assert_memory_equal(again.header, image->header, image->length);
	policy_image_clear(&again);
	free(text);
}

static void allocate(struct policy_image *image, uint32_t ports, uint32_t stacks, uint32_t instances, uint32_t rules)
{
	image->length = sizeof(struct sluice_policy_header) + ports * sizeof(struct sluice_port) +
			stacks * sizeof(struct sluice_stack) + instances * sizeof(struct sluice_instance) +
			rules * sizeof(struct sluice_rule);
	image->header = calloc(1, image->length);
	assert_non_null(image->header);
	*image->header = (struct sluice_policy_header){.magic = SLUICE_POLICY_MAGIC,
						       .version = SLUICE_POLICY_VERSION,
						       .length = (uint32_t)image->length,
						       .ports = ports,
						       .stacks = stacks,
						       .instances = instances,
						       .rules = rules};
}

static void fill_topology(struct policy_image *image)
{
	for (uint32_t i = 0; i < image->header->ports; i++) {
		struct sluice_port *port = &policy_ports(image)[i];

		snprintf(port->name, SLUICE_NAME_SIZE, "port.%u", i);
		snprintf(port->devargs, SLUICE_DEVARGS_SIZE, "net_pcap%u,rx_pcap=a \"b\"\\c/%u", i, random_below(1000));
		port->queues = (uint16_t)(1 + random_below(16));
		port->mtu = (uint16_t)(68 + random_below(65454));
		port->rx_pps = random_below(UINT32_MAX);
	}
	for (uint32_t i = 0; i < image->header->stacks; i++) {
		struct sluice_stack *stack = &policy_stacks(image)[i];

		snprintf(stack->name, SLUICE_NAME_SIZE, "stack-%u", i);
		snprintf(stack->upper_port, SLUICE_NAME_SIZE, "port.%u", 2 * i);
		snprintf(stack->lower_port, SLUICE_NAME_SIZE, "port.%u", 2 * i + 1);
	}
}

/* Each stack has one instance at least; the rest and the rules are shared out at random. */
static void fill_instances(struct policy_image *image)
{
	const struct sluice_policy_header *h = image->header;
	uint32_t stack = 0, next = 0;

	for (uint32_t i = 0; i < h->instances; i++) {
		struct sluice_instance *instance = &policy_instances(image)[i];
		bool is_last = i + 1 == h->instances;

		if (i > 0 && (h->instances - i == h->stacks - stack - 1 || (stack + 1 < h->stacks && random_bool())))
			stack++;
		snprintf(instance->name, SLUICE_NAME_SIZE, "%s_%u", random_bool() ? "fw" : "Tap", i);
		instance->stack = h->stacks > 0 ? stack : SLUICE_NO_STACK;
		instance->takes_rules = h->stacks == 0 || is_last || random_bool();
		if (h->stacks > 0) {
			strcpy(instance->driver, "filter");
			for (int d = 0; d < SLUICE_DIRECTIONS; d++)
				instance->default_action[d] = instance->takes_rules && random_bool();
		}
		instance->first_rule = next;
		if (instance->takes_rules)
			instance->rules = is_last ? h->rules - next : random_below(h->rules - next + 1);
		next += instance->rules;
	}
}

static void fill_rules(struct policy_image *image)
{
	for (uint32_t i = 0; i < image->header->rules; i++) {
		struct sluice_rule *rule = &policy_rules(image)[i];

		random_rule(rule);
		snprintf(rule->name, SLUICE_NAME_SIZE, "r%u", i);
	}
}

static void random_whole_policies(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		uint32_t stacks = 1 + random_below(4);
		struct policy_image image;

		allocate(&image, 2 * stacks + random_below(3), stacks, stacks + random_below(5), random_below(30));
		fill_topology(&image);
		fill_instances(&image);
		fill_rules(&image);
		expect_round_trip(&image);
		policy_image_clear(&image);
	}
}

static void random_rules_only_policies(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		struct policy_image image;

		allocate(&image, 0, 0, 1 + random_below(5), random_below(30));
		fill_instances(&image);
		fill_rules(&image);
		expect_round_trip(&image);
		policy_image_clear(&image);
	}
}

static void empty_policy(void **state)
{
	struct policy_image image;
	char *text;

	(void)state;
	allocate(&image, 0, 0, 0, 0);
	expect_round_trip(&image);
	text = policy_write(&image);
	assert_string_equal(text, "{\n"
				  "  \"ietf-access-control-list:acls\": {\n"
				  "    \"acl\": []\n"
				  "  }\n"
				  "}\n");
	free(text);
	policy_image_clear(&image);
}

static void sample_in_its_documented_form(void **state)
{
	struct sample sample;
	struct policy_image image = {.header = &sample.header, .length = sizeof(sample)};
	char *text;

	(void)state;
	sample_make(&sample);
	expect_round_trip(&image);
	text = policy_write(&image);
	assert_non_null(strstr(text, "        \"name\": \"s0\",\n"
				     "        \"upper-port\": \"p0\",\n"
				     "        \"lower-port\": \"p1\",\n"
				     "        \"driver\": [\n"
				     "          {\n"
				     "            \"name\": \"fw0\",\n"
				     "            \"type\": \"filter\",\n"
				     "            \"default-action\": {\n"
				     "              \"in\": \"accept\",\n"
				     "              \"out\": \"accept\"\n"
				     "            }\n"
				     "          },\n"
				     "          {\n"
				     "            \"name\": \"tap\",\n"
				     "            \"type\": \"filter\"\n"
				     "          }\n"
				     "        ]\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_whole_policies),
		cmocka_unit_test(random_rules_only_policies),
		cmocka_unit_test(empty_policy),
		cmocka_unit_test(sample_in_its_documented_form),
	};

	random_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
