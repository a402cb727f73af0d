#!/usr/bin/env node
// timeout: 60
// A station that floods is read more slowly: an event names it, nothing of it is lost, the others do not wait for it.
'use strict';
const WebSocket = require('ws');
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

main(async () => {
	const lmsd = await new Lmsd().start({ 'limits.messages': 100 });
	lmsd.apply({ zones: [{ id: 'P', static: 60 }], stations: [{ id: 'LOUD', zone: 'P' }, { id: 'CALM', zone: 'P' }] });
	const calm = new Station(lmsd, 'CALM');
	await calm.up();
	const loud = new WebSocket(`${lmsd.url}/LOUD`, ['ocpp1.6']);
	const answers = [];
	loud.on('message', (m) => { const f = JSON.parse(m); if (f[0] === 3) answers.push(f[1]); });
	await new Promise((resolve, reject) => { loud.on('open', resolve); loud.on('error', reject); });
	const began = Date.now();
	const COUNT = 1150;	// ten seconds' worth at once, then 100 a second
	for (let i = 0; i < COUNT; i++) loud.send(`[2,"${i}","Heartbeat",{}]`);
	await until(() => /station LOUD station_floods limit=100/.test(lmsd.child.log), 'the event');
	ok(true, 'an event names the station');
	let slowest = 0;
	for (let i = 0; i < 20; i++) {
		const sent = Date.now();
		await calm.call('Heartbeat', {});
		slowest = Math.max(slowest, Date.now() - sent);
	}
	ok(answers.length < COUNT, 'while it is slowed', answers.length);
	ok(slowest < 1000, 'the others are answered', slowest);
	await until(() => answers.length === COUNT, 'all answers');
	equal(answers, [...Array(COUNT).keys()].map(String), 'it gets every answer, in order');
	ok(Date.now() - began > 1000, 'at its pace', Date.now() - began);
	equal(lmsd.child.log.match(/station_floods/g).length, 1, 'and is told once, not for every pause');
	equal(loud.readyState, WebSocket.OPEN, 'its connection stays');
	await calm.close();
	loud.close();
});
