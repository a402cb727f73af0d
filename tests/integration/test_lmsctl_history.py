#!/usr/bin/python3
"""lmsctl's histories: charts, rows and files. Spreadsheets are read back by openpyxl, which we did not write."""
import datetime
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

import openpyxl

BIN = os.environ.get("BIN") or os.path.join(os.path.dirname(__file__), "../../build/bin")
HERE = os.path.dirname(os.path.abspath(__file__))
DIR = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
SOCKET = os.path.join(DIR, "sock")
count = failed = 0


def check(good, name, why=""):
    global count, failed
    count += 1
    failed += not good
    print("%sok %d - %s" % ("" if good else "not ", count, name))
    if not good:
        print("\n".join("# " + line for line in str(why).split("\n")))


def lmsctl(*words, **env):
    return subprocess.run([os.path.join(BIN, "lmsctl"), "-s", SOCKET, *words], capture_output=True, encoding="utf-8",
                          env=dict(os.environ, LC_ALL="C.UTF-8", TERM="xterm", **env), stdin=subprocess.DEVNULL)


def export(name, *words):
    path = os.path.join(DIR, name)
    result = lmsctl("meter", "export", "M1", "2026-10-25", "-O", path, *words)
    return path, result


def lines(path):
    with open(path, newline="", encoding="utf-8") as f:
        return f.read().split("\r\n")


def files():
    return sorted(n for n in os.listdir(DIR) if n not in ("sock",))


def test_csv():
    path, result = export("a.csv")
    rows = lines(path)
    check(result.returncode == 0 and result.stdout == "" and result.stderr == "", "an export says nothing", result)
    check(rows[0] == "time,current_l1 [A],current_l2 [A],energy_import [kWh],quality", "the header has units", rows[0])
    check(rows[1] == "2026-10-25T02:00:00+02:00,-0.020,16.000,1234.567,good", "numbers and local times", rows[1])
    check(rows[6] == "2026-10-25T02:00:50+02:00,0.030,,1234.572,good silent good", "a gap is an empty cell", rows[6])
    check(rows[7].endswith(",16.000,1234.573,good implausible good"), "quality stays with its value", rows[7])
    check(rows[11] == "2026-10-25T02:01:40+02:00,,,,gap" and rows[15].startswith("2026-10-25T02:02:20+02:00,,,,gap"),
          "rows that were left out are empty ones", rows[11:16])
    check(rows[361].startswith("2026-10-25T02:00:00+01:00"), "the hour that is shown twice has another offset", rows[361])
    check(len(rows) == 722 and rows[721] == "", "every row is there, once", len(rows))
    _, result = export("utc.csv", "--utc")
    check(lines(os.path.join(DIR, "utc.csv"))[1].startswith("2026-10-25T00:00:00Z,"), "--utc", result)
    result = lmsctl("meter", "export", "M1", "2026-10-25", "-O", "-")
    check(result.stdout.split("\n")[1].strip() == "2026-10-25T02:00:00+02:00,-0.020,16.000,1234.567,good",
          "-O - is standard output", result)


def test_dialect():
    path, result = export("excel.csv", "--dialect", "excel")
    rows = lines(path)
    check(rows[0].startswith("\ufefftime [Europe/Paris];current_l1 [A];"), "the dialect of Excel has BOM and ;", rows[0])
    check(rows[1] == "2026-10-25 02:00:00;-0,020;16,000;1234,567;good", "and numbers and times as Excel takes them", rows[1])
    path, result = export("formula.csv", "--variables", "formula")
    check(lines(path)[0].startswith("time,\"'=cmd|calc [A]\","), "text is no formula", lines(path)[0])


def test_xlsx():
    path, result = export("a.xlsx")
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    rows = list(sheet.iter_rows())
    head = [c.value for c in rows[0]]
    check(head == ["time [Europe/Paris]", "current_l1 [A]", "current_l2 [A]", "energy_import [kWh]", "quality"],
          "xlsx: the header has units", head)
    check(rows[1][0].value == datetime.datetime(2026, 10, 25, 2) and rows[1][0].is_date, "xlsx: times are times", rows[1][0].value)
    check([c.value for c in rows[1]][1:] == [-0.02, 16, 1234.567, "good"] and rows[1][1].data_type == "n",
          "xlsx: numbers are numbers", [c.value for c in rows[1]])
    check(rows[1][1].number_format == "0.000", "xlsx: numbers are shown as precisely as they are known", rows[1][1].number_format)
    check(rows[6][2].value is None and rows[12][1].value is None and rows[12][4].value == "gap",
          "xlsx: a gap is an empty cell, never 0", [c.value for c in rows[12]])
    check(len(rows) == 721 and sheet.title == "M1" and sheet.freeze_panes == "A2", "xlsx: every row is there, once", len(rows))
    path, result = export("b.dat", "--format", "xlsx", "--utc")
    with open(path, "rb") as f:
        value = openpyxl.load_workbook(f).worksheets[0]["A2"].value
    check(value == datetime.datetime(2026, 10, 25, 0), "xlsx: --format, --utc", value)


