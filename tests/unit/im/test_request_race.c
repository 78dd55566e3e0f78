/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests, their completions and their cancellation on several threads at once: each request ends once, and no close
 * leaves one behind (contract 6.11, 6.14, 6.22, 6.23). For the thread sanitizer too.
 */
#include <sched.h>
#include <string.h>

#include "neighbours.h"

#define ROUNDS 5000u
#define DEPTH  3u /* requests of one protocol that are out at once */

static bool stop;
static uint32_t has_one;  /* the miniport has a request, that either the completer or the canceller ends */
static uint32_t at_once;  /* requests at the miniport */
static uint32_t too_many; /* there was more than one */
static struct im_request requests[2][DEPTH];
static uint32_t values[2][DEPTH];

static bool end_one(im_status_t status)
{
	if (__atomic_exchange_n(&has_one, 0, __ATOMIC_ACQ_REL) == 0)
		return false;
	__atomic_sub_fetch(&at_once, 1, __ATOMIC_RELAXED);
	im_query_information_complete(nb_nic.instance, status);
	return true;
}

static void take_one(void)
{
	if (__atomic_add_fetch(&at_once, 1, __ATOMIC_RELAXED) != 1)
		__atomic_store_n(&too_many, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&has_one, 1, __ATOMIC_RELEASE);
}

static void cancel_one(void)
{
	end_one(IM_STATUS_REQUEST_ABORTED);
}

/* As a worker would: at DISPATCH. */
static void *keep_completing(void *context)
{
	uint8_t level;

	(void)context;
	if (im_thread_attach() != 0)
		return NULL;
	level = im_raise(im_this_worker);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		if (!end_one(IM_STATUS_SUCCESS))
			sched_yield();
	im_lower(im_this_worker, level);
	im_thread_detach();
	return NULL;
}

/* What it names may be complete, or another one by now: both are legal. */
static void *keep_cancelling(void *context)
{
	uint32_t i = 0;

	(void)context;
	if (im_thread_attach() != 0)
		return NULL;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		im_cancel_request(nb_tops[i & 1].binding, &requests[i & 1][i % DEPTH]);
		i++;
		sched_yield();
	}
	im_thread_detach();
	return NULL;
}

static uint32_t completions(uint32_t top)
{
	return __atomic_load_n(&nb_tops[top].completions, __ATOMIC_ACQUIRE);
}

/* Each round asks DEPTH times and waits until all of them are complete, in whatever way. */
static uint32_t ask(uint32_t top)
{
	uint32_t before = completions(top), pended = 0;

	for (uint32_t i = 0; i < DEPTH; i++) {
		requests[top][i] = (struct im_request){
			.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &values[top][i], .length = sizeof(values[top][i])};
		pended += im_request(nb_tops[top].binding, &requests[top][i]) == IM_STATUS_PENDING;
	}
	while (completions(top) != before + pended) {
		im_run_work();
		sched_yield();
	}
	return pended;
}

static uint32_t asked[2];

static void *keep_asking(void *context)
{
	(void)context;
	if (im_thread_attach() != 0)
		return NULL;
	for (uint32_t i = 0; i < ROUNDS; i++)
		asked[1] += ask(1);
	im_thread_detach();
	return NULL;
}

/* contract: 6.11 6.14 6.23 11.11 */
static void each_request_ends_once(void **state)
{
	pthread_t completer, canceller, asker;

	(void)state;
	nb_up(2, false);
	nb_nic.query = IM_STATUS_PENDING;
	nb_nic.in_query = take_one;
	nb_nic.in_cancel = cancel_one;
	stop = false;
	has_one = at_once = too_many = asked[0] = asked[1] = 0;
	assert_int_equal(pthread_create(&completer, NULL, keep_completing, NULL), 0);
	assert_int_equal(pthread_create(&canceller, NULL, keep_cancelling, NULL), 0);
	assert_int_equal(pthread_create(&asker, NULL, keep_asking, NULL), 0);
	for (uint32_t i = 0; i < ROUNDS; i++)
		asked[0] += ask(0);
	pthread_join(asker, NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(completer, NULL);
	pthread_join(canceller, NULL);
	assert_int_equal(too_many, 0); /* 6.14 */
	assert_int_equal(asked[0], ROUNDS * DEPTH);
	assert_int_equal(nb_tops[0].completions, asked[0]);
	assert_int_equal(nb_tops[1].completions, asked[1]);
	assert_int_equal(nb_nic.instance->requests.cancelling, 0);
	nb_down();
}

/* The operator's requests wait behind those of protocols, and are answered on another thread. */
static void an_operator_waits_for_other_threads(void **state)
{
	pthread_t completer, asker;
	uint32_t value;

	(void)state;
	nb_up(2, false);
	nb_nic.query = IM_STATUS_PENDING;
	nb_nic.in_query = take_one;
	stop = false;
	has_one = at_once = too_many = asked[1] = 0;
	assert_int_equal(pthread_create(&completer, NULL, keep_completing, NULL), 0);
	assert_int_equal(pthread_create(&asker, NULL, keep_asking, NULL), 0);
	for (uint32_t i = 0; i < 200; i++) {
		struct im_request request = {
			.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &value, .length = sizeof(value)};

		assert_int_equal(im_request_instance(nb_nic.instance, &request), IM_STATUS_SUCCESS);
	}
	pthread_join(asker, NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(completer, NULL);
	assert_int_equal(too_many, 0);
	assert_int_equal(nb_tops[1].completions, asked[1]);
	nb_down();
}

/* A protocol that asks until it is refused, while it is unbound. */
static uint32_t refused;

static void *ask_until_refused(void *context)
{
	static struct im_request request;
	static uint32_t value;
	struct nb_top *top = context;
	im_status_t status;

	if (im_thread_attach() != 0)
		return NULL;
	do {
		uint32_t before = completions(top->index);

		request = (struct im_request){
			.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &value, .length = sizeof(value)};
		status = im_request(top->binding, &request);
		while (status == IM_STATUS_PENDING && completions(top->index) == before)
			sched_yield();
	} while (status != IM_STATUS_CLOSING);
	__atomic_store_n(&refused, 1, __ATOMIC_RELEASE);
	im_thread_detach();
	return NULL;
}

/* The driver knows that its handle is dead once it has closed it (3.22): its own thread has stopped by then. */
static void wait_until_refused(struct nb_top *top)
{
	struct im_binding *binding = top->binding;

	pthread_mutex_lock(&im_core.lock);
	binding->closed = true; /* as the close does that follows */
	pthread_mutex_unlock(&im_core.lock);
	while (!__atomic_load_n(&refused, __ATOMIC_ACQUIRE))
		sched_yield();
	assert_int_equal(binding->requests, 0); /* 6.22: none got in behind the close */
	binding->closed = false;
}

/* contract: 6.22 */
static void no_request_gets_in_behind_a_close(void **state)
{
	pthread_t thread;

	(void)state;
	for (uint32_t i = 0; i < 50; i++) {
		nb_up(1, false);
		refused = 0;
		nb_tops[0].in_unbind = wait_until_refused;
		assert_int_equal(pthread_create(&thread, NULL, ask_until_refused, &nb_tops[0]), 0);
		im_unbind(nb_tops[0].binding);
		pthread_join(thread, NULL);
		nb_down();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_operator_waits_for_other_threads),
		cmocka_unit_test(each_request_ends_once),
		cmocka_unit_test(no_request_gets_in_behind_a_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
