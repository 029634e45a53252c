/** @module `weir demo --kafka` against a real broker: the edges of the table arrive as messages. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { runDemo } from '../../demo/demo.ts';
import { kafkaFor } from '../kit/kafka.ts';

/** Five times what a broker, a demo and its first window take. */
const WATCHDOG_MS = 240_000;

test('traffic of the failing edge reaches the topic', async (t) => {
  t.timeout(WATCHDOG_MS);
  const broker = await kafkaFor(t);
  if (broker === null) return;
  await broker.createTopic('smi_traffic', 3);
  const folder = await mkdtemp(join(tmpdir(), 'weir-demo-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  const consumer = broker.client().consumer({ groupId: 'demo-test' });
  await consumer.connect();
  t.teardown(() => consumer.disconnect());
  await consumer.subscribe({ topic: 'smi_traffic', fromBeginning: true });
  const messages: string[] = [];
  await consumer.run({
    async eachMessage({ message }) {
      const text = message.value?.toString() ?? '';
      messages.push(text);
      if (text.includes('"fraud"')) stop();
    },
  });
  const errors: string[] = [];
  const code = await runDemo(['--kafka', broker.address], {
    output: { write: () => true, on() {}, off() {} },
    writeError: (text) => void errors.push(text),
    env: {},
    stopped,
    targetsFolder: folder,
  });
  // The last log line would be here if anything were dropped or unaccounted for.
  t.deepEqual(errors, []);
  t.is(code, 0);
  for (const text of messages) t.is(JSON.parse(text).kind, 'TrafficMetrics');
  t.true(messages.some((text) => text.includes('"fraud"')));
});
