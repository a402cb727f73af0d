/* site/mail/mail_parts.h - private to the mails. */
#pragma once

#include "site/mail/mail.h"

struct mails {
	struct mail *first;
	size_t count;
	uint64_t last;
	mono_t tell_due;	/* what alerts have to tell is told then; 0 = nothing waits */
	mono_t told_last;	/* 0 = never */
};

struct mails *mails_of(struct site *s);
