/** @module Scrapes that come in several requests count as they would in one each, however they are divided. */
import test from 'ava';
import fc from 'fast-check';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { createStage, DELTA, gauge, histogram, requestOf, sum, WATCH_MS } from './samples-stage.ts';

const RUNS = 300;
const INTERVAL_SECONDS = 10;
/** Whatever a scrape has, at these many seconds since the watch began. */
const FIRST_SECONDS = 5;
const NAMES = ['api', 'db', 'auth', 'mail'] as const;

type Signs = 'start' | 'uptime' | 'none';

/** What becomes of one series from scrape to scrape: `grown` by so much, whatever it stood at. */
interface SeriesStep {
  readonly kind: 'cumulative' | 'delta' | 'absent' | 'stale';
  readonly grown: number;
}

interface ScrapeStep {
  readonly outcome: 'good' | 'failed' | 'nothing';
  /** Age (s) of a new process that this scrape is the first of; null when the one before lives on. */
  readonly bornAgo: number | null;
  readonly tellsLife: boolean;
  readonly tellsUp: boolean;
  readonly series: readonly SeriesStep[];
  readonly buckets: readonly number[] | null;
}

interface History {
  readonly signs: Signs;
  /** Age (s) of the process at the first scrape. */
  readonly age: number;
  readonly steps: readonly ScrapeStep[];
}

/** How one scrape is divided: which part each of its points is in, in what order these come, and which come again. */
interface Division {
  readonly partOf: readonly number[];
  readonly order: readonly number[];
  readonly again: readonly number[];
}

interface Point {
  readonly json: object;
  readonly isTraffic: boolean;
}
interface Scrape {
  readonly at: number;
  readonly points: readonly Point[];
}

const seriesStep: fc.Arbitrary<SeriesStep> = fc.record({
  kind: fc.constantFrom('cumulative', 'cumulative', 'cumulative', 'cumulative', 'delta', 'absent', 'stale'),
  grown: fc.nat(60),
});
const scrapeStep: fc.Arbitrary<ScrapeStep> = fc.record({
  outcome: fc.constantFrom('good', 'good', 'good', 'good', 'good', 'failed', 'nothing'),
  bornAgo: fc.option(
    fc.integer({ min: 1, max: 19 }).map((halves) => halves / 2),
    { freq: 2 },
  ),
  tellsLife: fc.constantFrom(true, true, true, true, false),
  tellsUp: fc.boolean(),
  series: fc.array(seriesStep, { minLength: NAMES.length, maxLength: NAMES.length }),
  buckets: fc.option(fc.array(fc.nat(5), { minLength: 3, maxLength: 3 })),
});
const history: fc.Arbitrary<History> = fc.record({
  signs: fc.constantFrom<Signs>('start', 'uptime', 'none'),
  age: fc.constantFrom(0.5, 1, 2, 4, 500),
  steps: fc.array(scrapeStep, { minLength: 2, maxLength: 6 }),
});
const division: fc.Arbitrary<Division> = fc.record({
  partOf: fc.array(fc.nat(3), { minLength: 16, maxLength: 16 }),
  order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
  again: fc.array(fc.nat(3), { maxLength: 2 }),
});

// --- Histories as points -----------------------------------------------------------------------------------------------

/** Linkerd's names where the start is told or nothing, Envoy's where the uptime is. */
function traffic(signs: Signs, name: string) {
  return signs === 'uptime'
    ? {
        metric: 'envoy_cluster_upstream_rq_xx',
        labels: {
          envoy_cluster_name: `outbound|80||${name}.shop.svc.cluster.local`,
          envoy_response_code_class: '2',
        },
      }
    : {
        metric: 'response_total',
        labels: {
          direction: 'outbound',
          dst_deployment: name,
          dst_namespace: 'shop',
          target_port: '8080',
          classification: 'success',
        },
      };
}

class ScrapedProxy {
  readonly #signs: Signs;
  #bornAt: number;
  readonly #counts = new Map<string, number>();
  #buckets: number[] | null = null;

