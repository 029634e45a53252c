/** @module Streams tell an edge from one side, so that adding windows up gives the truth. */
import test from 'ava';
import fc from 'fast-check';
import { readTraffic } from '../../../pipeline/model/reading.ts';
import { SideMemory } from '../../../pipeline/model/side-memory.ts';
import type { CoverageRecord, TrafficKey, TrafficRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { identity, peer, workload } from '../../kit/mesh.ts';

const present = (requests: number) => ({ requests, present: true });
const ABSENT = { requests: 0, present: false };

function windows(memory: SideMemory, count: number, client: number | null, server: number | null) {
  const sides = [];
  for (let i = 0; i < count; i++) {
    memory.beginWindow();
    sides.push(
      memory.choose(
        'e',
        'client',
        client === null ? ABSENT : present(client),
        server === null ? ABSENT : present(server),
      ),
    );
  }
  return sides;
}

test('the preferred side is taken from the first window in which it is there, idle or not', (t) => {
  t.is(windows(new SideMemory(), 1, 0, 100)[0], 'client');
  t.is(windows(new SideMemory(), 1, null, 100)[0], 'server');
});

test('chance and phase do not change a side: within 5 % over ten windows it stays', (t) => {
  const memory = new SideMemory();
  for (let i = 0; i < 200; i++) windows(memory, 1, i % 2 === 0 ? 10 : 20, i % 2 === 0 ? 20 : 10);
  t.is(memory.changes, 0);
});

test('clients that are not watched show within ten windows, and the side changes once', (t) => {
  const memory = new SideMemory();
  const sides = windows(memory, 40, 100, 110);
  t.deepEqual([...sides.slice(0, 9), ...sides.slice(10)], [...Array(9).fill('client'), ...Array(30).fill('server')]);
  t.is(memory.changes, 1);
});

test('a side that fell silent for good is left, one that missed a few windows is not', (t) => {
  const memory = new SideMemory();
  windows(memory, 20, 50, 50);
  t.deepEqual([...new Set(windows(memory, 9, null, 50))], ['client']);
  t.is(windows(memory, 1, 500, 50)[0], 'client', 'it brings all shares');
  t.is(windows(memory, 40, null, 50).at(-1), 'server');
});

test('keys that have gone are forgotten', (t) => {
  const memory = new SideMemory();
  memory.choose('gone', 'client', present(1), present(1));
  windows(memory, 300, 1, 1);
  t.is(memory.size, 1);
});

const from = identity('web');
const to = identity('api');

function key(side: 'client' | 'server'): TrafficKey {
  const [own, far] = side === 'client' ? [from, to] : [to, from];
  const account = { ...workload('web'), kind: 'ServiceAccount' as const };
  return {
    id: side,
    mesh: 'test',
    side,
    own,
    peer: side === 'client' ? peer(far.workload) : peer(account, { serviceAccount: 'web' }),
    protocol: 'http',
    counts: 'requests',
  };
}

function coverage(side: 'client' | 'server', missed: boolean): CoverageRecord {
  const own = side === 'client' ? from : to;
  return {
    target: side,
    mesh: 'test',
    own,
    scrapesDue: 1,
    scrapesMissed: missed ? 1 : 0,
    coveredSeconds: missed ? 0 : 10,
    expectedSeconds: 10,
    resets: 0,
    firstSight: false,
  };
}

/** Windows of one edge whose two proxies are scraped or missed at will; a missed share comes with the next page. */
function sums(calls: readonly number[], missed: readonly { client: boolean; server: boolean }[]): TrafficSum[] {
  const waiting = { client: 0, server: 0 };
  return calls.map((count, i) => {
    const records: TrafficRecord[] = [];
    for (const side of ['client', 'server'] as const) {
      waiting[side] += count;
      if (missed[i]![side]) continue;
      records.push({ key: key(side), successes: waiting[side], failures: 0, latency: null, tcp: null });
      waiting[side] = 0;
    }
    return {
      interval: { startMs: i * 10_000, endMs: (i + 1) * 10_000 },
      records,
      coverage: [coverage('client', missed[i]!.client), coverage('server', missed[i]!.server)],
      partial: false,
      clockAhead: false,
    };
  });
}

test('whatever scrapes are missed, the windows of an edge add up to its calls, none twice', (t) => {
  const step = fc.record({ calls: fc.nat(50), client: fc.boolean(), server: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 9 }), (steps) => {
      // The first and the last scrape of the client are good, so that its side is known and everything arrives.
      const missed = steps.map(({ client, server }, i) => ({
        client: client && i > 0 && i < steps.length - 1,
        server,
      }));
      const sides = new SideMemory();
      let told = 0;
      for (const sum of sums(
        steps.map(({ calls }) => calls),
        missed,
      )) {
        sides.beginWindow();
        const reading = readTraffic(sum, { defaultKind: 'Deployment', windowMs: 10_000, sides });
        for (const { figures } of reading.edges) told += figures.successes;
      }
      return told === steps.reduce((total, { calls }) => total + calls, 0);
    }),
  );
  t.pass();
});
