/* control/ctl_socket.h - the control socket as a file. */
#pragma once

#include "base/diag.h"

/* A listening Unix stream socket at path, mode 0666. Errors as of ctl_listener_new(). */
int ctl_socket_bind(const char *path, int *out_fd, struct diag *diag);
