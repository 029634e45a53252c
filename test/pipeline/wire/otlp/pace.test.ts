/** @module However a request is built, only so much of it is read between two steps. Work is counted, not timed. */
import test from 'ava';
import fc from 'fast-check';
import { countDataPointsInSteps } from '../../../../pipeline/wire/otlp/metrics-count.ts';
import { readMetricsInSteps } from '../../../../pipeline/wire/otlp/metrics-reader.ts';
import { inOneGo, LONGEST_POINT, LONGEST_RESOURCE, Pace } from '../../../../pipeline/wire/otlp/pace.ts';
import { EXPONENTIAL_SHAPE, METRIC_SHAPE, passAll, passOver } from '../../../../pipeline/wire/otlp/skipped-fields.ts';
import { decodeTrafficInSteps } from '../../../../pipeline/wire/otlp/traffic-decoder.ts';
import { MalformedProtobuf, ProtobufReader } from '../../../../pipeline/wire/protobuf/reader.ts';

/** Of each hostile shape, bytes. */
const LENGTH = 1 << 20;
/** Numbers read between two steps where nothing is made of them. */
const MAX_READS = 10_000;

let reads = 0;
const numbers = ['varint', 'fixed64', 'double'] as const;
for (const name of numbers) {
  const read = ProtobufReader.prototype[name] as () => number;
  Object.assign(ProtobufReader.prototype, {
    [name](this: ProtobufReader) {
      reads += 1;
      return read.call(this);
    },
  });
}

/** The most numbers read between two steps, and how many steps there were. */
function longestStep(steps: Iterator<void>): { longest: number; steps: number } {
  let longest = 0;
  let count = 0;
  for (;;) {
    reads = 0;
    const { done } = steps.next();
    longest = Math.max(longest, reads);
    count += 1;
    if (done === true) return { longest, steps: count };
  }
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 0x80))];
}
const inside = (field: number, ...contents: readonly Uint8Array[]): Buffer => {
  const length = contents.reduce((sum, content) => sum + content.length, 0);
  return Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(length)]), ...contents]);
};
const text = (field: number, value: string) => inside(field, Buffer.from(value));
const many = (part: Uint8Array, length = LENGTH): Buffer => Buffer.alloc(length - (length % part.length), part);
/** So many different parts. */
const each = (count: number, part: (i: number) => Uint8Array) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => part(i)));
const pair = (key: string) => [text(1, key), inside(2, text(1, 'v'))] as const;

const UNKNOWN = many(Buffer.from([15 * 8, 1]));
const GROUPS = many(Buffer.from([15 * 8 + 3, 15 * 8 + 4]));
const GROUP = Buffer.concat([Buffer.from([15 * 8 + 3]), UNKNOWN, Buffer.from([15 * 8 + 4])]);
const VARINTS = many(Buffer.from([1]));
const WORDS = many(Buffer.alloc(8));
const PAIRS = (field: number, count = 60_000) => each(count, (i) => inside(field, ...pair(`name-${i}`)));
const NOISE = { 'unknown fields': UNKNOWN, groups: GROUPS, 'a group': GROUP };

/** Where fields may stand: each puts them there. */
const PLACES: Readonly<Record<string, (fields: Uint8Array) => Buffer>> = {
  request: (fields) => Buffer.from(fields),
  'resource metrics': (fields) => inside(1, fields),
  resource: (fields) => inside(1, inside(1, fields)),
  'scope metrics': (fields) => inside(1, inside(2, fields)),
  scope: (fields) => inside(1, inside(2, inside(1, fields))),
  metric: (fields) => inside(1, inside(2, inside(2, fields))),
  'a sum': (fields) => inside(1, inside(2, inside(2, inside(7, fields)))),
  'a number point': (fields) => inside(1, inside(2, inside(2, inside(7, inside(1, fields))))),
  'an exemplar': (fields) => inside(1, inside(2, inside(2, inside(7, inside(1, inside(5, fields)))))),
  'a histogram': (fields) => inside(1, inside(2, inside(2, inside(9, fields)))),
  'a histogram point': (fields) => inside(1, inside(2, inside(2, inside(9, inside(1, fields))))),
  'an exponential histogram': (fields) => inside(1, inside(2, inside(2, inside(10, fields)))),
  'a point of one': (fields) => inside(1, inside(2, inside(2, inside(10, inside(1, fields))))),
  'its buckets': (fields) => inside(1, inside(2, inside(2, inside(10, inside(1, inside(8, fields)))))),
  'a summary': (fields) => inside(1, inside(2, inside(2, inside(11, fields)))),
  'a point of a summary': (fields) => inside(1, inside(2, inside(2, inside(11, inside(1, fields))))),
};

