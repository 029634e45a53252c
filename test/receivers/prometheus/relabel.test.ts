/** @module Relabelling: every action of Prometheus, and what odd rules and hostile labels do. */
import test from 'ava';
import fc from 'fast-check';
import { compilePattern, type Pattern } from '../../../pipeline/config/pattern.ts';
import { hashModulus, type RelabelRule, relabel } from '../../../receivers/prometheus/relabel.ts';

type Rule = Partial<Omit<RelabelRule, 'regex'>> & { readonly regex?: string };
type Labels = Record<string, string>;

function rule({ regex = '(.*)', ...more }: Rule): RelabelRule {
  return {
    action: 'replace',
    sourceLabels: [],
    separator: ';',
    targetLabel: '',
    replacement: '$1',
    modulus: 0,
    ...more,
    regex: compilePattern(regex) as Pattern,
  };
}

function applied(rules: readonly Rule[], labels: Labels): Labels | null {
  const result = relabel(rules.map(rule), new Map(Object.entries(labels)));
  return result === null ? null : Object.fromEntries(result);
}

const relabelCase = test.macro((t, rules: readonly Rule[], before: Labels, after: Labels | null) => {
  t.deepEqual(applied(rules, before), after);
});

const A = { a: 'foo', b: 'bar', c: 'baz' };
test(
  'replace writes what the whole joined text gives',
  relabelCase,
  [{ sourceLabels: ['a', 'b'], regex: 'f(.*);(.*)r', targetLabel: 'd', replacement: '$' + '{2}-$1' }],
  A,
  { ...A, d: 'ba-oo' },
);
test(
  'replace leaves labels alone when the text does not match as a whole',
  relabelCase,
  [{ sourceLabels: ['a'], regex: 'o', targetLabel: 'd' }],
  A,
  A,
);
test(
  'an empty replacement removes the label',
  relabelCase,
  [{ sourceLabels: ['a'], targetLabel: 'b', replacement: '' }],
  A,
  { a: 'foo', c: 'baz' },
);
test(
  'the target label may come from the match',
  relabelCase,
  [{ sourceLabels: ['a'], regex: '(f)(.*)', targetLabel: 'x_$1', replacement: '$2' }],
  A,
  { ...A, x_f: 'oo' },
);
test(
  'a target label that is no label name writes nothing',
  relabelCase,
  [{ sourceLabels: ['a'], targetLabel: '$1-x', replacement: 'y' }],
  A,
  A,
);
test(
  'labels that are absent join as empty text',
  relabelCase,
  [{ sourceLabels: ['nope', 'a'], separator: '|', regex: '\\|foo', targetLabel: 'd', replacement: 'yes' }],
  A,
  { ...A, d: 'yes' },
);
test('$$ is a dollar', relabelCase, [{ targetLabel: 'd', replacement: '$$1' }], A, { ...A, d: '$1' });
test(
  'a group that does not exist is empty',
  relabelCase,
  [{ sourceLabels: ['a'], regex: 'foo', targetLabel: 'd', replacement: 'x$7y' }],
  A,
  { ...A, d: 'x' },
);
test(
  'named groups in the spelling of RE2',
  relabelCase,
  [
    {
      sourceLabels: ['a'],
      regex: '(?P<first>.)(?P<rest>.*)',
      targetLabel: 'd',
      replacement: '$' + '{rest}$' + '{first}',
    },
  ],
  A,
  { ...A, d: 'oof' },
);
test(
  'flags in the spelling of RE2',
  relabelCase,
  [{ sourceLabels: ['a'], regex: '(?i)FOO', targetLabel: 'd', replacement: 'x' }],
  A,
  { ...A, d: 'x' },
);
test('keep keeps what matches', relabelCase, [{ action: 'keep', sourceLabels: ['a'], regex: 'fo+' }], A, A);
test('keep drops what does not', relabelCase, [{ action: 'keep', sourceLabels: ['a'], regex: 'fo' }], A, null);
test('drop drops what matches', relabelCase, [{ action: 'drop', sourceLabels: ['a'], regex: '.*o.*' }], A, null);
test('drop keeps what does not', relabelCase, [{ action: 'drop', sourceLabels: ['a'], regex: 'f' }], A, A);
test(
  'a rule after one that drops is not asked',
  relabelCase,
  [
    { action: 'drop', sourceLabels: ['a'], regex: 'foo' },
    { targetLabel: 'd', replacement: 'x' },
  ],
  A,
  null,
);
test(
  'keepequal keeps equal values',
  relabelCase,
  [{ action: 'keepequal', sourceLabels: ['a'], targetLabel: 'd' }],
  { ...A, d: 'foo' },
  { ...A, d: 'foo' },
);
test('keepequal drops others', relabelCase, [{ action: 'keepequal', sourceLabels: ['a'], targetLabel: 'b' }], A, null);
test(
  'dropequal drops equal values',
  relabelCase,
  [{ action: 'dropequal', sourceLabels: ['a'], targetLabel: 'd' }],
  { ...A, d: 'foo' },
  null,
);
test('dropequal keeps others', relabelCase, [{ action: 'dropequal', sourceLabels: ['a'], targetLabel: 'b' }], A, A);
test(
  'labelmap copies under the new name',
  relabelCase,
  [{ action: 'labelmap', regex: '__meta_(.+)', replacement: 'm_$1' }],
  { __meta_x: '1', __meta_y: '2', z: '3' },
  { __meta_x: '1', __meta_y: '2', z: '3', m_x: '1', m_y: '2' },
);
test('labeldrop drops by name', relabelCase, [{ action: 'labeldrop', regex: '[ab]' }], A, { c: 'baz' });
test('labelkeep keeps by name', relabelCase, [{ action: 'labelkeep', regex: '[ab]' }], A, { a: 'foo', b: 'bar' });
test(
  'lowercase',
  relabelCase,
  [{ action: 'lowercase', sourceLabels: ['x'], targetLabel: 'y' }],
  { x: 'AbC' },
  { x: 'AbC', y: 'abc' },
);
test(
  'uppercase',
  relabelCase,
  [{ action: 'uppercase', sourceLabels: ['x'], targetLabel: 'x' }],
  { x: 'AbC' },
  { x: 'ABC' },
);
test(
  'a dot matches a line feed, as in Prometheus',
  relabelCase,
  [{ action: 'keep', sourceLabels: ['a'], regex: 'x.y' }],
  { a: 'x\ny' },
  { a: 'x\ny' },
);

