/* modbus/profile_file.h - meter profiles from files in libconfig's syntax (etc/meters).
 *
 * Errors name file, line and key, and what to do; an unknown key is an error.
 */
#pragma once

#include "base/diag.h"
#include "meter/profile.h"

/* One file, checked. The caller frees *out with profile_free(). 0; -LMS_ENOINPUT when it cannot be
 * read; -LMS_ECONFIG. */
int profile_load_file(const char *path, struct meter_profile **out, struct diag *d);

/* Every *.conf of a directory, in order of name, into the set. A bad file, or one whose model is
 * already there, is handed to `bad` (may be NULL) and skipped. Returns how many were loaded, or
 * -LMS_ENOINPUT with diag when the directory cannot be read. */
int profile_load_dir(const char *dir, struct profile_set *set,
		     void (*bad)(void *ctx, const struct diag *d), void *ctx, struct diag *d);
