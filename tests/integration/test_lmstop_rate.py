#!/usr/bin/env python3
"""lmstop draws at most four times a second however fast lmsd pushes, and not at all when nothing changes."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOCKET = os.path.join(os.environ.get("TMPDIR", "/tmp"), "site")
SECONDS = 3
GAP_S = 0.1


def start_site():
    site = subprocess.Popen([sys.executable, HERE + "/fake_site.py", SOCKET], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    site.stdout.readline()
    return site


def start_lmstop():
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update({"TERM": "xterm", "LC_ALL": "C.UTF-8"})
        time.sleep(0.05)    # until the size below is set
        os.execv(os.environ["BIN"] + "/lmstop", ["lmstop", "-s", SOCKET, "--screen", "events"])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    return pid, fd


def bursts(fd, seconds):
    """How often something was drawn: writes with less than GAP_S between them are one picture."""
    count, last, end = 0, 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.05)[0]:
            os.read(fd, 65536)
            if time.monotonic() - last > GAP_S:
                count += 1
            last = time.monotonic()
    return count


def push(site, stop):
    n = 2
    while not stop.is_set():
        site.stdin.write('event.list {"seq":%d,"time":"2026-11-21T04:30:00Z","event":"e%d"}\n' % (n, n))
        site.stdin.flush()
        n += 1
        time.sleep(0.01)


def wait_for(fd, what):
    shown, end = b"", time.monotonic() + 20
    while what not in shown and time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            shown += os.read(fd, 65536)
    return what in shown


try:
    for end in pty.openpty():
        os.close(end)
except OSError as e:
    print("ok 1 - the rate of drawing # skip no pseudo-terminals: %s" % e)
    print("1..1")
    sys.exit()
site = start_site()
pid, fd = start_lmstop()
stop = threading.Event()
came = wait_for(fd, b"station_booted")
bursts(fd, 1.5)
quiet = bursts(fd, 2)
threading.Thread(target=push, args=(site, stop), daemon=True).start()
busy = bursts(fd, SECONDS)
stop.set()
os.write(fd, b"q")
_, status = os.waitpid(pid, 0)
site.kill()
for n, (good, name) in enumerate([
        (came, "events are shown"),
        (quiet == 0, "nothing is drawn while nothing changes (%d)" % quiet),
        (2 <= busy <= 4 * SECONDS + 1, "a flood is drawn four times a second (%d in %d s)" % (busy, SECONDS)),
        (status == 0, "and it leaves")], 1):
    print("ok" if good else "not ok", n, "-", name.split(" (")[0])
    if not good:
        print("#", name)
print("1..4")
