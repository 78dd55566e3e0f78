/* SPDX-License-Identifier: BSD-3-Clause */
/* libsluice against the real server in a second process, and against firmware that breaks the protocol. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"
#include "mailbox/client.h"
#include "toy.h"

#define TEST_LIMIT_S 60
#define SLEEP_MS     400u
#define NOBODY	     65534

struct fixture {
	char dir[64];
	pid_t server; /* 0: none */
};

static void serve_for_ever(const char *dir, int ready)
{
	struct toy toy = {.sleep_ms = SLEEP_MS};
	char error[256];
	struct broker *broker;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	broker = broker_create(dir, &toy_ops, &toy, error, sizeof(error));
	if (broker == NULL || write(ready, "r", 1) != 1)
		_exit(1);
	while (broker_poll(broker, -1) >= 0)
		;
	_exit(1);
}

static int make_dir(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	alarm(TEST_LIMIT_S);
	strcpy(fixture->dir, "/tmp/test_client.XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	assert_int_equal(chmod(fixture->dir, 0755), 0);
	*state = fixture;
	return 0;
}

static int start_server(void **state)
{
	struct fixture *fixture;
	int ready[2];
	char byte;

	make_dir(state);
	fixture = *state;
	assert_int_equal(pipe(ready), 0);
	fixture->server = fork();
	if (fixture->server == 0)
		serve_for_ever(fixture->dir, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return 0;
}

static void stop(struct fixture *fixture)
{
	if (fixture->server == 0)
		return;
	kill(fixture->server, SIGKILL);
	assert_int_equal(waitpid(fixture->server, NULL, 0), fixture->server);
	fixture->server = 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char path[96];

	stop(fixture);
	snprintf(path, sizeof(path), "%s/" SLUICE_SOCKET_NAME, fixture->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/lock", fixture->dir);
	unlink(path);
	assert_int_equal(rmdir(fixture->dir), 0);
	free(fixture);
	return 0;
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

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct sluice_client *open_client(const struct fixture *fixture)
{
	struct sluice_fault fault = {0};
	struct sluice_client *client = sluice_open(fixture->dir, &fault);

	assert_string_equal(fault.text, "");
	assert_non_null(client);
	return client;
}

static void expect_info(struct sluice_client *client)
{
	struct sluice_info info;
	struct sluice_reply reply;

	assert_int_equal(sluice_call(client, SLUICE_OP_INFO, 0, 0, NULL, 0, &info, sizeof(info), &reply), 0);
	assert_int_equal(reply.status, SLUICE_STATUS_OK);
	assert_int_equal(reply.out_length, sizeof(info));
	assert_string_equal(info.version, "toy");
	assert_int_equal(sluice_last_fault(client)->kind, SLUICE_FAULT_NONE);
}

static void test_open_call_close(void **state)
{
	struct fixture *fixture = *state;
	unsigned before = open_fds();
	struct sluice_client *client = open_client(fixture);

	assert_int_equal(sluice_role(client), SLUICE_ROLE_OPERATOR);
	assert_int_equal(sluice_info(client)->magic, SLUICE_MAGIC);
	assert_int_not_equal(sluice_info(client)->boot_id, 0);
	assert_string_equal(sluice_info(client)->version, SLUICE_VERSION);
	expect_info(client);
	sluice_close(client);
	sluice_close(NULL);
	assert_int_equal(open_fds(), before);
}

static void test_many_calls(void **state)
{
	struct sluice_client *client = open_client(*state);

	for (unsigned i = 0; i < 5 * SLUICE_RING_ENTRIES; i++)
		expect_info(client);
	sluice_close(client);
}

static void test_payloads_of_all_sizes(void **state)
{
	static const uint32_t sizes[] = {1, 7, 4096, 65535, 65536, 65537, SLUICE_STAGE_SIZE - 1, SLUICE_STAGE_SIZE};
	struct sluice_client *client = open_client(*state);
	uint8_t *in = malloc(SLUICE_STAGE_SIZE), *out = malloc(SLUICE_STAGE_SIZE);
	struct sluice_reply reply;

	for (uint32_t i = 0; i < SLUICE_STAGE_SIZE; i++)
		in[i] = (uint8_t)(i * 13 + i / 256);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(
			sluice_call(client, SLUICE_OP_POLICY_CHUNK, 0, 0, in, sizes[i], out, SLUICE_STAGE_SIZE, &reply),
			0);
		assert_int_equal(reply.out_length, sizes[i]);
		assert_int_equal(reply.result, sizes[i]);
		assert_memory_equal(in, out, sizes[i]);
	}
	/* more than fits is refused here, and the mailbox goes on */
	assert_int_equal(sluice_call(client, SLUICE_OP_POLICY_CHUNK, 0, 0, in, SLUICE_STAGE_SIZE + 1, out, 1, &reply),
			 -EMSGSIZE);
	expect_info(client);
	free(in);
	free(out);
	sluice_close(client);
}

static void test_small_room_for_the_answer(void **state)
{
	struct sluice_client *client = open_client(*state);
	uint8_t in[100], out[11] = {0};
	struct sluice_reply reply;

	memset(in, 'x', sizeof(in));
	assert_int_equal(
		sluice_call(client, SLUICE_OP_POLICY_CHUNK, 0, 0, in, sizeof(in), out, sizeof(out) - 1, &reply), 0);
	assert_int_equal(reply.out_length, 10);
	assert_int_equal(out[9], 'x');
	assert_int_equal(out[10], 0);
	sluice_close(client);
}

static void test_status_reaches_the_caller(void **state)
{
	struct sluice_client *client = open_client(*state);
	const struct sluice_stack_command insert = {0};
	struct sluice_reply reply;

	assert_int_equal(sluice_call(client, SLUICE_OP_STACK_INSERT, 0, 0, &insert, sizeof(insert), NULL, 0, &reply),
			 0);
	assert_int_equal(reply.status, SLUICE_STATUS_DUPLICATE_NAME);
	assert_int_equal(reply.status_class, SLUICE_CLASS_CALLER);
	assert_int_equal(reply.do_not_retry, 1);
	assert_int_equal(reply.error_offset, TOY_BAD_FIELD);
	assert_int_equal(sluice_call(client, 0x7777, 0, 0, NULL, 0, NULL, 0, &reply), 0);
	assert_int_equal(reply.status, SLUICE_STATUS_BAD_OPCODE);
	assert_int_equal(reply.error_offset, SLUICE_ERROR_IN_COMMAND);
	sluice_close(client);
}

static void test_list_of_several_pages(void **state)
{
	struct sluice_client *client = open_client(*state);
	struct sluice_driver_record *records;
	void *memory = NULL;
	uint32_t count = 0;
	uint64_t generation = 0;
	struct sluice_fault fault;

	assert_int_equal(sluice_list(client, SLUICE_OP_DRIVER_LIST, NULL, 0, sizeof(*records), &memory, &count,
				     &generation, &fault),
			 0);
	assert_int_equal(fault.kind, SLUICE_FAULT_NONE);
	assert_int_equal(count, TOY_DRIVERS);
	assert_int_equal(generation, 7);
	records = memory;
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(records[i].instances, i);
	free(memory);
	sluice_close(client);
}

static void test_list_that_fails(void **state)
{
	struct sluice_client *client = open_client(*state);
	struct sluice_fault fault;
	uint8_t name[SLUICE_NAME_SIZE] = {0};
	void *records = NULL;
	uint32_t count;

	assert_int_equal(sluice_list(client, SLUICE_OP_WORKER_LIST, NULL, 0, sizeof(struct sluice_worker_record),
				     &records, &count, NULL, &fault),
			 -EREMOTEIO);
	assert_int_equal(fault.kind, SLUICE_FAULT_COMMAND);
	assert_int_equal(fault.status, SLUICE_STATUS_NOT_SUPPORTED);
	assert_string_equal(fault.text, "not supported");
	/* an answer that is no list at all */
	assert_int_equal(sluice_list(client, SLUICE_OP_RULE_LIST, name, sizeof(name), sizeof(struct sluice_rule_record),
				     &records, &count, NULL, NULL),
			 -EPROTO);
	assert_null(records);
	expect_info(client);
	sluice_close(client);
}

/* An older card has shorter records, a newer one longer: what both know is there, and the rest is zero. */
static void test_list_of_another_version(void **state)
{
	struct later {
		struct sluice_driver_record record;
		uint64_t added;
	} * later;
	struct earlier {
		char name[SLUICE_NAME_SIZE];
	};
	struct sluice_client *client = open_client(*state);
	struct sluice_fault fault;
	void *records = NULL;
	uint32_t count;

	assert_int_equal(
		sluice_list(client, SLUICE_OP_DRIVER_LIST, NULL, 0, sizeof(*later), &records, &count, NULL, &fault), 0);
	assert_int_equal(count, TOY_DRIVERS);
	later = records;
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(later[i].record.instances, i);
		assert_int_equal(later[i].added, 0);
	}
	free(records);
	assert_int_equal(sluice_list(client, SLUICE_OP_DRIVER_LIST, NULL, 0, sizeof(struct earlier), &records, &count,
				     NULL, &fault),
			 0);
	assert_int_equal(count, TOY_DRIVERS);
	for (uint32_t i = 0; i < count; i++)
		assert_string_equal(((struct earlier *)records)[i].name, "driver");
	free(records);
	sluice_close(client);
}

/* Its records are tiny, and ours are not: it ends where no right list is as long, on the first page or on a later one.
 */
static void test_list_that_is_too_long(void **state)
{
	static const uint32_t sizes[] = {sizeof(struct sluice_port_record), sizeof(struct sluice_worker_record)};
	struct sluice_client *client = open_client(*state);

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sluice_fault fault;
		void *records = NULL;
		uint32_t count;

		assert_int_equal(
			sluice_list(client, SLUICE_OP_DROP_LIST, NULL, 0, sizes[i], &records, &count, NULL, &fault),
			-EPROTO);
		assert_string_equal(fault.text, "the firmware's answer is malformed: a list is too long");
		assert_null(records);
	}
	expect_info(client);
	sluice_close(client);
}

static void test_upload(void **state)
{
	struct sluice_client *client = open_client(*state);
	const size_t length = 2 * (size_t)SLUICE_STAGE_SIZE + 5;
	uint8_t *image = calloc(1, length);
	struct sluice_fault fault;
	struct sluice_reply reply;

	assert_int_equal(sluice_upload(client, image, length, &fault), 0);
	assert_int_equal(sluice_call(client, SLUICE_OP_POLICY_COMMIT, 0, 0, NULL, 0, NULL, 0, &reply), 0);
	assert_int_equal(reply.result, 1);
	/* a bad last chunk: the place in the image is told, and the upload is aborted */
	image[2 * SLUICE_STAGE_SIZE] = TOY_BAD_CHUNK;
	assert_int_equal(sluice_upload(client, image, length, &fault), -EREMOTEIO);
	assert_int_equal(fault.kind, SLUICE_FAULT_COMMAND);
	assert_int_equal(fault.status, SLUICE_STATUS_BAD_VALUE);
	assert_int_equal(fault.error_offset, 2 * SLUICE_STAGE_SIZE + TOY_BAD_FIELD);
	assert_int_equal(sluice_call(client, SLUICE_OP_POLICY_VALIDATE, 0, 0, NULL, 0, NULL, 0, &reply), 0);
	assert_int_equal(reply.result, 1);
	free(image);
	sluice_close(client);
}

/* The card answers the second one, over another connection, as it did the first, and does not count it. */
static void test_call_with_a_token(void **state)
{
	uint64_t token = sluice_new_token(), other = sluice_new_token();
	struct sluice_client *client = open_client(*state);
	struct sluice_reply reply;

	assert_true(token != 0 && other != 0 && token != other);
	assert_int_equal(sluice_call_once(client, token, SLUICE_OP_POLICY_COMMIT, 0, 0, NULL, 0, NULL, 0, &reply), 0);
	assert_int_equal(reply.result, 1);
	sluice_close(client);
	client = open_client(*state);
	assert_int_equal(sluice_call_once(client, token, SLUICE_OP_POLICY_COMMIT, 0, 0, NULL, 0, NULL, 0, &reply), 0);
	assert_int_equal(reply.result, 1);
	assert_int_equal(sluice_call_once(client, other, SLUICE_OP_POLICY_COMMIT, 0, 0, NULL, 0, NULL, 0, &reply), 0);
	assert_int_equal(reply.result, 2);
	sluice_close(client);
}

/* The chunk that the card does not like tells where the upload went on. */
static void test_upload_that_is_resumed(void **state)
{
	struct sluice_client *client = open_client(*state);
	struct sluice_upload_record record;
	uint8_t image[TOY_RECEIVED + 100] = {[TOY_RECEIVED] = TOY_BAD_CHUNK};
	struct sluice_fault fault;
	uint64_t id = 0;

	assert_int_equal(sluice_upload_leased(client, image, sizeof(image), 1000, &id, &fault), 0);
	assert_int_equal(id, 1);
	assert_int_equal(sluice_upload_status(client, 77, &record, &fault), 0);
	assert_int_equal(record.id, 77);
	assert_int_equal(record.received, TOY_RECEIVED);
	assert_int_equal(sluice_upload_resume(client, 77, image, sizeof(image), &fault), -EREMOTEIO);
	assert_int_equal(fault.error_offset, TOY_RECEIVED + TOY_BAD_FIELD);
	image[TOY_RECEIVED] = 0;
	assert_int_equal(sluice_upload_resume(client, 77, image, sizeof(image), &fault), 0);
	assert_int_equal(sluice_upload_resume(client, 77, image, TOY_RECEIVED, &fault), 0); /* it was all there */
	assert_int_equal(sluice_upload_resume(client, 0, image, sizeof(image), &fault), -EREMOTEIO);
	assert_int_equal(fault.status, SLUICE_STATUS_UNKNOWN_UPLOAD);
	assert_int_equal(sluice_upload_resume(client, 77, image, TOY_RECEIVED - 1, &fault), -EPROTO);
	sluice_close(client);
}

static void test_read_policy(void **state)
{
	struct sluice_client *client = open_client(*state);
	struct sluice_fault fault;
	void *image = NULL;
	size_t length = 0;

	assert_int_equal(sluice_read_policy(client, &image, &length, &fault), 0);
	assert_int_equal(length, TOY_IMAGE);
	for (size_t i = 0; i < length; i++)
		assert_int_equal(((uint8_t *)image)[i], i % 251);
	free(image);
	sluice_close(client);
}

static void test_64_clients_at_once(void **state)
{
	struct sluice_client *clients[64];

	for (unsigned i = 0; i < 64; i++)
		clients[i] = open_client(*state);
	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned i = 0; i < 64; i++)
			expect_info(clients[i]);
	}
	for (unsigned i = 0; i < 64; i++)
		sluice_close(clients[i]);
}

