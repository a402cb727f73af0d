/* export/out_file.h - a file that is there when it is whole: written as NAME.part, then renamed.
 *
 * Until then an interrupt takes it away.
 */
#pragma once

#include "base/diag.h"

struct out_file {
	const char *path;	/* borrowed */
	char part[4096];
};

/* Makes the empty NAME.part. 0, or -LMS_ECANTCREAT. One at a time. */
int out_file_begin(struct out_file *f, const char *path, struct diag *d);
/* On the disk and under its name; or gone. */
int out_file_end(struct out_file *f, bool keep, struct diag *d);
