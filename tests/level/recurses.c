/* SPDX-License-Identifier: BSD-3-Clause */
/* A circle without a handler in it: as deep as its input wants. */
#include "handlers.h"

struct tree {
	struct tree *left, *right;
	int value;
};

static __attribute__((noinline)) int visit(const struct tree *tree);

static __attribute__((noinline)) int sum(const struct tree *tree)
{
	return tree->value + visit(tree->left) + visit(tree->right);
}

static __attribute__((noinline)) int visit(const struct tree *tree)
{
	return tree != NULL ? sum(tree) : 0;
}

IM_DISPATCH int work(const struct tree *tree)
{
	return sum(tree) + 1;
}

/* clang-format off */
/* refused:
level: sum (DISPATCH) recurses without a bound on its depth:
  sum  tests/level/recurses.c:12
  visit  tests/level/recurses.c:17
  sum  tests/level/recurses.c:12
*/
