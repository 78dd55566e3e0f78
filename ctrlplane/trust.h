/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a file can be trusted with the firmware: code that is loaded from it can do all that the firmware can. */
#ifndef CTRLPLANE_TRUST_H
#define CTRLPLANE_TRUST_H

#include <stddef.h>

/**
 * Whether only root, or the firmware's own user, can change what is loaded from @p path: the file is a regular one, it
 * and the folder that it lies in are theirs and not writable by others, and nobody else can put another folder in the
 * place of one on the way there. Links are followed first.
 *
 * @param resolved gets the path without links, PATH_MAX bytes: what is to be loaded
 * @param error    gets what is wrong, in one line with the path that is to blame
 * @return 0; -EPERM where others could change it; or another -errno
 */
int trust_check(const char *path, char *resolved, char *error, size_t size);

#endif
