/** @module Trace requests read from their bytes and looked into, against protobufjs. */
import test from 'ava';
import fc from 'fast-check';
import {
  MalformedProtobuf,
  readSpans,
  resourceText,
  SpanReader,
  type SpanView,
  spanAt,
  spanText,
  TooManyItems,
  WrongIdInProtobuf,
} from '../../../pipeline/wire/otlp-spans.ts';
import { MessageBuilder } from '../../../pipeline/wire/protobuf/message-builder.ts';
import { spansRequest } from '../../bench/span-payload.ts';
import { anyMessage, schemaJson } from '../../kit/otlp-arbitrary.ts';
import { TRACE_REQUEST_TYPE } from '../../kit/otlp-schema.ts';
import { emptySpans } from '../../kit/spans.ts';

const LIMITS = { maxItems: 1000, maxDepth: 32 };

interface JsonSpan {
  readonly traceId?: string;
  readonly spanId?: string;
  readonly parentSpanId?: string;
  readonly name?: string;
  readonly kind?: number;
  readonly startTimeUnixNano?: string;
  readonly endTimeUnixNano?: string;
  readonly status?: { readonly code?: number; readonly message?: string };
}

interface JsonAttribute {
  readonly key?: string;
  readonly value?: { readonly stringValue?: string };
}

interface JsonRequest {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly JsonAttribute[] };
    readonly scopeSpans?: readonly { readonly spans?: readonly JsonSpan[] }[];
  }[];
}

/** Spans as protobufjs decodes them. */
function schemaViews(bytes: Uint8Array): SpanView[] {
  const { resourceSpans = [] } = schemaJson(TRACE_REQUEST_TYPE, bytes) as JsonRequest;
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const named = resource?.attributes?.find(({ key }) => key === 'service.name');
    const serviceName = named?.value?.stringValue ?? '';
    return scopeSpans.flatMap(({ spans = [] }) => spans.map((span) => viewOf(span, serviceName)));
  });
}

function viewOf(span: JsonSpan, serviceName: string): SpanView {
  const { traceId = '', spanId = '', parentSpanId = '', name = '', kind = 0, status } = span;
  const times = {
    startUnixNano: BigInt(span.startTimeUnixNano ?? 0),
    endUnixNano: BigInt(span.endTimeUnixNano ?? 0),
  };
  const [statusCode, statusMessage] = [status?.code ?? 0, status?.message ?? ''];
  return { traceId, spanId, parentSpanId, name, kind, ...times, statusCode, statusMessage, serviceName };
}

function viewsOf(bytes: Uint8Array): SpanView[] {
  const spans = readSpans(bytes, LIMITS);
  return Array.from({ length: spans.count }, (_, i) => spanAt(spans, i));
}

function encode(value: Record<string, unknown>): Uint8Array {
  return TRACE_REQUEST_TYPE.encode(TRACE_REQUEST_TYPE.fromObject(value)).finish();
}

/** A request of one span, whose fields `build` gives. */
function spanRequest(build: (span: MessageBuilder) => MessageBuilder): Uint8Array {
  const scope = new MessageBuilder().message(2, build(new MessageBuilder()).take()).take();
  return new MessageBuilder().message(1, new MessageBuilder().message(2, scope).take()).take();
}

test('each span shows as protobufjs decodes it', (t) => {
  const bytes = spansRequest(20);
  t.deepEqual(viewsOf(bytes), schemaViews(bytes));
  t.is(viewsOf(bytes)[19]!.serviceName, 'checkout');
});

test('any spans show as protobufjs decodes them', (t) => {
  fc.assert(
    fc.property(anyMessage(TRACE_REQUEST_TYPE), (value) => {
      const bytes = encode(value);
      t.deepEqual(viewsOf(bytes), schemaViews(bytes));
    }),
    { numRuns: 200 },
  );
});

test('a field told twice counts as protobuf says: the last scalar, the sum of messages', (t) => {
  const status = (field: 2 | 3) =>
    new MessageBuilder()[field === 2 ? 'text' : 'varint'](field, (field === 2 ? 'x' : 2) as never);
  const bytes = spanRequest((span) =>
    span.text(5, 'first').message(15, status(2).take()).text(5, 'last').message(15, status(3).take()),
  );
  t.deepEqual(viewsOf(bytes), schemaViews(bytes));
  t.like(viewsOf(bytes)[0], { name: 'last', statusCode: 2, statusMessage: 'x' });
});

