/** @module The bounded queue of spans: what fits, what is given up, and that its figures always add up. */
import test from 'ava';
import fc from 'fast-check';
import { type QueuedSpans, SpansQueue, type SpansQueueConfig } from '../../../pipeline/queue/spans-queue.ts';
import { createTestClock } from '../../kit/clock.ts';
import { idsFrom, spansNumbered } from '../../kit/sent-spans.ts';

const DEFAULTS: SpansQueueConfig = { queueSize: 1000, sizer: 'requests', maxBytes: 64 << 20, onFull: 'refuse' };

function create(config: Partial<SpansQueueConfig> = {}) {
  const clock = createTestClock(1000);
  return { clock, queue: new SpansQueue({ ...DEFAULTS, ...config }, clock) };
}

const five = () => spansNumbered(idsFrom(1, 5));

test('requests come out in the order in which they went in, several taken at once', (t) => {
  const { queue } = create();
  const all = idsFrom(1, 50).map((n) => spansNumbered([n]));
  for (const spans of all) t.deepEqual(queue.offer(spans), []);
  const taken = all.map(() => queue.take());
  t.deepEqual(
    taken.map((queued) => queued?.spans),
    all,
  );
  t.is(queue.take(), null);
  t.is(queue.depth, 50, 'what is taken counts until it is done');
  for (const queued of taken) {
    queue.settle(1);
    queue.done(queued!);
    queue.done(queued!);
  }
  t.deepEqual([queue.depth, queue.items, queue.bytes, queue.oldestAgeMs], [0, 0, 0, 0]);
});

for (const [sizer, queueSize] of [
  ['requests', 2],
  ['items', 14],
] as const) {
  test(`full by ${sizer}: refused until one is done, though it was taken before`, (t) => {
    const { queue } = create({ sizer, queueSize });
    for (let n = 0; n < 2; n++) {
      t.true(queue.admits(five()));
      queue.offer(five());
    }
    t.false(queue.admits(five()));
    const queued = queue.take()!;
    t.false(queue.admits(five()));
    queue.settle(5);
    queue.done(queued);
    t.true(queue.admits(five()));
  });
}

test('full by bytes, with the sizer or beside it', (t) => {
  const { queue: probe } = create();
  probe.offer(five());
  for (const config of [{ maxBytes: probe.bytes * 2 }, { sizer: 'bytes', queueSize: probe.bytes * 2 }] as const) {
    const { queue } = create(config);
    queue.offer(five());
    t.true(queue.admits(five()));
    queue.offer(five());
    t.false(queue.admits(five()));
    t.false(queue.admits(spansNumbered([1])));
  }
});

test('an empty queue takes one request of any size', (t) => {
  for (const onFull of ['refuse', 'refuse_always', 'drop_oldest', 'drop_newest'] as const) {
    const { queue } = create({ sizer: 'items', queueSize: 1, maxBytes: 1, onFull });
    t.true(queue.admits(five()));
    t.deepEqual(queue.offer(five()), []);
    t.is(queue.waiting, 1);
  }
});

test('who was admitted is taken, whatever came in between', (t) => {
  const { queue } = create({ queueSize: 1 });
  t.true(queue.admits(five()));
  t.true(queue.admits(five()));
  t.deepEqual(queue.offer(five()), []);
  t.deepEqual(queue.offer(five()), []);
  t.is(queue.items, 10);
});

for (const [onFull, yields] of [
  ['refuse', true],
  ['refuse_always', false],
  ['drop_oldest', false],
  ['drop_newest', false],
] as const) {
  test(`${onFull}: ${yields ? 'yields' : 'does not yield'} to others`, (t) => {
    const { queue } = create({ queueSize: 1, onFull });
    t.true(queue.hasRoom(five()));
    queue.offer(five());
    t.false(queue.hasRoom(five()), 'which a queue that drops does not have either, though it admits');
    t.is(queue.yields, yields);
    t.is(queue.admits(five()), onFull.startsWith('drop'));
  });
}

