/* SPDX-License-Identifier: BSD-3-Clause */
#include "trust.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(const char *path, const char *why, char *error, size_t size)
{
	snprintf(error, size, "%.180s %s", path, why);
	return -EPERM;
}

static bool is_ours(const struct stat *found)
{
	return found->st_uid == 0 || found->st_uid == geteuid();
}

static int check(const char *path, bool sticky_is_enough, char *error, size_t size)
{
	struct stat found;

	if (lstat(path, &found) != 0) {
		int code = -errno;

		snprintf(error, size, "%.180s: %s", path, strerror(errno));
		return code;
	}
	if (!is_ours(&found))
		return refuse(path, "belongs neither to root nor to the firmware's user", error, size);
	if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !(sticky_is_enough && (found.st_mode & S_ISVTX)))
		return refuse(path, "can be written by others: chmod go-w it", error, size);
	return 0;
}

/* Who can write a folder can put something else in the place of what is in it, unless it is sticky, as /tmp is. */
static int check_folders(const char *path, char *error, size_t size)
{
	char folder[PATH_MAX];
	bool innermost = true;
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	while ((slash = strrchr(folder, '/')) != NULL) {
		int code;

		slash[slash == folder] = '\0'; /* "/" itself is the last one */
		code = check(folder, !innermost, error, size);
		if (code != 0 || slash == folder)
			return code;
		innermost = false;
	}
	return 0;
}

int trust_check(const char *path, char *resolved, char *error, size_t size)
{
	struct stat found;
	int code;

	if (realpath(path, resolved) == NULL) {
		code = -errno;
		snprintf(error, size, "%.180s: %s", path, strerror(errno));
		return code;
	}
	code = check(resolved, false, error, size);
	if (code == 0)
		code = check_folders(resolved, error, size);
	if (code == 0 && (stat(resolved, &found) != 0 || !S_ISREG(found.st_mode)))
		code = refuse(resolved, "is not a file", error, size);
	return code;
}
