#!/usr/bin/python3
"""Simulated charging stations: a separate process that speaks real OCPP 1.6-J over WebSocket.

usage: stations.py --url ws://127.0.0.1:PORT --stations FILE [--meter SOCKET] [--report FILE] [--seed N]

FILE lists the stations and their cars (etc/demo/stations.json is one). Each car draws what its
station's charging profiles allow, up to what it can take. The sum per grid phase goes to the
simulated meter (tests/sim/meter.py) as {"ev": [L1, L2, L3]} once a second. On SIGTERM, and on SIGUSR1 without an end, a report is
written: transactions, the peak current per zone and phase as the cables have seen it, and what the
profiles of each connector allow in the ten minutes to come if nothing more is said.

A profile's schedule is obeyed by the station's own clock, which may be wrong ("clock": seconds ahead).
Habits of real stations: "refuses" every profile, "one_period" refuses schedules of more, "forgets" its
profiles at a reset, "ignores" the limits that it accepts.
"""
import argparse
import asyncio
import datetime
import itertools
import json
import os
import random
import signal
import time

import websockets

WIRING = {
    "RST": (0, 1, 2), "STR": (1, 2, 0), "TRS": (2, 0, 1), "RTS": (0, 2, 1), "SRT": (1, 0, 2), "TSR": (2, 1, 0),
    "L1": (0,), "L2": (1,), "L3": (2,),
}
VOLTAGE = 230.0
RAMP_A_PER_S = 8.0  # cars do not jump up
STEP_S = 0.25
GONE = (ConnectionError, asyncio.TimeoutError, RuntimeError, websockets.ConnectionClosed)


AHEAD_S = 600  # of the composite schedules in the report


class Schedule:
    """A charging schedule as a station obeys it: amperes per phase over its own time."""

    def __init__(self, schedule, relative_to):
        start = schedule.get("startSchedule")
        scale = VOLTAGE * 3 if schedule["chargingRateUnit"] == "W" else 1.0
        self.start = datetime.datetime.fromisoformat(start.replace("Z", "+00:00")).timestamp() if start else relative_to
        self.duration = schedule.get("duration")
        self.periods = sorted((p["startPeriod"], p["limit"] / scale) for p in schedule["chargingSchedulePeriod"])

    def at(self, when):
        """The limit at a time of the station's clock; None where the schedule is not in force."""
        age = when - self.start
        if age < 0 or (self.duration is not None and age >= self.duration):
            return None
        limits = [limit for begin, limit in self.periods if begin <= age]
        return limits[-1] if limits else None


class Car:
    """What is plugged in: phases, the most it takes, energy it wants, when it comes and goes."""

    def __init__(self, spec):
        self.phases = spec.get("phases", 3)
        self.max_a = float(spec.get("max", 32))
        self.tag = spec["tag"]  # None: nobody shows a tag, the station is free
        self.arrive_s = float(spec.get("arrive", 1))
        self.stay_s = float(spec.get("stay", 3600))
        self.wants_wh = float(spec.get("wants_wh", 40000))
        self.again_s = spec.get("again")
        self.sleeps_after_s = spec.get("sleeps_after")  # draws so long, then sleeps until its limit was 0
        self.drew_s = 0.0
        self.seen_zero = False

    def sleeps(self, limit):
        if self.sleeps_after_s is None:
            return False
        if self.drew_s < self.sleeps_after_s:
            self.drew_s += STEP_S if limit >= 6 else 0
            return False
        self.seen_zero |= limit < 6
        if self.seen_zero and limit >= 6:
            self.sleeps_after_s = None
        return True


