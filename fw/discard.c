/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "discard.h"
#include "im/level.h"

/* From discard.ld: whole pages, which nothing relocates, so that they are in memory as they are in the file. */
extern char im_init_begin[], im_init_end[];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users = 1; /* under the lock; the first is the boot */
static bool mapped = true; /* under the lock */

size_t init_size(void)
{
	return (size_t)(im_init_end - im_init_begin);
}

/* Called for the program first: stop there. */
IM_PASSIVE static int find_offset(struct dl_phdr_info *info, size_t size, void *offset)
{
	(void)size;
	for (uint16_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t at = (uintptr_t)im_init_begin - (info->dlpi_addr + segment->p_vaddr);

		if (segment->p_type == PT_LOAD && at < segment->p_filesz)
			*(off_t *)offset = (off_t)(segment->p_offset + at);
	}
	return 1;
}

/* The file that runs, even if its name belongs to another one by now. Returns a descriptor or -errno. */
IM_PASSIVE static int open_image(off_t *offset)
{
	int image = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	*offset = -1;
	dl_iterate_phdr(find_offset, offset);
	if (image >= 0 && *offset < 0) {
		close(image);
		return -ENOEXEC;
	}
	return image >= 0 ? image : -errno;
}

IM_PASSIVE static int map(void)
{
	off_t offset;
	int image = open_image(&offset);
	int result = 0;

	if (image < 0)
		return image;
	if (mmap(im_init_begin, init_size(), PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, image, offset) ==
	    MAP_FAILED)
		result = -errno;
	close(image);
	return result;
}

/*
 * The place is kept, as a mapping without memory: a hole would be the next one's who asks the kernel for some, and
 * map() would overwrite that. The page cache has its copy for anybody who starts the file again, which is nobody.
 */
IM_PASSIVE static int unmap(void)
{
	off_t offset;
	int image;

	if (mmap(im_init_begin, init_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		return -errno;
	image = open_image(&offset);
	if (image >= 0) {
		posix_fadvise(image, offset, (off_t)init_size(), POSIX_FADV_DONTNEED);
		close(image);
	}
	return 0;
}

IM_PASSIVE int init_map(void)
{
	int result = 0;

	pthread_mutex_lock(&lock);
	if (!mapped) {
		result = map();
		mapped = result == 0;
	}
	if (result == 0)
		users++;
	pthread_mutex_unlock(&lock);
	return result;
}

IM_PASSIVE int init_discard(void)
{
	int result = 0;

	pthread_mutex_lock(&lock);
	if (users == 0) {
		result = -EALREADY;
	} else if (--users == 0) {
		result = unmap();
		mapped = result != 0;
	}
	pthread_mutex_unlock(&lock);
	return result;
}