const place = (name: string) => PLACES[name]!;
const OTHERS: Readonly<Record<string, Buffer>> = {
  'empty resources': place('request')(many(Buffer.from([0x0a, 0]))),
  'empty scopes': place('resource metrics')(many(Buffer.from([0x12, 0]))),
  'empty metrics': place('scope metrics')(many(Buffer.from([0x12, 0]))),
  'empty number points': place('a sum')(many(Buffer.from([0x0a, 0]))),
  'empty histogram points': place('a histogram')(many(Buffer.from([0x0a, 0]))),
  'empty exponential points': place('an exponential histogram')(many(Buffer.from([0x0a, 0]))),
  'empty quantiles': place('a point of a summary')(many(Buffer.from([0x32, 0]))),
  'attributes of a resource': place('resource')(PAIRS(1)),
  'attributes of a scope': place('scope')(PAIRS(3)),
  'attributes of a metric': place('metric')(PAIRS(12)),
  'attributes of a number point': place('a number point')(PAIRS(7)),
  'attributes of a histogram point': place('a histogram point')(PAIRS(9)),
  'packed counts': place('a histogram point')(inside(6, WORDS)),
  'packed bounds': place('a histogram point')(inside(7, WORDS)),
  'packed varints': place('its buckets')(inside(2, VARINTS)),
  'a list in a list in a resource': place('resource')(inside(1, text(1, 'k'), inside(2, inside(5, UNKNOWN)))),
  'long names': place('metric')(each(4, () => text(1, 'é'.repeat(LENGTH / 8)))),
};
for (const [what, fields] of Object.entries(NOISE))
  for (const [where, put] of Object.entries(PLACES)) Object.assign(OTHERS, { [`${what} in ${where}`]: put(fields) });

const NOTHING_WANTED = { resource() {}, metric: () => false, unread() {}, tooLong() {}, point() {} };
const ALL_WANTED = { ...NOTHING_WANTED, metric: () => true };

for (const [what, bytes] of Object.entries(OTHERS)) {
  test(`${what} are read bit by bit`, (t) => {
    const readers = {
      counted: countDataPointsInSteps(bytes, 1e9),
      decoded: decodeTrafficInSteps(bytes),
      passed: readMetricsInSteps(bytes, NOTHING_WANTED),
      read: readMetricsInSteps(bytes, ALL_WANTED),
    };
    for (const [name, reader] of Object.entries(readers)) {
      const { longest } = longestStep(reader);
      t.true(longest <= MAX_READS, `${name}: ${longest} numbers at once`);
    }
  });
}

test('a point and a resource that are just short enough are read in one go, and these have a bound', (t) => {
  const noise = UNKNOWN.subarray(0, LONGEST_POINT - 16);
  for (const bytes of [place('a number point')(noise), place('a histogram point')(noise)])
    for (const reader of [decodeTrafficInSteps(bytes), readMetricsInSteps(bytes, ALL_WANTED)]) {
      const { longest } = longestStep(reader);
      t.true(longest > LONGEST_POINT / 2 && longest <= LONGEST_POINT + MAX_READS);
    }
  const { longest } = longestStep(decodeTrafficInSteps(place('resource')(UNKNOWN.subarray(0, LONGEST_RESOURCE - 16))));
  t.true(longest <= LONGEST_RESOURCE + MAX_READS);
});

test('sums of many intervals are finished bit by bit', (t) => {
  const fixed = (field: number, value: number) => {
    const bytes = Buffer.alloc(9, field * 8 + 1);
    bytes.writeBigUInt64LE(BigInt(value) * 1_000_000_000n, 1);
    return bytes;
  };
  const point = (i: number) => inside(1, fixed(2, i), fixed(3, i + 10), fixed(6, 0));
  const sum = inside(7, each(5000, point), Buffer.from([0x10, 1]));
  const bytes = inside(1, inside(2, inside(2, text(1, 'weir.interval'), sum)));
  const steps = decodeTrafficInSteps(bytes);
  let silent = 0;
  for (;;) {
    reads = 0;
    const step = steps.next();
    if (step.done !== true) silent += Number(reads === 0);
    else {
      t.is(step.value.resources[0]!.sums.length, 5000);
      break;
    }
  }
  t.true(silent >= 30, `${silent} steps in which nothing is read`);
});

/** Verdict on a message of some shape: where the reader is behind it, or why it is malformed. */
function verdict(bytes: Uint8Array, read: (reader: ProtobufReader) => void): string {
  const reader = new ProtobufReader(bytes);
  try {
    read(reader);
    return `fine at ${reader.position}, ${reader.depth} deep`;
  } catch (error) {
    if (!(error instanceof MalformedProtobuf)) throw error;
    return error.message;
  }
}

test('what is passed over by steps is what is passed over in one go, and so is what is wrong with it', (t) => {
  const bits = fc.constantFrom<Uint8Array>(
    ...[
      UNKNOWN.subarray(0, 6),
      GROUPS.subarray(0, 4),
      inside(2, text(1, 'v')),
      text(1, 'é'),
      inside(5, Buffer.of(1, 1)),
    ],
    ...[inside(1, ...pair('k')), inside(6, inside(1, ...pair('k'))), inside(8, inside(2, Buffer.of(1, 2)))],
  );
  const message = fc.tuple(fc.array(bits, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 3000 }));
  const mutation = fc.option(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })));
  fc.assert(
    fc.property(message, mutation, fc.boolean(), ([parts, times], change, isMetric) => {
      const long = many(Buffer.concat(parts), Math.max(16, times * 10 - (times % parts.length)));
      const bytes = Buffer.from(inside(isMetric ? 12 : 1, inside(8, inside(2, long)), long, inside(2, long)));
      if (change !== null) bytes[change[0] % bytes.length] = change[1];
      const shape = isMetric ? METRIC_SHAPE : EXPONENTIAL_SHAPE;
      const inOne = verdict(bytes, (reader) => {
        while (reader.next()) passOver(reader, shape);
      });
      t.is(
        verdict(bytes, (reader) => inOneGo(passAll(reader, shape, new Pace()))),
        inOne,
      );
    }),
    { numRuns: 200 },
  );
});
