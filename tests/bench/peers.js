#!/usr/bin/env node
// peers.js ws|rpc - what others need for the same: a bare WebSocket server that parses and answers, and ocpp-rpc in
// strict mode. Prints "ready PORT".
'use strict';
const path = require('path');
const { createRequire } = require('module');
const load = createRequire(path.join(__dirname, '../integration/lib.js'));

if (process.argv[2] === 'rpc') {
	const { RPCServer } = load('ocpp-rpc');
	const server = new RPCServer({ protocols: ['ocpp1.6'], strictMode: true, pingIntervalMs: 0 });
	server.on('client', (client) => {
		client.handle('BootNotification', () => ({ status: 'Accepted', interval: 300, currentTime: new Date().toISOString() }));
		client.handle('Heartbeat', () => ({ currentTime: new Date().toISOString() }));
		client.handle('MeterValues', () => ({}));
	});
	const http = require('http').createServer();
	http.on('upgrade', server.handleUpgrade);
	http.listen(0, '127.0.0.1', 4096, () => console.log(`ready ${http.address().port}`));
} else {
	const { WebSocketServer } = load('ws');
	const http = require('http').createServer();
	const server = new WebSocketServer({ server: http, perMessageDeflate: false, handleProtocols: () => 'ocpp1.6' });
	const now = () => `"${new Date().toISOString()}"`;
	server.on('connection', (ws) => ws.on('message', (data) => {
		const [type, id, action, payload] = JSON.parse(data);
		if (type !== 2 || typeof payload !== 'object') return;
		if (action === 'BootNotification') ws.send(`[3,"${id}",{"status":"Accepted","currentTime":${now()},"interval":300}]`);
		else if (action === 'Heartbeat') ws.send(`[3,"${id}",{"currentTime":${now()}}]`);
		else ws.send(`[3,"${id}",{}]`);
	}));
	http.listen(0, '127.0.0.1', 4096, () => console.log(`ready ${http.address().port}`));
}
