/** @module How the graph connects components of several signals: who gets an instance, whose batches go where, which books. */
import test from 'ava';
import { map } from 'rxjs';
import { z } from 'zod';
import type { Batch, Body } from '../../../pipeline/batch.ts';
import { createEngineTime } from '../../../pipeline/clock/engine-time.ts';
import {
  ADMITTED,
  type ExporterFactory,
  type ExporterSettings,
  type ProcessorFactory,
  type ProcessorSettings,
  type ReceiverFactory,
  type ReceiverSettings,
} from '../../../pipeline/component.ts';
import type { CheckedComponent, CheckedPipeline } from '../../../pipeline/config/checked.ts';
import { Delivery, TAKEN } from '../../../pipeline/delivery.ts';
import { buildGraph } from '../../../pipeline/graph/build.ts';
import { DropJournal } from '../../../pipeline/telemetry/drop-journal.ts';
import { NO_METERS } from '../../../pipeline/telemetry/meters.ts';
import { createTestClock } from '../../kit/clock.ts';
import { createTestLog } from '../../kit/log.ts';
import { slot, trafficBatch } from '../../kit/slots.ts';
import { emptySpans } from '../../kit/spans.ts';

const idle = { start: () => Promise.resolve(), stop: () => Promise.resolve() };
const config = z.unknown();

/** Components that remember what they were handed. */
function world() {
  const receivers: ReceiverSettings<unknown>[] = [];
  const processors: ProcessorSettings<unknown>[] = [];
  const exporters: { settings: ExporterSettings<unknown>; got: Batch[] }[] = [];
  const receiver: ReceiverFactory = {
    kind: 'receiver',
    type: 'both',
    signals: { metrics: 'alpha', traces: 'alpha' },
    gives: ['spans', 'samples', 'traffic'],
    config,
    create: async (settings) => {
      receivers.push(settings);
      return idle;
    },
  };
  const processor: ProcessorFactory = {
    kind: 'processor',
    type: 'smi',
    signals: { metrics: 'alpha' },
    takes: ['samples', 'traffic'],
    gives: 'traffic',
    takesOver: true,
    config,
    create: async (settings) => {
      processors.push(settings);
      return { ...idle, stage: (source) => source.pipe(map((batch) => batch)) };
    },
  };
  const exporter: ExporterFactory = {
    kind: 'exporter',
    type: 'out',
    signals: { metrics: 'alpha', traces: 'alpha' },
    takes: ['traffic', 'spans'],
    config,
    demand: () => ['requests'],
    create: async (settings) => {
      const got: Batch[] = [];
      exporters.push({ settings, got });
      const consume = (batch: Batch) => {
        settings.balance.accepted += batch.items;
        settings.balance.delivered += batch.items;
        got.push(batch);
        batch.delivery.settle(TAKEN);
      };
      return { ...idle, admits: () => ADMITTED, consume };
    },
  };
  const component = (factory: CheckedComponent['factory']): CheckedComponent => ({
    kind: factory.kind,
    id: factory.type,
    factory,
    config: {},
  });
  const pipeline = (signal: 'metrics' | 'traces'): CheckedPipeline => ({
    id: signal,
    signal,
    receivers: [component(receiver)],
    processors: signal === 'metrics' ? [component(processor)] : [],
    exporters: [component(exporter)],
    slotMs: signal === 'metrics' ? 10_000 : 0,
    scrapeTimeoutMs: 10_000,
    windowMs: 30_000,
  });
  return { receivers, processors, exporters, pipeline };
}

async function build(pipelines: readonly CheckedPipeline[], drops?: DropJournal) {
  const clock = createTestClock();
  const status = { ready: true, phase: 'running', reason: '' } as const;
  return buildGraph(
    {
      pipelines,
      extensions: [],
      telemetry: {
        logs: { level: 'info', encoding: 'json' },
        metrics: null,
        drops: { maxEntries: 10, maxErrors: 2, shown: 'nowhere' },
      },
    },
    {
      clock,
      time: createEngineTime(clock),
      startedMs: 0,
      log: createTestLog(),
      meters: NO_METERS,
      status: () => status,
      ...(drops === undefined ? {} : { drops }),
    },
  );
}

function spansBatch(items: number): Batch {
  return { body: 'spans', spans: emptySpans(items), items, delivery: new Delivery() } as Batch;
}

