/** @module Trace and metrics requests from and to OTLP/JSON, against protobufjs. */
import { readFile } from 'node:fs/promises';
import test from 'ava';
import fc from 'fast-check';
import type protobuf from 'protobufjs';
import {
  MalformedJson,
  metricsRequestFromJson,
  OtlpJsonReader,
  readSpans,
  spanAt,
  spansToJson,
  spansToJsonSteps,
  TooManyItems,
  TraceRequest,
  traceRequestFromJson,
} from '../../../pipeline/wire/otlp-spans.ts';
import { inOneGo } from '../../../pipeline/wire/otlp-traffic.ts';
import { spansRequest } from '../../bench/span-payload.ts';
import { anyMessage, schemaJson } from '../../kit/otlp-arbitrary.ts';
import { REQUEST_TYPE, TRACE_REQUEST_TYPE } from '../../kit/otlp-schema.ts';

const LIMITS = { maxItems: 1000, maxDepth: 32 };
const RECORDED = new URL('../../data/spans/otlp-tempo-istio-bookinfo-trace.json', import.meta.url);

function encode(type: protobuf.Type, value: Record<string, unknown>): Uint8Array {
  return type.encode(type.fromObject(value)).finish();
}

/** Comparable, 64-bit integers exact, NaN and −0 as they are. */
function decoded(type: protobuf.Type, bytes: Uint8Array): unknown {
  return type.toObject(type.decode(bytes), { longs: String, bytes: String });
}

/** A request of one scope with this content. */
function inScope(content: Uint8Array): Uint8Array {
  const field = (tag: number, inner: Uint8Array) => {
    const { length } = inner;
    const head = [
      tag,
      (length & 0x7f) | 0x80,
      ((length >> 7) & 0x7f) | 0x80,
      ((length >> 14) & 0x7f) | 0x80,
      length >> 21,
    ];
    return Buffer.concat([Uint8Array.from(head), inner]);
  };
  return field(0x0a, field(0x12, content));
}

function parsed(json: Uint8Array): unknown {
  return JSON.parse(Buffer.from(json).toString());
}

test('any spans are told in JSON as protobufjs decodes them', (t) => {
  fc.assert(
    fc.property(anyMessage(TRACE_REQUEST_TYPE), (value) => {
      const bytes = encode(TRACE_REQUEST_TYPE, value);
      t.deepEqual(parsed(spansToJson(readSpans(bytes, LIMITS))), schemaJson(TRACE_REQUEST_TYPE, bytes));
    }),
    { numRuns: 300 },
  );
});

/** What the steps come to, and how many there were. */
function stepped(bytes: Uint8Array): { readonly json: Buffer; readonly steps: number } {
  const work = spansToJsonSteps({ bytes });
  for (let steps = 1; ; steps++) {
    const { done, value } = work.next();
    if (done === true) return { json: Buffer.from(value), steps };
  }
}

test('any spans are told in steps as they are at once', (t) => {
  fc.assert(
    fc.property(anyMessage(TRACE_REQUEST_TYPE), (value) => {
      const bytes = encode(TRACE_REQUEST_TYPE, value);
      t.deepEqual(stepped(bytes).json, Buffer.from(spansToJson({ bytes })));
    }),
    { numRuns: 100 },
  );
});

/** Empty spans, `{}` and a comma in JSON, in two bytes each: told in twelve times as many, where each has a status. */
const EMPTY_STATUS = [0x12, 2, 0x7a, 0];

for (const [what, bytes, least] of [
  ['spans as they come', spansRequest(5000), 20],
  ['spans of nothing but an empty message', inScope(Buffer.alloc(1_200_000, Uint8Array.from(EMPTY_STATUS))), 20],
] as const) {
  test(`a large request is told in many steps, as it is at once: ${what}`, (t) => {
    const { json, steps } = stepped(bytes);
    t.true(json.equals(spansToJson({ bytes })));
    t.true(steps >= least, `${steps} steps`);
    JSON.parse(json.toString());
  });
}

test('a request whose fields are told in parts is told in one step, as it is at once', (t) => {
  const part = TRACE_REQUEST_TYPE.encode(
    TRACE_REQUEST_TYPE.fromObject({ resourceSpans: [{ resource: { droppedAttributesCount: 1 } }] }),
  ).finish();
  // The resource twice in one ResourceSpans.
  const bytes = Uint8Array.from([0x0a, 2 * (part.length - 2), ...part.subarray(2), ...part.subarray(2)]);
  const { json, steps } = stepped(bytes);
  t.is(steps, 1);
  t.deepEqual(parsed(json), { resourceSpans: [{ resource: { droppedAttributesCount: 1 } }] });
});

