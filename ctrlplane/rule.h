/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Single rules: each change is one splice of the policy in force, committed like any other. Who asks is a driver, in a
 * call of its control device (im/rules.h). Level: PASSIVE.
 */
#ifndef CTRLPLANE_RULE_H
#define CTRLPLANE_RULE_H

#include "control.h"

/** Serve the changes that drivers ask for, from now on. */
void rules_serve(struct control *control);

/** No more of them. None is under way. */
void rules_stop(void);

/** Make @p change to an instance of @p driver; its out members are filled in. */
void rules_change(struct control *control, const char *driver, struct im_rule_change *change);

#endif
