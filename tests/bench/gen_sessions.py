#!/usr/bin/env python3
"""gen_sessions.py [--seed N] [--days N] [--sessions N] [--stations N] - a generated month, as CSV.

Work days and homes mixed: arrivals around 8 h and 18 h, stays of hours to a night, 40 % three-phase
cars (11 or 22 kW), the rest on one phase (the stations rotate theirs over L1, L2, L3), 16 or 32 A.
The same seed gives the same file.
"""
import argparse
import random


def sessions(rnd, days, count, stations):
    busy_until = [0] * stations
    arrivals = []
    for _ in range(count):
        day = rnd.randrange(days)
        weekend = day % 7 >= 5
        kind = rnd.choices(("work", "home", "visit"), (2, 5, 3) if weekend else (6, 3, 2))[0]
        if kind == "work":
            at, stay = rnd.gauss(8.3, 1.0), rnd.gauss(8.0, 1.8)
        elif kind == "home":
            at, stay = rnd.gauss(18.2, 1.7), rnd.gauss(12.5, 2.5)
        else:
            at, stay = rnd.uniform(9, 20), rnd.uniform(0.5, 4)
        arrivals.append((int((day * 24 + max(at, 0)) * 3600), int(max(stay, 0.3) * 3600)))
    for at, stay in sorted(arrivals):
        free = [s for s in range(stations) if busy_until[s] <= at]
        if not free:
            continue
        station = rnd.choice(free)
        busy_until[station] = at + stay + rnd.randrange(60, 900)
        three = rnd.random() < 0.4
        phases = "123" if three else str(station % 3 + 1)
        amps = rnd.choices((16, 32), (3, 1) if three else (1, 2))[0]
        kw = 0.23 * amps * len(phases)
        energy = min(rnd.lognormvariate(2.75, 0.65), 75, 0.98 * kw * stay / 3600)
        yield at, at + stay, int(energy * 1000), f"S{station + 1:02}", phases, amps


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--days", type=int, default=30)
    p.add_argument("--sessions", type=int, default=2000)
    p.add_argument("--stations", type=int, default=60)
    a = p.parse_args()
    print("arrival_s,departure_s,energy_wh,station,phases,max_a")
    for row in sessions(random.Random(a.seed), a.days, a.sessions, a.stations):
        print(*row, sep=",")


main()
