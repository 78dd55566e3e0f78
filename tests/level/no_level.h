/* SPDX-License-Identifier: BSD-3-Clause */
/* A handler whose docstring tells no level. */
#ifndef LEVEL_NO_LEVEL_H
#define LEVEL_NO_LEVEL_H

struct no_level {
	/** Level: DISPATCH. */
	void (*first)(void);

	/** Whatever it does. */
	void (*second)(void);
};

/* Told otherwise here. */
#define IM_HANDLER_TABLE(X) X(first, PASSIVE, "9.1")

#endif
