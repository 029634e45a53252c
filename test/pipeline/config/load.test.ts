/** @module Right configurations become what the graph is built from; merging, references and bounds. */
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { loadConfig } from '../../../pipeline/config/load.ts';
import { renderProblems } from '../../../pipeline/config/print.ts';
import { Secret } from '../../../pipeline/config/types.ts';
import { fakeRegistry } from '../../kit/fake-registry.ts';

const FOLDER = new URL('../../data/config/good/', import.meta.url);
const ENV = { POD_NAME: '123', SAMPLE_LIMIT: '2000', HONOR: 'true', PASSWORD: 'hunter2' };

const fromFolder = (file: string) => readFile(new URL(file, FOLDER), 'utf8');

function load(files: string[], env: Record<string, string> = ENV) {
  return loadConfig(files, { env, registry: fakeRegistry, read: fromFolder });
}

function loadText(text: string, env: Record<string, string> = ENV) {
  return loadConfig(['config.yaml'], { env, registry: fakeRegistry, read: async () => text });
}

const TAIL = `
processors: { smi: }
exporters: { smi: }
service:
  pipelines:
    metrics: { receivers: [linkerd], processors: [smi], exporters: [smi] }
`;

test('the smallest configuration takes all defaults', async (t) => {
  const { config, problems } = await load(['minimal.yaml']);
  t.deepEqual(problems, []);
  const pipeline = config!.pipelines[0]!;
  t.like(pipeline, { id: 'metrics', signal: 'metrics', slotMs: 10_000, scrapeTimeoutMs: 10_000, windowMs: 30_000 });
  t.deepEqual(config!.telemetry, {
    logs: { level: 'info', encoding: 'console' },
    metrics: { host: '127.0.0.1', port: 8888 },
    drops: { maxEntries: 1000, maxErrors: 16, shown: 'here' },
  });
});

test('a whole configuration gives slots, windows, extensions and telemetry', async (t) => {
  const { config, problems } = await load(['whole.yaml']);
  t.is(renderProblems(problems), '');
  const pipeline = config!.pipelines[0]!;
  t.like(pipeline, { slotMs: 30_000, windowMs: 60_000 });
  t.deepEqual(
    [...pipeline.receivers, ...pipeline.processors, ...pipeline.exporters].map((one) => `${one.kind} ${one.id}`),
    ['receiver linkerd', 'receiver linkerd/slow', 'processor smi', 'exporter smi', 'exporter kafka', 'exporter debug'],
  );
  t.deepEqual(
    config!.extensions.map((one) => one.id),
    ['health_check'],
  );
  t.deepEqual(config!.telemetry.logs, { level: 'debug', encoding: 'json' });
});

test('the field decides how a text from the environment is read', async (t) => {
  const { config } = await load(['whole.yaml']);
  const [first, second] = config!.pipelines[0]!.receivers;
  t.like(first!.config, { static_configs: [{ labels: { pod: '123', deployment: 'web' } }] });
  t.like(second!.config, { sample_limit: 2000, honor_labels: true, scheme: 'https' });
  const { username, password } = (second!.config as { basic_auth: { username: string; password: Secret } }).basic_auth;
  t.is(username, 'cost$50');
  t.true(password instanceof Secret);
  t.is(password.reveal(), 'hunter2');
});

test('the drop journal is shown to other machines only where its own key says so, and has bounds', async (t) => {
  const own = (telemetry: string) =>
    loadText(`receivers: { linkerd: }${TAIL}  telemetry: ${telemetry}
`);
  const metrics = 'metrics: { address: "0.0.0.0:8888", insecure_allow: true }';
  const closed = await own(`{ ${metrics} }`);
  t.deepEqual(closed.problems, []);
  t.is(closed.config!.telemetry.drops.shown, 'nowhere');
  const open = await own(`{ ${metrics}, drops: { insecure_allow: true, max_entries: 5, max_errors: 2 } }`);
  t.deepEqual(open.config!.telemetry.drops, { maxEntries: 5, maxErrors: 2, shown: 'everywhere' });
  const wrong = await own('{ drops: { max_entries: 0, max_errors: 1001 } }');
  t.deepEqual(
    wrong.problems.map(({ path }) => path),
    ['service.telemetry.drops.max_entries', 'service.telemetry.drops.max_errors'],
  );
});

test('a variable cannot add structure', async (t) => {
  const text = `receivers: { linkerd: { static_configs: "\${env:LIST}" } }${TAIL}`;
  const { config, problems } = await loadText(text, { LIST: '[{targets: ["evil:1"]}]' });
  t.is(config, null);
  t.is(problems[0]!.message, 'receivers.linkerd.static_configs: expected a list of mappings, found ${env:LIST}');
});

test('what a variable holds is never printed, only its name', async (t) => {
  const text = `receivers: { linkerd: { scrape_interval: "\${env:INTERVAL}" } }${TAIL}`;
  const { problems } = await loadText(text, { INTERVAL: 'topsecret' });
  t.is(problems.length, 1);
  t.notRegex(renderProblems(problems), /topsecret/);
  t.is(problems[0]!.message, 'receivers.linkerd.scrape_interval: "${env:INTERVAL}" is no duration');
});

