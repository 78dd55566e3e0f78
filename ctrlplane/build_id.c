/* SPDX-License-Identifier: BSD-3-Clause */
#include "build_id.h"

#include <link.h>
#include <string.h>

#define ALIGNED(size) (((size_t)(size) + 3) / 4 * 4)

static void take_from_notes(const char *note, size_t length, uint8_t *id)
{
	while (length >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *header = (const void *)note;
		size_t name = sizeof(*header), content = name + ALIGNED(header->n_namesz);
		size_t whole = content + ALIGNED(header->n_descsz);

		if (whole > length)
			return;
		if (header->n_type == NT_GNU_BUILD_ID && header->n_namesz == 4 && memcmp(note + name, "GNU", 4) == 0)
			memcpy(id, note + content, header->n_descsz < BUILD_ID_SIZE ? header->n_descsz : BUILD_ID_SIZE);
		note += whole;
		length -= whole;
	}
}

/* The first object is the program itself: stop there. */
static int take(struct dl_phdr_info *info, size_t size, void *id)
{
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_NOTE)
			take_from_notes((const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr),
					info->dlpi_phdr[i].p_memsz, id);
	return 1;
}

void build_id_read(uint8_t id[BUILD_ID_SIZE])
{
	memset(id, 0, BUILD_ID_SIZE);
	dl_iterate_phdr(take, id);
}
