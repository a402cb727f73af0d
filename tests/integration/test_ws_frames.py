#!/usr/bin/python3
# timeout: 60
"""WebSocket and its handshake as stations and rogues speak them, against a real lmsd.

Raw sockets for what no library would send; python3-websockets, which we did not write, for the rest.
The frame table itself runs in tests/unit/test_net_frames.c; here the same bytes meet the whole daemon.
"""
import asyncio
import base64
import json
import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import warnings

import websockets

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("BIN", f"{ROOT}/build/bin")
TMP = os.environ.get("TMPDIR") or tempfile.mkdtemp()
BOOT = '[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
BEAT = '[2,"2","Heartbeat",{}]'
tests = failures = 0


def check(good, name, detail=""):
    global tests, failures
    tests += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {tests} - {name}", flush=True)
    if not good and detail:
        print(f"# {detail!r}")


def start():
    lmsd = subprocess.Popen(
        [f"{BIN}/lmsd", "-d", f"{TMP}/state", "-s", f"{TMP}/lmsd.sock", "-o", "listen.ws=127.0.0.1:0",
         "-o", "listen.wss=127.0.0.1:0", "-o", "registration=accept",
         "-o", f"meters.directory={ROOT}/etc/meters", "-o", f"stations.directory={TMP}"],
        stdout=subprocess.PIPE, stderr=open(f"{TMP}/lmsd.log", "w"), text=True)
    for line in lmsd.stdout:
        if line.startswith("ready "):
            words = dict(w.split("=", 1) for w in line.split()[1:])
            return lmsd, int(words["ws"]), int(words["wss"])
    print(open(f"{TMP}/lmsd.log").read(), file=sys.stderr)
    raise SystemExit("lmsd does not start")


