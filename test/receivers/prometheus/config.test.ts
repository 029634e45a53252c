/** @module What the `prometheus` receiver's configuration may be, and what it says when it is wrong. */
import test from 'ava';
import { loadConfig } from '../../../pipeline/config/load.ts';
import { registry } from '../../../pipeline/graph/registry.ts';
import { cadenceOf, mappingOf, prometheusConfig, scrapeConfigOf } from '../../../receivers/prometheus/config.ts';

const JOB = { job_name: 'edge', static_configs: [{ targets: ['127.0.0.1:8080'] }] };
const MAPPING = {
  mesh: 'traefik',
  counts: 'requests',
  side: 'server',
  requests: [{ sample: 'hits_total', failure: { code: '5..' } }],
};

interface Parts {
  readonly global?: object;
  readonly jobs?: readonly object[];
  readonly mapping?: readonly object[];
}

function configOf({ global = {}, jobs = [JOB], mapping = [MAPPING] }: Parts) {
  return { config: { global, scrape_configs: jobs }, mapping };
}

/** Problems as `path: message | mend`, as a whole file would have them. */
async function problemsOf(parts: Parts): Promise<string[]> {
  const file = {
    receivers: { prometheus: configOf(parts) },
    processors: { smi: {} },
    exporters: { debug: {} },
    service: { pipelines: { metrics: { receivers: ['prometheus'], processors: ['smi'], exporters: ['debug'] } } },
  };
  const { problems } = await loadConfig(['x.yaml'], { env: {}, registry, read: async () => JSON.stringify(file) });
  return problems.map(
    ({ path, message, mend }) =>
      `${path.replace('receivers.prometheus.', '')}: ${message.replace(/^receivers\.prometheus[^ ]*: /, '')} | ${mend}`,
  );
}

test('a job and a mapping are enough', async (t) => {
  t.deepEqual(await problemsOf({}), []);
});

const wrong = test.macro(async (t, parts: Parts, expected: readonly string[]) => {
  t.deepEqual(await problemsOf(parts), expected);
});
test('two jobs of one name', wrong, { jobs: [JOB, JOB] }, [
  'config.scrape_configs[1].job_name: job_name "edge" stands twice | give each job its own name',
]);
test(
  'a job that no mapping is for',
  wrong,
  { jobs: [JOB, { ...JOB, job_name: 'b' }], mapping: [{ ...MAPPING, jobs: ['edge'] }] },
  [
    'config.scrape_configs[1].job_name: no mapping is for job "b": nothing of its pages would be read | name it in the jobs of a mapping, or leave jobs out there',
  ],
);
test('a mapping for a job that is not there', wrong, { mapping: [{ ...MAPPING, jobs: ['edge', 'egde'] }] }, [
  'mapping[0].jobs[1]: there is no job "egde" | one of: edge',
]);
test('a mapping without families', wrong, { mapping: [{ ...MAPPING, requests: [] }] }, [
  'mapping[0]: this mapping names no family | add requests, latency or tcp',
]);
test('neither success nor failure', wrong, { mapping: [{ ...MAPPING, requests: [{ sample: 'hits_total' }] }] }, [
  'mapping[0].requests[0]: neither success nor failure is said | add for example failure: { code: "5.." }',
]);
test('no side', wrong, { mapping: [{ ...MAPPING, side: undefined }] }, [
  'mapping[0].requests[0]: no side is told: who counted, client or server? | add side: server, or side: client',
]);
test('a unit that nothing tells', wrong, { mapping: [{ ...MAPPING, latency: [{ family: 'took' }] }] }, [
  'mapping[0].latency[0]: the unit of took is not told | add unit: s, ms or us',
]);
test(
  'a sample with two meanings',
  wrong,
  { mapping: [{ ...MAPPING, requests: [MAPPING.requests[0]!, MAPPING.requests[0]!] }] },
  [
    'mapping[0].requests[1].sample: hits_total has a meaning already | join both in one entry: a side may come from a label, and success and failure from conditions',
  ],
);
test(
  'an expression that is none',
  wrong,
  { mapping: [{ ...MAPPING, requests: [{ sample: 'hits_total', failure: { code: '(5' } }] }] },
  [
    'mapping[0].requests[0].failure.code: "(5" is no regular expression: missing closing ): `(5` | write it in RE2\'s syntax, which Prometheus has too: no look-around, no back-references',
  ],
);
test(
  'hashmod without modulus',
  wrong,
  { jobs: [{ ...JOB, relabel_configs: [{ action: 'hashmod', target_label: 'h' }] }] },
  ['config.scrape_configs[0].relabel_configs[0]: hashmod has no modulus | add modulus, a number above 0'],
);
test('replace without target', wrong, { jobs: [{ ...JOB, relabel_configs: [{ regex: 'x' }] }] }, [
  'config.scrape_configs[0].relabel_configs[0]: replace has no target_label | add target_label',
]);
for (const label of ['__scheme__', '__scrape_interval__']) {
  test(`a rule for ${label}`, wrong, { jobs: [{ ...JOB, relabel_configs: [{ target_label: label }] }] }, [
    `config.scrape_configs[0].relabel_configs[0].target_label: ${label} cannot be rewritten: all targets of a job are asked with the same scheme and times | make a job of its own for these targets`,
  ]);
}
test(
  'a rule that renames samples',
  wrong,
  { jobs: [{ ...JOB, metric_relabel_configs: [{ target_label: '__name__' }] }] },
  [
    'config.scrape_configs[0].metric_relabel_configs[0].target_label: __name__ cannot be rewritten: a mapping names samples as they stand on the page | name the sample in the mapping instead',
  ],
);
test('a job without targets', wrong, { jobs: [{ job_name: 'edge' }] }, [
  'config.scrape_configs[0]: nothing to scrape: neither static_configs nor file_sd_configs | add static_configs: [{ targets: ["127.0.0.1:8082"] }]',
]);
test(
  'a timeout beyond the interval of global',
  wrong,
  { global: { scrape_interval: '5s' }, jobs: [{ ...JOB, scrape_timeout: '7s' }] },
  [
    'config.scrape_configs[0].scrape_timeout: scrape_timeout 7000ms is longer than scrape_interval 5000ms | write a scrape_timeout of at most the scrape_interval, or leave it out',
  ],
);

