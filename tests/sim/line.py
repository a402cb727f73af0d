#!/usr/bin/env python3
"""line.py - a serial line that is no good: a pseudo-terminal whose other end is mute, sends noise, or is held.

usage: line.py mute|noise|held
Prints "ready device=/dev/pts/N"; ends when its standard input does. mute: nobody answers. noise: every request
is answered with bytes that are no frame. held: another program has the line locked.
"""
import fcntl
import os
import pty
import selectors
import sys
import tty


def main():
    kind = sys.argv[1]
    ours, theirs = pty.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    # It stays open here too: a line does not hang up between two programs that use it.
    if kind == "held":
        fcntl.flock(theirs, fcntl.LOCK_EX)
    print(f"ready device={os.ttyname(theirs)}", flush=True)
    sel = selectors.DefaultSelector()
    sel.register(0, selectors.EVENT_READ)
    sel.register(ours, selectors.EVENT_READ)
    while True:
        for key, _ in sel.select():
            data = os.read(key.fd, 256)
            if key.fd == 0 and not data:
                return
            if key.fd == ours and data and kind == "noise":
                os.write(ours, bytes([data[0], data[1], 4, 0x55, 0xAA, 0x13, 0x37, 0xFF, 0x00]))


if __name__ == "__main__":
    main()
