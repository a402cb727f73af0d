#!/usr/bin/env node
// timeout: 120
// station test beside a meter: a station whose phases are turned otherwise than it was set is found out.
'use strict';
const fs = require('fs');
const path = require('path');
const { ok, equal, until, main, startProgram, Lmsd, ROOT, TMP } = require('./lib');

main(async () => {
	const control = path.join(TMP, 'meter.sock');
	const meter = await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/meter.py'), '--port', '0', '--profile', 'SDM630',
		'--fixed', '5,5,5', '--control-socket', control]);
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		meters: [{ id: 'M', profile: 'SDM630', address: `1@127.0.0.1:${meter.ready.port}`, poll: '0.5s' }],
		zones: [{ id: 'main', dynamic: 80, meter: 'M', meter_lost: 22 }, { id: 'P1', parent: 'main', static: 63 }],
		stations: [{ id: 'TURNED', zone: 'P1', wiring: 'RST', connectors: 1 }],
		tags: [{ uid: 'ONE' }],
	});
	const file = path.join(TMP, 'stations.json');
	fs.writeFileSync(file, JSON.stringify({ stations: [
		{ id: 'TURNED', wiring: 'STR', cars: [{ tag: 'ONE', arrive: 0.1, phases: 1, wants_wh: 1e9 }] }] }));
	await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/stations.py'), '--url', lmsd.url, '--stations', file,
		'--meter', control]);
	const show = () => lmsd.must('station', 'show', 'TURNED');

	await until(() => show().state === 'online', 'the station', 30000);
	const done = lmsd.ctlAsync('station', 'test', 'TURNED');
	await until(() => /wiring: /.test(show().test_text), 'what the meter has seen', 60000);
	ok(/wiring: the meter saw the fall on L2, but as it is set it was on L1/.test(show().test_text), 'the test tells it', show());
	equal((await done).status, 0, 'and goes on: what was tested was whether it keeps its limits');
	ok(lmsd.must('event', 'list').some((e) => e.event === 'wiring_differs'), 'it is an event, too');
});
