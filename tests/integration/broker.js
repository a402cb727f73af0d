// Real brokers for the tests of MQTT, and a client of theirs; and one that is not real, to misbehave.
'use strict';
const { spawn, spawnSync } = require('child_process');
const fs = require('fs');
const net = require('net');
const path = require('path');
const { cleanups, TMP, until } = require('./lib');

const MOSQUITTO = fs.existsSync('/usr/sbin/mosquitto') ? '/usr/sbin/mosquitto' : 'mosquitto';

// mosquitto takes no port 0.
function freePort() {
	return new Promise((resolve) => {
		const s = net.createServer();
		s.listen(0, '127.0.0.1', () => {
			const { port } = s.address();
			s.close(() => resolve(port));
		});
	});
}

function answers(port) {
	return new Promise((resolve) => {
		const s = net.connect(port, '127.0.0.1');
		s.on('connect', () => { s.destroy(); resolve(true); });
		s.on('error', () => resolve(false));
	});
}

class Broker {
	constructor(name = 'broker') {
		this.file = path.join(TMP, name + '.conf');
	}

	// `lines` of mosquitto.conf follow the listener. Keeps its port over restarts.
	async start(lines = ['allow_anonymous true']) {
		this.lines = lines;
		for (let attempt = 0; attempt < 5; attempt++) {
			this.port = this.port || await freePort();
			fs.writeFileSync(this.file, [`listener ${this.port} 127.0.0.1`, 'user root', ...lines, ''].join('\n'));
			this.child = spawn(MOSQUITTO, ['-c', this.file], { stdio: ['ignore', 'pipe', 'pipe'] });
			this.log = '';
			for (const s of [this.child.stdout, this.child.stderr]) s.on('data', (d) => { this.log += d; });
			this.child.gone = new Promise((r) => this.child.on('exit', r).on('error', r));
			cleanups.push(() => this.kill());
			let dead = false;
			this.child.gone.then(() => { dead = true; });
			await until(async () => dead || await answers(this.port), 'the broker');
			if (!dead) return this;
			this.port = 0;	// somebody else was faster
		}
		throw new Error('no broker: ' + this.log);
	}

	async kill(signal = 'SIGKILL') {
		this.child.kill(signal);
		await this.child.gone;
	}
}

// What is said under a pattern; options as of mosquitto_sub.
class Listener {
	constructor(port, topic, ...options) {
		this.heard = [];	// {topic, text}
		this.child = spawn('mosquitto_sub', ['-h', '127.0.0.1', '-p', String(port), '-F', '%r %t %p', '-t', topic, ...options],
			{ stdio: ['ignore', 'pipe', 'pipe'] });
		let rest = '';
		this.child.stdout.on('data', (d) => {
			const lines = (rest + d).split('\n');
			rest = lines.pop();
			for (const line of lines) {
				const [, retained, name, text] = /^(\d) (\S+) ?(.*)$/.exec(line);
				this.heard.push({ topic: name, text, retained: retained === '1' });
			}
		});
		this.child.on('error', () => {});
		cleanups.push(() => this.child.kill('SIGKILL'));
	}

	last(topic) {
		const found = this.heard.filter((m) => m.topic === topic);
		return found.length ? found[found.length - 1] : undefined;
	}

	json(topic) {
		const m = this.last(topic);
		return m && JSON.parse(m.text);
	}

	stop() {
		this.child.kill('SIGKILL');
	}
}

function publish(port, topic, text, ...options) {
	const r = spawnSync('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(port), '-t', topic, text ? '-s' : '-n', ...options],
		{ input: text, encoding: 'utf8', timeout: 20000 });
	if (r.status !== 0) throw new Error(`mosquitto_pub ${topic}: ${r.stderr}`);
}

// Knows MQTT 3.1.1 only, says so in its way, and stops to read when it is told to.
class OldBroker {
	constructor() {
		this.levels = [];	// protocol levels of the CONNECTs that came
		this.topics = [];	// asked for
		this.got = 0;		// bytes
	}

	async start() {
		this.server = net.createServer((s) => this.serve(s));
		await new Promise((r) => this.server.listen(0, '127.0.0.1', r));
		this.port = this.server.address().port;
		cleanups.push(() => { this.server.close(); if (this.socket) this.socket.destroy(); });
		return this;
	}

	serve(s) {
		let buffer = Buffer.alloc(0);
		s.on('error', () => {});
		s.on('data', (d) => {
			this.got += d.length;
			buffer = Buffer.concat([buffer, d]);
			for (;;) {
				let length = 0, at = 1, more = true;
				for (; more && at < buffer.length && at < 5; at++) {
					length |= (buffer[at] & 127) << (7 * (at - 1));
					more = buffer[at] > 127;
				}
				if (more || buffer.length < at + length) return;
				this.packet(s, buffer[0] >> 4, buffer.subarray(at, at + length));
				buffer = buffer.subarray(at + length);
			}
		});
	}

	packet(s, type, body) {
		if (type === 1) {
			const level = body[6];
			this.levels.push(level);
			if (level !== 4) return s.end(Buffer.from([0x20, 2, 0, 1]));
			this.socket = s;
			s.write(Buffer.from([0x20, 2, 0, 0]));
		} else if (type === 8) {
			this.topics.push(body.subarray(4, 4 + body.readUInt16BE(2)).toString());
			s.write(Buffer.from([0x90, 3, body[0], body[1], 0]));
		} else if (type === 3) {
			const name = body.subarray(2, 2 + body.readUInt16BE(0)).toString();
			if (name.endsWith('/online')) s.write(Buffer.from([0x40, 2, ...body.subarray(2 + body.readUInt16BE(0)).subarray(0, 2)]));
		} else if (type === 12) {
			s.write(Buffer.from([0xd0, 0]));
		}
	}

	say(topic, text) {
		const name = Buffer.from(topic), body = Buffer.concat([Buffer.from([0, name.length]), name, Buffer.from(text)]);
		const length = [];
		for (let n = body.length; ; n >>= 7) {
			length.push((n & 127) | (n > 127 ? 128 : 0));
			if (n <= 127) break;
		}
		this.socket.write(Buffer.concat([Buffer.from([0x30, ...length]), body]));
	}
}

module.exports = { Broker, OldBroker, Listener, publish };
