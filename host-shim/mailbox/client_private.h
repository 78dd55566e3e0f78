/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of libsluice share. */
#ifndef SLUICE_MAILBOX_CLIENT_PRIVATE_H
#define SLUICE_MAILBOX_CLIENT_PRIVATE_H

#include "client.h"

#define CLIENT_REGIONS	  SLUICE_FD_KICK /* descriptors before KICK are regions */
#define CLIENT_TIMEOUT_MS 10000u

struct sluice_client {
	int socket;
	int kick;
	int notify;
	void *regions[CLIENT_REGIONS]; /* mappings, by enum sluice_fd */
	uint8_t role;
	uint32_t timeout_ms;
	uint32_t submitted; /* commands, modulo 2^32 */
	uint32_t consumed;  /* completions, modulo 2^32 */
	int lost;	    /* -errno of the failure after which no command can be given; 0 */
	struct sluice_fault fault;
};

/** Connects and maps the regions. On failure client->fault is set; sluice_close() frees what there is. */
int client_attach(struct sluice_client *client, const char *runtime_dir);

/** Sets client->fault and returns @p code. */
int client_fail(struct sluice_client *client, int code, enum sluice_fault_kind kind, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
