/* hall/commission/scan.h - the scan that runs, or the last one: sense keeps it. */
#pragma once

struct meter_scan;

void meter_scan_free(struct meter_scan *sc);	/* after its bus was ended; NULL is fine */
