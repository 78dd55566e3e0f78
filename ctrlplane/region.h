/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the shared regions come from. On a machine without the card a region is a memfd; on a card it is a window of
 * the BAR, behind this same interface.
 *
 * A memfd is sealed before anyone else sees it: SHRINK and GROW, since a host's ftruncate() would turn the
 * card's next access into SIGBUS; SEAL, since a seal added later is a game of its own; and FUTURE_WRITE
 * where the card is the writer, so that the host can neither map it writable nor write() to it.
 */
#ifndef CTRLPLANE_REGION_H
#define CTRLPLANE_REGION_H

#include <stddef.h>
#include <stdint.h>

enum region_writer {
	REGION_CARD, /* mapped writable here, read-only for the host */
	REGION_HOST, /* mapped read-only here */
};

/** A shared region. One that is all zero is absent, and may be destroyed. */
struct region {
	void *base;
	size_t size; /* bytes */
	int fd;	     /* to hand over; -1 once given up */
};

/**
 * Makes a zeroed region of @p size bytes (a multiple of 4096) and maps it. @p name is what /proc shows.
 *
 * @return 0 or -errno; on failure @p region is absent
 */
int region_create(struct region *region, const char *name, size_t size, enum region_writer writer);

/** Maps @p size bytes at @p offset of @p fd, which stays the caller's. What the card writes is mapped writable. It has
 * no seals: when the file is cut the window turns into zeros (memory/guard.h). 0 or -errno. */
int region_window(struct region *region, int fd, uint64_t offset, size_t size, enum region_writer writer);

/** Closes the descriptor; the mapping stays. */
void region_close_fd(struct region *region);

/** Unmaps and closes; the region is absent afterwards. Who has it mapped elsewhere keeps it. */
void region_destroy(struct region *region);

#endif
