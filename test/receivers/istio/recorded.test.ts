/** @module Recorded pages of Istio's proxies through scanner and table: the rows written beside them, counted by other means. */
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { createIstioRules } from '../../../receivers/istio/rules.ts';
import { OPTIONS, readPage, targetOf } from './rows.ts';

const FOLDER = new URL('../../data/istio/', import.meta.url);
const TARGETS = new Map([
  ['sidecar-1.11.4-merged-excerpt', targetOf('reviews-v1')],
  ['sidecar-1.5-ungrouped-passthrough-excerpt', targetOf('mongodb-v1')],
  ['ztunnel-1.24-bookinfo', targetOf('ztunnel', 'istio-system', 'DaemonSet')],
]);
const rules = createIstioRules(OPTIONS);

for (const [name, target] of TARGETS) {
  test(`${name} gives the rows written beside it, in pieces of any size`, (t) => {
    const page = readFileSync(new URL(`${name}.txt`, FOLDER));
    const expected = JSON.parse(readFileSync(new URL(`${name}.expected.json`, FOLDER), 'utf8'));
    for (const pieceBytes of [page.length, 4096, 61]) t.deepEqual(readPage(page, pieceBytes, rules, target), expected);
  });
}

test('all recorded pages are here', (t) => {
  const pages = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
  t.deepEqual(pages.sort(), [...TARGETS.keys()].map((name) => `${name}.txt`).sort());
});

test('a page without labels on its target is told by its own series', (t) => {
  const page = readFileSync(new URL('sidecar-1.11.4-merged-excerpt.txt', FOLDER));
  const { rows } = readPage(page, page.length, rules, targetOf(''));
  t.deepEqual(
    rows.map(({ own, side, peer }) => [own, side, peer.name]),
    [['default/reviews-v1', 'server', 'productpage-v1']],
  );
});

test('an old page with interleaved families and no cluster labels: traffic to the outside goes by the catch-all', (t) => {
  const text = readFileSync(new URL('sidecar-1.5-ungrouped-passthrough-excerpt.txt', FOLDER), 'latin1');
  const page = Buffer.from(text.replaceAll('istio_request_bytes', 'istio_request_duration_milliseconds'), 'latin1');
  const { rows, samples } = readPage(page, 61, rules, targetOf('mongodb-v1'));
  t.is(samples, 20);
  t.is(rows.length, 1);
  t.like(rows[0], {
    own: '',
    side: 'client',
    protocol: 'http',
    peer: {
      kind: 'Service',
      namespace: '',
      name: 'PassthroughCluster',
      service: 'PassthroughCluster',
      serviceAccount: '',
    },
  });
  t.like(rows[0]?.buckets, { 1000: 0, 2500: 1, '+Inf': 1 });
});