test('an exporter in pipelines of both signals has an instance for each, a receiver has one that feeds both', async (t) => {
  const { receivers, exporters, pipeline } = world();
  const graph = await build([pipeline('metrics'), pipeline('traces')]);
  t.deepEqual(
    exporters.map(({ settings }) => settings.signal),
    ['metrics', 'traces'],
  );
  t.is(graph.exporters.length, 2);
  t.is(receivers.length, 1);
  t.deepEqual(receivers[0]!.signals, new Set(['metrics', 'traces']));
});

test('exporters are told how long the slots of their pipeline wait for others than scrapes', async (t) => {
  const { exporters, pipeline } = world();
  const metrics = pipeline('metrics');
  await build([metrics]);
  const waits = metrics.processors.map(({ factory, ...rest }) => ({
    ...rest,
    factory: {
      ...factory,
      slotWaitMs: (slotMs: number, receives: ReadonlySet<Body>) => (receives.has('traffic') ? slotMs : 0),
    } as ProcessorFactory<unknown>,
  }));
  await build([{ ...metrics, processors: waits }]);
  t.deepEqual(
    exporters.map(({ settings }) => settings.slotWaitMs),
    [0, 10_000],
  );
});

test('a batch reaches the pipelines of its signal and no other, and is counted there', async (t) => {
  const { receivers, exporters, pipeline } = world();
  const graph = await build([pipeline('metrics'), pipeline('traces')]);
  const traffic = trafficBatch(slot(0, 10_000, [{ source: 'web', destination: 'emoji', successes: 1, failures: 0 }]));
  const spans = spansBatch(7);
  receivers[0]!.next.consume(traffic);
  receivers[0]!.next.consume(spans);
  t.deepEqual(
    exporters.map(({ got }) => got.map(({ body }) => body)),
    [['traffic'], ['spans']],
  );
  t.deepEqual([traffic.delivery.outcome, spans.delivery.outcome], [TAKEN, TAKEN]);
  const books = graph.balances().map(({ component, signal, balance }) => [component, signal, balance.accepted]);
  t.deepEqual(
    books.filter(([component]) => component === 'out'),
    [
      ['out', 'traffic', traffic.items],
      ['out', 'spans', 7],
    ],
  );
});

test('spans for which there is no pipeline are rejected, not lost', async (t) => {
  const { receivers, exporters, pipeline } = world();
  await build([pipeline('metrics')]);
  const spans = spansBatch(3);
  receivers[0]!.next.consume(spans);
  t.deepEqual(spans.delivery.outcome, { kind: 'rejected', reason: 'no_pipeline' });
  t.deepEqual(exporters[0]!.got, []);
});

test('demand and what may come are told by the pipelines of metrics', async (t) => {
  const { receivers, processors, pipeline } = world();
  await build([pipeline('traces'), pipeline('metrics')]);
  t.deepEqual(receivers[0]!.demand, new Set(['requests']));
  t.deepEqual(processors[0]!.receives, new Set(['samples', 'traffic']));
  const alone = world();
  await build([alone.pipeline('traces')]);
  t.deepEqual(alone.receivers[0]!.demand, new Set());
});

test('books of a body are the same object whenever they are asked for, and listed once', async (t) => {
  const { receivers, pipeline } = world();
  const graph = await build([pipeline('metrics'), pipeline('traces')]);
  const { balance, balanceOf } = receivers[0]!;
  const bodies: readonly Body[] = ['spans', 'samples', 'traffic'];
  for (const body of bodies) t.is(balanceOf(body), balanceOf(body));
  t.is(balance, balanceOf('spans'));
  const own = graph.balances().filter(({ kind }) => kind === 'receiver');
  t.deepEqual(
    own.map(({ signal }) => signal),
    [...bodies],
  );
});

test('whatever any component drops of any body is in the drop journal under its name', async (t) => {
  const { receivers, processors, exporters, pipeline } = world();
  const journal = new DropJournal(createTestClock(), { maxEntries: 100, maxErrors: 2 });
  const graph = await build([pipeline('metrics'), pipeline('traces')], journal);
  const settings = [...receivers, ...processors, ...exporters.map((one) => one.settings)];
  for (const { balanceOf } of settings) for (const body of ['samples', 'traffic', 'spans'] as const) balanceOf(body);
  const booked = new Map<string, number>();
  for (const [n, { kind, component, signal, balance }] of graph.balances().entries()) {
    balance.drop('test', n + 1);
    const key = `${kind} ${component} ${signal}`;
    booked.set(key, (booked.get(key) ?? 0) + n + 1);
  }
  t.is(booked.size, 9);
  const told = journal.list().map(({ kind, component, signal, items }) => [`${kind} ${component} ${signal}`, items]);
  t.deepEqual(told.sort(), [...booked].sort());
});
