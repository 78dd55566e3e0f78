/* SPDX-License-Identifier: BSD-3-Clause */
/* From an offset in an image back to the document. */
#ifndef SLUICE_POLICY_EXPLAIN_H
#define SLUICE_POLICY_EXPLAIN_H

#include "policy/policy.h"

#include <jansson.h>

/** policy_explain, for whoever has the parsed document still at hand. */
int policy_explain_parsed(const char *text, size_t length, const json_t *document, const struct policy_image *img,
			  uint32_t error_offset, enum sluice_status status, struct policy_error *err);

#endif
