/* SPDX-License-Identifier: BSD-3-Clause */
/* Bugs that drivers really had (contract section 11), tried on the core and on the relay that ships. */
#include <string.h>
#include <unistd.h>

#include "shipped.h"

#define ROUNDS 50u

static const struct host_options with_workers = {.workers = 2};
static struct im_packet *packets[8];

static void send(uint16_t count)
{
	im_send_packets(rig.top_binding->binding, packets, count);
	host_settle();
}

/* ---- References ---------------------------------------------------------------------------------- */

static void return_all(void *argument)
{
	(void)argument;
	im_return_packets(rig.top_binding->binding, packets, 8);
}

/* Two workers return the same packets at once: the last one brings each home, and that once. */
static void c11_13_returns_of_two_workers_are_all_counted(void **state)
{
	(void)state;
	rig_begin(&with_workers, 0);
	rig.top->script.references = 2;
	rig.top->script.returns = RIG_LATER;
	rig_build(0);
	rig_packets(packets, 8);
	for (unsigned round = 0; round < ROUNDS; round++) {
		rig_forget();
		rig_indicate(rig.port, packets, 8, IM_STATUS_SUCCESS);
		rig.top_binding->held_count = 0; /* they are returned here */
		host_begin(1, return_all, NULL);
		host_begin(2, return_all, NULL);
		host_join();
		host_settle();
		assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 8);
		assert_int_equal(host_outstanding("nic"), 0);
	}
	rig_end();
	rig_packets_free(packets, 8);
}

/* ---- Teardown ------------------------------------------------------------------------------------ */

static im_status_t stopped;

static void stop_vnic(void *argument)
{
	(void)argument;
	stopped = host_stop("r0");
}

/* A packet without a slot goes down under a descriptor of the relay's own (2.55). */
static void c11_34_a_stop_waits_for_the_driver_s_own_packet(void **state)
{
	struct im_packet *packet = rig_packet(1, 100, 0);

	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	rig_forget();
	rig.nic->script.sends = RIG_LATER;
	im_send_packets(rig.top_binding->binding, &packet, 1);
	host_settle();
	assert_int_equal(rig.port->held_count, 1);
	assert_ptr_not_equal(rig.port->held[0], packet);
	host_begin(HOST_IDLE, stop_vnic, NULL);
	usleep(3000);
	assert_int_equal(rig_calls(RIG_unbind_adapter, "top"), 0); /* nor is anything behind it done */
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_join();
	host_settle();
	assert_int_equal(stopped, IM_STATUS_SUCCESS);
	assert_false(host_exists("r0"));
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 1);
	rig_end();
	rig_packets_free(&packet, 1);
}

/* It may be gone already, or go just now. */
static void stop_if_there(void *argument)
{
	(void)argument;
	host_stop_if_there("r0");
}

static void unbind(void *argument)
{
	(void)argument;
	host_unbind_over("nic");
}

/* One that disables the VNIC, one that unbinds: whoever is second finds it gone, or waits. */
static void c11_48_c11_31_a_vnic_that_two_take_away_goes_once(void **state)
{
	(void)state;
	shipped_begin(NULL);
	shipped_load_all();
	for (unsigned round = 0; round < ROUNDS; round++) {
		rig_forget();
		shipped_bind("nic", "r0");
		host_begin(HOST_CONTROL, stop_if_there, NULL);
		host_begin(HOST_CONTROL + 1, unbind, NULL);
		host_join();
		host_settle();
		assert_false(host_exists("r0"));
		assert_int_equal(host_objects("relay"), 0);
	}
	rig_end();
}

/* It asks to be unbound while it is, and before it has closed: the work finds a binding that goes, or none. */
static im_status_t unbind_and_ask_again(void *context, void *unbind_context)
{
	im_schedule_unbind(((struct rig_binding *)context)->binding);
	return rig_unbind_adapter(context, unbind_context);
}

static void c11_32_work_for_a_binding_that_closes_is_nothing(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.top->protocol.unbind_adapter = unbind_and_ask_again;
	rig_build(0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		rig_forget();
		im_schedule_unbind(rig_binding("top")->binding);
		if (round % 2 == 0)
			host_unbind_over("nic");
		host_settle();
		assert_int_equal(rig_calls(RIG_unbind_adapter, "top"), 1);
		assert_int_equal(host_objects("top"), 0);
		assert_int_equal(rig_bind("top", "nic", "top"), IM_STATUS_SUCCESS);
		host_settle();
	}
	rig_end();
}

/* ---- Pause and restart --------------------------------------------------------------------------- */

static im_status_t ask(struct rig_binding *binding)
{
	uint32_t speed = 0;
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};

	return rig_request(binding, &request);
}

