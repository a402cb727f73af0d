"""Linear programs of the bench: the most energy that anyone could deliver, knowing the future, and the
max-min fair split of one moment. Needs Debian's python3-scipy."""
import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

VOLT = 230


def clairvoyant_wh(sessions, cap_a):
    """Bound for one zone with cap_a per phase: no least current, no steps, full knowledge."""
    times = sorted({s.arrival for s in sessions} | {s.departure for s in sessions})
    place = {t: i for i, t in enumerate(times)}
    hours = np.diff(times) / 3600
    cost, rows, cols, vals, bounds = [], [], [], [], []
    slots = {}
    for n, s in enumerate(sessions):
        for i in range(place[s.arrival], place[s.departure]):
            var, wh = len(cost), VOLT * len(s.phases) * hours[i]
            cost.append(-wh)
            bounds.append((0, min(s.max_a, cap_a)))
            entries = [(n, wh)] + [(slots.setdefault((i, k), len(sessions) + len(slots)), 1.0) for k in s.phases]
            for row, val in entries:
                rows.append(row)
                cols.append(var)
                vals.append(val)
    room = [s.energy_wh for s in sessions] + [cap_a] * len(slots)
    a = csr_matrix((vals, (rows, cols)), shape=(len(room), len(cost)))
    res = linprog(cost, A_ub=a, b_ub=room, bounds=bounds, method="highs")
    if res.status:
        raise RuntimeError(f"LP at {cap_a} A: {res.message}")
    return -res.fun


def max_min(a, b, least, most):
    """The max-min fair x with a x <= b and least <= x <= most. Again and again: the highest level that
    all who are free can have; who is at his most or in a full row there stays."""
    n = a.shape[1]
    x, free = np.array(least, dtype=float), np.ones(n, dtype=bool)
    while free.any():
        f = np.flatnonzero(free)
        # variables: x of the free ones, then the level t; t <= x except where x is at its most already
        above = np.hstack([-np.eye(len(f)), np.ones((len(f), 1))])
        fit = np.hstack([a[:, f], np.zeros((a.shape[0], 1))])
        res = linprog([0] * len(f) + [-1], A_ub=np.vstack([fit, above]),
                      b_ub=np.concatenate([b - a[:, ~free] @ x[~free], np.zeros(len(f))]),
                      bounds=[(least[i], most[i]) for i in f] + [(0, None)], method="highs")
        if res.status:
            raise RuntimeError(f"max-min: {res.message}")
        level = res.x[-1]
        x[f] = np.maximum(np.array(least)[f], level)
        full = b - a @ x < 1e-6
        stop = free & ((np.array(most) - x < 1e-6) | (a[full].sum(axis=0) > 0))
        if not stop.any():
            raise RuntimeError("max-min does not end")
        free &= ~stop
    return x
