#!/usr/bin/python3
"""tests/sim/meter.py - an energy meter behind real Modbus TCP, in front of a building that lives.

    meter.py [--port 0 | --serial DEVICE] [--profile SDM630] [--building SEED | --fixed A,B,C | --load-script FILE]
             [--mean AMPERES] [--slaves 1,2] [--control-socket PATH] [--exit-on-eof]

Prints `ready port=N`, or `ready device=PATH` for Modbus RTU at 9600,8N1. The registers come from the profile's file in etc/meters, with its limits: what
the file does not name, too long a request, or an odd one where the device wants even ones, is refused
as the device would. A script has lines `SECONDS A B C`: the building's current from then on.

Control: JSON objects, one per line, on standard input and on the Unix socket (many writers):
    {"ev": [a, b, c]}         current of the cars per phase, added to the building's; negative feeds in
    {"building": [a, b, c]}   the building stands still at this; null lets it live again
    {"mute": true}            requests get no answer;  {"mute_slaves": [2]} those slaves only
    {"freeze": true}          values stay as they are
    {"nan": true}             currents and powers are not numbers
    {"zero": true}            every register reads 0
    {"without": ["pf_l1"]}    registers that this device lacks
    {"exception": 4}          every request is refused with this exception; 0 ends it
    {"late": 1.5}             answers come this many seconds late
    {"reset": true}           closes all connections, once
    {"get": true}             answers one line with the present values
"""
import argparse
import asyncio
import glob
import json
import logging
import math
import os
import random
import re
import stat
import struct
import sys
import time

try:
    from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext
    from pymodbus.pdu import ExceptionResponse
    from pymodbus.server.async_io import (ModbusConnectedRequestHandler, ModbusSerialServer,
                                          ModbusSingleRequestHandler, ModbusTcpServer)
except ImportError:
    # Debian's package belongs to Debian's interpreter, which may not be the first in PATH.
    if os.path.realpath(sys.executable) == os.path.realpath("/usr/bin/python3"):
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", os.path.abspath(__file__)] + sys.argv[1:])

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TICK_S = 0.25
KILO = {"k": 1000.0, "m": 0.001, "M": 1e6}
WORDS = {"u16": 1, "s16": 1, "u32": 2, "s32": 2, "f32": 2, "u64": 4, "s64": 4, "f64": 4}


class Profile:
    """What of a profile a simulator needs; the syntax as our own files use it."""

    def __init__(self, name):
        for path in sorted(glob.glob(f"{ROOT}/etc/meters/*.conf")):
            with open(path, encoding="utf-8") as f:
                text = re.sub(r"^\s*#.*$", "", f.read(), flags=re.M)
            head, _, variables = text.partition("variables")
            names = re.findall(r'"([^"]*)"', "".join(re.findall(r"(?:model|aliases)\s*=[^;]*;", head)))
            if name.lower() in (n.lower() for n in names):
                break
        else:
            sys.exit(f"meter.py: no profile '{name}' in etc/meters")
        self.identity = re.search(
            r"identity\s*=\s*{\s*function\s*=\s*(\d+);\s*addr\s*=\s*(\w+);\s*expected\s*=\s*\[\s*(\w+)", head)
        head = re.sub(r"identity\s*=\s*{[^}]*};", "", head)
        self.max_regs = int(self.key(head, "max_regs", "125"))
        self.even_only = self.key(head, "even_only", "false") == "true"
        self.function = int(self.key(head, "function", "3"))
        self.order = self.key(head, "word_order", "big")
        self.variables = [self.variable(entry) for entry in re.findall(r"{([^}]*)}", variables)]

    @staticmethod
    def key(text, name, default):
        found = re.search(rf'(?:^|[\s;{{]){name}\s*=\s*"?([^";]*)"?\s*;', text)
        return found.group(1) if found else default

    def variable(self, entry):
        unit = self.key(entry, "unit", "")
        scale = float(self.key(entry, "scale", "1"))
        if len(unit) > 1 and unit[0] in KILO and unit != "mA" or unit in ("mA", "mV", "mHz"):
            scale *= KILO[unit[0]]
        if unit == "%":
            scale *= 0.01
        return {
            "name": self.key(entry, "name", ""),
            "fc": int(self.key(entry, "function", str(self.function))),
            "addr": int(self.key(entry, "addr", "0"), 0),
            "type": self.key(entry, "type", "u16"),
            "order": self.key(entry, "word_order", self.order),
            "scale": scale,
            "sign": -1 if self.key(entry, "negate", "no") in ("true", "yes") else 1,
        }


