/** @module The wall clock steps under the running process: labels gap or run on, and no count is lost or doubled. */
import { createServer } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { assertBalanced } from '../kit/driven/balanced.ts';
import { DrivenWeir } from '../kit/driven/driven-weir.ts';

const START_MS = 1_800_000_000_000;
const SLOT_MS = 10_000;
const PODS = 3;
/** `DrivenWeir.stop` moves the clock on by a little until the process has drained. */
const DRAIN_MS = 1000;
/** Requests a proxy answers between two scrapes, whatever any clock says. */
const REQUESTS = 7;

interface Stage {
  readonly weir: DrivenWeir;
  /** Good scrapes of each pod. */
  readonly served: number[];
}

/** The process scraping a few proxies whose counters grow by `REQUESTS` from page to page. */
async function start(t: ExecutionContext): Promise<Stage> {
  const served: number[] = [];
  const addresses: string[] = [];
  for (let pod = 0; pod < PODS; pod++) {
    served.push(0);
    const server = createServer((_request, response) => {
      served[pod]! += 1;
      response.writeHead(200, { 'content-type': 'text/plain' }).end(page(served[pod]! * REQUESTS));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    addresses.push(`127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`);
  }
  const weir = await DrivenWeir.start({ startWallMs: START_MS, config: configText(addresses) });
  t.teardown(() => weir.kill());
  return { weir, served };
}

function page(requests: number): string {
  const labels = 'direction="inbound",target_addr="10.0.0.1:8080",target_port="8080",tls="true"';
  return (
    'process_start_time_seconds 1700000000\n' +
    `response_total{${labels},status_code="200",classification="success"} ${requests}\n`
  );
}

function configText(addresses: readonly string[]): string {
  const targets = addresses.map(
    (address, i) => `{ targets: ["${address}"], labels: { namespace: n, deployment: web, pod: web-${i} } }`,
  );
  return `
receivers: { linkerd: { scrape_interval: 10s, scrape_timeout: 5s, static_configs: [${targets.join(', ')}] } }
processors: { smi: }
exporters: { capture: }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { metrics: { receivers: [linkerd], processors: [smi], exporters: [capture] } }
`;
}

/** Every scrape but the first, which was a baseline, brought its requests into exactly one slot. */
function checkCounts(t: ExecutionContext, { weir, served }: Stage): void {
  const counted = new Map<string, number>();
  for (const { key, successes } of weir.sums.flatMap(({ records }) => records)) {
    counted.set(key.own.pod, (counted.get(key.own.pod) ?? 0) + successes);
  }
  for (let pod = 0; pod < PODS; pod++) t.is(counted.get(`web-${pod}`), (served[pod]! - 1) * REQUESTS, `web-${pod}`);
}

/** Labels rise, never overlap, and lie on the grid but for the cut end of the last one. Returns the gaps' lengths, ms. */
function gapsOf(t: ExecutionContext, sums: readonly TrafficSum[]): number[] {
  const gaps: number[] = [];
  for (const [i, { interval }] of sums.entries()) {
    t.is(interval.startMs % SLOT_MS, 0);
    t.is(interval.endMs, i === sums.length - 1 ? interval.endMs : interval.startMs + SLOT_MS);
    const before = sums[i - 1]?.interval.endMs ?? interval.startMs;
    t.true(interval.startMs >= before, `${interval.startMs} after ${before}`);
    if (interval.startMs > before) gaps.push(interval.startMs - before);
  }
  return gaps;
}

/** The last slot is cut where the process ended. */
function checkEnd(t: ExecutionContext, { sums }: DrivenWeir, endMs: number): void {
  const { interval, partial } = sums.at(-1)!;
  t.true(interval.endMs >= endMs && interval.endMs <= endMs + DRAIN_MS, `${interval.endMs}`);
  t.true(partial);
}

const scrapesIn = ({ records }: TrafficSum) => records.reduce((sum, record) => sum + record.successes, 0) / REQUESTS;

test('a forward step of 65 s leaves a gap of labels and loses no count', async (t) => {
  t.timeout(60_000);
  const stage = await start(t);
  const { weir } = stage;
  await weir.advance(63_000);
  await weir.setWall(weir.wallMs + 65_000);
  const steppedMs = weir.wallMs;
  await weir.advance(100_000);
  const books = await weir.stop();
  checkEnd(t, weir, START_MS + 63_000 + 65_000 + 100_000);
  checkCounts(t, stage);
  const gaps = gapsOf(t, weir.sums);
  // The slot under way and the one that the clock came to are there; whether the one before that is, the offsets decide.
  t.is(gaps.length, 1, `${gaps}`);
  t.true(gaps[0]! >= 40_000 && gaps[0]! <= 60_000, `${gaps}`);
  // From the second whole slot after the step on every slot holds one scrape of each pod again.
  const later = weir.sums.filter(({ interval }) => interval.startMs > steppedMs + SLOT_MS).slice(0, -1);
  t.true(later.length >= 7);
  for (const sum of later) t.is(scrapesIn(sum), PODS, new Date(sum.interval.startMs).toISOString());
  t.true(weir.sums.every(({ clockAhead }) => !clockAhead));
  assertBalanced(t, books);
});

test('after a backward step of an hour labels run on, flagged, and no count is lost or doubled', async (t) => {
  t.timeout(60_000);
  const stage = await start(t);
  const { weir } = stage;
  await weir.advance(63_000);
  await weir.setWall(weir.wallMs - 3_600_000);
  await weir.advance(100_000);
  const books = await weir.stop();
  checkCounts(t, stage);
  t.deepEqual(gapsOf(t, weir.sums), []);
  t.is(weir.sums[0]!.interval.startMs, START_MS);
  checkEnd(t, weir, START_MS + 163_000);
  for (const { interval, clockAhead } of weir.sums) {
    t.is(clockAhead, interval.endMs > START_MS + 63_000, new Date(interval.startMs).toISOString());
  }
  for (const sum of weir.sums.slice(1, -1)) t.is(scrapesIn(sum), PODS);
  assertBalanced(t, books);
});

test('once the wall clock has passed the labels, the flag goes and nothing else changes', async (t) => {
  t.timeout(60_000);
  const stage = await start(t);
  const { weir } = stage;
  await weir.advance(33_000);
  await weir.setWall(weir.wallMs - 20_000);
  await weir.advance(40_000);
  // Set right again: labels were ahead by as much, so that nothing is skipped.
  await weir.setWall(weir.wallMs + 20_000);
  await weir.advance(60_000);
  const books = await weir.stop();
  checkCounts(t, stage);
  t.deepEqual(gapsOf(t, weir.sums), []);
  const flagged = weir.sums.filter(({ clockAhead }) => clockAhead);
  t.is(flagged[0]!.interval.startMs, START_MS + 30_000);
  t.true(flagged.length >= 4 && flagged.length <= 6, `${flagged.length}`);
  t.false(weir.sums.at(-1)!.clockAhead);
  for (const sum of weir.sums.slice(1, -1)) t.is(scrapesIn(sum), PODS);
  assertBalanced(t, books);
});
