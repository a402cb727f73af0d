#!/usr/bin/python3
# timeout: 60
"""WebSocket and its handshake as stations and rogues speak them, against a real lmsd.

Raw sockets for what no library would send; python3-websockets, which we did not write, for the rest.
The frame table itself runs in tests/unit/test_net_frames.c; here the same bytes meet the whole daemon.
"""
import asyncio
import json
import select
import ssl
import struct
import time
import warnings

import websockets

from raw_ws import BEAT, BOOT, Lmsd, Raw, TMP, check, finish, frame, request


def handshakes(port):
    table = [
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
    context = ssl.create_default_context(cafile=f"{TMP}/lmsd/tls.crt")
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
    with Lmsd() as lmsd:
        handshakes(lmsd.ws)
        frames(lmsd.ws)
        floods(lmsd.ws, lmsd.child.pid)
        asyncio.run(library(lmsd.ws, lmsd.wss))
    finish()


main()
