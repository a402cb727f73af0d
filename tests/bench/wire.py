#!/usr/bin/python3
"""wire.py [--bin DIR] [--rounds N] [--seed N] - from an event at a station to the first SetChargingProfile.

The real lmsd with 600 stations on loopback: 540 in a process of their own, whose cars charge, come and go
and tell their meter values; 30 in a zone with room, where transactions begin; 30 three by three in zones of
60 A, where two cars charge and a third is plugged in, so that the others are cut. Counted is the time from
sending StartTransaction (or the third car's StatusNotification) to the arrival of the first
SetChargingProfile that answers it. A raise leaves only when it is on disk. A miss is printed, not failed.
"""
import argparse
import asyncio
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/tests/sim")
import stations as sim  # noqa: E402

CROWD, PER_ZONE, FREE, TIGHT = 540, 60, 30, 10
TARGET_MS = 50


class Counted(sim.Station):
    """A station that counts what it has to bear."""

    profiles = on_off = reversals = 0

    def __init__(self, *args):
        super().__init__(*args)
        self.direction = 0

    def on_SetChargingProfile(self, p):
        c = self.connectors[0]
        before = c.limit() if c.tx is not None else None
        answer = super().on_SetChargingProfile(p)
        Counted.profiles += 1
        if before is not None and c.limit() != before:
            direction = 1 if c.limit() > before else -1
            Counted.on_off += (c.limit() > 0) != (before > 0)
            Counted.reversals += self.direction == -direction
            self.direction = direction
        return answer


class Peer(Counted):
    """A station that notes when a charging profile came."""

    def __init__(self, name, url, ids):
        super().__init__({"id": name, "cars": [{"tag": name}]}, url, ids)
        self.connector = self.connectors[0]
        self.profile_came = asyncio.Event()
        self.came_at = 0.0

    def on_SetChargingProfile(self, p):
        if not self.profile_came.is_set():
            self.came_at = time.perf_counter()
            self.profile_came.set()
        return super().on_SetChargingProfile(p)

    async def begin(self):
        """Milliseconds from StartTransaction to the first profile."""
        c = self.connector
        await self.notify(1, "Preparing")
        await self.call("Authorize", {"idTag": self.id})
        self.profile_came.clear()
        sent = time.perf_counter()
        answer = await self.call("StartTransaction", {"connectorId": 1, "idTag": self.id, "meterStart": 0,
                                                      "timestamp": self.now()})
        c.tx, c.tag, c.status = answer["transactionId"], self.id, "Charging"
        await asyncio.wait_for(self.profile_came.wait(), 30)
        return (self.came_at - sent) * 1000

    async def end(self):
        if self.connector.tx is not None:
            await self.stop(self.connector, "Local")
        await self.notify(1, "Available")

    def limit_a(self):
        return self.connector.limit() if self.connector.tx is not None else 0


