/** @module What stands for dropped data in the journal, for each body. */
import test from 'ava';
import { sampleOf, sampleOfSpans, sampleOfTraffic } from '../../../pipeline/telemetry/drop-sample.ts';
import { readSpans } from '../../../pipeline/wire/otlp-spans.ts';
import { TRACE_REQUEST_TYPE } from '../../kit/otlp-schema.ts';
import { spansBatch } from '../../kit/sent-spans.ts';
import { emptySpans } from '../../kit/spans.ts';
import { covered, own, peer, record, sumOf } from '../../kit/traffic.ts';

test('spans are told by the ids, name and service of one of them', (t) => {
  const span = (n: number) => ({ traceId: Buffer.alloc(16, n), spanId: Buffer.alloc(8, n), name: `call ${n}` });
  const resourceSpans = ['web', 'api'].map((service, i) => ({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
    scopeSpans: [{ spans: [span(2 * i + 1), span(2 * i + 2)] }],
  }));
  const bytes = TRACE_REQUEST_TYPE.encode(TRACE_REQUEST_TYPE.fromObject({ resourceSpans })).finish();
  const spans = readSpans(bytes, { maxItems: 10, maxDepth: 32 });
  const told = (n: number, service: string) => ({
    ...{ traceId: `0${n}`.repeat(16), spanId: `0${n}`.repeat(8), span: `call ${n}`, service },
  });
  t.deepEqual(sampleOfSpans(spans), told(1, 'web'));
  t.deepEqual(sampleOfSpans(spans, 3), told(4, 'api'));
  t.deepEqual(sampleOfSpans(spans, 4), {});
  t.deepEqual(sampleOfSpans(emptySpans(1)), { traceId: '', spanId: '', span: '', service: '' });
  t.like(sampleOf(spansBatch([7], 'GET /')), { traceId: '7'.padStart(32, '0'), span: 'GET /' });
});

const SLOT = { startMs: 1_700_000_010_000, endMs: 1_700_000_040_000 };

test('traffic is told by its interval and who called whom, whichever side counted', (t) => {
  const edge = { ...SLOT, from: 'shop/web', to: 'pay/api', mesh: 'linkerd' };
  t.deepEqual(sampleOfTraffic(sumOf([record('client', own('shop/web'), peer('pay/api'), 1)], [])), edge);
  t.deepEqual(sampleOfTraffic(sumOf([record('server', own('pay/api'), peer('shop/web'), 1)], [])), edge);
  const unknown = record('client', own('shop/web'), peer(null, { service: 'ads', serviceNamespace: 'ext' }), 1);
  t.like(sampleOfTraffic(sumOf([unknown], [])), { from: 'shop/web', to: 'ext/ads' });
  const coverage = covered(own('shop/web'));
  t.deepEqual(sampleOfTraffic(sumOf([], [coverage])), { ...SLOT, target: coverage.target, mesh: 'linkerd' });
  t.deepEqual(sampleOfTraffic(sumOf([], [])), SLOT);
});