test('texts of attributes are found by their key', (t) => {
  const spans = readSpans(spansRequest(3), LIMITS);
  t.is(spanText(spans, 1, 'server.address'), 'checkout.shop');
  t.is(spanText(spans, 1, 'http.response.status_code'), null);
  t.is(spanText(spans, 1, 'absent'), null);
  t.is(resourceText(spans, 0, 'k8s.node.name'), 'node-3');
});

test('the columns lead from each span to its scope and resource, also past those without spans', (t) => {
  const scope = (spans: number) => {
    const builder = new MessageBuilder();
    for (let i = 0; i < spans; i++) builder.message(2, new Uint8Array());
    return builder.take();
  };
  const resource = (...scopes: number[]) => {
    const builder = new MessageBuilder();
    for (const spans of scopes) builder.message(2, scope(spans));
    return builder.take();
  };
  const request = new MessageBuilder();
  for (const scopes of [[], [0, 2], [1, 0], []]) request.message(1, resource(...scopes));
  const { layout } = readSpans(request.take(), LIMITS);
  t.deepEqual([...layout.spanScope], [1, 1, 2]);
  t.deepEqual([...layout.scopeResource], [1, 1, 2, 2]);
  t.deepEqual([...layout.scopeSpan], [0, 0, 2, 3, 3]);
  t.deepEqual([...layout.resourceScope], [0, 0, 2, 4, 4]);
});

test('a request read in steps of any size is the same as one read at once, also when it is refused', (t) => {
  const whole = spansRequest(5);
  for (const bytes of [whole, whole.subarray(0, 1000)]) {
    for (const budget of [1, 7, 100, 5000])
      t.deepEqual(
        outcomeOf(() => inSteps(bytes, budget)),
        outcomeOf(() => readSpans(bytes, LIMITS)),
      );
  }
});

function inSteps(bytes: Uint8Array, budget: number) {
  const reader = new SpanReader(bytes, LIMITS);
  while (!reader.step(budget));
  return reader.spans();
}

function outcomeOf(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return String(error);
  }
}

const LONG = 3 * 1024 * 1024;
const manyTimes = (bytes: readonly number[], times: number) =>
  Buffer.alloc(bytes.length * times, Uint8Array.from(bytes));
const attribute = (value: Uint8Array) => new MessageBuilder().text(1, 'k').message(2, value).take();
const fieldsOf = (bytes: Uint8Array) => spanRequest((span) => span.message(9, bytes));

/** What may hold a reader up, and how many steps of 64 KiB it takes at least. */
const HOSTILE: readonly [string, () => Uint8Array, number][] = [
  ['one span of empty attributes', () => inSpan(manyTimes([0x4a, 0], LONG / 2)), 48],
  ['unknown fields of the request', () => manyTimes([0x78, 0], LONG / 2), 48],
  ['unknown fields of a resource', () => around(1, around(1, manyTimes([0x78, 0], LONG / 2))), 48],
  ['fields of long tags', () => inSpan(manyTimes([0xf8, 0xff, 0xff, 0xff, 0x0f, 0], LONG / 6)), 96],
  ['groups', () => manyTimes([0x7b, 0x7c], LONG / 2), 240],
  ['lists within lists', () => inSpan(manyTimes([...around(9, nested(10))], 40_000)), 20],
  ['one text', () => fieldsOf(attribute(new MessageBuilder().text(1, 'a'.repeat(LONG)).take())), 3],
  [
    'one text that is not ASCII',
    () => fieldsOf(attribute(new MessageBuilder().text(1, '😀'.repeat(LONG / 4)).take())),
    3,
  ],
  ['texts that are not ASCII', () => inSpan(manyTimes([0x2a, 2, 0xc3, 0xbc], LONG / 4)), 48],
];

/** A request of one span of these bytes. */
function inSpan(span: Uint8Array): Uint8Array {
  return around(1, around(2, around(2, span)));
}

for (const [what, make, least] of HOSTILE) {
  test(`in steps none of which is long: ${what}`, (t) => {
    const bytes = make();
    const reader = new SpanReader(bytes, LIMITS);
    let steps = 1;
    while (!reader.step(65_536)) steps += 1;
    t.true(steps >= least, `${steps} steps`);
    t.deepEqual(reader.spans(), readSpans(bytes, LIMITS));
  });
}