class Connector:
    def __init__(self, number, clock):
        self.number = number
        self.clock = clock
        self.status = "Available"
        self.default = None  # Schedule of the TxDefaultProfile
        self.profile = None  # Schedule of the TxProfile
        self.tx = None
        self.tag = None
        self.amps = 0.0
        self.register_wh = 1000.0 * number + random.randrange(5000)
        self.started_wh = self.register_wh
        self.car = None
        self.available = True
        self.ignores = False

    def limit(self, when=None):
        when = self.clock() if when is None else when
        for schedule in (self.profile, self.default):
            limit = schedule.at(when) if schedule else None
            if limit is not None:
                return limit
        return 32.0

    def composite(self, seconds):
        """What the profiles allow from now on: [[seconds from now, amperes], ...]"""
        begin, out = self.clock(), []
        for after in range(seconds + 1):
            limit = self.limit(begin + after)
            if not out or out[-1][1] != limit:
                out.append([after, limit])
        return out

    def phases(self):
        return self.car.phases if self.car else 0

    def step(self):
        """One step of physics; answers whether the status changed."""
        full = self.car is not None and self.register_wh - self.started_wh >= self.car.wants_wh
        goal = 0.0
        limit = 32.0 if self.ignores else self.limit()
        if self.tx is not None and self.car is not None and limit >= 6 and not full:
            goal = min(limit, self.car.max_a)
        if self.tx is not None and self.car is not None and self.car.sleeps(self.limit()):
            goal = 0.0
        self.amps = min(goal, self.amps + RAMP_A_PER_S * STEP_S)
        self.register_wh += self.amps * self.phases() * VOLTAGE * STEP_S / 3600.0
        if self.tx is None:
            return False
        status = "SuspendedEVSE" if self.limit() < 6 else "SuspendedEV" if full else "Charging"
        changed = status != self.status
        self.status = status
        return changed


