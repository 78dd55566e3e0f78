/* SPDX-License-Identifier: BSD-3-Clause */
/* By itself and without a level, as the check of levels knows this one function by its name. */
#include <sys/socket.h>

#include "port.h"

/* Where it does not fit, unread events are there already; where nobody listens, the hang-up is on its way. */
void hostport_wake(int signal)
{
	const uint64_t one = 1;

	if (signal >= 0)
		send(signal, &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL);
}