test('a long text is checked whole, wherever its parts begin and end', (t) => {
  const part = 1024 * 1024;
  for (let shift = 0; shift < 4; shift++) {
    const name = Buffer.from(`${'a'.repeat(part - 3 + shift)}😀${'ü'.repeat(part)}`);
    const named = (bytes: Uint8Array) => inSpan(new MessageBuilder().message(5, bytes).text(3, 'b').take());
    t.is(readSpans(named(name), LIMITS).count, 1);
    for (const broken of [name.indexOf('😀') + 2, name.length - 1]) {
      const wrong = Buffer.from(name);
      wrong[broken] = 0x61;
      t.throws(() => readSpans(named(wrong), LIMITS), {
        instanceOf: MalformedProtobuf,
        message: /not UTF-8, at byte 20$/,
      });
    }
  }
});

test('columns of more rows than a block has are the same, and made in steps', (t) => {
  const limits = { maxItems: 300_000, maxDepth: 32 };
  const { bytes, starts } = manySpans([1, 70_000, 0, 150_000, 5]);
  const reader = new SpanReader(bytes, limits);
  let steps = 1;
  while (!reader.step(Number.POSITIVE_INFINITY)) steps += 1;
  t.true(steps > 3, `${steps} steps`);
  const { count, layout } = reader.spans();
  t.is(count, 220_006);
  t.deepEqual([...layout.spanStart], starts);
  t.deepEqual([...layout.scopeSpan], [0, 1, 70_001, 70_001, 220_001, 220_006]);
  t.deepEqual([...layout.resourceScope], [0, 1, 2, 3, 4, 5]);
});

/** A request with a resource and a scope of so many empty spans each, and where these start. */
function manySpans(counts: readonly number[]): { bytes: Uint8Array; starts: number[] } {
  const starts: number[] = [];
  const parts = counts.map((spans) => around(1, around(2, manyTimes([0x12, 0], spans))));
  parts.reduce((at, part, i) => {
    for (let k = 0; k < counts[i]!; k++) starts.push(at + part.length - 2 * (counts[i]! - k));
    return at + part.length;
  }, 0);
  return { bytes: Buffer.concat(parts), starts };
}

test('too many spans, scopes or resources are refused, each kind by itself', (t) => {
  const { bytes } = emptySpans(1001);
  t.throws(() => readSpans(bytes, LIMITS), { instanceOf: TooManyItems, message: /more than 1000 spans/ });
  t.is(readSpans(bytes, { ...LIMITS, maxItems: 1001 }).count, 1001);
  const resources = new MessageBuilder();
  for (let i = 0; i < 1001; i++) resources.message(1, new Uint8Array());
  t.throws(() => readSpans(resources.take(), LIMITS), { instanceOf: TooManyItems, message: /1000 resources/ });
  const scopes = new MessageBuilder();
  for (let i = 0; i < 1001; i++) scopes.message(2, new Uint8Array());
  const request = new MessageBuilder().message(1, scopes.take()).take();
  t.throws(() => readSpans(request, LIMITS), { instanceOf: TooManyItems, message: /1000 scopes/ });
});

const TRACE = new Uint8Array(16).fill(7);
const SPAN = new Uint8Array(8).fill(7);

const IDS: readonly [string, (span: MessageBuilder) => MessageBuilder, number | RegExp][] = [
  ['both ids', (span) => span.message(1, TRACE).message(2, SPAN), 0],
  ['no ids', (span) => span, 1],
  ['a trace id of zeros', (span) => span.message(1, new Uint8Array(16)).message(2, SPAN), 1],
  ['a span id of zeros', (span) => span.message(1, TRACE).message(2, new Uint8Array(8)), 1],
  ['empty ids', (span) => span.message(1, new Uint8Array()).message(2, new Uint8Array()), 1],
  ['a parent of zeros', (span) => span.message(1, TRACE).message(2, SPAN).message(4, new Uint8Array(8)), 0],
  [
    'a trace id told first right, then of zeros',
    (span) => span.message(1, TRACE).message(2, SPAN).message(1, new Uint8Array(16)),
    1,
  ],
  ['a trace id of 8 bytes', (span) => span.message(1, SPAN).message(2, SPAN), /an id of 8 bytes, expected 16/],
  ['a span id of 16 bytes', (span) => span.message(1, TRACE).message(2, TRACE), /an id of 16 bytes, expected 8/],
  ['a parent of 7 bytes', (span) => span.message(4, new Uint8Array(7)), /an id of 7 bytes, expected 8/],
  [
    'a link with a trace id of 1 byte',
    (span) => span.message(13, new MessageBuilder().message(1, new Uint8Array(1)).take()),
    /an id of 1 bytes, expected 16/,
  ],
];