test('what is spare is given up when there is no room, and taken when there is', (t) => {
  const { queue, clock } = create({ queueSize: 1 });
  t.deepEqual(queue.offer(five(), true), []);
  clock.advance(7);
  const spare = spansNumbered([9]);
  t.like(queue.offer(spare, true), [{ spans: spare, sinceWallMs: 1007 }]);
  t.deepEqual([queue.depth, queue.items], [1, 5]);
});

test('drop_oldest gives up the oldest that wait, never what is under way, and says when they came', (t) => {
  const { queue, clock } = create({ queueSize: 3, onFull: 'drop_oldest' });
  for (let n = 1; n <= 3; n++) {
    queue.offer(spansNumbered([n]));
    clock.advance(1000);
  }
  const underWay = queue.take();
  t.true(queue.admits(five()));
  const dropped = queue.offer(five());
  t.deepEqual(
    dropped.map(({ spans, sinceWallMs }) => [spans.bytes, sinceWallMs]),
    [[spansNumbered([2]).bytes, 2000]],
  );
  t.is(queue.oldestAgeMs, 3000);
  t.is(underWay?.sinceWallMs, 1000);
  t.deepEqual([queue.depth, queue.items], [3, 7]);
});

test('drop_oldest gives up the new one when all others are under way, and nothing for one that cannot fit', (t) => {
  const { queue } = create({ queueSize: 1, onFull: 'drop_oldest' });
  queue.offer(five());
  queue.take();
  const late = five();
  t.deepEqual(
    queue.offer(late).map(({ spans }) => spans),
    [late],
  );
  const { queue: small } = create({ sizer: 'items', queueSize: 10, onFull: 'drop_oldest' });
  small.offer(five());
  small.take();
  small.offer(five());
  const giant = spansNumbered(idsFrom(1, 8));
  t.deepEqual(
    small.offer(giant).map(({ spans }) => spans),
    [giant],
  );
  t.is(small.items, 10);
});

test('drop_newest gives up what comes', (t) => {
  const { queue } = create({ queueSize: 1, onFull: 'drop_newest' });
  queue.offer(five());
  const late = five();
  t.true(queue.admits(late));
  t.deepEqual(
    queue.offer(late).map(({ spans }) => spans),
    [late],
  );
  t.is(queue.depth, 1);
});

test('clear gives back what waited', (t) => {
  const { queue } = create();
  const all = idsFrom(1, 5).map((n) => spansNumbered([n]));
  for (const spans of all) queue.offer(spans);
  queue.take();
  t.deepEqual(
    queue.clear().map(({ spans }) => spans),
    all.slice(1),
  );
  t.deepEqual([queue.depth, queue.items, queue.bytes], [0, 0, 0]);
});

const step = fc.oneof(
  fc.record({ kind: fc.constant('offer' as const), count: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ kind: fc.constantFrom('take', 'done') }),
);

test('any steps: figures add up, limits hold but for one request, nothing vanishes', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom('refuse', 'refuse_always', 'drop_oldest', 'drop_newest'),
      fc.integer({ min: 1, max: 60 }),
      fc.array(step, { maxLength: 60 }),
      (onFull, queueSize, steps) => {
        const { queue } = create({ onFull, queueSize, sizer: 'items' });
        const taken: QueuedSpans[] = [];
        let [offered, given, done] = [0, 0, 0];
        for (const each of steps) {
          if ('count' in each) {
            const spans = spansNumbered(idsFrom(1, each.count));
            if (!queue.admits(spans)) continue;
            offered += each.count;
            given += queue.offer(spans).reduce((sum, { spans: { count } }) => sum + count, 0);
          } else if (each.kind === 'take') {
            const queued = queue.take();
            if (queued !== null) taken.push(queued);
          } else {
            const queued = taken.shift();
            if (queued === undefined) continue;
            done += queued.spans.count;
            queue.settle(queued.spans.count);
            queue.done(queued);
          }
          t.is(queue.items, offered - given - done);
          t.true(queue.items <= Math.max(queueSize, 20));
          t.is(queue.depth, queue.waiting + taken.length);
          t.is(queue.bytes === 0, queue.depth === 0);
        }
      },
    ),
    { numRuns: 300 },
  );
});
