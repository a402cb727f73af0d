#!/usr/bin/python3
"""transaction export: CSV, XLSX, PDF and JSON of what stations did, with prices that stay, filters, and names that bite."""
import csv
import datetime
import io
import json
import os
import subprocess
import threading

import openpyxl

from raw_ws import BIN, BOOT, TMP, Lmsd, Raw, check, finish, frame, request

TITLE, HOLDER = 'Évry "Süd" €', "=Zoë, Müller"


def moment(text):
    """Of the site: UTC+2 in summer; None is now."""
    if text is None:
        return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return datetime.datetime.fromisoformat(text + "+02:00").astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Station(Raw):
    def __init__(self, lmsd, name):
        super().__init__(lmsd.ws, request("/" + name), frame(BOOT))
        self.whole_answer("1")

    def whole_answer(self, number):
        """What lmsd asks meanwhile is refused: it waits for that."""
        while True:
            got = self.message()
            if got[0] != 2:
                return got
            self.say(f'[4,"{got[1]}","NotImplemented","",{{}}]')

    def charge(self, tag, start, stop, wh, register=1000):
        got = self.ask("StartTransaction", json.dumps({"connectorId": 1, "idTag": tag, "meterStart": register,
                                                       "timestamp": moment(start)}))[2]
        if stop and got["idTagInfo"]["status"] == "Accepted":
            self.ask("StopTransaction", json.dumps({"transactionId": got["transactionId"], "meterStop": register + wh,
                                                    "timestamp": moment(stop), "idTag": tag}))
        return got["transactionId"]


def export(lmsd, *words, status=0):
    got = subprocess.run([f"{BIN}/lmsctl", "-s", lmsd.socket, "transaction", "export", *words], capture_output=True, text=True)
    if got.returncode != status:
        print(f"# {words}: {got.returncode}: {got.stderr}")
    return got.stdout if got.returncode == 0 else got.stderr


def remote_start(lmsd, station):
    """lmsctl asks, the station obeys; the transaction is remote."""
    asked = {}

    def ask():
        asked["got"] = lmsd.ctl("connector", "start", "S1/1", "tag=B2")

    thread = threading.Thread(target=ask)
    thread.start()
    call = station.call("RemoteStartTransaction")
    station.say(f'[3,"{call[1]}",{{"status":"Accepted"}}]')
    thread.join()
    check(asked["got"][0] == 0, "a remote start is accepted", asked)
    return station.charge("B2", None, None, 0)


