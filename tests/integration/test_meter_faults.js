#!/usr/bin/env node
// timeout: 90
// The daemon against devices with a mixture of all faults, by TCP and on a serial line, beside stations that it serves: every
// good value that it shows comes from the register and the time that it says, the sound slaves of the same buses are read
// on, the loop stands still for nobody, and afterwards all is well.
'use strict';
const fs = require('fs');
const path = require('path');
const { monitorEventLoopDelay } = require('perf_hooks');
const { ok, equal, until, main, startProgram, Lmsd, Station, ROOT, TMP } = require('./lib');

const VARIABLES = { current_l1: [0, 'A'], current_l2: [2, 'A'], current_l3: [4, 'A'], current_n: [20, 'A'], current_total: [22, 'A'],
	reactive_l1: [40, 'kvar'], reactive_l2: [42, 'kvar'], reactive_l3: [44, 'kvar'] };
const MIXTURE = [['mute', 0], ['late', 0.35], ['late', 0.6], ['drip', 0.06], ['split', 0], ['partial', 0], ['damaged', 0], ['count', 0],
	['exception', 11], ['exception', 4], ['slave', 0], ['function', 0], ['nan', 0], ['garbage', 0], ['trailing', 0], ['previous', 0], ['twice', 0]];
const TCP_ONLY = [['reset', 0], ['transaction', 0]];
const BUSES = 6;	// half of them by TCP
const LAST_MS = 8000;

function profiles() {
	const dir = path.join(TMP, 'meters');
	const rows = Object.entries(VARIABLES).map(([name, [addr, unit]]) => `{ name = "${name}"; addr = ${addr}; type = "f32"; unit = "${unit}"; }`);
	fs.mkdirSync(dir);
	fs.writeFileSync(path.join(dir, 'faulty.conf'), `model = "FAULTY"; manufacturer = "tests"; verified = "no"; function = 4;
timeout_ms = 250; direction = "register";\nvariables = ( ${rows.join(',\n')} );\n`);
	return dir;
}

// What is wrong with a value that is shown as good; null if nothing: it must be that of the slave and the register, made
// when the meter was asked, which takes up to some time-outs for the last of its blocks.
function wrong(slave, v) {
	const [addr, unit] = VARIABLES[v.name];
	const hundredths = Math.round(v.value * (unit === 'A' ? 100 : 0.1));
	if (Math.floor(hundredths / 1000) !== slave * 10 + (addr / 2) % 10) return { ...v, slave, why: 'another register' };
	const asked = Math.floor(Date.parse(v.time) / 10) % 1000;
	const later = (hundredths % 1000 - asked + 1005) % 1000 - 5;	// -5..994 hundredths after it was asked
	return later > 200 ? { ...v, slave, why: `made ${later / 100} s later, or ${(1000 - later) / 100} s earlier` } : null;
}

main(async () => {
	const ttys = [...Array(BUSES / 2).keys()].map((i) => path.join(TMP, `tty${i}`));
	const sim = await startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim/faulty.py'), '--tcp', String(BUSES / 2), '--seed', process.env.SEED || '1',
		...ttys.flatMap((t) => ['--rtu', t])]);
	const say = (o) => sim.stdin.write(JSON.stringify(o) + '\n');
	const buses = [...sim.ready.ports.split(',').map((p) => `127.0.0.1:${p}`), ...ttys.map((t) => `rtu:${t},38400,8N1`)];
	// Slave 1 of each bus will be faulty, 2 is sound.
	const meters = buses.flatMap((bus, i) => [1, 2].map((slave) => ({ id: `B${i}S${slave}`, profile: 'FAULTY', address: `${slave}@${bus}`, poll: '250ms' })));
	const lmsd = await new Lmsd().start({ 'meters.directory': profiles() });
	const document = { meters, zones: [{ id: 'Z', static: 63 }], stations: [{ id: 'CP1', zone: 'Z', wiring: 'RST', connectors: 1 }], tags: [{ uid: 'T1' }] };
	lmsd.apply({ ...document, meters: meters.map((m) => ({ ...m, poll: undefined, poll_ms: 250 })) });
	const station = new Station(lmsd, 'CP1');
	await station.up();

	const mistakes = [];
	const look = async () => {
		const all = await Promise.all(meters.map((m) => lmsd.ctlAsync('meter', 'show', m.id)));
		all.forEach(({ json }, i) => {
			for (const v of (json && json.values) || []) {
				const w = v.quality === 'good' && VARIABLES[v.name] ? wrong(Number(meters[i].id[3]), v) : null;
				if (w) mistakes.push({ meter: meters[i].id, ...w });
			}
		});
		return all.map((r) => r.json);
	};
	await until(async () => (await look()).every((m) => m.state === 'ok'), 'all meters to be read', 30000);
	ok(true, `${meters.length} meters on ${BUSES} buses are read`);

	const delay = monitorEventLoopDelay({ resolution: 5 });
	delay.enable();
	let longest = 0, states = 0, sound = 0, faulty = 0, slowest = 0;
	const end = Date.now() + LAST_MS;
	buses.forEach((bus, i) => say({ bus: i, slaves: [1], share: 0.7, fault: i < BUSES / 2 ? MIXTURE.concat(TCP_ONLY) : MIXTURE }));
	while (Date.now() < end) {
		const shown = await look();
		const asked = Date.now();
		await station.call('Heartbeat', {});
		slowest = Math.max(slowest, Date.now() - asked);
		states++;
		sound += shown.filter((m, i) => meters[i].id[3] === '2' && m.state === 'ok').length;
		faulty += shown.filter((m, i) => meters[i].id[3] === '1' && m.state !== 'ok').length;
		longest = Math.max(longest, lmsd.must('status').longest_turn_us);
	}
	delay.disable();
	equal(mistakes, [], 'no value is shown as good that is another one\'s or another time\'s');
	ok(faulty > 0, `the faulty ones were seen to be in trouble (${faulty} of ${states * BUSES} times)`);
	ok(sound >= 0.95 * states * BUSES, `the sound ones beside them were good (${sound} of ${states * BUSES} times)`);
	// The machine's own pauses, as this process felt them, are not lmsd's.
	const noise = Math.max(20000, 2 * delay.max / 1000);
	ok(longest > 0 && longest <= noise, `the loop's longest turn is below 20 ms, or what the machine took from everybody`, { longest, noise });

	buses.forEach((bus, i) => say({ bus: i, fault: null }));
	await until(async () => (await look()).every((m) => m.state === 'ok'), 'all to be well again', 40000);
	equal(mistakes, [], 'all is well again, without a wrong value in between');
	equal(station.badSchema, [], 'no schema error');
	await station.close();
});
