/* lmsd/doc.h - the tables of the manual pages that lmsd knows. */
#pragma once

/* `lmsd --doc keys|reasons|variables`: prints mdoc. 0 or -LMS_EUSAGE. */
int doc_print(const char *part);
