#!/usr/bin/env python3
"""Strange command lines, and an lmsd that answers anything: lmsctl ends with a status of its table.

The seed is fixed; SEED= replays another, ROUNDS= runs longer.
"""
import json
import os
import random
import socket
import subprocess
import sys
import threading

SEED = int(os.environ.get("SEED", "20261121"))
ROUNDS = int(os.environ.get("ROUNDS", "120"))
LMSCTL = os.environ["BIN"] + "/lmsctl"
DIR = os.environ.get("TMPDIR", "/tmp")
STATUSES = {0, 1, 3, 4, 5, 6, 64, 65, 66, 69, 70, 73, 74, 75, 76, 77, 78}
KEYS = ["items", "next", "id", "status", "changes", "causes", "answer", "error", "configurationKey", "unknownKey",
        "text", "code", "kind", "key", "from", "to", "static_ma", "title", "watch", "changed", "values"]
SCALARS = ["", "x", "Accepted", "zone", "id", "\x1b[0m", "\u202e", "é" * 40, "static_ma", "1,2,3"]
COMMANDS = ["zone list", "zone list -w", "zone show P1", "zone show P1 -w", "zone set P1 fuse=3 -n", "zone set P1 fuse=3",
            "zone delete P1 -y", "station restart X -y", "station call X Y", "station config get X",
            "connector explain X/1", "config show", "whoami", "version", "status", "events", "events -f",
            "meter profiles", "diff DOCUMENT", "apply DOCUMENT", "raw a.b", "__complete zone show x",
            "tx list --sort -id", "meter show m"]
FORMATS = ["", "-o json", "-o csv", "-o tsv", "-o value", "-o ndjson", "-o wide", "--color=always", "-q"]
WORDS = """status zone list show set create delete meter station config get call connector tag tx help events -f - -n -y
-q -w --utc --tz Europe/Paris --sort -id id --limit 3 0 -o json csv value table -h --help -- = a= =b fuse=12 fuse=
static=16,16,16 static_ma=[1] {} [1 {"a":1} P1 CP1/1 apply diff raw schema __doc __complete exit control options
version -V -s --socket= --fields= --limit= --color=always expires=2026-02-30 expires= vip=maybe \x01\x02 é whoami
--dry-run --dry_run --prune --hard= --no-such -zz -ojson -ffield,title --sort= --=x""".split() + ["", " "]
rng = random.Random(SEED)


def value(depth=0):
    kind = rng.randrange(12)
    if kind < 2:
        return rng.choice([None, True, False])
    if kind == 2:
        return rng.choice([0, -1, 2**63, 1.5, 1e300, 60000])
    if kind < 5 and depth < 3:
        return [value(depth + 1) for _ in range(rng.randrange(4))]
    if kind < 8 and depth < 3:
        return {rng.choice(KEYS): value(depth + 1) for _ in range(rng.randrange(5))}
    return rng.choice(SCALARS)


def result(method):
    kind = rng.random()
    if kind < 0.4 and method.endswith(".list"):
        return {"items": [{"id": value(3), "static_ma": value(2), "title": value(3)} for _ in range(4)] + [value()],
                "next": None}
    if kind < 0.6:
        change = {"kind": rng.choice(["zone", "tag", "site", "x"]), "id": value(3), "from": value(2), "to": value(2),
                  "key": rng.choice(["id", "static_ma", "title"])}
        return {"changes": [change, value()], "causes": [value(), value()], "status": value(3)}
    return value()


def push():
    params = rng.choice([value(), {"snapshot": [{"id": "a"}, value()], "gone": value()}, {"ended": value()},
                         {"changed": [value(), {"id": "a", "title": value(3)}], "gone": ["a", value()]}])
    return {"method": rng.choice(["watch", "watch", "x"]), "params": params}


def serve(conn):
    stream = conn.makefile("rw")

    def say(message):
        stream.write(json.dumps(message) + "\n")
        stream.flush()

    try:
        say({"jsonrpc": "2.0", "method": "hello", "params": {"protocol": 1}})
        for line in stream:
            request = json.loads(line)
            for _ in range(rng.randrange(3)):
                say(push())
            answer = {"id": rng.choice([request["id"]] * 8 + [None, "x"])}
            answer["error" if rng.random() < 0.15 else "result"] = result(request["method"])
            say(answer)
            if rng.random() < 0.6 or answer["id"] != request["id"] or request["method"] == "system.watch":
                for _ in range(rng.randrange(4)):
                    say(push())
                conn.shutdown(socket.SHUT_RDWR)
                return
    except (OSError, ValueError):
        pass


def accept(listener):
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn,), daemon=True).start()


def run(words, path):
    done = subprocess.run([LMSCTL] + words, env=dict(os.environ, LMS_SOCKET=path), stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=30)
    if done.returncode in STATUSES:
        return True
    print("# lmsctl", words, "status", done.returncode, done.stderr.decode(errors="replace")[:1000].replace("\n", "\n# "))
    return False


path = os.path.join(DIR, "strange")
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(8)
threading.Thread(target=accept, args=(listener,), daemon=True).start()
document = os.path.join(DIR, "document.json")
with open(document, "w") as f:
    f.write('{"zones":[]}')
print("# SEED=%d" % SEED)
lines = [[rng.choice(WORDS) for _ in range(rng.randrange(1, 8))] for _ in range(ROUNDS)]
good = all([run(words, "/nowhere") for words in lines])
print("ok" if good else "not ok", "1 - any command line ends with a status of the table")
commands = [(rng.choice(COMMANDS) + " " + rng.choice(FORMATS)).replace("DOCUMENT", document).split() for _ in range(ROUNDS)]
answers = all([run(words, path) for words in commands])
print("ok" if answers else "not ok", "2 - whatever lmsd answers, so does it")
print("1..2")
sys.exit(0 if good and answers else 1)
