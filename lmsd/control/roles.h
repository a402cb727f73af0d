/* control/roles.h - who may do what: from the kernel's word on the peer to a set of roles. */
#pragma once

#include "base/buf.h"
#include "control/listener.h"
#include "ctl/ctl.h"

/* Set of enum ctl_role. root and `self` (the user of lmsd) are administrators; the groups lms-admin,
 * lms-operator, lms-technician and lms-view give theirs; public_view gives view to everyone. */
unsigned roles_of_peer(const struct ctl_peer_cred *cred, uid_t self, bool public_view);
/* "admin", "operator,technician", "" */
void roles_text(unsigned roles, struct buf *out);
/* 0, or -LMS_EROLE with diag naming the group that the verb needs. */
int roles_check(const struct ctl_verb_desc *verb, unsigned have, unsigned uid, struct diag *diag);
/* The group whose members may call a verb: "lms-technician". */
const char *roles_group_for(enum ctl_least least);
