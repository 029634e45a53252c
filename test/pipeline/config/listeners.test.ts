/** @module Whether what is sent to an address arrives at a listener of the same machine. */
import test from 'ava';
import { isReachedAs } from '../../../pipeline/config/listeners.ts';
import { parseEndpoint } from '../../../pipeline/config/types.ts';

const PAIRS: readonly (readonly [listener: string, address: string, expected: boolean])[] = [
  ['127.0.0.1:4317', '127.0.0.1:4317', true],
  ['127.0.0.1:4317', '127.0.0.1:4318', false],
  ['127.0.0.1:4317', 'localhost:4317', true],
  ['127.0.0.1:4317', 'LOCALHOST.:4317', true],
  ['localhost:4317', '127.0.0.1:4317', true],
  ['localhost:4317', '[::1]:4317', true],
  ['127.0.0.1:4317', '[::1]:4317', false],
  ['127.0.0.2:4317', '127.0.0.1:4317', false],
  ['127.0.0.1:4317', '0.0.0.0:4317', true],
  ['0.0.0.0:4317', '127.0.0.2:4317', true],
  ['0.0.0.0:4317', 'localhost:4317', true],
  ['0.0.0.0:4317', '[::1]:4317', false],
  ['[::]:4317', '127.0.0.1:4317', true],
  ['[::]:4317', '[::1]:4317', true],
  ['0.0.0.0:4317', '10.0.0.7:4317', false],
  ['10.0.0.7:4317', '10.0.0.7:4317', true],
  ['gateway:4317', 'gateway:4317', true],
  ['127.0.0.1:4317', 'backend:4317', false],
  ['127.0.0.1:0', '127.0.0.1:0', false],
];

for (const [listener, address, expected] of PAIRS) {
  test(`${address} ${expected ? 'reaches' : 'does not reach'} a listener on ${listener}`, (t) => {
    t.is(isReachedAs(parseEndpoint(listener)!, parseEndpoint(address)!), expected);
  });
}