def test_whole_or_not_at_all():
    before = files()
    _, result = export("none.csv", "--variables", "broken")
    check(result.returncode == 74 and "the disk is gone" in result.stderr and files() == before,
          "what breaks in the middle leaves no file", (result, files()))
    path = os.path.join(DIR, "kept.csv")
    with open(path, "w") as f:
        f.write("old")
    _, result = export("kept.csv", "--variables", "broken")
    check(open(path).read() == "old", "and does not touch the one that was there", result)
    before = files()
    for name, sig in (("SIGINT", signal.SIGINT), ("SIGTERM", signal.SIGTERM)):
        for ending in ("csv", "xlsx"):
            child = subprocess.Popen([os.path.join(BIN, "lmsctl"), "-s", SOCKET, "meter", "export", "M1", "2026-10-25", "-O",
                                      os.path.join(DIR, "endless." + ending), "--variables", "endless"])
            part = os.path.join(DIR, "endless.%s.part" % ending)
            end = time.time() + 20
            while not (os.path.exists(part) and (ending == "xlsx" or os.path.getsize(part))) and time.time() < end:
                time.sleep(0.02)
            child.send_signal(sig)
            child.wait(20)
            check(child.returncode == 128 + sig and files() == before, "nothing is left of %s after %s" % (ending, name),
                  (child.returncode, files()))


def bounded(ending, most):
    """An export where no file may become longer, as on a disk that is full."""
    path = os.path.join(DIR, "full." + ending)
    return subprocess.run([os.path.join(BIN, "lmsctl"), "-s", SOCKET, "meter", "export", "M1", "2026-10-25", "-O", path],
                          capture_output=True, encoding="utf-8",
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))


def test_full_disk():
    path, _ = export("whole.xlsx")
    unpacked = zipfile.ZipFile(path).getinfo("xl/worksheets/sheet1.xml").file_size
    before = files()
    for ending, most, where, text in (("csv", 10000, "of the file", "File too large"), ("xlsx", 10000, "of the rows", "no room"),
                                      ("xlsx", unpacked - 30, "of the sheet", "no room")):
        result = bounded(ending, most)
        check(result.returncode == 74 and text in result.stderr and files() == before,
              "%s: a disk that is full in the middle %s is told, and leaves nothing" % (ending, where), (result, files()))


def test_refusals():
    for words, status, text in (
            (["meter", "export", "M1", "2026-10-25"], 64, "-O FILE"),
            (["meter", "export", "M1", "2026-13", "-O", "x.csv"], 64, "there is no such month (write 2026-05"),
            (["meter", "export", "M1", "-O", "x.csv"], 64, "period: missing"),
            (["meter", "export", "M1", "today", "-O", "/nonexistent/x.csv"], 73, "/nonexistent/x.csv.part: No such file"),
            (["meter", "export", "M1", "today", "-O", DIR], 73, "is not a file"),
            (["meter", "export", "M1", "today", "-O", "-", "--format", "xlsx"], 64, "-O FILE"),
            (["meter", "export", "M1", "today", "-O", "x.xlsx", "--dialect", "excel"], 64, "one of csv"),
            (["meter", "export", "M1", "today", "-O", "x.csv", "--format", "pdf"], 65, "is not one of csv or xlsx"),
            (["meter", "export", "M1", "today", "-O", "x.csv", "-o", "csv"], 64, "--format"),
            (["meter", "export", "M1", "today", "-O", "x.csv", "--limit", "5"], 64, "--limit"),
            (["meter", "history", "NONE"], 4, "does not exist"),
            (["meter", "history", "M1", "-w"], 64, "lmstop"),
            (["meter", "history", "M1", "-f", "x"], 64, "--variables"),
            (["meter", "history", "M1", "30 parsecs"], 64, "a span is 30d"),
            (["meter", "history", "M1", "-O", "x"], 64, "goes with export")):
        result = lmsctl(*words)
        check(result.returncode == status and text in result.stderr and not os.path.exists("x.csv"),
              "refused: lmsctl " + " ".join(words).replace(DIR, "DIR"), result)


