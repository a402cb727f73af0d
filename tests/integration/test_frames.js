#!/usr/bin/env node
// timeout: 120
// What a station may get wrong on the wire: each is answered with the right CALLERROR, close code or HTTP status, and
// neither lmsd nor the other stations notice.
'use strict';
const WebSocket = require('ws');
const http = require('http');
const { ok, equal, until, main, Lmsd, Station } = require('./lib');

function open(url) {
	return new Promise((resolve, reject) => {
		const ws = new WebSocket(url, ['ocpp1.6']);
		ws.inbox = [];
		ws.on('message', (d) => ws.inbox.push(JSON.parse(d)));
		ws.closed = new Promise((r) => ws.on('close', (code) => r(code)));
		ws.on('open', () => resolve(ws));
		ws.on('unexpected-response', (req, res) => reject(Object.assign(new Error('http'), { status: res.statusCode })));
		ws.on('error', reject);
	});
}

// The HTTP status that an upgrade to this path is answered with; 101 when it is accepted.
function status(port, path) {
	return new Promise((resolve) => {
		const req = http.request({ port, path, host: '127.0.0.1', headers: { Connection: 'Upgrade', Upgrade: 'websocket',
			'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Protocol': 'ocpp1.6' } });
		req.on('response', (res) => { res.resume(); resolve(res.statusCode); });
		req.on('upgrade', (res, socket) => { socket.destroy(); resolve(101); });
		req.on('error', () => resolve(0));
		req.end();
	});
}

main(async () => {
	const lmsd = await new Lmsd().start();
	lmsd.apply({ zones: [{ id: 'P1', static: 60 }], stations: [{ id: 'CP1', zone: 'P1', connectors: 1 }, { id: 'CP2', zone: 'P1', connectors: 1 }] });
	const other = new Station(lmsd, 'CP2');
	await other.up();
	const ws = await open(lmsd.url + '/CP1');
	let n = 0;
	const answer = async (text, id) => {
		ws.send(text);
		return until(() => ws.inbox.find((f) => f[0] !== 2 && f[1] === id), `an answer to ${text.slice(0, 60)}`, 10000);
	};
	const boot = await answer('[2,"b","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]', 'b');
	equal([boot[0], boot[2].status], [3, 'Accepted'], 'a boot is accepted');
	const cases = [
		['an unknown action', 'Frobnicate', '{}', ['NotImplemented']],
		['an action that only we may send', 'Reset', '{"type":"Soft"}', ['NotSupported', 'NotImplemented']],
		['a payload that is no object', 'Heartbeat', '[]', ['FormationViolation', 'TypeConstraintViolation']],
		['a required field that is missing', 'StartTransaction', '{"connectorId":1}', ['ProtocolError', 'OccurenceConstraintViolation', 'OccurrenceConstraintViolation']],
		['a field of the wrong type', 'StartTransaction', '{"connectorId":"one","idTag":"T","meterStart":0,"timestamp":"2026-01-01T00:00:00Z"}', ['TypeConstraintViolation']],
	];
	for (const [name, action, payload, codes] of cases) {
		const id = `c${n++}`;
		const a = await answer(`[2,"${id}","${action}",${payload}]`, id);
		ok(a[0] === 4 && codes.includes(a[2]), `${name}: CALLERROR ${a[2]}`, a);
	}
	for (const [name, text] of [['no JSON', '{['], ['no array', '{"a":1}'], ['an unknown message type', '[9,"x",{}]'],
		['an answer that nobody asked for', '[3,"nobody",{}]'], ['an empty message', '""']]) {
		ws.send(text);
		const id = `h${n++}`;
		const a = await answer(`[2,"${id}","Heartbeat",{}]`, id);
		ok(a[0] === 3, `${name}: the connection goes on`);
	}
	ws.send(`[2,"deep","DataTransfer",{"vendorId":"V","data":${'['.repeat(40)}${']'.repeat(40)}}]`);
	const deep = await answer('[2,"d2","Heartbeat",{}]', 'd2');
	ok(deep[0] === 3 && !ws.inbox.some((f) => f[0] === 3 && f[1] === 'deep'), 'a frame nested deeper than 32 is refused, the connection goes on');
	const start = '[2,"same","StartTransaction",{"connectorId":1,"idTag":"T","meterStart":5,"timestamp":"2026-01-01T00:00:00Z"}]';
	const again = await answer(start, 'same');
	ws.inbox.length = 0;
	equal(await answer(start, 'same'), again, 'the same StartTransaction again is answered with the same id');

	ws.close();
	await ws.closed;
	const big = await open(lmsd.url + '/CP1');
	big.send(`[2,"big","DataTransfer",{"vendorId":"V","data":"${'x'.repeat(1 << 20)}"}]`);
	equal(await big.closed, 1009, 'a frame above 1 MiB closes the connection with 1009');
	const binary = await open(lmsd.url + '/CP1');
	binary.send(Buffer.from([1, 2, 3]));
	equal(await binary.closed, 1003, 'a binary frame closes it with 1003');

	for (const [name, path, want] of [
		['an identity', '/CP9', [101]],
		['an identity with an encoded slash', '/CP%2F9', [400, 404]],
		['an identity with a control character', '/CP%0A9', [400, 404]],
		['an identity of 49 characters', '/' + 'x'.repeat(49), [400, 404]],
		['no identity', '/', [400, 404]],
	]) {
		const got = await status(lmsd.port, path);
		ok(want.includes(got), `${name}: ${got}`);
	}
	equal((await other.call('Heartbeat', {})).currentTime.length > 10, true, 'the other station has noticed nothing');
	equal(lmsd.must('station', 'show', 'CP2').state, 'online', 'and is online');
	await other.close();
});
