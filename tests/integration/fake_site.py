#!/usr/bin/env python3
"""A stand-in for lmsd that has a small site to watch.

usage: fake_site.py SOCKET [MODE]    prints "ready"; serves until its standard input ends
modes: serve (default)   every list of the site
       partly            never sends the zones
Lines on standard input: LIST JSON     pushes one changed record, e.g. connector.list {"id":...}
                         gone LIST ID  one is gone
                         end LIST      ends its watches, as lmsd does where the object is gone
                         drop          closes all connections and stops listening
Requests go to SOCKET.log, one JSON object per line.
"""
import datetime
import json
import os
import socket
import sys
import threading

L3 = [63000, 63000, 63000]
SITE = {
    "system.status": [{"version": "0.1", "state": "operational", "store": "ok", "title": "Fake site", "stations": 2,
                       "stations_online": 2, "stations_pending": 0, "connectors": 2, "charging": 1, "meters": 1,
                       "meters_ok": 1, "sessions_week": 3, "sessions_month": 9, "energy_week_wh": 12340,
                       "energy_month_wh": 98760}],
    "zone.list": [{"id": "main", "title": "Main board", "static_ma": L3, "cap_ma": L3, "cap_why": "static",
                   "load_ma": [57000, 60000, 10000], "load_ok": True, "sum_ma": [57000, 60000, 10000],
                   "stations": 2, "competing": 1, "admitted": 1}],
    "station.list": [{"id": "CP1", "zone": "main", "connectors": 1, "state": "online", "vendor": "\x1b[31mAlpha"},
                     {"id": "CP2", "zone": "main", "connectors": 1, "state": "online"}],
    "station.pending": [],
    "connector.list": [
        {"id": "CP1/1", "station": "CP1", "number": 1, "zone": "main", "online": True, "status": "Charging",
         "current_ma": [16000, 16000, 16000], "limit_ma": 16000, "target_ma": 16000, "w_ma": 16000,
         "reason": "free: may take its maximum of 16 A", "transaction": 7, "tag": "04A1"},
        {"id": "CP2/1", "station": "CP2", "number": 1, "zone": "main", "online": True, "status": "Available",
         "limit_ma": 0, "target_ma": 0, "w_ma": 0, "reason": "no car"}],
    "meter.list": [{"id": "board", "profile": "SDM630", "address": "1@192.0.2.5:502", "scope": "grid", "state": "ok",
                    "age_ms": 100, "current_ma": L3, "power_w": 43470}],
    "meter.show": [{"id": "board", "profile": "SDM630", "address": "1@192.0.2.5:502", "state": "ok", "age_ms": 100,
                    "values": [{"name": "voltage_l1n", "value": 231.7, "unit": "V", "time": "2026-11-21T04:30:00Z",
                                "quality": "good"}]}],
    "transaction.list": [{"id": 7, "station": "CP1", "connector": 1, "tag": "04A1", "holder": "Anna Keller",
                          "state": "running", "start": "2026-11-21T04:30:00Z", "duration_ms": 60000,
                          "energy_wh": 1234, "cost": "0.43", "currency": "EUR"}],
    "tag.list": [{"uid": "04A1", "holder": "Anna Keller", "type": "standard", "active": True, "credit_wh": 8766,
                  "last_use": "2026-11-21T04:30:00Z", "transactions": 3}],
    "tag.pending": [{"uid": "0B02", "count": 4, "station": "CP2", "last": "2026-11-21T04:20:00Z"}],
    "tag.show": [{"uid": "04A1", "holder": "Anna Keller", "type": "standard", "active": True, "credit_wh": 8766,
                  "comment": "fleet", "last_use": "2026-11-21T04:30:00Z", "transactions": 3}],
    "alert.list": [{"id": 3, "alert": "station_offline", "severity": "warning", "object": "CP9", "state": "open",
                    "since": "2026-11-19T05:00:00Z", "text": "is not connected"}],
    "event.list": [{"seq": 1, "time": "2026-11-21T04:30:00Z", "level": "info", "subject": "station", "object": "CP1",
                    "event": "station_booted", "text": "vendor=Alpha"}],
}


