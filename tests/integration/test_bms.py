#!/usr/bin/python3
# timeout: 120
"""A building management system reads the site and writes the grid signal by Modbus TCP: mbpoll and pymodbus as clients,
and hostile ones, who delay neither them nor lmsd."""
import csv
import io
import os
import socket
import struct
import subprocess
import sys
import threading
import time

from raw_ws import BIN, BOOT, ROOT, Lmsd, Raw, check, finish, frame, request, until

try:
    from pymodbus.client import ModbusTcpClient
except ImportError:
    # Debian's package belongs to Debian's interpreter, which may not be the first in PATH.
    if os.path.realpath(sys.executable) == os.path.realpath("/usr/bin/python3"):
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", os.path.abspath(__file__)])

STATUS = '[2,"s","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Available"}]'
SIGNAL = 100
ABSENT = {"u16": 0xFFFF, "s16": -0x8000, "u32": 0xFFFFFFFF, "s32": -0x80000000}
LATE_S = 0.5  # of an answer, beside 7 other programs on 2 cores


class Client:
    """Frames as they are, from any address of this machine."""

    def __init__(self, port, source="127.0.0.1"):
        self.sock = socket.socket()
        self.sock.bind((source, 0))
        self.sock.settimeout(10)
        self.sock.connect(("127.0.0.1", port))
        self.transaction = 0

    def send(self, pdu, **lies):
        self.transaction += 1
        self.sock.sendall(struct.pack(">HHHB", self.transaction, lies.get("protocol", 0),
                                      lies.get("length", len(pdu) + 1), 1) + pdu)

    def receive(self):
        """The answer's PDU; None: the connection was ended."""
        data = b""
        try:
            while len(data) < 6 or len(data) < 6 + struct.unpack(">H", data[4:6])[0]:
                got = self.sock.recv(4096)
                if not got:
                    return None
                data += got
        except ConnectionError:
            return None
        return data[7:] if struct.unpack(">H", data[:2])[0] == self.transaction else b"another transaction"

    def ask(self, pdu):
        self.send(pdu)
        return self.receive()

    def read(self, addr, count=1, fc=3):
        return self.ask(struct.pack(">BHH", fc, addr, count))

    def ended(self):
        try:
            return self.sock.recv(100) == b""
        except ConnectionError:
            return True


def turned_away(port, source):
    try:
        return Client(port, source).ended()
    except ConnectionError:
        return True


def table(lmsd):
    out = subprocess.run([f"{BIN}/lmsctl", "-s", lmsd.socket, "-o", "csv", "bms", "map"], text=True, check=True,
                         stdout=subprocess.PIPE, timeout=60).stdout
    return list(csv.DictReader(io.StringIO(out)))


def value(client, row):
    n = int(row["registers"])
    r = client.read_holding_registers(int(row["address"]), n, slave=1)
    if r.isError():
        return str(r)
    raw = struct.pack(f">{n}H", *r.registers)
    return struct.unpack({"u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i"}[row["type"]], raw)[0]


def values(client, rows, kind, oid):
    return {r["name"]: value(client, r) for r in rows if r["kind"] == kind and r["id"] == oid}


def site(meter_port):
    return {
        "meters": [{"id": "M", "profile": "SDM630", "address": f"1@127.0.0.1:{meter_port}"},
                   {"id": "DEAD", "profile": "SDM630", "address": "1@127.0.0.1:9", "poll": "1s"}],
        "zones": [{"id": "P", "fuse": 60, "grid": True, "grid_reduced": 24, "grid_lost": "reduced"},
                  {"id": "D", "dynamic": 50, "meter": "M", "meter_lost": 16, "margin": 0},
                  {"id": "Z", "static": "10,11,12", "meter": "DEAD"},
                  {"id": "W", "fuse": 63, "meter": "M"}],
        "stations": [{"id": "A", "zone": "P", "connectors": 2}, {"id": "B", "zone": "P", "connectors": 1}],
    }


