"""What the tests on the wire share: a lmsd of their own, raw WebSocket clients, TAP. Raw sockets send what no library
would."""
import base64
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

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


def finish():
    print(f"1..{tests}")
    sys.exit(failures > 0)


def until(what, condition, seconds=20):
    """Waits for a condition, never for a time."""
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


class Lmsd:
    def __init__(self, name="lmsd", **keys):
        self.name, self.socket, self.state = name, f"{TMP}/{name}.sock", f"{TMP}/{name}"
        conf = {"listen.ws": "127.0.0.1:0", "listen.wss": "127.0.0.1:0", "registration": "accept",
                "meters.directory": f"{ROOT}/etc/meters", "stations.directory": TMP}
        conf.update({k.replace("_", "."): v for k, v in keys.items()})
        options = [word for k, v in conf.items() for word in ("-o", f"{k}={v}")]
        self.child = subprocess.Popen([f"{BIN}/lmsd", "-d", self.state, "-s", self.socket, *options],
                                      stdout=subprocess.PIPE, stderr=open(f"{TMP}/{name}.log", "w"), text=True)
        for line in self.child.stdout:
            if line.startswith("ready "):
                words = dict(w.split("=", 1) for w in line.split()[1:])
                self.ready, self.ws, self.wss = words, int(words["ws"]), int(words["wss"])
                return
        print(self.log(), file=sys.stderr)
        raise SystemExit("lmsd does not start")

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.child.terminate()
        check(self.child.wait(20) == 0, f"{self.name} ends in order", self.child.returncode)

    def log(self):
        return open(f"{TMP}/{self.name}.log").read()

    def ctl(self, *args):
        """(exit status, answer)"""
        r = subprocess.run([f"{BIN}/lmsctl", "-s", self.socket, "-o", "json", *args], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        try:
            return r.returncode, json.loads(r.stdout)
        except ValueError:
            return r.returncode, r.stdout + r.stderr

    def must(self, *args):
        status, answer = self.ctl(*args)
        if status:
            raise RuntimeError(f"lmsctl {' '.join(args)}: {status}: {answer}")
        return answer

    def apply(self, document):
        with open(f"{TMP}/apply.json", "w") as f:
            json.dump(document, f)
        return self.must("apply", "-f", f"{TMP}/apply.json", "-y")


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

    count = 0

    def __init__(self, port, hello=None, after=b"", tls=None):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.sock = tls.wrap_socket(self.sock)
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

    def say(self, text):
        self.sock.sendall(frame(text))

    def ask(self, action, payload="{}", number=None):
        """The answer to a call, as [type, id, ...]."""
        self.count += 1
        number = number or f"q{self.count}"
        self.say(f'[2,"{number}","{action}",{payload}]')
        return self.whole_answer(number)

    def message(self):
        """The next message; pings are not answered. None at the end."""
        while True:
            got = self.frame()
            if got is None:
                return None
            if got[0] == 0x81:
                return json.loads(got[1])

    def call(self, action=None):
        """The next call of lmsd; if action is given, others are refused meanwhile."""
        while True:
            got = self.message()
            if got is None or (got[0] == 2 and (action is None or got[2] == action)):
                return got
            if got[0] == 2:
                self.say(f'[4,"{got[1]}","NotImplemented","",{{}}]')

    def whole_answer(self, number):
        while True:
            got = self.message()
            if got is None or (got[0] != 2 and got[1] == number):
                return got

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
