/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests on their way through relays, down and back, and when they may be asked (contract sections 6A, 6B). */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "shipped.h"

static const struct host_options with_workers = {.workers = 2};

/* ---- Somebody who asks --------------------------------------------------------------------------- */

/* A request in memory that goes as soon as it is complete: whoever looks at it later is caught. */
struct asked {
	struct im_request request; /* first */
	uint8_t buffer[];
};

/* How it ended. */
static struct {
	uint32_t completions; /* atomic */
	im_status_t status;
	uint32_t done, needed;
	uint8_t bytes[8];
} answer;

static void take_answer(struct im_request *request, im_status_t status)
{
	answer.status = status;
	answer.done = request->done;
	answer.needed = request->needed;
	memcpy(answer.bytes, request->buffer, request->length);
	free((struct asked *)request);
	__atomic_add_fetch(&answer.completions, 1, __ATOMIC_RELEASE);
}

static void request_complete(void *context, struct im_request *request, im_status_t status)
{
	(void)context;
	take_answer(request, status);
}

static struct im_request *make(bool set, uint32_t oid, const void *value, uint32_t length)
{
	struct asked *asked = rig_allocate(sizeof(*asked) + length);

	asked->request = (struct im_request){.set = set, .oid = oid, .buffer = asked->buffer, .length = length};
	memcpy(asked->buffer, value, length);
	memset(&answer, 0, sizeof(answer));
	return &asked->request;
}

/* What ends inside the call ends the same way. */
static void begin(struct im_request *request)
{
	im_status_t status = im_request(rig.top_binding->binding, request);

	if (status != IM_STATUS_PENDING)
		take_answer(request, status);
}

static uint32_t completions(void)
{
	return __atomic_load_n(&answer.completions, __ATOMIC_ACQUIRE);
}

static void up(const struct host_options *options, unsigned levels)
{
	shipped_begin(options);
	shipped_build(levels);
	rig.top->protocol.request_complete = request_complete;
	rig_forget();
}

/* ---- Down and back ------------------------------------------------------------------------------- */

static const uint32_t nothing;
static const uint32_t sets_lookahead = 100;

/* What is asked of the rig's nic, and how that has to end. */
static const struct {
	bool set;
	uint32_t oid;
	uint32_t length;
	const void *value;
	im_status_t status;
	uint32_t done, needed;
} questions[] = {
	{false, SLUICE_OID_GEN_LINK_SPEED, 4, &nothing, IM_STATUS_SUCCESS, 4, 0},
	{false, SLUICE_OID_GEN_LINK_SPEED, 2, &nothing, IM_STATUS_BUFFER_TOO_SHORT, 0, 4},
	{true, SLUICE_OID_GEN_CURRENT_LOOKAHEAD, 4, &sets_lookahead, IM_STATUS_SUCCESS, 4, 0},
	{true, SLUICE_OID_GEN_CURRENT_LOOKAHEAD, 3, &sets_lookahead, IM_STATUS_INVALID_LENGTH, 0, 4},
	{false, SLUICE_OID_GEN_VLAN_ID, 4, &nothing, IM_STATUS_NOT_SUPPORTED, 0, 0},
};

static void expect_question(size_t i)
{
	enum rig_handler handler = questions[i].set ? RIG_set_information : RIG_query_information;
	const struct rig_call *call = rig_call(handler, "nic", 0);

	assert_int_equal(rig_calls(handler, "nic"), 1);
	assert_int_equal(call->value, questions[i].oid);
	assert_int_equal(call->length, questions[i].length);
}

static void expect_answer(size_t i)
{
	assert_int_equal(completions(), 1);
	assert_int_equal(answer.status, questions[i].status);
	assert_int_equal(answer.done, questions[i].done);
	assert_int_equal(answer.needed, questions[i].needed);
	if (!questions[i].set && questions[i].done > 0)
		assert_memory_equal(answer.bytes, rig_value(rig.port, questions[i].oid)->bytes, questions[i].done);
}

