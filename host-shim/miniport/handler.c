/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of protocols' handlers. */
#include "inside.h"

/* A PASSIVE call in a handler would wait for the handler itself. */
static _Thread_local unsigned depth;

bool inside_handler(void)
{
	return depth > 0;
}

void call_receive(struct sluice_protocol *protocol, struct sluice_packet **packets, unsigned number, bool *keep)
{
	depth++;
	protocol->handlers.receive(protocol->context, packets, number, keep);
	depth--;
}

void call_send_complete(struct sluice_protocol *protocol, struct sluice_send **sends, unsigned number)
{
	depth++;
	protocol->handlers.send_complete(protocol->context, sends, number);
	depth--;
}

void indicate(struct sluice_miniport *miniport, uint32_t indication, unsigned queue)
{
	depth++;
	for (unsigned i = 0; i < miniport->protocols.count; i++) {
		struct sluice_protocol *protocol = miniport->protocols.at[i];

		if (protocol->handlers.status != NULL)
			protocol->handlers.status(protocol->context, indication, queue);
	}
	depth--;
}
