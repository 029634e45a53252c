/** @module Long values of OTLP/JSON are read bit by bit, whatever they are, and come out as those read in one go. */
import test from 'ava';
import fc from 'fast-check';
import {
  MalformedJson,
  MetricsRequest,
  OtlpJsonReader,
  readSpans,
  spansToJson,
  TraceRequest,
} from '../../../pipeline/wire/otlp-spans.ts';
import { inOneGo } from '../../../pipeline/wire/otlp-traffic.ts';
import { spansRequest } from '../../bench/span-payload.ts';
import { REQUEST_TYPE, TRACE_REQUEST_TYPE } from '../../kit/otlp-schema.ts';

const LIMITS = { maxItems: 1000, maxDepth: 32 };
/** As the scanner's: what is longer is read in steps of its own. */
const SHORT_BYTES = 32 * 1024;
const LONG = 1024 * 1024;

const span = (members: string) => `{"resourceSpans":[{"scopeSpans":[{"spans":[{${members}}]}]}]}`;
const value = (members: string) => span(`"attributes":[{"key":"k","value":{${members}}}]`);

function inSteps(json: Uint8Array, budget: number, message = TraceRequest): Uint8Array {
  const reader = new OtlpJsonReader(json, message, LIMITS);
  while (!reader.step(budget));
  return inOneGo(reader.protobuf());
}

function outcomeOf(json: Uint8Array, budget: number): unknown {
  try {
    return Buffer.from(inSteps(json, budget)).toString('base64');
  } catch (error) {
    return String(error);
  }
}

/** The one span, decoded by protobufjs. */
function spanOf(bytes: Uint8Array): unknown {
  const request = TRACE_REQUEST_TYPE.toObject(TRACE_REQUEST_TYPE.decode(bytes), { bytes: String });
  return request.resourceSpans[0].scopeSpans[0].spans[0];
}

const attributeOf = (bytes: Uint8Array) => (spanOf(bytes) as { attributes: { value: unknown }[] }).attributes[0]!.value;

/** What is long, in JSON, and what protobufjs finds in it. */
const TAKEN: readonly [string, string, (bytes: Uint8Array) => unknown, unknown][] = [
  ['a text', span(`"name":"${'a'.repeat(LONG)}"`), spanOf, { name: 'a'.repeat(LONG) }],
  ['a text that is not ASCII', span(`"name":"${'ü😀'.repeat(LONG / 8)}"`), spanOf, { name: 'ü😀'.repeat(LONG / 8) }],
  ['a text of escapes', span(`"name":"${'\\n'.repeat(LONG / 2)}"`), spanOf, { name: '\n'.repeat(LONG / 2) }],
  [
    'a text of \\u and one letter, so that pairs lie over any border',
    span(`"name":"a${'\\ud83d\\ude00'.repeat(LONG / 12)}"`),
    spanOf,
    { name: `a${'😀'.repeat(LONG / 12)}` },
  ],
  ['a text of halves', span(`"name":"${'\\ud83d'.repeat(LONG / 6)}"`), spanOf, { name: '\ufffd'.repeat(LONG / 6) }],
  ['base64', value(`"bytesValue":"${'AAEC'.repeat(LONG / 4)}"`), attributeOf, { bytesValue: 'AAEC'.repeat(LONG / 4) }],
  [
    'base64 of the URL form, without padding',
    value(`"bytesValue":"${'_-8-'.repeat(LONG / 4)}_w"`),
    attributeOf,
    { bytesValue: `${'/+8+'.repeat(LONG / 4)}/w==` },
  ],
  [
    'base64 in escapes',
    value(`"bytesValue":"${'\\u0041'.repeat(LONG / 8)}QQ=="`),
    attributeOf,
    { bytesValue: `${'A'.repeat(LONG / 8)}QQ==` },
  ],
  ['white space', span(`${' '.repeat(LONG)}"name"${'\n'.repeat(LONG)}:${'\t'.repeat(LONG)}"a"`), spanOf, { name: 'a' }],
  ['white space around commas', span(`"x":1${' '.repeat(LONG)},${' '.repeat(LONG)}"name":"a"`), spanOf, { name: 'a' }],
  ['an unknown text', span(`"x":"${'a'.repeat(LONG)}","name":"a"`), spanOf, { name: 'a' }],
  ['an unknown text of escapes', span(`"x":"${'\\u00e9'.repeat(LONG / 6)}","name":"a"`), spanOf, { name: 'a' }],
  ['an unknown name', span(`"${'n'.repeat(LONG)}":1,"name":"a"`), spanOf, { name: 'a' }],
  ['an unknown name of escapes', span(`"${'\\n'.repeat(LONG)}" : 1,"name":"a"`), spanOf, { name: 'a' }],
  ['an unknown number', span(`"x":-1${'0'.repeat(LONG)},"name":"a"`), spanOf, { name: 'a' }],
  ['an unknown fraction', span(`"x":1.${'0'.repeat(LONG)}e-1,"name":"a"`), spanOf, { name: 'a' }],
  ['an unknown exponent', span(`"x":1.5E+${'0'.repeat(LONG)},"name":"a"`), spanOf, { name: 'a' }],
  ['unknown lists', span(`"x":[${'[],'.repeat(LONG / 3)}0],"name":"a"`), spanOf, { name: 'a' }],
];

