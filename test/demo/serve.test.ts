/** @module The demo's proxies over HTTP: pages as real ones send them, faults, and the record of every scrape. */

import { get, type IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { type ScrapeRecord, serveWorld } from '../../demo/proxies/serve.ts';
import { observable } from '../../demo/world/truth.ts';
import { createWorld, type ScrapeFault } from '../../demo/world/world.ts';
import { readPage, total } from './tiny-reader.ts';

const START_MS = 1_700_000_000_000;

async function start(t: ExecutionContext) {
  const world = createWorld({ seed: 5, startMs: START_MS, graceMs: 2000 });
  const records: ScrapeRecord[] = [];
  const time = { nowMs: START_MS + 4000 };
  const served = await serveWorld(world, { now: () => time.nowMs, onScrape: (record) => records.push(record) });
  t.teardown(() => served.close());
  return { world, records, time, served };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** False when the connection broke before the end. */
  readonly whole: boolean;
}

/** Fetches without decoding; rejects when no answer comes at all. */
function fetchRaw(address: string, path = '/metrics', headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get(`http://${address}${path}`, { headers, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      const done = (whole: boolean) => () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces), whole });
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', done(true));
      response.on('error', done(false));
    });
    request.on('error', reject);
  });
}

test('a page comes as plain text, gzip when asked, and other admin paths answer', async (t) => {
  const { served, world } = await start(t);
  const address = served.addressOf(world.podOf('shop/web'));
  const plain = await fetchRaw(address);
  t.is(plain.headers['content-type'], 'text/plain');
  t.is(plain.headers['content-encoding'], undefined);
  const zipped = await fetchRaw(address, '/metrics', { 'accept-encoding': 'gzip, deflate' });
  t.is(zipped.headers['content-encoding'], 'gzip');
  t.true(gunzipSync(zipped.body).toString().endsWith('# EOF\n'));
  t.is((await fetchRaw(address, '/ready')).body.toString(), 'ready\n');
  t.is((await fetchRaw(address, '/live')).status, 200);
  t.is((await fetchRaw(address, '/shutdown')).status, 404);
});

test('targets carry who each proxy belongs to, unmeshed pods are none', async (t) => {
  const { served } = await start(t);
  const targets = served.targets();
  t.is(targets.length, 13);
  const ledger = targets.find(({ labels }) => labels.statefulset === 'ledger');
  t.like(ledger?.labels, { namespace: 'payments', pod: 'ledger-0', service_account: 'ledger' });
  t.false(targets.some(({ labels }) => labels.deployment === 'ingress' || labels.deployment === 'fx-feed'));
  t.is(new Set(targets.flatMap(({ targets: addresses }) => addresses)).size, 13);
});

test('the record of a scrape is the truth of exactly that page', async (t) => {
  const { served, world, records, time } = await start(t);
  const pod = world.podOf('payments/checkout');
  for (const stepMs of [0, 1700, 2300]) {
    time.nowMs += stepMs;
    const samples = readPage((await fetchRaw(served.addressOf(pod))).body.toString());
    const record = records.at(-1);
    if (record === undefined) return t.fail('no record');
    t.is(record.atMs, time.nowMs);
    t.is(record.outcome, 'good');
    const failures = observable(null, record.snapshot).reduce(
      (sum, delta) => sum + (delta.side === 'client' ? delta.failures : 0),
      0,
    );
    t.is(total(samples, 'response_total', { direction: 'outbound', classification: 'failure' }), failures);
    t.true(failures > 0);
  }
});

test('each fault spoils one scrape in its own way, and the next one is whole', async (t) => {
  const { served, world, records } = await start(t);
  const pod = world.podOf('shop/cart');
  const address = served.addressOf(pod);
  const spoil = (fault: ScrapeFault) => {
    world.failScrapes(pod, fault);
    return fetchRaw(address);
  };
  await t.throwsAsync(spoil({ kind: 'refused' }));
  t.is((await spoil({ kind: 'unavailable' })).status, 503);
  const clean = await spoil({ kind: 'cut', clean: true });
  t.true(clean.whole);
  t.false(clean.body.toString().endsWith('\n'));
  t.false((await spoil({ kind: 'cut', clean: false })).whole);
  const partial = await spoil({ kind: 'partial', without: ['process_start_time_seconds', 'response_latency_ms'] });
  t.is(partial.status, 200);
  t.notRegex(partial.body.toString(), /process_start_time_seconds|^(# \w+ )?response_latency_ms/m);
  t.regex(partial.body.toString(), /^control_response_latency_ms_bucket/m);
  t.regex(partial.body.toString(), /# EOF\n$/);
  t.regex((await fetchRaw(address)).body.toString(), /# EOF\n$/);
  t.deepEqual(
    records.map(({ outcome }) => outcome),
    ['refused', 'unavailable', 'cut', 'cut', 'partial', 'good'],
  );
});

test('a hanging proxy sends headers and nothing more until it is released', async (t) => {
  const { served, world } = await start(t);
  const pod = world.podOf('shop/cart');
  world.failScrapes(pod, { kind: 'hang' });
  const answer = await new Promise<Answer>((resolve, reject) => {
    get(`http://${served.addressOf(pod)}/metrics`, { agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', () =>
        resolve({ status: response.statusCode ?? 0, headers: {}, body: Buffer.concat(pieces), whole: false }),
      );
      served.release();
    }).on('error', reject);
  });
  t.like(answer, { status: 200, whole: false });
  t.is(answer.body.length, 0);
});

test('a pod that leaves is no target at once, answers for its grace time, and is then refused', async (t) => {
  const { served, world, time } = await start(t);
  const pod = world.podOf('shop/search');
  const address = served.addressOf(pod);
  await fetchRaw(address);
  world.stopPod(pod);
  await served.refresh();
  t.false(served.targets().some(({ labels }) => labels.pod === pod));
  t.is((await fetchRaw(address)).status, 200);
  time.nowMs += 3000;
  await t.throwsAsync(fetchRaw(address));
  await served.refresh();
  t.throws(() => served.addressOf(pod), { message: /not served/ });
});

test('a new pod is a target after a refresh', async (t) => {
  const { served, world } = await start(t);
  const pod = world.startPod('payments/report', { forMs: 60_000 });
  await served.refresh();
  t.is(served.targets().at(-1)?.labels.job, 'report');
  t.is((await fetchRaw(served.addressOf(pod))).status, 200);
});
