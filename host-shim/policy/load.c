/* SPDX-License-Identifier: BSD-3-Clause */
/* Files into memory. */
#include "policy/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE ((size_t)64 << 10)
#define MOST_SIZE  ((size_t)2 << 30) /* far above a million rules; stops an endless pipe */

static int grow(char **text, size_t *size)
{
	size_t larger = *size == 0 ? FIRST_SIZE : *size * 2;
	char *moved;

	if (larger > MOST_SIZE)
		return -EFBIG;
	moved = realloc(*text, larger);
	if (moved == NULL)
		return -ENOMEM;
	*text = moved;
	*size = larger;
	return 0;
}

/* By its end, not by its size: pipes have none. */
static int read_all(FILE *file, char **text, size_t *length)
{
	size_t size = 0;

	*text = NULL;
	*length = 0;
	do {
		int rc = *length == size ? grow(text, &size) : 0;

		if (rc != 0)
			return rc;
		errno = 0;
		*length += fread(*text + *length, 1, size - *length, file);
		if (ferror(file))
			return errno != 0 ? -errno : -EIO;
	} while (!feof(file));
	return 0;
}

int policy_load_file(const char *path, char **text, size_t *length, struct policy_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	int rc = file == NULL ? -errno : read_all(file, text, length);

	if (file != NULL && !is_stdin)
		fclose(file);
	if (rc == 0)
		return 0;
	if (file != NULL)
		free(*text);
	*text = NULL;
	policy_error_set(err, "cannot be read: %s", strerror(-rc));
	return rc;
}

int policy_read_file(const char *path, struct policy_image *out, struct policy_error *err)
{
	char *text = NULL;
	size_t length = 0;
	int rc = policy_load_file(path, &text, &length, err);

	*out = (struct policy_image){0};
	if (rc == 0)
		rc = policy_read_text(text, length, out, err);
	free(text);
	return rc;
}
