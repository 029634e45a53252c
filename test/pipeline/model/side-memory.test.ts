/** @module Streams tell an edge from one side, so that adding windows up gives the truth. */
import test from 'ava';
import fc from 'fast-check';
import { readTraffic, type TrafficReading } from '../../../pipeline/model/reading.ts';
import type { Workload } from '../../../pipeline/model/resource.ts';
import type { Side } from '../../../pipeline/model/rules.ts';
import { ServiceMemory } from '../../../pipeline/model/service-memory.ts';
import { SideMemory, type SideView } from '../../../pipeline/model/side-memory.ts';
import type { CoverageRecord, TrafficKey, TrafficRecord, TrafficSum } from '../../../pipeline/model/traffic.ts';
import { identity, peer, workload } from '../../kit/mesh.ts';

const from = identity('web');
const to = identity('api');
/** How the page of the server tells who called. */
type Caller = 'name' | 'account';

function key(side: Side, caller: Caller = 'name'): TrafficKey {
  const [own, far] = side === 'client' ? [from, to] : [to, from];
  const account: Workload = { ...workload('web'), kind: 'ServiceAccount' };
  const known = side === 'client' || caller === 'name';
  return {
    id: side,
    mesh: 'test',
    side,
    own,
    peer: known ? peer(far.workload) : peer(account, { serviceAccount: 'web' }),
    protocol: 'http',
    counts: 'requests',
  };
}

function recordOf(side: Side, requests: number, failures = 0, caller?: Caller, unreached = 0): TrafficRecord {
  const latency = [{ boundsMs: [10], counts: Float64Array.of(requests, 0) }];
  const all = failures + unreached;
  return { key: key(side, caller), successes: requests - failures, failures: all, unreached, latency, tcp: null };
}

/** null: the scrape was missed; 'evicted': a good page without this edge; 'gone': the target is not known any more. */
type Seen = number | null | 'evicted' | 'gone';

function view(side: Side, seen: Seen): SideView {
  const records = typeof seen === 'number' ? [recordOf(side, seen)] : [];
  const coverage = seen === 'gone' ? null : { missed: seen === null ? 1 : 0, up: seen !== null };
  return { records, coverage, far: null };
}

function windows(memory: SideMemory, count: number, client: Seen, server: Seen) {
  return Array.from({ length: count }, () => {
    memory.beginWindow();
    const { side, records, late } = memory.choose('edge e', 'client', view('client', client), view('server', server));
    const told = [...records, ...late].reduce((sum, { successes, failures }) => sum + successes + failures, 0);
    return { side, told };
  });
}
const sidesOf = (told: readonly { readonly side: Side }[]) => told.map(({ side }) => side);

test('the preferred side is taken from the first window in which it is there, idle or not', (t) => {
  t.deepEqual(windows(new SideMemory(), 1, 0, 100), [{ side: 'client', told: 0 }]);
  t.deepEqual(windows(new SideMemory(), 1, null, 100), [{ side: 'server', told: 100 }]);
});

test('chance and phase do not change a side: within 5 % over ten windows it stays', (t) => {
  const memory = new SideMemory();
  for (let i = 0; i < 200; i++) windows(memory, 1, i % 2 === 0 ? 10 : 20, i % 2 === 0 ? 20 : 10);
  t.is(memory.changes, 0);
});

test('clients that are not watched show within ten windows, and the side changes once', (t) => {
  const memory = new SideMemory();
  const sides = sidesOf(windows(memory, 40, 100, 110));
  t.deepEqual([...sides.slice(0, 9), ...sides.slice(10)], [...Array(9).fill('client'), ...Array(30).fill('server')]);
  t.is(memory.changes, 1);
});

