/** @module A file of an exporter's listener that goes bad: the old content stays in use, and it is counted and told. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import * as prometheus from '../../exporters/prometheus/config.ts';
import { createPrometheusExporter } from '../../exporters/prometheus/prometheus.ts';
import * as smi from '../../exporters/smi/config.ts';
import { createSmiExporter } from '../../exporters/smi/smi.ts';
import type { ExporterSettings } from '../../pipeline/component.ts';
import { type ExporterBench, exporterBench } from '../kit/exporter.ts';
import { createTestMeters } from '../receivers/scrape/harness.ts';

type Start<Config> = (settings: ExporterSettings<Config>) => {
  readonly port: number | null;
  start(): Promise<void>;
  stop(deadline: AbortSignal): Promise<unknown>;
};

/** The exporter with a token, whose file then loses it. */
async function losesToken<Config>(
  t: ExecutionContext,
  bench: (yaml: object) => ExporterBench<Config>,
  create: Start<Config>,
) {
  const folder = mkdtempSync(join(tmpdir(), 'weir-token-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'token');
  writeFileSync(path, 'the-token');
  const { settings, clock, log } = bench({ endpoint: '127.0.0.1:0', bearer_token_file: path });
  const meters = createTestMeters();
  const exporter = create({ ...settings, meters });
  await exporter.start();
  t.teardown(() => exporter.stop(AbortSignal.abort()));
  const count = () => meters.read('weir_http_files_unusable_total', { component: settings.id });
  t.is(count(), 0);
  writeFileSync(path, '');
  clock.advance(60_000);
  while (count() === 0) await new Promise((resolve) => setImmediate(resolve));
  t.is(count(), 1);
  const told = log.filter(({ message }) => message === 'a file of the listener cannot be used; the old content stays');
  t.like(told, { 0: { level: 'error', fields: { path, reason: 'is empty' } }, length: 1 });
  const status = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`http://127.0.0.1:${exporter.port}/metrics`, { headers })).status;
  };
  t.is(await status('another'), 401);
  t.not(await status('the-token'), 401);
}

test('prometheus: its token file loses the token', (t) =>
  losesToken(t, (yaml) => exporterBench('prometheus', prometheus.config, yaml), createPrometheusExporter));

test('smi: its token file loses the token', (t) =>
  losesToken(t, (yaml) => exporterBench('smi', smi.config, yaml), createSmiExporter));
