/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The example protocol: one that answers and one that asks, each on a card of its own; the test is the wire.
 *
 * usage: test_pinger PINGER
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"

static const char *program;

struct side {
	struct card card;
	pid_t pid;
	FILE *out;
};

static void start(struct side *side, const char *mode)
{
	char line[256];
	int pipes[2];

	card_init(&side->card);
	side->card.entries = 64;
	card_start(&side->card);
	assert_int_equal(pipe(pipes), 0);
	snprintf(line, sizeof(line), "exec %s %s host0 %s", program, side->card.dir, mode);
	side->pid = fork();
	if (side->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(pipes[1], 1);
		close(pipes[0]);
		close(pipes[1]);
		execl("/bin/sh", "sh", "-c", line, NULL);
		_exit(127);
	}
	close(pipes[1]);
	side->out = fdopen(pipes[0], "r");
}

static int end(struct side *side, char *said, size_t size)
{
	int status;

	said[fread(said, 1, size - 1, side->out)] = '\0';
	fclose(side->out);
	assert_int_equal(waitpid(side->pid, &status, 0), side->pid);
	card_free(&side->card);
	return status;
}

static bool is_connected(struct side *side)
{
	bool connected;

	pthread_mutex_lock(&side->card.lock);
	connected = side->card.is_connected;
	pthread_mutex_unlock(&side->card.lock);
	return connected;
}

/* One step of the wire, one way. */
static void carry(struct side *from, struct side *to, unsigned *carried)
{
	struct sluice_frame_meta meta;
	uint8_t frame[2048];
	uint32_t length = 0;

	pthread_mutex_lock(&from->card.lock);
	if (from->card.card_data != NULL) {
		length = card_take(&from->card, 0, frame, &meta);
		card_collect(&from->card, 0);
	}
	pthread_mutex_unlock(&from->card.lock);
	pthread_mutex_lock(&to->card.lock);
	if (length > 0 && to->card.card_data != NULL) {
		card_collect(&to->card, 0);
		assert_true(card_give(&to->card, 0, frame, length, NULL, 0));
		(*carried)++;
	}
	pthread_mutex_unlock(&to->card.lock);
}

static void test_ping(void **state)
{
	struct side *sides = calloc(2, sizeof(*sides)), *echo = &sides[0], *asker = &sides[1];
	const struct timespec moment = {.tv_nsec = 200000};
	char said[4096], line[64];
	unsigned asked = 0, answered = 0;
	int status;

	(void)state;
	alarm(60);
	start(echo, "echo");
	assert_non_null(fgets(line, sizeof(line), echo->out));
	assert_string_equal(line, "pinger: ready\n");
	start(asker, "ping 02:00:00:00:00:07 20");
	for (unsigned turn = 0; answered < 20 && turn < 100000; turn++) {
		carry(asker, echo, &asked);
		carry(echo, asker, &answered);
		nanosleep(&moment, NULL);
	}
	status = end(asker, said, sizeof(said));
	assert_int_equal(status, 0);
	assert_non_null(strstr(said, "answer 20 after"));
	assert_non_null(strstr(said, "20 asked, 0 lost"));
	assert_int_equal(asked, 20);
	assert_true(is_connected(echo));
	pthread_mutex_lock(&echo->card.lock);
	assert_int_equal(echo->card.lanes[0].unlent_count, 0);
	pthread_mutex_unlock(&echo->card.lock);
	kill(echo->pid, SIGTERM);
	assert_int_equal(end(echo, said, sizeof(said)), 0);
	assert_non_null(strstr(said, "20 answered"));
	free(sides);
}

static void test_nobody_answers(void **state)
{
	struct side *asker = calloc(1, sizeof(*asker));
	char said[4096];
	int status;

	(void)state;
	start(asker, "ping 02:00:00:00:00:07 1");
	while (!is_connected(asker))
		usleep(1000);
	usleep(10000);
	card_stop(&asker->card); /* its send comes back all the same */
	status = end(asker, said, sizeof(said));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_non_null(strstr(said, "1 asked, 1 lost"));
	free(asker);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_ping), cmocka_unit_test(test_nobody_answers)};

	if (argc != 2) {
		fprintf(stderr, "usage: %s PINGER\n", argv[0]);
		return 2;
	}
	program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