for (const [what, json, look, expected] of TAKEN) {
  test(`long, in steps none of which is long: ${what}`, (t) => {
    const bytes = Buffer.from(json);
    const reader = new OtlpJsonReader(bytes, TraceRequest, LIMITS);
    let steps = 1;
    while (!reader.step(SHORT_BYTES)) steps += 1;
    t.true(steps >= bytes.length / (2 * SHORT_BYTES), `${steps} steps`);
    const protobuf = inOneGo(reader.protobuf());
    t.deepEqual(JSON.parse(JSON.stringify(look(protobuf))), expected);
    t.deepEqual(inSteps(bytes, Number.POSITIVE_INFINITY), protobuf);
  });
}

/** How often each byte of a long value is passed over: its end is looked for, it is copied or unescaped, it is decoded. */
const PASSES: readonly (readonly [what: string, json: string, passes: number])[] = [
  ['a text', span(`"name":"${'a'.repeat(LONG)}"`), 2],
  ['a text of escapes', span(`"name":"${'\\n'.repeat(LONG / 2)}"`), 2],
  ['base64', value(`"bytesValue":"${'AAEC'.repeat(LONG / 4)}"`), 3],
  ['an unknown text', span(`"x":"${'a'.repeat(LONG)}"`), 1],
  ['an unknown text of escapes', span(`"x":"${'\\n'.repeat(LONG / 2)}"`), 2],
];

for (const [what, json, passes] of PASSES) {
  test(`each pass over a long value is in steps: ${what}`, (t) => {
    const reader = new OtlpJsonReader(Buffer.from(json), TraceRequest, LIMITS);
    let steps = 1;
    while (!reader.step(Number.POSITIVE_INFINITY)) steps += 1;
    t.true(steps >= (passes * LONG) / SHORT_BYTES, `${steps} steps`);
  });
}

test('what is moved to make room for lengths is work, so that many ends of one long value are in many steps', (t) => {
  // Short enough to be moved at each end of a message, and read at once.
  const text = `{"stringValue":"${'a'.repeat(SHORT_BYTES - 100)}"}`;
  const lists = 12;
  const [open, close] = ['{"arrayValue":{"values":['.repeat(lists), ']}}'.repeat(lists)];
  const deep = Buffer.from(span(`"attributes":[{"key":"k","value":${open}${text}${close}}]`));
  const reader = new OtlpJsonReader(deep, TraceRequest, LIMITS);
  let steps = 1;
  // Each end moves as much as 1,022 bytes are to read.
  while (!reader.step(1000)) steps += 1;
  const flat = new OtlpJsonReader(
    Buffer.from(span(`"attributes":[{"key":"k","value":${text}}]`)),
    TraceRequest,
    LIMITS,
  );
  let flatSteps = 1;
  while (!flat.step(1000)) flatSteps += 1;
  t.true(steps - flatSteps >= 2 * lists, `${steps} steps, ${flatSteps} without lists`);
});

