/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands. One table makes the parser, `help`, the completion and the COMMANDS section of the man page.
 * A command is added by one entry and its handler.
 */
#ifndef SLUICE_CLI_COMMAND_H
#define SLUICE_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;

/* What is completed at an argument. */
enum argument_kind {
	ARGUMENT_NONE,	      /* nothing can be proposed */
	ARGUMENT_RULED,	      /* a driver instance that takes rules */
	ARGUMENT_OBJECT,      /* a driver instance or a port */
	ARGUMENT_OID,	      /* an OID's name */
	ARGUMENT_SET_OID,     /* an OID that can be set */
	ARGUMENT_DEVICE,      /* a control device */
	ARGUMENT_DRIVER,      /* a driver that is loaded */
	ARGUMENT_STACK,	      /* a stack */
	ARGUMENT_INSTANCE,    /* a driver instance */
	ARGUMENT_OPERATION,   /* an operation's id */
	ARGUMENT_FILE,	      /* a file: the shell knows those */
	ARGUMENT_COMMAND,     /* a word of a command; this and the kinds below go for all words that follow */
	ARGUMENT_RULE,	      /* a word of a rule */
	ARGUMENT_OLD_RULE,    /* the same; its name is that of an existing rule */
	ARGUMENT_RULE_TARGET, /* [on INSTANCE] NAME */
};

#define COMMAND_ARGUMENT_KINDS 3
#define COMMAND_ANY	       1000000
#define COMMAND_WORD_SIZE      32

struct command {
	const char *words;     /* such as "port list" */
	const char *arguments; /* for usage lines; "" for none */
	const char *summary;   /* one line, no full stop */
	const char *details;   /* sentences; paragraphs are separated by an empty line */
	const char *example;   /* a whole command line */
	int least;	       /* words after the command's own */
	int most;	       /* COMMAND_ANY for no limit */
	uint32_t options;      /* OPTION_BITs beyond the global ones */
	enum argument_kind kinds[COMMAND_ARGUMENT_KINDS];
	/* Gives the answer, or tells what is wrong. @return an exit code. */
	int (*run)(struct session *session);
};

/** All commands in the order of the help; @p count gets how many. */
const struct command *command_table(size_t *count);

/**
 * The command that @p words begin with; NULL for none.
 *
 * @param used how many words are its name
 */
const struct command *command_find(int word_count, char *const *words, int *used);

/** Words in the name of @p command. */
int command_word_count(const struct command *command);

/** The word at @p index of the name of @p command, into @p out; "" beyond the last. */
void command_word(const struct command *command, int index, char out[COMMAND_WORD_SIZE]);

/** Whether the name of @p command begins with these words; every one does with none. */
bool command_begins_with(const struct command *command, int word_count, char *const *words);

/** The command whose name is nearest to @p words, as people mistype; NULL where none is near. */
const struct command *command_nearest(int word_count, char *const *words);

#endif
