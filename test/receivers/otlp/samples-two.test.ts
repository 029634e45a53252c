/** @module Parts that hold points of several proxies, are cut off by a stop or find no room count as the whole scrape does. */
import test from 'ava';
import fc from 'fast-check';
import {
  createStage,
  DELTA,
  gauge,
  histogram,
  OUTBOUND,
  requestOf,
  type Stage,
  sum,
  WATCH_MS,
} from './samples-stage.ts';

const RUNS = 200;
/** Tells of no workload, so that each point tells whose it is. */
const RESOURCE = { 'service.name': 'meshes', 'service.instance.id': '10.0.0.9:4191' };
const PROXIES = [
  { namespace: 'shop', pod: 'web-1', deployment: 'web' },
  { namespace: 'shop', pod: 'cart-1', deployment: 'cart' },
] as const;
const BOUNDS = [
  [1, 2],
  [1, 5, 10],
  [100, 500],
] as const;
const atOf = (scrape: number) => 5 + 10 * scrape;

/** What one proxy does from one scrape to the next. */
interface ProxyStep {
  readonly kind: 'cumulative' | 'delta' | 'stale' | 'failed' | 'over';
  readonly grown: readonly number[];
  readonly isNew: boolean;
  readonly bounds: number;
}
interface ScrapeStep {
  readonly proxies: readonly ProxyStep[];
  readonly partOf: readonly number[];
  readonly order: readonly number[];
  readonly again: readonly number[];
}

const proxyStep: fc.Arbitrary<ProxyStep> = fc.record({
  kind: fc.constantFrom('cumulative', 'cumulative', 'cumulative', 'delta', 'stale', 'failed'),
  grown: fc.array(fc.nat(30), { minLength: 2, maxLength: 2 }),
  isNew: fc.constantFrom(false, false, false, true),
  bounds: fc.nat(BOUNDS.length - 1),
});
const scrapeStep: fc.Arbitrary<ScrapeStep> = fc.record({
  proxies: fc.array(proxyStep, { minLength: 2, maxLength: 2 }),
  partOf: fc.array(fc.nat(2), { minLength: 12, maxLength: 12 }),
  order: fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
  again: fc.array(fc.nat(2), { maxLength: 2 }),
});

class ScrapedProxy {
  readonly #whose: Readonly<Record<string, string>>;
  #born = -500;
  #counts = [20, 30];

  constructor(i: number) {
    this.#whose = PROXIES[i]!;
  }

  points(at: number, { kind, grown, isNew, bounds }: ProxyStep): object[] {
    const whose = this.#whose;
    if (isNew && kind !== 'failed') {
      this.#born = at - 3;
      this.#counts = [0, 0];
    }
    if (kind === 'failed') return [gauge('up', 0, { at }, whose), ...this.#counters(at, 'stale')];
    this.#counts = this.#counts.map((count, i) => count + grown[i]!);
    const told = kind === 'delta' ? [5, 4, 3, 2] : this.#counts.flatMap((count) => [count, count]);
    const buckets = told.slice(0, BOUNDS[bounds]!.length + 1);
    const temporality = kind === 'delta' ? { temporality: DELTA, from: at - 10 } : {};
    return [
      gauge('process_start_time_seconds', WATCH_MS / 1000 + this.#born, { at }, whose),
      gauge('up', 1, { at }, whose),
      ...this.#counters(at, kind, grown),
      histogram('response_latency_ms', buckets, BOUNDS[bounds]!, { at, ...temporality }, { ...OUTBOUND, ...whose }),
    ];
  }

  #counters(at: number, kind: ProxyStep['kind'], grown: readonly number[] = []): object[] {
    return this.#counts.map((count, i) => {
      const labels = { ...OUTBOUND, ...this.#whose, dst_deployment: `api-${i}` };
      if (kind === 'stale') return sum('response_total', 0, { at, stale: true }, labels);
      if (kind === 'delta') return sum('response_total', grown[i]!, { at, from: at - 10, temporality: DELTA }, labels);
      return sum('response_total', count, { at }, labels);
    });
  }
}

