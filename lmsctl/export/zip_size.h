/* export/zip_size.h - what a zip archive says that its members are when unpacked. */
#pragma once

#include <stdint.h>

/* Bytes of all members whose names begin with `prefix`; -1: it is no whole zip archive. */
int64_t zip_size(const char *path, const char *prefix);