def reads(lmsd, client):
    rows = table(lmsd)
    check(len({r["address"] for r in rows}) == len(rows), "every value has an address of its own")
    bad = [(r["address"], v) for r in rows for v in [value(client, r)] if not isinstance(v, int)]
    check(not bad, f"all values of the map are read by pymodbus", bad[:5])
    until("good values of the meter", lambda: values(client, rows, "meter", "M")["quality"] == 0)
    m = values(client, rows, "meter", "M")
    check((m["present"], m["current_l1_ma"], m["current_l2_ma"], m["current_l3_ma"]) == (1, 10000, 11000, 12000) and
          m["age_s"] <= 2 and 200000 < m["voltage_l1_mv"] < 260000, "a meter is there with its quality and age", m)
    d = values(client, rows, "meter", "DEAD")
    check((d["present"], d["quality"], d["current_l1_ma"], d["age_s"]) == (1, 3, ABSENT["s32"], ABSENT["u16"]),
          "one that nobody could read has no value, never 0", d)
    z = values(client, rows, "zone", "Z")
    check([z[f"limit_l{i}_ma"] for i in (1, 2, 3)] == [10000, 11000, 12000] and z["load_l1_ma"] == ABSENT["s32"],
          "a zone has its limit on each phase, and no load that nothing measures", z)
    check(values(client, rows, "zone", "D")["load_l2_ma"] == 11000, "and that of its meter, where it has one")
    check(values(client, rows, "zone", "W")["load_l2_ma"] == 11000, "even if no limit is kept by it: its load is not that "
          "of its cars")
    a = until("the station", lambda: (c := values(client, rows, "connector", "A/1"))["status"] == 1 and c)
    check((a["online"], a["charging"], a["quality"]) == (1, 0, 3), "a connector says its status", a)
    check(values(client, rows, "station", "B")["state"] == 0, "a station that never came says so")
    s = values(client, rows, "site", "")
    check((s["stations"], s["stations_online"], s["connectors"], s["meters"], s["meters_ok"], s["grid_state"]) ==
          (2, 1, 3, 2, 1, 0), "the site says how much there is", s)
    until("the heartbeat", lambda: values(client, rows, "site", "")["heartbeat"] > s["heartbeat"])
    check(True, "and its heartbeat goes on")
    return rows


def by_mbpoll(port, rows):
    row = next(r for r in rows if r["name"] == "limit_l1_ma" and r["id"] == "Z")
    for register_type in ("4", "3"):  # holding, input
        r = subprocess.run(["mbpoll", "-m", "tcp", "-p", str(port), "-a", "1", "-0", "-t", register_type, "-r",
                            row["address"], "-c", "6", "-1", "127.0.0.1"], text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=20)
        got = [int(line.split(":")[1].split()[0]) for line in r.stdout.splitlines() if line.startswith("[")]
        check(r.returncode == 0 and got == [0, 10000, 0, 11000, 0, 12000], f"mbpoll reads it as type {register_type}",
              r.stdout)


def refusals(port):
    c = Client(port)
    check(c.read(999) == b"\x83\x02" and c.read(21, 20) == b"\x83\x02" and c.read(65535) == b"\x83\x02",
          "an address that is nothing's is exception 2, and so is a read across the end")
    check(c.read(0, 0) == b"\x83\x03" and c.read(0, 126) == b"\x83\x03", "a count that cannot be is exception 3")
    began = time.monotonic()
    answers = [c.ask(bytes([f]) + b"\0\1\0\1") for f in (1, 2, 5, 7, 8, 15, 17, 20, 22, 23, 24, 43, 65, 100, 127)]
    took = time.monotonic() - began
    check(all(len(a) == 2 and a[1] == 1 for a in answers), "functions that it has not are exception 1", answers)
    check(took < 15 * 0.25, "without a stall", took)
    check(c.read(0) is not None and len(c.read(0)) == 4, "and the connection goes on")
    check(c.ask(struct.pack(">BHHB", 16, SIGNAL, 1, 4) + b"\0\1") == b"\x90\x03" and
          c.ask(struct.pack(">BHHB", 16, SIGNAL, 2, 4) + b"\0\1\0\1") == b"\x90\x02", "a write that contradicts itself "
          "or is of more than the signal is refused")
    many = b"".join(struct.pack(">HHHBBHH", i, 0, 6, 1, 3, 0, 1) for i in range(40))
    c.sock.sendall(many)
    data = b""
    while len(data) < 40 * 11:
        data += c.sock.recv(4096)
    check([struct.unpack(">H", data[i * 11:i * 11 + 2])[0] for i in range(40)] == list(range(40)),
          "requests that come in one piece are answered one by one, in their order")


