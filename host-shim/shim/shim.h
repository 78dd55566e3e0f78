/* SPDX-License-Identifier: BSD-3-Clause */
/* The shim as a whole: a port of the card, a device of the kernel, and what keeps the two alike. */
#ifndef SLUICE_SHIM_SHIM_H
#define SLUICE_SHIM_SHIM_H

#include "options.h"

/** Runs until a signal comes. Returns the exit status. */
int shim_run(const struct options *options);

#endif
