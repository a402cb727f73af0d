/* export/zip_size.c - reads the directory at the end of a zip archive (APPNOTE 4.3.12 and 4.3.16), as far as archives
 * without a comment go that were just written.
 */
#include "lmsctl/export/zip_size.h"

#include <stdio.h>
#include <string.h>

#define END_SIZE 22
#define ENTRY_SIZE 46

static uint32_t number(const unsigned char *p, int bytes)
{
	uint32_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | p[bytes];
	return v;
}

/* One entry: its name and what follows are left behind. 0 or -1. */
static int read_entry(FILE *f, const char *prefix, int64_t *sum)
{
	unsigned char entry[ENTRY_SIZE];
	char name[300] = "";
	size_t len;

	if (fread(entry, 1, sizeof(entry), f) != sizeof(entry) || number(entry, 4) != 0x02014b50)
		return -1;
	len = number(entry + 28, 2);
	if (len >= sizeof(name) || fread(name, 1, len, f) != len ||
	    fseek(f, (long)(number(entry + 30, 2) + number(entry + 32, 2)), SEEK_CUR) != 0)
		return -1;
	if (strncmp(name, prefix, strlen(prefix)) == 0)
		*sum += number(entry + 24, 4);
	return 0;
}

int64_t zip_size(const char *path, const char *prefix)
{
	unsigned char end[END_SIZE];
	FILE *f = fopen(path, "re");
	int64_t sum = 0;
	uint32_t count;

	if (!f)
		return -1;
	if (fseek(f, -END_SIZE, SEEK_END) != 0 || fread(end, 1, sizeof(end), f) != sizeof(end) ||
	    number(end, 4) != 0x06054b50 || fseek(f, (long)number(end + 16, 4), SEEK_SET) != 0) {
		fclose(f);
		return -1;
	}
	for (count = number(end + 10, 2); count > 0 && sum >= 0; count--) {
		if (read_entry(f, prefix, &sum))
			sum = -1;
	}
	fclose(f);
	return sum;
}