/* The answer to a lost command may still come: nothing may be sent into the same stages before that. */
static void test_timeout(void **state)
{
	struct sluice_client *client = open_client(*state), *other;
	uint8_t name[SLUICE_NAME_SIZE] = {0};
	struct sluice_reply reply;

	sluice_set_timeout(client, 50);
	assert_int_equal(sluice_call(client, SLUICE_OP_OID_LIST, 0, 0, name, sizeof(name), NULL, 0, &reply),
			 -ETIMEDOUT);
	assert_int_equal(sluice_last_fault(client)->kind, SLUICE_FAULT_TIMEOUT);
	assert_string_equal(sluice_last_fault(client)->text, "the firmware did not answer within 50 ms");
	assert_int_equal(sluice_call(client, SLUICE_OP_INFO, 0, 0, NULL, 0, NULL, 0, &reply), -ETIMEDOUT);
	other = open_client(*state);
	expect_info(other);
	sluice_close(client);
	sluice_close(other);
}

static void test_firmware_that_dies_under_a_waiting_client(void **state)
{
	struct sluice_client *client = open_client(*state);
	uint64_t start = now_ms();
	struct sluice_reply reply;

	assert_int_equal(sluice_call(client, SLUICE_OP_STACK_LIST, 0, 0, NULL, 0, NULL, 0, &reply), -ECONNRESET);
	assert_int_equal(sluice_last_fault(client)->kind, SLUICE_FAULT_GONE);
	assert_string_equal(sluice_last_fault(client)->text, "the firmware went away");
	assert_in_range(now_ms() - start, 0, 3000); /* of a timeout of 10 s */
	assert_int_equal(sluice_call(client, SLUICE_OP_INFO, 0, 0, NULL, 0, NULL, 0, &reply), -ECONNRESET);
	sluice_close(client);
}

