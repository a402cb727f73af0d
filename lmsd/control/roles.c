/* control/roles.c - Unix groups to roles. Group ids are looked up once per connection: groups are
 * created and filled while lmsd runs.
 */
#include "control/roles.h"

#include <grp.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/types.h"

static const struct {
	const char *group;
	const char *name;
	enum ctl_role role;
} roles[] = {
	{ "lms-admin", "admin", CTL_ROLE_ADMIN },
	{ "lms-operator", "operator", CTL_ROLE_OPERATOR },
	{ "lms-technician", "technician", CTL_ROLE_TECHNICIAN },
	{ "lms-view", "view", CTL_ROLE_VIEW },
};

static bool roles_has_group(const struct ctl_peer_cred *cred, const char *group)
{
	char mem[4096];
	struct group gr, *found = NULL;

	if (getgrnam_r(group, &gr, mem, sizeof(mem), &found) != 0 || found == NULL)
		return false;
	if (cred->gid == gr.gr_gid)
		return true;
	for (size_t i = 0; i < cred->group_count; i++)
		if (cred->groups[i] == gr.gr_gid)
			return true;
	return false;
}

unsigned roles_of_peer(const struct ctl_peer_cred *cred, uid_t self, bool public_view)
{
	unsigned set = public_view ? CTL_ROLE_VIEW : 0;

	if (cred->uid == 0 || cred->uid == self)
		return CTL_ROLE_ADMIN | CTL_ROLE_OPERATOR | CTL_ROLE_TECHNICIAN | CTL_ROLE_VIEW;
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (roles_has_group(cred, roles[i].group))
			set |= roles[i].role;
	return set;
}

void roles_text(unsigned set, struct buf *out)
{
	const char *sep = "";

	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if (!(set & roles[i].role))
			continue;
		buf_printf(out, "%s%s", sep, roles[i].name);
		sep = ",";
	}
	if (*sep == '\0')
		buf_puts(out, "none");
}

const char *roles_group_for(enum ctl_least least)
{
	switch (least) {
	case CTL_VIEW:
		return "lms-view";
	case CTL_OPERATOR:
		return "lms-operator";
	case CTL_TECHNICIAN:
		return "lms-technician";
	case CTL_STAFF:
		return "lms-operator or lms-technician";
	case CTL_ADMIN:
		break;
	}
	return "lms-admin";
}

int roles_check(const struct ctl_verb_desc *verb, unsigned have, unsigned uid, struct diag *diag)
{
	struct buf text;

	if (have & (unsigned)verb->role)
		return 0;
	buf_init(&text);
	roles_text(have, &text);
	diag_set(diag, -LMS_EROLE, "%s needs membership of group %s; uid %u has role %s "
		 "(a new membership counts from the next login)", verb->method,
		 roles_group_for(verb->role), uid, buf_cstr(&text));
	buf_fini(&text);
	return -LMS_EROLE;
}
