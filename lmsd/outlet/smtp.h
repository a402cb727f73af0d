/* outlet/smtp.h - hands one mail to a mail server, by libcurl. Blocks: for a thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/types.h"

struct smtp_server {
	const char *url;	/* smtp://host:587 or smtps://host:465 */
	bool plain;		/* smtp:// without STARTTLS is wanted; else it is required */
	const char *ca;		/* PEM file; NULL = those of the system */
	const char *user;	/* NULL = none */
	const char *password;	/* file; NULL = none */
	const char *from;
};

struct smtp_mail {
	const char *to, *subject, *body;	/* UTF-8 */
	const char *message_id;			/* "12.1700000000" */
	wall_t date;
};

enum smtp_end { SMTP_SENT, SMTP_LATER, SMTP_REFUSED };

/* Once, before threads are. */
void smtp_init(void);
/* At most a minute; cancelled() is asked every second or so and ends it at once. `why` says what went wrong. */
enum smtp_end smtp_send(const struct smtp_server *server, const struct smtp_mail *mail, bool (*cancelled)(void *ctx),
			void *ctx, char *why, size_t size);
