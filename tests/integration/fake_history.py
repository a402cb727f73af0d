#!/usr/bin/python3
"""A stand-in for lmsd that has kept values for long: answers *.history by pages, and site.show.

usage: fake_history.py SOCKET [ROWS]     prints "ready" when it listens; serves until it is killed

Rows come every 10 s from 2026-10-25T00:00:00Z, an hour before the clocks of Paris go back. Row 5 has no value on
L2, row 6 is implausible there, and rows 10 to 14 are left out. With the variable "endless" the pages do not end.
"""
import json
import os
import socket
import sys
import threading

T0 = 1792886400000
PAGE = 360
ROWS = int(sys.argv[2]) if len(sys.argv) > 2 else 720
COLUMNS = [{"variable": "current_l1", "unit": "A", "decimals": 3, "stat": "value"},
           {"variable": "current_l2", "unit": "A", "decimals": 3, "stat": "value"},
           {"variable": "energy_import", "unit": "Wh", "decimals": 0, "stat": "value"}]


def row(i):
    cells = [T0 + i * 10000, i * 10 - 20, 16000, 1234567 + i]
    if i == 5:
        cells[2] = None
        cells.append("gsg")
    if i == 6:
        cells.append("gig")
    return cells


def page(params):
    first = int(params.get("cursor", "0"))
    endless = params.get("variables") == "endless"
    last = first + PAGE if endless else min(ROWS, first + PAGE)
    columns = COLUMNS
    if params.get("variables") == "formula":
        columns = [dict(COLUMNS[0], variable="=cmd|calc")] + COLUMNS[1:]
    return {"id": params["id"], "step_ms": 10000, "columns": columns,
            "rows": [row(i) for i in range(first, last) if not 10 <= i < 15],
            "cursor": str(last) if endless or last < ROWS else None}


def curve():
    return {"items": [{"time": "2026-11-19T04:%02d:00Z" % i, "energy_wh": i * 200, "power_w": 12000,
                       "current_ma": [16000, 15900, None]} for i in range(30)], "next": None}


def serve(conn):
    stream = conn.makefile("rw")
    hello = {"jsonrpc": "2.0", "method": "hello", "params": {"protocol": 1, "version": "0.1", "roles": "view"}}
    stream.write(json.dumps(hello) + "\n")
    stream.flush()
    while True:
        try:
            line = stream.readline()
        except ConnectionResetError:    # interrupted in the middle of an answer
            return
        if not line:
            return
        request = json.loads(line)
        answer = {"jsonrpc": "2.0", "id": request["id"]}
        params = request.get("params") or {}
        if request["method"] == "site.show":
            answer["result"] = {"timezone": "Europe/Paris"}
        elif request["method"] == "transaction.curve":
            answer["result"] = curve()
        elif params.get("id") == "NONE":
            answer["error"] = {"code": -32004, "message": "meter 'NONE' does not exist", "data": {"error": "NOTFOUND"}}
        elif params.get("cursor") and params.get("variables") == "broken":
            answer["error"] = {"code": -32074, "message": "the disk is gone", "data": {"error": "IO"}}
        else:
            answer["result"] = page(params)
        try:
            stream.write(json.dumps(answer) + "\n")
            stream.flush()
        except BrokenPipeError:
            return


def main():
    listener = socket.socket(socket.AF_UNIX)
    if os.path.exists(sys.argv[1]):
        os.unlink(sys.argv[1])
    listener.bind(sys.argv[1])
    listener.listen(8)
    print("ready", flush=True)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn,), daemon=True).start()


main()
