/** @module Pages of the demo against pages of real proxies: the same families, types, label orders and line forms. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { createWorld } from '../../demo/world/world.ts';
import { lineForms, readPage } from './tiny-reader.ts';

const DATA = new URL('../data/linkerd/', import.meta.url);
const REAL = ['web-8', 'api-9', 'api-8'].map((name) =>
  readFileSync(new URL(`real-29637b64f-${name}.prom`, DATA), 'utf8'),
);

const world = createWorld({ seed: 3, startMs: 1_700_000_000_000 });
world.advance(world.nowMs + 120_000);
const PAGES = world
  .pods()
  .filter((pod) => pod.meshed)
  .map((pod) => {
    world.scrape(pod.name);
    return world.scrape(pod.name);
  });

function comments(pages: readonly string[]): Map<string, string> {
  const lines = new Map<string, string>();
  for (const line of pages.flatMap((page) => page.split('\n'))) {
    const match = /^# (\w+) (\S+) ?(.*)$/.exec(line);
    if (match !== null) lines.set(`${match[1]} ${match[2]}`, match[3] ?? '');
  }
  return lines;
}

test('every comment line is one that a real page has, word for word', (t) => {
  const real = comments(REAL);
  const own = comments(PAGES);
  t.true(own.size > 120);
  for (const [head, text] of own) t.is(text, real.get(head) ?? 'not on a real page', head);
});

test('families stand in the order of a real page', (t) => {
  const order = (page: string) => [...page.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] ?? '');
  const real = order(REAL[0] ?? '');
  for (const page of PAGES) {
    const shared = order(page).filter((family) => real.includes(family));
    t.deepEqual(
      shared,
      real.filter((family) => shared.includes(family)),
    );
  }
});

test('labels stand in the order of a real page', (t) => {
  // The recorded proxies ran beside a stand-in control plane: it sent no locality, spoke without TLS, gave one owner kind.
  const stripped = (form: string) =>
    form
      .replace(',dst_zone_locality', '')
      .replace('dst_statefulset,', '')
      .replace('dst_deployment,', '')
      .replace(',dst_pod_template_hash', '');
  const real = new Map<string, Set<string>>();
  for (const page of REAL) {
    for (const [name, forms] of lineForms(page)) {
      real.set(name, new Set([...(real.get(name) ?? []), ...[...forms].map(stripped)]));
    }
  }
  let compared = 0;
  for (const page of PAGES) {
    for (const [name, forms] of lineForms(page)) {
      if (name.startsWith('control_') || name === 'rustls_info') continue;
      for (const form of forms) {
        const known = real.get(name)?.has(stripped(form)) ?? false;
        t.true(known || isOwn(form), `${name}{${form}}`);
        compared += 1;
      }
    }
  }
  t.true(compared > 500);
});

/** Unmeshed callers of the application are not on the recorded pages, but scrapes, which look the same, are. */
function isOwn(form: string): boolean {
  return form.includes('no_tls_reason,srv_group');
}

test('the families of the worked example are all there', (t) => {
  const names = new Set(PAGES.flatMap((page) => readPage(page).map((sample) => sample.name)));
  const expected = [
    'request_total',
    'response_total',
    'response_latency_ms_bucket',
    'tcp_open_total',
    'tcp_open_connections',
    'tcp_read_bytes_total',
    'tcp_write_bytes_total',
    'tcp_close_total',
    'inbound_http_authz_allow_total',
    'control_request_total',
    'control_response_total',
    'control_response_latency_ms_bucket',
    'outbound_http_route_request_statuses_total',
    'outbound_http_route_request_duration_seconds_bucket',
    'outbound_http_route_backend_requests_total',
    'outbound_http_route_backend_response_statuses_total',
    'outbound_http_route_backend_response_duration_seconds_bucket',
    'outbound_http_balancer_endpoints',
    'inbound_http_requests_total',
    'inbound_http_statuses_total',
    'inbound_http_request_duration_seconds_bucket',
    'inbound_http_response_duration_seconds_bucket',
    'process_start_time_seconds',
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'proxy_build_info',
    'stack_poll_total_ms',
  ];
  for (const name of expected) t.true(names.has(name), name);
});

test('buckets are cumulative and end in the count; the page ends in # EOF', (t) => {
  for (const page of PAGES) {
    t.true(page.endsWith('\n# EOF\n'));
    let last = 0;
    for (const sample of readPage(page)) {
      if (sample.name !== 'response_latency_ms_bucket') continue;
      const bound = sample.labels.get('le');
      if (bound === '1') last = 0;
      t.true(sample.value >= last);
      last = sample.value;
    }
    const lines = readPage(page);
    const open = lines.filter((s) => s.name === 'response_latency_ms_bucket' && s.labels.get('le') === '+Inf');
    const counts = lines.filter((s) => s.name === 'response_latency_ms_count');
    t.deepEqual(
      open.map((s) => s.value),
      counts.map((s) => s.value),
    );
  }
});

test('no series stands on a page twice', (t) => {
  for (const page of PAGES) {
    const heads = page
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.slice(0, line.lastIndexOf(' ')));
    t.is(new Set(heads).size, heads.length);
  }
});
