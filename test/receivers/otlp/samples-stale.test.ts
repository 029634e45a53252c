/** @module Which marks of ended series are believed, call by call. */
import test from 'ava';
import type { PointSeries } from '../../../receivers/otlp/samples-series.ts';
import { Staleness } from '../../../receivers/otlp/samples-stale.ts';

/** Series by name, with what the rest of the receiver keeps of them; `written` is a point of theirs. */
function stage() {
  const ended: string[] = [];
  const names = new Map<PointSeries, string>();
  const stale = new Staleness((series) => {
    ended.push(names.get(series) ?? '');
    series.standing = 'ended';
    series.staleMs = 0;
  });
  const create = (name: string): PointSeries => {
    const series = { standing: 'live', timeMs: 10, staleMs: 0 } as PointSeries;
    names.set(series, name);
    return series;
  };
  const written = (series: PointSeries, timeMs: number) => {
    series.standing = 'live';
    series.timeMs = timeMs;
    series.staleMs = 0;
  };
  return { stale, create, written, ended };
}

test('a good scrape ends what is marked with its time, once, and nothing else', (t) => {
  const { stale, create, ended } = stage();
  const [first, second, later] = ['first', 'second', 'later'].map(create);
  stale.mark(first!, 20);
  stale.mark(second!, 20);
  stale.mark(later!, 30);
  t.true(stale.confirm(20));
  t.deepEqual(ended, ['first', 'second']);
  t.false(stale.confirm(20), 'nothing is left of that time');
  t.true(stale.confirm(30));
  t.deepEqual(ended, ['first', 'second', 'later']);
});

test('a good scrape without marks ends nothing', (t) => {
  const { stale, create, ended } = stage();
  t.false(stale.confirm(20));
  stale.mark(create('marked'), 30);
  t.false(stale.confirm(20));
  t.deepEqual(ended, []);
});

test('what has ended and come back is not ended again by an old mark', (t) => {
  const { stale, create, written, ended } = stage();
  const series = create('series');
  stale.mark(series, 20);
  t.true(stale.confirm(20));
  written(series, 30);
  t.false(stale.confirm(20));
  // A series that is marked anew is ended by its new mark alone.
  stale.mark(series, 40);
  t.false(stale.confirm(30));
  t.true(stale.confirm(40));
  t.deepEqual(ended, ['series', 'series']);
});

test('a point that comes after the mark takes it back, and no scrape without marks makes it count', (t) => {
  const { stale, create, written, ended } = stage();
  const [back, gone] = ['back', 'gone'].map(create);
  stale.mark(back!, 20);
  stale.mark(gone!, 20);
  written(back!, 20);
  t.true(stale.confirm(20));
  t.deepEqual(ended, ['gone']);
  for (const timeMs of [30, 40, 50]) {
    stale.nextGood(timeMs);
    t.false(stale.confirm(timeMs));
  }
  t.deepEqual(ended, ['gone']);
});

test('confirming one time leaves marks of another in force', (t) => {
  const { stale, create, ended } = stage();
  const [early, late] = ['early', 'late'].map(create);
  stale.mark(late!, 30);
  stale.mark(early!, 20);
  t.true(stale.confirm(30));
  t.deepEqual(ended, ['late']);
  // That of 20 was never confirmed: it is over when two good scrapes in a row do not have it.
  stale.nextGood(40);
  stale.nextGood(50);
  t.deepEqual(ended, ['late', 'early']);
});

test('marks of a scrape that failed, which nobody confirms, end only what the next good one has not either', (t) => {
  const { stale, create, written, ended } = stage();
  const [back, gone, after] = ['back', 'gone', 'after'].map(create);
  stale.mark(back!, 20);
  stale.mark(gone!, 20);
  stale.mark(after!, 20);
  stale.nextGood(30);
  written(back!, 30);
  t.deepEqual(ended, []);
  stale.nextGood(40);
  t.deepEqual(ended, ['gone', 'after']);
});

test('marks that are no newer than a point, or of what is over, are none', (t) => {
  const { stale, create, ended } = stage();
  const [newer, over] = ['newer', 'over'].map(create);
  newer!.timeMs = 20;
  over!.standing = 'ended';
  stale.mark(newer!, 20);
  stale.mark(over!, 20);
  t.false(stale.confirm(20));
  t.deepEqual([newer!.staleMs, over!.staleMs, ended], [0, 0, []]);
});
