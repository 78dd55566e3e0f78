/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads JSON objects by tables of their members. The reader knows at each moment where in the document it is;
 * whoever refuses a value says no more than what is wrong with it.
 *
 * All functions of the type read_fn return 0, or -EINVAL with the error filled in.
 */
#ifndef SLUICE_POLICY_READER_H
#define SLUICE_POLICY_READER_H

#include "policy/error.h"
#include "policy/place.h"
#include "policy/policy.h"

#include <jansson.h>

struct reader {
	const char *text;
	size_t length;
	struct place place;
	struct policy_image image; /* what is being made; large enough for all records of the document */
	bool has_stacks;	   /* else each acl makes an instance */
	uint32_t stack;		   /* index of the one that is being read */
	uint32_t instances_read;   /* of the drivers of all stacks, or of the acls of a document without stacks */
	struct policy_error *err;
};

/** Reads @p value into @p record, whose type the member's table knows. */
typedef int read_fn(struct reader *r, const json_t *value, void *record);

struct member {
	const char *name;
	read_fn *read;
	bool required;
};

/* An object's table. */
struct members {
	const struct member *list;
	size_t count;
};

#define MEMBERS(array) ((struct members){array, sizeof(array) / sizeof((array)[0])})

/** Reads the members of an object in the order of their table, whatever their order in the document. */
int reader_object(struct reader *r, const json_t *value, struct members members, void *record);

/** Reads each item of a list; the reader's place tells which one it is at. */
int reader_list(struct reader *r, const json_t *value, read_fn *read_item, void *record);

/** The number of the list's item that is being read, the innermost list's. */
size_t reader_item(const struct reader *r);

/** Reads a value of a simple type. */
int reader_number(struct reader *r, const json_t *value, uint32_t least, uint32_t most, uint32_t *number);
int reader_string(struct reader *r, const json_t *value, const char **string);

/** Reads a name into a record's char [SLUICE_NAME_SIZE]. */
int reader_name(struct reader *r, const json_t *value, char *name);

/** A member that was read in an earlier pass. */
int reader_skip(struct reader *r, const json_t *value, void *record);

/** Refuses the value at the reader's place. @return -EINVAL */
int reader_refuse(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Refuses the object at the reader's place because @p member is missing. @return -EINVAL */
int reader_refuse_missing(struct reader *r, const char *member);

/* The parts of a document, each with the record that is being filled. */
int reader_ports(struct reader *r, const json_t *value, void *unused);
int reader_stacks(struct reader *r, const json_t *value, void *unused);
int reader_acls(struct reader *r, const json_t *value, void *unused);
int reader_eth(struct reader *r, const json_t *value, void *rule);
int reader_rule(struct reader *r, const json_t *value, struct sluice_rule *rule);

/** Reads an action word into *action; those that are not for a default only where @p in_rule. */
int reader_action(struct reader *r, const json_t *value, bool in_rule, uint8_t *action);

#endif
