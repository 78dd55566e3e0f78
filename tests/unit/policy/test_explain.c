/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmocka_all.h"
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PORTS                                                                                                          \
	"\"sluice:ports\": { \"port\": [ { \"name\": \"host0\", \"devargs\": \"net_null0\" },"                         \
	" { \"name\": \"wire0\", \"devargs\": \"net_null1\" } ] }"
#define STACKS(driver)                                                                                                  \
	"\"sluice:stacks\": { \"stack\": [ { \"name\": \"main\", \"upper-port\": \"host0\", \"lower-port\": \"wire0\"," \
	" \"driver\": [ " driver " ] } ] }"
#define ACLS(acl) "\"ietf-access-control-list:acls\": { \"acl\": [ " acl " ] }"

#define PORT_PATH   "/sluice:ports/port[0]"
#define DRIVER_PATH "/sluice:stacks/stack[0]/driver[0]"
#define ACE_PATH    "/ietf-access-control-list:acls/acl[0]/aces/ace[0]"

static const char good_document[] = "{ " PORTS ",\n" STACKS("{ \"name\": \"fw\", \"type\": \"filter\" }") ",\n" ACLS(
	"{ \"name\": \"fw\", \"aces\": { \"ace\": [\n{ \"name\": \"r\", \"sluice:direction\": \"in\","
	" \"actions\": { \"forwarding\": \"drop\" } } ] } }") " }";

static struct policy_image read_good(void)
{
	struct policy_image image;
	struct policy_error error = {0};

	if (policy_read_text(good_document, strlen(good_document), &image, &error) != 0) {
		policy_error_print(&error, "text", stdout);
		fail_msg("refused");
	}
	return image;
}

/* What the card refuses is explained with the place in the document. */
static void explains_what_the_card_refuses(void **state)
{
	struct policy_image image = read_good();
	uint32_t instance = (uint32_t)((char *)policy_instances(&image) - (char *)image.header);
	uint32_t rule = (uint32_t)((char *)policy_rules(&image) - (char *)image.header);
	const struct {
		uint32_t offset;
		enum sluice_status status;
		unsigned line;
		const char *path, *message;
	} cases[] = {
		{instance + offsetof(struct sluice_instance, driver), SLUICE_STATUS_UNKNOWN_DRIVER, 2,
		 DRIVER_PATH "/type", "unknown driver: \"filter\""},
		{instance + offsetof(struct sluice_instance, rules), SLUICE_STATUS_NO_RULES_HERE, 3,
		 "/ietf-access-control-list:acls/acl[0]/name", "this driver takes no rules"},
		{sizeof(struct sluice_policy_header) + offsetof(struct sluice_port, devargs),
		 SLUICE_STATUS_TOPOLOGY_CHANGE, 1, PORT_PATH "/devargs", "restart to change them"},
		{offsetof(struct sluice_policy_header, rules), SLUICE_STATUS_OVER_BUDGET, 3,
		 "/ietf-access-control-list:acls/acl", "more rules than the budget allows"},
		{rule + offsetof(struct sluice_rule, priority), SLUICE_STATUS_BAD_VALUE, 4, ACE_PATH,
		 "value out of range"},
		{rule, SLUICE_STATUS_DUPLICATE_NAME, 4, ACE_PATH "/name", "name is used twice: \"r\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy_error error;

		assert_int_equal(policy_explain(good_document, strlen(good_document), &image, cases[i].offset,
						cases[i].status, &error),
				 0);
		assert_string_equal(error.path, cases[i].path);
		assert_int_equal(error.line, cases[i].line);
		assert_non_null(strstr(error.message, cases[i].message));
		assert_true(error.example[0] != '\0');
	}
	policy_image_clear(&image);
}

static void explains_at_least_the_status_of_foreign_offsets(void **state)
{
	struct policy_image image = read_good();
	struct policy_error error;

	(void)state;
	assert_int_equal(policy_explain(good_document, strlen(good_document), &image, UINT32_MAX,
					SLUICE_STATUS_INTERNAL, &error),
			 -EINVAL);
	assert_string_equal(error.message, "internal error");
	assert_int_equal(policy_explain("no document", 11, &image, 0, SLUICE_STATUS_BAD_MAGIC, &error), -EINVAL);
	assert_string_equal(error.message, "not a policy image");
	policy_image_clear(&image);
}

static void prints_errors_for_people(void **state)
{
	struct policy_error error = {.message = "m", .line = 7, .column = 3, .path = "/p", .example = "e"};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	policy_error_print(&error, "f.json", out);
	error = (struct policy_error){.message = "cannot be read"};
	policy_error_print(&error, "f.json", out);
	fclose(out);
	assert_string_equal(text, "f.json:7:3: /p: m\n  example: e\nf.json: cannot be read\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explains_what_the_card_refuses),
		cmocka_unit_test(explains_at_least_the_status_of_foreign_offsets),
		cmocka_unit_test(prints_errors_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
