/** @module Points of requests that come in parts: what is there is not wanted again, and how many may be remembered. */
import test from 'ava';
import { type SplitRequest, SplitRequests } from '../../../receivers/otlp/split-requests.ts';

const requestOf = (seq: number, points = 5): SplitRequest => ({ source: 'a', epoch: '1', seq, points });

function createRoom(maxPoints: number) {
  const unfinished: number[] = [];
  const splits = new SplitRequests(maxPoints, ({ seq }) => unfinished.push(seq));
  /** A part with these points. Returns which of them were new. */
  const take = (seq: number, points: readonly number[], of = 5) => {
    const part = splits.part(requestOf(seq, of));
    const fresh = points.filter((point) => part.wants(point));
    part.commit();
    return fresh;
  };
  return { splits, unfinished, take };
}

test('as many points as there is room for are remembered, and one more costs the request that began first', (t) => {
  const { splits, unfinished, take } = createRoom(6);
  take(0, [1, 2]);
  take(1, [1, 2]);
  take(2, [1, 2]);
  t.deepEqual([splits.points, splits.open, unfinished], [6, 3, []]);
  t.deepEqual(take(0, [1, 2]), [], 'all are there');
  t.deepEqual([splits.points, splits.open, unfinished], [6, 3, []]);
  t.deepEqual(take(2, [2, 3]), [3]);
  t.deepEqual([splits.points, splits.open, unfinished], [5, 2, [0]]);
  t.false(splits.isOpen(requestOf(0)));
});

test('a request of as many points as there is room for fits, and is over with its last point', (t) => {
  const { splits, unfinished, take } = createRoom(5);
  t.deepEqual(
    [4, 5, 6].map((points) => splits.fits(points)),
    [true, true, false],
  );
  take(0, [1, 2, 3, 4]);
  t.true(splits.isOpen(requestOf(0)));
  t.deepEqual(take(0, [4, 5]), [5]);
  t.deepEqual([splits.points, splits.open, unfinished], [0, 0, []]);
});

test('points of one part that come twice are wanted once, and count for nobody until the part is taken', (t) => {
  const { splits } = createRoom(6);
  const part = splits.part(requestOf(0));
  t.deepEqual(
    [1, 1, 2].map((point) => part.wants(point)),
    [true, false, true],
  );
  t.deepEqual([part.wanted, splits.points, splits.open], [2, 0, 0]);
  part.commit();
  t.deepEqual([splits.points, splits.open], [2, 1]);
  const other = splits.part(requestOf(1));
  t.true(other.wants(1), 'another request');
});

test('what another one knew goes on, within the room that is here', (t) => {
  const before = createRoom(100);
  before.take(0, [1, 2, 3]);
  before.take(1, [1, 2, 3]);
  const { splits, unfinished, take } = createRoom(3);
  for (const state of before.splits.states()) splits.restore(state);
  t.deepEqual([splits.points, splits.open, unfinished], [3, 1, [0]]);
  t.deepEqual(take(1, [3, 4, 5]), [4, 5]);
  t.deepEqual([splits.points, splits.open], [0, 0]);
});