def words_of(variable, value):
    """The registers that a device has for a value in A, V, W, var, Hz or Wh."""
    kind, count = variable["type"], WORDS[variable["type"]]
    value = value * variable["sign"] / variable["scale"]
    if kind[0] == "f":
        raw = struct.pack(">f" if count == 2 else ">d", value)
    elif math.isnan(value):
        raw = b"\x7f" + b"\xff" * (2 * count - 1)
    else:
        bits = 16 * count
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if kind[0] == "s" else (0, (1 << bits) - 1)
        raw = (min(max(round(value), low), high) % (1 << bits)).to_bytes(2 * count, "big")
    words = [int.from_bytes(raw[i:i + 2], "big") for i in range(0, len(raw), 2)]
    if "swapped" in variable["order"]:
        words = [(w & 255) << 8 | w >> 8 for w in words]
    return words[::-1] if variable["order"].startswith("little") else words


class Building:
    """Current per phase of a house: a slow drift, noise, and appliances that come and go."""

    def __init__(self, seed, mean):
        self.rng = random.Random(seed)
        self.mean = mean
        self.noise = [0.0] * 3
        self.phase0 = [self.rng.uniform(0, 6.28) for _ in range(3)]
        self.appliances = []  # (ends at, [a, b, c])
        self.next_at = 0.0

    def at(self, t):
        while self.next_at <= t:
            amperes = self.rng.choice([2, 4, 6, 9, 10, 13, 16]) * self.mean / 25
            if self.rng.random() < 0.25:
                load = [amperes * 0.8] * 3
            else:
                load = [0.0] * 3
                load[self.rng.randrange(3)] = amperes
            self.appliances.append((self.next_at + self.rng.uniform(8, 90), load))
            self.next_at += self.rng.expovariate(1 / 12.0)
        self.appliances = [a for a in self.appliances if a[0] > t]
        out = []
        for i in range(3):
            self.noise[i] = 0.9 * self.noise[i] + self.rng.gauss(0, 0.12)
            drift = 0.25 * math.sin(t / 97 + self.phase0[i]) + 0.1 * math.sin(t / 23 + 2 * self.phase0[i])
            running = sum(load[i] for _, load in self.appliances)
            out.append(max(0.3, self.mean * (0.5 + drift) + running + self.noise[i]))
        return out


class Script:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            rows = [[float(x) for x in line.split()] for line in f if line.strip() and line[0] != "#"]
        self.rows = sorted(rows)

    def at(self, t):
        now = [0.0, 0.0, 0.0]
        for row in self.rows:
            if row[0] <= t:
                now = row[1:4]
        return now


class Fixed:
    def __init__(self, amperes):
        self.amperes = amperes

    def at(self, _t):
        return self.amperes