class Station:
    def __init__(self, spec, url, ids):
        self.spec = spec
        self.id = spec["id"]
        self.url = url + "/" + self.id
        self.wiring = WIRING[spec.get("wiring", "RST")]
        self.connectors = [Connector(n + 1, self.clock) for n in range(spec.get("connectors", 1))]
        for connector in self.connectors:
            connector.ignores = spec.get("ignores", False)
        for connector, car in zip(self.connectors, spec.get("cars", [])):
            connector.car = Car(car) if car else None
        self.config = {  # key: [value, readonly]
            "NumberOfConnectors": [str(len(self.connectors)), True],
            "MeterValueSampleInterval": [str(spec.get("interval", 10)), False],
            "MeterValuesSampledData": ["Energy.Active.Import.Register", False],
            "ChargingScheduleAllowedChargingRateUnit": ["Current", True],
            "ChargeProfileMaxStackLevel": ["10", True],
            "SupportedFeatureProfiles": ["Core,SmartCharging,RemoteTrigger", True],
            "HeartbeatInterval": ["60", False],
        }
        self.ws = None
        self.accepted = False
        self.calls = {}
        self.ids = ids
        self.lock = asyncio.Lock()
        self.transactions = 0
        self.interval = 60
        self.queue = []  # StopTransactions kept while offline

    def clock(self):
        return time.time() + self.spec.get("clock", 0)

    def now(self):
        stamp = datetime.datetime.fromtimestamp(self.clock(), datetime.timezone.utc)
        return stamp.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    # ---- transport -------------------------------------------------------------------------

    async def call(self, action, payload, heard=None):
        """Answers the answer. What heard() does with it comes before the frame that follows it."""
        async with self.lock:  # one outstanding CALL
            if self.ws is None:
                raise ConnectionError
            uid = f"{self.id}-{next(self.ids)}"
            future = asyncio.get_running_loop().create_future()
            self.calls[uid] = future, heard
            try:
                await self.ws.send(json.dumps([2, uid, action, payload]))
                return await asyncio.wait_for(future, 30)
            finally:
                self.calls.pop(uid, None)

    async def receive(self):
        async for text in self.ws:
            frame = json.loads(text)
            waiting, heard = self.calls.get(frame[1], (None, None))
            if frame[0] == 2:
                handler = getattr(self, "on_" + frame[2], None)
                answer = [3, frame[1], handler(frame[3])] if handler else [4, frame[1], "NotImplemented", "", {}]
                await self.ws.send(json.dumps(answer))
            elif waiting is not None and not waiting.done():
                if frame[0] == 3:
                    if heard:
                        heard(frame[2])
                    waiting.set_result(frame[2])
                else:
                    waiting.set_exception(RuntimeError(f"{frame[2]}: {frame[3]}"))

    def later(self, coro):
        asyncio.ensure_future(self.guard(coro))

    async def guard(self, coro):
        try:
            await coro
        except GONE:
            pass

    # ---- what the central system asks --------------------------------------------------------

    def targets(self, number):
        """Connectors that a connectorId names; 0 is all of them."""
        if number == 0:
            return self.connectors
        return self.connectors[number - 1:number] if number <= len(self.connectors) else []

    def on_SetChargingProfile(self, p):
        profile = p["csChargingProfiles"]
        schedule = Schedule(profile["chargingSchedule"], self.clock())
        targets = self.targets(p["connectorId"])
        purpose = profile["chargingProfilePurpose"]
        if not targets or self.spec.get("refuses"):
            return {"status": "Rejected"}
        if self.spec.get("one_period") and len(schedule.periods) > 1:
            return {"status": "Rejected"}
        if purpose == "TxProfile" and any(c.tx is None or profile.get("transactionId", c.tx) != c.tx for c in targets):
            return {"status": "Rejected"}
        for c in targets:
            if purpose == "TxProfile":
                c.profile = schedule
            elif purpose == "TxDefaultProfile":
                c.default = schedule
            else:
                return {"status": "NotSupported"}
        return {"status": "Accepted"}

    def on_GetCompositeSchedule(self, p):
        targets = self.targets(p["connectorId"])
        if not targets or p["connectorId"] == 0:
            return {"status": "Rejected"}
        return {"status": "Accepted", "connectorId": p["connectorId"], "scheduleStart": self.now(),
                "chargingSchedule": {
                    "duration": p["duration"], "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": after, "limit": round(limit, 1)}
                                               for after, limit in targets[0].composite(p["duration"])]}}

    def on_ClearChargingProfile(self, p):
        return {"status": "Unknown"}

    def on_TriggerMessage(self, p):
        message = p["requestedMessage"]
        if message == "BootNotification":
            self.later(self.boot())
        elif message == "StatusNotification":
            self.later(self.notify_all())
        elif message == "Heartbeat":
            self.later(self.call("Heartbeat", {}))
        elif message == "MeterValues":
            for c in self.targets(p.get("connectorId", 0)):
                self.later(self.meter_values(c))
        else:
            return {"status": "NotImplemented"}
        return {"status": "Accepted"}

    def on_GetConfiguration(self, p):
        keys = p.get("key") or list(self.config)
        known = [{"key": k, "readonly": self.config[k][1], "value": self.config[k][0]} for k in keys if k in self.config]
        return {"configurationKey": known, "unknownKey": [k for k in keys if k not in self.config]}

    def on_ChangeConfiguration(self, p):
        entry = self.config.get(p["key"])
        if entry is None:
            return {"status": "NotSupported"}
        if entry[1]:
            return {"status": "Rejected"}
        entry[0] = p["value"]
        return {"status": "Accepted"}

    def on_RemoteStartTransaction(self, p):
        for c in self.targets(p.get("connectorId", 1)):
            if c.tx is None and c.car is not None:
                self.later(self.start(c, p["idTag"]))
                return {"status": "Accepted"}
        return {"status": "Rejected"}

    def on_RemoteStopTransaction(self, p):
        for c in self.connectors:
            if c.tx == p["transactionId"]:
                self.later(self.stop(c, "Remote"))
                return {"status": "Accepted"}
        return {"status": "Rejected"}

    def on_Reset(self, p):
        self.later(self.reset(p["type"]))
        return {"status": "Accepted"}

    def on_UnlockConnector(self, p):
        return {"status": "Unlocked" if self.targets(p["connectorId"]) else "NotSupported"}

    def on_ChangeAvailability(self, p):
        for c in self.targets(p["connectorId"]):
            c.available = p["type"] == "Operative"
            if c.tx is None:
                c.status = "Available" if c.available else "Unavailable"
        self.later(self.notify_all())
        return {"status": "Accepted"}

    def on_DataTransfer(self, p):
        return {"status": "UnknownVendorId"}

    # ---- what it tells -----------------------------------------------------------------------

    async def boot(self):
        answer = await self.call("BootNotification", {
            "chargePointVendor": self.spec.get("vendor", "Simulated"),
            "chargePointModel": self.spec.get("model", "SIM-22"),
            "chargePointSerialNumber": self.id,
            "firmwareVersion": self.spec.get("firmware", "1.0"),
        })
        self.interval = answer["interval"]
        if answer["status"] == "Accepted":
            self.accepted = True
        await self.notify_all()

    async def notify(self, number, status):
        await self.call("StatusNotification", {
            "connectorId": number, "errorCode": "NoError", "status": status, "timestamp": self.now()})

    async def notify_all(self):
        await self.notify(0, "Available")
        for c in self.connectors:
            await self.notify(c.number, c.status)

    async def meter_values(self, c):
        phases = c.phases()
        power = c.amps * phases * VOLTAGE
        sampled = [
            {"value": f"{c.register_wh:.0f}", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": f"{power:.0f}", "measurand": "Power.Active.Import", "unit": "W"},
        ]
        for k in range(len(self.wiring)):
            amps = c.amps if k < phases else 0.0
            sampled.append({"value": f"{amps:.2f}", "measurand": "Current.Import", "phase": f"L{k + 1}", "unit": "A"})
        payload = {"connectorId": c.number, "meterValue": [{"timestamp": self.now(), "sampledValue": sampled}]}
        if c.tx is not None:
            payload["transactionId"] = c.tx
        await self.call("MeterValues", payload)

    async def plug(self, c):
        c.status = "Preparing"
        await self.notify(c.number, "Preparing")
        if c.car.tag is not None:
            await self.start(c, c.car.tag)

    async def start(self, c, tag):
        answer = await self.call("Authorize", {"idTag": tag})
        if answer["idTagInfo"]["status"] != "Accepted":
            return
        c.started_wh = c.register_wh

        def began(answer):
            if answer["idTagInfo"]["status"] == "Accepted":
                c.tx, c.tag, c.profile = answer["transactionId"], tag, None
                self.transactions += 1

        # The profile of the transaction may come in one segment with its number.
        await self.call("StartTransaction", {
            "connectorId": c.number, "idTag": tag, "meterStart": int(c.register_wh), "timestamp": self.now()}, began)

    async def stop(self, c, reason):
        tx, c.tx, c.profile, c.amps = c.tx, None, None, 0.0
        c.status = "Finishing"
        payload = {"transactionId": tx, "idTag": c.tag, "meterStop": int(c.register_wh), "timestamp": self.now(),
                   "reason": reason}
        try:
            await self.call("StopTransaction", payload)
        except GONE:
            self.queue.append(payload)
        await self.guard(self.notify(c.number, "Finishing"))

    async def reset(self, kind):
        for c in self.connectors:
            if c.tx is not None:
                await self.stop(c, kind + "Reset")
            if self.spec.get("forgets"):
                c.default = None
        self.accepted = False
        await self.ws.close()

    # ---- life ----------------------------------------------------------------------------------

    async def connect_once(self, offline):
        async with websockets.connect(self.url, subprotocols=["ocpp1.6"], ping_interval=None, open_timeout=10,
                                      close_timeout=1) as ws:
            self.ws = ws
            tasks = [asyncio.ensure_future(self.receive()), asyncio.ensure_future(self.guard(self.talk()))]
            wait = tasks[:1]
            if offline:
                wait.append(asyncio.ensure_future(asyncio.sleep(offline["after"])))
            try:
                await asyncio.wait(wait, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()

    async def connection(self):
        """Connects for ever; goes away once where the script says so ("offline": {after, for})."""
        offline = self.spec.get("offline")
        while True:
            try:
                await self.connect_once(offline)
            except (OSError, asyncio.TimeoutError, websockets.WebSocketException):
                pass
            was_connected, self.ws = self.ws is not None, None
            for future, _ in self.calls.values():
                if not future.done():
                    future.set_exception(ConnectionError())
            if offline and was_connected:
                await asyncio.sleep(offline["for"])
                offline = None
            await asyncio.sleep(random.uniform(0.3, 1.0))

    async def talk(self):
        self.accepted = False
        await self.boot()
        while not self.accepted:
            await asyncio.sleep(min(self.interval, 5))
            await self.boot()
        while self.queue:
            await self.call("StopTransaction", self.queue[0])
            self.queue.pop(0)
        while True:
            await asyncio.sleep(self.interval)
            await self.call("Heartbeat", {})

    async def driver(self, c):
        """The person with the car."""
        await asyncio.sleep(c.car.arrive_s)
        while True:
            while not self.accepted or self.ws is None or not c.available:
                await asyncio.sleep(0.2)
            await self.guard(self.plug(c))
            await asyncio.sleep(c.car.stay_s)
            if c.tx is not None:
                await self.stop(c, "EVDisconnected")
            c.status = "Available"
            await self.guard(self.notify(c.number, "Available"))
            if c.car.again_s is None:
                return
            await asyncio.sleep(c.car.again_s)

    async def sampler(self, c):
        while True:
            await asyncio.sleep(float(self.config["MeterValueSampleInterval"][0] or 10))
            if self.accepted and self.ws is not None and c.tx is not None:
                await self.guard(self.meter_values(c))


class Site:
    def __init__(self, args):
        with open(args.stations) as f:
            spec = json.load(f)
        ids = itertools.count(1)
        self.stations = [Station(s, args.url, ids) for s in spec["stations"]]
        self.feeders = spec.get("feeders", {})  # zone -> zones above it
        self.peak = {}
        self.meter_path = args.meter
        self.report = args.report

    def sums(self):
        """Current per zone and grid phase, as the cables see it; "" is the whole site."""
        sums = {"": [0.0, 0.0, 0.0]}
        for s in self.stations:
            zone = s.spec.get("zone", "")
            for c in s.connectors:
                for name in {"", zone, *self.feeders.get(zone, [])}:
                    total = sums.setdefault(name, [0.0, 0.0, 0.0])
                    for grid in s.wiring[:c.phases()]:
                        total[grid] += c.amps
        return sums

    async def physics(self):
        for beat in itertools.count():
            await asyncio.sleep(STEP_S)
            for s in self.stations:
                for c in s.connectors:
                    if c.step() and s.ws is not None:
                        s.later(s.notify(c.number, c.status))
            sums = self.sums()
            for zone, total in sums.items():
                peak = self.peak.get(zone, total)
                self.peak[zone] = [max(a, b) for a, b in zip(peak, total)]
            if beat % 4 == 0 and self.meter_path:
                await self.tell_meter(sums[""])

    async def tell_meter(self, total):
        try:
            _, writer = await asyncio.open_unix_connection(self.meter_path)
            writer.write((json.dumps({"ev": [round(a, 2) for a in total]}) + "\n").encode())
            await writer.drain()
            writer.close()
        except OSError:
            pass

    def write_report(self):
        report = {
            "transactions": sum(s.transactions for s in self.stations),
            "peak_a": {zone: [round(a, 2) for a in peak] for zone, peak in self.peak.items()},
            "composite_a": {f"{s.id}/{c.number}": c.composite(AHEAD_S) for s in self.stations for c in s.connectors},
        }
        with open(self.report + ".new", "w") as f:
            json.dump(report, f)
        os.rename(self.report + ".new", self.report)

    async def run(self):
        stop = asyncio.Event()
        for signo in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signo, stop.set)
        if self.report:
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self.write_report)
        tasks = [asyncio.ensure_future(self.physics())]
        for s in self.stations:
            tasks.append(asyncio.ensure_future(s.connection()))
            tasks += [asyncio.ensure_future(s.sampler(c)) for c in s.connectors]
            tasks += [asyncio.ensure_future(s.driver(c)) for c in s.connectors if c.car]
        print("ready stations=%d" % len(self.stations), flush=True)
        await stop.wait()
        if self.report:
            self.write_report()
        for t in tasks:
            t.cancel()


def main():
    parser = argparse.ArgumentParser(description="simulated OCPP 1.6-J charging stations")
    parser.add_argument("--url", required=True)
    parser.add_argument("--stations", required=True)
    parser.add_argument("--meter")
    parser.add_argument("--report")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    random.seed(args.seed)
    asyncio.run(Site(args).run())


if __name__ == "__main__":
    main()