def request(target="/ocpp/RAW", protocol="ocpp1.6", connection=True, extra=""):
    lines = [f"GET {target} HTTP/1.1", "Host: lms", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
             "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode()]
    lines += ["Connection: Upgrade"] if connection else []
    lines += [f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []
    return ("\r\n".join(lines + ([extra] if extra else [])) + "\r\n\r\n").encode()


def frame(payload, b0=0x81, mask=os.urandom(4)):
    data = payload.encode() if isinstance(payload, str) else payload
    n = len(data)
    size = bytes([0x80 | n]) if n < 126 else (b"\xfe" + struct.pack(">H", n) if n < 65536
                                              else b"\xff" + struct.pack(">Q", n))
    return bytes([b0]) + size + mask + bytes(c ^ mask[i % 4] for i, c in enumerate(data))


class Raw:
    """A client with no manners of its own."""

    def __init__(self, port, hello=None, after=b""):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        self.head = ""
        if hello is not None:
            self.sock.sendall(hello + after)
            self.head = self.until(b"\r\n\r\n").decode()

    def more(self):
        try:
            got = self.sock.recv(65536)
        except ConnectionResetError:
            got = b""
        self.data += got
        return got

    def until(self, mark):
        while mark not in self.data and self.more():
            pass
        head, _, self.data = self.data.partition(mark)
        return head

    def take(self, n):
        while len(self.data) < n and self.more():
            pass
        out, self.data = self.data[:n], self.data[n:]
        return out

    def frame(self):
        """(first byte, payload), or None at the end."""
        head = self.take(2)
        if len(head) < 2:
            return None
        n = head[1]
        if n == 126:
            n = struct.unpack(">H", self.take(2))[0]
        return head[0], self.take(n)

    def answer_to(self, number):
        """The CALLRESULT with that id; what lmsd asks meanwhile is passed over."""
        while True:
            got = self.frame()
            if got is None:
                return None
            if got[0] == 0x81:
                message = json.loads(got[1])
                if message[0] == 3 and message[1] == number:
                    return message[2]

    def close_code(self):
        while True:
            got = self.frame()
            if got is None:
                return None
            if got[0] == 0x88:
                return struct.unpack(">H", got[1][:2])[0] if len(got[1]) >= 2 else 1005


def handshakes(port):
    table = [
        ("no subprotocol is accepted, none echoed", request(protocol=None), 101, "", "Sec-WebSocket-Protocol"),
        ("of several subprotocols ocpp1.6 is picked", request(protocol="ocpp2.0.1, ocpp1.6"), 101,
         "Sec-WebSocket-Protocol: ocpp1.6\r\n", "2.0.1"),
        ("only unknown subprotocols are refused", request(protocol="ocpp2.0.1"), 400, "", "101"),
        ("a missing Connection header is tolerated", request(connection=False), 101, "", "400"),
        ("absolute target", request("ws://lms:9000/ocpp/ABS"), 101, "", "400"),
        ("two slashes and a trailing one", request("//SLASH/"), 101, "", "400"),
        ("percent-encoded blank and bar", request("/x/A%20B%7CC"), 101, "", "400"),
        ("raw blank and bar", request("/x/A B|C"), 101, "", "400"),
        ("49 characters are refused", request("/" + "x" * 49), 400, "", "101"),
        ("an encoded slash is refused", request("/a%2fb"), 400, "", "101"),
        ("an encoded escape character is refused", request("/a%1bb"), 400, "", "101"),
        ("compression is not negotiated",
         request(extra="Sec-WebSocket-Extensions: permessage-deflate"), 101, "", "Extensions"),
        ("a browser is told what this is", b"GET /ocpp/X HTTP/1.1\r\nHost: x\r\n\r\n", 426, "Upgrade: websocket", "101"),
        ("a header above 8 KiB is refused", request(extra="X: " + "y" * 9000), 431, "", "101"),
        ("a request with a body is refused", request(extra="Content-Length: 3"), 400, "", "101"),
    ]
    for name, hello, status, want, unwanted in table:
        raw = Raw(port, hello)
        raw.head += "\r\n"
        check(raw.head.startswith(f"HTTP/1.1 {status} ") and want in raw.head and unwanted not in raw.head,
              name, raw.head)
        raw.sock.close()


def frames(port):
    raw = Raw(port, request("/GLUED"), frame(BOOT))
    got = raw.answer_to("1")
    check(got and got["status"] == "Accepted", "a message glued to the upgrade is answered", got)

    half = len(BEAT) // 2
    raw.sock.sendall(frame(BEAT[:half], 0x01) + frame("p", 0x89) + frame("", 0x00) + frame(BEAT[half:], 0x80))
    pong = raw.frame()
    while pong and pong[0] == 0x81:
        pong = raw.frame()
    check(pong == (0x8A, b"p"), "a ping between fragments is answered at once", pong)
    check(raw.answer_to("2") is not None, "the fragments are one message")

    for byte in frame('[2,"3","Heartbeat",{}]'):
        raw.sock.sendall(bytes([byte]))
    check(raw.answer_to("3") is not None, "bytes may come one by one")

    many = b"".join(frame(c, 0x01 if i == 0 else 0) for i, c in enumerate('[2,"4","Heartbeat",{}]'))
    raw.sock.sendall(many + frame("", 0x80))
    check(raw.answer_to("4") is not None, "fragments of one byte")
    raw.sock.close()

    table = [
        ("an unmasked frame", b"\x81\x02{}", 1002),
        ("a reserved bit", frame("{}", 0xC1), 1002),
        ("a reserved opcode", frame("", 0x83), 1002),
        ("a binary message", frame(b"\x00", 0x82), 1003),
        ("text that is not UTF-8", frame(b"\xc0\xaf"), 1007),
        ("text that ends inside a character, over fragments", frame(b"\xe2", 0x01) + frame(b"\x82", 0x80), 1007),
        ("a message of 1 MiB + 1", b"\x81\xff" + struct.pack(">Q", (1 << 20) + 1) + b"\0\0\0\0x", 1009),
        ("a length that is not minimal", b"\x81\xfe\x00\x05\0\0\0\0", 1002),
        ("a continuation of nothing", frame("x", 0x80), 1002),
        ("a close frame of one byte", frame(b"\x03", 0x88), 1002),
        ("close code 1005 on the wire", frame(b"\x03\xed", 0x88), 1002),
        ("close code 1012 is good", frame(b"\x03\xf4", 0x88), 1012),
        ("an empty close frame", frame(b"", 0x88), 1005),
    ]
    for name, data, code in table:
        raw = Raw(port, request("/ROGUE"), data)
        got = raw.close_code()
        check(got == code and raw.frame() is None, f"{name}: {code}", got)
        raw.sock.close()


def floods(port, pid):
    def rss_kib():
        for line in open(f"/proc/{pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1])

    before = rss_kib()
    raw = Raw(port, request("/FLOOD"))
    raw.sock.setblocking(False)
    pings = frame("x" * 125, 0x89) * 500
    sent, end = 0, time.monotonic() + 3
    while sent < 40_000_000 and time.monotonic() < end:
        if select.select([], [raw.sock], [], 0.2)[1]:
            sent += raw.sock.send(pings[:len(pings)])
    good = Raw(port, request("/CALM"), frame(BOOT))
    check(good.answer_to("1") is not None, "a station is served while another floods with pings and does not read")
    good.sock.close()
    grown = rss_kib() - before
    check(grown < 20_000, "the flood costs no memory", f"{grown} KiB for {sent} bytes")
    raw.sock.close()

    idle = [Raw(port, request(f"/IDLE{i}")) for i in range(20)]
    check(all(" 101 " in r.head for r in idle), "twenty silent stations stay connected")
    for r in idle:
        r.sock.close()


async def library(ws, wss):
    context = ssl.create_default_context(cafile=f"{TMP}/state/tls.crt")
    context.check_hostname = False
    for url, kw in ((f"ws://127.0.0.1:{ws}/LIB", {}), (f"wss://127.0.0.1:{wss}/LIBS", {"ssl": context})):
        scheme = url.split(":")[0]
        async with websockets.connect(url, subprotocols=["ocpp1.6"], **kw) as conn:
            await conn.send(BOOT)
            while True:
                message = json.loads(await asyncio.wait_for(conn.recv(), 10))
                if message[0] == 3:
                    break
            check(message[2]["status"] == "Accepted", f"python3-websockets over {scheme}", message)
            await asyncio.wait_for(await conn.ping(), 10)
            await conn.close(1000, "done")
            check(conn.close_code == 1000, f"its close is answered over {scheme}", conn.close_code)
    try:
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        await websockets.connect(f"wss://127.0.0.1:{wss}/OLD", ssl=old)
        check(False, "TLS 1.1 is refused")
    except (ssl.SSLError, OSError):
        check(True, "TLS 1.1 is refused")


def main():
    warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.1 is asked for on purpose
    lmsd, ws, wss = start()
    try:
        handshakes(ws)
        frames(ws)
        floods(ws, lmsd.pid)
        asyncio.run(library(ws, wss))
        lmsd.terminate()
        check(lmsd.wait(20) == 0, "lmsd ends in order after all of this", lmsd.returncode)
    finally:
        lmsd.kill()
    print(f"1..{tests}")
    sys.exit(failures > 0)


main()