test('a side that is silent is waited for; then the other one tells all that was withheld', (t) => {
  const memory = new SideMemory();
  windows(memory, 6, 100, 100);
  const told = windows(memory, 12, null, 100);
  t.deepEqual(told.slice(0, 9), Array(9).fill({ side: 'client', told: 0 }));
  t.deepEqual(told.slice(9), [
    { side: 'server', told: 1000 },
    { side: 'server', told: 100 },
    { side: 'server', told: 100 },
  ]);
  t.is(memory.withheldRequests, 0);
  t.is(memory.lateRequests, 900);
});

test('a side whose targets have gone is left at once', (t) => {
  const memory = new SideMemory();
  windows(memory, 3, 100, 100);
  t.deepEqual(windows(memory, 2, null, 100), Array(2).fill({ side: 'client', told: 0 }));
  t.is(memory.withheldRequests, 200);
  t.deepEqual(windows(memory, 1, 'gone', 100), [{ side: 'server', told: 300 }]);
});

test('a side that comes back in time brings all shares, and what was withheld is discarded', (t) => {
  const memory = new SideMemory();
  windows(memory, 6, 50, 50);
  windows(memory, 8, null, 50);
  t.is(memory.withheldRequests, 400);
  t.deepEqual(windows(memory, 1, 450, 50), [{ side: 'client', told: 450 }]);
  t.is(memory.withheldRequests, 0);
  t.is(memory.changes, 0);
});

test('an edge that was idle for long keeps its side when calls begin again, whichever page shows them first', (t) => {
  const memory = new SideMemory();
  windows(memory, 3, 10, 10);
  windows(memory, 50, 'evicted', 0);
  t.deepEqual(windows(memory, 1, 'evicted', 4), [{ side: 'client', told: 0 }]);
  t.deepEqual(windows(memory, 2, 10, 8), Array(2).fill({ side: 'client', told: 10 }));
  t.is(memory.changes, 0);
  t.is(memory.withheldRequests, 0);
});

test('what a side still owes is not told twice when it takes over', (t) => {
  const memory = new SideMemory();
  windows(memory, 3, 10, 10);
  windows(memory, 4, 10, null);
  t.deepEqual(windows(memory, 1, 'gone', 50), [{ side: 'server', told: 10 }]);
  t.deepEqual(windows(memory, 1, 'gone', 10), [{ side: 'server', told: 10 }]);
});

test('what is withheld of an edge nobody speaks of any more becomes due', (t) => {
  const memory = new SideMemory();
  windows(memory, 3, 10, 10);
  windows(memory, 2, null, 10);
  let due = 0;
  for (let i = 0; i < 12; i++) {
    memory.beginWindow();
    for (const { successes, failures } of memory.due.edges) due += successes + failures;
  }
  t.is(due, 20);
  t.deepEqual(memory.due, { edges: [], totals: [] });
});

test('keys that have gone are forgotten', (t) => {
  const memory = new SideMemory();
  memory.choose('edge gone', 'client', view('client', 1), view('server', 1));
  windows(memory, 300, 1, 1);
  t.is(memory.size, 1);
});

/** What happens to one side's scrape in a window. */
type Scrape = 'good' | 'missed' | 'gone';
interface Step {
  readonly calls: number;
  /** Failures beside the calls that no server saw. */
  readonly unreached?: number;
  readonly client: Scrape;
  readonly server: Scrape;
}

function coverage(side: Side, missed: boolean): CoverageRecord {
  return {
    target: side,
    mesh: 'test',
    own: side === 'client' ? from : to,
    scrapesDue: 1,
    scrapesMissed: missed ? 1 : 0,
    coveredSeconds: missed ? 0 : 10,
    expectedSeconds: 10,
    resets: 0,
    firstSight: false,
  };
}

