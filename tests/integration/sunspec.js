// A SunSpec meter as a Modbus TCP server of a few lines: "SunS" at 40000, the common model, model 203, the end.
'use strict';
const net = require('net');
const { cleanups } = require('./lib');

function registers() {
	const regs = new Map();
	const put = (at, ...words) => words.forEach((w, i) => regs.set(at + i, w & 0xffff));
	const model = (at, id, length) => {
		put(at, id, length, ...Array(length).fill(0));
		return at + 2 + length;
	};

	put(40000, 0x5375, 0x6e53);
	const meter = model(40002, 1, 66), end = model(meter, 203, 105);
	put(meter + 2, 330, 100, 110, 120, -1 & 0xffff);	// 33.0 A: 10, 11 and 12
	put(meter + 8, 2301, 2302, 2303);
	put(meter + 15, -1 & 0xffff, 5000, -2 & 0xffff);
	put(meter + 18, 7590, 2300, 2532, 2758, 0);
	put(meter + 46, 0x0012, 0xd687);			// 1234567 Wh
	put(end, 0xffff, 0);
	return regs;
}

// Answers function 3 for every slave number; what it does not have is exception 2.
module.exports = async function sunspec() {
	const regs = registers();
	const server = net.createServer((c) => {
		c.on('error', () => {});
		c.on('data', (d) => {
			for (; d.length >= 12; d = d.subarray(12)) {
				const at = d.readUInt16BE(8), count = d.readUInt16BE(10);
				const words = Array.from({ length: count }, (_, i) => regs.get(at + i));
				const pdu = d[7] !== 3 || words.includes(undefined) ? Buffer.from([d[7] | 0x80, 2]) :
					Buffer.concat([Buffer.from([3, 2 * count]), ...words.map((w) => Buffer.from([w >> 8, w & 255]))]);
				const head = Buffer.from(d.subarray(0, 7));

				head.writeUInt16BE(pdu.length + 1, 4);
				c.write(Buffer.concat([head, pdu]));
			}
		});
	});

	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	cleanups.push(() => server.close());
	return server.address().port;
};
