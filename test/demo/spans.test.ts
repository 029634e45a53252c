/** @module Spans of the demo world: the world's own calls, nested, bounded, repeatable, in the words of each mesh. */
import test from 'ava';
import { serviceNameOf, tellSpan } from '../../demo/world/meshes.ts';
import type { WorldSpan } from '../../demo/world/span.ts';
import { THREE_MESHES } from '../../demo/world/three-meshes.ts';
import { edgeId, type MeshName } from '../../demo/world/topology.ts';
import { createWorld, type World, type WorldOptions } from '../../demo/world/world.ts';

const START_MS = 1_700_000_000_000;
const PER_SECOND = 20;

function tracedWorld(more: Partial<WorldOptions> = {}): World {
  const options = { seed: 1, startMs: START_MS, topology: THREE_MESHES, keepSamples: false, flushMs: 1000 };
  return createWorld({ ...options, spansPerSecond: PER_SECOND, ...more });
}

function spansOf(world: World, ms: number): WorldSpan[] {
  world.advance(world.nowMs + ms);
  return world.takeSpans();
}

const MINUTE = spansOf(tracedWorld(), 60_000);

const attributesOf = (span: WorldSpan) => new Map(tellSpan(span).attributes);
const ofMesh = (mesh: MeshName) => MINUTE.filter(({ place }) => place.workload.mesh === mesh);

test('the same seed tells the same spans, whatever the steps; another seed others', (t) => {
  const small = tracedWorld();
  const pieces = Array.from({ length: 60 }, () => spansOf(small, 1000)).flat();
  const shapes = (spans: readonly WorldSpan[]) =>
    spans.map(({ edge, place, peer, ...rest }) => ({ ...rest, pod: place.pod }));
  t.deepEqual(shapes(pieces), shapes(MINUTE));
  t.notDeepEqual(shapes(spansOf(tracedWorld({ seed: 2 }), 60_000)), shapes(MINUTE));
});

test('a world that is traced shows the same pages as one that is not', (t) => {
  const pages = (spansPerSecond: number) => {
    const world = tracedWorld({ spansPerSecond });
    world.advance(START_MS + 20_000);
    const meshed = world.pods().filter((pod) => pod.meshed);
    return meshed.map((pod) => world.scrape(pod.name));
  };
  t.deepEqual(pages(PER_SECOND), pages(0));
});

test('without a rate nothing is traced', (t) => {
  const world = tracedWorld({ spansPerSecond: 0 });
  t.deepEqual(spansOf(world, 5000), []);
  t.is(world.spansTold().size, 0);
});

test('spans come steadily and never above the rate but for a burst', (t) => {
  t.true(MINUTE.length > 60 * 5, `${MINUTE.length}`);
  for (const rate of [3, PER_SECOND]) {
    const world = tracedWorld({ spansPerSecond: rate });
    let all = 0;
    for (let second = 1; second <= 30; second++) {
      all += spansOf(world, 1000).length;
      t.true(all <= rate * second + 12, `${all} in ${second} s at ${rate}`);
    }
  }
});

test('ids are unique, well formed, and never zero', (t) => {
  t.is(new Set(MINUTE.map(({ spanId }) => spanId)).size, MINUTE.length);
  for (const { traceId, spanId, parentSpanId } of MINUTE) {
    t.regex(traceId, /^(?!0+$)[0-9a-f]{32}$/);
    t.regex(spanId, /^(?!0+$)[0-9a-f]{16}$/);
    t.regex(parentSpanId, /^([0-9a-f]{16})?$/);
  }
});

test('a child is a call of its parent pod, within its time, and a trace has one first span', (t) => {
  // A span whose parent had not ended when the minute was over has none here.
  const traces = Map.groupBy(MINUTE, ({ traceId }) => traceId);
  const byId = new Map(MINUTE.map((span) => [span.spanId, span]));
  let children = 0;
  for (const span of MINUTE) {
    const parent = byId.get(span.parentSpanId);
    if (parent === undefined) continue;
    children += 1;
    t.is(parent.traceId, span.traceId);
    t.true(parent.startMs <= span.startMs && span.endMs <= parent.endMs, `${span.spanId} in ${parent.spanId}`);
    t.not(parent.side, span.side);
    if (span.side === 'client') t.is(parent.place.pod, span.place.pod);
    else t.is(edgeId(parent.edge), edgeId(span.edge));
  }
  t.true(children > MINUTE.length / 2);
  for (const spans of traces.values()) t.true(spans.filter(({ parentSpanId }) => parentSpanId === '').length <= 1);
  t.true([...traces.values()].some((spans) => new Set(spans.map(({ place }) => place.workload)).size >= 4));
  t.true([...traces.values()].some((spans) => new Set(spans.map(({ place }) => place.workload.mesh)).size >= 2));
});

