/** @module Slices of spans: everything is there, once, with what is told around it, unknown fields too. */
import test from 'ava';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import type { Spans } from '../../../pipeline/model/spans.ts';
import { readSpans, sliceSpans, spanAt } from '../../../pipeline/wire/otlp-spans.ts';
import { MessageBuilder } from '../../../pipeline/wire/protobuf/message-builder.ts';
import { spansRequest } from '../../bench/span-payload.ts';
import { TRACE_REQUEST_TYPE } from '../../kit/otlp-schema.ts';

const LIMITS = { maxItems: 1000, maxDepth: 32 };

/** Fields that no schema has, of every wire type. */
const anyUnknown = fc.constantFrom<(builder: MessageBuilder) => MessageBuilder>(
  (builder) => builder.text(900, 'newer'),
  (builder) => builder.varint(15_000, 7),
  (builder) => builder.message(77, Uint8Array.of(0xff, 0xfe)),
  (builder) => builder,
);

type Writer = (builder: MessageBuilder) => MessageBuilder;

/** A message of `inner` as field `field`, with unknown and other fields anywhere between. */
function anyAround(inner: fc.Arbitrary<Uint8Array>, field: number, others: Writer[]): fc.Arbitrary<Uint8Array> {
  const part = fc.oneof(
    {
      weight: 4,
      arbitrary: inner.map(
        (bytes): Writer =>
          (builder) =>
            builder.message(field, bytes),
      ),
    },
    { weight: 1, arbitrary: anyUnknown },
    ...others.map((writer) => ({ weight: 1, arbitrary: fc.constant(writer) })),
  );
  return fc.array(part, { maxLength: 6 }).map((parts) => {
    const builder = new MessageBuilder();
    for (const write of parts) write(builder);
    return builder.take();
  });
}

const anySpan = fc.tuple(fc.nat(999), anyUnknown).map(([id, unknown]) => {
  const builder = new MessageBuilder().text(5, `span-${id}`);
  return unknown(builder).take();
});
const schemaUrl: Writer = (builder) => builder.text(3, 'https://schema.example');
const named: Writer = (builder) => builder.message(1, new MessageBuilder().text(1, 'scope').take());
const attributed: Writer = (builder) =>
  builder.message(1, new MessageBuilder().message(1, new MessageBuilder().text(1, 'key').take()).take());
const anyScope = anyAround(anySpan, 2, [schemaUrl, named]);
const anyResource = anyAround(anyScope, 2, [schemaUrl, attributed]);
const anyRequest = anyAround(anyResource, 1, []);

interface Decoded {
  readonly $unknowns?: readonly Uint8Array[];
  readonly [field: string]: unknown;
}

/** A request as protobufjs reads it, unknown fields included. */
function decoded(bytes: Uint8Array): Decoded {
  const reader = protobuf.Reader.create(bytes);
  (reader as unknown as { discardUnknown: boolean }).discardUnknown = false;
  return TRACE_REQUEST_TYPE.decode(reader) as unknown as Decoded;
}

/** One line a span, resource or scope without one, and unknown field of the request: all that slices may not change. */
function lines(bytes: Uint8Array): string[] {
  const told: string[] = [];
  for (const resource of listOf(decoded(bytes), 'resourceSpans')) {
    const around = rest(resource, 'scopeSpans');
    const scopes = listOf(resource, 'scopeSpans');
    if (scopes.length === 0) told.push(around);
    for (const scope of scopes) {
      const spans = listOf(scope, 'spans');
      const inner = `${around} ${rest(scope, 'spans')}`;
      if (spans.length === 0) told.push(inner);
      for (const span of spans) told.push(`${inner} ${rest(span, '')}`);
    }
  }
  return told;
}

function listOf(message: Decoded, field: string): Decoded[] {
  return (message[field] as Decoded[] | undefined) ?? [];
}

function rest(message: Decoded, without: string): string {
  const unknown = (message.$unknowns ?? []).map((bytes) => Buffer.from(bytes).toString('hex'));
  const known = Object.entries(message).filter(([name]) => name !== without && name !== '$unknowns');
  return JSON.stringify([known, unknown]);
}

function parts(spans: Spans, cuts: readonly number[]): Spans[] {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (spans.count + 1)), spans.count])].sort((a, b) => a - b);
  if (spans.count === 0) return [spans];
  return places.slice(1).map((to, i) => sliceSpans(spans, places[i]!, to));
}

test('slices of any request tell together what it told, and each tells its own request fields', (t) => {
  fc.assert(
    fc.property(anyRequest, fc.array(fc.nat(), { maxLength: 4 }), (bytes, cuts) => {
      const spans = readSpans(bytes, LIMITS);
      const slices = parts(spans, cuts);
      t.deepEqual(
        slices.flatMap((slice) => lines(slice.bytes)),
        lines(bytes),
      );
      for (const slice of slices) t.is(unknownsOf(slice.bytes), unknownsOf(bytes));
    }),
    { numRuns: 1000 },
  );
});

function unknownsOf(bytes: Uint8Array): string {
  return rest({ $unknowns: decoded(bytes).$unknowns ?? [] }, '');
}

test('a slice has the spans from its first to before its end', (t) => {
  const spans = readSpans(spansRequest(10), LIMITS);
  const slice = sliceSpans(spans, 3, 5);
  t.is(slice.count, 2);
  t.deepEqual([spanAt(slice, 0), spanAt(slice, 1)], [spanAt(spans, 3), spanAt(spans, 4)]);
  t.true(slice.bytes.length < spans.bytes.length / 3);
});

test('all spans are the request itself, none are a request without spans', (t) => {
  const spans = readSpans(spansRequest(3), LIMITS);
  t.is(sliceSpans(spans, 0, 3), spans);
  t.is(sliceSpans(spans, -1, 9), spans);
  t.is(sliceSpans(spans, 2, 2).count, 0);
});
