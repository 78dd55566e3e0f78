/* SPDX-License-Identifier: BSD-3-Clause */
/* Help, made from the tables of commands, options, exit codes and rule keywords. All return an exit code. */
#ifndef SLUICE_CLI_HELP_H
#define SLUICE_CLI_HELP_H

#include "command.h"
#include "session.h"

/** All commands in a line each, the options and the exit codes. */
int help_overview(struct session *session);

/** The version of sluicectl. */
int help_version(struct session *session);

/** One command: usage, what it does, its options, an example. */
int help_command(struct session *session, const struct command *command);

/** Tells that session->words name no command, and which is near. @return EXIT_USAGE. */
int help_unknown_command(struct session *session);

/** The parts of the man page that are made from the tables, between marks, in mdoc. */
int help_man(struct session *session);

#endif
