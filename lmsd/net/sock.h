/* net/sock.h - descriptors and listening sockets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

/* Descriptors from here up are for stations; libmodbus uses select() and needs those below. */
#define NET_FD_HIGH 1024

void net_raise_nofile(void);	/* soft limit to the hard one */

/* Takes fd and returns it at NET_FD_HIGH or above, or as it was when the limit forbids. */
int net_fd_high(int fd);

/* A listening non-blocking TCP socket into *fd and its port into *port. address: as in
 * struct ws_server_conf. 0, or a negative LMS_E… with diag. */
int net_listen(const char *address, int port, int *fd, int *bound_port, struct diag *diag);

#define NET_ADDR_MAX 64
/* The peer's address without port; IPv4 in IPv6 as plain IPv4. "?" when unknown. */
void net_peer_addr(int fd, char out[NET_ADDR_MAX]);
