#!/usr/bin/env node
// timeout: 90
// Buses that are not there: a name that leads nowhere, a serial device that is missing or taken, a device that says it is
// another model. Each is one event when it begins and one when it ends, an alert, and the reason at the
// meter; the other meters are read on.
'use strict';
const fs = require('fs');
const path = require('path');
const { spawn } = require('child_process');
const { ok, equal, until, main, startProgram, cleanups, Lmsd, ROOT, TMP } = require('./lib');

const profile = (model, identity) => `model = "${model}"; manufacturer = "tests"; verified = "no"; function = 4;
timeout_ms = 300; direction = "register"; ${identity}
variables = ( { name = "current_l1"; addr = 0; type = "f32"; unit = "A"; } );\n`;

function profiles() {
	const dir = path.join(TMP, 'meters');
	fs.mkdirSync(dir);
	fs.writeFileSync(path.join(dir, 'plain.conf'), profile('PLAIN', ''));
	// Register 40 of slave 40 is the first half of 4000 and less than ten: always 0x457A.
	fs.writeFileSync(path.join(dir, 'right.conf'), profile('RIGHT', 'identity = { function = 4; addr = 40; expected = [ 0x457A ]; };'));
	fs.writeFileSync(path.join(dir, 'other.conf'), profile('OTHER', 'identity = { function = 4; addr = 40; expected = [ 0x0815 ]; };'));
	return dir;
}

main(async () => {
	const [tty, taken] = ['tty', 'taken'].map((n) => path.join(TMP, n));
	const sim = await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/faulty.py'), '--tcp', '1', '--rtu', tty, '--rtu', taken]);
	const say = (o) => sim.stdin.write(JSON.stringify(o) + '\n');
	say({ bus: 1, pull: true });
	await until(() => !fs.existsSync(tty), 'the adapter to be gone');
	const thief = spawn('flock', ['-x', taken, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
	cleanups.push(() => thief.kill('SIGKILL'));
	thief.stdin.write('locked\n');
	await new Promise((resolve) => thief.stdout.once('data', resolve));

	const lmsd = await new Lmsd().start({ 'meters.directory': profiles() });
	for (const kind of ['bus_missing', 'meter_other_model', 'meter_lost']) lmsd.must('alert_rule', 'set', kind, 'delay=0');
	const at = `40@127.0.0.1:${sim.ready.ports}`;
	lmsd.apply({
		meters: [
			{ id: 'sound', profile: 'PLAIN', address: at },
			{ id: 'right', profile: 'RIGHT', address: at },
			{ id: 'other', profile: 'OTHER', address: at },
			{ id: 'nowhere', profile: 'PLAIN', address: '1@no-such-host.invalid' },
			{ id: 'pulled1', profile: 'PLAIN', address: `1@rtu:${tty}` },
			{ id: 'pulled2', profile: 'PLAIN', address: `2@rtu:${tty}` },
			{ id: 'taken', profile: 'PLAIN', address: `1@rtu:${taken}` },
		],
		zones: [{ id: 'Z', static: 63, meter: 'pulled1' }],
	});
	const list = (j) => (Array.isArray(j) ? j : j.items);
	const events = (event, object) => list(lmsd.must('event', 'list')).filter((e) => e.event === event && (!object || e.object.includes(object)));
	const meter = (id) => lmsd.must('meter', 'show', id);

	const missing = { 'no-such-host': /cannot be resolved: .*\(check the name, or write the address in numbers\)/,
		[tty]: /cannot be opened: No such file or directory \(is it plugged in\?/,
		[taken]: /is in use by another program \(fuser -v names it; stop it\)/ };
	for (const [bus, text] of Object.entries(missing)) {
		await until(() => events('bus_missing', bus).length, `the event of ${bus}`);
		ok(text.test(events('bus_missing', bus)[0].text), `bus ${path.basename(bus)}: the event says what is wrong and what to do`, events('bus_missing', bus));
	}
	for (const id of ['nowhere', 'pulled1', 'pulled2', 'taken']) await until(() => events('meter_lost', id).length, `the event of ${id}`);
	ok(/^address=1@rtu:.* zones=Z /.test(events('meter_lost', 'pulled1')[0].text), 'a lost meter is told with its address and its zones', events('meter_lost', 'pulled1'));
	ok(missing[tty].test(meter('pulled2').error), 'and the meter says why', meter('pulled2').error);
	await until(() => events('meter_other_model').length, 'the other model');
	equal(events('meter_other_model').map((e) => e.object), ['other'], 'another model is told for the meter whose profile does not fit, and for no other');
	ok(/reads 0x457A, the profile expects 0x0815.*lmsctl meter set other/.test(events('meter_other_model')[0].text), 'with what it says and what to do', events('meter_other_model'));
	const alerts = () => list(lmsd.must('alert', 'list')).filter((a) => ['bus_missing', 'meter_other_model'].includes(a.alert)).map((a) => a.alert);
	await until(() => alerts().length === 4, 'alerts');
	equal(alerts().sort(), ['bus_missing', 'bus_missing', 'bus_missing', 'meter_other_model'], 'all are alerts');

	thief.stdin.end();
	say({ bus: 1, plug: true });
	await until(() => ['pulled1', 'pulled2', 'taken'].every((id) => meter(id).state === 'ok'), 'the lines to be read', 40000);
	ok(true, 'the adapter that comes back is read, and so is the line that is free again');
	for (const bus of [tty, taken]) {
		equal([events('bus_missing', bus).length, events('bus_back', bus).length], [1, 1],
			`${path.basename(bus)}: one event at the beginning, one at the end, for all its meters`);
	}
	ok(['sound', 'right'].every((id) => meter(id).state === 'ok' && events('meter_lost', id).length === 0), 'nobody else was ever lost');
	const refused = lmsd.ctl('meter', 'add', 'fast', 'profile=PLAIN', `address=3@rtu:${tty},19200,8E1`, '-y');
	ok(refused.status !== 0 && /meters fast and pulled1: address: .*tty cannot be read at 19200,8E1 and at 9600,8N1 \(one line/.test(refused.err),
		'a line has one speed', refused.err);
	say({ bus: 1, pull: true });
	await until(() => events('bus_missing', tty).length === 2, 'the second time');
	ok(true, 'a second time is told again');
	equal(lmsd.child.exit, undefined, 'lmsd runs on');
});