class Meter:
    def __init__(self, profile, load, seed):
        self.profile, self.load = profile, load
        self.rng = random.Random(seed + 1)
        self.started = self.ticked = time.monotonic()
        self.ev = [0.0] * 3
        self.held = None  # building current set by hand
        self.flags = {"mute": False, "freeze": False, "nan": False, "zero": False}
        self.mute_slaves, self.exception, self.late, self.reset = [], 0, 0.0, False
        self.without = []  # variables that this device lacks
        self.imported, self.exported = 1234567.0, 4321.0  # Wh
        self.values, self.registers = {}, {3: {}, 4: {}}
        self.tick()

    def measure(self, dt):
        building = self.held or self.load.at(self.ticked - self.started)
        amperes = [building[i] + self.ev[i] for i in range(3)]
        v = {}
        for i in range(3):
            volts = 231 + i * 0.4 - 0.02 * amperes[i] + self.rng.gauss(0, 0.15)
            factor = 0.97 if abs(amperes[i]) < 5 else 0.99
            watts = volts * amperes[i] * factor
            name = f"l{i + 1}"
            v[f"voltage_{name}n"] = volts
            v[f"current_{name}"] = abs(amperes[i])
            v[f"power_{name}"] = watts
            v[f"apparent_{name}"] = volts * abs(amperes[i])
            v[f"reactive_{name}"] = math.sqrt(1 - factor * factor) * volts * abs(amperes[i])
            v[f"pf_{name}"] = math.copysign(factor, watts)
        for kind in ("power", "reactive", "apparent"):
            v[f"{kind}_total"] = sum(v[f"{kind}_l{i}"] for i in (1, 2, 3))
        v["pf_total"] = v["power_total"] / v["apparent_total"] if v["apparent_total"] else 1.0
        v["current_total"] = sum(v[f"current_l{i}"] for i in (1, 2, 3))
        v["frequency"] = 50 + self.rng.gauss(0, 0.01)
        energy = v["power_total"] * dt / 3600
        if energy >= 0:
            self.imported += energy
        else:
            self.exported -= energy
        v["energy_import_total"], v["energy_export_total"] = self.imported, self.exported
        v["energy_total"] = self.imported + self.exported
        return v

    def tick(self):
        now = time.monotonic()
        if not (self.flags["freeze"] and self.values):
            self.values = self.measure(now - self.ticked)
        self.ticked = now
        registers = {3: {}, 4: {}}
        for variable in self.profile.variables:
            if variable["name"] in self.without:
                continue
            value = self.values.get(variable["name"], 0.0)
            if self.flags["nan"] and variable["name"].startswith(("current", "power")):
                value = math.nan
            for i, word in enumerate(words_of(variable, value)):
                registers[variable["fc"]][variable["addr"] + i] = 0 if self.flags["zero"] else word
        if self.profile.identity:
            fc, addr, word = (int(x, 0) for x in self.profile.identity.groups())
            registers[fc][addr] = word
        self.registers = registers

    def control(self, line):
        """Obeys one line; returns what to answer, or None."""
        try:
            order = json.loads(line)
            if not isinstance(order, dict):
                raise ValueError("not an object")
        except ValueError as e:
            return {"error": str(e)}
        if "ev" in order:
            self.ev = [float(x) for x in order["ev"]]
        if "building" in order:
            self.held = order["building"] and [float(x) for x in order["building"]]
        for flag in self.flags:
            self.flags[flag] = bool(order.get(flag, self.flags[flag]))
        self.mute_slaves = order.get("mute_slaves", self.mute_slaves)
        self.without = order.get("without", self.without)
        self.exception = int(order.get("exception", self.exception))
        self.late = float(order.get("late", self.late))
        self.reset = bool(order.get("reset"))
        self.tick()
        return {"values": self.values, "ev": self.ev} if order.get("get") else None


class Registers:
    """A data block of pymodbus that refuses what the device refuses."""

    def __init__(self, meter, fc):
        self.meter, self.fc = meter, fc

    def validate(self, address, count=1):
        profile, present = self.meter.profile, self.meter.registers[self.fc]
        if count > profile.max_regs:
            return False
        if profile.even_only and (address % 2 or count % 2) and address < 0x8000:
            return False
        return all(address + i in present for i in range(count))

    def getValues(self, address, count=1):  # pylint: disable=invalid-name
        return [self.meter.registers[self.fc][address + i] for i in range(count)]

    def setValues(self, _address, _values):  # pylint: disable=invalid-name
        raise ValueError("a meter is only read")


