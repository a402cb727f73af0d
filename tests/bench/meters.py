#!/usr/bin/python3
"""meters.py [--bin DIR] [--load FILE] [--meters N] [--stations N] [--seconds S]: many meters beside many stations.

50 meters behind 5 gateways are read every second, 20 variables each, while 2,000 stations charge and send MeterValues
every 10 s; 20 zones follow a meter. Printed: values that the devices gave and that lmsd shows, a second, beside what is
wanted; the loop's longest turn; processor time and memory of lmsd. The machine's own pauses, as an idle process feels
them, stand beside the longest turn. A miss is printed, not failed.
"""
import argparse
import asyncio
import json
import os
import random
import socket
import struct
import sys
import tempfile
import threading
import time
from datetime import datetime

from calls import Child, Lmsd, Load, ROOT, say, verdict

GATEWAYS = 5
VARIABLES = [(f"{kind}_l{i}{tail}", unit) for kind, tail, unit in (
    ("voltage", "n", "V"), ("current", "", "A"), ("power", "", "W"), ("apparent", "", "VA"), ("reactive", "", "var"), ("pf", "", ""))
    for i in (1, 2, 3)] + [("frequency", "Hz"), ("energy_import_total", "Wh")]


# ---- the devices: one process, plain sockets ------------------------------------------------------------------------

def measure(rng, slave, started):
    amps = [10 + slave % 7 + rng.random() for _ in range(3)]
    volts = [230 + rng.random() for _ in range(3)]
    watts = [a * v * 0.98 for a, v in zip(amps, volts)]
    values = volts + amps + watts + [a * v for a, v in zip(amps, volts)] + [w * 0.2 for w in watts] + [0.98] * 3
    values += [50 + rng.random() / 50, 1000 + (time.monotonic() - started) * sum(watts) / 3600]
    return struct.pack(f">{len(values)}f", *values)


