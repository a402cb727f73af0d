#!/usr/bin/python3
"""calls.py [--bin DIR] [--load FILE] [--rounds N] [--seconds S] [--only PART,…]: what a call, a station and a storm cost.

The real lmsd beside the npm `ws` server with JSON.parse and npm ocpp-rpc in strict mode, in one run, by turns. Counted is
the processor time of the server alone (all its threads), so the generator (lms-load) may be as busy as it likes and the
machine as well; figures are ratios first, of the medians of several rounds. lmsd does its whole work meanwhile: every
station is registered, charges under the balance, is recorded and stored. A miss is printed, not failed.

Parts: calls (100 and 1,000 connections, one outstanding call each), memory (per idle station), many (10,000 charging),
storm (5,000 TLS reconnects while 100 others call).
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TICKS = os.sysconf("SC_CLK_TCK")


def verdict(good):
    return "reached" if good else "MISSED"


def say(text):
    print("  " + text, flush=True)


class Child:
    def __init__(self, command, log, ready):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(log, "wb"), text=True)
        self.ready = self.child.stdout.readline()
        if not self.ready.startswith(ready):
            raise SystemExit(f"{command[0]} does not start: {open(log).read()}")

    def cpu_s(self):
        fields = open(f"/proc/{self.child.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_kib(self):
        for line in open(f"/proc/{self.child.pid}/smaps_rollup"):
            if line.startswith("Rss:"):
                return int(line.split()[1])

    def end(self):
        self.child.kill()
        self.child.wait()


class Lmsd(Child):
    def __init__(self, a, work, name, stations, **options):
        """stations: {prefix: count}; those of each prefix in zones of 100, with room for all."""
        self.a, self.socket = a, f"{work}/{name}.sock"
        conf = {"listen.ws": "127.0.0.1:0", "listen.wss": "127.0.0.1:0", "meters.directory": f"{ROOT}/etc/meters",
                "stations.directory": f"{ROOT}/etc/stations", "limits.connections": 19000, "limits.messages": 1000000}
        conf.update(options)
        super().__init__([f"{a.bin}/lmsd", "-d", f"{work}/{name}", "-s", self.socket] +
                         [w for k, v in conf.items() for w in ("-o", f"{k.replace('__', '.')}={v}")], f"{work}/{name}.log", "ready")
        words = dict(w.split("=", 1) for w in self.ready.split()[1:])
        self.ws, self.wss = words["ws"], words["wss"]
        ids = [f"{prefix}{i:05d}" for prefix, count in stations.items() for i in range(count)]
        site = {"zones": [{"id": f"Z{z}", "static": 3500} for z in range((len(ids) + 99) // 100)], "tags": [{"uid": s} for s in ids],
                "stations": [{"id": s, "zone": f"Z{i // 100}", "wiring": "RST", "connectors": 1, "proven": True}
                             for i, s in enumerate(ids)]}
        with open(f"{work}/{name}.json", "w") as f:
            json.dump(site, f)
        self.ctl("apply", "-f", f"{work}/{name}.json", "-y", "-q")

    def ctl(self, *args):
        return subprocess.run([f"{self.a.bin}/lmsctl", "-s", self.socket, *args], check=True, text=True,
                              stdout=subprocess.PIPE).stdout.strip()


class Load(Child):
    def __init__(self, a, work, port, prefix, *options):
        super().__init__([a.load, "127.0.0.1", str(port), prefix, *options], f"{work}/load-{prefix}.log", "ready")

    def tell(self, command):
        self.child.stdin.write(command + "\n")
        self.child.stdin.flush()

    def hear(self):
        return json.loads(self.child.stdout.readline())

    def do(self, command):
        self.tell(command)
        return self.hear()

    def come(self, count, steps):
        got = self.do(f"come {count} {steps}")
        if not got["all"]:
            say(f"only {got['ready']} of {count} stations are served: MISSED")
        return got


# ---- calls ----------------------------------------------------------------------------------------------------------

def calls(a, work):
    lmsd = Lmsd(a, work, "calls", {"P": 1000, "T": 1000})
    ws = Child(["node", f"{ROOT}/tests/bench/peers.js", "ws"], f"{work}/ws.log", "ready")
    rpc = Child(["node", f"{ROOT}/tests/bench/peers.js", "rpc"], f"{work}/rpc.log", "ready")
    peers = [("lmsd", lmsd, Load(a, work, lmsd.ws, "P")), ("lmsd TLS", lmsd, Load(a, work, lmsd.wss, "T", "--tls")),
             ("ws", ws, Load(a, work, ws.ready.split()[1], "W")), ("ocpp-rpc", rpc, Load(a, work, rpc.ready.split()[1], "R"))]
    try:
        for name, _, load in peers:
            load.come(1000, 5 if name.startswith("lmsd") else 1)
        for active in (100, 1000):
            for kind, what in (("h", "Heartbeat"), ("m", "MeterValues of 1 kB")):
                k = {name: [] for name, _, _ in peers}
                for _ in range(1 + a.rounds):
                    for name, server, load in peers:
                        before = server.cpu_s()
                        got = load.do(f"call {kind} {a.seconds} {active} 0")
                        k[name].append(got["calls"] / max(server.cpu_s() - before, 1 / TICKS) / 1000)
                # The first round warms up: the set-up of 2,000 stations goes on in lmsd, node compiles what it has run.
                report_calls(what, active, {name: statistics.median(rounds[1:]) for name, rounds in k.items()})
    finally:
        for child in [lmsd, ws, rpc] + [load for _, _, load in peers]:
            child.end()


def report_calls(what, active, k):
    beside_ws, beside_rpc = (2, 4) if what == "Heartbeat" else (1.3, 2.2)
    text = f"{what}, {active} connections: " + ", ".join(f"{name} {v:.1f} k" for name, v in k.items()) + " calls per second of the server;"
    text += f" {k['lmsd'] / k['ws']:.2f} x ws ({beside_ws}), {k['lmsd'] / k['ocpp-rpc']:.2f} x ocpp-rpc ({beside_rpc})"
    good = k["lmsd"] >= beside_ws * k["ws"] and k["lmsd"] >= beside_rpc * k["ocpp-rpc"]
    if what == "Heartbeat":
        text += f"; TLS {k['lmsd TLS']:.1f} k (35)"
        good = good and k["lmsd TLS"] >= 35
    say(f"{text}: {verdict(good)}")


# ---- memory -----------------------------------------------------------------------------------------------------------

def settled_kib(server):
    """What is resident once it does not change any more."""
    was, same, end = 0, 0, time.monotonic() + 5
    while same < 5 and time.monotonic() < end:
        time.sleep(0.1)
        now = server.resident_kib()
        same = same + 1 if now == was else 0
        was = now
    return was


def certificates(work):
    for command in (["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{work}/ca.key"],
                    ["req", "-x509", "-new", "-key", f"{work}/ca.key", "-days", "9", "-subj", "/CN=bench", "-out", f"{work}/ca.crt"]):
        subprocess.run(["openssl", *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def memory(a, work):
    """Registered stations that have booted and told their status; what the configuration takes is there before. The ring of
    frames is as full before as after: it is the same 32 MiB for one station or many."""
    certificates(work)
    kinds = [("plain", "ws", 12, [], {}), ("TLS", "wss", 28, ["--tls"], {}),
             ("mutual TLS", "wss", 32, ["--tls", "--ca", f"{work}/ca.crt", "--ca-key", f"{work}/ca.key"],
              {"tls.client_ca": f"{work}/ca.crt"})]
    for name, listen, most, options, conf in kinds:
        lmsd = Lmsd(a, work, f"memory-{listen}{len(conf)}", {"F": 1, "M": a.idle}, **conf)
        fill = Load(a, work, lmsd.ws, "F")
        load = Load(a, work, getattr(lmsd, listen), "M", *options)
        try:
            fill.come(1, 1)
            before = settled_kib(lmsd)
            load.come(a.idle, 2)
            time.sleep(1.5)  # their set-up has ended
            after = settled_kib(lmsd)
        finally:
            for child in (load, fill, lmsd):
                child.end()
        kib = (after - before) / a.idle
        say(f"idle station, {name}: {kib:.1f} KiB ({most}): {verdict(kib <= most)}")
    for kind in ("ws", "rpc"):
        peer = Child(["node", f"{ROOT}/tests/bench/peers.js", kind], f"{work}/{kind}.log", "ready")
        load = Load(a, work, peer.ready.split()[1], "M")
        try:
            before = settled_kib(peer)
            load.come(a.idle, 1)
            kib = (settled_kib(peer) - before) / a.idle
        finally:
            load.end()
            peer.end()
        say(f"idle station at {'ws' if kind == 'ws' else 'ocpp-rpc'}, plain: {kib:.1f} KiB")


# ---- many and storm -----------------------------------------------------------------------------------------------------

def many(a, work):
    lmsd = Lmsd(a, work, "many", {"N": a.many})
    load = Load(a, work, lmsd.ws, "N")
    try:
        cpu = lmsd.cpu_s()
        got = load.come(a.many, 5)
        charging = int(lmsd.ctl("status", "-o", "value", "-f", "charging"))
        cpu = lmsd.cpu_s() - cpu
        calls = load.do(f"call m 3 {a.many} 10000")
        say(f"{charging} of {a.many} stations connected and charging in {got['seconds']:.1f} s ({cpu:.1f} s of the processor), "
            f"{lmsd.resident_kib() / 1024:.0f} MiB resident; MeterValues of each every 10 s: p99 {calls['p99_us'] / 1000:.1f} ms: "
            f"{verdict(charging == a.many)}")
    finally:
        load.end()
        lmsd.end()


def storm(a, work):
    lmsd = Lmsd(a, work, "storm", {"E": 100, "S": a.storm, "T": a.storm})
    settled = Load(a, work, lmsd.wss, "E", "--tls")
    crowd = {"full handshakes": Load(a, work, lmsd.wss, "S", "--tls"),
             "resumed by ticket": Load(a, work, lmsd.wss, "T", "--tls", "--resume")}
    try:
        settled.come(100, 5)
        for what, load in crowd.items():
            load.come(a.storm, 1)
            cpu = lmsd.cpu_s()
            settled.tell("call h 120 100 100")
            load.tell("storm")
            got = load.hear()
            settled.tell("stop")
            calls = settled.hear()
            cpu = lmsd.cpu_s() - cpu
            p99, most = calls["p99_us"] / 1000, calls["max_us"] / 1000
            good = got["all"] and p99 < 250
            say(f"storm of {a.storm} TLS reconnects, {what}: {got['served']} served in {got['seconds']:.1f} s ({cpu:.1f} s of the "
                f"processor, {got['resumed']} resumed, {got['lost']} had to dial again); calls of 100 others meanwhile: "
                f"p99 {p99:.0f} ms (250), longest {most:.0f} ms: {verdict(good)}")
    finally:
        for child in [lmsd, settled] + list(crowd.values()):
            child.end()


PARTS = {"calls": calls, "memory": memory, "many": many, "storm": storm}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bin", default=f"{ROOT}/build/bin")
    p.add_argument("--load", default=f"{ROOT}/build/tests/bench/lms-load")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=0.6)
    p.add_argument("--idle", type=int, default=2000)
    p.add_argument("--many", type=int, default=10000)
    p.add_argument("--storm", type=int, default=5000)
    p.add_argument("--only", default=",".join(PARTS))
    a = p.parse_args()
    print("calls, memory, many stations and storms at the real lmsd on loopback", flush=True)
    for part in a.only.split(","):
        with tempfile.TemporaryDirectory(prefix="lms-bench-") as work:
            PARTS[part](a, work)


if __name__ == "__main__":
    main()