test('white space around a request is as long as it likes', (t) => {
  const space = ' '.repeat(3 * SHORT_BYTES);
  t.deepEqual(inSteps(Buffer.from(`${space}{${space}}${space}`), 1), new Uint8Array());
  t.throws(() => inSteps(Buffer.from(`${space}{}${space}{}`), 1), { message: /more than one request/ });
  t.throws(() => inSteps(Buffer.from(space), 1), { message: /expected an object .* the end stands/ });
});

const LONG_TEXT = 'a'.repeat(2 * SHORT_BYTES);

const REFUSED: readonly [string, string | Uint8Array, RegExp][] = [
  ['a text that does not end', `{"x":"${LONG_TEXT}`, /a text that does not end at byte 5/],
  ['a text that ends in half an escape', `{"x":"${LONG_TEXT}\\`, /a text that does not end/],
  ['a control character', span(`"name":"${LONG_TEXT}\n"`), /a control character within a text/],
  ['an unknown escape', span(`"name":"${LONG_TEXT}\\x"`), /an unknown escape/],
  ['an unknown escape in an unknown text', span(`"x":"${LONG_TEXT}\\x"`), /an unknown escape/],
  ['an unknown escape in a name', span(`"${LONG_TEXT}\\x":1`), /an unknown escape/],
  ['an escape of three digits at the end', span(`"name":"${LONG_TEXT}\\u123"`), /four hexadecimal digits/],
  ['base64 of other letters', value(`"bytesValue":"${LONG_TEXT}*AAA"`), /value\.bytesValue: expected base64/],
  ['base64 that is cut off', value(`"bytesValue":"${LONG_TEXT}A"`), /bytesValue: expected base64/],
  ['base64 with too much padding', value(`"bytesValue":"${LONG_TEXT}===="`), /bytesValue: expected base64/],
  ['nothing but padding', value(`"bytesValue":"${'='.repeat(LONG)}"`), /bytesValue: expected base64/],
  ['an id', span(`"traceId":"${LONG_TEXT}"`), /traceId: expected 32 hexadecimal digits/],
  ['an integer', value(`"intValue":1${'0'.repeat(LONG)}`), /intValue: expected an integer of 64 bits/],
  ['an integer as text', value(`"intValue":"${'0'.repeat(LONG)}"`), /intValue: expected an integer of 64 bits/],
  ['an integer with a long fraction', value(`"intValue":1.${'0'.repeat(LONG)}`), /intValue: expected an integer/],
  ['an integer whose fraction is zero for a while', value(`"intValue":1.${'0'.repeat(80)}5`), /expected an integer/],
  ['a double', value(`"doubleValue":1.${'0'.repeat(LONG)}`), /doubleValue: expected a number/],
  ['an enumeration', span(`"kind":"${LONG_TEXT}"`), /kind: expected the number of an enumeration/],
  ['an unknown number that goes on in letters', `{"x":${'1'.repeat(LONG)}a}`, /expected a comma/],
  ['an unknown fraction without digits', `{"x":${'1'.repeat(LONG)}.}`, /expected a digit/],
  ['an unknown exponent without digits', `{"x":${'1'.repeat(LONG)}e+}`, /expected a digit/],
  ['a byte that is not UTF-8, at the end', Buffer.from(`{"x":"${'a'.repeat(3 * LONG)}\xff"}`, 'latin1'), /not UTF-8/],
  ['half a character at the end', Buffer.from(`{"x":"${'a'.repeat(3 * LONG)}"}\xf0\x9f`, 'latin1'), /not UTF-8/],
];

for (const [what, json, message] of REFUSED) {
  test(`long, refused: ${what}`, (t) => {
    t.throws(() => inSteps(Buffer.from(json), SHORT_BYTES), { instanceOf: MalformedJson, message });
  });
}

test('UTF-8 is found whole wherever the parts of its check begin', (t) => {
  const parts = 1024 * 1024;
  for (let shift = 0; shift < 4; shift++) {
    const json = Buffer.from(`{"x":"${'a'.repeat(parts - 8 + shift)}😀${'ü'.repeat(parts)}"}`);
    t.notThrows(() => inSteps(json, parts));
    const broken = Buffer.from(json);
    broken[json.indexOf('😀') + 2] = 0x61;
    t.throws(() => inSteps(broken, parts), { message: /not UTF-8/ });
  }
});

