/** @module The `debug` exporter: lines for people. */
import test from 'ava';
import { debugConfig } from '../../../exporters/debug/config.ts';
import { createDebugExporter } from '../../../exporters/debug/debug.ts';
import { factory } from '../../../exporters/debug/factory.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { testExporter } from '../../conformance/exporter.ts';
import { exporterBench } from '../../kit/exporter.ts';
import { coverage, record, slot, trafficBatch } from '../../kit/slots.ts';

const START_MS = Date.parse('2026-01-05T10:00:00Z');

function create(yaml: object = {}) {
  const written: string[] = [];
  const reader = { gone: false };
  const bench = exporterBench('debug', debugConfig, yaml);
  const exporter = createDebugExporter(bench.settings, {
    write(lines) {
      if (!reader.gone) written.push(lines);
      return !reader.gone;
    },
  });
  return { ...bench, exporter, written, reader };
}

testExporter('debug', () => {
  const { exporter, clock, balance, reader } = create();
  return {
    exporter,
    clock,
    balance,
    refuseAll: () => {
      reader.gone = true;
    },
    refusedReason: 'slow_reader',
  };
});

function linesOf(verbosity: string, sum: TrafficSum): string[] {
  const { exporter, written } = create({ verbosity });
  exporter.consume(trafficBatch(sum));
  assertWholeLines(written);
  return written.join('').trimEnd().split('\n');
}

function assertWholeLines(written: readonly string[]): void {
  if (!written.every((text) => text.endsWith('\n'))) throw new Error('a text that is no whole line');
}

const SUM = slot(START_MS, START_MS + 10_000, [{ source: 'web', destination: 'emoji', successes: 99, failures: 1 }]);
const SUMMARY = 'traffic 2026-01-05T10:00:00.000Z +10s edges=1 requests=100 records=2 targets=2';
const FIGURES = 'ok=99 failed=1 success=99.00% rps=10/s p50=55ms p90=91ms p99=99.1ms';

test('basic is one line a slot', (t) => {
  t.deepEqual(linesOf('basic', SUM), [SUMMARY]);
});

test('normal adds one line an edge, every figure with its unit', (t) => {
  t.deepEqual(linesOf('normal', SUM), [
    SUMMARY,
    `  edge shop/web -> shop/emoji ${FIGURES} side=client counts=attempts mesh=linkerd`,
  ]);
});

test('detailed adds workloads and targets', (t) => {
  t.deepEqual(linesOf('detailed', SUM).slice(2), [
    `  workload Deployment shop/emoji ${FIGURES} side=server counts=requests`,
    '  target linkerd/web scrapes=1/1 covered=10s/10s resets=0',
    '  target linkerd/emoji scrapes=1/1 covered=10s/10s resets=0',
  ]);
});

test('what there is none of is a dash, and what is incomplete says so', (t) => {
  const silent = { ...record('client', 'web', 'emoji', 3), latency: null };
  const missed = { ...coverage('web', 0), scrapesMissed: 1 };
  const [, edge] = linesOf('normal', { ...SUM, records: [silent], coverage: [missed], partial: true });
  t.is(
    edge,
    '  edge shop/web -> shop/emoji ok=3 failed=0 success=100.00% rps=- p50=- p90=- p99=- side=client counts=attempts incomplete mesh=linkerd',
  );
});

test('one failure of very many is never 100 %, and the open last bucket is only above its bound', (t) => {
  const slow = record('client', 'web', 'emoji', 999_999, 1);
  slow.latency?.[0]?.counts.set([0, 0, 0, 0, 1_000_000]);
  const [, edge] = linesOf('normal', { ...SUM, records: [slow] });
  t.regex(edge ?? '', /success=99\.99% rps=100000\/s p50=>1s/);
});

test('names cannot move the cursor', (t) => {
  const hostile = record('client', 'web\u001b[2J', 'emoji\n\u202e', 1);
  const lines = linesOf('normal', { ...SUM, records: [hostile], coverage: [] });
  t.is(lines.length, 2);
  t.regex(lines[1] ?? '', /shop\/web\\x1b\[2J -> shop\/emoji\\x0a\\u202e/);
});

test('a slow reader is said once, and every slot it missed is counted', (t) => {
  const { exporter, reader, balance, log } = create();
  reader.gone = true;
  for (let n = 0; n < 5; n++) exporter.consume(trafficBatch(SUM));
  t.is(log.filter(({ level }) => level === 'warn').length, 1);
  t.is(balance.dropped.get('slow_reader'), 20);
});

test('the factory wants everything and takes traffic', (t) => {
  t.is(factory.type, 'debug');
  t.deepEqual(factory.demand(debugConfig.parse({})), ['requests', 'latency', 'tcp']);
  t.is(debugConfig.parse({}).verbosity, 'basic');
});

test('failures that no server saw are told where there are any', (t) => {
  const lost = { ...record('client', 'web', 'emoji', 97, 3), unreached: 2 };
  const [, edge] = linesOf('normal', { ...SUM, records: [lost] });
  t.regex(edge ?? '', / failed=3 .* side=client counts=attempts unreached=2 mesh=linkerd$/);
});
