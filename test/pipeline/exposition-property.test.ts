/** @module The scanner equals its reference for any bytes, any split and any order, page after page. */
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { budget } from '../kit/budget.ts';
import { cut, rule, ScanBench } from '../kit/scan.ts';

const WANTED = new Map([
  rule('req_total'),
  rule('lat_bucket', 'histogram', 'lat'),
  rule('lat_sum', 'histogram', 'lat'),
  rule('new_total', 'counter', 'new_total'),
  rule('start', 'gauge'),
]);

const LONG =
  'direction="outbound",authority="web-svc.emojivoto.svc.cluster.local:8080",tls="true",pod="web-6f8b9d7c5-x2v4q"';
const NAMES = ['req_total', 'lat_bucket', 'lat_sum', 'new_total', 'start', 'other_total', 'req_totals', 'req'];
const LABELS = [
  '',
  '{}',
  '{a="1"}',
  '{a="1",b="2"}',
  '{b="2",a="1"}',
  '{ a = "1" , b="2" , }',
  '{a="1",a="2"}',
  '{a="x\\"y\\\\z\\nw"}',
  '{a="bad \\x escape"}',
  '{a="unclosed}',
  '{a="}"}',
  '{a="1" b="2"}',
  '{,}',
  '{"quoted.name"="1"}',
  '{a="é"}',
  '{a="\ttab"}',
  '{a="\u0001"}',
  ' {a="1"}',
  ' {a',
  `{${LONG},le="1"}`,
  `{${LONG},le="20"}`,
  `{${LONG},le="+Inf"}`,
  `{${LONG}}`,
  `{le="0.05",${LONG}}`,
  `{le="10.0",${LONG}}`,
];
const VALUES = [
  ' 0',
  ' 7',
  ' 123456789012345',
  ' 1234567890123456',
  ' 9007199254740993',
  ' 90071992547409931',
  ' 18446744073709551615',
  ' 0.1',
  ' 12.5',
  '\t4 ',
  '  3 1700000000000',
  ' 3 -17.5e3 # {trace="x"} 1 2',
  ' 5 # {trace="} 4"} 1',
  ' 1e3',
  ' .5',
  ' 5.',
  ' +4',
  ' -3',
  ' -0',
  ' NaN',
  ' +Inf',
  ' -inf',
  ' 1e400',
  ' 0x10',
  ' 1_000',
  ' 123456789012345678901234567890.123',
  '9',
  '',
  ' ',
  ' abc',
  ' 1 abc',
  ' 1 2 3',
  ' 1\r',
  ' {a="1"} 4',
  ' 1\u0000',
];
const OTHER = [
  '',
  ' ',
  '\r',
  '# EOF',
  '# EOF ',
  '#',
  '# HELP req_total help',
  '# TYPE req_total counter',
  '# TYPE req_total unknown',
  '# TYPE new counter',
  '# TYPE new gauge',
  '# UNIT lat seconds',
  '{"req_total",a="1"} 5',
  '{"other.total",a="1"} 5',
  '{"start"} 5',
  '{ "req_total" , a="1" , } 6',
  '{a="1"} 5',
  '{"req_total"',
  '{"req_total",a} 4',
  '<html>',
];
const FATAL = ['# TYPE req_total gauge', '# TYPE "start" counter', '# TYPE lat summary'];

const sampleLine = fc
  .tuple(
    fc.constantFrom('', '', '', ' ', '\t'),
    fc.constantFrom(...NAMES),
    fc.constantFrom(...LABELS),
    fc.constantFrom(...VALUES),
  )
  .map((parts) => parts.join(''));
const goodLine = fc
  .tuple(fc.constantFrom(...NAMES), fc.constantFrom(...LABELS.slice(19)), fc.nat(2000))
  .map(([name, labels, value]) => `${name}${labels} ${value}`);
