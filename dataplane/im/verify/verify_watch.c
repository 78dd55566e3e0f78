/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watchdogs (contract 12.17-12.20): what lasts too long is a violation of whoever has it. Each looks at the clock of
 * im_tick(), and says the same thing once.
 *
 * What handlers a thread is in is written by that thread and read by the one that ticks: one word at a time, with names
 * that stay good for ever. An entry that is in use has begun_ns != 0. Each word is stored with release, so that it
 * comes after the zero of the call before, and loaded with acquire, so that begun_ns is looked at once more after it:
 * what stands between two equal looks is of one call.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "im/inside.h"
#include "im/ledger.h"
#include "im/spin.h"
#include "verifier.h"

#define THREADS	    (IM_WORKERS_MAX + IM_CONTROL_THREADS_MAX)
#define DEPTH_MAX   24u /* handlers inside of each other */
#define NS_A_MS	    1000000u
#define NS_A_SECOND (1000u * NS_A_MS)

struct entry {
	uint64_t begun_ns;
	uint64_t since_ns;    /* what the limit counts from: it began, or the core has last waited in it */
	uint64_t reported_ns; /* since_ns of what was reported; the ticking thread's */
	const char *driver;
	struct im_subject subject;
	uint32_t handler;
};

struct thread {
	struct entry entries[DEPTH_MAX];
	uint32_t depth; /* the thread's own */
} __attribute__((aligned(64)));

/* What an instance had done when it was last seen to get on. */
struct progress {
	uint64_t done;
	uint64_t since_ns;
};

static struct thread threads[THREADS];
static struct progress progress[IM_ACCOUNTS_MAX];
static uint32_t ticking;  /* one thread at a time */
static uint64_t first_ns; /* the first tick: what began before it began then */

static bool is_over(uint64_t since_ns, uint64_t now_ns, uint32_t limit_ms)
{
	return limit_ms != 0 && now_ns > since_ns && now_ns - since_ns > (uint64_t)limit_ms * NS_A_MS;
}

/* ---- Handlers: 12.17 ----------------------------------------------------------------------------- */

static uint64_t begin_ns(void)
{
	uint64_t now_ns = im_verify_clock();

	return now_ns > 0 ? now_ns : 1;
}

void im_watch_enter(enum im_handler handler, const char *driver, const void *object)
{
	struct thread *thread = &threads[im_this_worker->index];
	uint32_t depth = thread->depth++;
	struct entry *entry;

	if (depth >= DEPTH_MAX)
		return;
	entry = &thread->entries[depth];
	__atomic_store_n(&entry->driver, driver, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->handler, handler, __ATOMIC_RELEASE);
	im_subject_note(&entry->subject, im_handler_subject((uint16_t)handler), object);
	__atomic_store_n(&entry->since_ns, begin_ns(), __ATOMIC_RELEASE);
	__atomic_store_n(&entry->begun_ns, begin_ns(), __ATOMIC_RELEASE);
}

void im_watch_leave(void)
{
	struct thread *thread = &threads[im_this_worker->index];

	if (--thread->depth < DEPTH_MAX)
		__atomic_store_n(&thread->entries[thread->depth].begun_ns, 0, __ATOMIC_RELEASE);
}

/* A handler in which the core waits for others is not to blame: its time begins anew. */
static void excuse(struct thread *thread)
{
	for (uint32_t i = 0; i < thread->depth && i < DEPTH_MAX; i++)
		__atomic_store_n(&thread->entries[i].since_ns, begin_ns(), __ATOMIC_RELEASE);
}

static void append_time(char *text, size_t size, uint64_t at_ns)
{
	im_append(text, size, "%lu.%06lu s", at_ns / NS_A_SECOND, at_ns % NS_A_SECOND / 1000);
}

static void append_thread(char *text, size_t size, uint32_t index)
{
	bool works = index > 0 && index < im_core.worker_count;

	im_append(text, size, "%s %u", works ? "worker" : "control thread", index);
}

/* All that is known of it is read before it is sure that it was all of one call. Whether it is over its time: only with
 * @p inner over its own, it is not to blame. */