for (const [what, build, expected] of IDS) {
  test(`ids: ${what}`, (t) => {
    const read = () => readSpans(spanRequest(build), LIMITS);
    if (typeof expected === 'number') t.is(read().invalidIds, expected);
    else t.throws(read, { instanceOf: WrongIdInProtobuf, message: expected });
  });
}

/** As decimal text, so that they are exact; null for one that is absent. */
const TIMES: readonly [what: string, began: string | null, ended: string | null, backwards: number][] = [
  ['none', null, null, 0],
  ['an end alone', null, '3', 0],
  ['a start alone, whose end is 0', '3', null, 1],
  ['a start of 0 alone', '0', null, 0],
  ['the same twice', '1700000000000000003', '1700000000000000003', 0],
  ['an end a nanosecond after the start', '1700000000000000003', '1700000000000000004', 0],
  ['an end a nanosecond before the start', '1700000000000000004', '1700000000000000003', 1],
  ['a low byte that is smaller, a high one that is larger', '255', '256', 0],
  ['a low byte that is larger, a high one that is smaller', '256', '255', 1],
  ['an end beyond 2^63', '9223372036854775807', '9223372036854775808', 0],
  ['a start beyond 2^63', '18446744073709551615', '1', 1],
];

for (const [what, began, ended, backwards] of TIMES) {
  test(`times: ${what}`, (t) => {
    const start = began === null ? [] : [time(BEGAN, began)];
    const end = ended === null ? [] : [time(ENDED, ended)];
    // Of a field that comes twice the last one counts.
    const twice = [...start.map(() => time(BEGAN, '77')), ...end.map(() => time(ENDED, '1')), ...start, ...end];
    for (const fields of [[...start, ...end], [...end, ...start], twice]) {
      const bytes = requestOf(Buffer.concat(fields));
      t.is(readSpans(bytes, LIMITS).backwards, backwards);
      t.like(viewsOf(bytes)[0], { startUnixNano: BigInt(began ?? 0), endUnixNano: BigInt(ended ?? 0) });
    }
  });
}

test('times of one span say nothing of the next, nor do those of its events', (t) => {
  const event = new MessageBuilder().message(11, time(1, '1')).take();
  const bytes = requestOf(
    Buffer.concat([time(BEGAN, '5'), time(ENDED, '6'), event]),
    time(ENDED, '4'),
    time(BEGAN, '5'),
    new Uint8Array(),
  );
  t.is(readSpans(bytes, LIMITS).backwards, 1);
  for (let budget = 1; budget < 40; budget++) {
    const reader = new SpanReader(bytes, LIMITS);
    while (!reader.step(budget));
    t.is(reader.spans().backwards, 1);
  }
});

test('a span of 10,000 links is passed on with all of them', (t) => {
  const links = Array.from({ length: 10_000 }, () => ({ traceId: TRACE, spanId: SPAN }));
  const bytes = encode({ resourceSpans: [{ scopeSpans: [{ spans: [{ links }] }] }] });
  const spans = readSpans(bytes, LIMITS);
  t.is(spans.count, 1);
  t.is(spans.bytes, bytes);
});

const BEGAN = 7;
const ENDED = 8;

/** A field of 64 bits. */
function time(field: number, value: string): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = field * 8 + 1;
  new DataView(bytes.buffer).setBigUint64(1, BigInt(value), true);
  return bytes;
}

/** A request of spans of these fields. */
function requestOf(...spans: readonly Uint8Array[]): Uint8Array {
  const scope = new MessageBuilder();
  for (const span of spans) scope.message(2, span);
  return new MessageBuilder().message(1, new MessageBuilder().message(2, scope.take()).take()).take();
}

/** An attribute whose value is `depth` lists within each other. */
function nested(depth: number): Uint8Array {
  let value = new Uint8Array();
  for (let i = 0; i < depth; i++) {
    const list = new MessageBuilder().message(1, value).take();
    value = new Uint8Array(new MessageBuilder().message(5, list).take());
  }
  return new MessageBuilder().message(2, value).take();
}

