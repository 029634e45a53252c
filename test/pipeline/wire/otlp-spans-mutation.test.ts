/** @module Trace requests that were altered: refused, or read exactly as protobufjs reads them. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { MalformedProtobuf, readSpans, spanAt, spansToJson } from '../../../pipeline/wire/otlp-spans.ts';
import { budget } from '../../kit/budget.ts';
import {
  anyEdited,
  anyToldAgain,
  cutOff,
  withAnyByteChanged,
  withAnyByteLeftOutOrDoubled,
} from '../../kit/mutations.ts';
import { schemaJson } from '../../kit/otlp-arbitrary.ts';
import { TRACE_REQUEST_TYPE } from '../../kit/otlp-schema.ts';
import { progress } from '../../kit/progress.ts';

const LIMITS = { maxItems: 1000, maxDepth: 32 };

/** A small request with every kind of field in it. */
const SMALL = TRACE_REQUEST_TYPE.encode(
  TRACE_REQUEST_TYPE.fromObject({
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'a' } }] },
        scopeSpans: [
          {
            scope: { name: 's' },
            spans: [
              {
                traceId: new Uint8Array(16).fill(1),
                spanId: new Uint8Array(8).fill(2),
                name: 'ü',
                kind: 2,
                startTimeUnixNano: '1790000000000000001',
                attributes: [
                  { key: 'i', value: { intValue: '-3' } },
                  { key: 'l', value: { arrayValue: { values: [{ boolValue: true }, { doubleValue: 0.5 }] } } },
                  {
                    key: 'm',
                    value: { kvlistValue: { values: [{ key: 'b', value: { bytesValue: new Uint8Array(2) } }] } },
                  },
                ],
                events: [{ timeUnixNano: '1', name: 'e' }],
                links: [{ flags: 1 }],
                status: { message: 'x', code: 2 },
                flags: 257,
              },
            ],
            schemaUrl: 'u',
          },
        ],
      },
    ],
  }),
).finish();

/** True when it was read, and then as protobufjs reads it. */
function isRead(t: ExecutionContext, bytes: Uint8Array): boolean {
  const outcome = outcomeOf(bytes);
  if (outcome instanceof Error) {
    if (!(outcome instanceof MalformedProtobuf)) t.fail(`${outcome.stack} for ${Buffer.from(bytes).toString('hex')}`);
    return false;
  }
  const expected = schemaOutcomeOf(bytes);
  if (outcome.json !== expected) t.is(outcome.json, expected, Buffer.from(bytes).toString('hex'));
  return true;
}

function outcomeOf(bytes: Uint8Array): Error | { json: string } {
  try {
    const spans = readSpans(bytes, LIMITS);
    for (let i = 0; i < spans.count; i++) spanAt(spans, i);
    return { json: sorted(JSON.parse(Buffer.from(spansToJson(spans)).toString())) };
  } catch (error) {
    return error as Error;
  }
}

function schemaOutcomeOf(bytes: Uint8Array): string {
  try {
    return sorted(schemaJson(TRACE_REQUEST_TYPE, bytes));
  } catch (error) {
    return String(error);
  }
}

/** JSON with names in one order. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

test('a small request with any byte changed to any other', (t) => {
  t.timeout(600_000);
  let read = 0;
  for (const bytes of withAnyByteChanged(SMALL)) if (isRead(t, bytes)) read += 1;
  // Ids, times, texts and numbers may have any or many values.
  t.true(read > SMALL.length * 20, `${read} were read`);
});

test('a small request cut off or with any byte left out or doubled', (t) => {
  for (const bytes of cutOff(SMALL)) isRead(t, bytes);
  for (const bytes of withAnyByteLeftOutOrDoubled(SMALL)) isRead(t, bytes);
  t.true(isRead(t, SMALL));
});

test('any request with any bytes replaced, removed or added', (t) => {
  const mutations = budget('mutations', 1000);
  t.timeout(120_000 + mutations * 50);
  const done = progress('mutations of spans in protobuf', mutations);
  let read = 0;
  fc.assert(
    fc.property(anyEdited(TRACE_REQUEST_TYPE), (bytes) => {
      if (isRead(t, bytes)) read += 1;
      done();
    }),
    { numRuns: mutations },
  );
  t.true(read > mutations / 10 && read < mutations, `${read} of ${mutations} were read`);
});

test('any two requests one behind the other, and any content of one told again within it', (t) => {
  t.timeout(120_000);
  fc.assert(
    fc.property(anyToldAgain(TRACE_REQUEST_TYPE), ({ twice, again }) => {
      t.true(isRead(t, twice));
      isRead(t, again);
    }),
    { numRuns: 200 },
  );
});

/** A request whose only span is these bytes. */
function spanOf(...bytes: number[]): Uint8Array {
  const around = (tag: number, inner: number[]) => [tag, inner.length, ...inner];
  return Uint8Array.from(around(0x0a, around(0x12, around(0x12, bytes))));
}

