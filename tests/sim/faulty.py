#!/usr/bin/python3
"""tests/sim/faulty.py - Modbus devices on raw sockets and pseudo-terminals, with every fault of real ones.

    faulty.py [--tcp N] [--rtu LINK ...] [--port PORT] [--seed N] [--exit-on-eof]

Each TCP port and each serial line is a bus of its own, numbered from 0, the ports first. Every slave answers. Prints
`ready ports=A,B,…` (`ports=-` without any); the serial lines are pseudo-terminals behind the symbolic links LINK.

What is read tells where it comes from and when: the two registers at the even address A of slave S are the 32-bit float
S * 100 + (A / 2 mod 10) * 10 + T, where T is the second within ten seconds of wall time, in steps of 10 ms.

Orders are JSON objects on standard input, one per line:
    {"bus": 3, "fault": "late", "arg": 0.3, "slaves": [1], "share": 0.5}
                      answers of these slaves (none named: all) have the fault, or that share of them;
                      a list of [fault, arg] instead of a name: one of them each time; null: none any more
    {"bus": 3, "pull": true}   a serial adapter is pulled: the line hangs up, its link is gone
    {"bus": 3, "plug": true}   and comes back, as another device behind the same link
    {"count": true}            answers one line {"requests": {"BUS/SLAVE": n}, "connections": {"BUS": n},
                               "gap": {"BUS": shortest time from an answer to the next request, s}}

Faults: mute; late ARG s; drip ARG s between bytes; split (two halves, 20 ms apart: no fault); partial (half a frame);
damaged (checksum, or length in the header); count (fewer registers); exception ARG; reset (connection, or adapter);
slave (another answers); transaction; function; nan; frozen; garbage (bytes before the frame); trailing (after it);
previous (the answer to the request before); twice (again ARG s later).
"""
import argparse
import heapq
import json
import os
import random
import select
import socket
import struct
import sys
import termios
import time
import tty


def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


