/** @module A series that `max_series` had no room for at first sight does not bring its history when there is room. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { assertBalanced } from '../kit/driven/balanced.ts';
import { DrivenWeir } from '../kit/driven/driven-weir.ts';
import { putFile } from '../kit/put-file.ts';

const T0 = 1_800_000_000_000;
const START = `process_start_time_seconds ${T0 / 1000 - 86_400}\n`;
const line = (to: string, count: number) =>
  `response_total{direction="outbound",target_addr="10.0.0.1:80",target_port="80",dst_deployment="${to}",dst_namespace="x",classification="success"} ${count}\n`;
const lines = (name: string, count: number) => Array.from({ length: count }, (_, i) => line(`${name}${i}`, 1)).join('');

async function serve(t: ExecutionContext, page: () => string): Promise<string> {
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/plain').end(page()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

test('its first count after the refusal is a baseline', async (t) => {
  t.timeout(60_000);
  let count = 1_000_000;
  const first = await serve(t, () => START + lines('g', 20));
  const second = await serve(t, () => START + lines('f', 30) + line('b', count));
  const folder = await mkdtemp(join(tmpdir(), 'weir-limit-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const targets = [first, second].map((address, i) => ({
    targets: [address],
    labels: { namespace: 'x', deployment: `d${i}`, pod: `d${i}-1` },
  }));
  const publish = (list: typeof targets) => putFile(join(folder, 'targets.json'), JSON.stringify(list));
  await publish([targets[0]!]);
  const weir = await DrivenWeir.start({
    startWallMs: T0,
    config: `
receivers:
  linkerd: { max_series: 51, file_sd_configs: [{ files: ["${join(folder, 'targets.json')}"], refresh_interval: 1s }] }
processors: { smi: }
exporters: { capture: }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { metrics: { receivers: [linkerd], processors: [smi], exporters: [capture] } }
`,
  });
  t.teardown(() => weir.kill());
  await weir.advance(11_000);
  await publish(targets);
  await weir.advance(25_000);
  t.true(
    weir.log.some(({ level }) => level === 'warn' || level === 'error'),
    'the limit is said',
  );
  await publish([targets[1]!]);
  await weir.advance(25_000);
  count += 10;
  await weir.advance(20_000);
  const books = await weir.stop();
  const successes = weir.sums.flatMap((sum) => sum.records).reduce((sum, record) => sum + record.successes, 0);
  t.is(successes, 10);
  assertBalanced(t, books);
});
