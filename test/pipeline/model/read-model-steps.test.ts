/** @module A slot that amends many others is added by steps: readers see nothing of it, then all of it, as when it is added in one go. */
import test from 'ava';
import fc from 'fast-check';
import { ReadModel } from '../../../pipeline/model/read-model.ts';
import { sumTraffic } from '../../../pipeline/model/sum.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

const T0 = 1_700_000_010_000;
const SLOT_MS = 10_000;
const SLOTS = 12;

function slot(at: number, names: number, requests: number, first = 0): TrafficSum {
  const all = Array.from({ length: names }, (_, i) => own(`x/w${first + i}`));
  return sumOf(
    all.map((web) => record('client', web, peer(`x/to-${web.workload.name}`), requests)),
    all.slice(0, names >> 1).map((web) => covered(web, { scrapesDue: 1, coveredSeconds: 10, expectedSeconds: 10 })),
    { startMs: T0 + at * SLOT_MS, lengthMs: SLOT_MS },
  );
}

/** `own`, with parts that amend earlier slots. */
function late(own: TrafficSum, amendments: readonly TrafficSum[]): TrafficSum {
  return { ...sumTraffic([own, ...amendments])!, interval: own.interval, late: true, parts: [own, ...amendments] };
}

/** Slot 4 was never told, and nothing older than ten slots is retained. */
function model(names: number): ReadModel {
  const made = new ReadModel({
    ...{ windowMs: 30_000, slotMs: SLOT_MS, retentionMs: 10 * SLOT_MS, startedMs: T0 },
    ...{ defaultKind: 'Deployment', maxItems: 1_000_000, maxReadings: 4 },
  });
  for (let at = 0; at < SLOTS; at++) if (at !== 4) made.add(slot(at, names, 1));
  made.read(60_000);
  return made;
}

function view(made: ReadModel) {
  const reading = made.read(60_000)!;
  return {
    ...{ closedUntilMs: made.closedUntilMs, items: made.items, slots: made.slots, forgotten: made.forgottenItems },
    edges: reading.edges.map(({ source, destination, figures }) => [source?.name, destination?.name, figures]),
    workloads: reading.workloads.map(({ resource }) => resource.name).sort(),
    revision: reading.revision,
    state: made.state(T0 + SLOTS * SLOT_MS),
    sums: made.slotsOf(100_000),
  };
}

test('property: between two steps a model is as before or as afterwards, and afterwards as in one go', (t) => {
  const anyAmendments = fc.uniqueArray(fc.integer({ min: -5, max: SLOTS - 1 }), { minLength: 3, maxLength: SLOTS });
  let pauses = 0;
  fc.assert(
    fc.property(anyAmendments, fc.constantFrom(200, 1000), (slots, names) => {
      const sum = late(
        slot(SLOTS, 10, 1),
        slots.map((at) => slot(at, names, 2, names >> 1)),
      );
      const plain = model(names);
      const before = view(plain);
      plain.add(sum);
      const after = view(plain);
      const made = model(names);
      let isThere = false;
      for (const _ of made.addInSteps(sum)) {
        pauses += 1;
        isThere ||= made.closedUntilMs !== before.closedUntilMs;
        t.deepEqual(view(made), isThere ? after : before);
      }
      t.deepEqual(view(made), after);
    }),
    { numRuns: 6 },
  );
  t.true(pauses > 1, `${pauses} pauses`);
});

test('a slot without amendments is added in one step, and one that amends many takes one for each thousands of items', (t) => {
  t.is([...model(10).addInSteps(slot(SLOTS, 2000, 1))].length, 0);
  const amendments = Array.from({ length: 8 }, (_, i) => slot(SLOTS - 1 - i, 2000, 1));
  const pauses = [...model(2000).addInSteps(late(slot(SLOTS, 10, 1), amendments))].length;
  // 3000 items of the late ones, and as many that are amended.
  t.true(pauses >= Math.floor((7 * 6000) / (2 * 4096)), `${pauses} pauses`);
});

test('who is met in late traffic only is known as soon as it is seen', (t) => {
  const sum = () =>
    late(
      slot(SLOTS, 10, 1),
      [3, 4, 5, 6].map((at) => slot(at, 3000, 1, 10_000 * at)),
    );
  const plain = model(10);
  plain.add(sum());
  const known = plain.read(10_000)!.workloads.length;
  t.true(known > 12_000);
  const made = model(10);
  let seen = 0;
  for (const _ of made.addInSteps(sum())) {
    if (made.closedUntilMs !== plain.closedUntilMs) continue;
    seen += 1;
    t.is(made.read(10_000)!.workloads.length, known);
  }
  t.true(seen > 0);
});
