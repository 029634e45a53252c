/** @module Requests in OTLP/JSON become protobuf that may be kept for long. */
import test from 'ava';
import { Turns } from '../../../pipeline/clock/turns.ts';
import { readSpans, TraceRequest } from '../../../pipeline/wire/otlp-spans.ts';
import { createJsonReading } from '../../../receivers/otlp/json-requests.ts';
import { createTestClock } from '../../kit/clock.ts';

const LIMITS = { maxItems: 1000, maxDepth: 32 };

for (const [what, padding] of [
  ['text that is mostly white space', ' '.repeat(100_000)],
  ['dense text', ''],
] as const) {
  test(`what ${what} is in protobuf keeps no much larger buffer alive`, async (t) => {
    const span = { traceId: '0102030405060708090a0b0c0d0e0f10', spanId: '0102030405060708', name: 'a' };
    const spans = JSON.stringify(Array.from({ length: 10 }, () => span));
    const text = `{"resourceSpans":[{"scopeSpans":[{${padding}"spans":${spans}}]}]}`;
    const read = createJsonReading(TraceRequest, LIMITS, new Turns(createTestClock()));
    const bytes = await read(Buffer.from(text));
    t.is(readSpans(bytes, LIMITS).count, 10);
    t.true(bytes.buffer.byteLength <= 2 * bytes.length + 1024, `${bytes.buffer.byteLength} for ${bytes.length}`);
  });
}