static void test_firmware_that_is_killed_between_calls(void **state)
{
	struct sluice_client *client = open_client(*state);
	uint64_t start = now_ms();
	struct sluice_fault fault;
	void *image;
	size_t length;

	expect_info(client);
	stop(*state);
	assert_int_equal(sluice_read_policy(client, &image, &length, &fault), -ECONNRESET);
	assert_int_equal(fault.kind, SLUICE_FAULT_GONE);
	assert_in_range(now_ms() - start, 0, 3000);
	sluice_close(client);
}

static void expect_fault(const char *dir, enum sluice_fault_kind kind, const char *text)
{
	struct sluice_fault fault = {0};
	unsigned before = open_fds();

	assert_null(sluice_open(dir, &fault));
	if (strstr(fault.text, text) == NULL)
		assert_string_equal(fault.text, text);
	assert_int_equal(fault.kind, kind);
	assert_int_equal(open_fds(), before);
}

static void test_no_firmware(void **state)
{
	struct fixture *fixture = *state;
	char text[400], dir[200];

	snprintf(
		text, sizeof(text),
		"the firmware is not running (no socket %s/mailbox.sock); start it with: sluice-fw --config sluice.json "
		"[--runtime-dir DIR]",
		fixture->dir);
	expect_fault(fixture->dir, SLUICE_FAULT_NOT_RUNNING, text);
	snprintf(dir, sizeof(dir), "%s/no/such/place", fixture->dir);
	expect_fault(dir, SLUICE_FAULT_NOT_RUNNING, "the firmware is not running (no socket ");
	snprintf(dir, sizeof(dir), "%s/%0120d", fixture->dir, 0);
	expect_fault(dir, SLUICE_FAULT_SYSTEM, "too long a path");
}