static bool check_entry(struct entry *entry, uint32_t thread, uint64_t now_ns, bool inner)
{
	uint64_t begun_ns = __atomic_load_n(&entry->begun_ns, __ATOMIC_ACQUIRE);
	uint64_t since_ns = __atomic_load_n(&entry->since_ns, __ATOMIC_ACQUIRE);
	const char *driver = __atomic_load_n(&entry->driver, __ATOMIC_ACQUIRE);
	uint32_t handler = __atomic_load_n(&entry->handler, __ATOMIC_ACQUIRE);
	char text[512];

	if (begun_ns == 0 || !is_over(RTE_MAX(since_ns, first_ns), now_ns, im_verify_now.handler_limit_ms))
		return false;
	if (since_ns == entry->reported_ns)
		return true;
	snprintf(text, sizeof(text), "its handler %s, called for ", im_handler_name((uint16_t)handler));
	im_subject_append(&entry->subject, text, sizeof(text));
	im_append(text, sizeof(text), " at ");
	append_time(text, sizeof(text), begun_ns);
	im_append(text, sizeof(text), " on ");
	append_thread(text, sizeof(text), thread);
	im_append(text, sizeof(text), ", has not returned for more than %u ms", im_verify_now.handler_limit_ms);
	if (__atomic_load_n(&entry->begun_ns, __ATOMIC_ACQUIRE) != begun_ns)
		return false; /* it has just returned */
	entry->reported_ns = since_ns;
	if (!inner)
		im_violation("12.17", driver, text);
	return true;
}

/* The innermost that takes too long is to blame: those outside wait for it. */
static void check_thread(struct thread *thread, uint32_t index, uint64_t now_ns)
{
	bool inner = false;

	for (uint32_t k = DEPTH_MAX; k-- > 0;)
		inner |= check_entry(&thread->entries[k], index, now_ns, inner);
}

static void check_handlers(uint64_t now_ns)
{
	for (uint32_t i = 0; i < THREADS; i++)
		check_thread(&threads[i], i, now_ns);
}

/* ---- Instances: 12.19, 12.20 --------------------------------------------------------------------- */

static bool has_sends_below(const struct im_instance *instance)
{
	const struct im_binding *binding;

	TAILQ_FOREACH(binding, &im_core.bindings, link)
	{
		if (binding->protocol->wrapper == im_wrapper_of(instance) && im_binding_outstanding(binding) != 0)
			return true;
	}
	return false;
}

/* Who has handed its sends on waits for those below, who are watched themselves. */
static void check_progress(const struct im_instance *instance, uint64_t now_ns)
{
	struct progress *last = &progress[instance->id];
	struct im_account sum;

	im_read_account(instance->id, &sum);
	if (last->since_ns == 0 || sum.sends_done != last->done || sum.sends_begun <= sum.sends_done ||
	    has_sends_below(instance)) {
		last->done = sum.sends_done;
		last->since_ns = now_ns;
		return;
	}
	if (!is_over(last->since_ns, now_ns, im_verify_now.progress_limit_ms))
		return;
	last->since_ns = now_ns;
	im_violation_text("12.19", im_driver_of(instance), "'%s' has %lu sends and has completed none for %u ms",
			  instance->name, sum.sends_begun - sum.sends_done, im_verify_now.progress_limit_ms);
}

/* What it is to be said of anew counts from when it was last said. */
static uint64_t waited_since_ns(const struct im_request *request)
{
	return RTE_MAX(RTE_MAX(request->core.begun_ns, request->core.reported_ns), first_ns);
}

