/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * usage: attack RUNTIME_DIR UPPER LOWER ATTACK SECONDS [SEED [QUEUES]]
 *
 * Exits 0 where the card did to the attacker what it must, and served another client afterwards.
 */
#include "attack.h"

#include <stdio.h>
#include <stdlib.h>

bool attack_goes_on(const struct attack *attack)
{
	return host_now_ms() < attack->end_ms;
}

void attack_expect_service(const struct attack *attack)
{
	struct host host;

	host_open_now(&host, attack->dir, NULL, 0);
	host_ask(&host, SLUICE_OP_INFO, 0);
	host_close(&host);
}

/* ---- Flipper --------------------------------------------------------------------------------------- */

/* Back again at once, at times: then what is checked first and used later differs, and nothing tells later. */
static void *flip(void *argument)
{
	struct attack_flipper *flipper = argument;

	while (!__atomic_load_n(&flipper->stop, __ATOMIC_RELAXED)) {
		uint64_t random = host_random(&flipper->random);
		uint32_t place = random % flipper->count, *word = &flipper->words[place];
		uint32_t bit = 1u << (random >> 32) % 32;

		if (flipper->entry != 0 && place % flipper->entry == flipper->entry - 1)
			continue;
		__atomic_fetch_xor(word, bit, __ATOMIC_RELAXED);
		if (random >> 63)
			__atomic_fetch_xor(word, bit, __ATOMIC_RELAXED);
	}
	return NULL;
}

void attack_flip(struct attack_flipper *flipper, void *words, uint32_t bytes, uint32_t entry_bytes, uint64_t random)
{
	*flipper = (struct attack_flipper){
		.words = words,
		.count = bytes / sizeof(uint32_t),
		.entry = entry_bytes / sizeof(uint32_t),
		.random = random,
	};
	if (pthread_create(&flipper->thread, NULL, flip, flipper) != 0)
		host_fail("no thread");
}

void attack_stop_flipping(struct attack_flipper *flipper)
{
	__atomic_store_n(&flipper->stop, 1, __ATOMIC_RELAXED);
	pthread_join(flipper->thread, NULL);
}

/* ---- Program --------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(struct attack *attack);
} attacks[] = {
#define X(name, function, text) {name, function},
	ATTACK_TABLE(X)
#undef X
};

int main(int argc, char **argv)
{
	struct attack attack;

	if (argc < 6 || argc > 8)
		host_fail("usage: attack RUNTIME_DIR UPPER LOWER ATTACK SECONDS [SEED [QUEUES]]");
	attack = (struct attack){
		.dir = argv[1],
		.upper = argv[2],
		.lower = argv[3],
		.random = argc > 6 ? strtoull(argv[6], NULL, 10) : host_now_ms(),
		.end_ms = host_now_ms() + strtoull(argv[5], NULL, 10) * 1000,
	};
	if (argc > 7)
		host_want_queues((uint16_t)strtoul(argv[7], NULL, 10));
	printf("attack %s, seed %llu\n", argv[4], (unsigned long long)attack.random);
	fflush(stdout);
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		if (strcmp(attacks[i].name, argv[4]) != 0)
			continue;
		attacks[i].run(&attack);
		attack_expect_service(&attack);
		return 0;
	}
	host_fail("there is no attack '%s'", argv[4]);
}