static void test_socket_that_was_left_behind(void **state)
{
	struct fixture *fixture = *state;

	stop(fixture);
	expect_fault(fixture->dir, SLUICE_FAULT_NOT_RUNNING, "the firmware is not running (nobody listens on socket ");
}

/* As nobody: first with the socket's own permissions, then with ones that let everybody in. */
static int visit_as_nobody(const struct fixture *fixture, bool may_connect)
{
	const struct sluice_stack_command insert = {0};
	struct sluice_fault fault;
	struct sluice_reply reply;
	struct sluice_client *client;

	if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
		return 1;
	client = sluice_open(fixture->dir, &fault);
	if (!may_connect)
		return client == NULL && fault.kind == SLUICE_FAULT_PERMISSION ? 0 : 2;
	if (client == NULL || sluice_role(client) != SLUICE_ROLE_TENANT)
		return 3;
	if (sluice_call(client, SLUICE_OP_INFO, 0, 0, NULL, 0, NULL, 0, &reply) != 0)
		return 4;
	if (sluice_call(client, SLUICE_OP_STACK_INSERT, 0, 0, &insert, sizeof(insert), NULL, 0, &reply) != 0)
		return 5;
	return reply.status == SLUICE_STATUS_NOT_PERMITTED ? 0 : 6;
}

