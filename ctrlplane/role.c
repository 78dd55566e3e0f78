/* SPDX-License-Identifier: BSD-3-Clause */
#include "role.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_member(const struct role_peer *peer, gid_t group)
{
	bool member = peer->group == group;

	for (uint32_t i = 0; i < peer->count; i++)
		member |= peer->more[i] == group;
	return member;
}

bool role_has_groups(const struct role_groups *groups)
{
	bool any = false;

	for (uint32_t i = 0; i < ROLES; i++)
		any |= groups->given[i];
	return any;
}

int role_of(const struct role_peer *peer, const struct role_groups *groups, enum sluice_role *role)
{
	*role = SLUICE_ROLE_OPERATOR;
	if (peer->user == 0 || peer->user == geteuid())
		return 0;
	for (uint32_t i = ROLES; i-- > 0;) {
		*role = (enum sluice_role)i;
		if (groups->given[i] && is_member(peer, groups->group[i]))
			return 0;
	}
	return role_has_groups(groups) ? -EPERM : 0; /* it went down to the least role */
}

int role_of_socket(int socket, const struct role_groups *groups, enum sluice_role *role)
{
	static gid_t more[NGROUPS_MAX]; /* large; connections are taken one at a time */
	socklen_t length = sizeof(struct ucred), more_length = sizeof(more);
	struct ucred found;
	struct role_peer peer;

	*role = SLUICE_ROLE_TENANT;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &found, &length) != 0)
		return -EPERM;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, more, &more_length) != 0)
		more_length = 0;
	peer = (struct role_peer){found.uid, found.gid, more, more_length / (uint32_t)sizeof(more[0])};
	return role_of(&peer, groups, role);
}

uid_t role_user(int socket)
{
	struct ucred found;
	socklen_t length = sizeof(found);

	return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &found, &length) == 0 ? found.uid : (uid_t)-1;
}
