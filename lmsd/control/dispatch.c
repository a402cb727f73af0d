/* control/dispatch.c - the table of handlers, expanded from ctl/nouns.def: a missing one does not link. */
#include "control/dispatch.h"

#define CTL_VERB(n, v, role, result, help) \
	static int call_##n##_##v(struct ctl_call *call, const void *args) \
	{ \
		return ctl_##n##_##v(call, args); \
	}
#include "ctl/nouns.def"
#include "ctl/undef.h"

static int (*const handlers[CTL_VERB_COUNT])(struct ctl_call *, const void *) = {
#define CTL_VERB(n, v, role, result, help) [CTL_VERB_##n##_##v] = call_##n##_##v,
#include "ctl/nouns.def"
#include "ctl/undef.h"
};

int ctl_dispatch(struct ctl_call *call, const void *args)
{
	return handlers[call->verb->id](call, args);
}