/* In each of the four ways of the nic to complete; the request and its buffer are gone with the completion. */
static void c6_7_c6_12_c6_20_c6_21_an_answer_is_the_adapters_whenever_it_comes(void **state)
{
	(void)state;
	up(&with_workers, 3);
	for (enum rig_when when = RIG_INLINE; when <= RIG_LATER; when++)
		for (size_t i = 0; i < RTE_DIM(questions); i++) {
			rig.nic->script.requests = when;
			rig_forget();
			begin(make(questions[i].set, questions[i].oid, questions[i].value, questions[i].length));
			host_settle();
			host_join();
			expect_question(i);
			if (when == RIG_LATER)
				rig_complete_request(rig.port, IM_STATUS_SUCCESS);
			host_settle();
			expect_answer(i);
		}
	rig_end();
}

/* The handlers of three relays have returned, and the one below still has it: nobody sleeps for it. */
static void c6_13_c6_17_a_request_that_pends_holds_no_thread(void **state)
{
	struct im_request *request, before;

	(void)state;
	up(NULL, 3);
	rig.nic->script.requests = RIG_LATER;
	request = make(true, SLUICE_OID_GEN_CURRENT_LOOKAHEAD, &sets_lookahead, 4);
	before = *request;
	begin(request);
	host_settle();
	assert_int_equal(rig_calls(RIG_set_information, "nic"), 1);
	assert_true(rig_call(RIG_set_information, "nic", 0)->returned);
	assert_int_equal(completions(), 0);
	assert_ptr_equal(request->buffer, before.buffer); /* nobody on the way has made it his own */
	assert_int_equal(request->oid, before.oid);
	assert_int_equal(request->length, before.length);
	assert_memory_equal(request->buffer, &sets_lookahead, 4);
	rig_complete_request(rig.port, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(completions(), 1);
	rig_end();
}

/* ---- Cancelled ----------------------------------------------------------------------------------- */

#define ROUNDS 300u

static uint32_t has_one; /* atomic: the nic has a request */
static uint32_t waiting;

static void end_one(im_status_t status)
{
	if (__atomic_exchange_n(&has_one, 0, __ATOMIC_ACQ_REL))
		im_query_information_complete(rig.port->instance, status);
}

static im_status_t keep_one(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			    uint32_t *needed)
{
	(void)context, (void)oid, (void)buffer, (void)length, (void)written, (void)needed;
	__atomic_store_n(&has_one, 1, __ATOMIC_RELEASE);
	return IM_STATUS_PENDING;
}

static void abort_one(void *context)
{
	(void)context;
	end_one(IM_STATUS_REQUEST_ABORTED);
}

static void meet(void)
{
	__atomic_sub_fetch(&waiting, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&waiting, __ATOMIC_ACQUIRE) > 0)
		sched_yield();
}

static void cancel(void *argument)
{
	meet();
	im_cancel_request(rig.top_binding->binding, argument); /* it may be gone by now: only its name is used */
}

static void complete(void *argument)
{
	(void)argument;
	meet();
	end_one(IM_STATUS_SUCCESS);
}

/* One thread cancels it at the top while another completes it at the nic: it ends once, in one of the two ways. */
static void c6_11_c6_23_a_cancel_and_a_completion_at_once_end_it_once(void **state)
{
	struct im_request *request;

	(void)state;
	up(&with_workers, 2);
	rig.nic->miniport.query_information = keep_one;
	rig.nic->miniport.cancel_request = abort_one;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		request = make(false, SLUICE_OID_GEN_LINK_SPEED, &nothing, 4);
		begin(request);
		host_settle();
		assert_int_equal(__atomic_load_n(&has_one, __ATOMIC_ACQUIRE), 1);
		waiting = 2;
		host_begin(1, cancel, request);
		host_begin(2, complete, NULL);
		host_settle();
		host_join();
		host_settle();
		assert_int_equal(completions(), 1);
		assert_true(answer.status == IM_STATUS_SUCCESS || answer.status == IM_STATUS_REQUEST_ABORTED);
	}
	rig_end();
}

/* ---- While the relay goes ------------------------------------------------------------------------ */

static im_status_t late;

