/** @module However traffic is divided over agents and whenever it comes: counts are conserved, and readers see it where it belongs. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { type Outcome, TAKEN } from '../../../pipeline/delivery.ts';
import { sumTraffic } from '../../../pipeline/model/sum.ts';
import type { Interval, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { buckets, covered, own, peer, record } from '../../kit/traffic.ts';
import { ordered } from '../../kit/traffic-arbitrary.ts';
import { calls, gateway, SLOT_MS, slots, traffic } from './gateway-harness.ts';

const AGENTS = ['a', 'b', 'c'];
/** Slots that each agent tells whole; the next one is cut by its farewell. */
const SLOTS = 5;

/** One request of one agent. */
interface Sent {
  readonly source: string;
  readonly sum: TrafficSum;
  /** Seconds between the end of its interval and its arrival. */
  readonly delay: number;
}

const anyDelay = fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 60 }));

/** Traffic of one agent over `length` slots from `at` on, in one request or two. */
function anySent(source: string, at: number, length: number): fc.Arbitrary<Sent[]> {
  const isLast = at === SLOTS;
  const interval = isLast ? slots(at, at + 0.5) : slots(at, at + length);
  const seconds = isLast ? 5 : 10 * length;
  const due = { scrapesDue: length, coveredSeconds: seconds, expectedSeconds: seconds };
  const records = fc.array(fc.tuple(fc.constantFrom(...AGENTS, 'shared'), fc.nat(50), fc.nat(5)), { maxLength: 4 });
  return fc.tuple(records, fc.boolean(), anyDelay, anyDelay).map(([told, isSplit, delay, other]) => {
    const items = told.map(([pod, requests, failures]) => {
      const latency = [buckets([[failures < 3 ? 10 : 50, requests]])];
      return record('client', own('x/web', { pod }), peer('x/api'), requests, failures, { latency });
    });
    const coverage = [covered(own(`x/${source}`), due), covered(own(`x/${source}`, { pod: 'second' }), due)];
    if (!isSplit) return [{ source, sum: traffic(interval, items, coverage, isLast), delay }];
    return [
      { source, sum: traffic(interval, items.slice(0, 2), coverage.slice(0, 1), isLast), delay },
      { source, sum: traffic(interval, items.slice(2), coverage.slice(1), isLast), delay: other },
    ];
  });
}

/** All that agents tell; with `overflow`, some slots are told together. */
function anyRun(overflow: boolean): fc.Arbitrary<Sent[]> {
  const lengths = fc.array(fc.integer({ min: 1, max: overflow ? 3 : 1 }), { minLength: SLOTS, maxLength: SLOTS });
  return fc
    .tuple(...AGENTS.map((source) => lengths.chain((chosen) => fc.tuple(...anyParts(source, chosen)))))
    .map((agents) => agents.flat(2));
}

function anyParts(source: string, lengths: readonly number[]): fc.Arbitrary<Sent[]>[] {
  const parts: fc.Arbitrary<Sent[]>[] = [];
  let at = 0;
  for (const wanted of lengths) {
    const length = Math.min(wanted, SLOTS - at);
    if (length > 0) parts.push(anySent(source, at, length));
    at += length;
  }
  return [...parts, anySent(source, SLOTS, 1)];
}

const FIRST_MS = slots(0).startMs;

/** Runs a gateway that hears all of it, `delayOf` after the end of its interval, in the order of arrival. */
async function run(
  sent: readonly Sent[],
  delayOf: (one: Sent) => number,
  answer: (n: number) => Outcome = () => TAKEN,
) {
  const weir = gateway({ answer });
  await weir.smi.start();
  const arrivals = sent.map((one) => ({ ...one, second: (one.sum.interval.endMs - FIRST_MS) / 1000 + delayOf(one) }));
  for (const { second, sum, source } of arrivals.sort((a, b) => a.second - b.second)) {
    weir.until(second);
    weir.send(sum, { source });
    if (weir.books.unaccounted !== 0) throw new Error('the books do not balance');
  }
  weir.until(200);
  return weir;
}

/** What sums come to, whatever their intervals, in an order of its own. */
function total(sums: readonly TrafficSum[]): TrafficSum {
  const sum = ordered(sumTraffic(sums)!);
  const { records, coverage } = sum;
  return { interval: { startMs: 0, endMs: 0 }, records, coverage, partial: false, clockAhead: false };
}

