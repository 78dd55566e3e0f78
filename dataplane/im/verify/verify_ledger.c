/* SPDX-License-Identifier: BSD-3-Clause */
/* Who has which reference: see ledger.h. A table by address, of a fixed size; what does not fit is not judged. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "im/core.h"
#include "im/ledger.h"
#include "im/spin.h"
#include "verifier.h"

#define OBJECTS_MAX 1024u
#define BUCKETS	    256u
#define TAGS_MAX    12u
#define TAKINGS_MAX 8u /* under one tag that are remembered */

/* A taking or a giving back. */
struct deed {
	const void *site;
	char driver[SLUICE_NAME_SIZE]; /* "": it was not done */
	uint64_t at_ns;
	uint32_t thread;
};

struct account {
	char tag[24];
	uint32_t count; /* that are out, and of those ... */
	uint32_t kept;	/* ... the last ones are here, oldest first */
	struct deed takings[TAKINGS_MAX];
	struct deed given; /* the last one */
};

struct counted {
	const void *object;
	enum im_counted kind;
	uint32_t account_count; /* what is under a tag that found no room is not judged */
	struct account accounts[TAGS_MAX];
	struct counted *next;	      /* of its bucket */
	TAILQ_ENTRY(counted) resting; /* gone, or not used yet: oldest first */
	bool rests;
};

uint32_t im_ledger_is_on;

static struct {
	uint32_t lock;
	struct counted *all;
	struct counted *buckets[BUCKETS];
	TAILQ_HEAD(, counted) resting;
} ledger;

static const char *const kinds[] = {
#define X(name, text) text,
	IM_COUNTED_TABLE(X)
#undef X
};

/* ---- The table ------------------------------------------------------------------------------------- */

static struct counted **bucket_of(const void *object)
{
	return &ledger.buckets[((uintptr_t)object >> 4) * 0x9e3779b97f4a7c15u >> 56];
}

static struct counted *find(const void *object)
{
	struct counted *counted = *bucket_of(object);

	while (counted != NULL && counted->object != object)
		counted = counted->next;
	return counted;
}

static void forget(struct counted *counted)
{
	struct counted **at = bucket_of(counted->object);

	while (*at != counted)
		at = &(*at)->next;
	*at = counted->next;
	counted->object = NULL;
}

/* The one of this address, or the one that has rested for longest. NULL: all are in use. */
static struct counted *place_for(const void *object)
{
	struct counted *counted = find(object);

	if (counted == NULL)
		counted = TAILQ_FIRST(&ledger.resting);
	if (counted == NULL)
		return NULL;
	if (counted->object != NULL)
		forget(counted);
	if (counted->rests)
		TAILQ_REMOVE(&ledger.resting, counted, resting);
	return counted;
}

void im_ledger_begin_slow(const void *object, enum im_counted kind)
{
	struct counted **bucket = bucket_of(object);
	struct counted *counted;

	im_spin_lock(&ledger.lock);
	counted = place_for(object);
	if (counted != NULL) {
		*counted = (struct counted){.object = object, .kind = kind, .next = *bucket};
		*bucket = counted;
	}
	im_spin_unlock(&ledger.lock);
}

static void rest(struct counted *counted)
{
	counted->rests = true;
	TAILQ_INSERT_TAIL(&ledger.resting, counted, resting);
}

void im_ledger_end_slow(const void *object)
{
	struct counted *counted;

	im_spin_lock(&ledger.lock);
	counted = find(object);
	if (counted != NULL && !counted->rests)
		rest(counted);
	im_spin_unlock(&ledger.lock);
}

int im_ledger_watch(void)
{
	ledger.all = calloc(OBJECTS_MAX, sizeof(*ledger.all));
	if (ledger.all == NULL)
		return -ENOMEM;
	memset(ledger.buckets, 0, sizeof(ledger.buckets));
	TAILQ_INIT(&ledger.resting);
	for (uint32_t i = 0; i < OBJECTS_MAX; i++) {
		ledger.all[i].rests = true;
		TAILQ_INSERT_TAIL(&ledger.resting, &ledger.all[i], resting);
	}
	__atomic_store_n(&im_ledger_is_on, 1, __ATOMIC_RELEASE);
	return 0;
}

void im_ledger_unwatch(void)
{
	__atomic_store_n(&im_ledger_is_on, 0, __ATOMIC_RELEASE);
	free(ledger.all);
	ledger.all = NULL;
}

/* ---- Text ------------------------------------------------------------------------------------------ */

static void append_deed(const struct deed *deed, char *text, size_t size)
{
	im_append(text, size, "by '%s' on thread %u, %lu ms ago, at ", deed->driver, deed->thread,
		  (im_verify_clock() - deed->at_ns) / 1000000);
	im_append_site(text, size, deed->site);
}

static void append_tag(const struct account *account, char *text, size_t size)
{
	if (account->tag[0] != '\0')
		im_append(text, size, "'%s'", account->tag);
	else
		im_append(text, size, "(no tag)");
}

/* Latest first. */
static void append_out(const struct account *account, char *text, size_t size)
{
	im_append(text, size, "\n  ");
	append_tag(account, text, size);
	im_append(text, size, " is out %u times:", account->count);
	for (uint32_t i = account->kept; i-- > 0;) {
		im_append(text, size, "\n    taken ");
		append_deed(&account->takings[i], text, size);
	}
}

static uint32_t append_all(const struct counted *counted, char *text, size_t size)
{
	uint32_t out = 0;

	for (uint32_t i = 0; i < counted->account_count; i++) {
		out += counted->accounts[i].count;
		if (counted->accounts[i].count > 0)
			append_out(&counted->accounts[i], text, size);
	}
	return out;
}