  constructor({ signs, age }: History) {
    this.#signs = signs;
    this.#bornAt = FIRST_SECONDS - age;
  }

  scrape(at: number, { outcome, bornAgo, tellsLife, tellsUp, series, buckets }: ScrapeStep): Scrape {
    if (bornAgo !== null && at > FIRST_SECONDS) this.#restart(at - bornAgo);
    if (outcome === 'nothing') return { at, points: [] };
    const points = outcome === 'failed' ? [gauge('up', 0, { at })] : [];
    if (outcome === 'good' && tellsUp) points.push(gauge('up', 1, { at }));
    if (outcome === 'good' && tellsLife) points.push(...this.#life(at));
    if (outcome === 'good' && buckets !== null) points.push(this.#histogram(at, buckets));
    const told = series.flatMap((step, i) => this.#point(at, NAMES[i]!, outcome === 'good' ? step : MARK));
    return {
      at,
      points: [
        ...told.map((json) => ({ json, isTraffic: true })),
        ...points.map((json) => ({ json, isTraffic: false })),
      ],
    };
  }

  #restart(bornAt: number): void {
    this.#bornAt = bornAt;
    this.#counts.clear();
    this.#buckets = null;
  }

  #life(at: number): object[] {
    if (this.#signs === 'start') return [gauge('process_start_time_seconds', WATCH_MS / 1000 + this.#bornAt, { at })];
    return this.#signs === 'uptime' ? [gauge('envoy_server_uptime', Math.floor(at - this.#bornAt), { at })] : [];
  }

  #point(at: number, name: string, { kind, grown }: SeriesStep): object[] {
    const { metric, labels } = traffic(this.#signs, name);
    if (kind === 'absent') return [];
    if (kind === 'stale') return [sum(metric, 0, { at, stale: true }, labels)];
    if (kind === 'delta')
      return [sum(metric, grown, { at, from: at - INTERVAL_SECONDS / 2, temporality: DELTA }, labels)];
    const value = (this.#counts.get(name) ?? 0) + grown;
    this.#counts.set(name, value);
    return [sum(metric, value, { at }, labels)];
  }

  #histogram(at: number, grown: readonly number[]): object {
    this.#buckets = grown.map((more, i) => more + (this.#buckets?.[i] ?? 0));
    return this.#signs === 'uptime'
      ? histogram(
          'envoy_cluster_upstream_rq_time',
          this.#buckets,
          [10, 100],
          { at },
          {
            envoy_cluster_name: traffic('uptime', 'api').labels.envoy_cluster_name!,
          },
        )
      : histogram('response_latency_ms', this.#buckets, [10, 100], { at });
  }
}
const MARK: SeriesStep = { kind: 'stale', grown: 0 };

/** Its scrapes; the first has traffic that tells whose mesh the proxy is of. */
function scrapesOf(history: History): Scrape[] {
  const proxy = new ScrapedProxy(history);
  const [first, ...rest] = history.steps;
  const told = { ...first!, outcome: 'good' as const, series: [SEEN, ...first!.series.slice(1)] };
  return [told, ...rest].map((step, i) => proxy.scrape(FIRST_SECONDS + i * INTERVAL_SECONDS, step));
}
const SEEN: SeriesStep = { kind: 'cumulative', grown: 42 };

/** Nothing but traffic shows that a resource is a mesh's proxy, so that the first part of all has some. */
function partsOf({ points, at }: Scrape, { partOf, order, again }: Division): object[][] {
  const parts = [0, 1, 2, 3].map((part) => points.filter((_, i) => partOf[i] === part));
  const coming = [...order, ...again].map((part) => parts[part]!).filter(({ length }) => length > 0);
  const proof = coming.findIndex((part) => part.some(({ isTraffic }) => isTraffic && at === FIRST_SECONDS));
  if (proof > 0) coming.unshift(...coming.splice(proof, 1));
  return coming.map((part) => part.map(({ json }) => json));
}

// --- What they count ----------------------------------------------------------------------------------------------------

type PartsOf = (scrape: Scrape, i: number) => object[][];

/** What is counted of scrapes the parts of which come so many seconds after one another, those of the first all at once. */
async function countedOf(scrapes: readonly Scrape[], partsOfScrape: PartsOf, apartSeconds = 0) {
  const stage = await createStage();
  for (const [i, scrape] of scrapes.entries()) {
    stage.goTo(scrape.at, 100);
    const parts = partsOfScrape(scrape, i).filter((part) => part.length > 0);
    for (const [j, part] of parts.entries()) {
      if (i > 0 && j > 0) stage.clock.advance(apartSeconds * 1000);
      await stage.send(requestOf(part));
    }
  }
  stage.clock.advance(60_000);
  stage.close();
  const { repeat: _, ...filtered } = Object.fromEntries(stage.balance.filtered);
  const { delivered, dropped, unaccounted } = stage.balance;
  return {
    sums: stage.sums,
    slots: stage.sums.map(slotOf),
    books: { delivered, filtered, dropped: [...dropped], unaccounted },
  };
}

/** All that a slot holds, in an order that does not depend on which series came first. */
function slotOf({ records, ...slot }: TrafficSum) {
  const byKey = records.map((record) => JSON.stringify(record)).sort();
  return { ...slot, records: byKey };
}

const inOne: PartsOf = ({ points }) => [points.map(({ json }) => json)];
const divisions = fc.array(division, { minLength: 6, maxLength: 6 });

test('property: any history in parts, in any order and with repeats, counts as it does in one request each', async (t) => {
  await fc.assert(
    fc.asyncProperty(history, divisions, async (told, divided) => {
      const scrapes = scrapesOf(told);
      const whole = await countedOf(scrapes, inOne);
      const parts = await countedOf(scrapes, (scrape, i) => partsOf(scrape, divided[i]!));
      t.is(whole.books.unaccounted, 0);
      const { delivered: _, ...wholeBooks } = whole.books;
      const { delivered: __, ...partsBooks } = parts.books;
      t.deepEqual(parts.slots, whole.slots);
      t.deepEqual(partsBooks, wholeBooks);
    }),
    { numRuns: RUNS },
  );
});

// --- Parts that come when those before were applied -------------------------------------------------------------------------

const allGood = (told: History): History => ({
  ...told,
  steps: told.steps.map((step) => ({ ...step, outcome: 'good' })),
});
/** More than a quarter of the interval; up to three parts come before the next scrape. */
const LATE_SECONDS = 2.6;
const inThree = ({ partOf, order }: Division): Division => ({
  order,
  partOf: partOf.map((part) => part % 3),
  again: [],
});

function totalOf(sums: readonly TrafficSum[]): number {
  return sums.flatMap(({ records }) => records).reduce((all, one) => all + one.successes + one.failures, 0);
}
function isComplete({ coverage }: TrafficSum): boolean {
  return coverage.every(({ scrapesMissed, resets, firstSight }) => scrapesMissed === 0 && resets === 0 && !firstSight);
}

test('property: parts that come late count as much, and no slot is complete that would not be', async (t) => {
  await fc.assert(
    fc.asyncProperty(history, divisions, async (told, divided) => {
      const scrapes = scrapesOf(allGood(told));
      const whole = await countedOf(scrapes, inOne);
      const parts = await countedOf(scrapes, (scrape, i) => partsOf(scrape, inThree(divided[i]!)), LATE_SECONDS);
      t.is(totalOf(parts.sums), totalOf(whole.sums));
      const during = parts.sums.slice(0, scrapes.length);
      t.deepEqual(
        during.filter((sum, i) => isComplete(sum) && !isComplete(whole.sums[i]!)),
        [],
      );
      t.is(parts.books.unaccounted, 0);
    }),
    { numRuns: RUNS },
  );
});