function groups(depth: number): Uint8Array {
  return Uint8Array.of(...Array<number>(depth).fill(0x7b), ...Array<number>(depth).fill(0x7c));
}

const bytes = (...values: number[]) => Uint8Array.of(...values);

const REFUSED: readonly [string, Uint8Array, RegExp][] = [
  ['a length beyond the end', bytes(0x0a, 5), /a length of 5 where 0 are left, at byte 0/],
  ['a length beyond what encloses it', bytes(0x0a, 2, 0x12, 1, 0), /a length of 1 where 0 are left, at byte 2/],
  ['a length that is cut off', bytes(0x0a), /a length that is cut off, at byte 1/],
  ['a long length that is cut off', bytes(0x0a, 0x80), /a length that is cut off/],
  ['a length of 2 GiB', bytes(0x0a, 0x80, 0x80, 0x80, 0x80, 0x08), /a length of 2 GiB or more/],
  ['field number 0', bytes(0x00, 0), /a field of number 0/],
  ['wire type 6', bytes(0x7e, 0), /a wire type of 6/],
  ['a tag of 6 bytes', bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0x01), /a tag that no field has/],
  ['a tag that is cut off', bytes(0xff), /a tag that is cut off/],
  ['a number of 11 bytes', bytes(0x78, ...Array<number>(10).fill(0xff), 1), /a number of more than 10 bytes/],
  ['a number that is cut off', bytes(0x78, 0xff), /a number that is cut off/],
  ['a fixed number that is cut off', bytes(0x79, 0, 0), /a number that is cut off/],
  ['the end of a group alone', bytes(0x7c), /the end of a group that did not begin/],
  ['the end of another group', bytes(0x7b, 0x74), /the end of a group that did not begin/],
  ['a group that does not end', bytes(0x7b), /a group that does not end/],
  ['groups in groups', groups(32), /nested deeper than 32/],
  [
    'a known field of another wire type',
    bytes(0x08, 1),
    /ExportTraceServiceRequest.resourceSpans with wire type 0, expected 2/,
  ],
  ['a known field as a group', bytes(0x0b, 0x0c), /resourceSpans with wire type 3, expected 2/],
  ['a name that is not UTF-8', spanRequest((span) => span.message(5, bytes(0x61, 0xff))), /a text that is not UTF-8/],
  [
    'a key with half a character',
    spanRequest((span) => span.message(9, bytes(0x0a, 3, 0xed, 0xa0, 0x80))),
    /a text that is not UTF-8/,
  ],
  ['values nested too deep', spanRequest((span) => span.message(9, nested(14))), /nested deeper than 32/],
];

for (const [what, request, message] of REFUSED) {
  test(`refused with what and where: ${what}`, (t) => {
    t.throws(() => readSpans(request, LIMITS), { instanceOf: MalformedProtobuf, message });
  });
}

test('what is just within the depth is read', (t) => {
  t.is(readSpans(groups(31), LIMITS).count, 0);
  t.is(
    readSpans(
      spanRequest((span) => span.message(9, nested(13))),
      LIMITS,
    ).count,
    1,
  );
});

test('depth of 10,000 is refused, not a crash', (t) => {
  let value = new Uint8Array();
  for (let i = 0; i < 10_000; i++) value = new Uint8Array(new MessageBuilder().message(1, value).take());
  t.throws(
    () =>
      readSpans(
        spanRequest((span) => span.message(9, value)),
        LIMITS,
      ),
    { instanceOf: MalformedProtobuf },
  );
});

/** `inner` as field `number` of a message around it. */
const around = (number: number, inner: Uint8Array) => new MessageBuilder().message(number, inner).take();

for (const [what, value] of [
  ['a plain text', new MessageBuilder().text(1, 'b').take()],
  ['a text that is not ASCII', new MessageBuilder().text(1, 'ü').take()],
  ['a number', new MessageBuilder().varint(3, 1).take()],
] as const) {
  test(`${what} in an attribute is as deep as any other value: six messages, the request included`, (t) => {
    const attribute = new MessageBuilder().text(1, 'a').message(2, value).take();
    const bytes = around(1, around(2, around(2, around(9, attribute))));
    t.is(readSpans(bytes, { maxItems: 1, maxDepth: 6 }).count, 1);
    t.throws(() => readSpans(bytes, { maxItems: 1, maxDepth: 5 }), {
      instanceOf: MalformedProtobuf,
      message: /deeper than 5/,
    });
  });
}