test('any spans to JSON and back are the same', (t) => {
  fc.assert(
    fc.property(anyMessage(TRACE_REQUEST_TYPE), (value) => {
      const bytes = encode(TRACE_REQUEST_TYPE, value);
      const again = traceRequestFromJson(spansToJson(readSpans(bytes, LIMITS)), LIMITS);
      t.deepEqual(decoded(TRACE_REQUEST_TYPE, again), decoded(TRACE_REQUEST_TYPE, bytes));
    }),
    { numRuns: 300 },
  );
});

/** `value` as JSON in other words: escapes, spaces, numbers for text, names in any order. */
function otherwise(value: unknown, numbers: boolean): string {
  if (Array.isArray(value)) return `[ ${value.map((inner) => otherwise(inner, numbers)).join(' ,\n')}\t]`;
  if (typeof value === 'string') return escaped(value);
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : JSON.stringify(value);
  const members = Object.entries(value).reverse();
  return `{${members.map(([name, inner]) => `"${name}" : ${memberText(name, inner, numbers)}`).join(' , ')} }`;
}

function memberText(name: string, value: unknown, numbers: boolean): string {
  const isInteger = numbers && /Nano$|^asInt$|^intValue$|^count$|^zeroCount$/.test(name);
  return isInteger && typeof value === 'string' ? value : otherwise(value, numbers);
}

/** Every UTF-16 unit as an escape. */
function escaped(text: string): string {
  return `"${[...Array(text.length).keys()].map((i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`;
}

for (const [what, type, read] of [
  ['trace', TRACE_REQUEST_TYPE, traceRequestFromJson],
  ['metrics', REQUEST_TYPE, metricsRequestFromJson],
] as const) {
  test(`any ${what} request in JSON is read as protobufjs wrote it, also in other words`, (t) => {
    fc.assert(
      fc.property(anyMessage(type), fc.boolean(), (value, numbers) => {
        const bytes = encode(type, value);
        const json = schemaJson(type, bytes);
        t.deepEqual(
          decoded(type, read(Buffer.from(JSON.stringify(json)), LIMITS)),
          fromJson(type, JSON.stringify(json)),
        );
        t.deepEqual(decoded(type, read(Buffer.from(otherwise(json, numbers)), LIMITS)), decoded(type, bytes));
      }),
      { numRuns: 200 },
    );
  });
}

/** `JSON.stringify` has no −0. */
function fromJson(type: protobuf.Type, text: string): unknown {
  const parsed = JSON.parse(text, (name, value) =>
    /^(traceId|spanId|parentSpanId)$/.test(name) ? Buffer.from(value, 'hex').toString('base64') : value,
  );
  return decoded(type, type.encode(type.fromObject(parsed)).finish());
}

test('a request read in steps of any size is the same', (t) => {
  const json = spansToJson(readSpans(spansRequest(5), LIMITS));
  for (const budget of [1, 10, 1000]) {
    const reader = new OtlpJsonReader(json, TraceRequest, LIMITS);
    let steps = 1;
    while (!reader.step(budget)) steps += 1;
    t.deepEqual(inOneGo(reader.protobuf()), spansRequest(5));
    t.true(steps >= json.length / (budget + 200));
  }
});

/** A recorded trace, as Tempo gives it, in OTLP/JSON. */
async function recorded(): Promise<Uint8Array> {
  const tempo = await readFile(RECORDED, 'utf8');
  const text = JSON.stringify(
    JSON.parse(tempo, (name, value) =>
      /^(traceId|spanId|parentSpanId)$/.test(name) ? Buffer.from(value, 'base64').toString('hex').toUpperCase() : value,
    ),
  );
  return Buffer.from(text.replace('"batches"', '"resourceSpans"'));
}