static void check_request(struct im_instance *instance, uint64_t now_ns)
{
	struct im_request *request;
	uint64_t begun_ns = 0;
	bool late = false;
	uint32_t oid = 0;

	im_spin_lock(&instance->requests.lock.held);
	request = instance->requests.active;
	if (request != NULL && is_over(waited_since_ns(request), now_ns, im_verify_now.request_limit_ms)) {
		late = true;
		begun_ns = request->core.begun_ns;
		oid = request->oid;
		request->core.reported_ns = now_ns;
	}
	im_spin_unlock(&instance->requests.lock.held);
	if (late)
		im_violation_text("12.20", im_driver_of(instance),
				  "'%s' has had a request for OID 0x%08x for %u ms: it began at %lu.%06lu s",
				  instance->name, oid, im_verify_now.request_limit_ms, begun_ns / NS_A_SECOND,
				  begun_ns % NS_A_SECOND / 1000);
}

static void check_instances(uint64_t now_ns)
{
	struct im_instance *instance;

	pthread_mutex_lock(&im_core.lock);
	FOREACH_INSTANCE (instance) {
		if (instance->initialization != IM_INITIALIZATION_DONE)
			continue;
		check_progress(instance, now_ns);
		if ((instance->attributes & IM_ATTRIBUTE_IGNORE_TIMEOUTS) == 0) /* one may be parked (6.28) */
			check_request(instance, now_ns);
	}
	pthread_mutex_unlock(&im_core.lock);
}

/* ---- Waits ---------------------------------------------------------------------------------------- */

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 * NS_A_MS + (uint64_t)now.tv_nsec;
}

/* The thread that waits may be the one that ticks: this is the one watchdog with a clock of its own. */
IM_PASSIVE static bool is_too_long(struct im_wait *wait)
{
	uint64_t now_ns;

	if (!im_is_verified())
		return false;
	now_ns = clock_ns();
	excuse(&threads[im_this_worker->index]);
	if (wait->begun_ns == 0)
		wait->begun_ns = wait->since_ns = now_ns;
	if (!is_over(wait->since_ns, now_ns, im_verify_now.wait_limit_ms))
		return false;
	wait->since_ns = now_ns;
	return true;
}

IM_PASSIVE static void blame(const struct im_wait *wait, const char *statement, const char *driver, const char *object,
			     const char *what)
{
	char text[2500];

	snprintf(text, sizeof(text), "%s (for more than %u ms: for '%s' ", what, im_verify_now.wait_limit_ms, object);
	append_thread(text, sizeof(text), im_this_worker->index);
	im_append(text, sizeof(text), " has waited since ");
	append_time(text, sizeof(text), wait->begun_ns);
	im_append(text, sizeof(text), ")");
	im_packets_append_one(driver, text, sizeof(text));
	im_violation(statement, driver, text);
}

void im_verify_wait(struct im_wait *wait, const char *statement, const char *driver, const char *object,
		    const char *what)
{
	if (is_too_long(wait))
		blame(wait, statement, driver, object, what);
}

void im_verify_wait_packets(struct im_wait *wait, const char *statement, const void *object, const char *driver,
			    const char *name, const char *what)
{
	const char *holder;

	if (!is_too_long(wait))
		return;
	holder = im_packets_holder(object);
	blame(wait, statement, holder != NULL ? holder : driver, name, what);
}

void im_verify_wait_holds(struct im_wait *wait, const char *statement, const void *object, const char *driver,
			  const char *name, const char *what)
{
	char text[1500];

	if (!is_too_long(wait))
		return;
	snprintf(text, sizeof(text), "%s", what);
	im_ledger_append(object, text, sizeof(text));
	blame(wait, statement, driver, name, text);
}

/* ---- Ticks ---------------------------------------------------------------------------------------- */

void im_verify_tick(uint64_t now_ns)
{
	if (!im_is_verified() || __atomic_exchange_n(&ticking, 1, __ATOMIC_ACQUIRE) != 0)
		return;
	if (first_ns == 0)
		first_ns = now_ns;
	check_handlers(now_ns);
	check_instances(now_ns);
	im_packets_check(now_ns);
	__atomic_store_n(&ticking, 0, __ATOMIC_RELEASE);
}

void im_watch_forget(uint16_t account)
{
	progress[account].since_ns = 0;
}

void im_watch_reset(void)
{
	memset(threads, 0, sizeof(threads));
	memset(progress, 0, sizeof(progress));
	first_ns = 0;
}
