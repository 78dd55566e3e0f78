/* SPDX-License-Identifier: BSD-3-Clause */
#include "nearest.h"

#include <stdint.h>
#include <string.h>

#define MOST 31u

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t nearest_distance(const char *typed, const char *right)
{
	/* rows[i][j]: distance of the first i characters typed to the first j right ones */
	size_t rows[MOST + 1][MOST + 1];
	size_t m = strlen(typed);
	size_t n = strlen(right);

	if (m > MOST || n > MOST)
		return SIZE_MAX;
	for (size_t i = 0; i <= m; i++) {
		for (size_t j = 0; j <= n; j++) {
			size_t *here = &rows[i][j];

			if (i == 0 || j == 0) {
				*here = i + j;
				continue;
			}
			*here = rows[i - 1][j - 1] + (typed[i - 1] != right[j - 1]);
			*here = least(*here, least(rows[i - 1][j], rows[i][j - 1]) + 1);
			if (i > 1 && j > 1 && typed[i - 1] == right[j - 2] && typed[i - 2] == right[j - 1])
				*here = least(*here, rows[i - 2][j - 2] + 1);
		}
	}
	return rows[m][n];
}
