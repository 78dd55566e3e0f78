/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One client of the broker behind memory that is a PCI device's to its host (abi/bar.h): an ivshmem file, for one. The
 * client is one of the broker's like any other, but that its regions are windows of that memory, and that its HELLO and
 * its kicks are looked for instead of waited for.
 *
 * Level: PASSIVE, the thread of the broker.
 */
#ifndef CTRLPLANE_BAR_H
#define CTRLPLANE_BAR_H

#include "abi/bar.h"
#include "region.h"

#define BAR_LOOK_MS 1 /* between two looks */

struct broker;
struct broker_bar;

/** Lays the regions out in @p path, and says so in its table. NULL with one line for people in @p error. */
struct broker_bar *bar_create(const char *path, char *error, size_t error_size);

/** Takes the card's magic out; its client has been hung up. NULL does nothing. */
void bar_destroy(struct broker_bar *bar);

/** Looks for HELLO, goodbye and kicks, and keeps INFO up to date. Where the file was cut, or the card's magic
 * is not there any more, its client is hung up, which an event says, and from then on nothing is looked for. */
void bar_turn(struct broker *broker);

/** Maps a region, at least @p size bytes of it. 0, -ENOSPC or -errno. */
int bar_window(const struct broker_bar *bar, uint16_t id, size_t size, struct region *region);

/** Bytes of a region; 0: there is none. */
uint64_t bar_room(const struct broker_bar *bar, uint16_t id);

#endif
