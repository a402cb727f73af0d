#!/usr/bin/env node
// timeout: 120
// lmsctl meter scan at the real lmsd: slaves behind a TCP gateway and on a serial line, which profile fits, while the
// meters of the same bus are polled on; and that it ends when nobody waits for it.
'use strict';
const fs = require('fs');
const path = require('path');
const { spawn } = require('child_process');
const sunspec = require('./sunspec');
const { ok, equal, until, main, startProgram, cleanups, Lmsd, ROOT, BIN, TMP } = require('./lib');

const startMeter = async (...args) => {
	const meter = await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/meter.py'), '--fixed', '10,11,12', ...args]);
	meter.say = (m) => meter.stdin.write(JSON.stringify(m) + '\n');
	return meter;
};

// A serial line: a pair of pseudo-terminals.
async function line(name) {
	const ends = [path.join(TMP, name + '.a'), path.join(TMP, name + '.b')];
	const socat = spawn('socat', ends.map((e) => `pty,raw,echo=0,link=${e}`), { stdio: 'ignore' });

	cleanups.push(() => socat.kill());
	await until(() => ends.every((e) => fs.existsSync(e)), 'the line');
	return ends;
}

const rows = (r) => r.json.found.map((f) => `${f.slave} ${f.profiles} ${f.known_by} ${f.meter}`);