class Faults:
    """The faults that lie between a device and the line."""

    meter = None  # set by serve()

    def send(self, message, *addr, **kwargs):
        if self.meter.flags["mute"] or message.unit_id in self.meter.mute_slaves:
            return
        if self.meter.exception:
            refusal = ExceptionResponse(message.function_code & 0x7F, self.meter.exception)
            refusal.transaction_id, refusal.unit_id = message.transaction_id, message.unit_id
            message = refusal
        if self.meter.late:
            asyncio.get_running_loop().call_later(self.meter.late, self.send_late, message, addr)
        else:
            super().send(message, *addr, **kwargs)

    def send_late(self, message, addr):
        if not self.transport.is_closing():
            super().send(message, *addr)


class Handler(Faults, ModbusConnectedRequestHandler):
    pass


class SerialHandler(Faults, ModbusSingleRequestHandler):
    pass


async def read_orders(meter, server, reader, answer):
    while True:
        line = await reader.readline()
        if not line:
            return
        if not line.strip():
            continue
        reply = meter.control(line)
        if meter.reset:
            meter.reset = False
            for connection in list(getattr(server, "active_connections", {}).values()):
                connection.transport.abort()
        if reply is not None:
            answer(json.dumps(reply) + "\n")


async def stdin_orders(meter, server, exit_on_eof):
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(0)):
        return  # a file or nothing at all: there are no orders to come
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await read_orders(meter, server, reader, lambda text: print(text, end="", flush=True))
    if exit_on_eof:
        os._exit(0)


async def serve(args):
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it calls every hang-up an error
    profile = Profile(args.profile)
    if args.fixed:
        load = Fixed([float(x) for x in args.fixed.split(",")])
    elif args.load_script:
        load = Script(args.load_script)
    else:
        load = Building(args.building, args.mean)
    meter = Faults.meter = Meter(profile, load, args.building)
    slave = ModbusSlaveContext(ir=Registers(meter, 4), hr=Registers(meter, 3), zero_mode=True)
    if args.slaves:
        context = ModbusServerContext({int(n): slave for n in args.slaves.split(",")}, single=False)
    else:
        context = ModbusServerContext(slave, single=True)
    if args.serial:
        server = ModbusSerialServer(context, port=args.serial, baudrate=9600, handler=SerialHandler,
                                    ignore_missing_slaves=True)
        await server.start()
        serving = asyncio.create_task(server.serve_forever())
        ready = f"device={args.serial}"
    else:
        server = ModbusTcpServer(context, address=(args.host, args.port), handler=Handler,
                                 allow_reuse_address=True, ignore_missing_slaves=True)
        serving = asyncio.create_task(server.serve_forever())
        await asyncio.wait([serving, server.serving], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            sys.exit(f"meter.py: port {args.port}: {serving.exception()}")
        ready = f"port={server.server.sockets[0].getsockname()[1]}"

    async def socket_orders(reader, writer):
        await read_orders(meter, server, reader, lambda text: writer.write(text.encode()))
        writer.close()

    if args.control_socket:
        await asyncio.start_unix_server(socket_orders, args.control_socket)
    print(f"ready {ready}", flush=True)
    orders = asyncio.create_task(stdin_orders(meter, server, args.exit_on_eof))
    while not serving.done():
        await asyncio.sleep(TICK_S)
        meter.tick()
    orders.cancel()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--serial", metavar="DEVICE")
    parser.add_argument("--profile", default="SDM630")
    parser.add_argument("--building", type=int, default=1, metavar="SEED")
    parser.add_argument("--mean", type=float, default=20.0, metavar="AMPERES")
    parser.add_argument("--fixed", metavar="A,B,C")
    parser.add_argument("--load-script", metavar="FILE")
    parser.add_argument("--slaves", metavar="1,2")
    parser.add_argument("--control-socket", metavar="PATH")
    parser.add_argument("--exit-on-eof", action="store_true")
    try:
        asyncio.run(serve(parser.parse_args()))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
