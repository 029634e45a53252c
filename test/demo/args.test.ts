/** @module Arguments, ports and answers the demo reads. */
import { createServer } from 'node:net';
import test from 'ava';
import { parseDemoArgs } from '../../demo/args.ts';
import { readRows } from '../../demo/edges-client.ts';
import { findPort } from '../../demo/ports.ts';

test('arguments have defaults, durations their units', (t) => {
  t.deepEqual(parseDemoArgs([]), { kind: 'run', args: { forMs: null, kafka: null, otlp: null, port: 8080, seed: 1 } });
  t.deepEqual(
    parseDemoArgs([
      '--for',
      '1m30s',
      '--kafka',
      'localhost:9092',
      '--port=9000',
      '--seed',
      '4',
      '--otlp=http://localhost:5318',
    ]),
    {
      kind: 'run',
      args: { forMs: 90_000, kafka: 'localhost:9092', otlp: 'http://localhost:5318', port: 9000, seed: 4 },
    },
  );
});

for (const [argv, expected] of [
  [['--for', '20'], /--for "20" is no duration/],
  [['--for', '-5s'], /--for/],
  [['--kafka', 'localhost'], /--kafka "localhost" is no address/],
  [['--otlp', 'localhost:4318'], /--otlp "localhost:4318" is no URL: write http:\/\/HOST:PORT/],
  [['--port', '70000'], /--port "70000" is no number from 1 to 65535/],
  [['--prot', '1'], /--prot/],
  [['now'], /now/],
] as const) {
  test(`${argv.join(' ')} is refused with the reason and the usage`, (t) => {
    const parsed = parseDemoArgs(argv);
    if (parsed.kind !== 'wrong') return t.fail(`taken as ${parsed.kind}`);
    t.regex(parsed.text, expected);
    t.regex(parsed.text, /Usage: weir demo/);
  });
}

test('help is asked for by either spelling', (t) => {
  t.is(parseDemoArgs(['-h']).kind, 'help');
  t.is(parseDemoArgs(['--help']).kind, 'help');
});

test('a taken port is replaced by the next free one that is not promised already', async (t) => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  t.teardown(() => holder.close());
  const address = holder.address();
  if (typeof address !== 'object' || address === null) return t.fail('not listening');
  const found = await findPort('127.0.0.1', address.port);
  t.true(found > address.port);
  t.true((await findPort('127.0.0.1', address.port, new Set([found]))) > found);
});

test('rows of an answer are read field by field, and what is no row is left out', (t) => {
  const latencyMs = { p50: { value: 1, lo: 0, hi: 2 }, p90: { value: 9, lo: 5, hi: null }, p99: null };
  const row = {
    source: null,
    destination: { namespace: 'shop', name: 'web', kind: 'Deployment' },
    successRate: 1,
    ratePerSecond: 2.5,
    mesh: 'istio',
    latencyMs,
  };
  t.deepEqual(readRows({ edges: [row, 'x', null] }), [row]);
  t.deepEqual(readRows({ edges: 'none' }), []);
  t.deepEqual(readRows(null), []);
});
