#!/usr/bin/env python3
"""A station that answers multicast DNS, beside one who lies and one who answers nonsense.

fake_mdns.py OWN_ADDRESS FOREIGN_ADDRESS: answers from OWN_ADDRESS, and the same from FOREIGN_ADDRESS, which is on
no network of the asker. Prints "ready" when it listens."""
import os
import socket
import struct
import sys

own, foreign = sys.argv[1:3]


def name(dotted):
    return b''.join(bytes([len(p)]) + p.encode() for p in dotted.split('.')) + b'\0'


def record(owner, kind, data):
    return name(owner) + struct.pack('>HHIH', kind, 1, 120, len(data)) + data


def answer(instance):
    records = [record('_ocpp._tcp.local', 12, name(instance + '._ocpp._tcp.local')),
               record('host-7.local', 1, socket.inet_aton(own))]
    return struct.pack('>HHHHHH', 0, 0x8400, 0, 1, 0, 1) + b''.join(records)


s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('', 5353))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton('224.0.0.251') + socket.inet_aton(own))
out = {}
for address in (own, foreign):
    out[address] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out[address].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    out[address].bind((address, 5353))
print('ready', flush=True)
while True:
    query, who = s.recvfrom(9000)
    if b'_ocpp' not in query:
        continue
    # From another port than 5353, and no DNS at all: neither counts.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wrong:
        wrong.bind((own, 0))
        wrong.sendto(answer('wrong-port'), who)
    for i in range(50):
        out[own].sendto(os.urandom(20 + i), who)
    # A name that points at itself.
    out[own].sendto(struct.pack('>HHHHHH', 0, 0x8400, 0, 1, 0, 0) + b'\xc0\x0c' + struct.pack('>HHIH', 12, 1, 1, 2) + b'\xc0\x0c', who)
    out[foreign].sendto(answer('foreign'), who)
    out[own].sendto(answer('Wall box 7'), who)
