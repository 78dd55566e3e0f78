/* SPDX-License-Identifier: BSD-3-Clause */
/* The runtime directory, as broker_create() takes it and broker_destroy() leaves it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture.h"

static void test_second_firmware_is_refused(void **state)
{
	struct fixture *fixture = *state;
	char error[512] = "", expected[512];
	struct peer peer;

	join(fixture, &peer);
	assert_null(broker_create(fixture->dir, &toy_ops, &fixture->toy, error, sizeof(error)));
	snprintf(expected, sizeof(expected),
		 "runtime directory '%s' is in use by another firmware (pid %d); give this one its own with "
		 "--runtime-dir DIR",
		 fixture->dir, (int)getpid());
	assert_string_equal(error, expected);
	expect_served(fixture, &peer); /* the first one's socket and lock are untouched */
	peer_close(&peer);
	join(fixture, &peer);
	peer_close(&peer);
}

/* Makes a broker in @p dir, expects that it fails, and gives the text. */
static const char *failure(const char *dir)
{
	static char error[512];
	struct toy toy = {0};

	assert_null(broker_create(dir, &toy_ops, &toy, error, sizeof(error)));
	return error;
}

static void in_dir(const struct fixture *fixture, const char *name, char *path, size_t size)
{
	assert_true((size_t)snprintf(path, size, "%s/%s", fixture->dir, name) < size);
}

/* What a firmware that was killed leaves behind: a socket without a listener, and a lock without a holder. */
static void leave_stale_files(const struct fixture *fixture)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char lock[96];
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	in_dir(fixture, SLUICE_SOCKET_NAME, address.sun_path, sizeof(address.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	in_dir(fixture, "lock", lock, sizeof(lock));
	fd = open(lock, O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, "12345678\n", 9), 9);
	close(fd);
}

static void test_stale_socket_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	char error[512] = "", path[96];
	struct stat found;
	struct peer peer;

	broker_destroy(fixture->broker);
	leave_stale_files(fixture);
	fixture->broker = broker_create(fixture->dir, &toy_ops, &fixture->toy, error, sizeof(error));
	assert_string_equal(error, "");
	join(fixture, &peer);
	expect_served(fixture, &peer);
	peer_close(&peer);
	in_dir(fixture, SLUICE_SOCKET_NAME, path, sizeof(path));
	assert_int_equal(stat(path, &found), 0);
	assert_int_equal(found.st_mode & 07777, 0660);
}

static void test_file_in_the_way_of_the_socket(void **state)
{
	struct fixture *fixture = *state;
	char path[96], lock[96];

	broker_destroy(fixture->broker);
	fixture->broker = NULL;
	in_dir(fixture, SLUICE_SOCKET_NAME, path, sizeof(path));
	close(open(path, O_WRONLY | O_CREAT, 0644));
	assert_non_null(strstr(failure(fixture->dir), "is in the way: it is not a socket"));
	in_dir(fixture, "lock", lock, sizeof(lock));
	assert_int_equal(access(lock, F_OK), -1); /* the lock was given back */
	assert_int_equal(unlink(path), 0);	  /* and the file was left alone */
}

static void test_directories_that_do_not_work(void **state)
{
	struct fixture *fixture = *state;
	char dir[256], made[96], error[512];
	struct toy toy = {0};
	struct broker *broker;

	snprintf(dir, sizeof(dir), "%s/%0100d", fixture->dir, 0);
	assert_non_null(strstr(failure(dir), "has too long a path"));
	in_dir(fixture, "missing/deeper", dir, sizeof(dir));
	assert_non_null(strstr(failure(dir), "cannot make runtime directory"));
	in_dir(fixture, "made", made, sizeof(made)); /* one level that is missing is made */
	broker = broker_create(made, &toy_ops, &toy, error, sizeof(error));
	assert_non_null(broker);
	broker_destroy(broker);
	assert_int_equal(rmdir(made), 0); /* which fails unless socket and lock are gone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(second_firmware_is_refused),
		CASE(stale_socket_is_replaced),
		CASE(file_in_the_way_of_the_socket),
		CASE(directories_that_do_not_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
