#!/usr/bin/python3
"""tests/sim/device.py - a device behind real Modbus TCP whose coils, inputs and registers tell a state.

    device.py [--port 0]

Prints `ready port=N`. All values are 0 at first; any address from 0 to 199 can be read, of any slave. Orders are JSON
objects, one per line, on standard input:
    {"set": {"co": {"3": 1}, "di": {}, "hr": {"40": 2}, "ir": {}}}
    {"get": true}             answers one line: {"connections": N, "requests": N}, since the start
"""
import argparse
import asyncio
import json
import logging
import os
import sys

try:
    from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
    from pymodbus.server.async_io import ModbusConnectedRequestHandler, ModbusTcpServer
except ImportError:
    # Debian's package belongs to Debian's interpreter, which may not be the first in PATH.
    if os.path.realpath(sys.executable) == os.path.realpath("/usr/bin/python3"):
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", os.path.abspath(__file__)] + sys.argv[1:])

COUNT = {"connections": 0, "requests": 0}


class Handler(ModbusConnectedRequestHandler):
    def connection_made(self, transport):
        COUNT["connections"] += 1
        super().connection_made(transport)

    def execute(self, request, *addr):
        COUNT["requests"] += 1
        super().execute(request, *addr)


async def serve(port):
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    blocks = {kind: ModbusSequentialDataBlock(0, [0] * 200) for kind in ("co", "di", "hr", "ir")}
    context = ModbusServerContext(ModbusSlaveContext(zero_mode=True, **blocks), single=True)
    server = ModbusTcpServer(context, address=("127.0.0.1", port), handler=Handler, allow_reuse_address=True)
    serving = asyncio.create_task(server.serve_forever())
    await asyncio.wait([serving, server.serving], return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        sys.exit(f"device.py: port {port}: {serving.exception()}")
    print(f"ready port={server.server.sockets[0].getsockname()[1]}", flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        order = json.loads(line)
        for kind, values in order.get("set", {}).items():
            for address, value in values.items():
                blocks[kind].setValues(int(address), [value])
        if order.get("get"):
            print(json.dumps(COUNT), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
