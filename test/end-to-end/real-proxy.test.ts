/**
 * @module Fourteen pages each of two real Linkerd proxies, served as scrapes of two targets to the real process, against
 * the record of every request that was made (test/data/linkerd/real-29637b64f-truth.json).
 *
 * What no series carries is not guessed: the five requests of the unmeshed pod that policy refused are in no record, and
 * the three requests that timed out at the client are on the client's side only.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import type { TrafficRecord, TrafficSum } from '../../pipeline/model/traffic.ts';
import { assertBalanced } from '../kit/driven/balanced.ts';
import { DrivenWeir } from '../kit/driven/driven-weir.ts';

const FOLDER = new URL('../data/linkerd/', import.meta.url);
const PAGES = 14;
const SLOT_MS = 10_000;

interface ClientEntry {
  readonly class: string;
  readonly kind: 'http' | 'grpc';
  readonly service: string;
  readonly sent_by: string;
  readonly observed_status: string;
  readonly count: number;
  readonly attempts?: number;
  readonly route_timeout_ms?: number;
  readonly latency_ms: number;
  readonly client_latency_ms: { readonly max: number };
}
interface Truth {
  readonly moments: readonly {
    readonly n: number;
    readonly label: string;
    readonly client_so_far: readonly ClientEntry[];
  }[];
}

interface Counts {
  successes: number;
  failures: number;
}

const pageName = (pod: string, n: number) => `real-29637b64f-${pod}-${n}.prom`;

/** Serves the pages of a pod in their order; the last one again and again. Returns the server and how many were asked. */
async function servePages(pod: string): Promise<{ server: Server; port: number; served: () => number }> {
  const pages = await Promise.all(
    Array.from({ length: PAGES }, (_, i) => readFile(new URL(pageName(pod, i + 1), FOLDER))),
  );
  let served = 0;
  const server = createServer((_request, response) => {
    const page = pages[Math.min(served++, PAGES - 1)]!;
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': page.length }).end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0, served: () => served };
}

/** What the client's own record says happened up to a moment, per side and service, as Linkerd counts it. */
function expected(entries: readonly ClientEntry[]): Map<string, Counts> {
  const counts = new Map<string, Counts>();
  const add = (key: string, ok: boolean, n: number) => {
    const at = counts.get(key) ?? { successes: 0, failures: 0 };
    if (ok) at.successes += n;
    else at.failures += n;
    counts.set(key, at);
  };
  for (const entry of entries) {
    if (entry.sent_by !== 'web') continue; // refused by policy: in no classic family of any page
    const attempts = entry.count * (entry.attempts ?? 1);
    const timedOut = entry.route_timeout_ms !== undefined && entry.route_timeout_ms < entry.latency_ms;
    const ok = !timedOut && (entry.kind === 'grpc' ? ['0', '5'] : ['200', '404']).includes(entry.observed_status);
    add(`client web ${entry.service}`, ok, attempts);
    // A request whose client gave up has no response at the server; the legacy pod has no proxy.
    if (!timedOut && entry.service !== 'legacy') add('server api', ok, attempts);
  }
  return counts;
}

function difference(now: ReadonlyMap<string, Counts>, before: ReadonlyMap<string, Counts>): Map<string, Counts> {
  const step = new Map<string, Counts>();
  for (const [key, { successes, failures }] of now) {
    const was = before.get(key) ?? { successes: 0, failures: 0 };
    const delta = { successes: successes - was.successes, failures: failures - was.failures };
    if (delta.successes + delta.failures > 0) step.set(key, delta);
  }
  return step;
}

function keyOf({ key }: TrafficRecord): string {
  return key.side === 'client'
    ? `client ${key.own.workload.name} ${key.peer.service}`
    : `server ${key.own.workload.name}`;
}

function observed(sum: TrafficSum): Map<string, Counts> {
  const counts = new Map<string, Counts>();
  for (const record of sum.records) {
    if (record.successes + record.failures === 0) continue;
    const at = counts.get(keyOf(record)) ?? { successes: 0, failures: 0 };
    at.successes += record.successes;
    at.failures += record.failures;
    counts.set(keyOf(record), at);
  }
  return counts;
}

function plain(counts: ReadonlyMap<string, Counts>) {
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * Batch b1 alone lies between moments 1 and 2. A proxy saw each request for at least as long as the application slept
 * and at most as long as the client waited, which bounds how many lie at or below each bound of the histogram.
 */
function checkLatencies(t: ExecutionContext, sum: TrafficSum, entries: readonly ClientEntry[]): void {
  const requests = (wanted: (entry: ClientEntry) => boolean) =>
    entries.filter(wanted).reduce((total, { count }) => total + count, 0);
  const busy = sum.records.filter(({ successes, failures }) => successes + failures > 0);
  t.deepEqual(busy.map(keyOf).sort(), ['client web api', 'server api']);
  for (const record of busy) {
    t.is(record.latency?.length, 1);
    const { boundsMs, counts } = record.latency![0]!;
    t.is(boundsMs.length, 25);
    let below = 0;
    for (const [i, boundMs] of [...boundsMs, Infinity].entries()) {
      below += counts[i]!;
      const [least, most] = [
        requests((entry) => entry.client_latency_ms.max <= boundMs),
        requests((entry) => entry.latency_ms <= boundMs),
      ];
      const found = `${keyOf(record)}: ${below} up to ${boundMs} ms, expected ${least} to ${most}`;
      t.true(below >= least && below <= most, found);
    }
    const within = (fromMs: number, toMs: number) =>
      counts.reduce((total, count, i) => {
        const upperMs = boundsMs[i] ?? Infinity;
        return upperMs > fromMs && upperMs <= toMs ? total + count : total;
      }, 0);
    // 40 and 7 requests slept 3 ms, 5 and 4 slept 35 ms, none of those was waited for longer than 91 ms; 6 slept 250 ms.
    t.deepEqual([within(0, 2), within(2, 100), within(100, 200), within(200, 300)], [0, 56, 0, 6], keyOf(record));
    t.true(within(30, 100) >= 9, 'the nine that slept 35 ms');
  }
}

test('two real proxies: every step counts exactly the requests that were made', async (t) => {
  t.timeout(120_000);
  const truth: Truth = JSON.parse(await readFile(new URL('real-29637b64f-truth.json', FOLDER), 'utf8'));
  const web = await servePages('web');
  const api = await servePages('api');
  t.teardown(() => {
    for (const { server } of [web, api]) {
      server.closeAllConnections();
      server.close();
    }
  });
  // Just before a slot's end, so that the first, unscheduled scrape is alone in its slot; and before the proxies start.
  const startWallMs = Math.floor(Date.parse('2026-11-25T17:54:50Z') / SLOT_MS) * SLOT_MS - 100;
  const weir = await DrivenWeir.start({
    startWallMs,
    config: `
receivers:
  linkerd:
    scrape_interval: 10s
    static_configs:
      - targets: ["127.0.0.1:${web.port}"]
        labels: { namespace: shop, deployment: web, pod: web-5f6d7c8b9-abcde, service_account: web }
      - targets: ["127.0.0.1:${api.port}"]
        labels: { namespace: shop, deployment: api, pod: api-7d4b9c6f5-x2k8q, service_account: api }
processors:
  smi:
exporters:
  capture:
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    metrics: { receivers: [linkerd], processors: [smi], exporters: [capture] }
`,
  });
  t.teardown(() => weir.kill());
  await weir.advance(100 + (PAGES - 1) * SLOT_MS + 9_000);
  await weir.advance(SLOT_MS);
  t.true(web.served() >= PAGES && api.served() >= PAGES);

  const steps = weir.sums.slice(0, PAGES);
  t.is(steps.length, PAGES);
  let before = new Map<string, Counts>();
  for (const { n, label, client_so_far } of truth.moments) {
    const now = expected(client_so_far);
    const seen = observed(steps[n - 1]!);
    if (n === 6) {
      // Batch b3 was under way: the client's record lacks it, the page has some of its 24 successes.
      for (const [key, { successes, failures }] of seen) {
        t.true(['client web api', 'server api'].includes(key) && successes <= 24 && failures === 0, `${label}: ${key}`);
      }
    } else if (n === 7) {
      const both = new Map(observed(steps[5]!));
      for (const [key, counts] of seen) {
        const mid = both.get(key) ?? { successes: 0, failures: 0 };
        both.set(key, { successes: counts.successes + mid.successes, failures: counts.failures + mid.failures });
      }
      t.deepEqual(plain(both), plain(difference(now, before)), `moments 6 and 7: ${label}`);
    } else t.deepEqual(plain(seen), plain(difference(now, before)), `moment ${n}: ${label}`);
    if (n !== 6) before = now;
  }

  const all = new Map<string, Counts>();
  for (const step of steps) {
    for (const [key, counts] of observed(step)) {
      const at = all.get(key) ?? { successes: 0, failures: 0 };
      all.set(key, { successes: at.successes + counts.successes, failures: at.failures + counts.failures });
    }
  }
  t.deepEqual(plain(all), plain(expected(truth.moments.at(-1)!.client_so_far)), 'sums over the run');
  checkLatencies(t, steps[1]!, truth.moments[1]!.client_so_far);
  for (const record of steps.flatMap((step) => step.records)) {
    t.true(record.successes >= 0 && record.failures >= 0);
    for (const histogram of record.latency ?? []) t.true(histogram.counts.every((count) => count >= 0));
  }
  // Nothing after the run: the last pages come again unchanged.
  t.deepEqual(plain(observed(weir.sums[PAGES]!)), []);

  // Edges are named for the workload that answered, also where the Service has another name and where it has no proxy.
  const peers = new Set(
    steps.flatMap((s) =>
      s.records
        .filter((r) => r.key.side === 'client')
        .map((r) => `${r.key.peer.service} → ${r.key.peer.workload?.name}`),
    ),
  );
  t.deepEqual([...peers].sort(), ['api → api', 'ledger → api', 'legacy → legacy']);
  const coverage = steps[12]!.coverage.find((c) => c.own.workload.name === 'api')!;
  t.is(coverage.resets, 1, 'the restart of api is told');

  assertBalanced(t, await weir.stop());
});
