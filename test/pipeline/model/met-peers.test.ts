/** @module Who was met before a window is the same whenever the slots are gone through. */
import test from 'ava';
import fc from 'fast-check';
import { MetPeers } from '../../../pipeline/model/met-peers.ts';
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';
import { own, peer, record, sumOf } from '../../kit/traffic.ts';

const WEB = own('x/web');
const PEERS = Array.from({ length: 6 }, (_, i) => peer(`x/p${i}`));

/** A slot of 10 ms in which these peers were met. */
function slot(at: number, met: readonly number[]): TrafficSum {
  const records = met.map((i) => {
    const made = record('client', WEB, PEERS[i]!, 1);
    return { ...made, key: { ...made.key, peer: PEERS[i]! } };
  });
  return sumOf(records, [], { startMs: at * 10, lengthMs: 10 });
}

const namesOf = (met: MetPeers, fromMs: number) => [...met.before(fromMs).workloads].map(({ name }) => name).sort();

test('property: those met, but not since the window began, whoever runs how many steps when', (t) => {
  const slots = fc.array(fc.tuple(fc.uniqueArray(fc.nat(5)), fc.nat(2)), { maxLength: 12 });
  fc.assert(
    fc.property(slots, fc.nat(12), fc.nat(6), (told, from, kept) => {
      const met = new MetPeers();
      const lastMs = new Map<string, number>();
      for (const [at, [peers, steps]] of told.entries()) {
        met.meet(slot(at, peers));
        for (const i of peers) lastMs.set(`p${i}`, (at + 1) * 10);
        const settling = met.settleInSteps();
        if (steps === 1) settling.next();
        else if (steps === 2) for (const _ of settling);
        if (steps === 2) met.forget((at - kept) * 10);
      }
      const alive = [...lastMs].filter(([, ms]) => ms <= from * 10).map(([name]) => name);
      const found = namesOf(met, from * 10);
      const lastForgotten = told.findLastIndex(([, steps]) => steps === 2) - kept;
      t.deepEqual(found, alive.filter((name) => lastMs.get(name)! > lastForgotten * 10).sort());
    }),
    { numRuns: 1000 },
  );
});

test('a slot of some thousand records is gone through in one step, longer ones in steps of 4096', (t) => {
  for (const [records, pauses] of [
    [4096, 0],
    [10_000, 2],
  ] as const) {
    const met = new MetPeers();
    met.meet(slot(0, Array<number>(records).fill(1)));
    t.is([...met.settleInSteps()].length, pauses);
    t.deepEqual(namesOf(met, 10), ['p1']);
  }
});

test('slots that nobody goes through are not kept: all but a few are gone through as they come', (t) => {
  const met = new MetPeers();
  for (let at = 0; at < 30; at++) met.meet(slot(at, [at % 6]));
  t.is([...met.settleInSteps()].length, 3);
});