/** All but the scrapes due and missed, to which a farewell adds. */
function withoutScrapes({ coverage, ...sum }: TrafficSum): TrafficSum {
  return { ...sum, coverage: coverage.map((one) => ({ ...one, scrapesDue: 0, scrapesMissed: 0 })) };
}

/** Each target has missed one scrape more than was told, with its farewell, if that is not flagged for all. */
function checkDoubts(t: ExecutionContext, sent: readonly Sent[], told: readonly TrafficSum[]): void {
  const before = new Map(total(sent.map(({ sum }) => sum)).coverage.map((one) => [one.target, one]));
  const isFlagged = told.some(({ partial }) => partial);
  for (const { target, scrapesDue, scrapesMissed } of total(told).coverage) {
    const one = before.get(target)!;
    const missed = scrapesMissed - one.scrapesMissed;
    t.is(scrapesDue - one.scrapesDue, missed);
    t.true(missed === 1 || (missed === 0 && isFlagged));
  }
}

test('property: over all slots exactly what came in is told, once, and slots tile', async (t) => {
  await fc.assert(
    fc.asyncProperty(anyRun(true), async (sent) => {
      const { told, books } = await run(sent, ({ delay }) => delay);
      checkDoubts(t, sent, told);
      t.deepEqual(withoutScrapes(total(told)), withoutScrapes(total(sent.map(({ sum }) => sum))));
      for (let i = 1; i < told.length; i++) t.is(told[i]!.interval.startMs, told[i - 1]!.interval.endMs);
      for (const { parts, ...sum } of told) if (parts !== undefined) t.deepEqual(total([sum]), total(parts));
      t.is(books.held, 0);
      t.is(books.unaccounted, 0);
    }),
    { numRuns: 100 },
  );
});

test('property: whenever traffic came, the read model is as if it had come in time', async (t) => {
  await fc.assert(
    fc.asyncProperty(anyRun(false), async (sent) => {
      const late = await run(sent, ({ delay }) => delay);
      const inTime = await run(sent, () => 1);
      t.false(inTime.told.some((sum) => sum.late));
      const held = (weir: typeof late) =>
        weir.model
          .slotsOf(300_000)
          .map((sum) => ordered(sum))
          .sort((a, b) => a.interval.startMs - b.interval.startMs);
      t.deepEqual(held(late), held(inTime));
      t.deepEqual(late.model.read(300_000)!.edges, inTime.model.read(300_000)!.edges);
    }),
    { numRuns: 100 },
  );
});

/** Successes by the interval of the slot that holds them. */
function bySlot(sums: readonly TrafficSum[]): Map<string, number> {
  return new Map(
    sums.map(({ interval: { startMs, endMs }, records }) => [
      `${(startMs - FIRST_MS) / SLOT_MS} to ${(endMs - FIRST_MS) / SLOT_MS}`,
      records.reduce((total, { successes }) => total + successes, 0),
    ]),
  );
}

test('property: whatever slots nobody takes, all is told once, and slots told before are amended as ever', async (t) => {
  const anyRefusals = fc.uniqueArray(fc.nat(12), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(anyRun(false), anyRefusals, async (sent, refused) => {
      const full = { kind: 'retry', afterMs: 1, reason: 'full' } as const;
      const kept = await run(
        sent,
        ({ delay }) => delay,
        (n) => (refused.includes(n) ? full : TAKEN),
      );
      const taken = await run(sent, ({ delay }) => delay);
      t.deepEqual(total(kept.told).records, total(taken.told).records);
      for (const sum of kept.told) if (sum.parts !== undefined) t.deepEqual(total([sum]), total(sum.parts));
      const [found, want] = [kept, taken].map(({ model }) => bySlot(model.slotsOf(300_000))) as [
        Map<string, number>,
        Map<string, number>,
      ];
      for (const [slot, successes] of found) if (want.has(slot)) t.is(successes, want.get(slot) ?? 0, slot);
      t.true([...found.keys()].filter((slot) => !want.has(slot)).length <= refused.length);
      t.is(kept.books.held, 0);
      t.is(kept.books.unaccounted, 0);
    }),
    { numRuns: 100 },
  );
});

/** What befalls an agent in a slot: it is restarted, what it tells of it is lost, or it comes with what it tells next. */
type Fate = 'whole' | 'restart' | 'lost' | 'coalesced';

interface Told {
  readonly sum: TrafficSum;
  readonly epoch: string;
  readonly gap: boolean;
  readonly delay: number;
}

/** Slots with fates; one before and some after are whole and come in time. */
const FATES = 6;
const ALL_SLOTS = 15;