test('defaults come from the job, then from global, then they are Weir`s', (t) => {
  const parsed = prometheusConfig.parse(
    configOf({
      global: { scrape_interval: '5s', scrape_timeout: '3s' },
      jobs: [
        JOB,
        { ...JOB, job_name: 'slow', scrape_interval: '20s' },
        { ...JOB, job_name: 'fast', scrape_interval: '1s' },
      ],
    }),
  );
  const times = parsed.config.scrape_configs.map((job) => {
    const { scrape_interval, scrape_timeout } = scrapeConfigOf(parsed, job);
    return [scrape_interval, scrape_timeout];
  });
  t.deepEqual(times, [
    [5000, 3000],
    [20_000, 3000],
    [1000, 1000],
  ]);
  t.deepEqual(cadenceOf(parsed), { intervalMs: 20_000, timeoutMs: 3000 });
  const plain = prometheusConfig.parse(configOf({}));
  t.like(scrapeConfigOf(plain, plain.config.scrape_configs[0]!), { scrape_interval: 10_000, scrape_timeout: 10_000 });
});

test('a job takes the first mapping that names it or is for all', (t) => {
  const parsed = prometheusConfig.parse(
    configOf({
      jobs: [JOB, { ...JOB, job_name: 'b' }],
      mapping: [
        { ...MAPPING, mesh: 'one', jobs: ['b'] },
        { ...MAPPING, mesh: 'two' },
      ],
    }),
  );
  t.deepEqual(
    parsed.config.scrape_configs.map((job) => mappingOf(parsed, job)?.mesh),
    ['two', 'one'],
  );
});

test('keys of Prometheus that change nothing here are taken with a warning', async (t) => {
  const job = { ...JOB, follow_redirects: true, honor_timestamps: false, scrape_protocols: ['PrometheusText0.0.4'] };
  t.deepEqual(await problemsOf({ global: { evaluation_interval: '15s', external_labels: { a: 'b' } }, jobs: [job] }), [
    'config.global.evaluation_interval: evaluation_interval has no effect here: Weir evaluates no rules | leave it out',
    'config.global.external_labels: external_labels has no effect here: name the cluster of targets by their label cluster | leave it out',
    'config.scrape_configs[0].follow_redirects: follow_redirects has no effect here: redirects are not followed: scrape the address they lead to | leave it out',
    'config.scrape_configs[0].honor_timestamps: honor_timestamps has no effect here: times that pages tell are never used: counts belong to the slot of their scrape | leave it out',
    'config.scrape_configs[0].scrape_protocols: scrape_protocols has no effect here: text formats are asked for | leave it out',
  ]);
});

test('a limit of 0 is Weir`s own default, as nothing is without a limit', (t) => {
  const limits = { body_size_limit: 0, sample_limit: 0, label_limit: 0, target_limit: 0 };
  const parsed = prometheusConfig.parse(configOf({ jobs: [{ ...JOB, ...limits }] }));
  t.like(scrapeConfigOf(parsed, parsed.config.scrape_configs[0]!), {
    body_size_limit: 50 * 2 ** 20,
    sample_limit: 500_000,
    label_limit: 64,
    target_limit: 1000,
  });
});
