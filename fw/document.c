/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "boot.h"

#define EXIT_BAD_POLICY 3

int document_read(struct document *document, const char *path)
{
	struct policy_error error = {0};

	document->path = path;
	if (policy_load_file(path, &document->text, &document->length, &error) == 0 &&
	    policy_read_text(document->text, document->length, &document->image, &error) == 0)
		return 0;
	fputs("sluice-fw: ", stderr);
	policy_error_print(&error, path, stderr);
	return EXIT_BAD_POLICY;
}

void document_blame(const struct document *document, enum sluice_status status, uint32_t offset)
{
	struct policy_error error = {0};

	policy_explain(document->text, document->length, &document->image, offset, status, &error);
	fputs("sluice-fw: ", stderr);
	policy_error_print(&error, document->path, stderr);
}
