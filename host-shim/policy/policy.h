/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Policies: documents (JSON), images (abi/policy.h) and one-line rules, and the ways between them.
 *
 *     document ── policy_read_* ──> image ── policy_check ──> the card
 *        ^                            │
 *        └────────── policy_write ────┘
 *     words of a command ── policy_parse_rule ──> struct sluice_rule ── policy_format_rule ──> text
 *
 * Every image that policy_check accepts can be written as a document, and reading that document gives the
 * same bytes. What a policy means is described in docs/policy.md.
 *
 * policy_check and policy_check_rule use neither jansson nor files and are a library of their own
 * (policy_check_dep): the card needs no more than these.
 */
#ifndef SLUICE_POLICY_POLICY_H
#define SLUICE_POLICY_POLICY_H

#include "abi/policy.h"
#include "abi/record.h"
#include "abi/status.h"

#include <stdbool.h>
#include <stdio.h>

/** Why a document was refused, and where. */
struct policy_error {
	char message[512];
	unsigned line;	   /* counted from 1; 0: the document as a whole, or the file */
	unsigned column;   /* in characters, counted from 1 */
	char path[256];	   /* of the member, such as /sluice:ports/port[0]/mtu; empty for syntax errors */
	char example[256]; /* of what would be right; empty where there is none */
};

/** A policy image. The buffer is one malloc'ed block; `header` is NULL in an empty (cleared) image. */
struct policy_image {
	struct sluice_policy_header *header;
	size_t length; /* bytes, equal to header->length */
};

/** A word of the one-line rules, for parser, completion and help alike. */
struct policy_keyword {
	const char *word;     /* such as "priority" */
	const char *argument; /* what follows it, such as "N"; empty where nothing does */
	const char *help;     /* one line for people */
	const char *example;  /* a whole rule in which it is used */
};

/** A buffer of this many bytes holds the text of any rule. */
#define POLICY_RULE_TEXT_SIZE 512u

/** The priority of a rule that names none. */
#define POLICY_DEFAULT_PRIORITY 1000u

/**
 * Prints @p error as `FILE:LINE:COLUMN: PATH: message` and, on a line of its own, `  example: ...`.
 * Parts that the error does not have are left out. @p file is what people know the document by.
 */
void policy_error_print(const struct policy_error *error, const char *file, FILE *out);

/** The ports of @p image, header->ports of them; likewise the others. The image must have passed policy_check. */
struct sluice_port *policy_ports(const struct policy_image *image);
struct sluice_stack *policy_stacks(const struct policy_image *image);
struct sluice_instance *policy_instances(const struct policy_image *image);
struct sluice_rule *policy_rules(const struct policy_image *image);

/** Frees the buffer of @p image and empties it. An empty image is left alone. */
void policy_image_clear(struct policy_image *image);

/**
 * Checks an untrusted image completely: what passes can be used without further checks of structure.
 * Whether drivers of its types exist is for the card to say.
 *
 * @param image        aligned to 4 bytes, and not changed by anyone while it is checked
 * @param length       bytes at @p image
 * @param error_offset where to put the offset of the first bad byte
 * @param status       where to put what is wrong; SLUICE_STATUS_OK where nothing is
 * @return 0, -EINVAL or -ENOMEM (status NO_MEMORY)
 */
int policy_check(const void *image, size_t length, uint32_t *error_offset, enum sluice_status *status);

/**
 * Checks one untrusted rule.
 *
 * @param name_required  false where an empty name asks the card to pick one
 * @param offset_in_rule where to put the offset of the first bad byte
 */
enum sluice_status policy_check_rule(const struct sluice_rule *rule, bool name_required, uint32_t *offset_in_rule);

/**
 * Whether @p name is 1 to 31 of A-Z a-z 0-9 _ . - and NUL padded.
 *
 * @param bad where to put the index of the first wrong byte; may be NULL
 */
bool policy_name_is_valid(const char name[SLUICE_NAME_SIZE], uint32_t *bad);

/**
 * Reads a whole file into memory; `-` is the standard input. For callers that want to keep the text for policy_explain.
 *
 * @param text   where to put the text, to be freed by the caller
 * @param length where to put its length in bytes
 * @return 0 or -errno, with @p err filled in
 */
int policy_load_file(const char *path, char **text, size_t *length, struct policy_error *err);

/**
 * Reads a document and makes an image of it that passes policy_check. No other thread may use jansson meanwhile.
 *
 * @param out where to put the image, to be cleared by the caller; empty on failure
 * @return 0, -EINVAL (refused), -ENOMEM, or for a file another -errno; on failure @p err is filled in
 */
int policy_read_file(const char *path, struct policy_image *out, struct policy_error *err);
int policy_read_text(const char *text, size_t length, struct policy_image *out, struct policy_error *err);

/**
 * Says where in a document the reason lies that an image made from it was refused, here or by the card.
 *
 * @param text         the document from which @p img was read
 * @param error_offset offset in the image, as from policy_check or the card
 * @return 0 with @p err filled in; -EINVAL where the offset belongs to no member (the message is still filled in)
 */
int policy_explain(const char *text, size_t length, const struct policy_image *img, uint32_t error_offset,
		   enum sluice_status status, struct policy_error *err);

/**
 * The document of an image that passed policy_check.
 *
 * @return the text with a newline at its end, to be freed by the caller; NULL when out of memory
 */
char *policy_write(const struct policy_image *img);

/**
 * Reads a rule as people type it: `[on DRIVER] [name NAME] in|out [priority N] [MATCH ...] allow|deny|count`.
 * A word that holds blanks is split at them, so that a rule may also be quoted as a whole.
 *
 * @param out   where to put the rule; names that are not given are empty
 * @param error where to put which word is wrong, what was expected and an example; 512 bytes hold all of it
 * @return 0 or -EINVAL with @p error filled in
 */
int policy_parse_rule(int argc, char *const *argv, struct sluice_rule_command *out, char *error, size_t error_size);

/**
 * Writes a rule as people type it, without `on` and `name`. policy_parse_rule makes the same rule of it.
 *
 * @return 0, or -ENOSPC where @p size is too small (POLICY_RULE_TEXT_SIZE never is)
 */
int policy_format_rule(const struct sluice_rule *rule, char *out, size_t size);

/** The words of the one-line rules, ended by one whose `word` is NULL. */
const struct policy_keyword *policy_rule_keywords(void);

/**
 * What @p status means for the member at @p offset of a rule, in words for people. More precise than the
 * status's own text, such as "ports need tcp, udp or sctp".
 */
const char *policy_rule_reason(enum sluice_status status, uint32_t offset);

#endif
