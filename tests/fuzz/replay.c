/* SPDX-License-Identifier: BSD-3-Clause */
/* Feeds each file of a corpus folder to a fuzzing harness: what fuzzing found once is tested for ever. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	long size;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
		fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
		return -1;
	}
	rewind(file);
	data = malloc((size_t)size); /* of the exact size, so that the sanitizer sees a read beyond it */
	if ((data == NULL && size > 0) || fread(data, 1, (size_t)size, file) != (size_t)size) {
		fprintf(stderr, "replay: %s: cannot be read\n", path);
		return -1;
	}
	fclose(file);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int count, replayed = 0;

	if (argc != 2 || (count = scandir(argv[1], &entries, NULL, alphasort)) < 0) {
		fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	for (int i = 0; i < count; i++) {
		char path[4096];

		if (entries[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", argv[1], entries[i]->d_name);
			if (replay(path) != 0)
				return 1;
			replayed++;
		}
		free(entries[i]);
	}
	free(entries);
	printf("%d inputs replayed\n", replayed);
	return replayed > 0 ? 0 : 1; /* an empty corpus tests nothing */
}
