#!/usr/bin/env python3
"""lmsctl on a terminal: width, colour, questions, redrawing, and text that must not steer it."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ["BIN"]
DIR = os.environ.get("TMPDIR", "/tmp")
SOCKET = os.path.join(DIR, "serve")
DEADLINE_S = 20
count = 0
failed = 0


def on_terminal(args, typed="", columns=200, env=None, wait_for=None):
    """Runs lmsctl on a terminal of its own: (what it showed, exit status). Types when wait_for was seen."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update({"TERM": "xterm", "LC_ALL": "C.UTF-8", "TZ": "UTC", "LMS_SOCKET": SOCKET})
        os.environ.pop("NO_COLOR", None)
        os.environ.update(env or {})
        time.sleep(0.05)    # until the size below is set
        os.execv(BIN + "/lmsctl", ["lmsctl"] + args)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    shown = b""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if not select.select([fd], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
        if typed and re.search(wait_for.encode(), shown):
            os.write(fd, typed.encode())
            typed = ""
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return shown.decode(), os.waitstatus_to_exitcode(status)


def check(name, good, shown):
    global count, failed
    count += 1
    print(("ok" if good else "not ok"), count, "-", name)
    if not good:
        failed += 1
        print("# " + repr(shown))


servers = [subprocess.Popen([sys.executable, HERE + "/fake_lmsd.py", *words], stdout=subprocess.PIPE)
           for words in ((SOCKET, "serve"), (SOCKET + "-stay", "stay"))]
try:
    for server in servers:
        server.stdout.readline()
    shown, status = on_terminal(["zone", "list", "--color=never"], columns=60)
    check("no line is wider than the terminal", all(len(l) <= 60 for l in shown.split("\r\n")[:5]), shown)
    check("columns that do not fit are named", "(too narrow for" in shown and "ADMITTED" in shown, shown)
    shown, status = on_terminal(["zone", "list", "-f", "id,title", "--color=never"], columns=20)
    check("chosen columns stay", "TITLE" in shown and "too narrow" not in shown, shown)
    check("what is cut is marked", "…" in shown, shown)
    shown, status = on_terminal(["zone", "list"])
    check("a terminal has colour", "\x1b[1mID" in shown, shown)
    check("text from outside is escaped", "\\u{202E}\\x1b[31m1" in shown, shown)
    shown, status = on_terminal(["zone", "list"], env={"NO_COLOR": "1"})
    check("NO_COLOR is respected", "\x1b[" not in shown, shown)
    shown, status = on_terminal(["zone", "list"], env={"TERM": "dumb"})
    check("and so is a dumb terminal", "\x1b[" not in shown, shown)
    shown, status = on_terminal(["zone", "show", "P1", "-o", "json"])
    check("JSON on a terminal cannot turn its text around", "\\u202e" in shown and "\u202e" not in shown, shown)
    shown, status = on_terminal(["zone", "show", "P1", "-o", "value", "-f", "title"])
    check("nor can bare values", "\u202e" not in shown and "\x1b" not in shown, shown)

    shown, status = on_terminal(["zone", "delete", "P1"], "n\n", wait_for="y/N")
    check("a question that is denied changes nothing", status == 1 and "left as it was" in shown, (shown, status))
    shown, status = on_terminal(["zone", "delete", "P1"], "y\n", wait_for="zone delete P1: .*y/N")
    check("one that is agreed to does", status == 0 and "done" in shown, (shown, status))
    shown, status = on_terminal(["zone", "delete", "P1", "-y"])
    check("-y asks nothing", status == 0 and "y/N" not in shown, (shown, status))

    shown, status = on_terminal(["zone", "list", "-w"])
    check("a watch draws over what it drew", shown.count("\x1b[H") == 2 and status == 69, (shown, status))
    shown, status = on_terminal(["-s", SOCKET + "-stay", "zone", "list", "-w"], "\x03", wait_for="Car park")
    check("an interrupt ends it without a word", status == 130 and "lmsctl:" not in shown, (shown, status))
finally:
    for server in servers:
        server.kill()
print(f"1..{count}")
sys.exit(1 if failed else 0)