/** Windows of one edge whose two proxies are scraped or missed at will; a missed share comes with the next page. */
function sums(steps: readonly Step[], caller: Caller): TrafficSum[] {
  const waiting = { client: [0, 0, 0], server: [0, 0, 0] };
  return steps.map((step, i) => {
    const records: TrafficRecord[] = [];
    const covered: CoverageRecord[] = [];
    for (const side of ['client', 'server'] as const) {
      waiting[side][0]! += step.calls;
      waiting[side][1]! += Math.floor(step.calls / 4);
      if (side === 'client') waiting[side][2]! += step.unreached ?? 0;
      if (step[side] !== 'gone') covered.push(coverage(side, step[side] === 'missed'));
      if (step[side] !== 'good') continue;
      const [calls = 0, failures, unreached] = waiting[side];
      records.push(recordOf(side, calls, failures, caller, unreached));
      waiting[side] = [0, 0, 0];
    }
    return windowOf(i, records, covered);
  });
}

function windowOf(i: number, records: TrafficRecord[], covered: CoverageRecord[]): TrafficSum {
  const interval = { startMs: i * 10_000, endMs: (i + 1) * 10_000 };
  return { interval, records, coverage: covered, partial: false, clockAhead: false };
}

class Stream {
  readonly sides = new SideMemory();
  readonly edges: number[] = [];
  readonly totals: number[] = [];
  /** Failures that no server saw, as edges and totals told them. */
  readonly unreached = { edges: 0, totals: 0 };

  window(sum: TrafficSum): void {
    this.sides.beginWindow();
    this.#take(readTraffic(sum, { defaultKind: 'Deployment', windowMs: 10_000, sides: this.sides }));
  }

  last(): void {
    this.sides.beginLast();
    this.#take(readTraffic(windowOf(1000, [], []), { defaultKind: 'Deployment', windowMs: 10_000, sides: this.sides }));
  }

  #take({ edges, workloads }: TrafficReading): void {
    const figuresOf = [edges.map(({ figures }) => figures), workloads.flatMap(({ figures }) => figures ?? [])] as const;
    for (const [told, list] of [
      [this.edges, figuresOf[0]],
      [this.totals, figuresOf[1]],
    ] as const)
      told.push(list.reduce((sum, { successes, failures }) => sum + successes + failures, 0));
    for (const { unreached } of figuresOf[0]) this.unreached.edges += unreached;
    for (const { unreached } of figuresOf[1]) this.unreached.totals += unreached;
  }
}

const addUp = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);

function follow(steps: readonly Step[], caller: Caller): Stream {
  const stream = new Stream();
  for (const sum of sums(steps, caller)) stream.window(sum);
  return stream;
}

test('of an edge whose client fell silent for good every request is streamed', (t) => {
  for (const caller of ['name', 'account'] as const) {
    for (const fate of ['missed', 'gone'] as const) {
      const steps: Step[] = Array.from({ length: 26 }, (_, i) => ({
        calls: 100,
        client: i < 6 ? 'good' : fate,
        server: 'good',
      }));
      const stream = follow(steps, caller);
      t.is(addUp(stream.edges), 2600, `${caller} ${fate}`);
      t.is(addUp(stream.totals), 2600);
    }
  }
});

test('clients of unknown account are waited for as well before their account stands in for them', (t) => {
  const nameless = { ...from, serviceAccount: '' };
  for (const fate of ['missed', 'gone'] as const) {
    const stream = new Stream();
    for (let i = 0; i < 26; i++) {
      const here = i < 6;
      const client = { ...recordOf('client', 100), key: { ...key('client'), own: nameless } };
      const covered = [
        ...(here || fate === 'missed' ? [{ ...coverage('client', !here), own: nameless }] : []),
        coverage('server', false),
      ];
      stream.window(windowOf(i, [...(here ? [client] : []), recordOf('server', 100, 0, 'account')], covered));
    }
    t.is(addUp(stream.edges), 2600, fate);
  }
});

/** Calls that at least one side's last page still counted. */
function seenCalls(steps: readonly Step[]): number {
  const last = Math.max(
    ...(['client', 'server'] as const).map((side) => steps.findLastIndex((step) => step[side] === 'good')),
  );
  return addUp(steps.slice(0, last + 1).map(({ calls }) => calls));
}

