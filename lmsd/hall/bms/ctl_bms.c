/* hall/bms/ctl_bms.c - bms show, map: the server, and what is at which address on this site. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "hall/bms/bms.h"
#include "site/control/ctl_site_util.h"

static const struct bms *bms_of(const struct ctl_call *c)
{
	return ((const struct app *)((const char *)c->hall - offsetof(struct app, hall)))->bms;
}

int ctl_bms_show(struct ctl_call *c, const struct ctl_bms_show_args *a)
{
	const struct bms *b = bms_of(c);
	struct modbus_server_counts n;
	struct ctl_bms rec;

	(void)a;
	ctl_record_clear(&ctl_nouns[CTL_NOUN_bms], &rec);
	rec.write = b->app->boot.bms_write == BOOT_BMS_WRITE_YES;
	rec.allow = b->app->boot.bms_allow;
	if (b->server == NULL)
		return ctl_answer_record(c, &rec);
	modbus_server_counts(b->server, &n);
	rec.listen = b->listen;
	rec.clients = n.clients;
	rec.requests = (int64_t)n.requests;
	rec.exceptions = (int64_t)n.exceptions;
	rec.writes = (int64_t)n.writes;
	rec.refused = (int64_t)n.refused;
	rec.unmapped = b->unmapped;
	return ctl_answer_record(c, &rec);
}

/* ---- the map ----------------------------------------------------------------------------------------------- */

struct page {
	struct ctl_call *c;
	size_t left;
	int64_t after;		/* address of the last of the page before */
	int64_t last;		/* of this page */
	bool more;
};

static void put_reg(struct page *p, const struct bms_reg *r, int number, const char *id)
{
	int64_t address = (int64_t)bms_address(r->kind, number) + r->offset;
	struct ctl_bms_register rec;

	if (address <= p->after)
		return;
	if (p->left == 0) {
		p->more = true;
		return;
	}
	p->left--;
	p->last = address;
	ctl_record_clear(&ctl_nouns[CTL_NOUN_bms_register], &rec);
	rec.address = address;
	rec.registers = bms_type_words(r->type);
	rec.type = bms_type_name(r->type);
	rec.access = bms_reg_writable(r) ? "rw" : "r";
	rec.kind = bms_blocks[r->kind].name;
	rec.id = *id ? id : NULL;
	rec.number = number;
	rec.name = r->name;
	rec.unit = *r->unit ? r->unit : NULL;
	rec.text = r->help;
	ctl_answer_item(p->c, &rec);
}

static void put_kind(struct page *p, const struct bms *b, enum bms_kind kind)
{
	bool one = kind == BMS_site || kind == BMS_grid;
	int top = one ? 1 : bms_number_top(b->numbers, kind);

	for (int number = 1; number <= top && !p->more; number++) {
		const char *id = one ? "" : bms_number_id(b->numbers, kind, number);

		if (id == NULL || !bms_is_there(b->app->hall.site, kind, id) ||
		    (int64_t)bms_address(kind, number) + bms_blocks[kind].stride <= p->after)
			continue;
		for (size_t i = 0; i < bms_reg_count; i++)
			if (bms_regs[i].kind == kind)
				put_reg(p, &bms_regs[i], number, id);
	}
}

int ctl_bms_map(struct ctl_call *c, const struct ctl_bms_map_args *a)
{
	const struct bms *b = bms_of(c);
	struct page p = { .c = c, .left = ctl_page_limit(a->limit), .after = -1 };
	char next[24];

	if (a->cursor && parse_int(a->cursor, 0, BMS_WORDS, &p.after, NULL))
		return diag_set(&c->diag, -LMS_EUSAGE, "cursor: '%.60s' is not of a page before", a->cursor);
	if (b->server == NULL)
		return diag_set(&c->diag, -LMS_ECONFIG, "the server is off: objects get their addresses when it is on "
				"(bms.listen in lmsd.conf)");
	ctl_answer_list(c);
	for (int kind = 0; kind < BMS_KINDS; kind++)
		if (!a->kind || strcmp(a->kind, bms_blocks[kind].name) == 0)
			put_kind(&p, b, (enum bms_kind)kind);
	snprintf(next, sizeof(next), "%lld", (long long)p.last);
	return ctl_answer_list_end(c, p.more ? next : NULL);
}
