#!/usr/bin/env node
// timeout: 120
// The same site measured by meters of three libraries that we did not write, pymodbus, modbus-serial and jsmodbus, each by
// TCP and by RTU over a pair of pseudo-terminals: every value reads back as it was put in, and the stations of each
// zone are cut when its building's load jumps.
'use strict';
const path = require('path');
const { ok, equal, until, main, startProgram, cleanups, Lmsd, Station, ROOT, TMP } = require('./lib');
const { spawn } = require('child_process');
const fs = require('fs');

const SIM = path.join(ROOT, 'tests/sim');

async function line(name) {
	const [ours, theirs] = ['ours', 'theirs'].map((end) => path.join(TMP, `${name}-${end}`));
	const socat = spawn('socat', [`pty,raw,echo=0,link=${ours}`, `pty,raw,echo=0,link=${theirs}`], { stdio: 'ignore' });
	cleanups.push(() => socat.kill('SIGKILL'));
	await until(() => fs.existsSync(ours) && fs.existsSync(theirs), 'socat');
	return { ours, theirs };
}

// {id, address, set(amps) -> values by name}
async function meterOf(library, transport) {
	const ends = transport === 'rtu' ? await line(library) : null;
	const where = ends ? ['--serial', ends.theirs] : ['--port', '0'];
	const child = library === 'pymodbus'
		? await startProgram('/usr/bin/python3', [path.join(SIM, 'meter.py'), '--profile', 'SDM630', ...where])
		: await startProgram('node', [path.join(SIM, 'peers.js'), library, ...where]);
	let said = '';
	child.stdout.on('data', (d) => { said += d; });
	return {
		id: `${library}-${transport}`,
		address: ends ? `1@rtu:${ends.ours},9600,8N1` : `1@127.0.0.1:${child.ready.port}`,
		// pymodbus's building lives: it is stopped where it is, until the next time.
		async set(amps) {
			said = '';
			if (library === 'pymodbus') {
				child.stdin.write(JSON.stringify({ freeze: false, building: amps }) + '\n{"freeze": true, "get": true}\n');
			} else {
				child.stdin.write(JSON.stringify({ amps }) + '\n');
			}
			await until(() => said.includes('\n'), `${library} to answer`);
			return JSON.parse(said).values;
		},
	};
}

// Watts are whole; a 32-bit float has seven digits.
const near = (a, b) => Math.abs(a - b) <= Math.max(Number.isInteger(a) ? 0.5 : 0.001, Math.abs(b) * 1e-6);

main(async () => {
	const kinds = ['pymodbus', 'modbus-serial', 'jsmodbus'].flatMap((l) => ['tcp', 'rtu'].map((t) => [l, t]));
	const meters = await Promise.all(kinds.map(([l, t]) => meterOf(l, t)));
	const lmsd = await new Lmsd().start();
	lmsd.apply({
		meters: meters.map((m) => ({ id: m.id, profile: 'SDM630', address: m.address })),
		zones: meters.map((m) => ({ id: `Z-${m.id}`, dynamic: 63, meter: m.id, meter_lost: 6, margin: 0 })),
		stations: meters.map((m) => ({ id: `S-${m.id}`, zone: `Z-${m.id}`, wiring: 'RST', connectors: 1, proven: true })),
		tags: meters.map((m) => ({ uid: `T-${m.id}` })),
	});
	const full = (id) => Object.fromEntries(lmsd.must('meter', 'show', id).values.map((v) => [v.name, v]));

	for (const m of meters) {
		const want = await m.set([21.5, 22.25, 23.125]);
		const wrong = () => {
			const got = full(m.id);
			return Object.keys(got).filter((n) => want[n] !== undefined && !(got[n].quality === 'good' && near(got[n].value, want[n])))
				.concat(['current_l1', 'voltage_l3n', 'energy_import_total'].filter((n) => !got[n]));
		};
		await until(() => wrong().length === 0, `${m.id} to read all`).catch(() => {});
		equal(wrong().map((n) => [n, want[n], full(m.id)[n]]), [], `${m.id}: all values read back as they were put in`);
	}
	equal(lmsd.must('meter', 'list').map((m) => m.state), meters.map(() => 'ok'), 'all meters are good');

	const stations = meters.map((m) => new Station(lmsd, `S-${m.id}`));
	await Promise.all(stations.map((s) => s.up()));
	await Promise.all(stations.map((s, i) => s.plug(1, `T-${meters[i].id}`)));
	const limit = (i) => stations[i].last('TxProfile') || 0;
	await until(() => meters.every((m, i) => limit(i) >= 16), 'all cars to get current', 60000)
		.catch((e) => ok(false, e.message, meters.map((m, i) => [m.id, limit(i)])));
	for (const m of meters) await m.set([32 + 52, 60, 60]);	// the car and the building
	const jumped = Date.now();
	await until(() => meters.every((m, i) => limit(i) <= 11), 'all cars to be cut', 15000)
		.catch((e) => ok(false, e.message, meters.map((m, i) => [m.id, limit(i)])));
	ok(meters.every((m, i) => limit(i) <= 11), `52 A of 63 A leave at most 11 A in every zone (${Date.now() - jumped} ms)`);
	for (const s of stations) equal(s.badSchema, [], `no schema error at ${s.id}`);
	for (const s of stations) await s.close();
});
