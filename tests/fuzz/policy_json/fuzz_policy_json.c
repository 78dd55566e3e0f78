/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as a document. What is read is a valid image that survives being written; what is refused says why. */
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool right, const char *what)
{
	if (!right) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

static void check_accepted(const struct policy_image *image)
{
	char *text = policy_write(image);
	struct policy_image again;
	struct policy_error error;
	enum sluice_status status;
	uint32_t offset;

	expect(policy_check(image->header, image->length, &offset, &status) == 0, "a read image is refused");
	expect(text != NULL, "a read image cannot be written");
	expect(policy_read_text(text, strlen(text), &again, &error) == 0, "a written document is refused");
	expect(again.length == image->length && memcmp(again.header, image->header, image->length) == 0,
	       "writing and reading makes another image");
	policy_image_clear(&again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_image image;
	struct policy_error error;

	if (policy_read_text((const char *)data, size, &image, &error) == 0) {
		check_accepted(&image);
		policy_image_clear(&image);
		return 0;
	}
	expect(image.header == NULL, "a refused document leaves an image");
	expect(error.message[0] != '\0' && error.example[0] != '\0', "a refusal without message or example");
	expect(error.line > 0 && error.column > 0, "a refusal without a place");
	return 0;
}
