/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a policy image. What the check lets pass must survive being written as a document and read again. */
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

static void round_trip(const struct policy_image *image)
{
	char *text = policy_write(image);
	struct policy_image again;
	struct policy_error error;

	expect(text != NULL, "an accepted image cannot be written");
	if (policy_read_text(text, strlen(text), &again, &error) != 0) {
		policy_error_print(&error, "written", stderr);
		expect(false, "the document of an accepted image is refused");
	}
	expect(again.length == image->length && memcmp(again.header, image->header, image->length) == 0,
	       "writing and reading makes another image");
	policy_image_clear(&again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *copy = malloc(size); /* aligned, and of the exact size */
	enum sluice_status status;
	uint32_t offset;
	int rc;

	if (copy == NULL)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	rc = policy_check(copy, size, &offset, &status);
	expect((rc == 0) == (status == SLUICE_STATUS_OK), "return value and status disagree");
	if (rc == 0)
		round_trip(&(struct policy_image){.header = copy, .length = size});
	else
		expect(offset <= size || size < sizeof(struct sluice_policy_header), "the offset is beyond the image");
	free(copy);
	return 0;
}
