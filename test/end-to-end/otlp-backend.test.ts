/**
 * @module A simulated mesh, the real process and an OTLP backend that fails in every way and recovers: what the backend
 * took, repeats dropped by their number, is what the mesh did.
 */
import test, { type ExecutionContext } from 'ava';
import { sumTraffic } from '../../pipeline/model/sum.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { decodeTraffic } from '../../pipeline/wire/otlp-traffic.ts';
import { assertBalanced } from '../kit/driven/balanced.ts';
import { DrivenWorld, SLOT_MS } from '../kit/driven-world.ts';
import { hasTcp, observedCounts } from '../kit/expected-traffic.ts';
import { OtlpBackend, type Reaction, type Received } from '../kit/otlp-backend.ts';
import { readOtlp } from '../kit/otlp-reading.ts';

const SLOTS = 40;
/** So small that an outage coalesces, and that every sum goes in several requests. */
const EXPORTERS = (url: string) => `
  otlphttp:
    endpoint: ${url}
    source: weir-under-test
    timeout: 20s
    max_request_items: 40
    sending_queue: { queue_size: 3 }
    retry_on_failure: { initial_interval: 1s, max_interval: 8s }
`;

/** What the backend does with requests from a slot on. */
const REACTIONS: readonly (readonly [slot: number, reaction: Reaction])[] = [
  [4, { status: 503, headers: { 'retry-after': '7' } }],
  [7, {}],
  [19, 'drop'],
  [20, 'cut'],
  [21, 'hang'],
  [23, { status: 429 }],
  [24, {}],
];
const DOWN = { from: 9, to: 17 };

/** Requests by number; a repeat must be the same, byte by byte. */
class Ledger {
  readonly taken = new Map<number, Received>();
  readonly refused = new Map<number, Received>();
  readonly #first = new Map<number, Received>();
  readonly epochs = new Set<string>();
  repeats = 0;
  refuseNext = false;

  /** `reaction`, or a refusal for good, once, when somebody asked for it. */
  note(t: ExecutionContext, request: Received, reaction: Reaction): Reaction {
    const { resource } = readOtlp(request.body);
    t.is(resource.get('weir.source'), 'weir-under-test');
    this.epochs.add(resource.get('weir.epoch') ?? '');
    const seq = Number(resource.get('weir.seq'));
    const before = this.#first.get(seq);
    if (before !== undefined) {
      this.repeats += 1;
      t.deepEqual(request.wire, before.wire, `repeat of ${seq}`);
    } else this.#first.set(seq, request);
    if (this.refuseNext && reaction !== 'hang' && before === undefined) {
      this.refuseNext = false;
      this.refused.set(seq, request);
      return { status: 400 };
    }
    // Also what was answered too late or not at all has arrived: it comes again under its number.
    const arrived = typeof reaction === 'string' || (reaction.status ?? 200) === 200;
    if (arrived) this.taken.set(seq, request);
    return reaction;
  }

  /** All sums that were ever received, taken or refused, each once. */
  sums(): TrafficSum[] {
    return [...this.taken.values(), ...this.refused.values()].flatMap(({ body }) => {
      const { resources, foreign } = decodeTraffic(body);
      return foreign.points === 0 ? resources.flatMap(({ sums }) => [...sums]) : [];
    });
  }
}

type Counts = ReturnType<typeof observedCounts>;

function countsOf(sums: readonly TrafficSum[]): Counts {
  const whole = sumTraffic(sums);
  return whole === null ? new Map() : observedCounts(whole);
}

/** Totals of the world over the slots that were closed. */
function worldTotals({ expected, weir }: DrivenWorld) {
  const totals = new Map<string, { successes: number; failures: number; responses: number }>();
  for (const slot of new Set(weir.sums.map(({ interval }) => Math.floor(interval.startMs / SLOT_MS)))) {
    for (const [key, { successes, failures, latenciesMs, tcp }] of expected.slots.get(slot) ?? []) {
      if (successes + failures === 0 && !hasTcp(tcp)) continue;
      const held = totals.get(key) ?? { successes: 0, failures: 0, responses: 0 };
      held.successes += successes;
      held.failures += failures;
      held.responses += latenciesMs.length;
      totals.set(key, held);
    }
  }
  return totals;
}

