/** @module Components that believe any certificate are told at start and shown in a gauge. */
import test from 'ava';
import { systemClock } from '../../../pipeline/clock/clock.ts';
import { loadConfig } from '../../../pipeline/config/load.ts';
import { hostService } from '../../../pipeline/graph/host.ts';
import { registry } from '../../../pipeline/graph/registry.ts';

const SKIPPED = 'insecure_skip_verify: true';

async function start(t: { teardown(end: () => Promise<unknown>): void }, yaml: string) {
  const read = async () => yaml;
  const { config, problems } = await loadConfig(['c.yaml'], { env: {}, registry, read });
  if (config === null) throw new Error(JSON.stringify(problems));
  const lines: { level: string; component: string; msg: string }[] = [];
  const writeLog = (line: string) => void lines.push(JSON.parse(line));
  const service = await hostService(config, { clock: systemClock, writeLog });
  t.teardown(() => service.stop(0));
  const gauge = (await service.meters.render()).split('\n').filter((line) => line.startsWith('weir_tls_unverified'));
  return { problems, gauge: gauge.sort(), told: lines.filter(({ msg }) => msg.includes('not verified')) };
}

const yaml = (tls: string, scrapeTls: string) => `
receivers:
  linkerd: { scheme: https, tls_config: { ${scrapeTls} }, static_configs: [{ targets: ["127.0.0.1:9"], labels: { pod: a } }] }
exporters:
  otlphttp: { endpoint: "https://127.0.0.1:9", tls: { ${tls} } }
  otlphttp/2: { endpoint: "https://127.0.0.1:9" }
processors: { smi: {} }
service:
  telemetry: { logs: { encoding: json }, metrics: { level: none } }
  pipelines:
    metrics: { receivers: [linkerd], processors: [smi], exporters: [otlphttp] }
    metrics/2: { receivers: [linkerd], processors: [smi], exporters: [otlphttp/2] }
`;

test('each component that believes any certificate is told once at start, and shown', async (t) => {
  const { gauge, told } = await start(t, yaml(SKIPPED, SKIPPED));
  t.deepEqual(gauge, [
    'weir_tls_unverified_peers{kind="exporter",component="otlphttp"} 1',
    'weir_tls_unverified_peers{kind="receiver",component="linkerd"} 1',
  ]);
  t.deepEqual(
    told.map(({ component }) => component),
    ['linkerd', 'otlphttp'],
  );
});

test('of those that verify nothing is said', async (t) => {
  const { gauge, told, problems } = await start(t, yaml('insecure_skip_verify: false', ''));
  t.deepEqual(problems, []);
  t.deepEqual([gauge, told], [[], []]);
});
