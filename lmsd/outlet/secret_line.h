/* outlet/secret_line.h - a password that a file of the boot configuration holds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Its first line, without the line's end. false: it cannot be read, or is empty. The caller cleanses `out`. */
bool secret_line(const char *file, char *out, size_t size);