test('anchors, aliases and merge keys are followed', async (t) => {
  const { config, problems } = await load(['anchors.yaml']);
  t.deepEqual(problems, []);
  const [, second] = config!.pipelines[0]!.receivers;
  t.like(second!.config, { scrape_interval: 5000, scheme: 'https', static_configs: [{ targets: ['127.0.0.1:4191'] }] });
  t.is(config!.telemetry.metrics, null);
});

test('a later file is merged over an earlier one, and problems name the file that won', async (t) => {
  const { config } = await load(['minimal.yaml', 'over.yaml']);
  t.is(config!.pipelines[0]!.slotMs, 2000);
  t.is(config!.telemetry.logs.level, 'warn');
  const parts = new Map([
    ['a.yaml', `receivers: { linkerd: { scheme: http } }${TAIL}`],
    ['b.yaml', 'receivers: { linkerd: { scheme: ftp } }\n'],
  ]);
  const read = async (file: string) => parts.get(file)!;
  const { problems } = await loadConfig([...parts.keys()], { env: {}, registry: fakeRegistry, read });
  t.deepEqual(
    problems.map(({ file, line, column }) => `${file}:${line}:${column}`),
    ['b.yaml:1:33'],
  );
});

test('a file that is not there is one problem', async (t) => {
  const { config, problems } = await loadConfig(['no-such-file.yaml'], { env: {}, registry: fakeRegistry });
  t.is(config, null);
  t.is(
    renderProblems(problems),
    'no-such-file.yaml: error WEIR1001: cannot read the configuration: it does not exist\n   mend: check the path\n1 error, 0 warnings\n',
  );
});

test('nesting without end and aliases that multiply are refused quickly', async (t) => {
  const deep = `receivers: { linkerd: ${'{a: '.repeat(80)}1${'}'.repeat(80)} }\n`;
  const laughs = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 12; i++)
    laughs.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  for (const text of [deep, laughs.join('\n')]) {
    const { config, problems } = await loadText(text);
    t.is(config, null);
    t.is(problems.filter((problem) => problem.code === 'WEIR1025').length, 1);
  }
});

test('keys that name parts of every object are only keys', async (t) => {
  const text = `receivers: { linkerd: { __proto__: { scheme: https }, constructor: 1 } }${TAIL}`;
  const { problems } = await loadText(text);
  t.deepEqual(
    problems.map((problem) => problem.message),
    ['unknown key "__proto__" in receivers.linkerd', 'unknown key "constructor" in receivers.linkerd'],
  );
});

test('fifty problems are printed and the rest is counted', async (t) => {
  const keys = Array.from({ length: 60 }, (_, index) => `    unknown_${index}: 1`).join('\n');
  const { problems } = await loadText(`receivers:\n  linkerd:\n${keys}${TAIL}`);
  const text = renderProblems(problems);
  t.is(text.match(/error WEIR1003/g)!.length, 50);
  t.true(text.endsWith('… and 10 more\n60 errors, 0 warnings\n'));
});

test('a long line is cut around the place', async (t) => {
  const labels = Array.from({ length: 40 }, (_, index) => `label_${index}: "x"`).join(', ');
  const { problems } = await loadText(`receivers: { linkerd: { ${labels} } }${TAIL}`);
  const { excerpt } = problems.at(-1)!;
  const line = excerpt!.lines.at(-1)!.text;
  t.true(line.length <= 160);
  t.is(line.slice(excerpt!.caretStart, excerpt!.caretStart + excerpt!.caretLength), 'label_39');
});

test('one exporter may stand in pipelines of both signals; one of spans needs no slots', async (t) => {
  const { config, problems } = await loadText(`
receivers: { linkerd: , otlp: }
processors: { smi: }
exporters: { debug: }
service:
  pipelines:
    metrics: { receivers: [linkerd], processors: [smi], exporters: [debug] }
    traces: { receivers: [otlp], exporters: [debug] }
    traces/more: { receivers: [otlp], exporters: [debug] }
`);
  t.is(renderProblems(problems), '');
  t.deepEqual(
    config!.pipelines.map(({ id, slotMs, windowMs }) => [id, slotMs, windowMs]),
    [
      ['metrics', 10_000, 30_000],
      ['traces', 0, 0],
      ['traces/more', 0, 0],
    ],
  );
});

test('a mapping of which nothing is written takes its defaults, at any depth', async (t) => {
  const { config, problems } = await loadText(`
receivers:
  otlp:
    protocols:
      http:
exporters: { debug: }
service:
  pipelines:
    traces: { receivers: [otlp], exporters: [debug] }
`);
  t.is(renderProblems(problems), '');
  t.like(config!.pipelines[0]!.receivers[0]!.config, { protocols: { http: { endpoint: { port: 4318 } } } });
});