async def serve_gateway(counts, rng, started, reader, writer):
    try:
        while True:
            head = await reader.readexactly(12)
            transaction, _, _, slave, function, addr, count = struct.unpack(">HHHBBHH", head)
            data = measure(rng, slave, started)[2 * addr:2 * (addr + count)]
            writer.write(struct.pack(">HHHBBB", transaction, 0, 3 + len(data), slave, function, len(data)) + data)
            counts[0] += count // 2
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve():
    counts, rng, ports, started = [0], random.Random(1), [], time.monotonic()
    for _ in range(GATEWAYS):
        server = await asyncio.start_server(lambda r, w: serve_gateway(counts, rng, started, r, w), "127.0.0.1", 0)
        ports.append(str(server.sockets[0].getsockname()[1]))
    print("ready " + ",".join(ports), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(counts[0], flush=True)


# ---- the measurement ------------------------------------------------------------------------------------------------

class Idler(threading.Thread):
    """How long a thread that has nothing to do is held up by the machine at most."""

    def __init__(self):
        super().__init__(daemon=True)
        self.longest = 0.0
        self.start()

    def run(self):
        while True:
            before = time.monotonic()
            time.sleep(0.005)
            self.longest = max(self.longest, time.monotonic() - before - 0.005)


def profile(work):
    os.mkdir(f"{work}/meters")
    rows = ",\n".join(f'{{ name = "{name}"; addr = {2 * i}; type = "f32"; unit = "{unit}"; group = "fast"; }}'
                      for i, (name, unit) in enumerate(VARIABLES))
    with open(f"{work}/meters/bench.conf", "w") as f:
        f.write(f'model = "BENCH"; manufacturer = "bench"; verified = "no"; function = 4;\nvariables = (\n{rows} );\n')
    return f"{work}/meters"


class Control:
    """The control socket itself: cheaper than a program per question."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.lines = self.sock.makefile("rw")
        self.lines.readline()  # hello

    def ask(self, method, **params):
        self.lines.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n")
        self.lines.flush()
        return json.loads(self.lines.readline())["result"]


def count_shown(control, meters, seconds):
    """Values with a new time, a second of those times; and the meters that were not good at some look."""
    times, bad, end = {}, set(), time.monotonic() + seconds
    while time.monotonic() < end:
        for m in [control.ask("meter.show", id=f"M{i}") for i in range(meters)]:
            if m["state"] != "ok":
                bad.add(m["id"])
            for v in m["values"]:
                if v["quality"] == "good":
                    times.setdefault((m["id"], v["name"]), set()).add(datetime.fromisoformat(v["time"].replace("Z", "+00:00")))
        time.sleep(0.2)
    return sum((len(t) - 1) / (max(t) - min(t)).total_seconds() for t in times.values() if len(t) > 1), bad


def bench(a, work):
    devices = Child([sys.executable, __file__, "serve"], f"{work}/devices.log", "ready")
    ports = devices.ready.split()[1].split(",")
    lmsd = Lmsd(a, work, "meters", {"M": a.stations}, meters__directory=profile(work))
    load = Load(a, work, lmsd.ws, "M")
    wanted = a.meters * len(VARIABLES)

    def given():
        devices.child.stdin.write("\n")
        devices.child.stdin.flush()
        return int(devices.child.stdout.readline())

    try:
        load.come(a.stations, 5)
        zones = (a.stations + 99) // 100
        document = {"meters": [{"id": f"M{i}", "profile": "BENCH", "address": f"{i // GATEWAYS + 1}@127.0.0.1:{ports[i % GATEWAYS]}"}
                               for i in range(a.meters)],
                    "zones": [{"id": f"Z{z}", "static": 3500, "dynamic": 3500, "meter": f"M{z}", "meter_lost": 1000, "margin": 0}
                              for z in range(min(zones, a.meters))]}
        with open(f"{work}/meters.json", "w") as f:
            json.dump(document, f)
        lmsd.ctl("apply", "-f", f"{work}/meters.json", "-y", "-q")
        end = time.monotonic() + 30
        control = Control(lmsd.socket)
        while any(m["state"] != "ok" for m in control.ask("meter.list")["items"]) and time.monotonic() < end:
            time.sleep(0.3)
        time.sleep(21)  # what setting up took is no longer among the longest turns
        load.tell(f"call m {a.seconds + 30} {a.stations} 10000")
        idler, longest = Idler(), 0
        before, cpu, began = given(), lmsd.cpu_s(), time.monotonic()
        while time.monotonic() < began + a.seconds:
            time.sleep(5)
            longest = max(longest, control.ask("system.status")["longest_turn_us"])
        took = time.monotonic() - began
        rate, cpu = (given() - before) / took, (lmsd.cpu_s() - cpu) / took
        seen, bad = count_shown(control, a.meters, 8)
        lost = len([e for e in control.ask("event.list", limit=1000)["items"] if e["event"] == "meter_lost"])
        load.tell("stop")
        load.hear()
        say(f"{a.meters} meters x {len(VARIABLES)} variables at 1 s beside {a.stations} stations: {rate:.0f} values a second read, "
            f"{seen:.0f} shown, {wanted} wanted; {lost} meters lost, {len(bad)} seen not good: "
            f"{verdict(rate >= 0.98 * wanted and seen >= 0.95 * wanted and not bad and not lost)}")
        say(f"longest turn of the loop {longest / 1000:.1f} ms (20), the machine's own pauses {idler.longest * 1000:.1f} ms: "
            f"{verdict(longest < 20000)}")
        say(f"lmsd takes {100 * cpu:.1f} % of a processor, {lmsd.resident_kib() / 1024:.0f} MiB resident")
    finally:
        for child in (load, lmsd, devices):
            child.end()


def main():
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
        return
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bin", default=f"{ROOT}/build/bin")
    p.add_argument("--load", default=f"{ROOT}/build/tests/bench/lms-load")
    p.add_argument("--meters", type=int, default=50)
    p.add_argument("--stations", type=int, default=2000)
    p.add_argument("--seconds", type=float, default=20)
    a = p.parse_args()
    print("meters read by the real lmsd on loopback", flush=True)
    with tempfile.TemporaryDirectory(prefix="lms-bench-") as work:
        bench(a, work)


if __name__ == "__main__":
    main()