static void ask_late(void *argument)
{
	static uint32_t value;
	static struct im_request request;

	(void)argument;
	request = (struct im_request){.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &value, .length = sizeof(value)};
	late = rig_request(rig.top_binding, &request);
}

static void (*rigs_own)(void *context, struct im_request *request, im_status_t status);

static void ask_again(void *context, struct im_request *request, im_status_t status)
{
	const struct rig_binding *binding = context;

	if (request == binding->waited) {
		rigs_own(context, request, status);
		return;
	}
	take_answer(request, status);
	host_on(HOST_CONTROL, ask_late, NULL);
}

/*
 * The unbind fails the parked request first, while the VNIC is still there: whoever learns of it asks again. That
 * request finds the relay going, and is neither parked nor sent down.
 */
static void c6_22_c6_24_c11_26_what_is_asked_of_a_relay_that_goes_is_refused(void **state)
{
	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	rigs_own = rig.top->protocol.request_complete;
	rig.top->protocol.request_complete = ask_again;
	assert_int_equal(host_set_power("nic", IM_POWER_D3), IM_STATUS_SUCCESS);
	late = IM_STATUS_PENDING;
	begin(make(false, SLUICE_OID_GEN_LINK_SPEED, &nothing, 4));
	host_settle();
	assert_int_equal(completions(), 0);
	rig_forget();
	host_unbind_over("nic");
	host_join();
	assert_int_equal(completions(), 1);
	assert_int_not_equal(answer.status, IM_STATUS_SUCCESS);
	assert_false(host_exists("r0"));
	assert_int_equal(late, IM_STATUS_CLOSING);
	assert_int_equal(host_set_power("nic", IM_POWER_D0), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_query_information, "nic"), 0);
	rig_end();
}

/* ---- States -------------------------------------------------------------------------------------- */

static uint32_t answered; /* requests that came back with the nic's value */

static void ask_and_expect(void *argument)
{
	uint32_t value = 0;
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &value, .length = sizeof(value)};

	(void)argument;
	if (rig_request(rig.top_binding, &request) == IM_STATUS_SUCCESS && value == 10000)
		answered++;
}

/* On another thread: this one is in a handler of what is asked. */
static im_status_t ask_in_restart(void *context)
{
	(void)context;
	host_on(HOST_CONTROL, ask_and_expect, NULL);
	return IM_STATUS_SUCCESS;
}

static im_status_t ask_in_event(void *context, struct im_pnp_event *event)
{
	(void)context;
	if (event->code == IM_PNP_PAUSE || event->code == IM_PNP_RESTART)
		ask_and_expect(NULL);
	return IM_STATUS_SUCCESS;
}

/* Of the nic: Paused, Restarting, Running, Pausing; of the binding over it, as it is told of each. */
static void c6_26_requests_are_legal_in_every_state_between_initialize_and_halt(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_load_all();
	rig_start_nic("nic");
	assert_int_equal(rig_bind("top", "nic", "top"), IM_STATUS_SUCCESS);
	rig.port = rig_vnic("nic");
	rig.top_binding = rig_binding("top");
	answered = 0;
	ask_and_expect(NULL);
	assert_int_equal(answered, 1);
	rig.nic->miniport.restart = ask_in_restart;
	rig.nic->miniport.pause = ask_in_restart;
	rig.top->protocol.pnp_event = ask_in_event;
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	assert_int_equal(answered, 3); /* Restarting, and the binding's restart */
	ask_and_expect(NULL);
	assert_int_equal(answered, 4);
	host_pause("nic");
	assert_int_equal(answered, 6);
	host_settle();
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c6_7_c6_12_c6_20_c6_21_an_answer_is_the_adapters_whenever_it_comes),
		cmocka_unit_test(c6_13_c6_17_a_request_that_pends_holds_no_thread),
		cmocka_unit_test(c6_11_c6_23_a_cancel_and_a_completion_at_once_end_it_once),
		cmocka_unit_test(c6_22_c6_24_c11_26_what_is_asked_of_a_relay_that_goes_is_refused),
		cmocka_unit_test(c6_26_requests_are_legal_in_every_state_between_initialize_and_halt),
	};

	return host_run_tests(tests);
}