const FIRST: ProxyStep = { kind: 'cumulative', grown: [1, 1], isNew: false, bounds: 0 };

function pointsOf(steps: readonly ScrapeStep[]): object[][] {
  const proxies = [new ScrapedProxy(0), new ScrapedProxy(1)];
  return steps.map((step, k) =>
    proxies.flatMap((proxy, i) => proxy.points(atOf(k), k === 0 ? FIRST : step.proxies[i]!)),
  );
}

function partsOf(points: readonly object[], { partOf, order, again }: ScrapeStep): object[][] {
  return [...order, ...again]
    .map((part) => points.filter((_, i) => partOf[i] === part))
    .filter(({ length }) => length > 0);
}

/** What slots hold, in an order that does not depend on which series came first. */
function told({ sums, balance }: Stage) {
  const { delivered, filtered, dropped, unaccounted } = balance;
  const { repeat: _, ...others } = Object.fromEntries(filtered);
  const slots = sums.map(({ records, coverage, ...slot }) => ({
    ...slot,
    coverage: coverage.map((one) => JSON.stringify(one)).sort(),
    records: records.map((record) => JSON.stringify(record)).sort(),
  }));
  return { slots, books: { filtered: others, dropped: [...dropped], unaccounted }, delivered };
}

async function countedOf(requests: readonly (readonly object[][])[], end: (stage: Stage) => void) {
  const stage = await createStage();
  for (const [k, parts] of requests.entries()) {
    stage.goTo(atOf(k), 100);
    for (const metrics of parts) await stage.send(requestOf(metrics, RESOURCE));
  }
  end(stage);
  return told(stage);
}

const goOn = (stage: Stage) => {
  stage.clock.advance(60_000);
  stage.close();
};
const stop = (stage: Stage) => {
  stage.intake.stop();
  stage.close();
};

for (const [name, end] of [['they go on', goOn] as const, ['all stops while the last one is held', stop] as const]) {
  test(`property: two proxies in each request of a scrape in parts count as in one, where ${name}`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(scrapeStep, { minLength: 2, maxLength: 5 }), async (steps) => {
        const scrapes = pointsOf(steps);
        const whole = await countedOf(
          scrapes.map((points) => [points]),
          end,
        );
        // Nothing but traffic shows that a resource is a mesh's proxy: the first scrape comes whole.
        const inParts = scrapes.map((points, k) => (k === 0 ? [points] : partsOf(points, steps[k]!)));
        const parts = await countedOf(inParts, end);
        t.deepEqual(parts.slots, whole.slots);
        t.deepEqual(parts.books, whole.books);
        t.is(parts.books.unaccounted, 0);
        t.deepEqual(parts.books.dropped, []);
      }),
      { numRuns: RUNS },
    );
  });
}

test('property: of a scrape in parts as many samples find no room as of the whole one, and all others count', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 4, max: 30 }),
      fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
      async (max, order) => {
        const countedWith = async (divide: boolean) => {
          const stage = await createStage({ config: { max_series: max } });
          for (let k = 0; k < 3; k++) {
            stage.clock.advance(10_000);
            const at = 10 * (k + 1);
            const points = Array.from({ length: 24 }, (_, i) =>
              sum('response_total', 10 * k, { at }, { ...OUTBOUND, dst_deployment: `api-${i}` }),
            );
            const parts = divide ? order.map((part) => points.filter((_, i) => i % 3 === part)) : [points];
            for (const metrics of parts) await stage.send(requestOf(metrics));
          }
          goOn(stage);
          return stage;
        };
        const [whole, parts] = [await countedWith(false), await countedWith(true)];
        t.deepEqual([...parts.balance.dropped], [...whole.balance.dropped]);
        t.is(parts.balance.delivered, whole.balance.delivered);
        const totals = [whole, parts].map(({ sums }) =>
          sums.flatMap(({ records }) => records).reduce((all, one) => all + one.successes, 0),
        );
        t.deepEqual(totals, Array(2).fill(20 * Math.min(24, max)));
      },
    ),
    { numRuns: 60 },
  );
});
