/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is on the other side of a connection: users and groups made into roles. */
#ifndef CTRLPLANE_ROLE_H
#define CTRLPLANE_ROLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/opcode.h"

#define ROLES 3u /* enum sluice_role */

/** Whose members have which role, by enum sluice_role. All zero: no group has any. */
struct role_groups {
	bool given[ROLES];
	gid_t group[ROLES];
};

/** What one is known by. */
struct role_peer {
	uid_t user;
	gid_t group;
	const gid_t *more; /* supplementary groups */
	uint32_t count;
};

/**
 * The greatest role that @p peer has. Root and the firmware's own user are operators. Where groups are given, whoever
 * is in none of them has no role; where none is, whoever the socket's mode lets in is a tenant.
 *
 * @return 0, or -EPERM: none
 */
int role_of(const struct role_peer *peer, const struct role_groups *groups, enum sluice_role *role);

/** The same of who is at the other end of @p socket, as it was when it connected. */
int role_of_socket(int socket, const struct role_groups *groups, enum sluice_role *role);

/** Whose process is at the other end of @p socket, as it was when it connected; nobody's where that is not known. */
uid_t role_user(int socket);

/** Whether any group is given. */
bool role_has_groups(const struct role_groups *groups);

#endif
