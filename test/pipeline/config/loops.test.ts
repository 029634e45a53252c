/** @module A Weir that sends to itself is refused; one whose pipelines follow each other is not. */
import test from 'ava';
import { loadConfig } from '../../../pipeline/config/load.ts';
import { registry } from '../../../pipeline/graph/registry.ts';

async function errorsOf(pipelines: string, receivers: string, exporters: string): Promise<string[]> {
  const yaml = `receivers: ${receivers}
processors: { smi: {} }
exporters: ${exporters}
service: { telemetry: { metrics: { level: none } }, pipelines: ${pipelines} }
`;
  const { problems } = await loadConfig(['a.yaml'], { env: {}, registry, read: async () => yaml });
  return problems.filter(({ severity }) => severity === 'error').map(({ code, path }) => `${code} ${path}`);
}

const GRPC = '{ endpoint: "http://localhost:4317" }';
const HTTP = '{ endpoint: "http://127.0.0.1:4318" }';
const TRACES = '{ traces: { receivers: [otlp], exporters: [out] } }';
const METRICS = '{ metrics: { receivers: [otlp], processors: [smi], exporters: [out] } }';

for (const [title, type, config, pipelines] of [
  ['spans over gRPC', 'otlp', GRPC, TRACES],
  ['spans over HTTP', 'otlphttp', HTTP, TRACES],
  ['traffic over gRPC', 'otlp', GRPC, METRICS],
  ['traffic over HTTP', 'otlphttp', HTTP, METRICS],
] as const) {
  test(`a Weir that sends ${title} to its own receiver with its defaults is refused`, async (t) => {
    const errors = await errorsOf(pipelines.replace('out', type), '{ otlp: {} }', `{ ${type}: ${config} }`);
    t.deepEqual(errors, [`WEIR1029 exporters.${type}.endpoint`]);
  });
}

const TWO = '{ otlp: {}, otlp/2: { protocols: { http: { endpoint: "127.0.0.1:5318" } } } }';
const TO_SECOND =
  '{ otlphttp: { endpoint: "http://127.0.0.1:5318" }, otlp: { endpoint: "http://127.0.0.1:4317" }, debug: {} }';

test('pipelines that follow each other are no circle, but two that feed each other are', async (t) => {
  const chain = (last: string) =>
    `{ traces: { receivers: [otlp], exporters: [otlphttp] }, traces/2: { receivers: [otlp/2], exporters: [${last}] } }`;
  t.deepEqual(await errorsOf(chain('debug'), TWO, TO_SECOND), []);
  t.deepEqual(await errorsOf(chain('otlp'), TWO, TO_SECOND), [
    'WEIR1029 exporters.otlphttp.endpoint',
    'WEIR1029 exporters.otlp.endpoint',
  ]);
});

test('what is scraped and sent to a receiver that feeds another signal only is no circle', async (t) => {
  const pipelines =
    '{ traces: { receivers: [otlp], exporters: [debug] }, metrics: { receivers: [linkerd], processors: [smi], exporters: [otlphttp] } }';
  const receivers =
    '{ otlp: {}, linkerd: { static_configs: [{ targets: ["127.0.0.1:4191"], labels: { namespace: a, pod: b } }] } }';
  t.deepEqual(await errorsOf(pipelines, receivers, `{ otlphttp: ${HTTP}, debug: {} }`), []);
});