/** Requests with long and short values of every kind, and what hostile senders make of them. */
const anyPiece = fc.constantFrom(
  '"name":"n"',
  `"name":"${LONG_TEXT}"`,
  `"name":"${'\\ud83d\\ude00'.repeat(6000)}"`,
  `"x":"${LONG_TEXT}\\n"`,
  `"${LONG_TEXT}":[1,{"y":null}]`,
  `"x":1${'0'.repeat(2 * SHORT_BYTES)}.5`,
  `"attributes":[{"key":"k","value":{"bytesValue":"${'AAEC'.repeat(10_000)}"}}]`,
  `${' '.repeat(2 * SHORT_BYTES)}"x":true`,
  '"status":{"code":2}',
);

test('long values read in steps of any size come out the same, also when they are refused', (t) => {
  fc.assert(
    fc.property(
      fc.array(anyPiece, { maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(), fc.constantFrom(...Buffer.from('"\\{}[],:0 -eu\xff', 'latin1'))), { maxLength: 2 }),
      fc.constantFrom(1, 777, SHORT_BYTES),
      (pieces, edits, budget) => {
        const json = Buffer.from(span(pieces.join(',')));
        for (const [at, byte] of edits) json[at % json.length] = byte;
        t.is(outcomeOf(json, budget), outcomeOf(json, Number.POSITIVE_INFINITY));
      },
    ),
    { numRuns: 150 },
  );
});

test('any bytes changed in a request come to the same byte by byte', (t) => {
  const json = Buffer.from(spansToJson(readSpans(spansRequest(2), LIMITS)));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(json.length - 1), fc.nat(255)), { maxLength: 3 }),
      fc.constantFrom(1, 2, 100),
      (edits, budget) => {
        const bytes = Buffer.from(json);
        for (const [at, byte] of edits) bytes[at] = byte;
        t.is(outcomeOf(bytes, budget), outcomeOf(bytes, Number.POSITIVE_INFINITY));
      },
    ),
    { numRuns: 500 },
  );
});

test('a list of numbers grows as protobuf, and its length is told when much of it is written', (t) => {
  const bounds = Array.from({ length: 300_000 }, () => 1);
  const point = { explicitBounds: bounds };
  const json = JSON.stringify({
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ histogram: { dataPoints: [point] } }] }] }],
  });
  const bytes = inSteps(Buffer.from(json), 1000, MetricsRequest);
  t.true(bytes.length > 8 * bounds.length && bytes.length < 8 * bounds.length + 100);
  t.deepEqual(bytes, inSteps(Buffer.from(json), Number.POSITIVE_INFINITY, MetricsRequest));
});

test('messages that lie over several pieces of the output, beside and within each other, come out whole', (t) => {
  const boundsOf = (count: number) => Array.from({ length: count }, (_, i) => i % 7);
  // Lengths are put in at the end beyond 1 MiB, and what is short follows what is long, and the reverse.
  const points = [10, 200_000, 3, 0, 150_000, 16].map((count) => ({ explicitBounds: boundsOf(count) }));
  const metrics = [points, points.slice(2), []].map((dataPoints, i) => ({ name: `m${i}`, histogram: { dataPoints } }));
  const sent = { resourceMetrics: [{ scopeMetrics: [{ metrics }, { metrics: metrics.slice(1) }] }] };
  const bytes = inSteps(Buffer.from(JSON.stringify(sent)), 1000, MetricsRequest);
  const found = REQUEST_TYPE.toObject(REQUEST_TYPE.decode(bytes), { arrays: true });
  const shapes = found.resourceMetrics[0].scopeMetrics.map((scope: { metrics: Decoded[] }) =>
    scope.metrics.map((metric) => [metric.name, metric.histogram.dataPoints.map((point) => point.explicitBounds)]),
  );
  const wanted = sent.resourceMetrics[0]!.scopeMetrics.map((scope) =>
    scope.metrics.map((metric) => [metric.name, metric.histogram.dataPoints.map((point) => point.explicitBounds)]),
  );
  t.is(JSON.stringify(shapes), JSON.stringify(wanted));
  t.is(bytes.length, bytes.buffer.byteLength, 'in a buffer of its own');
});

interface Decoded {
  readonly name: string;
  readonly histogram: { readonly dataPoints: readonly { readonly explicitBounds: readonly number[] }[] };
}
