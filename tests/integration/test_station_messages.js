#!/usr/bin/env node
// timeout: 60
// station messages: the frames as they were on the wire, of one station, several or all, the latest or since a
// moment, followed as they come; secrets are masked, a frame that was long is told with its length.
'use strict';
const { spawn } = require('child_process');
const path = require('path');
const { ok, equal, until, main, Lmsd, Station, BIN, cleanups } = require('./lib');

function follow(lmsd, ...args) {
	const child = spawn(path.join(BIN, 'lmsctl'), ['-s', lmsd.socket, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
	child.text = '';
	child.stdout.on('data', (d) => { child.text += d; });
	cleanups.push(() => child.kill('SIGKILL'));
	return child;
}

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({ zones: [{ id: 'P', static: 60 }], stations: [{ id: 'A', zone: 'P' }, { id: 'B', zone: 'P' }, { id: 'C', zone: 'P' }] });
	const messages = (...args) => lmsd.must('station', 'messages', ...args);
	equal(messages(), [], 'before any station there is nothing');
	equal(lmsd.ctl('station', 'messages', 'NOSUCH').json, [], 'of a station that never came there is nothing');

	const a = new Station(lmsd, 'A', { config: { AuthorizationKey: 'hidden-in-the-answer' } });
	const b = new Station(lmsd, 'B');
	await a.up();
	const boot = messages('A').slice(0, 2);
	equal(boot.map((m) => [m.station, m.direction]), [['A', 'in'], ['A', 'out']], 'the boot and its answer are there, in their order');
	equal(JSON.parse(boot[0].text).slice(2, 3), ['BootNotification'], 'as text of the frame');
	equal(JSON.parse(boot[1].text)[2].status, 'Accepted', 'both ways');
	ok(Math.abs(Date.parse(boot[0].time) - Date.now()) < 60000 && boot[0].bytes === boot[0].text.length, 'with time and length', boot[0]);

	await b.up();
	ok(messages('B').every((m) => m.station === 'B') && messages('B').length > 1, 'of one station only its own');
	equal([...new Set(messages('A,B').map((m) => m.station))].sort(), ['A', 'B'], 'several with a comma');
	const all = messages().map((m) => m.seq);
	ok(all.every((n, i) => i === 0 || n === all[i - 1] + 1), 'all stations: no number is missing', all);
	equal(messages('--limit', '2').length, 2, '--limit');
	equal(messages('A,B', '--limit', '1')[0].seq, Math.max(...messages('A,B').map((m) => m.seq)), 'of which the latest is meant');

	await a.call('Heartbeat', {});
	const { time } = messages('A', '--limit', '1')[0];
	await until(() => Date.now() > Date.parse(time) + 5, 'another millisecond');
	const later = new Date().toISOString();
	await a.call('DataTransfer', { vendorId: 'V', data: 'x'.repeat(9000) });
	const since = messages('A', `since=${later}`);
	ok(since.length >= 2 && /DataTransfer/.test(since[0].text), 'since a moment', since.map((m) => m.text.slice(0, 40)));
	ok(since[0].bytes > 9000 && since[0].text.length === 4000, 'a long frame is cut, and its length told', [since[0].bytes, since[0].text.length]);

	const rotated = await lmsd.ctlAsync('station', 'key', 'rotate', 'A');
	const key = { value: a.config.AuthorizationKey };
	ok(rotated.status === 0 && /^[0-9A-Fa-f]{40}$/.test(key.value), 'a key that is set reaches the station', [rotated, key]);
	const set = messages('A').find((m) => /ChangeConfiguration.*AuthorizationKey/.test(m.text));
	equal(JSON.parse(set.text)[3], { key: 'AuthorizationKey', value: '***' }, 'and is masked in the frame');
	await lmsd.ctlAsync('station', 'config', 'set', 'A', 'key=WifiPassword', 'value=TOPSECRET-TOPSECRET');
	equal(a.config.WifiPassword, 'TOPSECRET-TOPSECRET', 'so does a password of its vendor');
	await lmsd.ctlAsync('station', 'config', 'get', 'A', 'AuthorizationKey');
	const told = JSON.stringify(messages('A'));
	ok(!told.includes(key.value) && !told.includes('TOPSECRET'), 'both are masked, in what the station answers as well');

	const live = follow(lmsd, 'station', 'messages', 'A', '-f');
	await until(() => live.text.includes('\n'), 'the latest frames');
	ok(live.text.trim().split('\n').length <= 10, '-f begins with a few', live.text);
	await b.call('Heartbeat', {});
	await a.call('DataTransfer', { vendorId: 'marked' });
	await until(() => live.text.includes('"marked"'), 'the new frame');
	ok(/ A  +in +\[2,.*"marked"/.test(live.text) && !/ B +in/.test(live.text), 'and follows with what comes, of that station', live.text);
	const every = follow(lmsd, '-o', 'ndjson', 'station', 'messages', '-f', '--limit', '1');
	await until(() => every.text.includes('\n'), 'one frame');
	for (let i = 0; i < 50; i++) await (i % 2 ? a : b).call('Heartbeat', {});
	const frames = () => every.text.trim().split('\n').filter((l) => l.endsWith('}')).map((l) => JSON.parse(l));
	await until(() => frames().length >= 101, 'all of them');
	ok(frames().every((m, i, l) => i === 0 || m.seq === l[i - 1].seq + 1), 'following all stations leaves out none');

	equal(lmsd.ctl('station', 'messages', 'A', 'last=0').status, 65, 'last=0 is refused');
	const help = lmsd.ctl('help', 'station', 'messages').out;
	ok(/since/.test(help) && /direction/.test(help), 'help tells its arguments and what it shows', help);
	await a.close();
	await b.close();
});