test('a recorded trace is read, upper-case ids and names of enumerations too', async (t) => {
  const spans = readSpans(traceRequestFromJson(await recorded(), LIMITS), LIMITS);
  t.is(spans.count, 8);
  t.is(spans.invalidIds, 0);
  t.deepEqual(spanAt(spans, 0), {
    traceId: '3ba55609c3cde49649cd77d1f9dcd936',
    spanId: '49cd77d1f9dcd936',
    parentSpanId: '',
    name: 'productpage.bookinfo.svc.cluster.local:9080/productpage',
    kind: 3,
    startUnixNano: 1701779876570888000n,
    endUnixNano: 1701779876582820000n,
    statusCode: 0,
    statusMessage: '',
    serviceName: 'istio-ingressgateway.istio-system',
  });
});

/** A request with one span of these members. */
const span = (members: string) => `{"resourceSpans":[{"scopeSpans":[{"spans":[{${members}}]}]}]}`;
const value = (members: string) => span(`"attributes":[{"key":"k","value":{${members}}}]`);

const TAKEN: readonly [string, string, string][] = [
  [
    'unknown names, whatever their value',
    span('"x":{"y":[1,{"z":null},true,"\\n"]},"name":"n","start_time_unix_nano":1'),
    span('"name":"n"'),
  ],
  ['the same unknown name twice', span('"x":1,"x":2'), span('')],
  ['names that prototypes have', span('"__proto__":{"name":"x"},"constructor":1,"toString":2'), span('')],
  ['a name in escapes', span('"\\u006eame":"n"'), span('"name":"n"')],
  ['null as absent', span('"name":null,"attributes":null,"status":null,"kind":null'), span('')],
  [
    'upper-case ids',
    span('"traceId":"0123456789ABCDEF0123456789ABCDEF"'),
    span('"traceId":"0123456789abcdef0123456789abcdef"'),
  ],
  ['empty ids', span('"traceId":"","parentSpanId":""'), span('')],
  [
    '64-bit integers as numbers, exact',
    span('"startTimeUnixNano":18446744073709551615'),
    span('"startTimeUnixNano":"18446744073709551615"'),
  ],
  [
    'an integer beyond 2⁵³ as a number',
    value('"intValue":-9223372036854775807'),
    value('"intValue":"-9223372036854775807"'),
  ],
  ['an integer with exponent', value('"intValue":12e2'), value('"intValue":"1200"')],
  ['an integer with a fraction of zeros', value('"intValue":-3.0'), value('"intValue":"-3"')],
  ['an integer with a fraction that the exponent takes away', value('"intValue":12.50e1'), value('"intValue":"125"')],
  ['an integer with exponent as text', value('"intValue":"12e2"'), value('"intValue":"1200"')],
  [
    'an integer with exponent beyond 2⁵³, exact',
    value('"intValue":9007199254740993.0'),
    value('"intValue":"9007199254740993"'),
  ],
  ['an integer that a negative exponent leaves whole', value('"intValue":-1200e-2'), value('"intValue":"-12"')],
  ['zero with any exponent', value('"intValue":0.00e99999'), value('"intValue":"0"')],
  ['a 32-bit integer as text', span('"droppedLinksCount":"7"'), span('"droppedLinksCount":7')],
  ['an enumeration by name', span('"kind":"SPAN_KIND_SERVER"'), span('"kind":2')],
  ['an enumeration that is not known', span('"kind":77'), span('"kind":77')],
  ['a double as text', value('"doubleValue":"-1.5e3"'), value('"doubleValue":-1500')],
  ['doubles that are no numbers', value('"doubleValue":"-Infinity"'), value('"doubleValue":"-Infinity"')],
  ['base64 of the URL form without padding', value('"bytesValue":"_-8"'), value('"bytesValue":"/+8="')],
  ['base64 with escaped slashes', value('"bytesValue":"\\/+8="'), value('"bytesValue":"/+8="')],
  ['half a character as U+FFFD', span('"name":"a\\ud83d"'), span('"name":"a\ufffd"')],
  ['two halves in the wrong order', span('"name":"\\ude00\\ud83d"'), span('"name":"\ufffd\ufffd"')],
  ['a half before another escape', span('"name":"\\ud83d\\n"'), span('"name":"\ufffd\\n"')],
  ['a whole character in two escapes', span('"name":"\\ud83d\\ude00"'), span('"name":"😀"')],
  ['an empty value', value(''), value('')],
  [
    'a default that is told',
    span('"name":"","kind":0,"startTimeUnixNano":"0","droppedLinksCount":0,"attributes":[]'),
    span(''),
  ],
  ['a value of its default', value('"stringValue":""'), value('"stringValue":""')],
  ['spaces', ` \r\n\t${span('')} \n`, span('')],
];

