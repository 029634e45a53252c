/** @module A sum in several requests: together they say what the sum says, and each counts for itself in the balance. */
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { otlpHttpConfig } from '../../../exporters/otlp/config.ts';
import { createOtlpHttpExporter } from '../../../exporters/otlp/otlphttp.ts';
import { TrafficAccumulator } from '../../../pipeline/model/sum.ts';
import type { TrafficRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { createTrafficKey } from '../../../pipeline/model/traffic-key.ts';
import type { PostResult } from '../../../pipeline/net/http-post.ts';
import { type Meters, NO_METERS, type Observation } from '../../../pipeline/telemetry/meters.ts';
import { decodeTraffic, decodeTrafficJson } from '../../../pipeline/wire/otlp-traffic.ts';
import { Repeats } from '../../../receivers/otlp/repeats.ts';
import { exporterBench, settle } from '../../kit/exporter.ts';
import { readOtlp } from '../../kit/otlp-reading.ts';
import { answered, failed } from '../../kit/posts.ts';
import { itemsOf, trafficBatch } from '../../kit/slots.ts';
import { buckets, covered, own, peer, record, sumOf } from '../../kit/traffic.ts';
import { ordered } from '../../kit/traffic-arbitrary.ts';
import { repeatMeters } from './repeat-meters.ts';

const START_MS = 1_700_000_010_000;
const SLOT_MS = 10_000;
const NEVER = new AbortController().signal;

/** With the id that a key read back has. */
function canonical(told: TrafficRecord): TrafficRecord {
  return { ...told, key: createTrafficKey(told.key) };
}

/** Slot `n` of pods [from, to): a record and a coverage record each. */
function slotOf(n: number, from: number, to: number): TrafficSum {
  const pods = Array.from({ length: to - from }, (_, i) => own('shop/web', { pod: `web-${from + i}` }));
  const startMs = START_MS + n * SLOT_MS;
  return sumOf(
    pods.map((pod, i) =>
      canonical(record('client', pod, peer('shop/api'), 100 * n + i, 0, { latency: [buckets([[10, i]])] })),
    ),
    pods.map((pod) => covered(pod, { target: pod.pod })),
    { startMs, lengthMs: SLOT_MS },
  );
}

/** A success of which only the status came. */
const CUT = answered(200, { bodyEnd: 'cut', error: 'it was closed' });
const HANGS = new Promise<PostResult>(() => {});

type Answers = (body: Buffer, number: number) => PostResult | Promise<PostResult>;

/** A started exporter whose backend answers as told; `bodies` are copies of what came, inflated. */
async function start(yaml: object, answers: Answers = () => answered(200), meters: Meters = NO_METERS) {
  const config = { endpoint: 'http://127.0.0.1:4318', compression: 'none', max_request_items: 4, ...yaml };
  const bench = exporterBench('otlphttp', otlpHttpConfig, config, { startWallMs: START_MS });
  const bodies: Buffer[] = [];
  const exporter = createOtlpHttpExporter({ ...bench.settings, meters }, () => ({
    check: async () => null,
    post: async (_headers, packed) => {
      const body = bench.settings.config.compression === 'gzip' ? gunzipSync(packed) : Buffer.from(packed);
      return answers(body, bodies.push(body) - 1);
    },
    close: () => {},
  }));
  await exporter.start();
  return { ...bench, exporter, bodies };
}

const intervalSeconds = (bodies: readonly Buffer[], type?: string) =>
  bodies
    .flatMap((body) => readOtlp(body, type).points)
    .filter(({ metric }) => metric === 'weir.interval')
    .map(({ value }) => value);

for (const encoding of ['proto', 'json'] as const) {
  for (const compression of ['gzip', 'none'] as const) {
    test(`${encoding} with ${compression}: the parts of a sum add up to it, its interval told once`, async (t) => {
      const { exporter, bodies, balance } = await start({ encoding, compression, max_request_items: 7 });
      // Pods come and go, so that what stands at a place of a part is now the same and now not.
      const slots = [slotOf(0, 0, 30), slotOf(1, 0, 30), slotOf(2, 3, 30), slotOf(3, 0, 9), slotOf(4, 0, 41)];
      for (const sum of slots) exporter.consume(trafficBatch(sum));
      await exporter.stop(NEVER);
      t.is(bodies.length, 9 + 9 + 8 + 3 + 12);
      const again = new Map<number, TrafficAccumulator>();
      for (const body of bodies) {
        const decoded = encoding === 'json' ? decodeTrafficJson(body.toString('utf8')) : decodeTraffic(body);
        const sum = decoded.resources[0]!.sums[0]!;
        const slot = again.get(sum.interval.startMs) ?? new TrafficAccumulator();
        again.set(sum.interval.startMs, slot);
        slot.add(sum);
      }
      t.deepEqual(
        [...again.values()].map((slot) => ordered(slot.take())),
        slots.map(ordered),
      );
      const told = intervalSeconds(bodies, encoding === 'json' ? 'application/json' : undefined);
      t.is(told.length, bodies.length);
      t.deepEqual(
        told.filter((seconds) => seconds !== 0),
        slots.map(() => 10),
      );
      t.is(balance.delivered, balance.accepted);
      t.is(balance.unaccounted, 0);
    });
  }
}

test('a first part that is refused leaves the interval to the next one', async (t) => {
  const { exporter, bodies, balance } = await start({}, (_body, n) => answered(n === 0 ? 400 : 200));
  exporter.consume(trafficBatch(slotOf(0, 0, 5)));
  await exporter.stop(NEVER);
  t.deepEqual(intervalSeconds(bodies), [10, 10, 0]);
  t.deepEqual([...balance.dropped], [['http_400', 4]]);
  t.is(balance.delivered, 6);
});

test('halves of a part that is too large tell the interval once', async (t) => {
  const { exporter, bodies } = await start({ max_request_items: 8 }, (_body, n) => answered(n === 0 ? 413 : 200));
  exporter.consume(trafficBatch(slotOf(0, 0, 4)));
  await exporter.stop(NEVER);
  t.deepEqual(intervalSeconds(bodies), [10, 10, 0]);
});

test('halves and quarters name all in whose place they come, so that whoever took the whole after all knows them', async (t) => {
  // The whole is perhaps there; then it is too large, and so is its first half.
  const answers = [failed('timeout'), answered(413), answered(413)];
  const { exporter, bodies, balance, clock } = await start(
    { max_request_items: 8 },
    (_, n) => answers[n] ?? answered(200),
  );
  exporter.consume(trafficBatch(slotOf(0, 0, 4)));
  while (balance.queued > 0) {
    await settle();
    clock.fireNext();
  }
  await exporter.stop(NEVER);
  const envelopes = bodies.map((body) => decodeTraffic(body).resources[0]!.envelope!);
  t.deepEqual(
    envelopes.map(({ seq, replaces = [] }) => [seq, replaces]),
    [
      [0, []],
      [0, []],
      [1, [0]],
      [3, [0, 1]],
      [4, [0, 1]],
      [2, [0]],
    ],
  );
  const repeats = new Repeats({ window: 64, maxEpochs: 1, maxSources: 1 });
  const numbers = envelopes.map((told) => ({ replaces: [], ...told }));
  repeats.claim(numbers[0]!);
  t.deepEqual(
    numbers.map((number) => repeats.standing(number)),
    numbers.map(() => 'repeat'),
  );
});

test('each request of traffic that goes in halves is counted, and what cannot be halved is not', async (t) => {
  const { meters, repeats: halved } = repeatMeters('weir_send_halved_total');
  const answers = (_body: Buffer, n: number) => answered([413, 413, 200, 413][n] ?? 200);
  const { exporter, bodies, balance } = await start({}, answers, meters);
  exporter.consume(trafficBatch(slotOf(0, 0, 2)));
  await exporter.stop(NEVER);
  t.is(bodies.length, 5);
  t.is(halved(), 2, 'four items, then two of them; one alone is too large');
  t.deepEqual([...balance.dropped], [['too_large', 1]]);
});

for (const [what, yaml, counter] of [
  ['a window', { interval: 'window' }, 'weir_capped_counts_total'],
  ['a running total', { temporality: 'cumulative' }, 'weir_otlp_totals_capped_counts_total'],
] as const) {
  test(`what ${what} loses that stops at 2^53 is counted`, async (t) => {
    const { meters, repeats: lost } = repeatMeters(counter);
    const { exporter } = await start(yaml, undefined, meters);
    const told = canonical(record('client', own('shop/web'), peer('shop/api'), 2 ** 53));
    for (let n = 0; n < 2; n++)
      exporter.consume(trafficBatch(sumOf([told], [], { startMs: START_MS + n * SLOT_MS, lengthMs: SLOT_MS })));
    await exporter.stop(NEVER);
    t.is(lost(), 2 ** 53);
  });
}

/** Answers to the first attempts at the one part there is, and what is counted in the end of its 4 items. */
const REPEATS: readonly (readonly [
  name: string,
  answers: readonly PostResult[],
  delivered: number,
  dropped: string,
])[] = [
  ['a success after one that broke off', [CUT, answered(200)], 4, ''],
  ['a refusal after a success that broke off', [CUT, answered(400)], 0, 'unreadable_answer'],
  ['too large after a success that broke off', [CUT, answered(413)], 0, 'unreadable_answer'],
  ['a refusal after both', [failed('timeout'), CUT, failed('connect'), answered(400)], 0, 'unreadable_answer'],
  ['a refusal after no answer in time', [failed('timeout'), answered(400)], 0, 'refused_repeat'],
  [
    'a refusal after a gateway without an answer',
    [answered(504), failed('connect'), answered(409)],
    0,
    'refused_repeat',
  ],
  ['a refusal on a second connection', [answered(400, { resent: true })], 0, 'refused_repeat'],
  ['a refusal after nobody was there', [failed('connect'), answered(503), answered(400)], 0, 'http_400'],
];

for (const [name, answers, delivered, dropped] of REPEATS) {
  test(`${name}: ${delivered} of 4 items are delivered, ${dropped === '' ? 'none dropped' : `dropped as ${dropped}`}`, async (t) => {
    const { exporter, bodies, balance, clock, log } = await start({}, (_body, n) => answers[n] ?? answered(200));
    exporter.consume(trafficBatch(slotOf(0, 0, 2)));
    while (balance.queued > 0) {
      await settle();
      clock.fireNext();
    }
    await exporter.stop(NEVER);
    t.is(bodies.length, answers.length);
    t.is(balance.delivered, delivered);
    t.deepEqual([...balance.dropped], dropped === '' ? [] : [[dropped, 4]]);
    t.is(balance.unaccounted, 0);
    const drops = log.filter(({ level }) => level === 'error');
    t.is(drops.length, dropped === '' ? 0 : 1, 'one line for one drop');
    const maybe = String(drops[0]?.fields.error ?? '').endsWith('(an earlier attempt may have arrived)');
    t.is(maybe, dropped === 'refused_repeat');
    const unknown = String(drops[0]?.fields.error ?? '').endsWith('; how much was taken is unknown');
    t.is(unknown, dropped === 'unreadable_answer');
  });
}

test('too large when it comes again, though the first may have arrived: halves are repeats, and one refused is perhaps there', async (t) => {
  const answers = [failed('timeout'), answered(413), answered(400)];
  const { meters, repeats } = repeatMeters();
  const { exporter, bodies, balance, clock } = await start({}, (_body, n) => answers[n] ?? answered(200), meters);
  exporter.consume(trafficBatch(slotOf(0, 0, 2)));
  while (balance.queued > 0) {
    await settle();
    clock.fireNext();
  }
  await exporter.stop(NEVER);
  t.is(bodies.length, 4);
  t.is(repeats(), 3, 'the second attempt and both halves');
  t.is(balance.delivered, 2);
  t.deepEqual([...balance.dropped], [['refused_repeat', 2]]);
  t.is(balance.unaccounted, 0);
});

test('the deadline of a shutdown in the middle of a sum: parts that were taken are delivered, the others dropped', async (t) => {
  // Three parts: taken, refused, under way. Another sum waits.
  const { exporter, balance, log } = await start({}, (_body, n) => (n === 2 ? HANGS : answered(n === 1 ? 400 : 200)));
  for (let n = 0; n < 2; n++) exporter.consume(trafficBatch(slotOf(n, 0, 5)));
  await settle();
  const deadline = new AbortController();
  const stopped = exporter.stop(deadline.signal);
  deadline.abort();
  await stopped;
  t.is(balance.delivered, 4);
  t.deepEqual(
    [...balance.dropped],
    [
      ['http_400', 4],
      ['shutdown', 12],
    ],
  );
  t.is(balance.unaccounted, 0);
  t.like(
    log.find(({ fields }) => fields.reason === 'shutdown'),
    { fields: { items: 12 } },
  );
});

test('the deadline while a part waits whose success broke off: it is there, but nobody knows how much of it', async (t) => {
  const { exporter, balance } = await start({}, (_body, n) => (n === 1 ? CUT : answered(200)));
  exporter.consume(trafficBatch(slotOf(0, 0, 5)));
  await settle();
  const deadline = new AbortController();
  deadline.abort();
  await exporter.stop(deadline.signal);
  t.is(balance.delivered, 4);
  t.deepEqual(
    [...balance.dropped],
    [
      ['unreadable_answer', 4],
      ['shutdown', 2],
    ],
  );
  t.is(balance.unaccounted, 0);
});

test('a sum that is given up for its age counts what was taken of it', async (t) => {
  const retry = { retry_on_failure: { enabled: false } };
  const { exporter, balance } = await start(retry, (_body, n) => (n === 1 ? failed('connect') : answered(200)));
  exporter.consume(trafficBatch(slotOf(0, 0, 5)));
  await exporter.stop(NEVER);
  t.is(balance.delivered, 4);
  t.deepEqual([...balance.dropped], [['retry_disabled', 6]]);
  t.is(balance.unaccounted, 0);
});

test('cumulative: a sum cut off counts as a whole, for its totals are told again by the next one', async (t) => {
  const yaml = { temporality: 'cumulative', max_request_items: 2 };
  const { exporter, balance } = await start(yaml, (_body, n) => (n === 1 ? HANGS : answered(200)));
  exporter.consume(trafficBatch(slotOf(0, 0, 5)));
  await settle();
  const deadline = new AbortController();
  deadline.abort();
  await exporter.stop(deadline.signal);
  t.deepEqual([...balance.dropped], [['shutdown', 5]]);
  t.is(balance.unaccounted, 0);
});

test('traffic without room for a total is dropped in words that are true', async (t) => {
  const { exporter, balance, log } = await start({ temporality: 'cumulative', max_series: 3 });
  exporter.consume(trafficBatch(slotOf(0, 0, 5)));
  await exporter.stop(NEVER);
  t.deepEqual([...balance.dropped], [['max_series', 2]]);
  const { fields } = log.find(({ message }) => message === 'Traffic was dropped')!;
  t.like(fields, {
    reason: 'max_series',
    error: 'there are max_series running totals, none is free for further series',
  });
});

/** Meters whose metrics can be read one by one. */
function readable() {
  const metrics = new Map<string, () => Iterable<Observation>>();
  const register = (name: string, _help: string, read: () => Iterable<Observation>) => {
    metrics.set(name, read);
    return () => void metrics.delete(name);
  };
  const meters: Meters = { counter: register, gauge: register, seconds: () => ({ record() {} }) };
  const read = (name: string) => [...(metrics.get(name)?.() ?? [])].map(({ value }) => value);
  return { meters, metrics, read };
}

test('what the encoders keep, gave up and did not keep is shown, records and targets', async (t) => {
  const { meters, metrics, read } = readable();
  // Room for 3 places of 8 encodings each; slots have 6 parts of records or targets.
  const { exporter } = await start({ max_cached_items: 24 }, undefined, meters);
  for (let n = 0; n < 2; n++) exporter.consume(trafficBatch(slotOf(n, 0, 12)));
  await settle();
  for (let i = 0; i < 20; i++) await settle();
  t.deepEqual(read('weir_otlp_encodings'), [12, 0]);
  t.deepEqual(read('weir_otlp_encodings_unkept_total'), [0, 24]);
  for (let n = 2; n < 62; n++) {
    exporter.consume(trafficBatch(slotOf(n, 12, 24)));
    for (let i = 0; i < 20; i++) await settle();
  }
  t.deepEqual(read('weir_otlp_encodings'), [12, 0]);
  t.deepEqual(read('weir_otlp_encodings_evicted_total'), [12, 0]);
  await exporter.stop(NEVER);
  t.is(metrics.size, 0);
  t.is(itemsOf(slotOf(0, 0, 12)), 24);
});
