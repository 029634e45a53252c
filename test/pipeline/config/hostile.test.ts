/** @module Whatever is written: an answer in reasonable time, places inside the file, nothing that steers a terminal. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { loadConfig } from '../../../pipeline/config/load.ts';
import { renderProblems } from '../../../pipeline/config/print.ts';
import { fakeRegistry } from '../../kit/fake-registry.ts';

const GOOD = ['whole.yaml', 'anchors.yaml'].map((name) =>
  readFileSync(new URL(`../../data/config/good/${name}`, import.meta.url), 'utf8'),
);
const ENV = { POD_NAME: 'p', SAMPLE_LIMIT: '1', HONOR: 'true', PASSWORD: 'x' };

const load = (text: string) => loadConfig(['c.yaml'], { env: ENV, registry: fakeRegistry, read: async () => text });

const snippet = fc.oneof(
  fc.constantFrom(
    '\t',
    '\n',
    ': ',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '&a ',
    '*a',
    '"',
    "'",
    '|',
    '>',
    '${',
    '$$',
    '<<: ',
    '#',
    '? ',
    '!!x ',
  ),
  fc.string({ unit: 'binary', maxLength: 4 }),
);

const mutated = fc
  .tuple(
    fc.constantFrom(...GOOD),
    fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(6), snippet), { minLength: 1, maxLength: 4 }),
  )
  .map(([text, edits]) =>
    edits.reduce((now, [where, removed, put]) => {
      const at = Math.floor(where * now.length);
      return now.slice(0, at) + put + now.slice(at + removed);
    }, text),
  );

test('mutated configurations never throw, and their problems lie inside them', async (t) => {
  await fc.assert(
    fc.asyncProperty(mutated, async (text) => {
      const { config, problems } = await load(text);
      t.is(
        config === null,
        problems.some((problem) => problem.severity === 'error'),
      );
      const lines = text.split('\n');
      for (const { line, column } of problems) {
        t.true(line >= 0 && line <= lines.length);
        if (line > 0) t.true(column >= 1 && column <= (lines[line - 1]?.length ?? 0) + 1);
      }
      t.notRegex(renderProblems(problems), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    }),
    { numRuns: 150 },
  );
});

test('a secret is not printed where the text cannot be parsed', async (t) => {
  const texts = [
    'exporters:\n  kafka:\n    password: hunter2\n    bad: [\n',
    'exporters:\n  kafka:\n    password: |\n      hunter2\n   bad: [\n',
    'exporters:\n  kafka: { password: "hunter2", broker: [ }\n',
    'exporters:\n  kafka:\n    headers: { x-key: hunter2 }\n    headers: { x-key: hunter2 }\n',
    'exporters:\n  kafka:\n    headers:\n      Some-Header: hunter2\n\tbad: 1\n',
    'a: http://weir:hunter2@host/\nb: [\n',
    'a: http://hunter2@host/\nb: [\n',
    'a: http://host/x?key=hunter2\nb: [\n',
    'a: "http://host/x?key=a hunter2"\nb: [\n',
    'a: { endpoint: "host:1/x?key=hunter2", b: [ }\n',
  ];
  for (const text of texts) {
    const { problems } = await load(text);
    t.true(problems.length > 0);
    t.notRegex(renderProblems(problems), /hunter2/, text);
  }
});

test('a file with a problem in every line is answered quickly, and says that it is cut', async (t) => {
  const text = `receivers:\n  linkerd:\n${Array.from({ length: 5000 }, (_, index) => `    k${index}: 1\n`).join('')}`;
  const { problems } = await load(text);
  t.is(problems.length, 1001);
  t.true(problems.some((problem) => problem.message === 'more than 1000 problems; the others are not listed'));
});

test('a very long line is told without an excerpt', async (t) => {
  const { problems } = await load(`receivers: { linkerd: { scheme: "${'x'.repeat(10_000)}" } }\n`);
  const problem = problems.find((one) => one.path === 'receivers.linkerd.scheme');
  t.is(problem!.excerpt, null);
  t.true(problem!.message.length < 200);
});
