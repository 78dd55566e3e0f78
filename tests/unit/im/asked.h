/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of requests ask, and how the nic ends it. */
#ifndef TEST_IM_ASKED_H
#define TEST_IM_ASKED_H

#include "neighbours.h"

#define SPEED	  SLUICE_OID_GEN_LINK_SPEED	       /* 10107 */
#define LOOKAHEAD SLUICE_OID_GEN_CURRENT_LOOKAHEAD     /* 1010f */
#define FILTER	  SLUICE_OID_GEN_CURRENT_PACKET_FILTER /* 1010e */
#define MULTICAST SLUICE_OID_802_3_MULTICAST_LIST      /* 1010103 */

/* A request with room for its value. */
struct asked {
	struct im_request request;
	uint32_t value;
};

static inline struct im_request *query(struct asked *asked)
{
	asked->request = (struct im_request){
		.oid = SPEED, .buffer = &asked->value, .length = sizeof(asked->value), .done = 77, .needed = 77};
	return &asked->request;
}

static inline struct im_request *set(struct asked *asked, uint32_t oid, uint32_t value)
{
	asked->value = value;
	asked->request = (struct im_request){
		.set = true, .oid = oid, .buffer = &asked->value, .length = sizeof(asked->value), .done = 77};
	return &asked->request;
}

static inline void complete_query(void)
{
	im_query_information_complete(nb_nic.instance, IM_STATUS_SUCCESS);
}

static inline void abort_query(void)
{
	im_query_information_complete(nb_nic.instance, IM_STATUS_REQUEST_ABORTED);
}

#endif