main(async () => {
	const lmsd = await new Lmsd().start();
	const scan = (...args) => lmsd.ctlAsync('meter', 'scan', ...args);
	const gateway = await startMeter('--profile', 'SDM630', '--slaves', '2,5,9');
	const single = await startMeter('--profile', 'EM340');
	const at = (meter) => `127.0.0.1:${meter.ready.port}`;

	// A gateway of which one slave is polled.
	lmsd.apply({
		meters: [{ id: 'M', profile: 'SDM630', address: `5@${at(gateway)}`, poll: '500ms' }],
		zones: [{ id: 'main', dynamic: 60, meter: 'M', meter_lost: 16, margin: 0 }],
	});
	await until(() => lmsd.must('meter', 'show', 'M').state === 'ok', 'the meter to be polled');
	let worst = 0;
	const watch = setInterval(async () => {
		const m = (await lmsd.ctlAsync('meter', 'show', 'M')).json;

		worst = Math.max(worst, m.state === 'ok' ? m.age_ms : 1e9);
	}, 200);
	let r = await scan(at(gateway), 'slaves=1..12', '--timeout', '150ms');
	clearInterval(watch);
	equal(rows(r), ['2 SDM630 identity null', '5 SDM630 identity M', '9 SDM630 identity null'],
		'the slaves of a gateway, by their identity, and which of them is a meter already');
	equal([r.status, r.json.status, r.json.asked, r.json.total], [0, 'done', 12, 12], 'all numbers were asked');
	ok(worst < 2500, `the polled one was polled on meanwhile (its values were never older than ${worst} ms)`);
	equal(lmsd.must('meter', 'show', 'M').state, 'ok', 'and is good');

	// A device without identity that does not look at the number.
	r = await scan(at(single));
	equal([r.status, r.json.found.length, r.json.found[0].slave, r.json.found[0].known_by], [0, 1, 255, 'values'],
		'a device that answers to every number is one, known by its values');
	ok(/\bEM340\b/.test(r.json.found[0].profiles) && !/SDM/.test(r.json.found[0].profiles), 'its profile is among those that fit', r.json);
	ok(/answers to every slave number: one device, take 255/.test(r.json.text), 'and that is said', r.json);

	r = await scan(`127.0.0.1:${await sunspec()}`, 'slaves=1');
	ok(/\bSunSpec-meter\b/.test(r.json.found[0].profiles) && !/inverter/.test(r.json.found[0].profiles) && r.json.found[0].known_by === 'sunspec',
		'a SunSpec device is known by its models', r.json);

	// Nobody, and nothing.
	gateway.say({ mute_slaves: [77] });
	r = await scan(at(gateway), 'slaves=77', '--timeout', '100ms');
	ok(r.status === 75 && /^nobody answers: check/.test(r.json.text), 'nobody answers', r);
	r = await scan('127.0.0.1:1');
	ok(r.status === 75 && /Connection refused/.test(r.json.text), 'nothing is there', r);
	for (const [args, status, pattern, name] of [
		[[], 64, /address: is missing/, 'no address'],
		[[at(single), 'slaves=0..300'], 65, /slaves: '0..300' is not a list/, 'numbers that no slave has'],
		[[at(single), '--baud', '9600'], 65, /baud: goes with a serial line/, 'a speed of no line'],
		[['rtu:/dev/ttyX', '--baud', '9600,77'], 65, /baud: '77' is not a speed/, 'a speed that no line has'],
		[['--follow'], 75, /^$/, 'the last one, of which nothing came, is told again'],
	]) {
		r = await scan(...args);
		ok(r.status === status && pattern.test(r.err), name, r);
	}

	// A serial line; the speed is tried first that nobody speaks. (A pseudo-terminal has none, so all are answered.)
	const [ours, theirs] = await line('bus');
	const rtu = await startMeter('--profile', 'SDM630', '--serial', theirs, '--slaves', '3');
	r = await scan(`rtu:${ours},9600,8N1`, 'slaves=2..4', '--baud', '19200,9600', '--timeout', '200ms');
	equal(r.json && r.json.found.map((f) => f.address), [`3@rtu:${ours},19200,8N1`, `3@rtu:${ours},9600,8N1`],
		'a serial line is tried at every speed that was said');
	lmsd.must('meter', 'add', 'R', 'profile=SDM630', `address=3@rtu:${ours},9600,8N1`);
	await until(() => lmsd.must('meter', 'show', 'R').state === 'ok', 'the serial meter to be polled');
	r = await scan(`rtu:${ours},19200,8N1`, 'slaves=3');
	ok(r.status === 5 && /is in use with other settings/.test(r.err), 'a line that is polled has one speed', r);
	r = await scan(`rtu:${ours},9600,8N1`, 'slaves=2..4', '--timeout', '200ms');
	equal(rows(r), ['3 SDM630 identity R'], 'at that it is scanned between the polls');
	equal(lmsd.must('meter', 'show', 'R').state, 'ok', 'which go on');
	rtu.stdin.end();

	// Who interrupts it ends it.
	const other = spawn(path.join(BIN, 'lmsctl'), ['-s', lmsd.socket, 'meter', 'scan', at(gateway), 'slaves=80..247', '--timeout', '1s'],
		{ stdio: ['ignore', 'pipe', 'pipe'] });
	let said = '';
	gateway.say({ mute_slaves: Array.from({ length: 168 }, (_, i) => i + 80) });
	other.stderr.on('data', (d) => { said += d; });
	await until(() => lmsd.ctl('meter', 'scan', '--follow', 'wait=0').json.status === 'running', 'the scan to begin');
	r = await scan(at(single));
	ok(r.status === 5 && /is being scanned already/.test(r.err), 'there is one scan at a time', r);
	other.kill('SIGINT');
	await until(() => other.exitCode !== null || other.signalCode !== null, 'lmsctl to end');
	ok(/the scan ends, as nobody waits for it/.test(said), 'an interrupted lmsctl says what becomes of it', said);
	await until(() => /scan_ended.*state=cancelled/.test(lmsd.child.log), 'the scan to end', 15000);
	r = await scan('--follow');
	ok(r.status === 1 && r.json.status === 'cancelled' && r.json.asked < 60, 'nobody waits for it, so it ends', r.json);
	equal(lmsd.must('meter', 'show', 'M').state, 'ok', 'and the meters are polled on');
	const running = scan(at(gateway), 'slaves=80..247', '--timeout', '1s');
	await until(() => lmsd.ctl('meter', 'scan', '--follow', 'wait=0').json.status === 'running', 'the next to begin');
	lmsd.ctl('meter', 'scan', '--cancel');
	equal((await running).status, 1, 'it can be called off');
	const commands = lmsd.child.log.match(/control meter\.scan command .*/g) || [];
	ok(commands.length > 5 && commands.filter((l) => /object=- .*result=asked/.test(l)).length === 1,
		'who scans or calls it off is in the log, and not who waits, every second', commands);
	gateway.stdin.end();
	single.stdin.end();
});
