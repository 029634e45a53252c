/** @module Pages for benchmarks: they move as their shape does, and keep their length. */
import test from 'ava';
import { MovingPage } from '../../../demo/shapes/moving-page.ts';
import { createShape } from '../../../demo/shapes/shapes.ts';

function valuesOf(page: MovingPage): number[] {
  return page.bytes
    .toString('latin1')
    .split('\n')
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
}

test('most counters of a page grow by the same step at every scrape, and none falls or changes its place', (t) => {
  const page = new MovingPage(createShape('linkerd-2k'));
  const first = valuesOf(page);
  const length = page.bytes.length;
  page.advance();
  const second = valuesOf(page);
  for (let i = 0; i < 998; i++) t.true(page.advance());
  const before = valuesOf(page);
  t.true(page.advance());
  const last = valuesOf(page);
  t.is(page.bytes.length, length);
  let moved = 0;
  second.forEach((value, i) => {
    const step = value - first[i]!;
    if (!(step > 0)) return;
    moved += 1;
    t.is(last[i]! - before[i]!, step);
    t.is(last[i], first[i]! + 1000 * step);
  });
  t.is(moved, page.moving);
  t.true(moved > 1000 && moved < 1896, `${moved} of 1,896 move`);
  t.false(page.advance());
});

test('a page has one process start and ends as its shape does', (t) => {
  const text = new MovingPage(createShape('linkerd-2k')).bytes.toString('latin1');
  t.is(text.match(/^process_start_time_seconds /gm)?.length, 1);
  t.true(text.endsWith('# EOF\n'));
});
