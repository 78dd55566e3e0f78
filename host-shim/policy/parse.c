/* SPDX-License-Identifier: BSD-3-Clause */
/* Text into JSON values, and what is wrong with text that is not JSON. */
#include "policy/parse.h"

#include "policy/error.h"

#include <errno.h>
#include <string.h>

static bool ends_with(const char *string, const char *end)
{
	size_t length = strlen(string), end_length = strlen(end);

	return length >= end_length && strcmp(string + length - end_length, end) == 0;
}

/* What the JSON library calls an error is often only what came after it. */
static const char *syntax_hint(const json_error_t *error)
{
	if (ends_with(error->text, "near '/'") || ends_with(error->text, "near '#'"))
		return "; JSON has no comments";
	switch (json_error_code(error)) {
	case json_error_premature_end_of_input:
		return "; a bracket or brace is not closed";
	case json_error_end_of_input_expected:
		return "; one document only";
	case json_error_duplicate_key:
	case json_error_stack_overflow:
	case json_error_numeric_overflow:
	case json_error_invalid_utf8:
		return "";
	default:
		return "; names and strings stand in double quotes, and a comma stands between members, not after the last";
	}
}

static int refuse_syntax(const json_error_t *error, struct policy_error *err)
{
	policy_error_set(err, "not valid JSON: %s%s", error->text, syntax_hint(error));
	err->line = error->line > 0 ? (unsigned)error->line : 1;
	err->column = error->column > 0 ? (unsigned)error->column : 1;
	policy_error_set_example(err, "{ \"name\": \"wire0\", \"devargs\": \"net_null0\" }");
	return -EINVAL;
}

static int refuse_start(const char *message, struct policy_error *err)
{
	policy_error_set(err, "%s", message);
	err->line = err->column = 1;
	policy_error_set_example(err, "{ \"ietf-access-control-list:acls\": { \"acl\": [] } }");
	return -EINVAL;
}

/*
 * The JSON library's scanner goes on after a failed allocation, with characters missing from its strings: no
 * such document may become a policy. So the allocations are watched while it works.
 */
static _Thread_local json_malloc_t unwatched_malloc;
static _Thread_local bool memory_ran_out;

static void *watched_malloc(size_t size)
{
	void *block = unwatched_malloc(size);

	if (block == NULL)
		memory_ran_out = true;
	return block;
}

static json_t *load(const char *text, size_t length, json_error_t *error)
{
	json_free_t free_block;
	json_t *document;

	json_get_alloc_funcs(&unwatched_malloc, &free_block);
	json_set_alloc_funcs(watched_malloc, free_block);
	document = json_loadb(text, length, JSON_REJECT_DUPLICATES, error);
	json_set_alloc_funcs(unwatched_malloc, free_block);
	return document;
}

int policy_parse_text(const char *text, size_t length, json_t **document, struct policy_error *err)
{
	json_error_t error = {0};
	size_t blanks = 0;

	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return refuse_start("starts with a UTF-8 byte order mark: save it as UTF-8 without one", err);
	while (blanks < length && strchr(" \t\r\n", text[blanks]) != NULL && text[blanks] != '\0')
		blanks++;
	if (blanks == length)
		return refuse_start("document is empty", err);
	memory_ran_out = false;
	*document = load(text, length, &error);
	if (memory_ran_out) {
		json_decref(*document);
		*document = NULL;
		policy_error_set(err, "out of memory");
		return -ENOMEM;
	}
	return *document != NULL ? 0 : refuse_syntax(&error, err);
}
