/** @module One Weir sends to another over gRPC: what the exporter `otlp` sends is what the receiver `otlp` hands on. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { otlpGrpcConfig } from '../../exporters/otlp/grpc-config.ts';
import { createOtlpGrpcExporter } from '../../exporters/otlp/otlp.ts';
import { Balance } from '../../pipeline/balance.ts';
import type { Batch } from '../../pipeline/batch.ts';
import { systemClock } from '../../pipeline/clock/clock.ts';
import { createEngineTime } from '../../pipeline/clock/engine-time.ts';
import { ADMITTED, type Admission, type Signal } from '../../pipeline/component.ts';
import { type Outcome, TAKEN } from '../../pipeline/delivery.ts';
import { NO_METERS } from '../../pipeline/telemetry/meters.ts';
import { otlpConfig } from '../../receivers/otlp/config.ts';
import { createOtlpReceiver } from '../../receivers/otlp/otlp.ts';
import { exporterBench } from '../kit/exporter.ts';
import { createTestLog } from '../kit/log.ts';
import { until } from '../kit/otlp-backend.ts';
import { idsFrom, spanIdsIn, spansBatch } from '../kit/sent-spans.ts';
import { itemsOf, slot, trafficBatch } from '../kit/slots.ts';

const START_MS = 1_764_000_000_000;
const SLOT_MS = 10_000;
const NEVER = new AbortController().signal;
const SIGNALS: readonly Signal[] = ['metrics', 'traces'];
const file = (name: string) => fileURLToPath(new URL(`../data/tls/${name}`, import.meta.url));

/** A receiver, and what its pipeline was handed; the pipeline takes everything until told otherwise. */
async function startReceiver(t: ExecutionContext, grpc: object = {}) {
  // Large bodies are read in steps, between which others have their turn.
  const clock = systemClock;
  const log = createTestLog();
  const pipeline = { admission: ADMITTED as Admission, outcome: TAKEN as Outcome };
  const taken: Batch[] = [];
  const balance = new Balance();
  const receiver = createOtlpReceiver({
    id: 'otlp',
    config: otlpConfig.parse({ protocols: { grpc: { endpoint: '127.0.0.1:0', ...grpc } } }),
    clock,
    time: createEngineTime(clock),
    log,
    meters: NO_METERS,
    balance,
    balanceOf: () => balance,
    startedMs: START_MS,
    next: {
      admits: () => pipeline.admission,
      consume(batch) {
        if (pipeline.outcome.kind === 'taken') taken.push(batch);
        batch.delivery.settle(pipeline.outcome);
      },
    },
    signals: new Set(SIGNALS),
    demand: new Set(),
  });
  await receiver.start();
  t.teardown(() => receiver.stop(AbortSignal.abort()));
  const address = String(log.lines.find(({ message }) => message === 'OTLP is taken')?.fields.address);
  return { receiver, pipeline, taken, address };
}

async function startExporter(t: ExecutionContext, signal: Signal, endpoint: string, yaml: object = {}) {
  const config = { endpoint, tls: { insecure: true }, source: 'agent-1', timeout: '2h', ...yaml };
  const bench = exporterBench('otlp', otlpGrpcConfig, config, { startWallMs: START_MS, signal });
  const exporter = createOtlpGrpcExporter(bench.settings);
  await exporter.start();
  t.teardown(() => exporter.stop(AbortSignal.abort()));
  return { ...bench, exporter };
}

function traffic(n: number) {
  const startMs = START_MS + n * SLOT_MS;
  return trafficBatch(
    slot(startMs, startMs + SLOT_MS, [{ source: 'web', destination: 'emoji', successes: n + 1, failures: 1 }]),
  );
}

/** What was handed on, in a form in which two of the same are equal. */
function told(batches: readonly Batch[]) {
  return batches.flatMap((batch) => {
    if (batch.body === 'spans') return [spanIdsIn(batch.spans.bytes)];
    if (batch.body !== 'traffic') return [];
    const { interval, records, coverage } = batch.sum;
    return [
      [
        interval.startMs,
        interval.endMs,
        coverage.length,
        ...records.map((r) => `${r.key.side} ${r.successes}/${r.failures}`),
      ],
    ];
  });
}

