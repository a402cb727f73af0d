/* lmsctl/help.h - how a command is written, derived from its row: for help, manual and completion.
 */
#pragma once

#include "lmsctl/lmsctl.h"

/* "zone set ID [KEY=VALUE…]" */
const char *help_synopsis(const struct ctl_verb_desc *v, struct arena *arena);
/* "A", "A or L1,L2,L3", "a|b|c" …: what a value looks like. */
const char *help_value(const struct field *f);
/* "mA", "three of mA", "RFC 3339" …: what JSON holds. */
const char *help_raw(const struct field *f);
/* Is it a command for people? Watches are for programs: people write -w. */
bool help_lists(const struct ctl_verb_desc *v);
bool help_has_verbs(const struct ctl_noun_desc *n);	/* any such */
/* "operator or technician" */
const char *help_roles(enum ctl_least role, struct arena *arena);