def writes(lmsd, client, port):
    raw = Client(port)
    write = lambda v, addr=SIGNAL: raw.ask(struct.pack(">BHH", 6, addr, v))
    cap = lambda: lmsd.must("zone", "show", "P")["cap_ma"][0]
    check(write(2) == b"\x86\x02" and cap() == 60000, "nobody asked for a signal: it is not there to be written")
    lmsd.must("site", "set", "grid_from=bms", "grid_watchdog=2s")
    until("lost", lambda: cap() == 24000)
    check(client.read_holding_registers(SIGNAL, 1, slave=1).registers == [0xFFFF], "before it is written it is absent")
    check(not client.write_register(SIGNAL, 0, slave=1).isError() and cap() == 60000, "normal: the zone has its limit")
    check(not client.write_registers(SIGNAL, [1], slave=1).isError() and cap() == 24000, "reduced, by function 16, is less")
    check(write(2)[:1] == b"\6" and cap() == 0, "stop is 0 A when the answer is there")
    check(client.read_holding_registers(SIGNAL, 1, slave=1).registers == [2] and
          lmsd.must("grid", "show")["by"] == "bms 127.0.0.1", "it reads back, and is known by whom")
    before = cap()
    got = [write(v) for v in (3, 255, 0x8000, 0xFFFF)] + [write(0, a) for a in (0, 101, 1004, 9999, 65535)]
    check(got == [b"\x86\x03"] * 4 + [b"\x86\x02"] * 5 and cap() == before, "other values and other registers change "
          "nothing", got)
    until("the watchdog", lambda: cap() == 24000)
    check(lmsd.must("grid", "show")["state"] == "lost" and
          client.read_holding_registers(SIGNAL, 2, slave=1).registers == [0xFFFF, 0xFFFF],
          "what is not repeated is lost, as the zone is configured for that")
    write(1)
    lmsd.must("grid", "set", "normal")
    check(cap() == 24000, "a command takes nothing back")
    lmsd.must("grid", "clear")
    write(0)
    log = [(r["state"], r["before_ma"][0], r["after_ma"][0]) for r in lmsd.must("grid", "log")
           if r.get("zone") == "P" and r.get("by", "").startswith("bms ")]
    check(("reduced", 60000, 24000) in log and ("stop", 24000, 0) in log, "the log has each change and its effect", log)
    lmsd.must("site", "set", "grid_from=", "grid_watchdog=")
    raw.sock.close()


def stays(lmsd, client, rows):
    where = lambda rs: {(r["kind"], r["id"], r["name"]): r["address"] for r in rs}
    lmsd.must("zone", "delete", "Z", "-y")
    lmsd.must("station", "delete", "A", "-y")
    lmsd.must("zone", "create", "AAA", "fuse=16")
    lmsd.must("station", "add", "A0", "zone=P", "connectors=1")
    new = where(table(lmsd))
    old = where(rows)
    check(all(new[k] == a for k, a in old.items() if k in new) and ("zone", "AAA", "quality") in new,
          "who comes and goes moves nobody")
    row = next(r for r in rows if r["kind"] == "zone" and r["id"] == "Z" and r["name"] == "present")
    until("the deletion to be read", lambda: value(client, row) == 0xFFFF)
    check(True, "who is gone is absent where it was")
    lmsd.must("zone", "create", "Z", "static=10")
    check(where(table(lmsd))[("zone", "Z", "quality")] == old[("zone", "Z", "quality")], "who comes back finds its place")
    return where(table(lmsd))