uint32_t im_ledger_append(const void *object, char *text, size_t size)
{
	const struct counted *counted;
	uint32_t out = 0;

	if (!im_ledger_on())
		return 0;
	im_spin_lock(&ledger.lock);
	counted = find(object);
	if (counted != NULL)
		out = append_all(counted, text, size);
	im_spin_unlock(&ledger.lock);
	return out;
}

static const struct deed *last_taking_by(const struct account *account, const char *driver)
{
	for (uint32_t i = account->kept; i-- > 0;)
		if (strcmp(account->takings[i].driver, driver) == 0)
			return &account->takings[i];
	return NULL;
}

/* What is the core's own has its references taken for others, from inside of their handlers. */
static bool is_taken_by(const struct counted *counted, const char *driver)
{
	if (counted->object == NULL || counted->rests || counted->kind != IM_COUNTED_REFERENCE)
		return false;
	for (uint32_t i = 0; i < counted->account_count; i++)
		if (last_taking_by(&counted->accounts[i], driver) != NULL)
			return true;
	return false;
}

uint32_t im_ledger_append_of(const char *driver, char *text, size_t size)
{
	uint32_t out = 0;

	if (!im_ledger_on())
		return 0;
	im_spin_lock(&ledger.lock);
	for (uint32_t i = 0; i < OBJECTS_MAX; i++) {
		if (!is_taken_by(&ledger.all[i], driver))
			continue;
		out += append_all(&ledger.all[i], text, size);
		rest(&ledger.all[i]);
	}
	im_spin_unlock(&ledger.lock);
	return out;
}

/* ---- Taking and giving back ------------------------------------------------------------------------ */

static struct deed deed_here(const void *site)
{
	const struct im_worker *worker = im_this_worker;

	struct deed deed = {
		.site = site, .at_ns = im_verify_clock(), .thread = worker != NULL ? worker->index : UINT32_MAX};

	strncpy(deed.driver, im_running_driver(), sizeof(deed.driver) - 1);
	return deed;
}

static struct account *account_of(struct counted *counted, const char *tag)
{
	struct account *account;

	for (uint32_t i = 0; i < counted->account_count; i++)
		if (strncmp(counted->accounts[i].tag, tag, sizeof(counted->accounts[i].tag) - 1) == 0)
			return &counted->accounts[i];
	if (counted->account_count == TAGS_MAX)
		return NULL;
	account = &counted->accounts[counted->account_count++];
	*account = (struct account){.count = 0};
	strncpy(account->tag, tag, sizeof(account->tag) - 1);
	return account;
}

/* Where there is no room, the oldest is forgotten. */
static void take(struct account *account, const struct deed *deed)
{
	account->count++;
	if (account->kept == TAKINGS_MAX)
		memmove(account->takings, account->takings + 1, --account->kept * sizeof(*deed));
	account->takings[account->kept++] = *deed;
}

/* That of who gives back, its last one; of another one, who has handed it over, where it has none; and rather one that
 * is forgotten. */
static void forget_taking(struct account *account, const struct deed *deed)
{
	const struct deed *taking = last_taking_by(account, deed->driver);
	uint32_t at = account->kept - 1;

	if (taking != NULL)
		at = (uint32_t)(taking - account->takings);
	else if (account->count > account->kept)
		return;
	account->kept--;
	memmove(account->takings + at, account->takings + at + 1, (account->kept - at) * sizeof(*deed));
}

void im_ledger_take_slow(const void *object, const char *tag, const void *site)
{
	const struct deed deed = deed_here(site);
	struct account *account = NULL;
	struct counted *counted;

	im_spin_lock(&ledger.lock);
	counted = find(object);
	if (counted != NULL)
		account = account_of(counted, tag != NULL ? tag : "");
	if (account != NULL)
		take(account, &deed);
	im_spin_unlock(&ledger.lock);
}

/* In the locked ledger. Not inlined: the build's check of levels knows it as part of a report. */
__attribute__((noinline)) static void im_ledger_describe(const struct counted *counted, const struct account *account,
							 const void *site, char *text, size_t size)
{
	im_append(text, size, "gave back ");
	append_tag(account, text, size);
	im_append(text, size, " of %s %p, which is not out, at ", kinds[counted->kind], counted->object);
	im_append_site(text, size, site);
	if (account->given.driver[0] != '\0') {
		im_append(text, size, "\n  given back ");
		append_deed(&account->given, text, size);
	}
	append_all(counted, text, size);
}

/* Whether one was out. */
static bool give(struct counted *counted, struct account *account, const struct deed *deed, char *text, size_t size)
{
	if (account->count == 0) {
		im_ledger_describe(counted, account, deed->site, text, size);
		return false;
	}
	forget_taking(account, deed);
	account->count--;
	account->given = *deed;
	return true;
}

bool im_ledger_give_slow(const void *object, const char *tag, const void *site)
{
	const struct deed deed = deed_here(site);
	struct account *account = NULL;
	struct counted *counted;
	char text[1500] = "";
	bool legal = true;

	im_spin_lock(&ledger.lock);
	counted = find(object);
	if (counted != NULL)
		account = account_of(counted, tag != NULL ? tag : "");
	if (account != NULL)
		legal = give(counted, account, &deed, text, sizeof(text));
	im_spin_unlock(&ledger.lock);
	if (!legal)
		im_violation("12.10", deed.driver, text);
	return legal;
}