const anyLine = fc.oneof(
  { weight: 120, arbitrary: goodLine },
  { weight: 80, arbitrary: sampleLine },
  { weight: 30, arbitrary: fc.constantFrom(...OTHER) },
  { weight: 10, arbitrary: fc.string({ maxLength: 12, unit: 'binary' }) },
  { weight: 1, arbitrary: fc.constantFrom(...FATAL) },
);

const ending = fc.constantFrom('\n', '\n', '\r\n');
const pagesArbitrary = fc
  .tuple(fc.array(fc.tuple(anyLine, ending), { maxLength: 40 }), fc.array(fc.nat(), { maxLength: 4 }))
  .chain(([lines, seeds]) => {
    const variant = fc.record({
      lines: fc.oneof(fc.constant(lines), fc.shuffledSubarray(lines), fc.subarray(lines)),
      repeated: fc.subarray(lines, { maxLength: Math.min(3, lines.length) }),
      cutLast: fc.boolean(),
      cuts: fc.array(fc.nat(), { maxLength: 6 }),
    });
    return fc.array(variant, { minLength: 1, maxLength: 3 + seeds.length });
  });

function render(page: { lines: [string, string][]; repeated: [string, string][]; cutLast: boolean }): Buffer {
  const text = [...page.lines, ...page.repeated].map(([line, end]) => line + end).join('');
  return Buffer.from(page.cutLast ? text.slice(0, -1) : text);
}

const verdict = (key: string) => (key.includes('20') ? 'unwanted' : key.includes('10.0') ? 'limited' : 'store');

test('successive pages in any order and any pieces give what the reference gives', (t) => {
  fc.assert(
    fc.property(pagesArbitrary, (pages) => {
      const bench = new ScanBench({ wanted: WANTED, verdict });
      for (const page of pages) {
        const bytes = render(page);
        const difference = bench.difference(bytes, cut(bytes, page.cuts));
        if (difference !== null) throw new Error(difference);
      }
    }),
    { numRuns: budget('scannerRuns', 3000) },
  );
  t.pass();
});

test('the same holds under narrow limits', (t) => {
  const limits = fc.record({
    sampleLimit: fc.integer({ min: 0, max: 20 }),
    labelLimit: fc.integer({ min: 0, max: 5 }),
    labelNameLengthBytes: fc.integer({ min: 1, max: 10 }),
    labelValueLengthBytes: fc.integer({ min: 1, max: 45 }),
    lineBytes: fc.integer({ min: 1, max: 160 }),
  });
  fc.assert(
    fc.property(pagesArbitrary, limits, (pages, narrow) => {
      const bench = new ScanBench({ wanted: WANTED, verdict, limits: narrow });
      for (const page of pages) {
        const bytes = render(page);
        const difference = bench.difference(bytes, cut(bytes, page.cuts));
        if (difference !== null) throw new Error(difference);
      }
    }),
    { numRuns: budget('scannerRuns', 1500) },
  );
  t.pass();
});

test('any bytes at all give what the reference gives', (t) => {
  const alphabet = Buffer.from('req_total{a="1,}\\n # TYPE EOF 0.5e+NaInf\t\r\n\n<\u0000\u007f\u00e9');
  const byte = fc.oneof(
    { weight: 9, arbitrary: fc.nat(alphabet.length - 1).map((i) => alphabet[i]!) },
    { weight: 1, arbitrary: fc.nat(255) },
  );
  const page = fc.oneof(
    fc.array(byte, { maxLength: 200 }),
    fc.array(byte, { maxLength: 60 }).map((bytes) => [...Buffer.from('req_total{a="1"'), ...bytes]),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(page, fc.array(fc.nat(), { maxLength: 5 })), { minLength: 1, maxLength: 3 }),
      (pages) => {
        const bench = new ScanBench({ wanted: WANTED });
        for (const [bytes, cuts] of pages) {
          const difference = bench.difference(Uint8Array.from(bytes), cut(Uint8Array.from(bytes), cuts));
          if (difference !== null) throw new Error(difference);
        }
      },
    ),
    { numRuns: budget('scannerRuns', 4000) },
  );
  t.pass();
});

