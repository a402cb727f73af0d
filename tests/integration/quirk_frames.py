#!/usr/bin/python3
# timeout: 60
"""What real stations do with frames: ids, repeats, white space, fragments, length, strange answers."""
import json
import subprocess

from raw_ws import BIN, Lmsd, Raw, check, finish, frame, request

BOOT = '{"chargePointVendor":"V","chargePointModel":"M"}'
START = '{"connectorId":1,"idTag":"T","meterStart":%d,"timestamp":"2026-11-01T10:0%d:00Z"}'


def come(lmsd, name):
    raw = Raw(lmsd.ws, request(f"/{name}"))
    check(raw.ask("BootNotification", BOOT, "1")[2]["status"] == "Accepted", f"{name} boots")
    return raw


def ids(lmsd):
    raw = come(lmsd, "IDS")
    first = raw.ask("StartTransaction", START % (5, 1), "2")[2]["transactionId"]
    again = raw.ask("StartTransaction", START % (5, 1), "2")[2]["transactionId"]
    check(again == first, "quirk: a retry that reuses its id gets the same answer again", (first, again))
    raw.sock.close()
    raw = come(lmsd, "IDS")
    second = raw.ask("StartTransaction", START % (9, 2), "2")[2]["transactionId"]
    check(second != first, "quirk: ids restart at 1 after a reconnect, another message with a known id is another message",
          (first, second))
    replay = raw.ask("StartTransaction", START % (5, 1), "3")[2]["transactionId"]
    check(replay == first, "quirk: a retry with another id after a reconnect gets the same answer", (first, replay))
    other = raw.ask("StatusNotification", '{"connectorId":1,"errorCode":"NoError","status":"Charging"}', "2")
    check(other == [3, "2", {}], "quirk: an id that another action had is no retry", other)
    for n in (36, 37, 128, 255):
        got = raw.ask("Heartbeat", "{}", "i" * n)
        check(got and got[0] == 3 and got[1] == "i" * n, f"quirk: an id of {n} characters is answered with all of it", got)
    raw.say('[2,17,"Heartbeat",{}]')
    got = raw.message()
    check(got[0] == 4 and str(got[1]) == "17", "quirk: a number as id is told what is wrong", got)
    raw.sock.close()


def text(lmsd):
    raw = come(lmsd, "TEXT")
    for name, message in (("blanks", ' [ 2 , "w1" , "Heartbeat" , { } ] '),
                          ("line ends and tabs", '\r\n[\n\t2,\r\n"w1",\n"Heartbeat",{\n}\n]\n'),
                          ("a trailing line end", '[2,"w1","Heartbeat",{}]\r\n')):
        raw.say(message)
        check(raw.whole_answer("w1")[0] == 3, f"quirk: white space, {name}")
    raw.say('[2,"e\\u0031","Heartbeat",{}]')
    check(raw.whole_answer("e1")[0] == 3, "quirk: an id written with escapes is answered by its characters")

    beat = '[2,"f","Heartbeat",{}]'
    for size in (1, 2, 7):
        parts = [beat[i:i + size] for i in range(0, len(beat), size)]
        raw.sock.sendall(b"".join(frame(p, (0x01 if i == 0 else 0x00) | (0x80 if i == len(parts) - 1 else 0))
                                  for i, p in enumerate(parts)))
        check(raw.whole_answer("f")[0] == 3, f"quirk: fragments of {size}")

    tx = raw.ask("StartTransaction", START % (1, 1))[2]["transactionId"]
    sample = {"timestamp": "2026-11-01T10:05:00Z", "sampledValue": [{"value": "1234", "unit": "Wh", "context": "Sample.Periodic",
              "measurand": "Energy.Active.Import.Register", "location": "Outlet"}]}
    stop = json.dumps({"transactionId": tx, "meterStop": 999, "timestamp": "2026-11-01T11:00:00Z", "idTag": "T",
                       "transactionData": [sample] * 2000})
    got = raw.ask("StopTransaction", stop)
    check(len(stop) > 300000 and got[0] == 3, "quirk: a StopTransaction above 16 kB by its transactionData", got)
    shown = lmsd.must("transaction", "show", str(tx))
    check(shown["energy_wh"] == 998, "and its transaction is closed with it", shown)
    raw.sock.close()


def answers(lmsd):
    raw = come(lmsd, "ANSWERS")

    def ask(*answer_lines):
        """Runs `station trigger` and answers it so; its exit status and text."""
        child = subprocess.Popen([f"{BIN}/lmsctl", "-s", lmsd.socket, "station", "trigger", "ANSWERS", "Heartbeat"], text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        call = raw.call("TriggerMessage")
        while call[3].get("requestedMessage") != "Heartbeat":
            raw.say(f'[4,"{call[1]}","NotImplemented","",{{}}]')
            call = raw.call("TriggerMessage")
        for line in answer_lines:
            raw.say(line.replace("ID", call[1]))
        out = child.communicate()[0]
        return child.returncode, out

    got = ask('[3,"never-asked",{}]', '[4,"never-asked","GenericError","",{}]', '[3,"ID",{"status":"Accepted"}]')
    check(got[0] == 0, "quirk: an unmatched CALLRESULT and CALLERROR are passed over", got)
    got = ask('[3,"ID",{"status":"Accepted"}]', '[3,"ID",{"status":"Rejected"}]', '[4,"ID","GenericError","",{}]')
    check(got[0] == 0 and raw.ask("Heartbeat")[0] == 3, "quirk: a second answer to the same call comes too late", got)
    for code in ("NotImplemented", "NotSupported", "InternalError", "ProtocolError", "SecurityError", "FormationViolation",
                 "FormatViolation", "PropertyConstraintViolation", "OccurenceConstraintViolation",
                 "OccurrenceConstraintViolation", "TypeConstraintViolation", "GenericError", "MadeUpByTheVendor", ""):
        got = ask(f'[4,"ID","{code}","why so",{{}}]')
        check(got[0] == 6 and code in got[1], f"quirk: CALLERROR {code or 'without a code'}", got)
    for name, line in (("without details", '[4,"ID","GenericError","x"]'), ("without description", '[4,"ID","GenericError"]'),
                       ("with null", '[4,"ID",null,null,null]'), ("with a text for details", '[4,"ID","GenericError","","x"]')):
        got = ask(line)
        check(got[0] == 6, f"quirk: CALLERROR {name}", got)
    check(raw.ask("Heartbeat")[0] == 3, "and the connection goes on")
    raw.sock.close()


def main():
    with Lmsd() as lmsd:
        lmsd.apply({"zones": [{"id": "P", "static": 60}], "tags": [{"uid": "T"}],
                    "stations": [{"id": i, "zone": "P", "connectors": 1} for i in ("IDS", "TEXT", "ANSWERS")]})
        ids(lmsd)
        text(lmsd)
        answers(lmsd)
    finish()


main()
