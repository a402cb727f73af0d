/* base/mail_address.h - lists of mail addresses as people write them: "a@example.org, b@example.org". Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

#define MAIL_ADDRESS_MAX    120
#define MAIL_RECIPIENTS_MAX 10

/* 0, or -LMS_EDATA with diag; an empty list is fine. */
int mail_addresses_check(const char *list, struct diag *diag);
/* The n-th address of such a list into out; false: there is none. */
bool mail_address_at(const char *list, size_t n, char out[MAIL_ADDRESS_MAX + 1]);
