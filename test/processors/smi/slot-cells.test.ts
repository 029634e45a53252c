/** @module One open slot: where it begins, which of its cells were added to, and what of them is read out. */
import test from 'ava';
import type { Measure } from '../../../pipeline/model/rules.ts';
import { CellTable } from '../../../processors/smi/cells.ts';
import { Owns } from '../../../processors/smi/owns.ts';
import { Slot } from '../../../processors/smi/slot.ts';
import { counter, identity, START, TestTarget, workload } from '../../kit/mesh.ts';
import { SLOT_MS, SmiRun, WATCH_MS } from '../../kit/smi-run.ts';

test('a slot is cut where the watch began inside it, and whole where it began at one of its ends', (t) => {
  const slotOf = (watchStartMs: number) => {
    const { startMs, endMs, cut } = new Slot(3, SLOT_MS, watchStartMs, 1);
    return [startMs / 1000, endMs / 1000, cut];
  };
  t.deepEqual([30_000, 30_001, 39_999, 40_000].map(slotOf), [
    [30, 40, false],
    [30.001, 40, true],
    [39.999, 40, true],
    [30, 40, false],
  ]);
});

test('buckets are in use in a slot when something was added to any of them, and to no other cell', (t) => {
  const latency = { first: 4, bounds: { allMs: [1, 10, Number.POSITIVE_INFINITY], finiteMs: [1, 10] } };
  const inUse = (cell: number) => {
    const slot = new Slot(0, SLOT_MS, 0, 1);
    slot.column[cell] = 1;
    return slot.hasLatency(latency as unknown as Parameters<Slot['hasLatency']>[0]);
  };
  t.deepEqual([3, 4, 5, 6, 7].map(inUse), [false, true, true, true, false]);
});

test('a slot that grows keeps what was added, and has room for all cells and records', (t) => {
  const slot = new Slot(0, SLOT_MS, 0, 7);
  const [cells, indexes] = [slot.column.length, slot.recordMark.length];
  slot.column[cells - 1] = 5;
  slot.recordMark[indexes - 1] = 7;
  slot.grow(cells, indexes);
  t.deepEqual([slot.column.length, slot.recordMark.length], [cells, indexes], 'all have room');
  slot.grow(cells + 1, indexes + 1);
  t.true(slot.column.length > cells && slot.recordMark.length > indexes);
  t.deepEqual([slot.column[cells - 1], slot.recordMark[indexes - 1]], [5, 7]);
  slot.grow(10 * cells, 10 * indexes);
  t.true(slot.column.length >= 10 * cells && slot.recordMark.length >= 10 * indexes);
  t.is(slot.column[cells - 1], 5);
});

test('a target that was not watched in a slot covers nobody in it', (t) => {
  const slot = new Slot(0, SLOT_MS, 0, 1);
  const { target } = new TestTarget(identity('a'));
  const owns = new Owns(target.own);
  owns.join(identity('b'));
  slot.coverOwns(target, owns);
  t.is(slot.coverage.size, 0);
  slot.cover(target).scrapesDue = 1;
  slot.coverOwns(target, owns);
  t.deepEqual(
    Array.from(slot.coverage.values(), ({ own, scrapesDue }) => [own.workload.name, scrapesDue]),
    [
      ['a', 1],
      ['b', 1],
    ],
  );
});

test('an empty table is read out as nothing', (t) => {
  const steps = new Slot(0, SLOT_MS, 0, 1).readOutInSteps(new CellTable(10), { counts: 0 });
  t.deepEqual(steps.next(), { done: true, value: [] });
});

const NOTHING = { opened: 0, closed: 0, readBytes: 0, writtenBytes: 0 };
for (const [measure, total] of [
  ['tcp_opened', 'opened'],
  ['tcp_closed', 'closed'],
  ['tcp_read_bytes', 'readBytes'],
  ['tcp_written_bytes', 'writtenBytes'],
] as const satisfies readonly (readonly [Measure, string])[]) {
  test(`a record of which only ${measure} grew tells it, and no connections at all once nothing does`, (t) => {
    const run = new SmiRun();
    const target = new TestTarget(identity('a')).series('start', START).series('n', counter(measure, workload('b')));
    for (const [at, value] of [
      [2, 1],
      [12, 1],
    ] as const) {
      run.page(target, at, [
        ['n', value],
        ['start', WATCH_MS / 1000 + 1],
      ]);
    }
    const tcp = run.close(40).flatMap(({ records }) => records.map((record) => record.tcp));
    t.deepEqual(tcp, [{ ...NOTHING, [total]: 1 }, null]);
  });
}
