// Loaded before an emulator: keeps it on 127.0.0.1 (kinesis-local would bind every interface), and
// says where it listens as soon as it does.
'use strict';

const net = require('node:net');

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (...args) {
  const [first, last] = [args[0], args.at(-1)];
  const port = typeof first === 'object' && first !== null ? first.port : first;
  const told = typeof last === 'function' ? [last] : [];
  this.once('listening', () => {
    console.log(`Running on http://127.0.0.1:${this.address().port}`);
  });
  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, ...told);
};