def main():
    with Lmsd("bills") as lmsd:
        lmsd.apply({"site": {"title": "Parkhaus Süd", "timezone": "Europe/Paris", "currency": "EUR", "price": "0.35; 2026-06-10 0.40"},
                    "zones": [{"id": "TOP", "static": 63}, {"id": "LOW", "parent": "TOP", "static": 32, "price": "0.5"}],
                    "stations": [{"id": "S1", "title": TITLE, "zone": "TOP", "connectors": 1},
                                 {"id": "S2", "zone": "LOW", "connectors": 1}],
                    "tags": [{"uid": "A1", "holder": HOLDER}, {"uid": "B2", "comment": "pool car", "group": "FLEET"}]})
        one, two = Station(lmsd, "S1"), Station(lmsd, "S2")
        one.charge("A1", "2026-05-31T23:59:30", "2026-06-01T01:00:00", 5000)    # begins in May
        one.charge("A1", "2026-06-01T00:00:00", "2026-06-01T02:00:00", 8090)
        lmsd.must("site", "set", "price=0.99")
        lmsd.must("zone", "set", "TOP", "price=0.99; 2026-06-10 0.40")
        two.charge("B2", "2026-06-15T12:00:00", "2026-06-15T13:30:00", 12345)
        one.charge("NOBODY", "2026-06-16T12:00:00", None, 0)                    # refused: in no bill
        one.ask("StatusNotification", '{"connectorId":1,"errorCode":"NoError","status":"Available"}')
        remote_start(lmsd, one)                                                 # runs

        rows = list(csv.DictReader(io.StringIO(export(lmsd, "2026-06", "-O", "-"))))
        check(list(rows[0]) == ["transactionId", "evcsId", "evcsName", "startDateTransaction", "stopDateTransaction", "badgeId",
                                "badgeName", "energyChargedKwh"], "the eight columns", rows)
        check([r["transactionId"] for r in rows] == ["3", "2"], "of June, the newest first, without the refused one", rows)
        check([r["energyChargedKwh"] for r in rows] == ["12.345", "8.090"], "energies are kWh", rows)
        check(rows[1]["startDateTransaction"] == "2026-06-01T00:00:00+02:00", "times have their offset", rows[1])
        check(rows[1]["evcsName"] == TITLE and rows[1]["badgeName"] == "'" + HOLDER, "names arrive, formulas do not", rows[1])
        check(rows[0]["badgeName"] == "pool car", "without a holder the comment", rows[0])
        row = next(csv.DictReader(io.StringIO(export(lmsd, "today", "-O", "-"))))
        check(row["stopDateTransaction"] == "" and row["energyChargedKwh"] == "0.000", "a running one has no stop", row)

        export(lmsd, "2026-06", "-O", f"{TMP}/june.xlsx")
        sheet = openpyxl.load_workbook(f"{TMP}/june.xlsx").active
        head = {c.value: i for i, c in enumerate(sheet[1])}
        cells = [[c.value for c in r] for r in sheet.iter_rows(min_row=2)]
        first = cells[1]
        check(first[head["start"]] == datetime.datetime(2026, 6, 1) and first[head["energy [kWh]"]] == 8.09, "numbers and times are such",
              first)
        check((first[head["price"]], first[head["cost"]], first[head["currency"]]) == (0.35, 2.83, "EUR"),
              "the price of its start, whatever was set later", first)
        check(cells[0][head["cost"]] == 6.17, "the zone's own price", cells)
        check(first[head["duration [min]"]] == 120, "durations are minutes", cells)
        check(cells[-1][head["energy [kWh]"]] == 20.435 and cells[-1][head["cost"]] == 9.0, "a row of sums", cells[-1])
        check(sheet.auto_filter.ref is not None and sheet.auto_filter.ref.endswith("3"), "a filter over all but the sums",
              sheet.auto_filter.ref)

        export(lmsd, "2026-06", "-O", f"{TMP}/june.pdf")
        text = subprocess.run(["pdftotext", "-layout", f"{TMP}/june.pdf", "-"], capture_output=True, text=True).stdout
        check(all(w in text for w in ("Parkhaus Süd", TITLE, "Zoë", "12.345", "8.090", "2026-06-15 12:00", "total", "20.435")),
              "the PDF has every row, accents and the euro sign", text)

        export(lmsd, "2026-06", "-O", f"{TMP}/june.json")
        records = json.load(open(f"{TMP}/june.json"))
        check([(r["id"], r["energy_wh"], r["cost"]) for r in records] == [(3, 12345, "6.17"), (2, 8090, "2.83")],
              "JSON has raw numbers, and money as text", records)

        def ids(*words):
            return [r["id"] for r in json.loads(export(lmsd, *words, "--format", "json", "-O", "-"))]

        check(ids("2026") == [5, 3, 2, 1] and ids("2026-05") == [1], "periods are those of the site")
        check(ids("2026", "tag=A1") == [2, 1] and ids("2026", "station=S2") == [3], "by tag, by station")
        check(ids("2026", "zone=TOP") == [5, 3, 2, 1] and ids("2026", "zone=LOW") == [3], "by zone and those below")
        check(ids("2026", "group=FLEET") == [5, 3] and ids("2026", "type=remote") == [5], "by group, by type")
        got = export(lmsd, "today", "-f", "id,zone,energy,cost", "-O", "-")
        check(got.splitlines()[1] == "5,TOP,0.000,0.00", "any fields", got)
        check(export(lmsd, "2027", "--format", "json", "-O", "-").strip() == "[]", "nothing is an empty file")

        sums = lmsd.must("transaction", "stats", "2026-06", "by=tag")
        check([(u["of"], u.get("name"), u["sessions"], u["energy_wh"], u["cost"]) for u in sums] ==
              [("B2", "pool car", 1, 12345, "6.17"), ("A1", HOLDER, 1, 8090, "2.83")], "sums by tag, the most energy first", sums)
        sums = lmsd.must("transaction", "stats", "2026", "by=zone")
        check([(u["of"], u["sessions"], u["energy_wh"]) for u in sums] == [("TOP", 3, 13090), ("LOW", 1, 12345)], "by zone", sums)
        sums = lmsd.must("transaction", "stats", "2026")
        check([(u["sessions"], u["running"], u["energy_wh"], u["cost"]) for u in sums] == [(4, 1, 25435, "10.75")], "of all", sums)
        check(lmsd.must("transaction", "stats", "2020") == [], "of nothing there are none")

        lmsd.must("site", "set", "currency=CHF")
        two.charge("B2", "2026-06-20T12:00:00", "2026-06-20T13:00:00", 1000)
        export(lmsd, "2026-06", "-O", f"{TMP}/mixed.xlsx")
        last = [c.value for c in list(openpyxl.load_workbook(f"{TMP}/mixed.xlsx").active.iter_rows())[-1]]
        check(last[head["energy [kWh]"]] == 21.435 and last[head["cost"]] is None, "costs in two currencies have no sum", last)

        check("is no field" in export(lmsd, "2026", "-f", "id,nosuch", "-O", "-", status=64), "a field that is none is named")
        check("2026-05" in export(lmsd, "20x6", "-O", "-", status=64), "so is what is no period")
        check("where to" in export(lmsd, "2026", status=64), "and a file that is missing")
        check(export(lmsd, "2026", "-O", f"{TMP}/no/such.csv", status=73) and not os.path.exists(f"{TMP}/no"), "and one that cannot be")
    finish()


main()