/** Only the client's pages tell these, each when it comes, whichever side the rest is told from. */
function unreachedCalls(steps: readonly Step[]): number {
  const last = steps.findLastIndex(({ client }) => client === 'good');
  return addUp(steps.slice(0, last + 1).map(({ unreached = 0 }) => unreached));
}

/** Scrapes of a side: missed at will, and from some window on missed or gone for good. */
function scrapes(length: number): fc.Arbitrary<Scrape[]> {
  const fate = fc.record({ from: fc.nat(length), what: fc.constantFrom<Scrape>('missed', 'gone', 'good') });
  return fc
    .tuple(fc.array(fc.boolean(), { minLength: length, maxLength: length }), fate)
    .map(([missed, { from: end, what }]) =>
      missed.map((one, i) => (i >= end && what !== 'good' ? what : one ? 'missed' : 'good')),
    );
}

const scripts: fc.Arbitrary<Step[]> = fc
  .integer({ min: 1, max: 40 })
  .chain((length) =>
    fc
      .tuple(
        fc.array(fc.tuple(fc.nat(50), fc.nat(20)), { minLength: length, maxLength: length }),
        scrapes(length),
        scrapes(length),
      )
      .map(([counts, client, server]) =>
        counts.map(([calls, unreached], i) => ({ calls, unreached, client: client[i]!, server: server[i]! })),
      ),
  );

for (const caller of ['name', 'account'] as const) {
  test(`whatever scrapes are missed and whoever dies, windows of an edge and of a total add up to all that a page told; callers by ${caller}`, (t) => {
    fc.assert(
      fc.property(scripts, (steps) => {
        const stream = follow(steps, caller);
        const calls = steps.map((step) => step.calls + (step.unreached ?? 0));
        for (const told of [stream.edges, stream.totals]) {
          for (let i = 0; i < told.length; i++) {
            const early = addUp(told.slice(0, i + 1)) - addUp(calls.slice(0, i + 1));
            if (early > 0) throw new Error(`window ${i} tells ${early} too many`);
          }
        }
        stream.last();
        const unreached = unreachedCalls(steps);
        t.deepEqual(stream.unreached, { edges: unreached, totals: unreached });
        t.is(addUp(stream.edges), seenCalls(steps) + unreached);
        t.is(addUp(stream.totals), seenCalls(steps) + unreached);
        t.is(stream.sides.withheldRequests, 0);
      }),
      { numRuns: 500 },
    );
  });
}

test('calls between the two last pages are not told once more when the side that had counted them falls silent', (t) => {
  const memory = new SideMemory();
  // The client is read after the server in each window, 5 calls later.
  windows(memory, 1, 15, 10);
  windows(memory, 5, 10, 10);
  t.deepEqual(windows(memory, 1, null, 10), [{ side: 'client', told: 0 }]);
  // 75 calls, of which the client told 65 and the server knows 70.
  t.is(memory.withheldRequests, 5);
  t.deepEqual(windows(memory, 1, 'gone', 10), [{ side: 'server', told: 15 }]);
});

test('a side that never saw all calls owes nothing when it takes over', (t) => {
  const memory = new SideMemory();
  // One of three servers is not watched.
  windows(memory, 20, 90, 60);
  windows(memory, 1, null, 60);
  t.deepEqual(windows(memory, 1, 'gone', 60), [{ side: 'server', told: 120 }]);
});

test('the preferred side is taken as long as nothing was told from the other', (t) => {
  const memory = new SideMemory();
  t.deepEqual(windows(memory, 1, null, 0), [{ side: 'server', told: 0 }]);
  t.deepEqual(windows(memory, 2, 10, 12), Array(2).fill({ side: 'client', told: 10 }));
  t.is(memory.changes, 0);
});

test('a window of a stall without any page tells nothing of what a side has', (t) => {
  const memory = new SideMemory();
  windows(memory, 2, 10, 10);
  const unread: SideView = { records: [], coverage: { missed: 0, up: false }, far: null };
  memory.beginWindow();
  memory.choose('edge e', 'client', view('client', 50), unread);
  // The server brings those 50 in its next page; the client has none.
  windows(memory, 1, null, 50);
  t.is(memory.withheldRequests, 0);
});

