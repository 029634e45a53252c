/** @module The example consumer tells mistakes of its user in one line each, with the mend. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { kafkaFor } from '../../kit/kafka.ts';

const SCRIPT = fileURLToPath(new URL('../../../examples/kafka-consumer/consumer.ts', import.meta.url));

function run(args: string[]): Promise<{ code: unknown; out: string; err: string }> {
  const all = ['--disable-warning=TimeoutNegativeWarning', SCRIPT, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, all, { timeout: 60_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : error.code, out, err });
    });
  });
}

/** A port of this machine at which nobody answers. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // The address of a server that listens at a port is never a path.
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('--help lists every option', async (t) => {
  const { code, out, err } = await run(['--help']);
  t.deepEqual([code, err], [0, '']);
  for (const option of ['--brokers', '--topic', '--group', '--json']) t.true(out.includes(option), option);
});

test('what is no option ends with 2 and one line', async (t) => {
  t.deepEqual(await run(['--bogus']), {
    code: 2,
    out: '',
    err: "Unknown option '--bogus'; --help lists the options\n",
  });
});

test('a broker that does not answer ends with 1 and one line', async (t) => {
  const address = `127.0.0.1:${await deadPort()}`;
  const { code, out, err } = await run(['--brokers', address]);
  t.deepEqual([code, out], [1, '']);
  t.regex(err, new RegExp(`^no answer from ${address} .*ECONNREFUSED.*; start a broker there, or name another.*\\n$`));
});

test('a topic that does not exist ends with 1 and the command that creates it', async (t) => {
  const broker = await kafkaFor(t);
  if (broker === null) return;
  const { code, out, err } = await run(['--brokers', broker.address, '--topic', 'nobody_made_it']);
  t.deepEqual([code, out], [1, '']);
  t.is(
    err,
    `topic nobody_made_it does not exist at ${broker.address}; create it: ` +
      `kafka-topics.sh --bootstrap-server ${broker.address} --create --topic nobody_made_it --partitions 12\n`,
  );
});
