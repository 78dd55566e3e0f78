/* SPDX-License-Identifier: BSD-3-Clause */
#include "health.h"

#include <string.h>
#include <time.h>

static uint64_t wall_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct health_entry *add(struct health *health, enum sluice_reporter_kind kind, const char *name)
{
	struct health_entry *entry;

	if (health->count == HEALTH_REPORTERS_MAX) {
		health->omitted++;
		return NULL;
	}
	entry = &health->entries[health->count++];
	*entry = (struct health_entry){.reporter = {.kind = (uint16_t)kind, .since_ms = wall_clock_ms()}};
	memcpy(entry->reporter.name, name, strnlen(name, sizeof(entry->reporter.name) - 1));
	return entry;
}

static struct health_entry *find(struct health *health, enum sluice_reporter_kind kind, const char *name)
{
	for (uint32_t i = 0; i < health->count; i++) {
		struct health_entry *entry = &health->entries[i];

		if (entry->reporter.kind == kind && strncmp(entry->reporter.name, name, SLUICE_NAME_SIZE - 1) == 0)
			return entry;
	}
	return add(health, kind, name);
}

static void change_state(struct health *health, struct sluice_reporter *reporter, enum sluice_health_state state)
{
	reporter->errors += reporter->state == SLUICE_HEALTH_WELL;
	reporter->state = (uint16_t)state;
	reporter->since_ms = wall_clock_ms();
	event_log_raise(health->events, SLUICE_EVENT_HEALTH, reporter->name,
			(uint64_t)reporter->kind << 8 | reporter->state);
}

/* What is seen for the first time was well until now. */
void health_report(struct health *health, enum sluice_reporter_kind kind, const char *name,
		   enum sluice_health_state state, const char *text)
{
	struct health_entry *entry = find(health, kind, name != NULL ? name : sluice_reporter_word(kind));

	if (entry == NULL)
		return;
	entry->reported = true;
	if (entry->reporter.state != state)
		change_state(health, &entry->reporter, state);
	memset(entry->reporter.text, 0, sizeof(entry->reporter.text));
	memcpy(entry->reporter.text, text, strnlen(text, sizeof(entry->reporter.text) - 1));
}

static void forget_absent(struct health *health)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < health->count; i++) {
		if (!health->entries[i].reported)
			continue;
		health->entries[kept] = health->entries[i];
		health->entries[kept++].reported = false;
	}
	health->count = kept;
}

static void show(const struct health *health, bool well, struct sluice_health *shared)
{
	for (uint32_t i = 0; i < health->count; i++) {
		const struct sluice_reporter *reporter = &health->entries[i].reporter;

		if ((reporter->state == SLUICE_HEALTH_WELL) != well)
			continue;
		if (reporter->state > shared->state)
			shared->state = reporter->state;
		if (shared->count < SLUICE_REPORTERS)
			shared->reporter[shared->count++] = *reporter;
		else
			shared->omitted++;
	}
}

/* Readers see by the sequence that they are not to believe what they read meanwhile. */
static void copy_out(const struct sluice_health *health, struct sluice_health *shared)
{
	uint32_t sequence = shared->sequence;

	__atomic_store_n(&shared->sequence, sequence + 1, __ATOMIC_RELAXED);
	sluice_health_write(shared, health);
	__atomic_store_n(&shared->sequence, sequence + 2, __ATOMIC_RELEASE);
}

void health_publish(struct health *health, struct sluice_health *shared)
{
	struct sluice_health shown = {.omitted = health->omitted};

	forget_absent(health);
	show(health, false, &shown);
	show(health, true, &shown);
	copy_out(&shown, shared);
	health->omitted = 0;
}

uint64_t health_pulse_age(struct health_pulse *pulse, uint64_t count, uint64_t now_ms)
{
	if (count != pulse->count || pulse->since_ms == 0)
		*pulse = (struct health_pulse){.count = count, .since_ms = now_ms};
	return now_ms - pulse->since_ms;
}