/** Calls of a window before the first page, between the two, and after the second one. */
interface Phased {
  readonly calls: readonly [number, number, number];
  readonly first: Side;
  readonly client: boolean;
  readonly server: boolean;
}

/** What each side's page brings: a number, or null when it was missed. */
function pagesOf(steps: readonly Phased[]): { client: number | null; server: number | null; calls: number }[] {
  let calls = 0;
  const brought = { client: 0, server: 0 };
  const page = (side: Side, made: number) => {
    const share = made - brought[side];
    brought[side] = made;
    return share;
  };
  return steps.map((step) => {
    const [before, between, after] = step.calls;
    const madeAt = (side: Side) => calls + before + (side === step.first ? 0 : between);
    const client = step.client ? page('client', madeAt('client')) : null;
    const server = step.server ? page('server', madeAt('server')) : null;
    calls += before + between + after;
    return { client, server, calls };
  });
}

/** Stretches in which a side is read now and then, always, or, for longer than it is waited for, never. */
const stretches = fc.record({
  calls: fc.array(fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20), fc.boolean(), fc.boolean(), fc.boolean()), {
    minLength: 1,
    maxLength: 14,
  }),
  client: fc.constantFrom('good', 'missed', 'both'),
  server: fc.constantFrom('good', 'missed', 'both'),
});

const phasedSteps: fc.Arbitrary<Phased[]> = fc.array(stretches, { minLength: 1, maxLength: 6 }).map((all) =>
  all.flatMap(({ calls, client, server }) =>
    calls.map(([before, between, after, clientFirst, clientRead, serverRead]): Phased => {
      const first = clientFirst ? 'client' : 'server';
      const read = (how: string, now: boolean) => how === 'good' || (how === 'both' && now);
      return {
        calls: [before, between, after],
        first,
        client: read(client, clientRead),
        server: read(server, serverRead),
      };
    }),
  ),
);

/** Of one window in these scripts. */
const MOST_CALLS = 60;

const dueOf = ({ due }: SideMemory) =>
  due.edges.reduce((sum, { successes, failures }) => sum + successes + failures, 0);

