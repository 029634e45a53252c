/** @module What a series tells of itself beside the usual: failures no server saw, and what it counts. */
import test from 'ava';
import { bucket, counter, identity, START, TestTarget, telling, workload } from '../../kit/mesh.ts';
import { SmiRun, WATCH_MS } from '../../kit/smi-run.ts';

const b = workload('b');
const BORN = WATCH_MS / 1000 + 1;

test('failures that no server saw are part of the failures and told apart', (t) => {
  const target = new TestTarget(identity('a'))
    .series('start', START)
    .series('ok', counter('success', b))
    .series('failed', counter('failure', b))
    .series('unreached', counter('unreached', b));
  const run = new SmiRun();
  const rows = (ok: number, failed: number, unreached: number) =>
    [
      ['start', BORN],
      ['ok', ok],
      ['failed', failed],
      ['unreached', unreached],
    ] as const;
  run.page(target, 2, rows(10, 3, 4));
  run.page(target, 12, rows(11, 5, 4));
  run.page(target, 22, rows(11, 5, 9));
  const sums = run.close(30);
  t.deepEqual(
    sums.map(({ records }) => records.map((r) => [r.successes, r.failures, r.unreached])),
    [[[10, 7, 4]], [[1, 2, 0]], [[0, 5, 5]]],
  );
});

test('a series that says what it counts is not added to those that count what the table says', (t) => {
  const target = new TestTarget(identity('a'))
    .series('start', START)
    .series('usual', counter('success', b))
    .series('requests', telling(counter('success', b), { counts: 'requests' }))
    .series('server', telling(counter('success', b, 'server'), { counts: 'attempts' }));
  const run = new SmiRun();
  run.page(target, 2, [
    ['start', BORN],
    ['usual', 1],
    ['requests', 10],
    ['server', 100],
  ]);
  const [sum] = run.close(10);
  t.deepEqual(sum!.records.map(({ key, successes }) => [key.side, key.counts, successes]).sort(), [
    ['client', 'attempts', 1],
    ['client', 'requests', 10],
    ['server', 'attempts', 100],
  ]);
});

test('every plain measure has a place of its own beside the histogram', (t) => {
  const measures = [
    'success',
    'failure',
    'unreached',
    'latency_sum_ms',
    'tcp_opened',
    'tcp_closed',
    'tcp_read_bytes',
    'tcp_written_bytes',
  ] as const;
  const target = new TestTarget(identity('a')).series('start', START).series('le5', bucket(5, b));
  for (const measure of measures) target.series(measure, counter(measure, b));
  const run = new SmiRun();
  run.page(target, 2, [['start', BORN], ['le5', 1000], ...measures.map((measure, i) => [measure, 10 ** i] as const)]);
  const [sum] = run.close(10);
  t.like(sum!.records[0], { successes: 1, failures: 110, unreached: 100 });
  t.deepEqual(sum!.records[0]!.tcp, { opened: 1e4, closed: 1e5, readBytes: 1e6, writtenBytes: 1e7 });
  t.deepEqual([...sum!.records[0]!.latency![0]!.counts], [1000, 0]);
});
