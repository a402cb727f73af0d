#!/usr/bin/env node
// timeout: 120
// lmsctl meter check at the real lmsd: before a meter is added and while it is polled, with everything that can
// keep it from being read, each told by its own words and by the exit status.
'use strict';
const net = require('net');
const path = require('path');
const { spawnSync } = require('child_process');
const sunspec = require('./sunspec');
const { ok, equal, until, main, startProgram, cleanups, Lmsd, Station, ROOT, BIN } = require('./lib');

const python = (script, ...args) => startProgram('/usr/bin/python3', [path.join(ROOT, 'tests/sim', script), ...args]);

async function startMeter(...args) {
	const meter = await python('meter.py', '--fixed', '10,11,12', ...args);
	meter.say = (m) => meter.stdin.write(JSON.stringify(m) + '\n');
	return meter;
}

main(async () => {
	const lmsd = await new Lmsd().start();
	const sdm = await startMeter('--profile', 'SDM630');
	const at = (n, meter = sdm) => `address=${n}@127.0.0.1:${meter.ready.port}`;
	const check = (...args) => lmsd.ctlAsync('meter', 'check', ...args);
	const says = async (status, pattern, name, ...args) => {
		const r = await check(...args);

		ok(r.status === status && r.json && pattern.test(r.json.text), name, r);
		return r.json || {};
	};

	// Before it is added.
	let r = await says(0, /^good: 22 registers of SDM630 in \d+ ms; L1 10\.0 A, L2 11\.0 A, L3 12\.0 A$/,
		'a meter that is not added yet is checked by profile and address', 'profile=SDM630', at(1));
	equal([r.verdict, r.identity, r.current_ma, r.findings], ['good', 'as expected', [10000, 11000, 12000], []], 'all of it is good');
	const current = r.registers.find((x) => x.name === 'current_l2');
	equal([current.function, current.address, current.raw, current.value, current.unit, current.quality],
		[4, 8, '4130 0000', 11, 'A', 'good'], 'a register is told raw and decoded');
	ok(current.latency_ms > 0, 'with its latency', current);
	const table = spawnSync(path.join(BIN, 'lmsctl'), ['-s', lmsd.socket, 'meter', 'check', 'profile=SDM630', at(1),
		'phases=L2,L3,L1', 'invert=L3', 'scope=load'], { encoding: 'utf8' });
	ok(/^current_l1 +4 +6 +4120 0000 +10 A +[0-9.]+ +counts as current_l2 10 A$/m.test(table.stdout) && table.status === 1,
		'what it counts as here is told beside it', table.stdout);
	ok(/^L1 \(the meter's L3\) reads -2\.8 kW, and a load takes power: turn its transformer round/m.test(table.stdout),
		'and the verdict says what to do', table.stdout);
	await says(1, /^the device says that it is SDM630: set profile=SDM630/, 'another model is named', 'profile=SDM72D-M', at(1));
	await says(1, /set profile=SDM630|refuses every register/, 'also where the expected one has no identity', 'profile=EM340', at(1));
	equal((await check('profile=SDM630', at(1), 'ct=direct', 'fuse=80')).status, 65, 'direct measurement above 63 A is refused');
	sdm.say({ without: ['pf_l2', 'energy_export_total'] });
	r = await says(0, /^good: 20 registers .* 2 registers of the profile are not answered: pf_l2, energy_export_total$/,
		'registers that a device lacks are told, and do not fail the rest', 'profile=SDM630', at(1));
	equal(r.registers.filter((x) => x.exception === 2 && x.quality === 'error' && x.value === undefined).map((x) => x.name),
		['pf_l2', 'energy_export_total'], 'with the exception, without a number');
	sdm.say({ without: ['current_l3'] });
	await says(1, /^L3: the current, or the power that tells its direction, was not answered/, 'a current that is missing is a finding',
		'profile=SDM630', at(1));
	sdm.say({ without: [] });

	// Where registers are found in the device.
	const suns = `address=1@127.0.0.1:${await sunspec()}`;
	r = await says(0, /^good: \d+ registers of SunSpec-meter .*; L1 10\.0 A, L2 11\.0 A, L3 12\.0 A/, 'a SunSpec meter is checked where its models are',
		'profile=SunSpec-meter', suns);
	equal(r.registers && r.registers.filter((x) => x.name === 'voltage_l2n').map((x) => [x.address, x.raw, x.value]), [[40079, '08FE', 230.2]],
		'with the addresses of that device');
	await says(1, /^the device is another model than SunSpec-inverter \(a SunSpec map at 40000 with models 1 203\)/, 'what it has instead is told',
		'profile=SunSpec-inverter', suns);
	await says(1, /^the device is another model than SunSpec-meter \(no SunSpec map at 40000, 50000 or 0/, 'so is where there is no map',
		'profile=SunSpec-meter', at(1));

	// What keeps it from being read.
	const before = Date.now();
	await says(75, /^cannot connect to 127\.0\.0\.1 port 1: Connection refused \(.*the port right/,
		'a refused connection', 'profile=SDM630', 'address=1@127.0.0.1:1');
	await says(75, /^no-such-host\.invalid cannot be resolved: .*\(check the name/, 'an address that resolves to nothing',
		'profile=SDM630', 'address=1@no-such-host.invalid');
	await says(75, /^\/dev\/lms-no-such-tty cannot be opened: .*is it plugged in/, 'a serial device that is missing',
		'profile=SDM630', 'address=1@rtu:/dev/lms-no-such-tty');
	sdm.say({ mute_slaves: [9] });
	await says(75, /^slave 9 at 127\.0\.0\.1:\d+ does not answer, though the connection stands: check its number/, 'a slave that is mute',
		'profile=SDM630', at(9));
	sdm.say({ mute_slaves: [], exception: 11 });
	await says(75, /^the gateway at .* has no answer from slave 9/, 'a gateway without its slave', 'profile=SDM630', at(9));
	sdm.say({ exception: 2 });
	await says(1, /^slave 1 answers, but refuses every register of SDM630: it is another model/, 'a device that knows none of it',
		'profile=SDM630', at(1));
	sdm.say({ exception: 0 });
	ok(Date.now() - before < 40000, 'none of them takes long');
	for (const [kind, status, pattern, name] of [
		['mute', 75, /^slave 3 on .* does not answer: check its number, A and B, and that it speaks 9600,8N1/, 'nobody on a serial line'],
		['noise', 75, /^what slave 3 sends on .* is no frame: its speed or parity is not 9600,8N1/, 'a wrong baud rate is suspected'],
		['held', 75, /is in use by another program \(fuser -v names it/, 'a line that another program has'],
	]) {
		const line = await python('line.py', kind);
		await says(status, pattern, name, 'profile=SDM630', `address=3@rtu:${line.ready.device}`);
		line.stdin.end();
	}
	equal([(await check('M')).status, (await check()).status, (await check('profile=SDM63', at(1))).status], [4, 64, 65],
		'an unknown meter, no meter, an unknown profile');

	// While it is polled, over the one connection that a gateway may have.
	let connections = 0;
	const gateway = net.createServer((down) => {
		const up = net.connect(sdm.ready.port, '127.0.0.1');

		connections++;
		down.pipe(up).pipe(down);
		for (const s of [up, down]) s.on('error', () => { up.destroy(); down.destroy(); });
	});
	await new Promise((done) => gateway.listen(0, '127.0.0.1', done));
	cleanups.push(() => gateway.close());
	lmsd.apply({
		meters: [{ id: 'M', profile: 'SDM630', address: `1@127.0.0.1:${gateway.address().port}` }],
		zones: [{ id: 'main', dynamic: 60, meter: 'M', meter_lost: 16, margin: 0 }],
		stations: [{ id: 'CP', zone: 'main', wiring: 'RST', connectors: 1 }],
		tags: [{ uid: 'T' }],
	});
	await until(() => lmsd.must('meter', 'show', 'M').state === 'ok', 'the meter to be polled');
	await says(0, /^good: 22 registers/, 'a meter that is polled', 'M');
	equal(connections, 1, 'is checked over the connection that polls it');
	equal(lmsd.must('meter', 'show', 'M').state, 'ok', 'and is polled on');
	await says(1, /^L2 exports 2\.5 kW, and nothing here is known to produce/, 'other keys can be tried before they are set', 'M', 'invert=L2');
	equal(lmsd.must('meter', 'show', 'M').invert, undefined, 'and are not set by that');

	// What cars say.
	const cp = new Station(lmsd, 'CP');
	await cp.up();
	const tx = await cp.plug(1, 'T');
	await until(() => cp.last('TxProfile') >= 16, 'the car to get its current', 60000);
	sdm.say({ building: [0.4, 1, 17] });
	await cp.draws(1, tx.transactionId, [16, 0, 0], 1500);
	r = await says(1, /^cars draw 16\.0 A on L1 where the meter sees 0\.4 A, and it sees 17\.0 A on L3/, 'phases are compared with what cars draw', 'M');
	equal(r.findings.map((f) => `${f.code}/${f.severity}/${f.phase}`), ['phases_swapped/wrong/L1'], 'as a finding of its own');
	sdm.say({ building: [17, 1, 0.4] });
	await cp.draws(1, tx.transactionId, [16, 0, 0], 1600);
	await says(0, /^good/, 'and is good where they agree', 'M');
	await cp.close();

	// A check needs who may change meters, and is recorded.
	ok(/control meter\.check command uid=\d+ role=admin/.test(lmsd.child.log), 'who checked is in the log', lmsd.child.log.slice(-2000));
	sdm.stdin.end();
});