static void expect_visit(const struct fixture *fixture, bool may_connect)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(visit_as_nobody(fixture, may_connect));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0); /* or 256 x the place where it failed */
}

static void test_another_user(void **state)
{
	struct fixture *fixture = *state;
	char path[96];

	if (geteuid() != 0)
		skip();
	expect_visit(fixture, false);
	snprintf(path, sizeof(path), "%s/" SLUICE_SOCKET_NAME, fixture->dir);
	assert_int_equal(chmod(path, 0666), 0);
	expect_visit(fixture, true);
}

static void test_welcomes_that_break_the_protocol(void **state)
{
	static const struct {
		struct fake fake;
		enum sluice_fault_kind kind;
		const char *text;
	} cases[] = {
		{{.hang_up = true}, SLUICE_FAULT_GONE, "the firmware hung up before it answered"},
		{{.bad_magic = true}, SLUICE_FAULT_PROTOCOL, "no Sluice firmware is there"},
		{{.welcome_length = 63}, SLUICE_FAULT_PROTOCOL, "another length"},
		{{.abi_major = SLUICE_ABI_MAJOR + 1, .status = SLUICE_STATUS_BAD_VERSION},
		 SLUICE_FAULT_VERSION,
		 "the firmware speaks version 3.0 of the mailbox, this program 2.2"},
		{{.status = SLUICE_STATUS_TOO_MANY_CLIENTS},
		 SLUICE_FAULT_REFUSED,
		 "the firmware refused the connection: too many clients"},
		{{.ring_entries = SLUICE_RING_ENTRIES * 2}, SLUICE_FAULT_PROTOCOL, "rings or stages"},
		{{.descriptors = SLUICE_FD_COUNT - 1}, SLUICE_FAULT_PROTOCOL, "number of descriptors"},
		{{.descriptors = SLUICE_FD_COUNT + 1}, SLUICE_FAULT_PROTOCOL, "number of descriptors"},
		{{.descriptors = 40}, SLUICE_FAULT_PROTOCOL, "number of descriptors"},
		{{.unsealed = true}, SLUICE_FAULT_PROTOCOL, "not sealed"},
		{{.writable = true}, SLUICE_FAULT_PROTOCOL, "not sealed"},
		{{.short_region = true}, SLUICE_FAULT_PROTOCOL, "another size"},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fixture->server = fake_start(fixture->dir, &cases[i].fake);
		expect_fault(fixture->dir, cases[i].kind, cases[i].text);
		stop(fixture);
	}
}

