#!/usr/bin/env node
// timeout: 120
// zone replay: past splits are decided again from the recording and are the same, over kill -9 and with a torn tail.
'use strict';
const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const { ok, equal, until, main, Lmsd, Station, BIN } = require('./lib');

const now = () => new Date().toISOString();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What zone explain says now, and a moment at which it is true.
function moment(lmsd) {
	const explain = lmsd.must('zone', 'explain', 'P1');
	return { at: now(), explain };
}

const figures = (split) => split.connectors.map((c) => [c.id, c.wants, c.admitted, c.min_ma, c.max_ma, c.target_ma,
	c.limit_ma, c.w_ma, c.reason_code, c.reason]);

function sameAs(lmsd, m, what) {
	const r = lmsd.ctl('zone', 'replay', 'P1', '--at', m.at);
	if (!ok(r.status === 0, `${what}: is replayed`, r.err)) return;
	equal(figures(r.json), figures(m.explain), `${what}: the same split as then`);
	equal([r.json.same, r.json.cap_ma], [true, m.explain.cap_ma], `${what}: the same orders`);
	ok(r.json.turns > 0 && r.json.decided <= m.at, `${what}: by turns until then`, r.json);
}

main(async () => {
	const lmsd = await new Lmsd().start();
	await pause(100);
	const begin = now();
	lmsd.apply({
		zones: [{ id: 'main', fuse: 100 }, { id: 'P1', parent: 'main', static: 40 }],
		stations: ['A', 'B', 'C'].map((id) => ({ id, zone: 'P1', wiring: 'RST', connectors: 1, proven: true })),
		tags: ['T1', 'T2', 'T3'].map((uid) => ({ uid })),
	});
	const stations = ['A', 'B', 'C'].map((id) => new Station(lmsd, id));
	const limit = (id) => lmsd.must('connector', 'show', id).limit_ma;
	for (const s of stations) await s.up();
	const tx = await stations[0].plug(1, 'T1');
	await until(() => limit('A/1') === 32000, 'one to charge');
	const one = moment(lmsd);
	await stations[1].plug(1, 'T2');
	await until(() => limit('A/1') === 20000 && limit('B/1') === 20000, 'two to share');
	const two = moment(lmsd);
	await stations[0].draws(1, tx.transactionId, [19.5, 19.5, 19.5], 2000);
	lmsd.must('zone', 'override', 'P1', 'limit=26', '--for', '1h');
	await until(() => limit('A/1') === 13000 && limit('B/1') === 13000, 'the override');
	const three = moment(lmsd);

	sameAs(lmsd, one, 'one car');
	sameAs(lmsd, two, 'two cars');
	sameAs(lmsd, three, 'an override');
	await pause(1100);	// what happens within a second is written together

	await lmsd.kill();
	const down = now();
	const dir = path.join(lmsd.dir, 'recording');
	const last = path.join(dir, fs.readdirSync(dir).sort().pop());
	fs.appendFileSync(last, fs.readFileSync(last).subarray(0, 200));	// a torn block
	await lmsd.start();
	sameAs(lmsd, two, 'after kill -9');
	sameAs(lmsd, three, 'after kill -9, the last one');
	let r = lmsd.ctl('zone', 'replay', 'P1', '--at', down);
	ok(r.status === 4 && /nothing is recorded from .* to .*: lmsd did not run/.test(r.err), 'a time without lmsd is told', r.err);
	for (const s of stations) await s.close();
	for (const s of stations) await s.up();
	await until(() => lmsd.must('zone', 'explain', 'P1').connectors.every((c) => c.reason_code !== 'unproven'), 'all back');
	sameAs(lmsd, moment(lmsd), 'after the restart');

	r = lmsd.ctl('zone', 'replay', 'P1', '--at', '2020-01-01T00:00:00Z');
	ok(r.status === 4 && r.err.includes('is before the recording, which begins at '), 'before the recording', r.err);
	r = lmsd.ctl('zone', 'replay', 'P1', '--at', '2099-01-01T00:00:00Z');
	ok(r.status === 65 && r.err.includes('is in the future'), 'after now', r.err);
	r = lmsd.ctl('zone', 'replay', 'P1', '--at', begin);
	ok(r.status === 4 && r.err.includes("zone 'P1' did not exist then"), 'a zone that was not there yet', r.err);
	const human = spawnSync(path.join(BIN, 'lmsctl'), ['-s', lmsd.socket, 'zone', 'replay', 'P1', '--at', two.at], { encoding: 'utf8' });
	console.log(human.stdout.replace(/^/gm, '# '));
	ok(/decisions, \d+ orders, the same as then/.test(human.stdout), 'people read whether it was the same');
	ok(/^A\/1 +to charge +- +6 A +32 A +20 A +20 A +20 A +zone P1 is full/m.test(human.stdout), 'and a row per connector');

	await lmsd.kill('SIGTERM');
	for (const f of fs.readdirSync(dir)) {
		const data = fs.readFileSync(path.join(dir, f));
		data.fill('lmsbal1\0' + '9'.repeat(20), data.indexOf('lmsbal1\0'), data.indexOf('lmsbal1\0') + 28);
		fs.writeFileSync(path.join(dir, f), data);
	}
	await lmsd.start();
	r = lmsd.ctl('zone', 'replay', 'P1', '--at', two.at);
	ok(r.status === 4, 'a recording that was changed is not believed', r.err);
	await lmsd.kill('SIGTERM');
	await lmsd.start({ 'recording.size': 0 });
	r = lmsd.ctl('zone', 'replay', 'P1', '--at', two.at);
	ok(r.status === 5 && r.err.includes('recording.size is 0'), 'without a recording', r.err);
	ok(!fs.existsSync(dir), 'the files of before are gone');
	for (const s of stations) await s.close();
});