/* The same handles, before, meanwhile and after, with the status of what they meet (4.32). */
static void c11_35_handles_go_on_after_a_pause(void **state)
{
	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	rig_packets(packets, 8);
	for (unsigned round = 0; round < 5; round++) {
		rig_forget();
		send(8);
		assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 8);
		host_pause("r0");
		send(8);
		assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_PAUSED), 8);
		assert_int_equal(ask(rig.top_binding), IM_STATUS_SUCCESS);
		assert_int_equal(host_restart("r0"), IM_STATUS_SUCCESS);
	}
	send(8);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 16);
	rig_indicate(rig.port, packets, 8, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_receive_packets, "top"), 8);
	rig_end();
	rig_packets_free(packets, 8);
}

/* ---- Attaching and tapping ----------------------------------------------------------------------- */

static unsigned indicated;

/* For those who are there, whoever that is; as nobody keeps them, they can be indicated again at once. */
static void indicate(void *argument)
{
	(void)argument;
	rig_indicate(rig.port, packets, 8, IM_STATUS_SUCCESS);
	indicated += 8;
}

static void indicate_often(void)
{
	for (unsigned i = 0; i < 20; i++)
		host_begin(1, indicate, NULL);
}

static void c11_37_receivers_come_and_go_under_traffic(void **state)
{
	(void)state;
	rig_begin(&with_workers, 0);
	rig_build(0);
	rig_packets(packets, 8);
	for (unsigned round = 0; round < 20; round++) {
		rig_forget();
		indicated = 0;
		indicate_often();
		assert_int_equal(rig_bind("top", "nic", "second"), IM_STATUS_SUCCESS);
		indicate_often();
		host_unbind(rig_binding("second")->binding);
		host_settle();
		assert_int_equal(rig_packets_seen(RIG_receive_packets, "top"), indicated);
		assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), indicated);
		assert_true(rig_packets_seen(RIG_receive_packets, "second") <= indicated);
		assert_int_equal(host_objects("top"), 1);
	}
	rig_end();
	rig_packets_free(packets, 8);
}

/* ---- Requests ------------------------------------------------------------------------------------ */

/* What is malformed reaches nobody who would look into it. */
static void c11_41_c11_42_malformed_requests_are_refused(void **state)
{
	struct im_request without_buffer = {.oid = SLUICE_OID_GEN_LINK_SPEED, .length = 4};
	struct im_request without_oid = {0};
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED};

	(void)state;
	shipped_begin(NULL);
	shipped_build(2);
	rig_forget();
	assert_int_equal(im_request(rig.top_binding->binding, NULL), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_request(rig.top_binding->binding, &without_buffer), IM_STATUS_INVALID_PARAMETER);
	without_buffer.set = true;
	assert_int_equal(im_request(rig.top_binding->binding, &without_buffer), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_request(NULL, &request), IM_STATUS_CLOSING);
	assert_int_equal(rig_calls(RIG_query_information, "nic") + rig_calls(RIG_set_information, "nic"), 0);
	assert_int_equal(rig_request(rig.top_binding, &without_oid), IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(ask(rig.top_binding), IM_STATUS_SUCCESS);
	rig_end();
}

/* Each comes back to who asked, though the nic knows nothing of either. */
static void c11_42_a_request_comes_back_to_who_asked(void **state)
{
	static uint32_t speeds[2];
	struct im_request requests[2];
	struct rig_binding *second;

	(void)state;
	rig_begin(NULL, 0);
	rig_build(0);
	assert_int_equal(rig_bind("top", "nic", "second"), IM_STATUS_SUCCESS);
	host_settle();
	second = rig_binding("second");
	rig_forget();
	rig.nic->script.requests = RIG_LATER;
	for (unsigned i = 0; i < 2; i++) {
		requests[i] = (struct im_request){
			.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speeds[i], .length = sizeof(speeds[i])};
		assert_int_equal(im_request(i == 0 ? second->binding : rig.top_binding->binding, &requests[i]),
				 IM_STATUS_PENDING);
	}
	host_settle();
	for (unsigned i = 0; i < 2; i++) {
		rig_complete_request(rig.port, IM_STATUS_SUCCESS);
		host_settle();
		assert_int_equal(rig_calls(RIG_request_complete, "second"), 1);
		assert_int_equal(rig_calls(RIG_request_complete, "top"), i);
	}
	assert_ptr_equal(rig_call(RIG_request_complete, "second", 0)->buffer, &requests[0]);
	assert_ptr_equal(rig_call(RIG_request_complete, "top", 0)->buffer, &requests[1]);
	rig.nic->script.requests = RIG_INLINE;
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c11_13_returns_of_two_workers_are_all_counted),
		cmocka_unit_test(c11_34_a_stop_waits_for_the_driver_s_own_packet),
		cmocka_unit_test(c11_48_c11_31_a_vnic_that_two_take_away_goes_once),
		cmocka_unit_test(c11_32_work_for_a_binding_that_closes_is_nothing),
		cmocka_unit_test(c11_35_handles_go_on_after_a_pause),
		cmocka_unit_test(c11_37_receivers_come_and_go_under_traffic),
		cmocka_unit_test(c11_41_c11_42_malformed_requests_are_refused),
		cmocka_unit_test(c11_42_a_request_comes_back_to_who_asked),
	};

	return host_run_tests(tests);
}
