#!/usr/bin/python3
"""The shell scripts of etc/examples: the month's transactions by mail, and tag lists that somebody drops."""
import email
import email.policy
import glob
import io
import os
import subprocess

import openpyxl
from aiosmtpd.controller import Controller

from mail_tls import certificate, context, free_port
from raw_ws import BIN, BOOT, ROOT, TMP, Lmsd, Raw, check, finish, frame, request

MAILS = []


class Handler:
    async def handle_DATA(self, server, session, envelope):
        MAILS.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 OK"


def run(lmsd, script, *words, status=0, **env):
    got = subprocess.run([f"{ROOT}/etc/examples/{script}", *words], capture_output=True, text=True,
                         env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "LMS_SOCKET": lmsd.socket, **env})
    if got.returncode != status:
        print(f"# {script}: {got.returncode}: {got.stderr}")
    return got.stderr if got.returncode == status else None


def drop(name, text):
    os.makedirs(f"{TMP}/tags", exist_ok=True)
    with open(f"{TMP}/tags/{name}", "w") as f:
        f.write(text)


def uids(lmsd):
    return [t["uid"] for t in lmsd.must("tag", "list")]


def export(lmsd):
    pair = certificate("localhost")
    port = free_port()
    server = Controller(Handler(), hostname="127.0.0.1", port=port, tls_context=context(pair), require_starttls=True)
    server.start()
    station = Raw(lmsd.ws, request("/S1"), frame(BOOT))
    station.answer_to("1")
    for day in ("05-31", "06-01"):
        got = station.ask("StartTransaction", f'{{"connectorId":1,"idTag":"A1","meterStart":0,"timestamp":"2026-{day}T10:00:00Z"}}')[2]
        station.ask("StopTransaction", f'{{"transactionId":{got["transactionId"]},"meterStop":7000,"timestamp":"2026-{day}T12:00:00Z"}}')
    env = dict(EXPORT_DIR=f"{TMP}/bills", MAIL_TO="billing@example.org", MAIL_FROM="lms@example.org",
               MAIL_URL=f"smtp://localhost:{port}", MAIL_CA=pair[0])
    check(run(lmsd, "monthly-export.sh", "2026-05", **env) is not None, "the month is exported")
    server.stop()
    check(sorted(os.listdir(f"{TMP}/bills")) == ["transactions-2026-05.csv", "transactions-2026-05.xlsx"], "as CSV and XLSX")
    to, mail = MAILS[0] if MAILS else ([], email.message.EmailMessage())
    check(to == ["billing@example.org"] and mail["Subject"] == "Charging transactions 2026-05", "and mailed", mail["Subject"])
    files = {a.get_filename(): a.get_content() for a in mail.iter_attachments()}
    check(files["transactions-2026-05.csv"].count("\n") == 2 if isinstance(files.get("transactions-2026-05.csv"), str)
          else files["transactions-2026-05.csv"].count(b"\n") == 2, "with the one transaction of May", files.keys())
    sheet = openpyxl.load_workbook(io.BytesIO(files["transactions-2026-05.xlsx"])).active
    check(sheet.max_row == 3, "in the workbook, too", sheet.max_row)
    check("7.00 kWh" in mail.get_body(("plain",)).get_content(), "and its sums in the text", mail.get_body(("plain",)).get_content())
    got = run(lmsd, "monthly-export.sh", "2026-05", status=7, **{**env, "MAIL_URL": "smtp://localhost:9"})
    check(got is not None and "curl" in got, "a mail server that is not there is said so", got)
    got = run(lmsd, "monthly-export.sh", "yesteryear", status=64, EXPORT_DIR=f"{TMP}/bills")
    check(got is not None and len(os.listdir(f"{TMP}/bills")) == 2, "what is no period leaves nothing", got)


def tags(lmsd):
    drop("fleet may.csv", "badgeId,type,comment,expirationDate,email\na1b2c3,STANDARD,exemple,30.01.2030,exemple@llm.fr\n")
    check(run(lmsd, "import-tags.sh", f"{TMP}/tags") is not None and "A1B2C3" in uids(lmsd), "a list is taken")
    check(len(glob.glob(f"{TMP}/tags/done/fleet may-*.csv")) == 1 and len(glob.glob(f"{TMP}/tags/done/before-*.csv")) == 1,
          "and kept, with what was there before", os.listdir(f"{TMP}/tags/done"))
    before = uids(lmsd)
    drop("bad.csv", "badgeId,type,comment,expirationDate,email\nd4,STANDARD,,31.02.2030,\ne5,STANDARD,,,\n")
    got = run(lmsd, "import-tags.sh", f"{TMP}/tags", status=1)
    why = open(glob.glob(f"{TMP}/tags/refused/bad-*.txt")[0]).read()
    check(got is not None and "bad.csv" in got and "31.02.2030" in why and uids(lmsd) == before, "a bad one is refused as a whole", why)
    drop("all.csv", "uid\nA1B2C3\n")
    got = run(lmsd, "import-tags.sh", f"{TMP}/tags", status=1, IMPORT_MODE="replace", DELETE_MOST="0")
    check(got is not None and "would be deleted" in got and uids(lmsd) == before, "so is one that would delete too many", got)
    drop("all.csv", "uid\nA1B2C3\n")
    check(run(lmsd, "import-tags.sh", f"{TMP}/tags", IMPORT_MODE="replace") is not None and uids(lmsd) == ["A1B2C3"],
          "one that may replaces all", uids(lmsd))
    check(run(lmsd, "import-tags.sh", f"{TMP}/tags") is not None, "nothing to do is fine")


def main():
    with Lmsd("examples") as lmsd:
        lmsd.apply({"zones": [{"id": "Z", "static": 63}], "stations": [{"id": "S1", "zone": "Z", "connectors": 1}], "tags": [{"uid": "A1"}]})
        export(lmsd)
        tags(lmsd)
    finish()


main()