for (const [what, told, plain] of TAKEN) {
  test(`JSON, taken: ${what}`, (t) => {
    const bytes = traceRequestFromJson(Buffer.from(told), LIMITS);
    const spans = readSpans(bytes, LIMITS);
    t.is(Buffer.from(spansToJson(spans)).toString(), plain);
  });
}

const deep = (open: string, close: string, depth: number) => `{"x":${open.repeat(depth)}${close.repeat(depth)}}`;

const REFUSED: readonly [string, string | Uint8Array, RegExp][] = [
  ['nothing', '', /the request: expected an object at byte 0, where the end stands/],
  ['a list', '[]', /the request: expected an object at byte 0/],
  ['a byte order mark', '\ufeff{}', /the request: expected an object at byte 0/],
  ['comments', '{/* */}', /expected a name in quotes at byte 1/],
  ['a name without quotes', '{a:1}', /expected a name in quotes at byte 1/],
  ['a comma at the end of an object', '{"a":1,}', /expected a name in quotes at byte 7/],
  ['a comma at the end of a list', span('"attributes":[{},]'), /attributes\[1\]: expected an object/],
  ['no comma', '{"a":1"b":2}', /expected a comma or the end of the object at byte 6/],
  ['no colon', '{"a"1}', /expected a colon at byte 4/],
  ['two requests', '{}{}', /more than one request at byte 2/],
  ['what is cut off', '{"a":', /expected a value at byte 5, where the end stands/],
  ['a text that is cut off', '{"a', /a text that does not end/],
  ['a known name twice', span('"name":"a","name":"b"'), /spans\[0\]\.name: expected to be told once at byte/],
  ['a known name twice, one null', span('"name":null,"name":"b"'), /name: expected to be told once/],
  ['a known name twice in other letters', span('"name":"a","n\\u0061me":"b"'), /name: expected to be told once/],
  ['two values', value('"stringValue":"a","intValue":1'), /value\.intValue: expected no other value beside it/],
  ['null in a list', span('"attributes":[null]'), /attributes\[0\]: expected an object/],
  [
    'a number for a text',
    span('"name":5'),
    /resourceSpans\[0\]\.scopeSpans\[0\]\.spans\[0\]\.name: expected a text at byte 51, where "5}\]}\]}\]}" stands/,
  ],
  ['text for a boolean', value('"boolValue":"true"'), /boolValue: expected true or false/],
  ['a boolean for a number', value('"intValue":true'), /intValue: expected a number/],
  ['a text for an object', span('"status":"OK"'), /status: expected an object/],
  ['an object for a list', span('"attributes":{}'), /attributes: expected a list/],
  ['a list for an object', span('"status":[]'), /status: expected an object/],
  ['an integer with a fraction', value('"intValue":1.5'), /intValue: expected an integer of 64 bits/],
  ['an integer of 65 bits', value('"intValue":"9223372036854775808"'), /intValue: expected an integer of 64 bits/],
  ['an integer that is not quite whole', value('"intValue":1.0000000000000000001'), /intValue: expected an integer/],
  [
    'an integer below 2⁵³ that is not quite whole',
    value('"intValue":9007199254740990.7'),
    /intValue: expected an integer/,
  ],
  ['an integer with exponent beyond 64 bits', value('"intValue":1e19'), /intValue: expected an integer of 64 bits/],
  ['an integer of a large exponent', value('"intValue":1e99999'), /intValue: expected an integer of 64 bits/],
  ['an integer of a small exponent', value('"intValue":1e-99999'), /intValue: expected an integer of 64 bits/],
  ['an integer as text with spaces', value('"intValue":" 1"'), /intValue: expected an integer of 64 bits/],
  [
    'a time before the epoch',
    span('"startTimeUnixNano":"-1"'),
    /startTimeUnixNano: expected an integer of 64 bits without sign/,
  ],
  [
    'a time of 21 digits',
    span('"startTimeUnixNano":"000000000000000000001"'),
    /startTimeUnixNano: expected an integer/,
  ],
  [
    'a count of 33 bits',
    span('"droppedLinksCount":4294967296'),
    /droppedLinksCount: expected an integer of 32 bits without sign/,
  ],
  [
    'an unknown name of an enumeration',
    span('"kind":"SERVER"'),
    /kind: expected the number of an enumeration or its name, such as SPAN_KIND_INTERNAL, at byte \d+, where /,
  ],
  ['a number with a leading zero', value('"intValue":01'), /intValue: expected a number/],
  ['a number with a plus', value('"intValue":+1'), /intValue: expected a number/],
  ['a number that ends in a point', value('"doubleValue":1.'), /doubleValue: expected a number/],
  ['NaN without quotes', value('"doubleValue":NaN'), /doubleValue: expected a number/],
  ['a double beyond all', value('"doubleValue":1e999'), /doubleValue: expected a number/],
  ['an empty text as a double', value('"doubleValue":""'), /doubleValue: expected a number/],
  ['an id in base64', span('"traceId":"O6VWCcPN5JZJzXfR+dzZNg=="'), /traceId: expected 32 hexadecimal digits/],
  ['an id of other letters', span('"spanId":"0123456789abcdeg"'), /spanId: expected 16 hexadecimal digits/],
  ['an id as a number', span('"spanId":1'), /spanId: expected a text/],
  ['base64 that is cut off', value('"bytesValue":"AAAAA"'), /bytesValue: expected base64/],
  ['base64 of other letters', value('"bytesValue":"A A="'), /bytesValue: expected base64/],
  ['an unknown escape', span('"name":"\\x41"'), /an unknown escape at byte/],
  ['an unknown escape in an unknown name', '{"\\x":1}', /an unknown escape/],
  ['an escape of three digits', span('"name":"\\u12"'), /an escape without four hexadecimal digits/],
  ['a line feed in a text', span('"name":"a\nb"'), /a control character within a text at byte/],
  ['bytes that are not UTF-8', Buffer.from('{"a":"\xff"}', 'latin1'), /not UTF-8/],
  ['a zero byte', '{\0}', /a character that JSON has not/],
  ['an unknown word', '{"a":nil}', /expected a value/],
  ['unknown lists within each other', deep('[', ']', 100_000), /nested deeper than 64/],
  ['unknown objects within each other', deep('{"x":', '1}', 64), /nested deeper than 64/],
  [
    'values within each other',
    value(`${'"arrayValue":{"values":[{'.repeat(40)}${'}]}'.repeat(40)}`),
    /messages nested deeper than 32/,
  ],
];

