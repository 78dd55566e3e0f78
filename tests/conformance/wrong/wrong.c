/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of the catalogue, tried: see wrong.h. */
#include <stdio.h>
#include <string.h>

#include "wrong.h"

#define PACKETS_MAX   16u
#define PATIENCE_MS   20u /* of the wrong one alone, where what it does is that something does not end */
#define FIRST_HANDLER offsetof(struct im_miniport_characteristics, initialize)

_Static_assert(FIRST_HANDLER == offsetof(struct im_protocol_characteristics, bind_adapter),
	       "both tables begin with the same version");

bool wrong;
struct rig_driver right;

static const struct wrong *row; /* that is tried */
static struct im_packet *packets[PACKETS_MAX];
static uint32_t packet_count;

/* ---- Packets ------------------------------------------------------------------------------------- */

struct im_packet *wrong_packet(void)
{
	if (packet_count == PACKETS_MAX)
		rig_broken("too many packets for one scene");
	packets[packet_count] = rig_packet(RIG_LEVELS_MAX, 100, 0);
	return packets[packet_count++];
}

/* Whoever has lost one has it no more. */
static void free_packets(void)
{
	while (packet_count > 0) {
		packets[--packet_count]->depth = 0;
		rig_packets_free(&packets[packet_count], 1);
	}
}

/* ---- Drivers ------------------------------------------------------------------------------------- */

static struct rig_driver *driver_of(const char *name)
{
	struct rig_driver *const drivers[] = {rig.nic, rig.mid, rig.top};

	for (size_t i = 0; i < RTE_DIM(drivers); i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	rig_broken("there is no such driver");
}

/* The handlers that a row has, over those that the driver had. */
static void replace(void *table, const void *own, size_t size)
{
	for (size_t at = FIRST_HANDLER; at < size; at += sizeof(void *))
		if (memcmp((const uint8_t *)own + at, &(void *){NULL}, sizeof(void *)) != 0)
			memcpy((uint8_t *)table + at, (const uint8_t *)own + at, sizeof(void *));
}

static void make_driver(void)
{
	struct rig_driver *driver = driver_of(row->driver);

	right = *driver;
	replace(&driver->miniport, &row->miniport, sizeof(driver->miniport));
	replace(&driver->protocol, &row->protocol, sizeof(driver->protocol));
	if (row->change != NULL)
		row->change(driver);
}

/* ---- Trying -------------------------------------------------------------------------------------- */

static void play(void)
{
	struct host_options options = {.workers = row->workers, .verify = im_verify_defaults};

	options.verify.action = row->stops && wrong ? IM_VERIFY_STOP : IM_VERIFY_COUNT;
	if (row->stops && wrong)
		options.verify.wait_limit_ms = PATIENCE_MS;
	rig_begin(&options, row->nic_variant);
	make_driver();
	row->scene();
	host_settle();
	rig_end();
	free_packets();
}

static void play_wrong(void)
{
	wrong = true;
	play();
}

static void expect_none(void)
{
	if (im_violations() != 0)
		fail_msg("right, where another one %s, but: %s", row->does, im_last_violation());
}

static void expect_one(void)
{
	char beginning[128];

	snprintf(beginning, sizeof(beginning), "im-contract [%s] violated by driver '%s': ", row->statement,
		 row->driver);
	if (im_violations() != 1 || strncmp(im_last_violation(), beginning, strlen(beginning)) != 0)
		fail_msg("'%s' %s [%s]: %u violations, the last '%s'", row->driver, row->does, row->statement,
			 (unsigned)im_violations(), im_last_violation());
}

static void try_row(void)
{
	wrong = false;
	play();
	expect_none();
	if (row->stops) {
		host_expect_stop_by(row->statement, row->driver, play_wrong);
		return;
	}
	play_wrong();
	expect_one();
}

void wrong_try_all(const struct wrong *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		row = &rows[i];
		try_row();
	}
}
