#!/usr/bin/python3
"""Did the demo go well? Reads what the simulated cables saw and what lmsd says, and judges both.

usage: verdict.py REPORT SITE RUNNING SECONDS_OVER
"""
import json
import sys


def amps(text):
    return float(str(text).rstrip("A "))


def main():
    report = json.load(open(sys.argv[1]))
    site = json.load(open(sys.argv[2]))
    running, over = int(sys.argv[3]), int(sys.argv[4])
    bad = []
    for zone in site["zones"]:
        cap = amps(zone.get("static", zone.get("dynamic")))
        peak = max(report["peak_a"].get(zone["id"], [0]))
        print(f"zone {zone['id']}: limit {cap:g} A, highest current of the cars {peak:g} A")
        if peak > cap + 0.05:
            bad.append(f"zone {zone['id']} was over its limit")
    print(f"transactions: {report['transactions']} started, {running} running; seconds over a limit: {over}")
    if report["transactions"] == 0 or running == 0:
        bad.append("no transaction ran")
    if over > 0:
        bad.append("lmsd counted seconds over a limit")
    for what in bad:
        print(f"demo: {what}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
