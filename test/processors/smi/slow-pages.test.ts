/** @module Lives told by uptime on pages that come slowly: a page tells of any time between its asking and its end. */
import test from 'ava';
import fc from 'fast-check';
import { counter, identity, TestTarget, testRules, UPTIME, workload } from '../../kit/mesh.ts';
import { counted, SmiRun, WATCH_MS } from '../../kit/smi-run.ts';

const LAG = 5;
const proxy = () =>
  new TestTarget(identity('a'), { rules: { ...testRules, uptimeLagSeconds: LAG } })
    .series('ok', counter('success', workload('b')))
    .series('up', UPTIME);

/** A page asked for at `at` (seconds since the watch began) that took `took` seconds. */
interface Page {
  readonly at: number;
  readonly took: number;
  readonly ok: number;
  readonly up: number;
}

function take(run: SmiRun, target: TestTarget, { at, took, ok, up }: Page): void {
  const startedMs = WATCH_MS + at * 1000;
  run.engine.open(startedMs, false);
  run.sums.push(...run.engine.close(startedMs));
  run.engine.take(
    target.page(
      [
        ['ok', ok],
        ['up', up],
      ],
      { startedMs, tookMs: took * 1000, nextDueMs: null },
    ),
  );
}

function countOf(pages: readonly Page[]): number {
  const run = new SmiRun();
  const target = proxy();
  for (const page of pages) take(run, target, page);
  return counted(run.close(pages.at(-1)!.at + 30));
}

test('a young process whose first page was slow and whose next one is behind is the same life', (t) => {
  // Born at 1, and the first page is a baseline, as the process may be older than the watch: at 12 it wrote that it runs for 11 s; at 16 it still shows what it wrote at 12.
  const pages = [
    { at: 5, took: 7, ok: 100, up: 11 },
    { at: 16, took: 0, ok: 110, up: 11 },
  ];
  t.is(countOf(pages), 10);
});

test('a new process is known although its first page was slow', (t) => {
  // The old one was seen at 2 s; the new one, born at 3 s, wrote its page at 21 s.
  const pages = [
    { at: 2, took: 0, ok: 10, up: 100 },
    { at: 12, took: 9, ok: 40, up: 18 },
  ];
  t.is(countOf(pages), 40);
});

test('an uptime that stands still longer than it may is a new process, where pages come at once', (t) => {
  const pages = [
    { at: 2, took: 0, ok: 15, up: 1 },
    { at: 12, took: 0, ok: 16, up: 1 },
  ];
  t.is(countOf(pages), 16);
});

/** Eighths, exact in binary. */
const eighths = (max: number) => fc.integer({ min: 0, max: max * 8 }).map((n) => n / 8);
const step = fc.record({
  wait: eighths(20),
  took: fc.oneof(fc.constant(0), eighths(10)),
  /** When the page was written, as a part of the time it took. */
  written: fc.constantFrom(0, 0.25, 0.5, 1),
  lag: fc.constantFrom(0, 0.25, 0.5, 1),
  grows: fc.nat(20),
});

test('a process that only lives on is counted once, however slow its pages and however late its uptime', (t) => {
  fc.assert(
    fc.property(eighths(20), fc.array(step, { minLength: 2, maxLength: 20 }), (bornAt, steps) => {
      const pages: Page[] = [];
      let at = bornAt;
      let ok = 0;
      let shown = 0;
      for (const { wait, took, written, lag, grows } of steps) {
        at += wait;
        ok += grows;
        shown = Math.max(shown, Math.floor(at + took * written - bornAt - lag * LAG), 0);
        pages.push({ at, took, ok, up: shown });
        at += took;
      }
      // Whether the first page counts depends on when its process may have begun: here every one began under watch.
      const [first] = pages;
      const isFromZero = first!.at - first!.up - LAG > -1;
      t.is(countOf(pages), isFromZero ? ok : ok - first!.ok);
    }),
    { numRuns: 2000 },
  );
});
