#!/usr/bin/python3
# timeout: 60
"""One identity connecting twice: the older one is pinged; dead it is replaced, alive it stays and the newer is refused.
Whoever is in is heard: no connection is ever open but deaf."""
import base64
import tempfile
import threading

from raw_ws import Lmsd, Raw, check, finish, request, until

BOOT = '{"chargePointVendor":"V","chargePointModel":"M"}'


class Alive(Raw):
    """Reads and answers pings as a library would, in a thread; answers to its calls wait in `answers`."""

    def __init__(self, *args):
        super().__init__(*args)
        self.answers, self.ended = {}, False
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        import json
        try:
            while True:
                got = self.frame()
                if got is None or got[0] == 0x88:
                    break
                if got[0] == 0x89:
                    self.sock.sendall(bytes([0x8A, 0x80 | len(got[1]), 0, 0, 0, 0]) + got[1])
                elif got[0] == 0x81:
                    message = json.loads(got[1])
                    if message[0] != 2:
                        self.answers[message[1]] = message
        except OSError:
            pass
        self.ended = True

    def beats(self, number):
        self.say(f'[2,"{number}","Heartbeat",{{}}]')
        return until("a heartbeat's answer", lambda: self.answers.get(number) or self.ended) is not True


KEY = "0011223344556677889900112233445566778899"


def basic(user, key):
    return "Authorization: Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()


def online(lmsd, name):
    return [s["state"] for s in lmsd.must("station", "list") if s["id"] == name] == ["online"]


def main():
    with Lmsd() as lmsd:
        lmsd.apply({"zones": [{"id": "P", "static": 60}], "stations": [{"id": i, "zone": "P"} for i in "ABCDEF"]})

        old = Alive(lmsd.ws, request("/A"))
        check(old.beats("1"), "the first connection is served")
        new = Raw(lmsd.ws, request("/A"))
        check(new.head.startswith("HTTP/1.1 409 "), "quirk: connects twice, the old one is alive: the new one is refused",
              new.head)
        check(old.beats("2") and online(lmsd, "A"), "and the old one goes on")
        check("station A station_twice" in until("the event", lambda: "station_twice" in lmsd.log() and lmsd.log()),
              "with an event")
        old.sock.close()

        # It reads nothing and so answers no ping: a station that lost its network.
        old = Raw(lmsd.ws, request("/B"))
        check(old.ask("BootNotification", BOOT)[0] == 3, "a station that falls silent")
        new = Alive(lmsd.ws, request("/B"))
        check(new.beats("1") and online(lmsd, "B"),
              "quirk: connects twice, nothing is heard of the old one: the new one takes its place")
        ended = True
        try:
            while old.message() is not None:
                pass
        except OSError:
            pass
        old.sock.close()
        check(ended and new.beats("2") and online(lmsd, "B"),
              "quirk: the old one's teardown does not touch the new one")
        until("one opening after the other in the log", lambda: lmsd.log().count("station B station_opened") == 2)
        check(lmsd.log().count("station B station_closed") == 0, "it is never told as gone")
        new.sock.close()

        # While the newcomer waits the old one says something: any inbound frame is life.
        old = Raw(lmsd.ws, request("/C"))
        new = Raw(lmsd.ws)
        new.sock.sendall(request("/C"))
        while old.frame()[0] != 0x89:
            pass
        old.say('[2,"x","Heartbeat",{}]')
        check(new.until(b"\r\n\r\n").startswith(b"HTTP/1.1 409 "),
              "quirk: connects twice, the old one answers no ping but speaks: it is alive")
        check(old.whole_answer("x")[0] == 3, "and was heard")

        # The old one ends while the newcomer waits.
        new = Raw(lmsd.ws)
        new.sock.sendall(request("/C"))
        while old.frame()[0] != 0x89:
            pass
        old.sock.close()
        check(new.until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 "),
              "quirk: connects twice, the old one ends meanwhile: the new one is let in at once")
        check(new.ask("Heartbeat")[0] == 3, "and is heard")
        new.sock.close()

        # Five at once where a dead one was: one of them is in, and heard; none is open but deaf.
        silent = Raw(lmsd.ws, request("/D"))
        crowd = []
        for i in range(5):
            crowd.append(Raw(lmsd.ws))
            crowd[i].sock.sendall(request("/D"))
            while silent.frame()[0] != 0x89:  # the old one is asked for each, so it has been seen
                pass
        heads = [raw.until(b"\r\n\r\n")[:12] for raw in crowd]
        heard = [head == b"HTTP/1.1 101" and raw.ask("Heartbeat")[0] == 3 for raw, head in zip(crowd, heads)]
        check(heard == [False] * 4 + [True] and online(lmsd, "D"), "quirk: connects again and again while the old one is asked: the last one is heard, no other is open",
              (heads, heard))
        for raw in crowd + [silent]:
            raw.sock.close()

        # Who has shown who he is goes before a connection that may be half open for hours; a stranger does not.
        with tempfile.NamedTemporaryFile("w") as f:
            f.write(KEY)
            f.flush()
            lmsd.must("station", "key", "set", "F", "@" + f.name)
        old = Alive(lmsd.ws, request("/F", extra=basic("F", KEY)))
        check(old.beats("1"), "a station with a key is served")
        stranger = Raw(lmsd.ws, request("/F", extra=basic("F", KEY[::-1])))
        check(stranger.head.startswith("HTTP/1.1 401 ") and old.beats("2"), "quirk: connects twice, the new one has another key: "
              "it is refused, and the old one goes on", stranger.head)
        new = Raw(lmsd.ws, request("/F", extra=basic("F", KEY)))
        check(new.head.startswith("HTTP/1.1 101 ") and new.ask("Heartbeat")[0] == 3,
              "quirk: connects twice, the old one is alive, the new one shows its key: it takes the place at once", new.head)
        check(until("the end of the old one", lambda: old.ended) and new.ask("Heartbeat")[0] == 3 and online(lmsd, "F"),
              "the old one is closed, and its teardown does not touch the new one")
        new.sock.close()

        # The newcomer goes away while it waits: nothing is left of it.
        old = Alive(lmsd.ws, request("/E"))
        new = Raw(lmsd.ws)
        new.sock.sendall(request("/E"))
        new.sock.close()
        check(old.beats("1") and old.beats("2") and online(lmsd, "E"), "a newcomer that gives up changes nothing")
    finish()


main()