for (const [what, json, message] of REFUSED) {
  test(`JSON, refused with what and where: ${what}`, (t) => {
    const read = () => traceRequestFromJson(Buffer.from(json), LIMITS);
    t.throws(read, { instanceOf: MalformedJson, message });
  });
}

test('64 lists and objects within each other are read', (t) => {
  t.is(traceRequestFromJson(Buffer.from(deep('[', ']', 63)), LIMITS).length, 0);
});

test('too many spans or points are refused', (t) => {
  const spans = `{"resourceSpans":[{"scopeSpans":[{"spans":[${'{},'.repeat(1000)}{}]}]}]}`;
  t.throws(() => traceRequestFromJson(Buffer.from(spans), LIMITS), { instanceOf: TooManyItems, message: /1000 spans/ });
  const points = spans
    .replace('resourceSpans', 'resourceMetrics')
    .replace('scopeSpans', 'scopeMetrics')
    .replace('"spans":[', '"metrics":[{"sum":{"dataPoints":[')
    .replace(']}]}]}', ']}}]}]}]}');
  t.throws(() => metricsRequestFromJson(Buffer.from(points), LIMITS), {
    instanceOf: TooManyItems,
    message: /1000 data points/,
  });
});

test('JSON with any bytes changed is refused or gives a request that is read', (t) => {
  const json = Buffer.from(spansToJson(readSpans(spansRequest(2), LIMITS)));
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.nat(json.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('"\\{}[],:0-eu')))),
        { minLength: 1, maxLength: 3 },
      ),
      (edits) => {
        const bytes = Buffer.from(json);
        for (const [at, byte] of edits) bytes[at] = byte;
        try {
          readSpans(traceRequestFromJson(bytes, LIMITS), LIMITS);
          t.notThrows(() => JSON.parse(bytes.toString()));
        } catch (error) {
          t.true(error instanceof MalformedJson, String(error));
        }
      },
    ),
    { numRuns: 3000 },
  );
});