test('however far apart the two sides are scraped, and whatever is missed, no call is told twice, and at most those between two pages are lost', (t) => {
  fc.assert(
    fc.property(phasedSteps, (steps) => {
      const memory = new SideMemory();
      const [first, ...rest] = steps;
      const pages = pagesOf([{ ...first!, client: true, server: true }, ...rest]);
      let told = 0;
      for (const { client, server, calls } of pages) {
        told += windows(memory, 1, client, server)[0]!.told + dueOf(memory);
        if (told > calls) throw new Error(`${told} told of ${calls}`);
      }
      memory.beginLast();
      told += dueOf(memory);
      const { calls } = pages.at(-1)!;
      const known = Math.max(
        addUp(pages.map(({ client }) => client ?? 0)),
        addUp(pages.map(({ server }) => server ?? 0)),
      );
      if (told > calls || told < known - MOST_CALLS) throw new Error(`${told} told of ${known} known of ${calls}`);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

/** A server of another mesh that cannot name `web`; `strangers` are calls of nobody watched. */
function strangerWindow(i: number, client: number | null, server: number | null): TrafficSum {
  const nameless = { ...key('server'), mesh: 'other', id: 'nameless', peer: peer(null) };
  const records = [
    ...(client === null ? [] : [recordOf('client', client)]),
    ...(server === null ? [] : [{ ...recordOf('server', server), key: nameless }]),
  ];
  return windowOf(i, records, [coverage('client', client === null), coverage('server', server === null)]);
}

function strangersOf(windows: readonly (readonly [client: number | null, server: number | null])[]): number[] {
  const sides = new SideMemory();
  const told = (sum: TrafficSum) => {
    const { edges } = readTraffic(sum, { defaultKind: 'Deployment', windowMs: 10_000, sides });
    const edge = edges.find(({ source }) => source === null);
    return edge === undefined ? 0 : edge.figures.successes + edge.figures.failures;
  };
  const shares = windows.map(([client, server], i) => {
    sides.beginWindow();
    return told(strangerWindow(i, client, server));
  });
  sides.beginLast();
  return [...shares, told(windowOf(1000, [], []))];
}

test('callers that a server cannot name are streamed less what a client of another mesh tells itself', (t) => {
  t.deepEqual(
    strangersOf([
      [100, 130],
      [100, 150],
      [100, 120],
    ]),
    [30, 50, 20, 0],
  );
  t.deepEqual(
    strangersOf([
      [100, 103],
      [100, 96],
      [100, 101],
    ]),
    [0, 0, 0, 0],
  );
});

test('scrapes at different instants even out, and a missing page of the client is waited for', (t) => {
  t.deepEqual(
    strangersOf([
      [100, 150],
      [120, 110],
      [80, 190],
      [100, 150],
    ]),
    [50, 0, 100, 50, 0],
  );
  t.deepEqual(
    strangersOf([
      [100, 150],
      [null, 150],
      [200, 150],
      [100, 150],
    ]),
    [50, 0, 100, 50, 0],
  );
});

test('connections of callers that a server cannot name are streamed with their calls alone', (t) => {
  const sides = new SideMemory();
  const tcpOf = (client: number | null, server: number, i: number) => {
    sides.beginWindow();
    const sum = strangerWindow(i, client, server);
    const nameless: TrafficKey = { ...key('server'), mesh: 'other', id: 'tcp', peer: peer(null), protocol: 'tcp' };
    const tcp = { opened: 30, closed: 30, readBytes: 300, writtenBytes: 600 };
    const quiet = { key: nameless, successes: 0, failures: 0, unreached: 0, latency: null, tcp };
    const window = { ...sum, records: [...sum.records, quiet] };
    const { edges } = readTraffic(window, { defaultKind: 'Deployment', windowMs: 10_000, sides });
    return edges.find(({ source }) => source === null)?.figures.tcp?.opened ?? null;
  };
  const windows: [client: number | null, server: number, opened: number | null][] = [
    [100, 101, null],
    [null, 100, null],
    [200, 100, null],
    [100, 450, 23],
    [0, 0, null],
  ];
  for (const [i, [client, server, opened]] of windows.entries()) t.is(tcpOf(client, server, i), opened, `${i}`);
});

test('an edge to a service keeps its end while all that is behind it are down', (t) => {
  const sides = new SideMemory();
  const known = { ...key('client'), id: 'known', peer: peer(to.workload, { service: 'svc' }) };
  const lost = {
    ...key('client'),
    id: 'lost',
    peer: peer({ ...workload('svc'), kind: 'Service' }, { service: 'svc' }),
  };
  const destinations = [known, lost, lost].map((each, i) => {
    sides.beginWindow();
    const sum = windowOf(i, [{ ...recordOf('client', 5), key: each }], [coverage('client', false)]);
    return readTraffic(sum, { defaultKind: 'Deployment', windowMs: 10_000, sides }).edges[0]!.destination?.name;
  });
  t.deepEqual(destinations, ['api', 'api', 'api']);
});

test('what is remembered of services is bounded by their names, and forgotten in time', (t) => {
  const services = new ServiceMemory();
  for (let i = 0; i < 100; i++) {
    services.beginWindow();
    services.learn(peer(to.workload, { service: 'svc' }));
    services.learn(peer(to.workload));
  }
  t.is(services.size, 1);
  t.deepEqual([...services.known()], []);
  services.beginWindow();
  t.deepEqual(
    [...services.known()].map(({ service, workload: { name } }) => [service, name]),
    [['svc', 'api']],
  );
  services.beginWindow();
  services.prune(1);
  t.is(services.size, 0);
});
