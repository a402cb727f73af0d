#!/usr/bin/python3
"""Mails of alerts at a real mail server (aiosmtpd) with STARTTLS and a password: after an outage and a crash, once each;
what a server refuses, and servers that are not to be trusted."""
import email
import email.policy
import json
import os
import signal
import subprocess

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from mail_tls import certificate, context, free_port
from raw_ws import BIN, TMP, Lmsd, check, finish, until

MAILS = []


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        tls = session.ssl is not None
        MAILS.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default), tls,
                      session.authenticated))
        return "250 OK"


def login(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"lms", b"secret word")
    return AuthResult(success=good, handled=False)


class Server:
    """The mail server; port 0 takes any."""
    def __init__(self, port, pair=None):
        self.controller = Controller(Handler(), hostname="127.0.0.1", port=port, tls_context=context(pair) if pair else None,
                                     require_starttls=pair is not None, authenticator=login, auth_require_tls=True,
                                     auth_required=pair is not None)
        self.controller.start()

    def stop(self):
        self.controller.stop()


def ctl(lmsd, *words, wanted=0):
    got = subprocess.run([f"{BIN}/lmsctl", "-s", lmsd.socket, "-o", "json", *words], text=True, capture_output=True)
    if wanted is not None and got.returncode != wanted:
        print(f"# {words}: {got.returncode}: {got.stderr}")
    return json.loads(got.stdout) if got.returncode == 0 and got.stdout else got.stderr


def main():
    pair, other, port = certificate("localhost"), certificate("elsewhere"), free_port()
    with open(f"{TMP}/password", "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write("secret word\n")
    keys = dict(mail_host="localhost", mail_port=port, mail_ca=pair[0], mail_user="lms", mail_password=f"{TMP}/password",
                mail_from="lms@site.example")
    lmsd = Lmsd("mail", **keys)
    ctl(lmsd, "site", "set", "title=Parkhaus Süd")
    ctl(lmsd, "alert_rule", "set", "meter_lost", "delay=0s", "mail=anna@example.org,bo@example.org")
    ctl(lmsd, "meter", "add", "M1", "profile=SDM630", "address=1@127.0.0.1:9")
    until("the mails wait", lambda: [m["tries"] for m in ctl(lmsd, "mail", "list")] == [1, 1], 40)
    waits = ctl(lmsd, "mail", "list")
    check({m["to"] for m in waits} == {"anna@example.org", "bo@example.org"}, "a mail waits for each recipient", waits)
    check(all("connect" in m["error"].lower() and m["next_ms"] > 30000 for m in waits), "it says why and until when", waits)

    lmsd.child.send_signal(signal.SIGKILL)
    lmsd.child.wait()
    server = Server(port, pair)
    lmsd = Lmsd("mail", **keys)
    until("the mails arrive", lambda: len(MAILS) >= 2)
    until("nothing waits", lambda: ctl(lmsd, "mail", "list") == [])
    check(sorted(to for to, *_ in MAILS) == [["anna@example.org"], ["bo@example.org"]], "after outage and crash each arrives once",
          [to for to, *_ in MAILS])
    _, mail, tls, known = MAILS[0]
    check(tls and known, "by TLS and with the password")
    check(mail["From"] == "lms@site.example" and mail["Subject"] == "Parkhaus Süd: meter_lost M1", "from and subject are readable",
          mail["Subject"])
    check("Parkhaus Süd" in mail.get_body(("plain",)).get_content() and "Connection refused" in mail.get_body(("plain",)).get_content(), "so is what it says",
          mail.get_body(("plain",)).get_content())
    check(mail["Date"] is not None and "@site.example" in mail["Message-ID"], "it has a date and a name of its own")

    got = ctl(lmsd, "mail", "test", "carl@example.org")
    check(got["state"] == "sent" and MAILS[-1][0] == ["carl@example.org"], "mail test arrives", got)
    got = ctl(lmsd, "mail", "test", "nobody@example.org", wanted=1)
    check("550" in got and "no such user" in got, "and says what the server says", got)
    got = ctl(lmsd, "mail", "test", "a@b@c", wanted=65)
    check("is not an address" in got, "what is no address is none", got)

    server.stop()
    before = len(MAILS)
    for what, pair_there, says in (("a certificate of another host is not taken", other, "certificate"),
                                   ("a server without TLS gets no password and no mail", None, "STARTTLS")):
        server = Server(port, pair_there)
        got = ctl(lmsd, "mail", "test", "carl@example.org", wanted=1)
        check(says.lower() in got.lower() and len(MAILS) == before, what, got)
        server.stop()
    lmsd.child.terminate()
    check(lmsd.child.wait(20) == 0, "lmsd ends in order")
    finish()


main()