def registers(slave, addr, count, now):
    tick = int(now * 100) % 1000 / 100
    words = []
    for a in range(addr & ~1, addr + count + 1, 2):
        words += struct.unpack(">HH", struct.pack(">f", slave * 100 + a // 2 % 10 * 10 + tick))
    first = addr & 1
    return words[first:first + count]


class Bus:
    """One port or one serial line: its fault, and what a request is answered with."""

    def __init__(self, number):
        self.number = number
        self.fault, self.arg, self.slaves, self.share = None, 0, [], 1.0
        self.frozen_at = 0.0
        self.previous = {}  # by connection: the answer before
        self.said_at, self.gap = None, None

    def order(self, o):
        self.fault, self.arg = o.get("fault"), o.get("arg", 0)
        self.slaves, self.share = o.get("slaves", []), o.get("share", 1.0)
        self.frozen_at = time.time()

    def fault_for(self, slave, rng):
        if not self.fault or (self.slaves and slave not in self.slaves) or rng.random() >= self.share:
            return None, 0
        return rng.choice(self.fault) if isinstance(self.fault, list) else (self.fault, self.arg)

    def frame(self, transaction, slave, pdu, extra_length=0):
        if transaction is None:
            return bytes([slave]) + pdu + crc(bytes([slave]) + pdu)
        return struct.pack(">HHHB", transaction & 0xFFFF, 0, len(pdu) + 1 + extra_length, slave & 0xFF) + pdu

    def answers(self, key, transaction, slave, fc, addr, count, rng):
        """[(seconds from now, bytes or None for a reset)]"""
        fault, arg = self.fault_for(slave, rng)
        if fault == "slave":
            slave = slave % 247 + 1
        words = registers(slave, addr, count, self.frozen_at if fault == "frozen" else time.time())
        if fault == "nan":
            words = [0x7FC0, 0] * ((count + 1) // 2)
        pdu = bytes([fc, 2 * count]) + struct.pack(f">{count}H", *words[:count])
        good = self.frame(transaction, slave, pdu)
        before, self.previous[key] = self.previous.get(key), good
        if fault == "mute":
            return []
        if fault == "reset":
            return [(0, None)]
        if fault == "late":
            return [(arg, good)]
        if fault == "twice":
            return [(0, good), (arg, good)]
        if fault == "drip":
            return [(arg * i, good[i:i + 1]) for i in range(len(good))]
        half = rng.randrange(1, len(good))
        if fault == "split":
            return [(0, good[:half]), (0.02, good[half:])]
        return [(0, {
            "partial": good[:half],
            "damaged": self.frame(transaction, slave, pdu, 1) if transaction is not None else good[:-1] + bytes([good[-1] ^ 4]),
            "count": self.frame(transaction, slave, bytes([fc, 2 * count - 2]) + pdu[2:-2]),
            "exception": self.frame(transaction, slave, bytes([fc | 0x80, int(arg)])),
            "transaction": self.frame((transaction or 0) + 1, slave, pdu) if transaction is not None else good[:-1],
            "function": self.frame(transaction, slave, bytes([7 - fc]) + pdu[1:]),
            "garbage": rng.randbytes(rng.randrange(1, 9)) + good,
            "trailing": good + rng.randbytes(rng.randrange(1, 9)),
            "previous": before or b"",
        }.get(fault, good))]


class Port(Bus):
    def __init__(self, number, port):
        super().__init__(number)
        self.listener = socket.create_server(("127.0.0.1", port), backlog=16)
        self.port = self.listener.getsockname()[1]


class Line(Bus):
    def __init__(self, number, link):
        super().__init__(number)
        self.link, self.fd, self.buffer, self.heard_at = link, -1, b"", 0.0

    def plug(self):
        self.fd, slave = os.openpty()
        tty.setraw(slave)
        attributes = termios.tcgetattr(slave)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        os.symlink(os.ttyname(slave), self.link)
        os.close(slave)
        os.set_blocking(self.fd, False)
        self.buffer = b""

    def pull(self):
        if self.fd >= 0:
            os.unlink(self.link)
            os.close(self.fd)
            self.fd = -1


class Simulator:
    def __init__(self, args):
        self.rng = random.Random(args.seed)
        self.poll = select.poll()
        self.handlers = {}
        self.due, self.serial = [], 0
        self.requests, self.connections = {}, {}
        self.buses = [Port(i, args.port) for i in range(args.tcp)]
        self.buses += [Line(args.tcp + i, link) for i, link in enumerate(args.rtu or [])]
        for bus in self.buses:
            if isinstance(bus, Port):
                self.watch(bus.listener.fileno(), lambda b=bus: self.accept(b))
            else:
                self.plug(bus)
        self.orders = b""
        self.exit_on_eof = args.exit_on_eof
        self.watch(0, self.read_orders)

    def watch(self, fd, handler):
        self.handlers[fd] = handler
        self.poll.register(fd, select.POLLIN)

    def forget(self, fd):
        if self.handlers.pop(fd, None):
            self.poll.unregister(fd)

    def later(self, seconds, action):
        self.serial += 1
        heapq.heappush(self.due, (time.monotonic() + seconds, self.serial, action))

    # ---- serial lines ----

    def plug(self, line):
        line.plug()
        self.watch(line.fd, lambda: self.hear(line))

    def pull(self, line):
        self.forget(line.fd)
        line.pull()

    def hear(self, line):
        fd = line.fd
        try:
            data = os.read(fd, 512)
        except BlockingIOError:
            return
        except OSError:  # nobody has it open: look again in a while
            self.forget(fd)
            self.later(0.005, lambda: fd == line.fd and self.watch(fd, lambda: self.hear(line)))
            return
        now = time.monotonic()
        if now - line.heard_at > 0.1:
            line.buffer = b""
        line.heard_at = now
        line.buffer += data
        while len(line.buffer) >= 8:
            request, line.buffer = line.buffer[:8], line.buffer[8:]
            if crc(request[:6]) == request[6:]:
                self.serve(line, "line", None, request[0], request[1:6], lambda data: self.say_line(line, fd, data))

    def say_line(self, line, fd, data):
        if fd != line.fd:
            return
        if data is None:
            self.pull(line)
            self.later(0.05, lambda: line.fd < 0 and self.plug(line))
            return
        try:
            os.write(fd, data)
        except OSError:
            pass

    # ---- TCP ----

    def accept(self, port):
        conn, _ = port.listener.accept()
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conn.setblocking(False)
        self.connections[str(port.number)] = self.connections.get(str(port.number), 0) + 1
        state = {"conn": conn, "buffer": b"", "open": True}
        self.watch(conn.fileno(), lambda: self.read_tcp(port, state))

    def close(self, state, reset=False):
        if not state["open"]:
            return
        state["open"] = False
        self.forget(state["conn"].fileno())
        if reset:
            state["conn"].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        state["conn"].close()

    def read_tcp(self, port, state):
        try:
            data = state["conn"].recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close(state)
            return
        state["buffer"] += data
        while state["open"] and len(state["buffer"]) >= 12:
            request, state["buffer"] = state["buffer"][:12], state["buffer"][12:]
            self.serve(port, id(state), struct.unpack(">H", request[:2])[0], request[6], request[7:],
                       lambda data: self.say_tcp(state, data))

    def say_tcp(self, state, data):
        if not state["open"]:
            return
        if data is None:
            self.close(state, reset=True)
            return
        try:
            state["conn"].send(data)
        except OSError:
            self.close(state)

    # ---- both ----

    def serve(self, bus, key, transaction, slave, pdu, say):
        fc, addr, count = struct.unpack(">BHH", pdu)
        if bus.said_at is not None:
            gap = time.monotonic() - bus.said_at
            bus.gap = gap if bus.gap is None else min(gap, bus.gap)
        name = f"{bus.number}/{slave}"
        self.requests[name] = self.requests.get(name, 0) + 1
        bus.said_at = time.monotonic()  # before: the answer may be there before we are back
        for seconds, data in bus.answers(key, transaction, slave, fc, addr, count, self.rng):
            if seconds:
                self.later(seconds, lambda d=data: say(d))
            else:
                say(data)

    def read_orders(self):
        data = os.read(0, 65536)
        if not data:
            self.forget(0)
            if self.exit_on_eof:
                sys.exit(0)
        self.orders += data
        while b"\n" in self.orders:
            line, self.orders = self.orders.split(b"\n", 1)
            if line.strip():
                self.order(json.loads(line))

    def order(self, o):
        if "count" in o:
            print(json.dumps({"requests": self.requests, "connections": self.connections,
                              "gap": {b.number: b.gap for b in self.buses}}), flush=True)
            return
        bus = self.buses[o["bus"]]
        if "pull" in o:
            self.pull(bus)
        elif "plug" in o:
            self.plug(bus)
        else:
            bus.order(o)

    def run(self):
        ports = ",".join(str(b.port) for b in self.buses if isinstance(b, Port))
        print(f"ready ports={ports or '-'}", flush=True)
        while True:
            wait = 1000 if not self.due else max(0, (self.due[0][0] - time.monotonic()) * 1000)
            for fd, _ in self.poll.poll(wait):
                if fd in self.handlers:
                    self.handlers[fd]()
            while self.due and self.due[0][0] <= time.monotonic():
                heapq.heappop(self.due)[2]()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tcp", type=int, default=0, metavar="N")
    parser.add_argument("--rtu", action="append", metavar="LINK")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--exit-on-eof", action="store_true")
    sim = Simulator(parser.parse_args())
    try:
        sim.run()
    except KeyboardInterrupt:
        pass
    finally:
        for bus in sim.buses:
            if isinstance(bus, Line):
                bus.pull()


if __name__ == "__main__":
    main()
