#!/usr/bin/env node
// timeout: 120
// One command to many stations: the selection, a line per station, the total, the exit status, a few at a time; and jobs
// that nobody waits for.
'use strict';
const fs = require('fs');
const path = require('path');
const { spawn } = require('child_process');
const { ok, equal, until, main, Lmsd, Station, BIN, TMP } = require('./lib');

main(async () => {
	const lmsd = await new Lmsd().start();
	const ids = Array.from({ length: 40 }, (_, i) => `S${String(i + 1).padStart(2, '0')}`);
	lmsd.apply({
		zones: [{ id: 'main', static: 400 }, { id: 'P1', parent: 'main', static: 200 }, { id: 'P2', parent: 'main', static: 200 }],
		stations: [...ids.map((id, i) => ({ id, zone: i < 30 ? 'P1' : 'P2', wiring: 'RST', connectors: 1 })),
			{ id: 'AWAY', zone: 'P2', wiring: 'RST', connectors: 1 }],
	});
	let open = 0, most = 0, hold = null;
	const no = new Set();
	const reset = (id) => async () => {
		most = Math.max(most, ++open);
		if (hold) await hold;
		await new Promise((r) => setImmediate(r));
		open--;
		return { status: no.has(id) ? 'Rejected' : 'Accepted' };
	};
	const stations = ids.map((id) => new Station(lmsd, id, { handlers: { Reset: reset(id) },
		config: { HeartbeatInterval: id === 'S02' ? '60' : '300' } }));
	await Promise.all(stations.map((s) => s.up()));
	const asked = (method) => stations.filter((s) => s.received.some((m) => m.method === method)).map((s) => s.id);
	const forget = () => stations.forEach((s) => { s.received = []; });
	const ctl = (...args) => lmsd.ctlAsync('station', ...args);

	let r = await ctl('restart', 'zone=P1', '-y', '-o', 'table');
	const lines = r.out.trim().split('\n');
	equal([r.status, lines.pop()], [0, '30 stations: 30 accepted'], 'all of a zone are restarted');
	equal([lines.sort(), asked('Reset')], [ids.slice(0, 30).map((id) => `${id}: Accepted`), ids.slice(0, 30)], 'with a line for each');
	ok(most > 1 && most <= 16, 'several at a time, and no more than 16', most);
	most = 0;
	forget();
	equal((await ctl('restart', 'all', 'state=online', 'parallel=x', '-y')).status, 65, 'parallel is a number');
	r = await ctl('restart', 'all', 'state=online', 'parallel=1', '-y');
	equal([r.status, most, asked('Reset').length], [0, 1, 40], 'or one by one, all that are online');
	forget();
	r = await ctl('restart', 'zone=P1');
	ok(r.status === 64 && /30 stations: ends its sessions; nobody can be asked here/.test(r.err) && !asked('Reset').length,
		'where nobody can be asked it needs -y', r);
	r = await ctl('restart', 'zone=P2', '-n', '-o', 'value');
	equal([r.status, r.out.trim().split('\n'), asked('Reset')], [0, ['AWAY', ...ids.slice(30)], []], 'a dry run tells which they are');

	no.add('S01');
	r = await ctl('restart', 'S01,S02,AWAY', '-y');
	equal([r.status, r.json.map((x) => [x.station, x.status || x.error, x.exit]).sort()], [1, [['AWAY', 'OFFLINE', 75],
		['S01', 'Rejected', 6], ['S02', 'Accepted', 0]]], 'exit 1 when some did not');
	r = await ctl('restart', 'S01,S01', '-y', '-o', 'csv');
	equal([r.status, r.out], [6, 'station,status\nS01,Rejected\n'], '6 when all refused, and each is asked once');
	equal((await ctl('restart', 'state=never_seen', '-y')).status, 75, '75 when all are away');
	equal((await ctl('restart', 'zone=P9', '-y')).status, 4, '4 for a zone that is not there');
	equal((await ctl('restart', 'S01,NOPE', '-y')).status, 4, 'or a station, and then none is asked');
	forget();
	equal([(await ctl('restart', 'zone=', '-y')).status, (await ctl('restart', '-y', '--no-wait')).status,
		(await ctl('restart', ',', '-y')).status, asked('Reset')], [64, 64, 4, []], 'what says nothing does not mean all');
	r = await ctl('trigger', 'all', 'Nonsense');
	equal(r.status, 65, 'what no station would understand is refused once');
	forget();
	r = await ctl('trigger', 'zone=P1', 'Heartbeat', '-q', '-o', 'table');
	equal([r.status, r.out, asked('TriggerMessage').length], [0, '', 30], 'arguments follow the selection; -q says nothing when all is well');
	r = await ctl('config', 'get', 'S01,S02', 'HeartbeatInterval', '-o', 'table');
	ok(/^S01: HeartbeatInterval=300$/m.test(r.out) && /^S02: HeartbeatInterval=60$/m.test(r.out), 'answers are told by station', r.out);

	// A job that nobody waits for.
	let go;
	hold = new Promise((resolve) => { go = resolve; });
	forget();
	r = await ctl('restart', 'zone=P1', '-y', '--no-wait');
	equal([r.status, r.json.stations], [0, 30], '--no-wait answers the number of a job');
	const job = String(r.json.job);
	await until(() => asked('Reset').length === 16, 'the first ones to be asked');
	r = (await lmsd.ctlAsync('job', 'show', job)).json;
	equal([r.command, r.stations, r.state, r.total, r.left], ['station.restart', 'zone=P1', 'running', 30, 30], 'the job is shown');
	const waiter = lmsd.ctlAsync('job', 'wait', job, '-o', 'table');
	go();
	r = await waiter;
	equal([r.status, r.out.trim().split('\n').pop()], [1, '30 stations: 29 accepted, 1 refused'], 'it can be waited for');
	equal((await lmsd.ctlAsync('job', 'wait', job)).status, 1, 'and looked at later');
	equal((await lmsd.ctlAsync('job', 'list')).json.pop().state, 'done', 'it is in the list');
	equal((await lmsd.ctlAsync('job', 'cancel', job)).status, 5, 'what is over cannot be cancelled');

	hold = new Promise((resolve) => { go = resolve; });
	forget();
	r = await ctl('restart', 'zone=P1', 'parallel=4', '-y', '--no-wait');
	await until(() => asked('Reset').length === 4, 'four to be asked');
	equal((await lmsd.ctlAsync('job', 'cancel', String(r.json.job))).json.state, 'cancelled', 'one that runs is cancelled');
	go();
	r = await lmsd.ctlAsync('job', 'wait', String(r.json.job), '-o', 'table');
	ok(/30 stations: 3 accepted, 1 refused, cancelled/.test(r.out) && asked('Reset').length === 4, 'and asks no more', r.out);
	r = await ctl('restart', 'S02', '-y', '--no-wait');
	equal(r.json.stations, 1, 'one station can be a job, too');

	// It does not need whoever began it.
	hold = new Promise((resolve) => { go = resolve; });
	forget();
	const child = spawn(path.join(BIN, 'lmsctl'), ['-s', lmsd.socket, 'station', 'restart', 'zone=P1', '-y'],
		{ stdio: ['ignore', 'ignore', fs.openSync(path.join(TMP, 'err'), 'w')] });
	await until(() => asked('Reset').length === 16, 'the first ones to be asked');
	child.kill('SIGINT');
	const status = await new Promise((resolve) => child.on('exit', resolve));
	ok(status === 130 && /job \d+ goes on/.test(fs.readFileSync(path.join(TMP, 'err'), 'utf8')), 'an interrupt tells that it goes on', status);
	go();
	await until(() => asked('Reset').length === 30, 'the job to go on');
	ok(true, 'and it does');
	equal(stations.flatMap((s) => s.badSchema), [], 'no message broke its schema');
	await Promise.all(stations.map((s) => s.close()));
});
