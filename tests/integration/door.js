// A door between simulated stations and lmsd, of ocpp-rpc in strict mode on both sides: a server towards the stations, a
// client per station towards lmsd. Every message of both is checked against the official schemas, and read and written
// anew on its way; who disconnects on one side is disconnected on the other.
'use strict';
const { once } = require('events');
const { RPCServer, RPCClient } = require('ocpp-rpc');
const { cleanups, ok } = require('./lib');

const STRICT = { protocols: ['ocpp1.6'], strictMode: true, callTimeoutMs: 60000, pingIntervalMs: 0 };

class Door {
	constructor(lmsd) {
		this.lmsd = lmsd;
		this.actions = { station: new Set(), lmsd: new Set() };	// who asked what
		this.bad = [];
	}

	async open() {
		const server = new RPCServer(STRICT);
		server.auth((accept, reject, { identity }) => this.enter(identity).then(accept, () => reject(503)));
		server.on('client', (station) => this.join(station, station.session));
		const http = await server.listen(0, '127.0.0.1');
		this.url = `ws://127.0.0.1:${http.address().port}`;
		cleanups.push(() => server.close({ force: true }).catch(() => {}));
		return this;
	}

	// The connection to lmsd comes first: a station is let in when lmsd lets it in. What lmsd says meanwhile waits.
	async enter(identity) {
		const client = new RPCClient({ endpoint: this.lmsd.url, identity, reconnect: false, ...STRICT });
		const joined = once(client, 'joined');
		client.handle(async ({ method, params }) => {
			this.actions.lmsd.add(method);
			const [station] = await joined;
			// The answer that lmsd sent before this call is on its way; it stays before it.
			await new Promise(setImmediate);
			return station.call(method, params);
		});
		await client.connect();
		return client;
	}

	join(station, client) {
		for (const peer of [station, client]) {
			peer.on('strictValidationFailure', (e) => this.bad.push(`${e.method}: ${e.error.message}`));
			peer.on('badMessage', (e) => this.bad.push(`bad message: ${e.error.message}`));
		}
		station.handle(({ method, params }) => {
			this.actions.station.add(method);
			return client.call(method, params);
		});
		station.on('disconnect', () => client.close({ force: true }));
		client.on('disconnect', () => station.close({ force: true }));
		client.emit('joined', station);
	}

	// To be told at the end of a test.
	clean() {
		const { station, lmsd } = this.actions;
		ok(this.bad.length === 0 && station.has('StartTransaction') && lmsd.has('SetChargingProfile'),
			'ocpp-rpc in strict mode, between them, found no error in either direction', { bad: this.bad,
				station: [...station], lmsd: [...lmsd] });
	}
}

module.exports = { Door };
