/* control/dispatch.h - from a verb's number to its handler. */
#pragma once

#include "hall.h"

/* Calls the verb's handler with the decoded arguments. */
int ctl_dispatch(struct ctl_call *call, const void *args);
