/** @module The `debug` exporter: lines for people. */
import test from 'ava';
import { debugConfig } from '../../../exporters/debug/config.ts';
import { createDebugExporter } from '../../../exporters/debug/debug.ts';
import { factory } from '../../../exporters/debug/factory.ts';
import { Delivery } from '../../../pipeline/delivery.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { testExporter } from '../../conformance/exporter.ts';
import { exporterBench } from '../../kit/exporter.ts';
import { readTraces, type TraceSpan } from '../../kit/otlp-trace.ts';
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

test('the factory wants everything and takes traffic and spans', (t) => {
  t.deepEqual(factory.takes, ['traffic', 'spans']);
  t.deepEqual(Object.keys(factory.signals), ['metrics', 'traces']);
  t.is(factory.type, 'debug');
  t.deepEqual(factory.demand(debugConfig.parse({})), ['requests', 'latency', 'tcp']);
  t.is(debugConfig.parse({}).verbosity, 'basic');
});

test('failures that no server saw are told where there are any', (t) => {
  const lost = { ...record('client', 'web', 'emoji', 97, 3), unreached: 2 };
  const [, edge] = linesOf('normal', { ...SUM, records: [lost] });
  t.regex(edge ?? '', / failed=3 .* side=client counts=attempts unreached=2 mesh=linkerd$/);
});

const TRACE = '5b8efff798038103d269b633813fc60c';

function spansBatch(...spans: readonly TraceSpan[]) {
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'web' } }] };
  const read = readTraces({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
  return { body: 'spans', spans: read, items: read.count, delivery: new Delivery() } as const;
}

function spanLinesOf(yaml: object, ...spans: readonly TraceSpan[]): string[] {
  const { exporter, written } = create(yaml);
  exporter.consume(spansBatch(...spans));
  assertWholeLines(written);
  return written.join('').trimEnd().split('\n');
}

const SPAN: TraceSpan = {
  ...{ traceId: TRACE, spanId: 'eee19b7ec3c1b174', parentSpanId: 'eee19b7ec3c1b173', name: 'GET /cart', kind: 3 },
  ...{ startTimeUnixNano: '1767607200000000000', endTimeUnixNano: '1767607200012500000' },
  status: { code: 2, message: 'no stock' },
};
const IDS = `trace=${TRACE} span=eee19b7ec3c1b174`;

test('of a request of spans, basic is one line', (t) => {
  t.regex(spanLinesOf({}, SPAN, SPAN).join('|'), /^spans count=2 resources=1 bytes=\d+$/);
});

test('normal adds one line a span: ids, service, kind, status, duration, name', (t) => {
  t.deepEqual(spanLinesOf({ verbosity: 'normal' }, SPAN).slice(1), [
    `  span ${IDS} service=web kind=client status=error took=12.5ms name=GET /cart`,
  ]);
});

test('detailed adds where the span belongs', (t) => {
  t.deepEqual(spanLinesOf({ verbosity: 'detailed' }, SPAN).slice(1), [
    `  span ${IDS} service=web kind=client status=error took=12.5ms parent=eee19b7ec3c1b173 start=2026-01-05T10:00:00.000Z message=no stock name=GET /cart`,
  ]);
});

test('a span that says nothing is dashes; kinds and statuses of newer senders are numbers', (t) => {
  const [, nothing, odd] = spanLinesOf(
    { verbosity: 'detailed' },
    {},
    { kind: 9, status: { code: 7 }, startTimeUnixNano: '18446744073709551615', endTimeUnixNano: '1' },
  );
  t.is(nothing, '  span trace=- span=- service=web kind=unspecified status=unset took=- parent=- start=- name=-');
  t.regex(odd ?? '', / kind=9 status=7 took=- parent=- start=2554-07-21T23:34:33\.709Z name=-$/);
});

test('lines of one request are bounded, and the rest is counted', (t) => {
  const lines = spanLinesOf({ verbosity: 'normal', max_spans: 3 }, ...Array<TraceSpan>(10).fill(SPAN));
  t.is(lines.length, 5);
  t.is(lines[4], '  … 7 more');
});

test('names of spans cannot move the cursor, and long ones are cut', (t) => {
  const [, line = ''] = spanLinesOf({ verbosity: 'normal' }, { ...SPAN, name: `\u001b[2J\n${'x'.repeat(500)}` });
  t.true(line.includes(' name=\\x1b[2J\\x0axxx'));
  t.true(line.length < 350);
});

test('spans are delivered, or dropped and counted when nobody reads', (t) => {
  const { exporter, reader, balance } = create();
  const batch = spansBatch(SPAN, SPAN);
  exporter.consume(batch);
  t.deepEqual(batch.delivery.outcome, { kind: 'taken' });
  t.is(balance.delivered, 2);
  reader.gone = true;
  exporter.consume(spansBatch(SPAN));
  t.is(balance.dropped.get('slow_reader'), 1);
  t.is(balance.accepted, 3);
  t.is(balance.unaccounted, 0);
});

test('what a reader that is too slow misses is told at once, then together when 30 s have passed, and at the end', async (t) => {
  const { exporter, clock, log, reader } = create();
  reader.gone = true;
  for (let n = 0; n < 3; n++) exporter.consume(trafficBatch(SUM));
  clock.advance(30_000);
  exporter.consume(trafficBatch(SUM));
  await exporter.stop(new AbortController().signal);
  const of = (slots: number) => slots * (SUM.records.length + SUM.coverage.length);
  t.deepEqual(
    log.map(({ fields: { items, times, total } }) => [items, times, total]),
    [
      [of(1), 1, of(1)],
      [of(2), 2, of(3)],
      [of(1), 1, of(4)],
    ],
  );
  t.is(clock.timers, 0);
});
