/* store/table.h - names of the stored tables, from records.def. Known to the pure rooms too. */
#pragma once

enum store_table {
#define REC(table, name, key, help) STORE_##table,
#define REC_FIELD(table, member, type, help)
#include "store/records.def"
#undef REC
#undef REC_FIELD
	STORE_TABLE_COUNT
};
