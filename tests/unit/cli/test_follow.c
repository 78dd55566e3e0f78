/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations and a card that is older than they are: what sluicectl does without, and what it says. */
#include "cmocka_all.h"

#include "capture.h"
#include "fixture.h"
#include "follow.h"

#include <pthread.h>
#include <string.h>

/* Of a toy card, which completes plain commands and refuses operations. */
struct rig {
	struct fixture *fixture;
	struct capture capture;
	pthread_t thread;
	bool serving; /* atomic */
};

static void *serve(void *opaque)
{
	struct rig *rig = opaque;

	while (__atomic_load_n(&rig->serving, __ATOMIC_ACQUIRE))
		broker_poll(rig->fixture->broker, 5);
	return NULL;
}

static int up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	void *fixture = NULL;

	assert_non_null(rig);
	assert_int_equal(fixture_set_up(&fixture), 0);
	rig->fixture = fixture;
	rig->serving = true;
	assert_int_equal(pthread_create(&rig->thread, NULL, serve, rig), 0);
	capture_start(&rig->capture);
	rig->capture.session.options.runtime_dir = rig->fixture->dir;
	*state = rig;
	return 0;
}

static int down(void **state)
{
	struct rig *rig = *state;
	void *fixture = rig->fixture;

	capture_end(&rig->capture);
	__atomic_store_n(&rig->serving, false, __ATOMIC_RELEASE);
	pthread_join(rig->thread, NULL);
	pump(rig->fixture);
	free(rig);
	return fixture_tear_down(&fixture);
}

static enum follow_end unload(struct rig *rig, uint16_t minor, bool background, struct follow *follow)
{
	static const char name[SLUICE_NAME_SIZE] = "mirror";
	const struct request request = {.opcode = SLUICE_OP_DRIVER_UNLOAD, .in = name, .in_length = sizeof(name)};

	rig->fixture->toy.unloads = 1; /* its first one finds the driver in use */
	broker_info(rig->fixture->broker)->abi_minor = minor;
	rig->capture.session.options.background = background;
	return follow_request(&rig->capture.session, &request, follow);
}

/* It is never asked for what it does not know: the toy would refuse the flag. */
static void an_older_card_gets_a_plain_command(void **state)
{
	struct rig *rig = *state;
	struct follow follow;

	assert_int_equal(unload(rig, SLUICE_MINOR_OF_OPERATIONS - 1, false, &follow), FOLLOW_DONE);
	assert_int_equal(follow.reply.status, SLUICE_STATUS_OK);
	assert_int_equal(rig->fixture->toy.handled, 1);
}

static void an_older_card_has_no_background(void **state)
{
	struct rig *rig = *state;
	struct follow follow;

	assert_int_equal(unload(rig, SLUICE_MINOR_OF_OPERATIONS - 1, true, &follow), FOLLOW_LEFT);
	assert_int_equal(follow.code, EXIT_REFUSED);
	capture_read(&rig->capture);
	assert_non_null(strstr(rig->capture.err, "the firmware speaks version 2.1 of the mailbox"));
	assert_non_null(strstr(rig->capture.err, "knows no operations before 2.2"));
	assert_int_equal(rig->fixture->toy.handled, 0);
}

/* Of a version to come: to this one it is unknown, and to a person it is said why. */
static void an_older_card_does_not_know_a_command(void **state)
{
	static const struct request request = {.opcode = 0xf0};
	struct rig *rig = *state;
	struct session *session = &rig->capture.session;
	struct follow follow;

	for (uint16_t minor = SLUICE_ABI_MINOR - 1; minor <= SLUICE_ABI_MINOR; minor++) {
		broker_info(rig->fixture->broker)->abi_minor = minor;
		assert_int_equal(follow_request(session, &request, &follow), FOLLOW_FAILED);
		assert_int_equal(session_fault(session, &follow.fault, NULL, NULL), EXIT_INPUT);
	}
	capture_read(&rig->capture);
	assert_string_equal(
		rig->capture.err,
		"sluicectl: the firmware speaks version 2.1 of the mailbox, this program 2.2: it does not know this "
		"command\nsluicectl: unknown opcode\n");
}

/* And so is one of this version: later ones know all its commands. */
static void a_newer_card_is_asked_for_an_operation(void **state)
{
	struct rig *rig = *state;
	struct follow follow;

	for (uint16_t minor = SLUICE_MINOR_OF_OPERATIONS; minor < SLUICE_MINOR_OF_OPERATIONS + 8; minor += 7) {
		assert_int_equal(unload(rig, minor, false, &follow), FOLLOW_FAILED);
		assert_int_equal(follow.fault.kind, SLUICE_FAULT_COMMAND);
		assert_int_equal(follow.fault.status, SLUICE_STATUS_NOT_SUPPORTED);
		assert_int_equal(follow.fault.error_offset,
				 SLUICE_ERROR_IN_COMMAND | offsetof(struct sluice_command, flags));
	}
	assert_int_equal(rig->fixture->toy.handled, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_older_card_gets_a_plain_command),
		TEST(an_older_card_has_no_background),
		TEST(an_older_card_does_not_know_a_command),
		TEST(a_newer_card_is_asked_for_an_operation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
