/* outlet/secret_line.c - see secret_line.h. Read anew whenever it is needed: it may have been changed. */
#include "outlet/secret_line.h"

#include <stdio.h>
#include <string.h>

bool secret_line(const char *file, char *out, size_t size)
{
	FILE *f = fopen(file, "re");
	bool is = f != NULL && fgets(out, (int)size, f) != NULL;

	if (f != NULL)
		fclose(f);
	if (is)
		out[strcspn(out, "\r\n")] = '\0';
	return is;
}
