/** @module The README's table of the Collector's keys that are not here, against what a configuration with each of them is told. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { COLLECTOR_KEYS } from '../../../pipeline/config/collector-keys.ts';
import { loadConfig } from '../../../pipeline/config/load.ts';
import { registry } from '../../../pipeline/graph/registry.ts';

const README = readFileSync(new URL('../../../exporters/otlp/README.md', import.meta.url), 'utf8');
const HEADING = "## Keys of the Collector's that are not here";
/** First column of the table, as it is written. */
const CELLS = (README.split(HEADING)[1] ?? '')
  .split(/^## /m, 1)[0]!
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split(' | ', 1)[0]!);
const COMPRESSION = CELLS.find((cell) => cell.includes('compression:')) ?? '';
const KEYS = CELLS.filter((cell) => cell !== COMPRESSION)
  .flatMap(namesIn)
  .filter((name) => name !== 'otlp');
const CODINGS = namesIn(COMPRESSION).map((name) => name.replace('compression: ', ''));

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}

/** What is told of a key, dotted, with this value in an exporter that is fine but for it. */
async function told(type: 'otlp' | 'otlphttp', key: string, value: string) {
  const nested = key.split('.').reduceRight((inner, step) => `{ ${step}: ${inner} }`, value);
  const endpoint = type === 'otlp' ? 'b.example:4317' : 'https://b.example';
  const text = `exporters: { ${type}: { endpoint: "${endpoint}", ${nested.slice(2, -2)} } }\n`;
  const { problems } = await loadConfig(['config.yaml'], { env: {}, registry, read: async () => text });
  return problems.filter(({ path }) => path === `exporters.${type}.${key}`);
}

test('the table has keys, and values of compression', (t) => {
  for (const key of [
    'auth',
    'proxy_url',
    'cookies',
    'max_idle_conns',
    'force_attempt_http2',
    'tls.min_version',
    'tls.key_pem',
  ])
    t.true(KEYS.includes(key), key);
  t.deepEqual(CODINGS, ['snappy', 'lz4', 'zlib', 'deflate', 'x-snappy-framed']);
});

for (const key of KEYS) {
  test(`${key} is an unknown key of otlphttp, and the error says what to write instead`, async (t) => {
    const problems = await told('otlphttp', key, 'x');
    t.deepEqual(
      problems.map(({ code, severity }) => [code, severity]),
      [['WEIR1003', 'error']],
    );
    t.regex(problems[0]!.mend, /^(?:remove it|write )/);
  });
}

for (const type of ['otlp', 'otlphttp'] as const) {
  test(`each key of the Collector of which ${type} says what to write instead stands in the table`, async (t) => {
    for (const scope of ['exporters', `exporters.${type}`])
      for (const key of COLLECTOR_KEYS.get(scope)!.keys()) {
        t.true(KEYS.includes(key), key);
        const [problem] = await told(type, key, 'x');
        t.is(
          problem?.mend,
          COLLECTOR_KEYS.get(`exporters.${type}`)!.get(key) ?? COLLECTOR_KEYS.get('exporters')!.get(key),
        );
      }
  });

  for (const coding of CODINGS) {
    test(`compression: ${coding} is none that ${type} has, and the error lists those that there are`, async (t) => {
      const [problem] = await told(type, 'compression', coding);
      t.like(problem, { code: 'WEIR1004', severity: 'error' });
      t.regex(problem!.mend, /^allowed: gzip, (?:zstd, )?none$/);
    });
  }
}