def history(params):
    """Sixty values of what is asked for, in two pages."""
    def ms(text):
        return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
    first, step = int(params.get("cursor", "0")), (ms(params["until"]) - ms(params["from"])) // 60
    names = params["variables"].split(",")
    unit, decimals = ("A", 3) if "current" in names[0] else ("V", 3) if "voltage" in names[0] else ("W", 0)
    return {"id": params["id"], "step_ms": step, "cursor": None if first else "30",
            "columns": [{"variable": n, "unit": unit, "decimals": decimals, "stat": "value"} for n in names],
            "rows": [[ms(params["from"]) + i * step] + [9000 + i * 10 + k for k in range(len(names))]
                     for i in range(first, first + 30)]}


PAGES = {   # lists that are asked for, not watched
    "tag.credit_show": [{"seq": 5, "time": "2026-11-21T04:00:00Z", "cause": "recharge", "change_wh": 10000,
                         "credit_wh": 10000}],
    "transaction.list": [{"id": 6, "station": "CP2", "connector": 1, "tag": "04A1", "state": "ended",
                          "start": "2026-11-20T04:30:00Z", "stop": "2026-11-20T05:30:00Z", "duration_ms": 3600000,
                          "energy_wh": 7000, "cost": "2.45", "currency": "EUR"}],
}
lock = threading.Lock()
peers = {}      # connection: {list: [watch number, seq]}


def send(conn, obj):
    try:
        conn.sendall((json.dumps(obj) + "\n").encode())
    except OSError:
        pass


def push(conn, verb, what, records):
    watch = peers[conn][verb]
    send(conn, {"jsonrpc": "2.0", "method": "watch",
                "params": {"watch": watch[0], "seq": watch[1], what: records, "gone": []}})
    watch[1] += 1


def take_away(conn, verb, params):
    watch = peers[conn][verb]
    send(conn, {"jsonrpc": "2.0", "method": "watch", "params": {"watch": watch[0], "seq": watch[1], **params}})
    watch[1] += 1


def handle(conn, request, mode, log):
    params = request.get("params", {})
    log.write(json.dumps({"method": request["method"], "params": params}) + "\n")
    log.flush()
    reply = {"jsonrpc": "2.0", "id": request["id"], "result": {}}
    if request["method"] == "system.watch":
        number = len(peers[conn]) + 1
        peers[conn][params["verb"]] = [number, 0]
        reply["result"] = {"watch": number}
    elif request["method"] in PAGES:
        reply["result"] = {"items": PAGES[request["method"]], "next": None}
    elif request["method"].endswith(".history"):
        reply["result"] = history(params)
    elif request["method"] == "connector.explain":
        reply["result"] = {"id": params["id"], "causes": [{"code": "zone_saturated", "text": "zone main is full"},
                                                          {"code": "static", "text": "its static limit is 63 A"}]}
    elif request["method"] == "connector.start":
        del reply["result"]
        reply["error"] = {"code": -32004, "message": "tag '%s' is unknown" % params["tag"], "data": {"err": "NOTFOUND"}}
    elif request["method"].split(".")[0] in ("connector", "station"):
        reply["result"] = {"status": "Accepted" if params["id"].startswith("CP1") else "Rejected"}
    send(conn, reply)
    if request["method"] == "system.watch" and not (mode == "partly" and params["verb"] == "zone.list"):
        push(conn, params["verb"], "snapshot", SITE[params["verb"]])


def serve(conn, mode, log):
    send(conn, {"jsonrpc": "2.0", "method": "hello",
                "params": {"protocol": 1, "version": "0.1", "roles": "admin,operator,technician,view"}})
    try:
        for line in conn.makefile("r"):
            with lock:
                handle(conn, json.loads(line), mode, log)
    except OSError:
        pass
    with lock:
        del peers[conn]


def accept(listener, mode, log):
    while True:
        try:
            conn, _ = listener.accept()
        except OSError:
            return
        with lock:
            peers[conn] = {}
        threading.Thread(target=serve, args=(conn, mode, log), daemon=True).start()


def main():
    path, mode = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "serve"
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(8)
    log = open(path + ".log", "a", encoding="utf-8")
    threading.Thread(target=accept, args=(listener, mode, log), daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split(None, 1)
        with lock:
            if words[0] == "drop":
                break
            if words[0] in ("gone", "end"):
                verb, _, which = words[1].strip().partition(" ")
                for conn in [c for c in peers if verb in peers[c]]:
                    take_away(conn, verb, {"changed": [], "gone": [which]} if words[0] == "gone" else
                              {"ended": {"code": -32004, "message": "it is gone", "data": {"err": "NOTFOUND"}}})
                continue
            for conn in [c for c in peers if words[0] in peers[c]]:
                push(conn, words[0], "changed", [json.loads(words[1])])
    os.unlink(path)


main()