test('hashmod takes the last eight bytes of MD5', (t) => {
  // md5('') = d41d8cd98f00b204e9800998ecf8427e
  t.is(hashModulus('', 1000), Number(0xe9800998ecf8427en % 1000n));
  // md5('abc') = 900150983cd24fb0d6963f7d28e17f72
  t.is(hashModulus('abc', 7), Number(0xd6963f7d28e17f72n % 7n));
  t.deepEqual(applied([{ action: 'hashmod', sourceLabels: ['a'], targetLabel: 'h', modulus: 7 }], { a: 'abc' }), {
    a: 'abc',
    h: String(Number(0xd6963f7d28e17f72n % 7n)),
  });
});

test('labels with names of the prototype are labels like any other', (t) => {
  const before = new Map([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
  const after = relabel(
    [rule({ sourceLabels: ['__proto__'], targetLabel: 'toString', replacement: '$' + '{constructor}z' })],
    before,
  );
  t.deepEqual([...after!], [...before, ['toString', 'z']]);
});

test('what is given is never written, and no label is ever empty', (t) => {
  const action = fc.constantFrom<RelabelRule['action'][]>(
    'replace',
    'labelmap',
    'labeldrop',
    'labelkeep',
    'lowercase',
    'uppercase',
  );
  const labels = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.string({ minLength: 1 }));
  const rules = fc.array(
    fc.record({
      action,
      sourceLabels: fc.subarray(['a', 'b', 'zz']),
      targetLabel: fc.constantFrom('a', 'e'),
      replacement: fc.constantFrom('$1', '', 'k', '$0$1'),
      regex: fc.constantFrom('(.*)', 'a', '(.)(.*)'),
    }),
  );
  fc.assert(
    fc.property(rules, labels, (list, before) => {
      const given = new Map(Object.entries(before));
      const copy = new Map(given);
      const after = relabel(list.map(rule), given);
      t.deepEqual(given, copy);
      for (const value of after?.values() ?? []) t.not(value, '');
    }),
  );
});
