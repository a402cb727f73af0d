#!/usr/bin/python3
# timeout: 60
"""What real stations do at the handshake: each is let in under the identity that is meant, or refused for a reason."""
import ssl
import threading
import time

from raw_ws import BOOT, Lmsd, Raw, check, finish, request, until


def known(lmsd):
    return {s["id"] for s in lmsd.must("station", "pending") if s["state"] == "online"}


def quirk(lmsd, name, hello, identity=None, want="", unwanted="\0", tls=None):
    """Let in as `identity`, and served; None: refused with 400 and a remedy."""
    raw = Raw(lmsd.wss if tls else lmsd.ws, hello, tls=tls)
    head = raw.head + "\r\n"
    if identity is None:
        check(head.startswith("HTTP/1.1 400 ") and want.encode() in raw.until(b"\0"), name, (head, raw.data))
    else:
        good = head.startswith("HTTP/1.1 101 ") and want in head and unwanted not in head
        served = good and raw.ask("BootNotification", '{"chargePointVendor":"V","chargePointModel":"M"}')
        check(good and served[0] == 3 and identity in known(lmsd), name, (head, served, known(lmsd)))
    raw.sock.close()


def handshakes(lmsd):
    quirk(lmsd, "quirk: no subprotocol offered, accepted as OCPP 1.6, none echoed", request("/Q1", protocol=None), "Q1",
          unwanted="Sec-WebSocket-Protocol")
    quirk(lmsd, "quirk: several subprotocols offered, ocpp1.6 is picked", request("/Q2", protocol="ocpp2.0.1, ocpp1.6, x"),
          "Q2", "Sec-WebSocket-Protocol: ocpp1.6\r\n", "2.0.1")
    quirk(lmsd, "quirk: several subprotocols in several headers, ocpp1.6 is picked",
          request("/Q3", protocol="ocpp2.0.1", extra="Sec-WebSocket-Protocol: ocpp1.6"), "Q3",
          "Sec-WebSocket-Protocol: ocpp1.6\r\n", "2.0.1")
    quirk(lmsd, "quirk: only unknown subprotocols offered, refused with what is spoken here",
          request("/Q4", protocol="ocpp2.0.1, ocpp1.5"), None, "offer ocpp1.6")
    quirk(lmsd, "quirk: subprotocol in capitals, echoed as the station spells it", request("/Q5", protocol="OCPP1.6"), "Q5",
          "Sec-WebSocket-Protocol: OCPP1.6\r\n")
    quirk(lmsd, "quirk: Connection: Upgrade is missing", request("/Q6", connection=False), "Q6")
    quirk(lmsd, "quirk: absolute-form request target", request("ws://lms.example:9000/ocpp/Q7"), "Q7")
    quirk(lmsd, "quirk: two slashes before the id and one behind it", request("//Q8/"), "Q8")
    quirk(lmsd, "quirk: a path before the id", request("/steve/websocket/CentralSystemService/Q9"), "Q9")
    quirk(lmsd, "quirk: a query behind the id", request("/ocpp/Q10?vendor=x/y"), "Q10")
    quirk(lmsd, "quirk: percent-encoded id, decoded once", request("/ocpp/%51%2D11%20A%7CB"), "Q-11 A|B")
    quirk(lmsd, "quirk: blanks and | in the id as they are", request("/ocpp/Q 12|x"), "Q 12|x")
    quirk(lmsd, "quirk: an id encoded twice is no way around the check", request("/ocpp/Q%252f13"), None, "may hold")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    quirk(lmsd, "quirk: TLS without SNI", request("/Q14"), "Q14", tls=context)


def closed(raw):
    """The connection ends; what comes before is thrown away."""
    try:
        while raw.message() is not None:
            pass
    except OSError:
        pass
    return True


def life(lmsd):
    """Pinged after a second of silence, lost after 2.5."""
    talks, mute, pongs = (Raw(lmsd.ws, request(f"/{name}")) for name in ("TALKS", "MUTE", "PONGS"))
    began, lost, answered = time.monotonic(), [], []

    def watch():
        closed(mute)
        lost.append(time.monotonic() - began)

    def pong():
        while True:
            got = pongs.frame()
            if got is None:
                return
            if got[0] == 0x89:
                pongs.sock.sendall(bytes([0x8A, 0x80 | len(got[1]), 0, 0, 0, 0]) + got[1])
                answered.append(1)

    for task in (watch, pong):
        threading.Thread(target=task, daemon=True).start()
    beats = 0
    while time.monotonic() - began < 4:
        beats += talks.ask("Heartbeat")[0] == 3
        talks.sock.settimeout(0.5)
        try:
            talks.more()
        except TimeoutError:
            pass
        talks.sock.settimeout(10)
    check(beats >= 4 and "TALKS" in known(lmsd), "quirk: never answers pings, any inbound frame is life", beats)
    check("PONGS" in known(lmsd) and answered, "whoever answers pings need not say anything else", answered)
    until("the mute one to be lost", lambda: lost)
    check(2 < lost[0] and "MUTE" not in known(lmsd), "whoever does neither is lost", lost)


def main():
    with Lmsd() as lmsd:
        handshakes(lmsd)
    with Lmsd("life", limits_silence=1) as lmsd:
        life(lmsd)
    finish()


main()
