#!/usr/bin/env python3
"""A stand-in for lmsd on a Unix socket: answers from a table, or misbehaves as its mode says.

usage: fake_lmsd.py SOCKET MODE      prints "ready" when it listens; serves until it is killed
modes: serve    canned answers
       version  says hello with another protocol version
       garbage  says something that is not JSON
       hangup   closes at once
       vanish   says hello, and closes when asked
       norole   says hello without a role, refuses every request
       stay     as serve, but a watch does not end
       lines    answers in single bytes, with notifications in between
"""
import json
import os
import socket
import sys
import threading

ZONES = [
    {"id": "main", "title": "Main board", "phases": 3, "fuse_ma": 125000, "static_ma": [100000, 100000, 100000],
     "policy": "keep_min", "cap_ma": [100000, 100000, 100000], "cap_why": "static", "load_ma": [60100, 20000, 0],
     "load_ok": True, "sum_ma": [60000, 48000, 48000], "stations": 12, "competing": 5, "admitted": 4},
    {"id": "P1", "title": "Car park \u202e\x1b[31m1", "parent": "main", "static_ma": [60000, None, None],
     "cap_ma": [60000, None, None], "stations": 3, "a_field_of_the_future": {"x": 1}},
    {"id": "P10", "title": "=cmd|calc, \"x\"", "parent": "main"},
    {"id": "P2", "parent": "main", "stations": 7},
]
STATION = {"Reset": "Accepted"}


def items(params):
    first = int(params.get("cursor", "0"))
    limit = min(params.get("limit", 2), 2)      # small pages on purpose
    page = ZONES[first:first + limit]
    more = first + limit < len(ZONES)
    return {"items": page, "next": str(first + limit) if more else None}


def answer(method, params):
    """(result, error)"""
    if method == "zone.list":
        return items(params), None
    if method in ("zone.show", "zone.set", "zone.create"):
        for z in ZONES:
            if z["id"] == params["id"]:
                changed = dict(z)
                if "fuse" in params:
                    changed["fuse_ma"] = int(float(str(params["fuse"]).rstrip("A ")) * 1000)
                return changed, None
        return None, ("NOTFOUND", -32004, "zone '%s' does not exist" % params["id"])
    if method == "tag.add":
        return params, None
    if method == "connector.limit":
        return {"id": params["id"], "reason": "%s for %s" % (params["limit"], params["for"])}, None
    if method == "station.config_get":
        if params.get("key"):
            return {"unknownKey": [params["key"]]}, None
        return {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}]}, None
    if method == "zone.delete":
        return {"changed": True}, None
    if method == "station.restart":
        return {"status": "Accepted" if params["id"] == "CP1" else "Rejected"}, None
    if method == "station.config_set":
        return {"status": {"A=B": "RebootRequired"}.get(params["value"], "NotSupported")}, None
    if method == "station.call":
        if params["action"] == "Bad":
            return {"error": "NotSupported", "description": ""}, None
        return {"answer": {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}]}}, None
    if method == "station.trigger":
        return None, ("OFFLINE", -32075, "station %s is offline" % params["id"])
    if method == "connector.explain":
        return {"id": params["id"], "causes": [{"code": "zone", "text": "zone P1 allows 60 A"},
                                               {"code": "share", "text": "shared by 3 connectors"}]}, None
    if method == "config.apply":
        return {"changes": [{"kind": "zone", "id": "P3", "key": "id", "from": "", "to": "P3"},
                            {"kind": "zone", "id": "P1", "key": "static_ma", "from": "60000/60000/60000",
                             "to": "50000/50000/50000"}]}, None
    if method == "system.status":
        return {"version": "0.1", "state": "operational", "uptime_ms": 61000, "time": "2026-11-21T04:30:00Z"}, None
    if method == "system.version":
        return {"lmsd": "0.1", "protocol": 1}, None
    if method == "system.whoami":
        return {"user": "root", "roles": "admin"}, None
    if method == "system.watch":
        return {"watch": 1}, None
    return None, ("METHOD", -32601, "no method '%s'" % method)


def send(conn, obj, mode):
    data = (json.dumps(obj) + "\n").encode()
    if mode != "lines":
        conn.sendall(data)
        return
    for i in range(len(data)):
        conn.sendall(data[i:i + 1])


def watch_pushes(conn, verb):
    def push(seq, what, records, gone=()):
        send(conn, {"jsonrpc": "2.0", "method": "watch",
                    "params": {"watch": 1, "seq": seq, what: records, "gone": list(gone)}}, "serve")
    if verb == "event.list":
        event = {"time": "2026-11-21T04:30:00Z", "level": "notice", "subject": "station", "object": "CP1",
                 "event": "booted", "text": "vendor=\x1b[31mX"}
        push(0, "snapshot", [dict(event, seq=i) for i in range(1, 21)])
        push(1, "changed", [dict(event, seq=21, event="gone")])
    else:
        push(0, "snapshot", ZONES[:2])
        push(1, "changed", [dict(ZONES[1], stations=4)], ["main"])


def serve(conn, mode):
    reader = conn.makefile("r")
    if mode == "hangup":
        conn.close()
        return
    if mode == "garbage":
        conn.sendall(b"220 mail.example ESMTP\r\n")
        return
    send(conn, {"jsonrpc": "2.0", "method": "hello",
                "params": {"protocol": 2 if mode == "version" else 1, "version": "0.1",
                           "roles": "none" if mode == "norole" else "admin"}}, mode)
    for line in reader:
        request = json.loads(line)
        if mode == "vanish":
            conn.shutdown(socket.SHUT_RDWR)
            return
        if mode == "lines":
            send(conn, {"jsonrpc": "2.0", "method": "watch", "params": {"watch": 9, "seq": 1}}, mode)
        result, error = answer(request["method"], request.get("params", {}))
        if mode == "norole":
            error = ("ROLE", -32077, "%s needs membership of group lms-view" % request["method"])
        reply = {"jsonrpc": "2.0", "id": request["id"]}
        if error:
            reply["error"] = {"code": error[1], "message": error[2], "data": {"err": error[0]}}
        else:
            reply["result"] = result
        send(conn, reply, mode)
        if request["method"] == "system.watch" and not error:
            watch_pushes(conn, request["params"]["verb"])
            if mode != "stay":
                conn.shutdown(socket.SHUT_RDWR)
                return


def main():
    path, mode = sys.argv[1:3]
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(8)
    print("ready", flush=True)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn, mode), daemon=True).start()


main()
