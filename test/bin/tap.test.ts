/** @module The last line of `npm test` is true whatever tests print. */
import test from 'ava';
import { createTapReader, skipLine, summaryLine } from '../../bin/tap.mjs';
import { avaProblem } from '../../bin/test-step.mjs';

const OUTPUT = `TAP version 13
ok 1 - a › good
not ok 2 - a › bad one
  ---
    name: AssertionError
    at: not ok 4 - fake
  ...
#   ok 9 - printed by a test
ok 3 - a › skipped # SKIP
not ok 4 - a › later # TODO
ok 5 - a › with # in its name
not ok 6 - test/b.test.ts exited with a non-zero exit code: 1
1..6
# tests 5
# pass 2
# fail 2
`;

test('each result counts once, wherever the pieces are cut', (t) => {
  for (let cut = 0; cut <= OUTPUT.length; cut++) {
    const failed: [string, string][] = [];
    const reader = createTapReader((name: string, details: string) => failed.push([name, details]));
    reader.feed(OUTPUT.slice(0, cut));
    reader.feed(OUTPUT.slice(cut));
    reader.end();
    t.like(reader.counts, { passed: 2, failed: 2, skipped: 1, todo: 1 });
    t.deepEqual(reader.counts.failures, ['a › bad one', 'test/b.test.ts exited with a non-zero exit code: 1']);
    t.regex(failed[0]?.[1] ?? '', /AssertionError[\s\S]*printed by a test/);
  }
});

test('a test that says it cannot run here counts as skipped, and nobody else can say it', (t) => {
  const output = [
    'ok 1 - kafka › sends: it all',
    `#   ${skipLine('sends: it all', 'no Apache Kafka: java is missing')}`,
    'ok 2 - kafka › other',
    `#   ${skipLine('sends: it all', 'said by another test')}`,
    'ok 3 - kafka › late',
    '#   something else',
    `#   ${skipLine('late', 'not said first')}`,
    'not ok 4 - kafka › failed',
    `#   ${skipLine('failed', 'but it failed')}`,
    'ok 5 - alone',
    `#   ${skipLine('alone', 'in a run of one file')}`,
    `#   ${skipLine('alone', 'said twice')}`,
    '',
  ].join('\n');
  const reader = createTapReader();
  reader.feed(output);
  reader.end();
  t.like(reader.counts, { passed: 2, failed: 1, skipped: 2, todo: 0 });
});

test('the summary names skipped tests only when there are some', (t) => {
  t.is(summaryLine({ passed: 3, failed: 0, skipped: 0 }), '3 passed, 0 failed');
  t.is(summaryLine({ passed: 3, failed: 1, skipped: 2 }), '3 passed, 1 failed, 2 skipped');
});

test('a run that broke without a failed test is a failure', (t) => {
  const well = { code: 0, signal: null, timedOut: false };
  t.is(avaProblem(well, { passed: 1, failed: 0 }), '');
  t.is(avaProblem(well, { passed: 0, failed: 0 }), 'no test ran');
  t.is(avaProblem({ ...well, code: 1 }, { passed: 5, failed: 0 }), 'failed with 1');
  t.is(avaProblem({ code: null, signal: 'SIGKILL', timedOut: true }, { passed: 5, failed: 0 }), 'took too long');
  t.is(avaProblem({ ...well, code: 1 }, { passed: 5, failed: 2 }), '2 failed');
});
