/** @module Trace requests that were altered: refused, or read exactly as protobufjs reads them. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { MalformedProtobuf, readSpans, spanAt, spansToJson } from '../../../pipeline/wire/otlp-spans.ts';
import { anyMessage, schemaJson } from '../../kit/otlp-arbitrary.ts';
import { TRACE_REQUEST_TYPE } from '../../kit/otlp-schema.ts';

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
  const bytes = new Uint8Array(SMALL);
  for (let at = 0; at < bytes.length; at++) {
    const right = bytes[at]!;
    for (let value = 0; value < 256; value++) {
      bytes[at] = value;
      if (isRead(t, bytes)) read += 1;
    }
    bytes[at] = right;
  }
  // Ids, times, texts and numbers may have any or many values.
  t.true(read > bytes.length * 20, `${read} were read`);
});

test('a small request cut off or with any byte left out or doubled', (t) => {
  for (let at = 0; at < SMALL.length; at++) {
    isRead(t, SMALL.subarray(0, at));
    isRead(t, Buffer.concat([SMALL.subarray(0, at), SMALL.subarray(at + 1)]));
    isRead(t, Buffer.concat([SMALL.subarray(0, at + 1), SMALL.subarray(at)]));
  }
  t.true(isRead(t, SMALL));
});

const anyEdit = fc.tuple(fc.nat(), fc.nat(4), fc.uint8Array({ maxLength: 6 }));

test('any request with any bytes replaced, removed or added', (t) => {
  fc.assert(
    fc.property(anyMessage(TRACE_REQUEST_TYPE), fc.array(anyEdit, { maxLength: 3 }), (value, edits) => {
      let bytes: Uint8Array = TRACE_REQUEST_TYPE.encode(TRACE_REQUEST_TYPE.fromObject(value)).finish();
      for (const [place, removed, added] of edits) {
        const at = place % (bytes.length + 1);
        bytes = Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
      }
      isRead(t, bytes);
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

test('any two requests one behind the other, and any content of one told again within it', (t) => {
  fc.assert(
    fc.property(anyMessage(TRACE_REQUEST_TYPE), fc.nat(), fc.nat(), (value, from, size) => {
      const bytes = TRACE_REQUEST_TYPE.encode(TRACE_REQUEST_TYPE.fromObject(value)).finish();
      t.true(isRead(t, Buffer.concat([bytes, bytes])));
      const at = from % (bytes.length + 1);
      isRead(t, Buffer.concat([bytes, bytes.subarray(at, at + (size % (bytes.length + 1)))]));
    }),
    { numRuns: 200 },
  );
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