const anyFates = fc.array(
  fc.tuple(fc.constantFrom<Fate>('whole', 'whole', 'whole', 'restart', 'lost', 'coalesced'), anyDelay, fc.boolean()),
  { minLength: FATES, maxLength: FATES },
);
type Fates = readonly (readonly [fate: Fate, delay: number, isSplit: boolean])[];

const pairs = (name: string) => [
  { calls: calls(name, 1), covered: covered(own(`x/${name}`, { pod: `${name}-1` })) },
  { calls: calls('shared', 1, `shared-${name}`), covered: covered(own('x/shared', { pod: `shared-${name}` })) },
];

/** What an agent tells. Each workload has a pod of its own, `shared` one of each agent. */
function toldBy(name: string, fates: Fates): Told[] {
  const told: Told[] = [];
  let [epoch, gap, fromSlot] = [1, false, 0];
  const tell = (interval: Interval, delay: number, isSplit: boolean, partial = false, firstSight = false) => {
    const due = Math.max(1, Math.floor((interval.endMs - interval.startMs) / SLOT_MS));
    const shares = pairs(name).map((pair) => ({
      record: pair.calls,
      coverage: { ...pair.covered, scrapesDue: due, coveredSeconds: 10 * due, expectedSeconds: 10 * due, firstSight },
    }));
    const requests = isSplit ? shares.map((share) => [share]) : [shares];
    for (const request of requests) {
      const records = request.map(({ record: one }) => one);
      const sum = traffic(
        interval,
        records,
        request.map(({ coverage }) => coverage),
        partial,
      );
      told.push({ sum, epoch: String(epoch), gap, delay });
      gap = false;
    }
  };
  for (let slot = 0; slot < ALL_SLOTS; slot++) {
    const [fate, delay, isSplit] = fates[slot - 1] ?? ['whole', 1, false];
    if (fate === 'coalesced') continue;
    if (fate === 'lost') gap = true;
    else if (fate === 'whole') tell(slots(fromSlot, slot + 1), delay, isSplit);
    else {
      tell(slots(fromSlot, slot + 0.3), delay, isSplit, true);
      epoch += 1;
      // The rest of it begins with a first sight, or with proxies that began later than the agent.
      tell(slots(slot + 0.6, slot + 1), delay, false, true, isSplit);
    }
    fromSlot = slot + 1;
  }
  return told;
}

/** A gateway that has heard of all slots but the last one what came until then; one sender's requests come in their order. */
async function runFates(fates: readonly Fates[]) {
  const weir = gateway();
  await weir.smi.start();
  const arrivals = fates.flatMap((of, i) => {
    let atSecond = 0;
    return toldBy(AGENTS[i]!, of).map((told) => {
      atSecond = Math.max(atSecond, (told.sum.interval.endMs - FIRST_MS) / 1000 + told.delay);
      return { ...told, source: AGENTS[i]!, atSecond };
    });
  });
  for (const { atSecond, sum, source, epoch, gap } of arrivals.sort((a, b) => a.atSecond - b.atSecond)) {
    weir.until(atSecond);
    weir.send(sum, { source, epoch, gap });
  }
  weir.until(ALL_SLOTS * 10);
  return weir;
}

const isBad = ([fate]: Fates[number]) => fate === 'restart' || fate === 'lost';

test('property: a restart or a loss makes incomplete whatever its agent watches, in every window that holds it, and nothing else', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.tuple(anyFates, anyFates, anyFates), async (fates) => {
      const { model } = await runFates(fates);
      const newest = ALL_SLOTS - 1;
      const isAnyCoalesced = fates.flat().some(([fate]) => fate === 'coalesced');
      for (let from = 0; from < newest; from++) {
        const { edges } = model.read((newest - from) * SLOT_MS)!;
        const complete = (name: string) => edges.find(({ source }) => source?.name === name)!.figures.complete;
        // Fate `i` befalls slot `i + 1`; the slots at both sides of what was lost are in doubt as well.
        const bad = fates.map((of) => of.some((one, i) => isBad(one) && i + 1 >= from));
        const near = fates.map((of) => of.some((one, i) => isBad(one) && i + 2 >= from));
        AGENTS.forEach((name, i) => {
          if (bad[i]) t.false(complete(name), `${name} from ${from}`);
          else if (!near[i] && !isAnyCoalesced) t.true(complete(name), `${name} from ${from}`);
        });
        if (bad.includes(true)) t.false(complete('shared'), `shared from ${from}`);
      }
    }),
    { numRuns: 200 },
  );
});
