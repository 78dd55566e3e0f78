/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports: what they are, and what they counted. */
#include "handlers.h"
#include "mac.h"

#include <stdlib.h>

/* struct sluice_port_record *r */
#define PORT_TABLE(X)                                                                                                  \
	X("name", TEXT, table_name(t, r->port.name, sizeof(r->port.name)))                                             \
	X("device", TEXT, table_name(t, r->port.devargs, sizeof(r->port.devargs)))                                     \
	X("stack", TEXT, table_name(t, r->stack, sizeof(r->stack)))                                                    \
	X("edge", TEXT, table_text(t, edge_word(r->edge)))                                                             \
	X("queues", NUMBER, table_number(t, r->port.queues))                                                           \
	X("mtu", NUMBER, table_number(t, r->port.mtu))                                                                 \
	X("rx-pps", NUMBER, table_number(t, r->port.rx_pps))                                                           \
	X("link", TEXT, table_text(t, r->link_up ? "up" : "down"))                                                     \
	X("speed-mbps", NUMBER, table_number(t, r->link_mbps))                                                         \
	X("mac", TEXT, table_text(t, mac_format(r->mac, mac)))

static const struct table_column port_columns[] = {PORT_TABLE(TABLE_AS_COLUMN)};

static const char *edge_word(uint8_t edge)
{
	static const char *const words[] = {NULL, "host", "wire"};

	return edge < sizeof(words) / sizeof(words[0]) ? words[edge] : NULL;
}

int run_port_list(struct session *session)
{
	const struct sluice_port_record *r;
	struct records records;
	int code = session_list(session, SLUICE_OP_PORT_LIST, SESSION_NO_NAME, sizeof(*r), &records);
	char mac[MAC_TEXT_SIZE];
	struct table *t;

	if (code)
		return code;
	t = table_new("ports", TABLE_COLUMNS(port_columns));
	r = records.data;
	for (uint32_t i = 0; i < records.count; i++, r++) {
		table_row(t);
		PORT_TABLE(TABLE_AS_CELL)
	}
	free(records.data);
	return session_print(session, t);
}

/* struct sluice_port_record *r */
#define PORT_STATS_TABLE(X)                                                                                            \
	X("name", TEXT, table_name(t, r->port.name, sizeof(r->port.name)))                                             \
	X("rx-packets", NUMBER, table_number(t, r->rx_packets))                                                        \
	X("rx-bytes", BYTES, table_number(t, r->rx_bytes))                                                             \
	X("tx-packets", NUMBER, table_number(t, r->tx_packets))                                                        \
	X("tx-bytes", BYTES, table_number(t, r->tx_bytes))                                                             \
	X("rx-missed", NUMBER, table_number(t, r->rx_missed))                                                          \
	X("rx-errors", NUMBER, table_number(t, r->rx_errors))                                                          \
	X("tx-errors", NUMBER, table_number(t, r->tx_errors))                                                          \
	X("rx-no-mbuf", NUMBER, table_number(t, r->rx_no_mbuf))                                                        \
	X("rx-held-back", NUMBER, table_number(t, r->rx_held_back))                                                    \
	X("rx-held-back-us", NUMBER, table_number(t, r->rx_held_back_us))                                              \
	X("host-lent", NUMBER, table_number(t, r->host_lent))                                                          \
	X("host-returned", NUMBER, table_number(t, r->host_returned))                                                  \
	X("host-forfeited", NUMBER, table_number(t, r->host_forfeited))                                                \
	X("host-held", NUMBER, table_number(t, r->host_held))                                                          \
	X("host-joined", NUMBER, table_number(t, r->host_joined))

static const struct table_column port_stats_columns[] = {PORT_STATS_TABLE(TABLE_AS_COLUMN)};

int run_port_stats(struct session *session)
{
	const struct sluice_port_record *r;
	struct records records;
	int code = session_list(session, SLUICE_OP_PORT_LIST, SESSION_NO_NAME, sizeof(*r), &records);
	struct table *t;

	if (code)
		return code;
	t = table_new("ports", TABLE_COLUMNS(port_stats_columns));
	r = records.data;
	for (uint32_t i = 0; i < records.count; i++, r++) {
		table_row(t);
		PORT_STATS_TABLE(TABLE_AS_CELL)
	}
	free(records.data);
	return session_print(session, t);
}
