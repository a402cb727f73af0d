/* control/ctl_socket.h - the control socket as a file: its directory, its mode, a dead lmsd's left-over. */
#pragma once

#include "base/diag.h"

/* A listening, non-blocking Unix stream socket at path, mode 0666. As ctl_listener_new() on errors. */
int ctl_socket_bind(const char *path, int *out_fd, struct diag *diag);