test('the truth counts every span that was told, by the service it names', (t) => {
  const world = tracedWorld();
  const spans = spansOf(world, 30_000);
  const counted = new Map<string, number>();
  for (const span of spans) {
    const service = new Map(tellSpan(span).resource).get('service.name') ?? '';
    t.is(service, serviceNameOf(span.place.workload));
    counted.set(service, (counted.get(service) ?? 0) + 1);
  }
  t.deepEqual(new Map([...counted].sort()), new Map([...world.spansTold()].sort()));
  t.true(counted.size >= 15);
});

test("Linkerd's spans have its attributes, all text, and no status, failed or not", (t) => {
  const spans = ofMesh('linkerd');
  const failed = spans.filter((span) => span.ending?.failed === true);
  t.true(failed.length > 0);
  for (const span of spans) {
    const { name, resource, isError } = tellSpan(span);
    const attributes = attributesOf(span);
    t.is(attributes.get('direction'), span.side === 'client' ? 'outbound' : 'inbound');
    t.is(attributes.get('http.response.status_code'), span.ending?.status);
    t.is(attributes.get('url.path'), name);
    t.is(new Map(resource).get('host.name'), span.place.pod);
    t.is(new Map(resource).get('linkerd.io/workload-ns'), span.place.workload.namespace);
    t.false(isError);
  }
});

test("Istio's spans name the same hop at both sides, the owner, and what was called", (t) => {
  for (const span of ofMesh('istio')) {
    const attributes = attributesOf(span);
    const { service, namespace, port } = span.called;
    const cluster =
      span.side === 'client' ? `outbound|${port}||${service}.${namespace}.svc.cluster.local` : `inbound|${port}||`;
    t.is(attributes.get('upstream_cluster'), cluster);
    t.is(tellSpan(span).name, `${service}.${namespace}.svc.cluster.local:${port}/*`);
    t.is(attributes.get('istio.canonical_service'), span.place.workload.name);
    t.regex(attributes.get('node_id') ?? '', new RegExp(`^sidecar~${span.place.ip}~${span.place.pod}\\.delivery~`));
    t.regex(
      attributes.get('guid:x-request-id') ?? '',
      /^[0-9a-f]{8}-[0-9a-f]{4}-9[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/,
    );
  }
  t.true(ofMesh('istio').length > 20);
});

test('a failure is an error of Envoy and Istio at both sides, and only that is', (t) => {
  const spans = [...ofMesh('istio'), ...ofMesh('envoy')];
  for (const span of spans) {
    const isFailure = span.ending === null || span.ending.failed;
    t.is(tellSpan(span).isError, isFailure, span.spanId);
    t.is(attributesOf(span).get('error'), isFailure ? 'true' : undefined);
  }
  t.true(spans.some((span) => span.ending?.failed === true));
});

test('a retried call is one span of its client and one of each server that was tried', (t) => {
  const spans = spansOf(tracedWorld(), 300_000);
  const retried = spans.filter(({ side, retries }) => side === 'client' && retries > 0);
  t.true(retried.length > 0);
  for (const call of retried) {
    const servers = spans.filter(({ parentSpanId }) => parentSpanId === call.spanId);
    t.is(servers.length, call.retries + 1);
    t.is(attributesOf(call).get('retry.count'), String(call.retries));
  }
});

test('a call without an endpoint is a span of its client alone, with the flag that says so', (t) => {
  const world = tracedWorld();
  world.starve('media/images -> media/store');
  const lost = spansOf(world, 60_000).filter(({ peer }) => peer === null);
  t.true(lost.length > 0);
  for (const span of lost.filter(({ called }) => called.name === 'store')) {
    const attributes = attributesOf(span);
    t.is(attributes.get('response_flags'), 'UH');
    t.is(attributes.get('http.status_code'), '503');
    t.is(attributes.get('upstream_address'), undefined);
    t.is(span.side, 'client');
  }
});

test('a proxy that restarts tells no span of what it was answering; an Istio or Envoy client tells the failure', (t) => {
  const world = tracedWorld();
  const broken: WorldSpan[] = [];
  for (let i = 0; i < 400; i++) {
    world.restart(world.podOf(i % 2 === 0 ? 'media/thumbs' : 'shop/recommend'));
    broken.push(...spansOf(world, 500).filter(({ ending }) => ending?.fate === 'broken'));
  }
  t.true(broken.length > 0);
  for (const span of broken) {
    t.is(span.side, 'client');
    t.not(span.place.workload.mesh, 'linkerd');
    t.is(attributesOf(span).get('response_flags'), 'UC');
  }
});

test('nobody who takes spans costs no memory without end', (t) => {
  const world = tracedWorld({ spansPerSecond: 200 });
  world.advance(START_MS + 300_000);
  const told = [...world.spansTold().values()].reduce((sum, count) => sum + count, 0);
  const kept = world.takeSpans().length;
  t.true(told > 2000, `${told}`);
  t.is(kept, 2000);
  t.is(world.spansLost(), told - kept);
});
