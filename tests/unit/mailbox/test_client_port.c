/* SPDX-License-Identifier: BSD-3-Clause */
/* libsluice: the data rings of a port, as a card gives them, or gives them wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake.h"
#include "mailbox/client.h"

#define TEST_LIMIT_S 60
#define TIMEOUT_MS   5000u

static const struct sluice_port_wish wish = {.port = "host0", .queues = 2, .entries = 64};

struct fixture {
	char dir[64];
	pid_t card;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	alarm(TEST_LIMIT_S);
	strcpy(fixture->dir, "/tmp/test_client_port.XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char path[96];

	snprintf(path, sizeof(path), "%s/" SLUICE_SOCKET_NAME, fixture->dir);
	unlink(path);
	assert_int_equal(rmdir(fixture->dir), 0);
	free(fixture);
	return 0;
}

static void stop(struct fixture *fixture)
{
	kill(fixture->card, SIGKILL);
	assert_int_equal(waitpid(fixture->card, NULL, 0), fixture->card);
}

static unsigned open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static struct sluice_client *open_port(struct fixture *fixture, const struct fake *fake)
{
	struct sluice_fault fault = {0};
	struct sluice_client *client;

	fixture->card = fake_start(fixture->dir, fake);
	client = sluice_open_port(fixture->dir, &wish, TIMEOUT_MS, &fault);
	assert_string_equal(fault.text, "");
	assert_non_null(client);
	return client;
}

static void test_what_a_port_comes_with(void **state)
{
	const struct fake fake = {.queues = 2, .mtu = 9000};
	unsigned before = open_fds();
	struct sluice_client *client = open_port(*state, &fake);
	struct sluice_data *data = sluice_take_data(client);

	assert_non_null(data);
	assert_null(sluice_take_data(client));
	assert_int_equal(data->queues, 2);
	assert_int_equal(data->entries, 64);
	assert_int_equal(data->mtu, 9000);
	assert_int_equal(data->mac[0], 2);
	assert_int_equal(data->card_size, sluice_card_data_size(2, 64));
	assert_int_equal(data->host_size, sluice_host_data_size(2, 64));
	assert_int_equal(data->card[data->card_size - 1], 0);
	data->host[data->host_size - 1] = 7;
	assert_true(data->signal[0] >= 0 && data->signal[1] >= 0);
	assert_int_equal(data->signal[2], -1);
	assert_true(fcntl(data->signal[1], F_GETFL) & O_NONBLOCK);
	/* the rings outlive the connection */
	sluice_close(client);
	assert_int_equal(data->host[data->host_size - 1], 7);
	sluice_free_data(data);
	sluice_free_data(NULL);
	assert_int_equal(open_fds(), before);
	stop(*state);
}

static bool is_writable(const void *address)
{
	char line[256];
	FILE *maps = fopen("/proc/self/maps", "re");
	bool writable = true;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned long start, end;
		char mode[8];

		assert_int_equal(sscanf(line, "%lx-%lx %7s", &start, &end, mode), 3);
		if ((uintptr_t)address >= start && (uintptr_t)address < end)
			writable = mode[1] == 'w';
	}
	fclose(maps);
	return writable;
}

static void test_the_cards_region_cannot_be_written(void **state)
{
	const struct fake fake = {.queues = 1};
	struct sluice_client *client = open_port(*state, &fake);
	struct sluice_data *data = sluice_take_data(client);

	assert_false(is_writable(data->card));
	assert_true(is_writable(data->host));
	assert_int_not_equal(mprotect((void *)(uintptr_t)data->card, 4096, PROT_READ | PROT_WRITE), 0);
	sluice_free_data(data);
	sluice_close(client);
	stop(*state);
}

static void test_data_that_nobody_took(void **state)
{
	const struct fake fake = {.queues = 2};
	unsigned before = open_fds();

	sluice_close(open_port(*state, &fake));
	assert_int_equal(open_fds(), before);
	stop(*state);
}

static void test_the_end_of_the_connection_is_seen(void **state)
{
	const struct fake fake = {.queues = 1};
	struct sluice_client *client = open_port(*state, &fake);
	struct pollfd source = {.fd = sluice_connection(client), .events = POLLIN};

	assert_true(sluice_is_connected(client));
	stop(*state);
	assert_int_equal(poll(&source, 1, 5000), 1);
	assert_false(sluice_is_connected(client));
	sluice_close(client);
}

