/* balance/ids.c - what a balance was configured with, for those that have only the balance: a clone, a replay. */
#include "balance/model.h"

#include <string.h>

size_t balance_conn_count(const struct balance *b)
{
	return b->conn_count;
}

size_t balance_zone_count(const struct balance *b)
{
	return b->zone_count;
}

const char *balance_conn_id(const struct balance *b, uint32_t conn)
{
	return b->conns[conn].conf.id;
}

const char *balance_zone_id(const struct balance *b, int zone)
{
	return b->zones[zone].conf.id;
}

int balance_zone_find(const struct balance *b, const char *id)
{
	for (size_t i = 0; i < b->zone_count; i++)
		if (!b->zones[i].conf.of_station && strcmp(b->zones[i].conf.id, id) == 0)
			return (int)i;
	return -1;
}

int balance_conn_zone(const struct balance *b, uint32_t conn)
{
	return b->conns[conn].conf.zone;
}

int balance_zone_parent(const struct balance *b, int zone)
{
	return b->zones[zone].conf.parent;
}

enum bal_use balance_conn_use(const struct balance *b, uint32_t conn)
{
	return b->conns[conn].use;
}

bool balance_conn_below(const struct balance *b, uint32_t conn, int zone)
{
	int z = b->conns[conn].conf.zone;

	while (z >= 0 && z != zone)
		z = b->zones[z].conf.parent;
	return z == zone;
}