for (const compression of ['gzip', 'none'] as const) {
  test(`traffic over gRPC with ${compression} is the traffic that was handed over`, async (t) => {
    const { taken, address } = await startReceiver(t);
    const { exporter, balance } = await startExporter(t, 'metrics', address, { compression });
    const sent = [0, 1, 2].map(traffic);
    for (const batch of sent) exporter.consume(batch);
    await exporter.stop(NEVER);
    t.deepEqual(told(taken), told(sent));
    t.is(
      balance.delivered,
      sent.reduce((items, batch) => items + itemsOf(batch.sum), 0),
    );
    t.is(balance.unaccounted, 0);
  });

  test(`spans over gRPC with ${compression} are, byte by byte, those that were handed over`, async (t) => {
    const { taken, address } = await startReceiver(t);
    const { exporter, balance } = await startExporter(t, 'traces', address, { compression });
    const sent = [0, 1, 2].map((n) => spansBatch(idsFrom(n * 2000 + 1, 2000)));
    for (const batch of sent) exporter.consume(batch);
    await exporter.stop(NEVER);
    const bytes = (batch: Batch) => (batch.body === 'spans' ? Buffer.from(batch.spans.bytes).toString('hex') : '');
    t.deepEqual(taken.map(bytes).sort(), sent.map(bytes).sort());
    t.is(balance.delivered, 6000);
    t.is(balance.unaccounted, 0);
  });
}

for (const signal of SIGNALS) {
  test(`${signal}: a receiver whose pipeline is full is waited for as long as it asks, and nothing is lost or doubled`, async (t) => {
    const { pipeline, taken, address } = await startReceiver(t);
    const { exporter, balance, clock, log } = await startExporter(t, signal, address, {
      retry_on_failure: { initial_interval: '1s', randomization_factor: 0 },
    });
    pipeline.admission = { ok: false, reason: 'queue_full', retryAfterMs: 7000 };
    const sent = signal === 'metrics' ? traffic(0) : spansBatch(idsFrom(1, 50));
    exporter.consume(sent);
    const waitsMs = () => (clock.nextTimerMs === null ? Number.POSITIVE_INFINITY : clock.nextTimerMs - clock.monoMs());
    for (let attempt = 1; attempt <= 2; attempt++) {
      await until(() => waitsMs() < 3_600_000, 'a wait');
      t.is(waitsMs(), 7000);
      if (attempt === 2) pipeline.admission = ADMITTED;
      clock.advance(7000);
    }
    await until(() => balance.queued === 0, 'the end');
    t.deepEqual(told(taken), told([sent]));
    t.is(balance.dropped.size, 0);
    t.is(balance.unaccounted, 0);
    t.true(
      log.some(({ fields }) => fields.reason === 'grpc_unavailable' || fields.reason === 'grpc_resource_exhausted'),
    );
  });

  test(`${signal}: what is too large for the receiver comes in halves`, async (t) => {
    const { taken, address } = await startReceiver(t, { max_recv_msg_size_mib: 1 });
    const { exporter, balance } = await startExporter(t, signal, address);
    if (signal === 'traces') exporter.consume(spansBatch(idsFrom(1, 4000), 'x'.repeat(500)));
    else
      exporter.consume(
        trafficBatch(
          slot(
            START_MS,
            START_MS + SLOT_MS,
            Array.from({ length: 900 }, (_, i) => ({
              source: `web-${i}-${'x'.repeat(700)}`,
              destination: 'emoji',
              successes: 1,
              failures: 0,
            })),
          ),
        ),
      );
    await exporter.stop(NEVER);
    t.true(taken.length > 1);
    if (signal === 'traces')
      t.deepEqual(
        told(taken)
          .flat()
          .sort((a, b) => Number(a) - Number(b)),
        idsFrom(1, 4000),
      );
    else t.is(taken.flatMap((batch) => (batch.body === 'traffic' ? batch.sum.records : [])).length, 1800);
    t.is(balance.delivered, balance.accepted);
    t.is(balance.unaccounted, 0);
  });
}

test('over TLS with certificates on both sides', async (t) => {
  const [cert, key, ca] = [file('listener.crt'), file('listener.key'), file('other.crt')];
  t.true((await readFile(cert)).length > 0);
  const { taken, address } = await startReceiver(t, { tls: { cert_file: cert, key_file: key, client_ca_file: ca } });
  const tls = { ca_file: cert, cert_file: ca, key_file: file('other.key') };
  const { exporter, balance } = await startExporter(t, 'traces', address, { tls });
  exporter.consume(spansBatch(idsFrom(1, 10)));
  await exporter.stop(NEVER);
  t.deepEqual(told(taken), [idsFrom(1, 10)]);
  t.is(balance.delivered, 10);
});
