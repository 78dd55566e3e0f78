/* SPDX-License-Identifier: BSD-3-Clause */
#include "region.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory/guard.h"

/* The order matters: FUTURE_WRITE spares only mappings that are there already, and SEAL ends the sealing. */
static int map_and_seal(struct region *region, enum region_writer writer)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int protection = PROT_READ;

	if (writer == REGION_CARD) {
		seals |= F_SEAL_FUTURE_WRITE;
		protection |= PROT_WRITE;
	}
	if (ftruncate(region->fd, (off_t)region->size) != 0)
		return -errno;
	region->base = mmap(NULL, region->size, protection, MAP_SHARED, region->fd, 0);
	if (region->base == MAP_FAILED) {
		region->base = NULL;
		return -errno;
	}
	return fcntl(region->fd, F_ADD_SEALS, seals) == 0 ? 0 : -errno;
}

int region_create(struct region *region, const char *name, size_t size, enum region_writer writer)
{
	int error;

	*region = (struct region){.size = size, .fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)};
	if (region->fd < 0) {
		error = -errno;
		*region = (struct region){0};
		return error;
	}
	error = map_and_seal(region, writer);
	if (error != 0)
		region_destroy(region);
	return error;
}

int region_window(struct region *region, int fd, uint64_t offset, size_t size, enum region_writer writer)
{
	int protection = PROT_READ | (writer == REGION_CARD ? PROT_WRITE : 0);
	void *base = mmap(NULL, size, protection, MAP_SHARED, fd, (off_t)offset);
	int error;

	*region = (struct region){0};
	if (base == MAP_FAILED)
		return -errno;
	*region = (struct region){.base = base, .size = size, .fd = -1};
	error = guard_add(base, size, protection);
	if (error != 0)
		region_destroy(region);
	return error;
}

void region_close_fd(struct region *region)
{
	if (region->size != 0 && region->fd >= 0)
		close(region->fd);
	region->fd = -1;
}

void region_destroy(struct region *region)
{
	region_close_fd(region);
	if (region->base != NULL) {
		guard_remove(region->base);
		munmap(region->base, region->size);
	}
	*region = (struct region){0};
}