def site():
    zones = [{"id": f"C{z}", "static": 500} for z in range(CROWD // PER_ZONE)]
    zones += [{"id": "FREE", "static": 6000}] + [{"id": f"T{z}", "static": 60} for z in range(TIGHT)]
    where = [(f"CROWD-{i}", f"C{i // PER_ZONE}") for i in range(CROWD)] + [(f"FREE-{i}", "FREE") for i in range(FREE)]
    where += [(f"TIGHT-{i}", f"T{i // 3}") for i in range(3 * TIGHT)]
    return {"zones": zones, "tags": [{"uid": name} for name, _ in where],
            "stations": [{"id": name, "zone": zone, "wiring": "RST", "connectors": 1, "proven": True}
                         for name, zone in where]}


def crowd(rnd):
    """Most cars stay; some come and go all the time."""
    out = []
    for i in range(CROWD):
        car = {"tag": f"CROWD-{i}", "phases": rnd.choice((1, 3)), "max": rnd.choice((16, 32)),
               "arrive": rnd.uniform(1, 20)}
        if i % 10 == 0:
            car.update(stay=rnd.uniform(20, 60), again=rnd.uniform(5, 20))
        out.append({"id": f"CROWD-{i}", "zone": f"C{i // PER_ZONE}", "cars": [car]})
    return {"stations": out}


async def until(what, condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        await asyncio.sleep(0.05)


async def starts(peers, rounds):
    """One after the other, so that the measuring peer does not measure itself."""
    out = []
    for n in range(rounds):
        for peer in peers:
            if n:
                await peer.end()
            out.append(await peer.begin())
    return out


async def cuts(trio, rounds, turn):
    out = []
    for peer in trio[:2]:
        await peer.begin()
    for _ in range(rounds):
        await until("30 A for two", lambda: all(p.limit_a() == 30 for p in trio[:2]))
        async with turn:
            for p in trio[:2]:
                p.profile_came.clear()
            sent = time.perf_counter()
            await trio[2].notify(1, "Preparing")
            done, rest = await asyncio.wait([asyncio.ensure_future(p.profile_came.wait()) for p in trio[:2]],
                                            timeout=30, return_when=asyncio.FIRST_COMPLETED)
            for r in rest:
                r.cancel()
            if not done:
                raise TimeoutError("a cut")
            out.append((min(p.came_at for p in trio[:2] if p.profile_came.is_set()) - sent) * 1000)
        await trio[2].end()
    return out


def report(what, times):
    times = sorted(times)
    half, most = (times[min(int(len(times) * q), len(times) - 1)] for q in (0.5, 0.99))
    print(f"  {what}: median {half:.1f} ms, 99th percentile {most:.1f} ms ({TARGET_MS}), longest {times[-1]:.1f} ms of "
          f"{len(times)}: {'reached' if most < TARGET_MS else 'MISSED'}", flush=True)


async def measure(url, lmsctl, rounds):
    ids = itertools.count(1)
    free = [Peer(f"FREE-{i}", url, ids) for i in range(FREE)]
    tight = [Peer(f"TIGHT-{i}", url, ids) for i in range(3 * TIGHT)]
    tasks = [asyncio.ensure_future(p.connection()) for p in free + tight]
    total = CROWD + len(tasks)
    await until("all stations to be connected", lambda: int(lmsctl("status", "-o", "value", "-f", "stations_online")) == total)
    await asyncio.sleep(30)  # the crowd arrives; every default limit is acknowledged and obeyed
    over = int(lmsctl("status", "-o", "value", "-f", "seconds_over"))
    report("first profile of a transaction in a zone with room", await starts(free, rounds))
    turn = asyncio.Lock()
    lists = await asyncio.gather(*(cuts(tight[3 * z:3 * z + 3], rounds, turn) for z in range(TIGHT)))
    report("first cut when a third car comes", [t for one in lists for t in one])
    over = int(lmsctl("status", "-o", "value", "-f", "seconds_over")) - over
    for task in tasks:
        task.cancel()
    return over


def run_crowd(url, path):
    """The process of the crowd: until SIGTERM, then one line with its counts."""
    sim.Station = Counted
    asyncio.run(sim.Site(argparse.Namespace(url=url, stations=path, meter=None, report=None)).run())
    print(json.dumps([Counted.profiles, Counted.on_off, Counted.reversals]), flush=True)


def start(work, name, *command):
    """Starts a program; answers it and its ready line."""
    with open(f"{work}/{name}.log", "wb") as log:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    return child, child.stdout.readline()


def run(a, work):
    def lmsctl(*args):
        return subprocess.run([f"{a.bin}/lmsctl", "-s", f"{work}/lmsd.sock", *args], check=True, text=True,
                              stdout=subprocess.PIPE).stdout.strip()

    for name, document in (("site", site()), ("crowd", crowd(random.Random(a.seed)))):
        with open(f"{work}/{name}.json", "w") as f:
            json.dump(document, f)
    children = []
    try:
        lmsd, ready = start(work, "lmsd", f"{a.bin}/lmsd", "-d", f"{work}/state", "-s", f"{work}/lmsd.sock", "-o",
                            "listen.ws=127.0.0.1:0", "-o", "listen.wss=off", "-o", f"meters.directory={ROOT}/etc/meters")
        children.append(lmsd)
        url = f"ws://127.0.0.1:{ready.split('ws=')[1].split()[0]}"
        lmsctl("apply", "-f", f"{work}/site.json", "-y", "-q")
        others, _ = start(work, "crowd", sys.executable, __file__, "--crowd", url, f"{work}/crowd.json")
        children.append(others)
        began = time.monotonic()
        over = asyncio.run(measure(url, lmsctl, a.rounds))
        hours = (time.monotonic() - began) / 3600
        others.terminate()
        counts = [x + y for x, y in zip(json.loads(others.communicate()[0].splitlines()[-1]),
                                        (Counted.profiles, Counted.on_off, Counted.reversals))]
        conns = CROWD + FREE + 3 * TIGHT
        print(f"  {conns} stations: {over} s over; per connector and hour {counts[1] / conns / hours:.1f} on/off, "
              f"{counts[2] / conns / hours:.1f} reversals; {counts[0] / hours / 60:.1f} messages a minute")
    finally:
        for child in reversed(children):
            child.terminate()
            child.wait()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bin", default=f"{ROOT}/build/bin")
    p.add_argument("--rounds", type=int, default=6)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--crowd", nargs=2, help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.crowd:
        return run_crowd(*a.crowd)
    print(f"event to profile at 600 stations on loopback, seed {a.seed}", flush=True)
    with tempfile.TemporaryDirectory() as work:
        run(a, work)


if __name__ == "__main__":
    main()
