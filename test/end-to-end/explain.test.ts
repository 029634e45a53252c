/** @module `weir explain` of a real process that scrapes a page: the series shown are those that made the number. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { callWeir, startCli } from '../kit/cli.ts';

/** A proxy whose page tells ten more successes and one more failure at each scrape. */
async function servePage(t: ExecutionContext): Promise<string> {
  let scrapes = 0;
  const server = createServer((_request, response) => {
    scrapes += 1;
    const labels = 'direction="outbound",target_port="8080",dst_namespace="shop",dst_deployment="api"';
    response.end(`process_start_time_seconds 1
response_total{${labels},classification="success"} ${scrapes * 10}
response_total{${labels},classification="failure"} ${scrapes}
response_total{direction="inbound",target_port="4191",classification="success"} ${scrapes}
`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
}

function configFile(t: ExecutionContext, target: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-explain-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'config.yaml');
  writeFileSync(
    file,
    `receivers:
  linkerd: { scrape_interval: 1s, static_configs: [{ targets: ["${target}"], labels: { namespace: shop, deployment: web, pod: web-1 } }] }
processors: { smi: { window: 3s } }
exporters: { smi: { endpoint: "127.0.0.1:0" } }
service:
  telemetry: { logs: { encoding: json }, metrics: { level: none } }
  pipelines: { metrics: { receivers: [linkerd], processors: [smi], exporters: [smi] } }
`,
  );
  return file;
}

interface Explanation {
  readonly value: number;
  readonly figures: { readonly successes: number; readonly failures: number } | null;
  readonly slots: readonly { readonly successes: number; readonly failures: number }[];
  readonly pods: readonly { readonly pod: string; readonly successes: number; readonly failures: number }[];
  readonly targets: readonly { readonly address: string; readonly health: string }[];
  readonly series: readonly { readonly series: string; readonly value: number; readonly measure: string }[];
  readonly filteredReasons: readonly object[];
  readonly meshes: readonly { readonly docs: string }[];
}

/** Asks until there is traffic; ava's timeout ends it otherwise. */
async function explained(url: string): Promise<Explanation> {
  for (;;) {
    const args = ['explain', 'shop/deploy/web', 'shop/deploy/api', 'failure_count', '-o', 'json', '--url', url];
    const { code, out } = await callWeir(args);
    if (code === 0 && JSON.parse(out).figures !== null) return JSON.parse(out);
  }
}

test('series, targets, slots and pods of a number of a running Weir', async (t) => {
  t.timeout(60_000);
  const target = await servePage(t);
  const weir = startCli(['run', '-c', configFile(t, target)]);
  let told = '';
  weir.child.stderr?.on('data', (piece: string) => {
    told += piece;
  });
  await weir.printed('SMI API listens');
  const port =
    /"port":(\d+)[^\n]*SMI API listens/.exec(told)?.[1] ?? /SMI API listens[^\n]*"port":(\d+)/.exec(told)?.[1];
  const answer = await explained(`http://127.0.0.1:${port}`);
  const { figures, slots, pods, series } = answer;
  t.true(figures!.failures > 0);
  t.is(figures!.successes, figures!.failures * 10);
  t.is(answer.value, figures!.failures);
  for (const list of [slots, pods]) {
    t.is(
      list.reduce((sum, { failures }) => sum + failures, 0),
      figures!.failures,
    );
    t.is(
      list.reduce((sum, { successes }) => sum + successes, 0),
      figures!.successes,
    );
  }
  t.deepEqual(
    pods.map(({ pod }) => pod),
    ['web-1'],
  );
  t.deepEqual(
    answer.targets.map(({ address, health }) => [address, health]),
    [[target, 'up']],
  );
  t.is(series.length, 1);
  t.is(
    series[0]!.series,
    'response_total{classification="failure",direction="outbound",dst_deployment="api",dst_namespace="shop",target_port="8080"}',
  );
  t.is(series[0]!.measure, 'failure');
  // The first page was a baseline: the counter stands above what was counted.
  t.true(series[0]!.value > figures!.failures);
  t.deepEqual(answer.filteredReasons, [{ reason: 'own_scrape', series: 1 }]);
  t.is(answer.meshes[0]!.docs, 'docs/semantics.md#linkerd');
  weir.child.kill('SIGTERM');
  t.is((await weir.finished).code, 0);
});
