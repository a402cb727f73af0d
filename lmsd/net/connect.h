/* net/connect.h - a TCP connection within a time, by name or number, that can be called off.
 *
 * getaddrinfo() cannot be interrupted: a name is resolved by a thread of its own, which is left to
 * finish alone when the time is over.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A connected blocking socket, or -LMS_EOFFLINE / -LMS_EFAILED (called off) with the reason; errno
 * tells it too, EADDRNOTAVAIL for a name that resolves to nothing.
 * `cancel_fd` (-1 = none): gives up as soon as it is readable. */
int connect_host(const char *host, int port, int64_t timeout_us, int cancel_fd, char *text,
		 size_t text_size);
