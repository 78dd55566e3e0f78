/* SPDX-License-Identifier: BSD-3-Clause */
/* Policy images made by hand, as an upload would bring them. */
#ifndef TEST_IMAGES_H
#define TEST_IMAGES_H

#include "policy/policy.h"

struct image_instance {
	const char *name;
	const char *driver;
	uint32_t rules; /* "a0", "a1" ... with the letter of the instance's place */
	bool takes_rules;
	uint8_t default_in; /* enum sluice_action */
};

/** Ports host0 and wire0, stack main with these instances, host side first. */
struct policy_image image_full(const struct image_instance *instances, uint32_t count);

/** Rules alone, for instances of these names. */
struct policy_image image_rules_only(const struct image_instance *instances, uint32_t count);

/** The usual machine: "fw" and "fw2" are filters with so many rules, "tap" passes. */
struct policy_image image_usual(uint32_t fw_rules, uint32_t fw2_rules);

struct policy_image image_copy(const struct policy_image *image);

/** Puts @p text into a NUL-padded name. */
void image_name(char name[SLUICE_NAME_SIZE], const char *text);

/** A good rule of this name: in, UDP to @p port, deny. */
struct sluice_rule image_rule(const char *name, uint16_t port);

/** Whether policy_check accepts it. */
bool image_is_good(const struct policy_image *image);

/** The names of all rules of instance @p index, blanks between them. Good until the next call. */
const char *image_rule_names(const struct policy_image *image, uint32_t index);

#endif
