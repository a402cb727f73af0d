#!/usr/bin/env python3
# timeout: 90
"""More than 1,024 descriptors in use by stations: meters that are added then are read, by TCP and on a serial line.
libmodbus aborts the process where its descriptor is 1,024 or more."""
import os
import resource
import subprocess

from raw_ws import ROOT, TMP, Lmsd, Raw, check, finish, request, until

STATIONS = 1100


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < 2 * STATIONS:
        print(f"1..0 # SKIP the system allows {hard} descriptors only")
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.mkdir(f"{TMP}/meters")
    with open(f"{TMP}/meters/plain.conf", "w") as f:
        f.write('model = "PLAIN"; manufacturer = "tests"; verified = "no"; function = 4; direction = "register";\n'
                'variables = ( { name = "current_l1"; addr = 0; type = "f32"; unit = "A"; } );\n')
    sim = subprocess.Popen([f"{ROOT}/tests/sim/faulty.py", "--tcp", "3", "--rtu", f"{TMP}/tty", "--exit-on-eof"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    ports = sim.stdout.readline().split("=")[1].strip().split(",")
    with Lmsd(meters_directory=f"{TMP}/meters") as lmsd:
        lmsd.apply({"zones": [{"id": "Z", "static": 3500}],
                    "stations": [{"id": f"S{i}", "zone": "Z", "wiring": "RST", "connectors": 1} for i in range(STATIONS)]})
        stations = [Raw(lmsd.ws, request(f"/ocpp/S{i}")) for i in range(STATIONS)]
        check(all("101" in s.head.split("\r\n")[0] for s in stations), f"{STATIONS} stations are connected")
        check(len(os.listdir(f"/proc/{lmsd.child.pid}/fd")) > 1024 + 20, "and lmsd has more than 1,024 descriptors")
        addresses = [f"{slave}@127.0.0.1:{port}" for port in ports for slave in (1, 2)] + [f"{s}@rtu:{TMP}/tty" for s in (1, 2)]
        for i, address in enumerate(addresses):
            lmsd.must("meter", "add", f"M{i}", "profile=PLAIN", f"address={address}", "-y")
        until("all meters to be read", lambda: all(m["state"] == "ok" for m in lmsd.must("meter", "list")))
        check(True, f"{len(addresses)} meters that come now are read")
        until("the line to be read again", lambda: lmsd.must("meter", "check", f"M{len(addresses) - 1}"))
        check(lmsd.child.poll() is None, "lmsd runs on")
        for s in stations:
            s.sock.close()
    sim.stdin.close()
    sim.wait(10)
    finish()


if __name__ == "__main__":
    main()