const ATTRIBUTE = [0x0a, 1, 0x61, 0x12, 3, 0x0a, 1, 0x62];
const FORMS: readonly [string, Uint8Array][] = [
  [
    'a long tag, and one like it of an unknown field',
    spanOf(0xca, 0, 8, ...ATTRIBUTE, 0xca, 5, 1, 0x63, 0x4a, 8, ...ATTRIBUTE),
  ],
  ['long lengths', spanOf(0x4a, 0x88, 0x80, 0, ...ATTRIBUTE, 0x4a, 8, ...ATTRIBUTE)],
  ['an attribute between others', spanOf(0x4a, 8, ...ATTRIBUTE, 0x2a, 1, 0x61, 0x4a, 8, ...ATTRIBUTE)],
  ['a value before its key', spanOf(0x4a, 8, 0x12, 3, 0x0a, 1, 0x62, 0x0a, 1, 0x61)],
  ['two values of one oneof', spanOf(0x4a, 10, 0x0a, 1, 0x61, 0x12, 5, 0x0a, 1, 0x62, 0x18, 5)],
  ['three values of one oneof', spanOf(0x4a, 13, 0x0a, 1, 0x61, 0x12, 8, 0x2a, 2, 0x0a, 0, 0x10, 1, 0x2a, 0)],
  ['a value in two parts', spanOf(0x4a, 13, 0x0a, 1, 0x61, 0x12, 3, 0x0a, 1, 0x62, 0x12, 3, 0x0a, 1, 0x63)],
  ['a list in two parts', spanOf(0x4a, 13, 0x0a, 1, 0x61, 0x12, 8, 0x2a, 2, 0x0a, 0, 0x2a, 2, 0x0a, 0)],
  ['a key that is not ASCII', spanOf(0x4a, 9, 0x0a, 2, 0xc3, 0xbc, 0x12, 3, 0x0a, 1, 0x62)],
  ['an integer of ten bytes', spanOf(0x4a, 16, 0x0a, 1, 0x61, 0x12, 11, 0x18, ...Array<number>(9).fill(0xff), 0x7f)],
];

for (const [what, bytes] of FORMS) {
  test(`read as protobufjs reads it: ${what}`, (t) => {
    t.true(isRead(t, bytes));
    // A small part of it is read again at each place it may be cut.
    for (let at = 0; at < bytes.length; at++) t.false(isRead(t, bytes.subarray(0, at)) && at > 0);
  });
}

test('messages told in parts within each other are told in JSON in time that grows with their size', (t) => {
  let value: Uint8Array = Uint8Array.of(0x0a, 0);
  // Each list is told in two parts, of which the second one holds the next.
  for (let i = 0; i < 12; i++) value = Uint8Array.of(0x2a, 0, 0x2a, value.length + 2, 0x0a, value.length, ...value);
  const attribute = [0x12, value.length, ...value];
  const bytes = spanOf(0x4a, attribute.length, ...attribute);
  t.true(isRead(t, bytes));
});

test('bytes that say nothing', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      isRead(t, bytes);
    }),
    { numRuns: 5000 },
  );
  t.true(isRead(t, new Uint8Array()));
});