const DATA = new URL('../data/', import.meta.url);
const RECORDED = ['linkerd', 'istio', 'envoy']
  .flatMap((folder) => readdirSync(new URL(`${folder}/`, DATA)).map((file) => `${folder}/${file}`))
  .filter((file) => file.endsWith('.prom') || file.endsWith('.txt'))
  .map((file) => ({ file, bytes: readFileSync(new URL(file, DATA)) }));

/** Two of three sample names of the recorded pages, so that wanted and other lines alternate. */
const RECORDED_WANTED = new Map(
  [...new Set(RECORDED.flatMap(({ bytes }) => bytes.toString('latin1').match(/^[a-zA-Z_:][a-zA-Z0-9_:]*/gm) ?? []))]
    .sort()
    .filter((_, i) => i % 3 !== 0)
    .map((name) => rule(name, 'untyped')),
);

for (const { file, bytes } of RECORDED) {
  test(`the recorded page ${file} is read like the reference, twice and line by line reversed`, (t) => {
    const bench = new ScanBench({ wanted: RECORDED_WANTED });
    const reversed = Buffer.from(`${bytes.toString('latin1').trimEnd().split('\n').reverse().join('\n')}\n`, 'latin1');
    t.is(bench.difference(bytes), null);
    const resolvedOnce = bench.resolved;
    t.is(bench.difference(bytes, cut(bytes, [1, 77, 4099, 30011])), null);
    t.is(bench.difference(reversed), null);
    t.is(bench.difference(bytes), null);
    t.is(bench.resolved, resolvedOnce);
    if (file.includes('real-')) t.true(resolvedOnce > 100);
  });
}

test('one scanner follows a real proxy through all its pages', (t) => {
  for (const proxy of ['web', 'api']) {
    const bench = new ScanBench({ wanted: RECORDED_WANTED });
    const pages = RECORDED.filter(({ file }) => file.includes(`real-29637b64f-${proxy}-`));
    t.is(pages.length, 14);
    for (const { file, bytes } of pages) t.is(bench.difference(bytes), null, file);
  }
});

type Mutation = { kind: 'flip' | 'remove' | 'double' | 'insert'; at: number; length: number; byte: number };
const mutation = fc.record({
  kind: fc.constantFrom<Mutation['kind']>('flip', 'remove', 'double', 'insert'),
  at: fc.nat(),
  length: fc.integer({ min: 1, max: 700 }),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('\n\r "\\{},=#0'))),
});

function mutate(bytes: Buffer, { kind, at, length, byte }: Mutation): Buffer {
  const from = at % Math.max(1, bytes.length);
  const [head, range, tail] = [
    bytes.subarray(0, from),
    bytes.subarray(from, from + length),
    bytes.subarray(from + length),
  ];
  if (kind === 'remove') return Buffer.concat([head, tail]);
  if (kind === 'double') return Buffer.concat([head, range, range, tail]);
  if (kind === 'insert') return Buffer.concat([head, Buffer.from([byte]), range, tail]);
  return Buffer.concat([head, Buffer.from([byte]), bytes.subarray(from + 1)]);
}

test('mutated recorded pages give what the reference gives, before and after a sound page', (t) => {
  const pages = RECORDED.filter(({ bytes }) => bytes.length < 70_000);
  const run = fc.tuple(
    fc.nat(pages.length - 1),
    fc.array(mutation, { minLength: 1, maxLength: 8 }),
    fc.array(fc.nat(), { maxLength: 5 }),
  );
  fc.assert(
    fc.property(run, ([index, mutations, cuts]) => {
      const sound = pages[index]!.bytes;
      const broken = mutations.reduce(mutate, sound);
      const bench = new ScanBench({ wanted: RECORDED_WANTED });
      for (const page of [sound, broken, sound, broken]) {
        const difference = bench.difference(page, cut(page, cuts));
        if (difference !== null) throw new Error(`${pages[index]!.file}: ${difference}`);
      }
    }),
    { numRuns: budget('scannerRuns', 300) },
  );
  t.pass();
});
