/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends that come while the card goes: at each moment at which another thread could send, one is sent. */
#include <errno.h>
#include <pthread.h>

#include "rig.h"

#define QUEUES	2u
#define SENDS	1024u
#define EARLIER 100u /* frames that the card took before: as far its index had come */

int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);

static __thread struct rig *intruder; /* NULL: nobody sends between */
static struct sluice_send *sends[SENDS];
static unsigned given;

static void send_some(struct rig *rig, unsigned queue, unsigned number)
{
	for (unsigned i = 0; i < number; i++) {
		assert_true(given < SENDS);
		sends[given] = send_make(60, (uint8_t)given);
		sluice_miniport_send(rig->a.protocol, queue, &sends[given++], 1);
	}
}

/* Whoever waited for the lock could have it now. */
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	int result = __real_pthread_mutex_unlock(mutex);
	struct rig *rig = intruder;

	intruder = NULL;
	for (unsigned queue = 0; queue < QUEUES && rig != NULL; queue++)
		send_some(rig, queue, 1);
	intruder = rig;
	return result;
}

static unsigned take_all(struct rig *rig, unsigned queue)
{
	uint8_t frame[SLUICE_DATA_BUFFER];
	struct sluice_frame_meta meta;
	unsigned taken = 0;

	while (card_take(&rig->card, queue, frame, &meta) > 0)
		taken++;
	while (sluice_miniport_poll(rig->miniport, queue, 64) > 0)
		;
	return taken;
}

static void start(struct rig *rig)
{
	given = 0;
	rig_start(rig);
	for (unsigned queue = 0; queue < QUEUES; queue++) {
		for (unsigned i = 0; i < EARLIER; i += 20) {
			send_some(rig, queue, 20);
			assert_int_equal(take_all(rig, queue), 20);
		}
	}
	assert_int_equal(rig->a.completions, QUEUES * EARLIER);
}

/* The new card has taken far fewer frames than the old one; nothing is awaited in vain all the same. */
static void expect_all_back(struct rig *rig)
{
	unsigned before = given;

	assert_true(before > QUEUES * EARLIER);
	for (unsigned queue = 0; queue < QUEUES; queue++) {
		take_all(rig, queue);
		send_some(rig, queue, 2);
		assert_int_equal(take_all(rig, queue), 2);
	}
	assert_int_equal(rig->a.completions, given);
	for (unsigned i = before; i < given; i++)
		assert_int_equal(sends[i]->status, IM_STATUS_SUCCESS);
	for (unsigned i = 0; i < given; i++)
		send_free(sends[i]);
}

static void test_while_the_firmware_goes_and_comes(void **state)
{
	struct rig *rig = *state;

	start(rig);
	card_stop(&rig->card);
	intruder = rig;
	assert_int_equal(sluice_miniport_check(rig->miniport), -ENOTCONN);
	intruder = NULL;
	card_start(&rig->card);
	intruder = rig;
	assert_int_equal(sluice_miniport_reattach(rig->miniport, NULL), 0);
	intruder = NULL;
	expect_all_back(rig);
}

static void test_while_it_is_reset(void **state)
{
	struct rig *rig = *state;

	start(rig);
	intruder = rig;
	assert_int_equal(sluice_miniport_reset(rig->miniport), IM_STATUS_SUCCESS);
	intruder = NULL;
	expect_all_back(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(while_the_firmware_goes_and_comes),
		CASE(while_it_is_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
