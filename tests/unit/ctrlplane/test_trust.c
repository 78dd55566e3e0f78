/* SPDX-License-Identifier: BSD-3-Clause */
/* Which files may be loaded as drivers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trust.h"

#define NOBODY 65534

/* A folder, and in it another one with a file, all as they should be. */
static char outer[64], inner[128], file[256], other[256];

static int up(void **state)
{
	int fd;

	(void)state;
	strcpy(outer, "/tmp/test_trust.XXXXXX");
	assert_non_null(mkdtemp(outer));
	snprintf(inner, sizeof(inner), "%s/drivers", outer);
	snprintf(file, sizeof(file), "%s/good.so", inner);
	snprintf(other, sizeof(other), "%s/link.so", outer);
	assert_int_equal(mkdir(inner, 0755), 0);
	fd = open(file, O_CREAT | O_WRONLY, 0644);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(outer, 0755) | chmod(inner, 0755) | chmod(file, 0644), 0);
	return 0;
}

static int down(void **state)
{
	(void)state;
	unlink(other);
	unlink(file);
	rmdir(inner);
	return rmdir(outer);
}

static char resolved[PATH_MAX], error[512];

static void expect_good(const char *path)
{
	error[0] = '\0';
	if (trust_check(path, resolved, error, sizeof(error)) != 0)
		fail_msg("refused: %s", error);
}

static void expect_bad(const char *path, int code, const char *blamed)
{
	assert_int_equal(trust_check(path, resolved, error, sizeof(error)), code);
	if (strncmp(error, blamed, strlen(blamed)) != 0)
		fail_msg("'%s' does not blame '%s'", error, blamed);
}

/* /tmp is for all to write, but sticky: nobody can put another folder in the place of ours. */
static void what_only_we_can_write_is_good(void **state)
{
	(void)state;
	expect_good(file);
	assert_string_equal(resolved, file);
	assert_int_equal(chmod(file, 0600), 0);
	expect_good(file);
}

static void a_file_that_others_can_write_is_refused(void **state)
{
	(void)state;
	assert_int_equal(chmod(file, 0664), 0);
	expect_bad(file, -EPERM, file);
	assert_int_equal(chmod(file, 0646), 0);
	expect_bad(file, -EPERM, file);
}

static void a_folder_that_others_can_write_is_refused(void **state)
{
	(void)state;
	assert_int_equal(chmod(inner, 0775), 0);
	expect_bad(file, -EPERM, inner);
	assert_int_equal(chmod(inner, 01777), 0); /* where others can put files no driver belongs */
	expect_bad(file, -EPERM, inner);
	assert_int_equal(chmod(inner, 0755) | chmod(outer, 0757), 0); /* one above it could be exchanged */
	expect_bad(file, -EPERM, outer);
	assert_int_equal(chmod(outer, 01777), 0);
	expect_good(file);
}

static void what_belongs_to_others_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can give files away */
	assert_int_equal(chown(file, NOBODY, NOBODY), 0);
	expect_bad(file, -EPERM, file);
	assert_int_equal(chown(file, 0, 0) | chown(inner, NOBODY, 0), 0);
	expect_bad(file, -EPERM, inner);
	assert_int_equal(chown(inner, 0, NOBODY), 0); /* a group that may not write is no matter */
	expect_good(file);
}

static void a_link_is_judged_by_where_it_leads(void **state)
{
	(void)state;
	assert_int_equal(symlink(file, other), 0);
	expect_good(other);
	assert_string_equal(resolved, file);
	assert_int_equal(chmod(file, 0666), 0);
	expect_bad(other, -EPERM, file);
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	expect_bad(inner, -EPERM, inner);
	expect_bad("/nonexistent/driver.so", -ENOENT, "/nonexistent/driver.so");
	expect_bad("/dev/null/driver.so", -ENOTDIR, "/dev/null/driver.so");
}

int main(void)
{
#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, up, down)
	const struct CMUnitTest tests[] = {
		WITH_FILE(what_only_we_can_write_is_good),
		WITH_FILE(a_file_that_others_can_write_is_refused),
		WITH_FILE(a_folder_that_others_can_write_is_refused),
		WITH_FILE(what_belongs_to_others_is_refused),
		WITH_FILE(a_link_is_judged_by_where_it_leads),
		WITH_FILE(what_is_no_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
