/* SPDX-License-Identifier: MIT */
/*
 * Feeds files to a fuzzer's entry without libFuzzer: each file named on the command line,
 * and each file in each directory named. Each is given as a block of exactly its size, so
 * that a sanitizer sees the first byte read past its end. Fails if there was none. The
 * name is printed before the file is tried: the last one printed is the one that crashed.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rbe");
	uint8_t *data = malloc(size + (size == 0));
	int result = -1;

	printf("%s\n", path);
	fflush(stdout);
	if (file && data && fread(data, 1, size, file) == size) {
		LLVMFuzzerTestOneInput(data, size);
		result = 1;
	} else {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	}
	free(data);
	if (file) {
		fclose(file);
	}
	return result;
}

/* Returns how many files were replayed, or -1. */
static int replay(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	if (S_ISREG(st.st_mode)) {
		return replay_file(path, (size_t)st.st_size);
	}

	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	int total = count < 0 ? -1 : 0;
	for (int i = 0; i < count; i++) {
		char child[4096];
		int len =
			snprintf(child, sizeof(child), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && total >= 0) {
			int n = len < (int)sizeof(child) ? replay(child) : -1;
			total = n < 0 ? -1 : total + n;
		}
		free(entries[i]);
	}
	if (count >= 0) {
		free(entries);
	}
	return total;
}

int main(int argc, char **argv)
{
	int total = 0;
	for (int i = 1; i < argc; i++) {
		int n = replay(argv[i]);
		if (n < 0) {
			return 1;
		}
		total += n;
	}
	printf("%d inputs\n", total);
	return total > 0 ? 0 : 1;
}