function checkTruth(t: ExecutionContext, stage: DrivenWorld, ledger: Ledger): void {
  const received = countsOf(ledger.sums());
  t.deepEqual(received, countsOf(stage.weir.sums), 'every count, bucket and byte of every record');
  const truth = worldTotals(stage);
  t.deepEqual([...received.keys()].sort(), [...truth.keys()].sort());
  let requests = 0;
  for (const [key, want] of truth) {
    const { successes, failures, buckets } = received.get(key)!;
    const responses = buckets?.reduce((total, count) => total + count, 0) ?? 0;
    t.deepEqual({ successes, failures, responses }, want, key);
    requests += successes + failures;
  }
  t.true(requests > 10_000, `${requests} requests compared`);

  // Once more without Weir's decoder.
  let read = 0;
  for (const { body } of [...ledger.taken.values(), ...ledger.refused.values()]) {
    for (const { metric, value } of readOtlp(body).points) if (metric === 'weir.requests') read += value;
  }
  t.is(read, requests);
}

function checkCoverage(t: ExecutionContext, { weir }: DrivenWorld, ledger: Ledger): void {
  const due = (sums: readonly TrafficSum[]) =>
    (sumTraffic(sums)?.coverage ?? [])
      .map(({ target, scrapesDue, coveredSeconds }) => [target, scrapesDue, Math.round(coveredSeconds * 1e6)])
      .sort();
  t.true(due(weir.sums).length > 10);
  t.deepEqual(due(ledger.sums()), due(weir.sums));
}

/** Intervals tile the run; some are longer than a slot, because the queue was full. */
function checkTiling(t: ExecutionContext, { weir }: DrivenWorld, ledger: Ledger): void {
  const intervals = new Map(ledger.sums().map(({ interval }) => [interval.startMs, interval.endMs]));
  let end = weir.sums[0]!.interval.startMs;
  let longest = 0;
  for (const [startMs, endMs] of [...intervals].sort(([a], [b]) => a - b)) {
    t.is(startMs, end);
    longest = Math.max(longest, endMs - startMs);
    end = endMs;
  }
  t.is(end, Math.round(weir.sums.at(-1)!.interval.endMs));
  t.true(longest >= 3 * SLOT_MS, `${longest}`);
}

test('through refusals, an outage, lost and late answers: what the backend took is what the mesh did', async (t) => {
  t.timeout(300_000);
  const ledger = new Ledger();
  let reaction: Reaction = {};
  const react = (request: Received) => ledger.note(t, request, reaction);
  let backend = await OtlpBackend.start(t);
  backend.react = react;
  const { port } = backend;
  const stage = await DrivenWorld.start({
    world: { seed: 5, retainIdleMs: 60_000 },
    leadMs: 20_000,
    exporters: EXPORTERS(backend.url),
    exporterIds: ['otlphttp'],
  });
  t.teardown(() => stage.close());
  let mostInFlight = 0;
  for (let slot = 0; slot < SLOTS; slot++) {
    reaction = REACTIONS.find(([from]) => from === slot)?.[1] ?? reaction;
    if (slot === 30) ledger.refuseNext = true;
    if (slot === 2) stage.world.restart(stage.world.podOf('shop/cart'));
    if (slot === 12) stage.world.failScrapes(stage.world.podOf('shop/search'), { kind: 'unavailable' }, 2);
    if (slot === DOWN.from) {
      mostInFlight = backend.mostInFlight;
      await backend.stop();
    }
    if (slot === DOWN.to) {
      backend = await OtlpBackend.start(t, { port });
      backend.react = react;
    }
    await stage.publishChanges();
    await stage.advance(SLOT_MS);
  }
  await stage.advance(SLOT_MS / 2);
  const books = await stage.weir.stop();

  t.is(ledger.epochs.size, 1);
  t.true(ledger.repeats > 10, `${ledger.repeats} repeats`);
  t.is(ledger.refused.size, 1);
  t.is(Math.max(mostInFlight, backend.mostInFlight), 1);
  checkTruth(t, stage, ledger);
  checkCoverage(t, stage, ledger);
  checkTiling(t, stage, ledger);
  assertBalanced(t, books);
  const own = books.find(({ component }) => component === 'otlphttp');
  t.deepEqual(
    own?.dropped.map(([reason]) => reason),
    ['http_400'],
  );
  const [refused] = ledger.refused.values();
  const items = decodeTraffic(refused!.body).resources[0]!.sums[0]!;
  t.is(own?.dropped[0]?.[1], items.records.length + items.coverage.length);
});