class Watcher(threading.Thread):
    """Reads again and again; how long the slowest answer took."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.client, self.longest, self.count, self.over = Client(port, "127.0.0.3"), 0.0, 0, False

    def run(self):
        while not self.over:
            began = time.monotonic()
            if len(self.client.read(0, 20) or b"") != 42:
                self.longest = 1e9
                return
            self.longest = max(self.longest, time.monotonic() - began)
            self.count += 1
            time.sleep(0.03)  # below the rate that is slowed


def hostile(lmsd, port):
    watcher = Watcher(port)
    watcher.start()
    lies = Client(port)
    lies.send(b"\3\0\0\0\1", protocol=1)
    check(lies.ended(), "another protocol is ended")
    for length in (0, 1, 255, 65535):
        lies = Client(port)
        lies.send(b"\3\0\0\0\1", length=length)
        check(lies.ended(), f"a length of {length} is ended")
    lies = Client(port)
    lies.sock.sendall(os.urandom(3) + b"\xff" + os.urandom(5000))
    check(lies.ended(), "noise is ended")
    lies = Client(port)
    lies.send(b"\x83\0\0\0\1")
    check(lies.ended(), "a function that is none is ended")
    began = time.monotonic()
    partial = [Client(port) for _ in range(3)]
    for i, p in enumerate(partial):
        p.sock.sendall((b"\0\1\0\0\0\6\1\3\0\0\0\1")[:4 * i + 1])
    crowd = []
    for i in range(1000):
        try:
            c = Client(port)
            c.sock.send(b"\0\1\0\0")
        except OSError:
            continue
        if i % 30:
            c.sock.close()
        else:
            crowd.append(c)
    flood = Client(port, "127.0.0.4")
    flood.sock.settimeout(0.2)
    try:
        for _ in range(20000):  # never reads an answer
            flood.sock.sendall(struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, 20))
    except OSError:
        pass
    for p in partial:
        check(p.ended(), "half a frame is ended in time")
    took = time.monotonic() - began
    check(took < 30, "after seconds", took)
    watcher.over = True
    watcher.join(20)
    check(watcher.count > 20 and watcher.longest < LATE_S, "nobody of these delays who reads", (watcher.count, watcher.longest))
    flood.sock.close()
    for c in crowd:
        c.sock.close()
    check(any(e["event"] == "bms_full" for e in lmsd.must("event", "list")) and
          any(e["event"] == "bms_garbage" for e in lmsd.must("event", "list")), "what happened is told, by number")
    check(sum(e["subject"] == "bms" for e in lmsd.must("event", "list")) < 6, "not once for each")
    longest = lmsd.must("status").get("longest_turn_us", 0)
    check(longest < LATE_S * 1e6, "and the loop never stalled", longest)


def main():
    with Lmsd("quiet") as lmsd:
        check("bms" not in lmsd.ready, "it is off unless it is switched on")
        status, answer = lmsd.ctl("bms", "map")
        check(status == 78 and "bms.listen" in str(answer), "and the map says so", answer)
    meter = subprocess.Popen(["/usr/bin/python3", f"{ROOT}/tests/sim/meter.py", "--fixed", "10,11,12", "--exit-on-eof"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    meter_port = int(meter.stdout.readline().split("port=")[1])
    keys = {"bms_listen": "127.0.0.1:0", "bms_allow": "127.0.0.0/8"}
    with Lmsd("served", bms_write="yes", bms_clients="8", **keys) as lmsd:
        port = int(lmsd.ready["bms"])
        lmsd.apply(site(meter_port))
        station = Raw(lmsd.ws, request("/A"), frame(BOOT) + frame(STATUS))
        client = ModbusTcpClient("127.0.0.1", port=port)
        client.connect()
        rows = reads(lmsd, client)
        by_mbpoll(port, rows)
        refusals(port)
        writes(lmsd, client, port)
        hostile(lmsd, port)
        client.connect()
        places = stays(lmsd, client, rows)
        client.close()
        station.sock.close()
    with Lmsd("served", bms_write="no", **keys) as lmsd:
        c = Client(int(lmsd.ready["bms"]))
        check({(r["kind"], r["id"], r["name"]): r["address"] for r in table(lmsd)} == places, "a restart moves nobody")
        check(c.ask(struct.pack(">BHH", 6, SIGNAL, 2)) == b"\x86\x01", "bms.write=no: there is no writing")
        lmsd.must("site", "set", "grid_from=bms")
        check("bms.write" in lmsd.must("grid", "show")["error"], "and whoever waits for one is told why none comes")
    with Lmsd("strict", bms_listen="127.0.0.1:0", bms_allow="127.0.0.2,192.0.2.0/24") as lmsd:
        port = int(lmsd.ready["bms"])
        check(turned_away(port, "127.0.0.1") and turned_away(port, "127.0.0.3"), "a stranger's connection is ended at once")
        check(len(Client(port, "127.0.0.2").read(0) or b"") == 4, "who is named is served")
        until("the event", lambda: any(e["event"] == "bms_stranger" for e in lmsd.must("event", "list")))
        check(lmsd.must("bms", "show")["refused"] == 2, "and counted")
    meter.stdin.close()
    meter.wait(20)
    finish()


main()
