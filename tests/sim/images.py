#!/usr/bin/python3
"""tests/sim/images.py - meters, inverters and storages with the registers of tests/data/meters, by Modbus TCP.

    images.py [--ports N] FILE...

Slave 1 has the first file, slave 2 the second one; every port serves all of them. Prints
`ready ports=P1,P2,...`. A register that no row names is refused. Orders, JSON, a line each, on standard input:
    {"image": 2}                                  all devices have no value, or the largest pattern
    {"slave": 3, "set": {"40084": 1200}}          holding registers
    {"slave": 3, "file": "PATH"}                  another device takes that slave
    {"slave": 3, "base": 50000}                   its holding registers move: what was first is there
    {"slave": 3, "mute": true}                    it does not answer any more
    {"slave": 3, "any": 1}                        every register that it does not have reads 1
    {"requests": true}                            answers one line with the number of requests per slave
"""
import argparse
import asyncio
import json
import logging
import os
import sys

try:
    from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext
    from pymodbus.server.async_io import ModbusConnectedRequestHandler, ModbusTcpServer
except ImportError:
    # Debian's package belongs to Debian's interpreter, which may not be the first in PATH.
    if os.path.realpath(sys.executable) == os.path.realpath("/usr/bin/python3"):
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", os.path.abspath(__file__)] + sys.argv[1:])


class Device:
    def __init__(self, path):
        self.mute, self.any, self.requests = False, None, 0
        self.load(path)

    def load(self, path):
        self.registers = {1: {3: {}, 4: {}}, 2: {3: {}, 4: {}}}
        self.image = 1
        with open(path, encoding="utf-8") as f:
            for line in f:
                cells = line.rstrip("\n").split("\t")
                if line[0] == "#" or cells[0] == "model":
                    continue
                for i, word in enumerate(cells[4].split(" ")):
                    for image in range(int(cells[0]), 3):
                        self.registers[image][int(cells[2])][int(cells[3]) + i] = int(word, 16)

    def move(self, base):
        for image in (1, 2):
            first = min(self.registers[image][3])
            self.registers[image][3] = {a - first + base: w for a, w in self.registers[image][3].items()}


class Registers:
    """A data block of pymodbus that has what the image has."""

    def __init__(self, device, fc):
        self.device, self.fc = device, fc

    def validate(self, address, count=1):
        self.device.requests += 1
        present = self.device.registers[self.device.image][self.fc]
        return self.device.any is not None or all(address + i in present for i in range(count))

    def getValues(self, address, count=1):  # pylint: disable=invalid-name
        present = self.device.registers[self.device.image][self.fc]
        return [present.get(address + i, self.device.any) for i in range(count)]

    def setValues(self, _address, _values):  # pylint: disable=invalid-name
        raise ValueError("a meter is only read")


class Handler(ModbusConnectedRequestHandler):
    devices = {}

    def send(self, message, *addr, **kwargs):
        if not self.devices[message.unit_id].mute:
            super().send(message, *addr, **kwargs)


def obey(devices, order):
    chosen = [devices[order["slave"]]] if "slave" in order else devices.values()
    for device in chosen:
        if "file" in order:
            device.load(order["file"])
        if "base" in order:
            device.move(order["base"])
        device.image = order.get("image", device.image)
        device.mute = order.get("mute", device.mute)
        device.any = order.get("any", device.any)
        for addr, word in order.get("set", {}).items():
            device.registers[device.image][3][int(addr)] = word & 0xFFFF
    if order.get("requests"):
        print(json.dumps({n: d.requests for n, d in devices.items()}), flush=True)


async def serve(args):
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it calls every hang-up an error
    devices = Handler.devices = {n + 1: Device(path) for n, path in enumerate(args.files)}
    slaves = {n: ModbusSlaveContext(ir=Registers(d, 4), hr=Registers(d, 3), zero_mode=True)
              for n, d in devices.items()}
    ports = []
    for _ in range(args.ports):
        server = ModbusTcpServer(ModbusServerContext(slaves, single=False), address=("127.0.0.1", 0),
                                 handler=Handler, allow_reuse_address=True, ignore_missing_slaves=True)
        asyncio.create_task(server.serve_forever())
        await server.serving
        ports.append(str(server.server.sockets[0].getsockname()[1]))
    print("ready ports=" + ",".join(ports), flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        obey(devices, json.loads(line))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ports", type=int, default=1)
    parser.add_argument("files", nargs="+", metavar="FILE")
    try:
        asyncio.run(serve(parser.parse_args()))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
