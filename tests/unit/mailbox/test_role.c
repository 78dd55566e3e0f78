/* SPDX-License-Identifier: BSD-3-Clause */
/* Roles by user and group, and what the broker makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <errno.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "role.h"

#define NOBODY	  65534
#define OPERATORS 70001
#define ADMINS	  70002
#define TENANTS	  70003

static const struct role_groups all = {{true, true, true}, {TENANTS, ADMINS, OPERATORS}};
static const struct role_groups operators = {.given[SLUICE_ROLE_OPERATOR] = true,
					     .group[SLUICE_ROLE_OPERATOR] = OPERATORS};

static const struct role_groups none;

static void test_greatest_role_counts(void **state)
{
	static const gid_t other[] = {5, 6}, admins[] = {5, ADMINS}, both[] = {TENANTS, OPERATORS, ADMINS};
	static const struct {
		struct role_peer peer;
		const struct role_groups *groups;
		int result;
		enum sluice_role role;
	} cases[] = {
		{{0, 0, NULL, 0}, &all, 0, SLUICE_ROLE_OPERATOR}, /* root */
		{{NOBODY, OPERATORS, NULL, 0}, &all, 0, SLUICE_ROLE_OPERATOR},
		{{NOBODY, ADMINS, NULL, 0}, &all, 0, SLUICE_ROLE_HOST_ADMIN},
		{{NOBODY, TENANTS, NULL, 0}, &all, 0, SLUICE_ROLE_TENANT},
		{{NOBODY, NOBODY, admins, 2}, &all, 0, SLUICE_ROLE_HOST_ADMIN},
		{{NOBODY, NOBODY, both, 3}, &all, 0, SLUICE_ROLE_OPERATOR},
		{{NOBODY, TENANTS, admins, 2}, &all, 0, SLUICE_ROLE_HOST_ADMIN},
		{{NOBODY, NOBODY, other, 2}, &all, -EPERM, SLUICE_ROLE_TENANT},
		{{NOBODY, NOBODY, both, 1}, &operators, -EPERM, SLUICE_ROLE_TENANT},
		{{NOBODY, 0, NULL, 0}, &operators, -EPERM, SLUICE_ROLE_TENANT}, /* root's group is not root */
		{{NOBODY, NOBODY, other, 2}, &none, 0, SLUICE_ROLE_TENANT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum sluice_role role;

		assert_int_equal(role_of(&cases[i].peer, cases[i].groups, &role), cases[i].result);
		assert_int_equal(role, cases[i].role);
	}
}

/* What a user in @p more groups is answered: its role, or 100 and the status. Runs in a child. */
static int visit(const char *dir, const gid_t *more, size_t count)
{
	const struct sluice_hello hello = peer_hello();
	struct sluice_welcome welcome;
	int socket;

	if (setgroups(count, more) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
		return 97;
	socket = peer_connect(dir);
	if (socket < 0 || peer_send(socket, &hello, sizeof(hello), -1, 0) != sizeof(hello))
		return 98;
	if (recv(socket, &welcome, sizeof(welcome), 0) != sizeof(welcome))
		return 99;
	return welcome.status == SLUICE_STATUS_OK ? welcome.role : 100 + welcome.status;
}

static void expect_visit(struct fixture *fixture, const gid_t *more, size_t count, int expected)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		_exit(visit(fixture->dir, more, count));
	while (waitpid(child, &status, WNOHANG) == 0)
		assert_true(broker_poll(fixture->broker, 1) >= 0);
	pump(fixture);
	assert_int_equal(WEXITSTATUS(status), expected);
}

static void test_broker_gives_roles_to_groups(void **state)
{
	static const gid_t operator[] = {OPERATORS}, admin[] = {ADMINS}, tenant[] = {TENANTS}, other[] = {5};
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(fixture->dir, 0755), 0);
	expect_visit(fixture, operator, 1, 98); /* the socket is root's alone */
	assert_int_equal(broker_use_groups(fixture->broker, &all), 0);
	expect_visit(fixture, operator, 1, SLUICE_ROLE_OPERATOR);
	expect_visit(fixture, admin, 1, SLUICE_ROLE_HOST_ADMIN);
	expect_visit(fixture, tenant, 1, SLUICE_ROLE_TENANT);
	expect_visit(fixture, other, 1, 100 + SLUICE_STATUS_NOT_PERMITTED);
	assert_int_equal(broker_clients(fixture->broker), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greatest_role_counts),
		CASE(broker_gives_roles_to_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
