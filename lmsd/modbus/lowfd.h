/* modbus/lowfd.h - descriptors below 1024, set aside at start: libmodbus aborts on higher ones.
 *
 * Its select() writes beyond the set for a descriptor of FD_SETSIZE or more. Stations may take all
 * other numbers; a bus gets its socket moved onto one of these. Any thread may call.
 */
#pragma once

struct lowfd;

/* Sets `count` aside. Some may be missing when low numbers are short: lowfd_move() tells then. */
struct lowfd *lowfd_new(int count);
void lowfd_free(struct lowfd *p);	/* after everything moved was given back; NULL is fine */

/* Moves an open descriptor onto a reserved number and returns that; `fd` is closed in every case.
 * -LMS_EIO when all are in use. */
int lowfd_move(struct lowfd *p, int fd);
/* Closes what is at the number and keeps the number. Negative ones are ignored. */
void lowfd_give_back(struct lowfd *p, int low);
