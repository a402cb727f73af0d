#!/usr/bin/env node
// timeout: 120
// Every key of a meter, end to end: a pymodbus device, the real lmsd, and what the balance makes of it. All that
// reaches the devices are reads: nothing is ever written to a meter.
'use strict';
const net = require('net');
const path = require('path');
const { ok, equal, until, main, startProgram, cleanups, Lmsd, ROOT } = require('./lib');

const functions = {};	// of the requests: how many of each function code

// Stands before a device and looks at every request: MBAP header, then the function code.
async function spy(port) {
	const server = net.createServer((down) => {
		const up = net.connect(port, '127.0.0.1');
		let held = Buffer.alloc(0);

		down.on('data', (d) => {
			held = Buffer.concat([held, d]);
			while (held.length >= 8 && held.length >= 6 + held.readUInt16BE(4)) {
				functions[held[7]] = (functions[held[7]] || 0) + 1;
				held = held.subarray(6 + held.readUInt16BE(4));
			}
			up.write(d);
		});
		up.pipe(down);
		for (const s of [up, down]) {
			s.on('error', () => {});
			s.on('close', () => { up.destroy(); down.destroy(); });
		}
	});
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	cleanups.push(() => server.close());
	return server.address().port;
}

async function device(profile, ...args) {
	const child = await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/meter.py'), '--profile', profile, ...args]);

	child.say = (m) => child.stdin.write(JSON.stringify(m) + '\n');
	child.address = `1@127.0.0.1:${await spy(child.ready.port)}`;
	return child;
}

