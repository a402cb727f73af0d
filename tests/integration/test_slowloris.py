#!/usr/bin/python3
# timeout: 60
"""Slow peers: headers that never end, TLS that never begins or never goes on, frames that trickle. They are ended in
time, hold next to nothing, and a station comes in and is served meanwhile."""
import time

from raw_ws import BOOT, Lmsd, Raw, check, finish, frame, request

EACH = 60


def resident_kib(lmsd):
    for line in open(f"/proc/{lmsd.child.pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])


def ended(raw):
    """Has the peer ended it? What came before is kept."""
    raw.sock.setblocking(False)
    try:
        while True:
            got = raw.sock.recv(4096)
            if not got:
                return True
            raw.data += got
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def main():
    with Lmsd() as lmsd:
        before = resident_kib(lmsd)
        began = time.monotonic()
        half = [Raw(lmsd.ws) for _ in range(EACH)]
        silent = [Raw(lmsd.wss) for _ in range(EACH)]
        hello = [Raw(lmsd.wss) for _ in range(EACH)]
        for raw in half:
            raw.sock.sendall(b"GET /SLOW HTTP/1.1\r\nHost: x\r\nX-Long: ")
        for raw in hello:
            raw.sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        trickle = Raw(lmsd.ws, request("/TRICKLE"))
        trickle.sock.sendall(frame("x" * 50)[:20])

        rounds, longest, trickling = 0, 0, list(half)
        everyone = half + silent + hello
        while everyone and time.monotonic() - began < 30:
            rounds += 1
            asked = time.monotonic()
            calm = Raw(lmsd.ws, request(f"/CALM{rounds}"), frame(BOOT))
            good = calm.answer_to("1") is not None
            longest = max(longest, time.monotonic() - asked)
            calm.sock.close()
            if not good:
                break
            for raw in list(trickling):
                try:
                    raw.sock.send(b"x")  # never more than a byte at a time: the deadline is for all of it
                except OSError:
                    trickling.remove(raw)
            everyone = [raw for raw in everyone if not ended(raw)]
            if rounds == 2:
                grown = resident_kib(lmsd) - before
                check(grown < 30 * 3 * EACH + 8000, "they hold little memory", grown)
            time.sleep(0.2)  # the pace of a trickle
        seconds = time.monotonic() - began
        check(not everyone and 9 < seconds < 20, "all are ended when their ten seconds are over", (len(everyone), seconds))
        check(all(b"HTTP/1.1 408 " in raw.data for raw in half), "who speaks HTTP is told why",
              [raw.data[:20] for raw in half if b" 408 " not in raw.data])
        check(longest < 3, "stations come in and are served meanwhile", longest)
        check(not ended(trickle), "a message may take its time, a minute")
    finish()


main()
