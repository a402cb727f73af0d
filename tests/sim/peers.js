#!/usr/bin/env node
// tests/sim/peers.js LIBRARY [--port 0 | --serial DEVICE] - an SDM630 served by `modbus-serial` or `jsmodbus`, as they come.
//
// Prints `ready port=N` or `ready device=PATH`. Orders are JSON objects on standard input, one per line:
// {"amps": [a, b, c]} sets the currents; the powers follow, and every value is told on standard output as
// {"values": {NAME: VALUE}}, in A, V, W, Hz and Wh.
'use strict';
const net = require('net');
const path = require('path');
const library = (name) => require(path.join(__dirname, '../integration/node_modules', name));

const [kind, option, where] = process.argv.slice(2);
const image = Buffer.alloc(2 * 512);	// input registers
const holding = Buffer.alloc(2 * 0x10000);
holding.writeUInt16BE(0x0070, 2 * 0xFC02);	// what an SDM630 says that it is

function put(addr, value) {
	image.writeFloatBE(value, 2 * addr);
}

function measure(amps) {
	const values = { power_total: 0, frequency: 50.02, energy_import_total: 1234500, energy_export_total: 6700 };
	amps.forEach((a, i) => {
		values[`voltage_l${i + 1}n`] = 230.5 + i;
		values[`current_l${i + 1}`] = a;
		values[`power_l${i + 1}`] = Math.round((230.5 + i) * a);
		values.power_total += values[`power_l${i + 1}`];
		put(2 * i, values[`voltage_l${i + 1}n`]);
		put(6 + 2 * i, a);
		put(12 + 2 * i, values[`power_l${i + 1}`]);
	});
	put(52, values.power_total);
	put(70, values.frequency);
	put(72, values.energy_import_total / 1000);
	put(74, values.energy_export_total / 1000);
	return values;
}

// modbus-serial takes port 0 for 502.
function anyPort(use) {
	const probe = net.createServer().listen(Number(where), '127.0.0.1', () => {
		const { port } = probe.address();
		probe.close(() => use(port));
	});
}

function serveModbusSerial(ready) {
	const { ServerTCP, ServerSerial } = library('modbus-serial');
	const vector = {
		getInputRegister: (addr) => image.readUInt16BE(2 * addr),
		getHoldingRegister: (addr) => holding.readUInt16BE(2 * addr),
	};
	if (option === '--serial') {
		const server = new ServerSerial(vector, { port: where, baudRate: 9600, unitID: 1, interval: 5 });
		server.on('initialized', () => ready(`device=${where}`));
	} else {
		anyPort((port) => {
			const server = new ServerTCP(vector, { host: '127.0.0.1', port, unitID: 1 });
			server.on('initialized', () => ready(`port=${port}`));
		});
	}
}

function serveJsmodbus(ready) {
	const { server: { TCP, RTU } } = library('jsmodbus');
	if (option === '--serial') {
		const { SerialPort } = library('serialport');
		const line = new SerialPort({ path: where, baudRate: 9600 }, () => ready(`device=${where}`));
		new RTU(line, { input: image, holding });
	} else {
		const listener = net.createServer();
		new TCP(listener, { input: image, holding });
		listener.listen(Number(where), '127.0.0.1', () => ready(`port=${listener.address().port}`));
	}
}

measure([10, 10, 10]);
(kind === 'jsmodbus' ? serveJsmodbus : serveModbusSerial)((what) => console.log(`ready ${what}`));
let orders = '';
process.stdin.on('data', (data) => {
	orders += data;
	for (let end = orders.indexOf('\n'); end >= 0; end = orders.indexOf('\n')) {
		const order = JSON.parse(orders.slice(0, end));
		orders = orders.slice(end + 1);
		console.log(JSON.stringify({ values: measure(order.amps) }));
	}
});
process.stdin.on('end', () => process.exit(0));
