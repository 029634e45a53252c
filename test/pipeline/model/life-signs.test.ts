/** @module What one page tells of its process, and whether that can be the life known, at the edges of what is unsure. */
import test from 'ava';
import {
  beganAnew,
  createLife,
  LifeSeries,
  type LifeSigns,
  type PageTime,
  pageTime,
  seeAgain,
} from '../../../pipeline/model/lives.ts';
import { identity, START, TestTarget, UPTIME } from '../../kit/mesh.ts';

const LAG = 5;
const signs = (told: Partial<LifeSigns>): LifeSigns => ({
  ...{ startSeconds: Number.NaN, uptimeSeconds: Number.NaN, restartEpoch: Number.NaN },
  ...told,
});

/** What a page tells, asked for at second `at`, which took `took` seconds. */
interface Page extends Partial<LifeSigns> {
  readonly at: number;
  readonly took?: number;
}

const timeOf = ({ at, took = 0 }: Page): PageTime => pageTime(at * 1000, took * 1000);

const cases: readonly (readonly [title: string, life: readonly [Page, ...Page[]], page: Page, isNew: boolean])[] = [
  ['starts a second apart are one', [{ at: 0, startSeconds: 50 }], { at: 0, startSeconds: 51 }, false],
  ['starts more than that apart are not', [{ at: 0, startSeconds: 50 }], { at: 0, startSeconds: 51.1 }, true],
  [
    'a start that is as much later as the process was seen alive, but for the second, is the same',
    [
      { at: 0, startSeconds: 50 },
      { at: 10, startSeconds: 50 },
    ],
    { at: 12, startSeconds: 59 },
    false,
  ],
  [
    'one that is a little later still is another',
    [
      { at: 0, startSeconds: 50 },
      { at: 10, startSeconds: 50 },
    ],
    { at: 12, startSeconds: 59.5 },
    true,
  ],
  [
    'so is one that is later by more than it was seen alive',
    [
      { at: 0, startSeconds: 50 },
      { at: 10, startSeconds: 50 },
    ],
    { at: 12, startSeconds: 60.5 },
    true,
  ],
  [
    'a process is seen alive from when its first page was asked for, however long that took',
    [
      { at: 0, took: 5, startSeconds: 50 },
      { at: 10, startSeconds: 50 },
    ],
    { at: 12, startSeconds: 56 },
    false,
  ],
  [
    'a start is told by the first page that has one',
    [{ at: 0 }, { at: 10, startSeconds: 50 }],
    { at: 12, startSeconds: 100 },
    true,
  ],
  [
    'and stays what that page told',
    [
      { at: 0, startSeconds: 50 },
      { at: 0.5, startSeconds: 50.9 },
    ],
    { at: 1, startSeconds: 51.8 },
    true,
  ],
  [
    'where only the new page tells a start, uptimes decide',
    [{ at: 0, uptimeSeconds: 3600 }],
    { at: 10, startSeconds: 50, uptimeSeconds: 5 },
    true,
  ],
  [
    'where only the old page told a start, too',
    [{ at: 0, startSeconds: 50, uptimeSeconds: 3600 }],
    { at: 10, uptimeSeconds: 5 },
    true,
  ],
  [
    'an uptime that began as long ago as it can have, and the second more, is of a new process',
    [{ at: 0, uptimeSeconds: 3600 }],
    { at: 10, uptimeSeconds: 11 },
    true,
  ],
  ['a longer one is a clock set back', [{ at: 0, uptimeSeconds: 3600 }], { at: 10, uptimeSeconds: 11.5 }, false],
  [
    'a process can have begun since the last page was asked for, though that came later',
    [{ at: 0, took: 5, uptimeSeconds: 3600 }],
    { at: 10, uptimeSeconds: 10.5 },
    true,
  ],
  [
    'a number of restarts that only a later page told is known from then on',
    [
      { at: 0, uptimeSeconds: 100 },
      { at: 5, uptimeSeconds: 105, restartEpoch: 1 },
    ],
    { at: 10, uptimeSeconds: 110, restartEpoch: 2 },
    true,
  ],
];

for (const [title, [first, ...more], page, isNew] of cases) {
  test(`${title}: ${isNew ? 'a new life' : 'the same life'}`, (t) => {
    const life = createLife(signs(first), timeOf(first));
    for (const one of more) {
      t.false(beganAnew(life, signs(one), timeOf(one), LAG));
      seeAgain(life, signs(one), timeOf(one));
    }
    t.is(beganAnew(life, signs(page), timeOf(page), LAG), isNew);
  });
}

test('an uptime without end tells nothing', (t) => {
  const target = new TestTarget(identity('a')).series('start', START).series('up', UPTIME);
  const life = new LifeSeries();
  life.bind(target.idOf('start'), START);
  life.bind(target.idOf('up'), UPTIME);
  const told = [Number.POSITIVE_INFINITY, -1, Number.NaN, 7].map((up, i) => {
    target.page([['up', up]], {});
    return life.read(target.target.series, i + 1).uptimeSeconds;
  });
  t.deepEqual(told, [Number.NaN, Number.NaN, Number.NaN, 7]);
});
