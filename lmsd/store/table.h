/* store/table.h - names of the stored tables, from records.def. Known to the pure rooms too. */
#pragma once

enum store_table {
#define REC_TABLE(name, text, key, help) STORE_##name,
#define REC_FIELD(table, name, type, help)
#include "store/records.def"
#undef REC_TABLE
#undef REC_FIELD
	STORE_TABLE_COUNT
};
