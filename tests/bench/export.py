#!/usr/bin/python3
"""export.py [--bin DIR] [--fill FILE]: a month of one variable, 259,200 rows of 10 s, out of lmsd into files.

lms-history-bench leaves 30 days of a meter in a directory; lmsd serves them and lmsctl writes them. Printed: seconds from
the command to the file, the best of three, the processor time of lmsctl within, and the most memory that it took. A miss
is printed, not failed.
"""
import argparse
import os
import subprocess
import tempfile
import time

from calls import Child, ROOT, say, verdict

WANT_S = 2
WANT_MIB = 64


def measure(words):
    best = None
    for _ in range(3):
        at = time.monotonic()
        pid = os.posix_spawn(words[0], words, os.environ)
        _, status, used = os.wait4(pid, 0)
        took = time.monotonic() - at
        if status:
            raise SystemExit(f"{' '.join(words)} failed")
        if best is None or took < best[0]:
            best = took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    return best


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--bin", default=f"{ROOT}/build/bin")
    p.add_argument("--fill", default=f"{ROOT}/build/tests/bench/lms-history-bench")
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as work:
        state = f"{work}/state"
        os.mkdir(state, 0o700)
        subprocess.run([a.fill, "month", state], check=True)
        lmsd = Child([f"{a.bin}/lmsd", "-d", state, "-s", f"{work}/sock", "-o", "listen.ws=127.0.0.1:0", "-o", "listen.wss=off",
                      "-o", f"meters.directory={ROOT}/etc/meters"], f"{work}/lmsd.log", "ready")
        try:
            print("export: a month of one variable, every 10 s, from the command to the file")
            ctl = [f"{a.bin}/lmsctl", "-s", f"{work}/sock", "-q", "meter"]
            for name, words in (("csv", ["export", "meter-01", "31d", "--variables", "power_total", "-O", f"{work}/m.csv"]),
                                ("xlsx", ["export", "meter-01", "31d", "--variables", "power_total", "-O", f"{work}/m.xlsx"])):
                took, cpu, mib = measure(ctl + words)
                say(f"{name:5} {took:5.2f} s, {cpu:.2f} of them lmsctl's processor time, {mib:.0f} MiB; "
                    f"wanted below {WANT_S} s and {WANT_MIB} MiB: {verdict(took < WANT_S and mib < WANT_MIB)}")
            with open(f"{work}/m.csv", encoding="utf-8") as f:
                say(f"{sum(1 for _ in f) - 1} rows, {os.path.getsize(f'{work}/m.csv') / 1e6:.1f} MB of csv, "
                    f"{os.path.getsize(f'{work}/m.xlsx') / 1e6:.1f} MB of xlsx")
        finally:
            lmsd.end()


main()
