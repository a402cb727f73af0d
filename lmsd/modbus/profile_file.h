/* modbus/profile_file.h - meter profiles from files in libconfig's syntax (etc/meters).
 *
 * Errors name file, line and key, and what to do; an unknown key is an error.
 */
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "meter/profile.h"

/* One file, checked. The caller frees *out with profile_free(). 0; -LMS_ENOINPUT when it cannot be
 * read; -LMS_ECONFIG. */
int profile_load_file(const char *path, struct meter_profile **out, struct diag *d);

/* Whose a directory is: the installer's is read first, and his profiles stand in for shipped ones. */
enum profile_origin { PROFILE_SITE, PROFILE_SHIPPED };

/* Every *.conf of a directory, in order of name, into the set. A bad file, or one whose model is
 * already there, is handed to `bad` (may be NULL) and skipped; a shipped one in whose place there is
 * one of the installer is skipped quietly. Returns how many were loaded, or -LMS_ENOINPUT with diag
 * when the directory cannot be read. */
int profile_load_dir(const char *dir, enum profile_origin origin, struct profile_set *set,
		     void (*bad)(void *ctx, const struct diag *d), void *ctx, struct diag *d);

/* The keys as lists of mdoc, for lmsd-meters(5). */
void profile_doc_device(struct buf *out);
void profile_doc_variable(struct buf *out);
