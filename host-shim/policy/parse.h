/* SPDX-License-Identifier: BSD-3-Clause */
/* Text into JSON values. */
#ifndef SLUICE_POLICY_PARSE_H
#define SLUICE_POLICY_PARSE_H

#include "policy/policy.h"

#include <jansson.h>

/**
 * Parses a document. Not to be called while another thread uses jansson.
 *
 * @param document where to put it, for the caller to give back
 * @return 0, -EINVAL or -ENOMEM with @p err filled in
 */
int policy_parse_text(const char *text, size_t length, json_t **document, struct policy_error *err);

#endif
