/* SPDX-License-Identifier: BSD-3-Clause */
/* State machines of instances, bindings and requests, against tables of what is legal. */
#include <string.h>

#include "watched.h"

#define INSTANCE_STATES 6
#define BINDING_STATES	7

/* 10.21, by rows: from; '+' is legal. Columns: halted, initializing, paused, restarting, running, pausing. */
static const char *const instance_table[INSTANCE_STATES] = {
	".+....", /* halted */
	"+.+...", /* initializing */
	"+..+..", /* paused */
	"..+.+.", /* restarting */
	".....+", /* running */
	"..+...", /* pausing */
};

/* 10.23. Columns: opening, paused, restarting, running, pausing, closing, gone. */
static const char *const binding_table[BINDING_STATES] = {
	".+....+", /* opening */
	"..+..++", /* paused */
	"...+...", /* restarting */
	"....+..", /* running */
	".+.....", /* pausing */
	"......+", /* closing */
	".......", /* gone */
};

/* contract: 10.21 12.59 */
static void instances_change_as_the_table_says(void **state)
{
	(void)state;
	for (uint8_t from = 0; from < INSTANCE_STATES; from++)
		for (uint8_t to = 0; to < INSTANCE_STATES; to++) {
			im_verify_instance_state(watched.nic, from, to);
			if (instance_table[from][to] == '+')
				watched_expect_none();
			else
				watched_expect("10.21", "nic", "'nic' goes from");
		}
	im_verify_instance_state(watched.nic, SLUICE_INSTANCE_HALTED, SLUICE_INSTANCE_INITIALIZING);
}

/* contract: 10.23 12.59 */
static void bindings_change_as_the_table_says(void **state)
{
	(void)state;
	for (uint8_t from = 0; from < BINDING_STATES; from++)
		for (uint8_t to = 0; to < BINDING_STATES; to++) {
			im_verify_binding_state(watched.top_binding, from, to);
			if (binding_table[from][to] == '+')
				watched_expect_none();
			else
				watched_expect("10.23", "top", "'mid' goes from");
		}
	im_verify_binding_state(watched.top_binding, IM_BINDING_OPENING, IM_BINDING_PAUSED);
}

/* contract: 12.59 */
static void nothing_is_out_at_the_end(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	im_send_packets(watched.top_binding, &packet, 1);
	im_verify_instance_state(watched.nic, SLUICE_INSTANCE_PAUSED, SLUICE_INSTANCE_HALTED);
	watched_expect("12.59", "nic", "'nic' is gone with 1 packets out");
	im_verify_binding_state(watched.top_binding, IM_BINDING_CLOSING, IM_BINDING_GONE);
	watched_expect("12.59", "top", "'mid' is gone with 1 packets out");
	im_verify_instance_state(watched.nic, SLUICE_INSTANCE_HALTED, SLUICE_INSTANCE_INITIALIZING);
	im_verify_binding_state(watched.top_binding, IM_BINDING_OPENING, IM_BINDING_PAUSED);
	packet->status = IM_STATUS_SUCCESS;
	im_send_complete(watched.nic, &packet, 1);
	watched_expect_none();
}

/* ---- Requests -------------------------------------------------------------------------------------- */

static struct im_request make_request(void)
{
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED};

	request.core.instance = watched.nic;
	return request;
}

/* contract: 6.1 */
static void request_ends_with_a_final_status(void **state)
{
	static const im_status_t legal[] = {IM_STATUS_SUCCESS, IM_STATUS_NOT_SUPPORTED, IM_STATUS_INVALID_DATA,
					    IM_STATUS_REQUEST_ABORTED, IM_STATUS_CLOSING};
	static const im_status_t illegal[] = {IM_STATUS_PENDING, IM_STATUS_SEND_ABORTED, IM_STATUS_CYCLE,
					      (im_status_t)4711};
	struct im_request request = make_request();

	(void)state;
	for (uint32_t i = 0; i < sizeof(legal) / sizeof(legal[0]); i++)
		im_verify_request_done(&request, legal[i]);
	watched_expect_none();
	for (uint32_t i = 0; i < sizeof(illegal) / sizeof(illegal[0]); i++) {
		im_verify_request_done(&request, illegal[i]);
		watched_expect("6.1", "nic", "answered OID 0x00010107 with status");
	}
}

/* contract: 6.4 */
static void short_buffer_comes_with_the_size(void **state)
{
	struct im_request request = make_request();

	(void)state;
	request.needed = 4;
	im_verify_request_done(&request, IM_STATUS_BUFFER_TOO_SHORT);
	im_verify_request_done(&request, IM_STATUS_INVALID_LENGTH);
	watched_expect_none();
	request.needed = 0;
	im_verify_request_done(&request, IM_STATUS_BUFFER_TOO_SHORT);
	watched_expect("6.4", "nic", "how many bytes it takes");
}

/* contract: 10.22 */
static void request_before_initialize_is_over(void **state)
{
	struct im_request request = make_request();
	uint8_t before = watched.nic->state;

	(void)state;
	im_verify_request_begun(&request);
	watched_expect_none();
	watched.nic->state = SLUICE_INSTANCE_INITIALIZING;
	im_verify_request_begun(&request);
	watched.nic->state = before;
	watched_expect("10.22", "the core", "gave 'nic' a request");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WATCHED_TEST(bindings_change_as_the_table_says), WATCHED_TEST(instances_change_as_the_table_says),
		WATCHED_TEST(nothing_is_out_at_the_end),	 WATCHED_TEST(request_before_initialize_is_over),
		WATCHED_TEST(request_ends_with_a_final_status),	 WATCHED_TEST(short_buffer_comes_with_the_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