main(async () => {
	const lmsd = await new Lmsd().start();
	const three = await device('SDM630', '--fixed', '2,2.2,2.4'), one = await device('SDM120', '--fixed', '7,0,0');
	const large = await device('SDM630MCT-V2', '--fixed', '100,110,120');

	lmsd.apply({
		meters: [{ id: 'M', profile: 'SDM630', address: three.address }, { id: 'S', profile: 'SDM120', address: one.address },
			{ id: 'C', profile: 'SDM630MCT-V2', address: large.address }],
		zones: [
			{ id: 'main', dynamic: 200, fuse: 250, meter: 'M', meter_lost: 16, margin: 0 },
			{ id: 'single', dynamic: 20, fuse: 25, meter: 'S', meter_lost: 6, margin: 0, phases: 1 },
			{ id: 'big', dynamic: 200, fuse: 250, meter: 'C', meter_lost: 16, margin: 0 },
		],
	});
	const sees = async (zone, expected, name) => {
		let z;

		try {
			await until(() => {
				z = lmsd.must('zone', 'show', zone);
				return JSON.stringify(z.load_ma) === JSON.stringify(expected) && z.load_ok;
			}, name, 20000);
			ok(true, name);
		} catch (e) {
			ok(false, name, z);
		}
	};
	const set = (...args) => lmsd.must('meter', 'set', 'M', ...args);
	const signs = async (expected, name) => {
		await until(() => {
			const m = lmsd.must('meter', 'show', 'M');
			const power = ['l1', 'l2', 'l3'].map((l) => m.values.find((v) => v.name === `power_${l}`));

			return power.every((p) => p && p.quality === 'good') &&
				JSON.stringify(power.map((p) => Math.sign(p.value))) === JSON.stringify(expected);
		}, name);
		ok(true, name);
	};

	await sees('main', [2000, 2200, 2400], 'a meter as it comes');
	set('ct=250/5');
	await sees('main', [100000, 110000, 120000], 'ct=250/5 multiplies by 50');
	ok(Math.abs(lmsd.must('meter', 'show', 'M').power_w - 6.6 * 0.97 * 231.2 * 50) < 400, 'powers too', lmsd.must('meter', 'show', 'M'));
	set('ct=meter', 'invert=L2');
	await sees('main', [2000, -2200, 2400], 'invert=L2 turns the second phase');
	await signs([1, -1, 1], 'and its power');
	set('invert=all');
	await sees('main', [-2000, -2200, -2400], 'invert=all turns all');
	ok(lmsd.must('meter', 'show', 'M').power_w < 0, 'and their total');
	set('invert=no', 'phases=L2,L3,L1');
	await sees('main', [2400, 2000, 2200], 'phases=L2,L3,L1: its first is the grid\'s second');
	set('invert=L1');
	await sees('main', [2400, -2000, 2200], 'invert names the meter\'s own phases');
	set('invert=', 'phases=');
	await sees('main', [2000, 2200, 2400], 'and all can be taken back');

	await sees('single', [7000, null, null], 'a single-phase meter of a zone with one phase');
	lmsd.apply({
		meters: [{ id: 'M', profile: 'SDM630', address: three.address }, { id: 'S', profile: 'SDM120', address: one.address, phases: 'L2' },
			{ id: 'C', profile: 'SDM630MCT-V2', address: large.address }],
		zones: [
			{ id: 'main', dynamic: 200, fuse: 250, meter: 'M', meter_lost: 16, margin: 0 },
			{ id: 'single', dynamic: 20, fuse: 25, meter: 'S', meter_lost: 6, margin: 0, phases: 1 },
			{ id: 'big', dynamic: 200, fuse: 250, meter: 'C', meter_lost: 16, margin: 0 },
		],
	});
	await until(() => {
		const m = lmsd.must('meter', 'show', 'S');

		return JSON.stringify(m.current_ma) === '[null,7000,null]';
	}, 'the single-phase meter to be on L2');
	ok(true, 'a single-phase meter sits on the grid\'s phase that is said, and the others have no current, not 0');
	await sees('big', [100000, 110000, 120000], 'a meter that knows its transformers is taken as it is');

	// What is refused, each with what may be written.
	for (const [id, key, pattern] of [
		['M', 'ct=60/5', /ct: a primary side of 60 A is not within 75 to 6000 \(write ct=250\/5\)/],
		['M', 'ct=7000/5', /not within 75 to 6000/], ['M', 'ct=250/3', /the secondary side is 1 or 5 A, not 3/],
		['M', 'ct=250', /'250' is not meter, direct or a ratio such as 250\/5/],
		['M', 'ct=direct', /direct measurement ends at 63 A, the fuse is 250 A \(use current transformers\)/],
		['C', 'ct=250/5', /multiplies by its ratio itself \(write ct=meter/],
		['M', 'invert=L4', /'L4' is not a list of the meter's phases \(write L1,L3, all or no\)/],
		['M', 'phases=L1,L1,L2', /not a list of grid phases/], ['S', 'phases=L1,L2,L3', /names 3 phases, but SDM120 measures 1/],
		['M', 'scope=roof', /scope/], ['M', 'poll=50ms', /poll: .*0\.1 seconds to 5 minutes/], ['M', 'poll=10s', /poll/],
		['M', 'stale_after=1s', /poll: 1000 ms is not before values are stale, after 1000 ms/],
		['M', 'address=300@host', /slave '300' is not 0 to 247 or 255/], ['M', 'address=1@host:99999', /port '99999'/],
		['M', 'address=1@rtu:ttyUSB0', /is not a serial device/], ['M', 'address=1@rtu:/dev/ttyUSB0,9601', /is not a baud rate/],
		['M', 'profile=SDM631', /did you mean 'SDM630'/], ['M', 'identity=perhaps', /identity/],
	]) {
		const r = lmsd.ctl('meter', 'set', id, key);

		ok(r.status === 65 && pattern.test(r.err), `${id} ${key} is refused`, r);
	}
	await sees('main', [2000, 2200, 2400], 'what was refused has changed nothing');
	// The largest fuse counts: the whole line flows through the meter.
	lmsd.must('zone', 'create', 'part', 'parent=main', 'dynamic=30', 'fuse=32', 'meter=M', 'meter_lost=6', 'margin=0');
	ok(lmsd.ctl('meter', 'set', 'M', 'ct=direct').status === 65, 'a smaller fuse behind the same meter does not make it direct');
	equal(lmsd.must('meter', 'show', 'M').zones, 'main,part', 'a meter shows the zones that use it');

	// Pace: how often it is asked, and when its values are old.
	lmsd.must('meter', 'set', 'M', 'poll=200ms', 'stale_after=1s');
	const before = functions[4];
	await new Promise((done) => setTimeout(done, 1500));
	ok(functions[4] - before >= 10, `poll=200ms asks more often (${functions[4] - before} reads in 1.5 s)`);
	three.say({ mute: true });
	await until(() => lmsd.must('meter', 'show', 'M').current_ma === undefined, 'its values to be old', 5000);
	ok(lmsd.must('meter', 'show', 'M').age_ms < 4000, 'stale_after=1s makes them old soon', lmsd.must('meter', 'show', 'M'));
	three.say({ mute: false });

	equal((await lmsd.ctlAsync('meter', 'check', 'S')).status, 0, 'a check reads');
	ok((await lmsd.ctlAsync('meter', 'scan', one.address, 'slaves=1..2')).json.found.length > 0, 'a scan reads');
	equal(Object.keys(functions).sort(), ['3', '4'], 'nothing but functions 3 and 4, which read, has reached a device');
	for (const d of [three, one, large]) d.stdin.end();
});
