/**
 * @module Long pages are judged and added range by range: wherever in the table something happens, a page comes to what a
 * short page with the same counters comes to, which is one range.
 */
import test from 'ava';
import fc from 'fast-check';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { bucket, counter, identity, START, TestTarget, workload } from '../../kit/mesh.ts';
import { createEngine, SLOT_MS, WATCH_MS } from '../../kit/smi-run.ts';

/** Series between two counters: more than a range of any kind. */
const APART = 8500;
const BOUNDS = [1, 10, Number.POSITIVE_INFINITY];
const NAMES = ['first', 'middle', 'last'] as const;
const OLD = WATCH_MS / 1000 - 3600;

/** What a counter does on a page. */
const DOINGS = [
  'usual',
  'fall',
  'one bucket falls',
  'bad',
  'one bucket bad',
  'one bucket away',
  'away',
  'duplicate',
] as const;
type Doing = (typeof DOINGS)[number];
type Row = readonly [string, number];

/**
 * A proxy with three counters with a histogram each, one series of which is `APART` from the rest if `isLong`, and one histogram whose
 * buckets are all over the table.
 */
class Spread {
  readonly #target: TestTarget;
  readonly #idle: Row[] = [];
  /** What the counters stand at. */
  readonly #at = new Map<string, number>();

  constructor(isLong: boolean) {
    this.#target = new TestTarget(identity('a')).series('start', START);
    NAMES.forEach((name, place) => {
      if (isLong && place > 0) this.#pad(name);
      this.#target.series(`${name} ok`, counter('success', workload(name)));
      for (const bound of BOUNDS)
        this.#target.series(`${name} ${bound}`, bucket(bound, workload(name), 'client', name));
      this.#target.series(`wide ${BOUNDS[place]}`, bucket(BOUNDS[place]!, workload('wide'), 'client', 'wide'));
    });
  }

  #pad(name: string): void {
    for (let i = 0; i < APART; i++) {
      this.#target.series(`${name} idle ${i}`, counter('success', workload('idle')));
      this.#idle.push([`${name} idle ${i}`, 5]);
    }
  }

  /** Page `number` of the proxy, one to a slot. */
  page(number: number, doings: Readonly<Record<string, Doing>>, skippedLines = 0) {
    const rows = [...NAMES, 'wide'].flatMap((name) => this.#rowsOf(name, doings[name] ?? 'usual'));
    const scheduledMs = WATCH_MS + number * SLOT_MS + 2000;
    const times = { scheduledMs, nextDueMs: scheduledMs + SLOT_MS };
    return this.#target.page([['start', OLD], ...this.#idle, ...rows], times, skippedLines);
  }

  #rowsOf(name: string, doing: Doing): Row[] {
    if (doing === 'away') return [];
    const before = this.#at.get(name) ?? 1000;
    const now = doing === 'fall' ? 7 : before + 9;
    this.#at.set(name, now);
    const value = doing === 'bad' ? Number.NaN : now;
    const ok: Row[] = name === 'wide' ? [] : [[`${name} ok`, value]];
    const buckets = BOUNDS.flatMap((bound): Row[] => {
      const row: Row = [`${name} ${bound}`, value];
      if (bound !== 1) return [row];
      if (doing === 'one bucket falls') return [[row[0], 3]];
      if (doing === 'one bucket bad') return [[row[0], -1]];
      if (doing === 'one bucket away') return [];
      return doing === 'duplicate' ? [row, row] : [row];
    });
    return [...ok, ...buckets];
  }
}

type Page = Readonly<{ doings: Readonly<Record<string, Doing>>; skippedLines: number }>;

function told({ records, coverage }: TrafficSum) {
  const counts = records
    .filter(({ key }) => key.peer.workload?.name !== 'idle')
    .map(({ key, successes, latency }) => [
      key.peer.workload?.name,
      successes,
      ...(latency ?? []).map((all) => [...all.counts]),
    ])
    .sort();
  return { counts, coverage };
}

/** What the pages come to after a first one, slot by slot, and how many values were ignored, and of whom. */
function outcomeOf(isLong: boolean, pages: readonly Page[]) {
  const engine = createEngine();
  const proxy = new Spread(isLong);
  engine.open(WATCH_MS, false);
  const all = [{ doings: {}, skippedLines: 0 }, ...pages].map(({ doings, skippedLines }, number) => {
    const { badValues, badSeries } = engine.take(proxy.page(number, doings, skippedLines));
    const endMs = WATCH_MS + (number + 1) * SLOT_MS;
    const [sum] = engine.close(endMs);
    engine.open(endMs, false);
    return { ...told(sum!), badValues, badSeries: badSeries?.peer?.workload?.name ?? null };
  });
  return all.slice(1);
}

const alone = (name: string, doing: Doing): Page => ({ doings: { [name]: doing }, skippedLines: 0 });

for (const doing of DOINGS) {
  for (const name of [...NAMES, 'wide']) {
    test(`${doing}, by the counter ${name} alone`, (t) => {
      const pages = [alone(name, doing), alone(name, 'usual'), alone(name, 'usual')];
      t.deepEqual(outcomeOf(true, pages), outcomeOf(false, pages));
    });
  }
}

test('one fall and one bad value in the first range only are told, and cost no other counter anything', (t) => {
  const [fell] = outcomeOf(true, [alone('first', 'one bucket falls')]);
  t.is(fell!.coverage[0]!.resets, 1);
  t.deepEqual(fell!.counts, [
    // 1,018 requests in all since the reset, 3 of them up to 1 ms.
    ['first', 9, [3, 1015, 0]],
    ['last', 9, [9, 0, 0]],
    ['middle', 9, [9, 0, 0]],
    ['wide', 0, [9, 0, 0]],
  ]);
  const [bad] = outcomeOf(true, [alone('first', 'one bucket bad')]);
  t.is(bad!.badValues, 3);
  t.is(bad!.badSeries, 'first');
  t.is(bad!.coverage[0]!.resets, 0);
  t.deepEqual(bad!.counts, [
    ['first', 9],
    ['last', 9, [9, 0, 0]],
    ['middle', 9, [9, 0, 0]],
    ['wide', 0, [9, 0, 0]],
  ]);
});

test('bad values of several ranges are added up, and the first of them is named', (t) => {
  const doings = { first: 'bad', middle: 'one bucket bad', last: 'bad' } as const;
  const [page] = outcomeOf(true, [{ doings, skippedLines: 0 }]);
  t.is(page!.badValues, 4 + 3 + 4);
  t.is(page!.badSeries, 'first');
});

test('property: whatever all of them do, page after page, lines skipped or not', (t) => {
  const doing = fc.constantFrom(...DOINGS);
  const doings = fc.record({ first: doing, middle: doing, last: doing, wide: doing });
  const page = fc.record({ doings, skippedLines: fc.constantFrom(0, 0, 1) });
  fc.assert(
    fc.property(fc.array(page, { minLength: 1, maxLength: 4 }), (pages) => {
      t.deepEqual(outcomeOf(true, pages), outcomeOf(false, pages));
    }),
    { numRuns: 15 },
  );
});