static void test_answers_that_break_the_protocol(void **state)
{
	static const struct {
		struct fake fake;
		const char *text; /* NULL: the answer is right after all */
	} cases[] = {
		{{0}, NULL},
		{{.out_length = 64}, NULL},
		{{.out_length = 65}, "the firmware's answer is malformed: it is longer than asked for"},
		{{.out_length = UINT32_MAX}, "the firmware's answer is malformed: it is longer than asked for"},
		{{.wrong_crc = 1}, "the firmware's answer is malformed: its checksum does not match"},
		{{.wrong_command_id = 1}, "the firmware's answer is malformed: it belongs to another command"},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sluice_client *client;
		struct sluice_reply reply;
		uint8_t out[64];

		fixture->server = fake_start(fixture->dir, &cases[i].fake);
		client = open_client(fixture);
		assert_int_equal(sluice_call(client, SLUICE_OP_INFO, 0, 0, NULL, 0, out, sizeof(out), &reply),
				 cases[i].text == NULL ? 0 : -EPROTO);
		assert_string_equal(sluice_last_fault(client)->text, cases[i].text == NULL ? "" : cases[i].text);
		sluice_close(client);
		stop(fixture);
	}
}

#define CASE(name)		  cmocka_unit_test_setup_teardown(test_##name, start_server, tear_down)
#define CASE_WITHOUT_SERVER(name) cmocka_unit_test_setup_teardown(test_##name, make_dir, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(open_call_close),
		CASE(many_calls),
		CASE(payloads_of_all_sizes),
		CASE(small_room_for_the_answer),
		CASE(status_reaches_the_caller),
		CASE(list_of_several_pages),
		CASE(list_that_fails),
		CASE(list_of_another_version),
		CASE(list_that_is_too_long),
		CASE(upload),
		CASE(upload_that_is_resumed),
		CASE(call_with_a_token),
		CASE(read_policy),
		CASE(64_clients_at_once),
		CASE(timeout),
		CASE(firmware_that_dies_under_a_waiting_client),
		CASE(firmware_that_is_killed_between_calls),
		CASE(socket_that_was_left_behind),
		CASE(another_user),
		CASE_WITHOUT_SERVER(no_firmware),
		CASE_WITHOUT_SERVER(welcomes_that_break_the_protocol),
		CASE_WITHOUT_SERVER(answers_that_break_the_protocol),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
