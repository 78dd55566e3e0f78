/* SPDX-License-Identifier: BSD-3-Clause */
#include "offload.h"

#include <linux/if_tun.h>

#define SUMS	 (SLUICE_OFFLOAD_TCP_CHECKSUM | SLUICE_OFFLOAD_UDP_CHECKSUM)
#define SEGMENTS (TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)

/* The kernel does not tell TCP from UDP, and its segments have no checksums. */
unsigned offload_common(unsigned wanted, uint32_t offered)
{
	if ((offered & SUMS) != SUMS)
		return 0;
	if ((offered & SLUICE_OFFLOAD_LARGE_SEND) == 0)
		wanted &= ~(unsigned)SEGMENTS;
	return wanted;
}

/* What is switched on over the port's stack, which may be less than its wire can do: a driver may have said no. */
unsigned offload_ask(struct sluice_miniport *miniport, unsigned wanted, unsigned before)
{
	uint32_t written, needed, offered = 0;
	im_status_t status = sluice_miniport_query(miniport, SLUICE_OID_TCP_TASK_OFFLOAD, &offered, sizeof(offered),
						   &written, &needed);

	if (status == IM_STATUS_NOT_SUPPORTED)
		return 0;
	return status == IM_STATUS_SUCCESS && written == sizeof(offered) ? offload_common(wanted, offered) : before;
}
