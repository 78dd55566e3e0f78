/* SPDX-License-Identifier: BSD-3-Clause */
/* sluicectl: options, words, one command, and whether its answer really got out. */
#include "command.h"
#include "complete.h"
#include "help.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/*
 * A closed standard descriptor would be given to the next thing opened, and a table would then be written
 * into the mailbox. Descriptors that fail on use take their places.
 */
static void fill_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			_exit(EXIT_REFUSED);
}

/* A pipe or socket whose other end is closed. The failed write's errno may be gone by the time we look. */
static bool reader_left(FILE *out)
{
	struct pollfd end = {.fd = fileno(out), .events = POLLOUT};

	return poll(&end, 1, 0) == 1 && (end.revents & (POLLERR | POLLHUP));
}

/* Whether all that was printed got out. A reader who has seen enough is no error. */
static int finish_output(struct session *session, int code)
{
	bool failed;

	errno = 0;
	failed = fflush(session->out) != 0 || ferror(session->out);
	if (!failed || code || errno == EPIPE || reader_left(session->out))
		return code;
	return session_fail(session, EXIT_REFUSED, NULL, "cannot write the output: %s",
			    errno ? strerror(errno) : "an earlier write failed");
}

static int usage_error(struct session *session, const char *message)
{
	return session_fail(session, EXIT_USAGE, session->command ? session->command->example : "sluicectl help", "%s",
			    message);
}

/* Options that are not global go with the commands that name them. */
static int check_options(struct session *session)
{
	char usage[64];
	char message[256];

	for (size_t i = 0; i < OPTION_COUNT_OF_ALL; i++) {
		const struct option_spec *spec = &option_specs[i];
		uint32_t bit = options_bit(spec);

		if (spec->is_global || !(session->options.given & bit) || (session->command->options & bit))
			continue;
		options_usage(spec, usage, sizeof(usage));
		snprintf(message, sizeof(message), "%s does not go with %s", usage, session->command->words);
		return usage_error(session, message);
	}
	return 0;
}

static int check_words(struct session *session)
{
	const struct command *command = session->command;
	char message[512];

	if (session->word_count >= command->least && session->word_count <= command->most)
		return 0;
	if (session->word_count < command->least)
		snprintf(message, sizeof(message), "%s needs %s", command->words, command->arguments);
	else
		snprintf(message, sizeof(message), "%s: unexpected \"%.100s\"", command->words,
			 session->words[command->most]);
	return usage_error(session, message);
}

static int run_command(struct session *session)
{
	int used = 0;
	int code;

	session->command = command_find(session->word_count, session->words, &used);
	if (!session->command)
		return help_unknown_command(session);
	session->words += used;
	session->word_count -= used;
	if (session->options.help)
		return help_command(session, session->command);
	code = check_options(session);
	if (code == 0)
		code = check_words(session);
	return code ? code : session->command->run(session);
}

static int run(struct session *session, int argc, char **argv)
{
	char error[256];

	if (argc > 0 && strcmp(argv[0], COMPLETE_WORD) == 0)
		return complete(session, argc - 1, argv + 1);
	session->options.json = options_want_json(argc, argv);
	if (options_parse(&session->options, argc, argv, &session->word_count, error, sizeof(error)))
		return usage_error(session, error);
	session->words = argv;
	if (session->options.version)
		return help_version(session);
	if (session->options.help && session->word_count == 0)
		return help_overview(session);
	return run_command(session);
}

int main(int argc, char **argv)
{
	struct session session = {.out = stdout, .err = stderr};
	int code;

	fill_standard_descriptors();
	/* A firmware or a reader that goes away is seen as an error of the call. */
	signal(SIGPIPE, SIG_IGN);
	options_init(&session.options);
	code = run(&session, argc > 0 ? argc - 1 : 0, argv + 1);
	code = finish_output(&session, code);
	session_close(&session);
	if (session.interrupted) /* so that a shell's loop ends as well */
		raise(session.interrupted);
	return code;
}
