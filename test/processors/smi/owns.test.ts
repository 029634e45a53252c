/** @module A page that tells of many workloads covers each of them as well as its target is covered. */
import test from 'ava';
import { readTraffic } from '../../../pipeline/model/reading.ts';
import type { CoverageRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { counter, identity, START, TestTarget, telling, workload } from '../../kit/mesh.ts';
import { SmiRun, WATCH_MS } from '../../kit/smi-run.ts';

const BORN = WATCH_MS / 1000 - 3600;
const ZTUNNEL = identity('ztunnel', 'ztunnel-x', 'istio-system');
const WEB = identity('web');
const CART = identity('cart');
const served = (own: typeof WEB) => telling(counter('success', null, 'server'), { own });

function node(): TestTarget {
  return new TestTarget(ZTUNNEL, { key: 'z' })
    .series('start', START)
    .series('web', served(WEB))
    .series('web too', telling(counter('success', workload('b')), { own: { ...WEB } }))
    .series('cart', served(CART))
    .series('own', counter('success', workload('b')));
}

const START_ROW = ['start', BORN] as const;
const ALL = [START_ROW, ['web', 1], ['web too', 1], ['cart', 1], ['own', 1]] as const;
const podsOf = (sum: TrafficSum) => sum.coverage.map(({ own }) => own.pod).sort();
const figuresOf = ({ target: _, own: __, ...figures }: CoverageRecord) => figures;

test('every workload the series tell has one coverage record, the same as the target has', (t) => {
  const run = new SmiRun();
  const target = node();
  run.discover(target, 0);
  run.page(target, 2, ALL);
  run.page(target, 12, ALL);
  run.fail(target, 22);
  run.page(target, 32, [START_ROW, ['web', 0], ['web too', 1], ['cart', 1], ['own', 1]]);
  const sums = run.close(40);
  for (const sum of sums) {
    t.deepEqual(podsOf(sum), ['cart-1', 'web-1', 'ztunnel-x']);
    t.is(new Set(sum.coverage.map((record) => record.target)).size, 3);
    for (const record of sum.coverage) t.deepEqual(figuresOf(record), figuresOf(sum.coverage[0]!));
  }
  t.deepEqual(
    sums.map(({ coverage: [c] }) => [
      c!.coveredSeconds,
      c!.expectedSeconds,
      c!.scrapesMissed,
      c!.resets,
      c!.firstSight,
    ]),
    [
      [0, 10, 0, 0, true],
      [10, 10, 0, 0, false],
      [0, 10, 1, 0, false],
      [20, 10, 0, 1, false],
    ],
  );
});

test('a series that tells the target itself adds no second coverage', (t) => {
  const run = new SmiRun();
  const target = new TestTarget(WEB).series('start', START).series('web', served({ ...WEB }));
  run.page(target, 2, [START_ROW, ['web', 1]]);
  t.deepEqual(
    run.close(10)[0]!.coverage.map(({ target }) => target),
    [target.target.key],
  );
});

test('the key of a covered workload is the same in every slot and whatever kind the workload is said to be', (t) => {
  const run = new SmiRun();
  const target = node();
  const other = { ...WEB, workload: { ...WEB.workload, kind: '' as const } };
  target.series('web, kind untold', telling(counter('success', workload('c')), { own: other }));
  run.page(target, 2, ALL);
  run.page(target, 12, [...ALL, ['web, kind untold', 3]]);
  const [first, second] = run.close(20);
  const keys = (sum: TrafficSum) => sum.coverage.map((record) => record.target).sort();
  t.deepEqual(keys(first!), keys(second!));
});

test('a workload whose last series was released is covered to the end of the open slots, then no more', (t) => {
  const run = new SmiRun();
  const target = node();
  run.page(target, 2, ALL);
  run.page(target, 12, ALL);
  target.target.series.release(target.idOf('cart'));
  target.target.series.release(target.idOf('web'));
  run.page(target, 14, [START_ROW, ['web too', 2], ['own', 2]]);
  run.page(target, 22, [START_ROW, ['web too', 2], ['own', 2]]);
  run.page(target, 32, [START_ROW, ['web too', 2], ['own', 2]]);
  const sums = run.close(50);
  t.deepEqual(podsOf(sums[1]!), ['cart-1', 'web-1', 'ztunnel-x']);
  t.deepEqual(podsOf(sums[3]!), ['web-1', 'ztunnel-x']);
});

test('a target that is gone leaves no coverage of its workloads behind', (t) => {
  const run = new SmiRun();
  const target = node();
  run.page(target, 2, ALL);
  run.gone(target, 12);
  const sums = run.close(40);
  t.is(sums[1]!.coverage.length, 3);
  t.deepEqual(sums[2]!.coverage, []);
});

test('the rate of a workload on the page of a node is not null, and complete as the page is', (t) => {
  const run = new SmiRun();
  const target = node();
  run.page(target, 2, ALL);
  run.page(target, 12, [START_ROW, ['web', 101], ['web too', 1], ['cart', 1], ['own', 1]]);
  const [, sum] = run.close(20);
  const reading = readTraffic(sum!, { defaultKind: 'Deployment', windowMs: 10_000 });
  const web = reading.workloads.find(({ resource }) => resource.name === 'web');
  t.like(web?.figures, { successes: 100, ratePerSecond: 10, complete: true, sources: 1 });
});
