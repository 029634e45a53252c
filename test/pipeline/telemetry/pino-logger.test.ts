/** @module The log: level, form, and what never appears in it. */
import { inspect } from 'node:util';
import test from 'ava';
import { Secret } from '../../../pipeline/config/types.ts';
import { createLogger } from '../../../pipeline/telemetry/pino-logger.ts';
import { redactText } from '../../../pipeline/telemetry/redact.ts';
import { createTestClock } from '../../kit/clock.ts';

function capture(encoding: 'json' | 'console', level: 'debug' | 'info' | 'warn' | 'error' = 'info') {
  const lines: string[] = [];
  const log = createLogger({ level, encoding, clock: createTestClock(), write: (line) => lines.push(line) });
  return { log, lines };
}

test('a JSON line holds time, level, message and the fields of all its parents', (t) => {
  const { log, lines } = capture('json');
  log.child({ kind: 'receiver' }).child({ id: 'linkerd' }).info({ targets: 3 }, 'targets known');
  t.is(lines.length, 1);
  t.true(lines[0]?.endsWith('\n'));
  t.deepEqual(JSON.parse(lines[0] ?? ''), {
    level: 'info',
    time: '2023-11-14T22:13:20.000Z',
    kind: 'receiver',
    id: 'linkerd',
    targets: 3,
    msg: 'targets known',
  });
});

test('a console line is readable', (t) => {
  const { log, lines } = capture('console');
  log
    .child({ id: 'linkerd' })
    .warn(
      { target: '10.0.0.1:4191', error: new Error('timed out', { cause: new Error('no route') }) },
      'scrape failed',
    );
  t.deepEqual(lines, [
    '2023-11-14T22:13:20.000Z warn  scrape failed  id=linkerd  target=10.0.0.1:4191  error="timed out: no route"\n',
  ]);
});

test('lines below the level are not written', (t) => {
  const { log, lines } = capture('json', 'warn');
  log.debug({}, 'a');
  log.info({}, 'b');
  log.warn({}, 'c');
  log.child({}).error({}, 'd');
  t.deepEqual(
    lines.map((line) => JSON.parse(line).msg),
    ['c', 'd'],
  );
});

const MARKER = 'mArKeR-7f3a';
const secretFields: [string, object][] = [
  ['a password', { password: MARKER }],
  ['a token deep inside', { config: { sasl: { auth: [{ bearer_token: MARKER }] } } }],
  ['an authorization header', { headers: { Authorization: `Bearer ${MARKER}` } }],
  ['a Secret', { value: new Secret(MARKER) }],
  ['userinfo of a URL', { url: `https://user:${MARKER}@example.org/metrics` }],
  ['userinfo without a password', { url: `https://${MARKER}@example.org/metrics` }],
  ['userinfo with an @', { url: `https://user:p@${MARKER}@example.org/metrics` }],
  ['a fragment of a URL', { url: `https://example.org/metrics#${MARKER}` }],
  ['the query of a URL', { url: `https://example.org/metrics?key=${MARKER}` }],
  ['a URL inside a message', { error: new Error(`GET http://u:${MARKER}@h/ failed`) }],
  [
    'a Map',
    {
      headers: new Map([
        ['x-api-key', MARKER],
        ['cookie', MARKER],
      ]),
    },
  ],
];
for (const [what, fields] of secretFields) {
  for (const encoding of ['json', 'console'] as const) {
    test(`${what} does not appear in ${encoding} lines, bound or given`, (t) => {
      const { log, lines } = capture(encoding, 'debug');
      log.child(fields).debug(fields, 'bound and given');
      t.is(lines.length, 1);
      t.false(lines.join('').includes(MARKER), inspect(lines));
      t.true(lines.join('').includes('***'), inspect(lines));
    });
  }
}

test("what others quote of a component's secrets is hidden wherever it stands in a line, also from its children", (t) => {
  const { log, lines } = capture('json');
  const cause = new Error('refused: key s3cret');
  const child = log.child({ id: 'otlp' }, ['Bearer s3cret', 's3cret']).child({ part: 1 });
  child.warn({ error: 'bad Bearer s3cret', list: [{ said: 's3cret' }], failed: new Error('x', { cause }) }, 'dropped');
  child.warn({ long: `${'x'.repeat(8190)}s3cret` }, 'cut');
  log.child({}).info({ other: 's3cret' }, 'a component of its own');
  const [first = '', second = '', third = ''] = lines;
  t.like(JSON.parse(first), { id: 'otlp', part: 1, error: 'bad ***', list: [{ said: '***' }] });
  t.true(first.includes('refused: key ***'));
  t.notRegex(first + second, /s3c/);
  t.true(third.includes('s3cret'));
});

test('the name of a file that holds a secret is shown', (t) => {
  const { log, lines } = capture('json');
  log.info({ token_file: '/var/run/token', tls: true, password: '' }, 'read');
  t.like(JSON.parse(lines[0] ?? ''), { token_file: '/var/run/token', tls: true, password: '' });
});

test('hostile names cannot end a line nor steer a terminal', (t) => {
  const { log, lines } = capture('console');
  log.info({ name: 'a\nb\u001b[2J\u009b\u202e', 'k\ney': 1 }, 'seen');
  t.is(lines.length, 1);
  t.is(lines[0]?.indexOf('\n'), (lines[0]?.length ?? 0) - 1);
  t.notRegex(lines[0]?.trimEnd() ?? '', /[\u0000-\u001f\u007f-\u009f\u202e]/);
});

test('odd values are written, not thrown', (t) => {
  const { log, lines } = capture('json');
  const loop: Record<string, unknown> = { n: 1n, s: Symbol('x'), f: () => 1, nan: Number.NaN };
  loop.self = loop;
  loop.map = new Map([['a', new Set([1])]]);
  loop.bytes = new Uint8Array(5);
  loop.long = 'x'.repeat(10_000);
  log.info(loop, 'odd');
  log.info(JSON.parse('{"__proto__": {"polluted": true}}'), 'proto');
  const record = JSON.parse(lines[0] ?? '');
  t.like(record, { n: '1', nan: 'NaN', map: { a: [1] }, bytes: '5 bytes' });
  t.true(record.long.length < 8300);
  t.is(Reflect.get({}, 'polluted'), undefined);
});

test('text without secrets is left alone', (t) => {
  for (const text of ['plain', 'http://127.0.0.1:4191/metrics', 'a@b?c=d', 'x://']) t.is(redactText(text), text);
});

test('a console line shows characters that are drawn as nothing', (t) => {
  const { log, lines } = capture('console');
  log.info({ name: 'a\u{e0001}\u00ad\u180e\u2800\u3164\ufe0fb' }, 'seen');
  t.true(lines[0]!.includes('a\\u{e0001}\\u00ad\\u180e\\u2800\\u3164\\ufe0fb'), lines[0]);
});
