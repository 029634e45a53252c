/** @module A running `prometheus` exporter for tests, a client for it, and pages read back into samples. */
import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import { config, type PrometheusConfig } from '../../../exporters/prometheus/config.ts';
import { createPrometheusExporter } from '../../../exporters/prometheus/prometheus.ts';
import type { ExporterSettings } from '../../../pipeline/component.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import type { Meters, MetricAttributes, Observation } from '../../../pipeline/telemetry/meters.ts';
import { exporterBench } from '../../kit/exporter.ts';
import { trafficBatch } from '../../kit/slots.ts';

export const START_MS = 1_700_000_010_000;
export const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

export interface AskParts {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Own metrics as they stand: values by component and labels (`prometheus kind=edges`), and the seconds recorded. */
export function testMeters() {
  const reads = new Map<string, () => Iterable<Observation>>();
  const recorded: { readonly name: string; readonly seconds: number; readonly attributes: MetricAttributes }[] = [];
  const register = (name: string, _help: string, read: () => Iterable<Observation>) => {
    reads.set(name, read);
    return () => void reads.delete(name);
  };
  const meters: Meters = {
    counter: register,
    gauge: register,
    seconds: (name) => ({
      record(seconds, attributes) {
        recorded.push({ name, seconds, attributes });
      },
    }),
  };
  const read = (name: string): Record<string, number> =>
    Object.fromEntries(
      Array.from(reads.get(name)?.() ?? [], ({ value, attributes: { component, ...rest } }) => [
        [component, ...Object.entries(rest).map(([label, text]) => `${label}=${text}`)].join(' '),
        value,
      ]),
    );
  return { meters, recorded, read };
}

/** Listens on a free port; stopped with the test. */
export async function startExporter(
  t: ExecutionContext,
  yaml: Readonly<Record<string, unknown>> = {},
  parts: Partial<ExporterSettings<PrometheusConfig>> = {},
) {
  const bench = exporterBench('prometheus', config, { endpoint: '127.0.0.1:0', ...yaml }, { startWallMs: START_MS });
  const exporter = createPrometheusExporter({ ...bench.settings, ...parts });
  await exporter.start();
  t.teardown(() => exporter.stop(AbortSignal.abort()));
  const port = exporter.port ?? 0;
  return {
    ...bench,
    exporter,
    port,
    feed(sum: TrafficSum) {
      const batch = trafficBatch(sum);
      exporter.consume(batch);
      return batch;
    },
    ask: (parts: AskParts = {}) => askExporter(port, parts),
    page: async (accept = '') => (await askExporter(port, { headers: { accept } })).text,
  };
}

export function askExporter(port: number, { method = 'GET', path = '/metrics', headers = {} }: AskParts) {
  return new Promise<Answer>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () => {
        const bytes = Buffer.concat(pieces);
        const gzip = answer.headers['content-encoding'] === 'gzip' && bytes.length > 0;
        const text = (gzip ? gunzipSync(bytes) : bytes).toString();
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** Values by name and labels as they stand on the page; fails on a line that is none, or tells a series twice. */
export function samplesOf(page: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of page.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const at = line.lastIndexOf(' ');
    const series = line.slice(0, at);
    if (!/^[a-z_]+\{.*\}$/.test(series) || found.has(series)) throw new Error(`no sample, or a repeated one: ${line}`);
    found.set(series, Number(line.slice(at + 1)));
  }
  return found;
}

/** Samples whose name is `name`, by the values of their labels that `pick` names. */
export function pickSamples(page: string, name: string, ...pick: string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [series, value] of samplesOf(page)) {
    if (!series.startsWith(`${name}{`)) continue;
    const labels = new Map(
      [...series.matchAll(/[{,]([a-z_]+)="((?:\\.|[^"\\])*)"/g)].map(([, k = '', v = '']) => [k, v]),
    );
    found[pick.map((label) => labels.get(label) ?? '-').join(' ')] = value;
  }
  return found;
}