static void test_cards_that_break_the_protocol(void **state)
{
	static const struct {
		struct fake fake;
		const char *text;
	} cases[] = {
		{{.queues = 0}, "queue pairs"},
		{{.queues = 3}, "queue pairs"},
		{{.queues = 2, .entries = 32}, "number of entries"},
		{{.queues = 2, .entries = 96}, "number of entries"},
		{{.queues = 2, .entries = 128}, "number of entries"},
		{{.queues = 2, .size_off = {1, 0}}, "data rings have another size"},
		{{.queues = 2, .size_off = {0, (uint64_t)-4096}}, "data rings have another size"},
		{{.queues = 2, .region_off = {-1, 0}}, "another size, or is not sealed"},
		{{.queues = 2, .region_off = {0, 1}}, "another size, or is not sealed"},
		{{.queues = 2, .data_unsealed = {true, false}}, "another size, or is not sealed"},
		{{.queues = 2, .data_unsealed = {false, true}}, "another size, or is not sealed"},
		{{.queues = 2, .data_writable = true}, "another size, or is not sealed"},
		{{.queues = 2, .mtu = 67}, "MTU"},
		{{.queues = 2, .mtu = 65536}, "MTU"},
		{{.queues = 2, .mac = 1}, "MAC"},
		{{.queues = 2, .descriptors = SLUICE_FD_COUNT}, "number of descriptors"},
		{{.queues = 2, .descriptors = SLUICE_FD_COUNT + 3}, "number of descriptors"},
		{{.queues = 2, .descriptors = SLUICE_FD_COUNT + 5}, "number of descriptors"},
		{{.queues = 2, .descriptors = 60}, "number of descriptors"},
		{{.queues = 2, .status = SLUICE_STATUS_UNKNOWN_PORT}, "unknown port"},
	};
	struct fixture *fixture = *state;
	unsigned before = open_fds();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sluice_fault fault = {0};

		fixture->card = fake_start(fixture->dir, &cases[i].fake);
		assert_null(sluice_open_port(fixture->dir, &wish, TIMEOUT_MS, &fault));
		if (strstr(fault.text, cases[i].text) == NULL)
			assert_string_equal(fault.text, cases[i].text);
		assert_int_equal(open_fds(), before);
		stop(fixture);
	}
}

static void test_a_smaller_grant_is_fine(void **state)
{
	const struct fake fake = {.queues = 1};
	struct sluice_client *client = open_port(*state, &fake);
	struct sluice_data *data = sluice_take_data(client);

	assert_int_equal(data->queues, 1);
	assert_int_equal(data->signal[1], -1);
	sluice_free_data(data);
	sluice_close(client);
	stop(*state);
}

static void test_wishes_that_cannot_be(void **state)
{
	static const struct {
		struct sluice_port_wish wish;
		const char *text;
	} cases[] = {
		{{.port = "", .queues = 1, .entries = 64}, "a port's name has 1 to 31 characters, such as host0"},
		{{.port = "a-name-of-exactly-32-characters-", .queues = 1, .entries = 64},
		 "a port's name has 1 to 31 characters, such as host0"},
		{{.port = "host0", .queues = 0, .entries = 64}, "a port has 1 to 16 queue pairs, not 0"},
		{{.port = "host0", .queues = 17, .entries = 64}, "a port has 1 to 16 queue pairs, not 17"},
		{{.port = "host0", .queues = 1, .entries = 100},
		 "a ring has a power of two entries from 64 to 4096, not 100"},
		{{.port = "host0", .queues = 1, .entries = 8192},
		 "a ring has a power of two entries from 64 to 4096, not 8192"},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sluice_fault fault = {0};

		assert_null(sluice_open_port(fixture->dir, &cases[i].wish, TIMEOUT_MS, &fault));
		assert_string_equal(fault.text, cases[i].text);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_a_port_comes_with),	     CASE(the_cards_region_cannot_be_written),
		CASE(data_that_nobody_took),	     CASE(the_end_of_the_connection_is_seen),
		CASE(cards_that_break_the_protocol), CASE(a_smaller_grant_is_fine),
		CASE(wishes_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