def test_rows():
    result = lmsctl("meter", "history", "M1", "2026-10-25", "-o", "json")
    rows = json.loads(result.stdout)
    check(len(rows) == 715 and rows[0] == {"time": "2026-10-25T00:00:00Z", "current_l1_ma": -20, "current_l2_ma": 16000,
                                           "energy_import_wh": 1234567}, "json: raw integers with their unit", rows[0])
    check(rows[5]["current_l2_ma"] is None and rows[5]["quality"] == "gsg", "json: null and quality", rows[5])
    result = lmsctl("zone", "history", "P1", "2026-10-25", "-o", "csv", "--limit", "1")
    check(result.stdout == "time,current_l1_ma,current_l2_ma,energy_import_wh,quality\n2026-10-25T00:00:00Z,-20,16000,1234567,\n",
          "csv, --limit", result)
    result = lmsctl("connector", "history", "CP1/1", "2026-10-25", "-o", "ndjson")
    check(len(result.stdout.splitlines()) == 715 and json.loads(result.stdout.splitlines()[-1])["energy_import_wh"] == 1235286,
          "ndjson", result.stdout[-200:])
    result = lmsctl("pv", "history", "P1", "2026-10-25", "-o", "tsv")
    check(result.stdout.splitlines()[6] == "2026-10-25T00:00:50Z\t30\t\t1234572\tgsg", "tsv", result.stdout.splitlines()[6])
    result = lmsctl("meter", "history", "M1", "2026-10-25", "variables=broken", "-o", "json")
    check(result.returncode == 74 and not result.stdout.endswith("]\n"), "json that broke off does not look whole",
          result.stdout[-100:])
    result = lmsctl("tx", "graph", "7", "-o", "csv")
    check(result.stdout.splitlines()[:2] == ["time,power_w,current_l1_ma,current_l2_ma,current_l3_ma,energy_wh",
                                             "2026-11-19T04:00:00Z,12000,16000,15900,,0"], "transaction graph as rows", result)


def test_charts():
    result = lmsctl("meter", "history", "M1", "2026-10-25")
    shown = result.stdout.splitlines()
    check(shown[0] == "current  M1  2026-10-25 00:00 to 2026-10-26 00:00 (Europe/Paris)", "a chart says what it is", shown[0])
    check(max(len(l) for l in shown) == 80, "80 columns where there is no terminal", max(len(l) for l in shown))
    check("1 L1" in shown[1] and "2 L2" in shown[1] and "\033" not in result.stdout, "marks, and no colour without a terminal",
          shown[1])
    check(any("⣀" in l or "⡀" in l or "⠁" in l or "⠒" in l for l in shown), "braille where there is UTF-8", result.stdout)
    check("kWh" in result.stdout or "MWh" in result.stdout, "a chart for each unit", result.stdout)
    result = lmsctl("meter", "history", "M1", "2026-10-25", "--color", "always")
    check("\033[33m" in result.stdout, "colours when they are wanted", result.stdout)
    for env in ({"TERM": "linux"}, {"LC_ALL": "C"}):
        result = subprocess.run([os.path.join(BIN, "lmsctl"), "-s", SOCKET, "meter", "history", "M1", "2026-10-25"],
                                capture_output=True, env=dict(os.environ, **{"LC_ALL": "C.UTF-8", "TERM": "xterm", **env}))
        check(result.returncode == 0 and result.stdout.isascii() and b"2" in result.stdout, "ASCII with " + str(env), result)
    result = lmsctl("transaction", "graph", "7")
    check(result.stdout.startswith("power  transaction 7  (Europe/Paris)\n") and "current  " in result.stdout and
          "energy  " in result.stdout, "transaction graph: power, currents, energy", result.stdout)


def test_completion():
    for words, want in ((["meter", "ex"], ["export"]), (["meter", "export", "M1", "last-"], ["last-week", "last-month", "last-year"]),
                        (["transaction", "gr"], ["graph"]), (["meter", "export", "M1", "today", "format="], ["format=csv", "format=xlsx"])):
        result = lmsctl("__complete", *words)
        check(result.stdout.split() == want, "completion of " + " ".join(words), result)


def main():
    server = subprocess.Popen([sys.executable, os.path.join(HERE, "fake_history.py"), SOCKET], stdout=subprocess.PIPE)
    try:
        server.stdout.readline()
        for test in (test_csv, test_dialect, test_xlsx, test_whole_or_not_at_all, test_full_disk,
                     test_refusals, test_rows, test_charts,
                     test_completion):
            test()
    finally:
        server.kill()
        server.wait()
    print("1..%d" % count)
    sys.exit(failed > 0)


main()
