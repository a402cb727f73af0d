"""What simple rules would deliver to the same sessions, with perfect cars and stations: first come first
served, earliest departure first, round robin. One zone with one cap per phase."""
VOLT = 230
LEAST_A = 6
QUANTUM_S = 900
STEP_A = 2


def in_order(active, cap):
    room = {"1": cap, "2": cap, "3": cap}
    out = []
    for c in active:
        x = min([c.max_a] + [room[k] for k in c.phases])
        x = x if x >= LEAST_A else 0
        for k in c.phases:
            room[k] -= x
        out.append(x)
    return out


def round_robin(active, cap):
    room = {"1": cap, "2": cap, "3": cap}
    x = [0] * len(active)
    moving = list(range(len(active)))
    step = LEAST_A
    while moving:
        still = []
        for i in moving:
            c = active[i]
            more = min([step, c.max_a - x[i]] + [room[k] for k in c.phases])
            if more <= 0 or (not x[i] and more < LEAST_A):
                continue
            x[i] += more
            for k in c.phases:
                room[k] -= more
            still.append(i)
        moving, step = still, STEP_A
    return x


class Car:
    __slots__ = ("s", "phases", "max_a", "left", "watts")

    def __init__(self, s):
        self.s, self.phases, self.max_a, self.left = s, s.phases, s.max_a, s.energy_wh
        self.watts = VOLT * len(s.phases)


def delivered_wh(rule, sessions, cap):
    arrivals = sorted(sessions, key=lambda s: s.arrival)
    now, at, total = arrivals[0].arrival, 0, 0.0
    active, amps = [], []
    while at < len(arrivals) or active:
        while at < len(arrivals) and arrivals[at].arrival <= now:
            if arrivals[at].energy_wh > 0:
                active.append(Car(arrivals[at]))
            at += 1
        active = [c for c in active if c.left > 1e-6 and c.s.departure > now]
        if rule == "edf":
            active.sort(key=lambda c: c.s.departure)
        elif rule == "rr" and active:
            active = active[1:] + active[:1]
        amps = round_robin(active, cap) if rule == "rr" else in_order(active, cap)
        upcoming = [c.s.departure for c in active]
        upcoming += [now + c.left / (c.watts * x) * 3600 for c, x in zip(active, amps) if x]
        if at < len(arrivals):
            upcoming.append(arrivals[at].arrival)
        if rule == "rr":
            upcoming.append(now + QUANTUM_S)
        if not active and at == len(arrivals):
            break
        until = max(min(upcoming), now + 1e-3)
        for c, x in zip(active, amps):
            wh = min(c.left, c.watts * x * (until - now) / 3600)
            c.left -= wh
            total += wh
        now = until
        if not active and at < len(arrivals):
            now = arrivals[at].arrival
    return total
