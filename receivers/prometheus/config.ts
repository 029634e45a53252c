/**
 * @module Configuration of the `prometheus` receiver: a Prometheus configuration's scrape part, and a mapping of its families.
 *
 * Source of names: prometheus/prometheus `config/config.go`, `model/relabel/relabel.go`.
 */
import { z } from 'zod';
import type { ConfigIssue } from '../../pipeline/component.ts';
import { pattern } from '../../pipeline/config/pattern.ts';
import { duration } from '../../pipeline/config/types.ts';
import { checkScrapeConfig, type ScrapeConfig, scrapeShape, timeoutMsOf } from '../scrape/config.ts';
import { type Mapping, mappingSchema, unitExponent } from './mapping-config.ts';
import type { RelabelRule } from './relabel.ts';

const DEFAULT_INTERVAL_MS = 10_000;
const MAX_TIMEOUT_MS = 10_000;

const relabelRule = z
  .strictObject({
    source_labels: z.array(z.string()).default([]).describe('labels whose values are joined; default none'),
    separator: z.string().default(';').describe('between them; default ;'),
    regex: pattern().prefault('(.*)').describe('matches the whole joined text; default (.*)'),
    target_label: z.string().default('').describe('label that is written'),
    replacement: z.string().default('$1').describe('its new value; default $1'),
    modulus: z.int().min(0).default(0).describe('for hashmod'),
    action: z
      .enum([
        'replace',
        'keep',
        'drop',
        'keepequal',
        'dropequal',
        'hashmod',
        'labelmap',
        'labeldrop',
        'labelkeep',
        'lowercase',
        'uppercase',
      ])
      .default('replace')
      .describe('default replace'),
  })
  .transform(
    (rule): RelabelRule => ({
      action: rule.action,
      sourceLabels: rule.source_labels,
      separator: rule.separator,
      regex: rule.regex,
      targetLabel: rule.target_label,
      replacement: rule.replacement,
      modulus: rule.modulus,
    }),
  );

/** Keys of Prometheus that change nothing here, and why; a configuration that has them is taken as it is. */
const INERT_GLOBAL = new Map([
  ['evaluation_interval', 'Weir evaluates no rules'],
  ['external_labels', 'name the cluster of targets by their label cluster'],
  ['query_log_file', 'Weir answers no queries of Prometheus'],
  ['scrape_protocols', 'text formats are asked for'],
]);
const INERT_JOB = new Map([
  ['honor_timestamps', 'times that pages tell are never used: counts belong to the slot of their scrape'],
  ['track_timestamps_staleness', 'times that pages tell are never used'],
  ['scrape_protocols', 'text formats are asked for'],
  ['fallback_scrape_protocol', 'any text is read as text'],
  ['follow_redirects', 'redirects are not followed: scrape the address they lead to'],
  ['enable_http2', 'HTTP/1.1 is spoken'],
  ['scrape_classic_histograms', 'classic histograms are what is read'],
  ['always_scrape_classic_histograms', 'classic histograms are what is read'],
  ['scrape_native_histograms', 'classic histograms are what is read'],
  ['convert_classic_histograms_to_nhcb', 'classic histograms are what is read'],
  ['native_histogram_bucket_limit', 'classic histograms are what is read'],
  ['native_histogram_min_bucket_factor', 'classic histograms are what is read'],
  ['metric_name_validation_scheme', 'samples are found by the names in the mapping'],
  ['metric_name_escaping_scheme', 'samples are found by the names in the mapping'],
  ['keep_dropped_targets', 'targets that rules drop are not listed'],
  ['extra_scrape_metrics', 'see weir_scrape_* of the own metrics'],
]);

/** Optional keys of any value, each described by why it has no effect. */
function inert(keys: ReadonlyMap<string, string>) {
  return Object.fromEntries([...keys].map(([key, why]) => [key, z.unknown().optional().describe(`no effect: ${why}`)]));
}

/** Prometheus' 0 means no limit; nothing in Weir is without one, so that it means Weir's own default. */
function orDefault<Schema extends z.ZodType>(schema: Schema) {
  return z
    .union([z.literal([0, '0']).transform(() => schema.parse(undefined)), schema])
    .describe(`${schema.description}; 0: the default`);
}

const LIMITS = {
  body_size_limit: orDefault(scrapeShape.body_size_limit),
  sample_limit: orDefault(scrapeShape.sample_limit),
  label_limit: orDefault(scrapeShape.label_limit),
  label_name_length_limit: orDefault(scrapeShape.label_name_length_limit),
  label_value_length_limit: orDefault(scrapeShape.label_value_length_limit),
  target_limit: orDefault(scrapeShape.target_limit),
};

const global = z.strictObject({
  ...inert(INERT_GLOBAL),
  scrape_interval: duration({ minMs: 100 }).optional().describe('of jobs that say none; default 10s'),
  scrape_timeout: duration({ minMs: 10 })
    .optional()
    .describe('of jobs that say none; default the smaller of 10s and the interval'),
});

const job = z.strictObject({
  job_name: z.string().min(1).describe('name of the job, unique; label job of its targets'),
  ...scrapeShape,
  ...LIMITS,
  ...inert(INERT_JOB),
  scrape_interval: duration({ minMs: 100 }).optional().describe('time between two scrapes; default that of global'),
  honor_labels: z
    .boolean()
    .default(false)
    .describe(
      'a label of the page wins over one of the target, instead of being kept as exported_<name>; default false',
    ),
  relabel_configs: z.array(relabelRule).default([]).describe('rules for the labels of targets'),
  metric_relabel_configs: z.array(relabelRule).default([]).describe('rules for the labels of series'),
});

export const prometheusConfig = z.strictObject({
  config: z
    .strictObject({
      global: global.prefault({}).describe('defaults of all jobs'),
      scrape_configs: z.array(job).min(1).describe('jobs'),
    })
    .describe('the scrape part of a Prometheus configuration'),
  mapping: z
    .array(mappingSchema)
    .min(1)
    .describe('which families and labels mean source, destination, success, latency'),
});

export type PrometheusConfig = z.output<typeof prometheusConfig>;
export type Job = PrometheusConfig['config']['scrape_configs'][number];

/** A job's scraping with the defaults of `global` filled in. */
export function scrapeConfigOf({ config: { global } }: PrometheusConfig, job: Job): ScrapeConfig {
  const scrape_interval = job.scrape_interval ?? global.scrape_interval ?? DEFAULT_INTERVAL_MS;
  const inherited = global.scrape_timeout ?? MAX_TIMEOUT_MS;
  const scrape_timeout = job.scrape_timeout ?? Math.min(inherited, scrape_interval);
  const { job_name, honor_labels, relabel_configs, metric_relabel_configs, ...scraping } = job;
  return { ...scraping, scrape_interval, scrape_timeout };
}

/** The first mapping that names the job or is for all; undefined when there is none. */
export function mappingOf({ mapping }: PrometheusConfig, { job_name: name }: Job): Mapping | undefined {
  return mapping.find(({ jobs }) => jobs === undefined || jobs.includes(name));
}

/** Longest interval and timeout of the jobs, milliseconds. */
export function cadenceOf(config: PrometheusConfig): { intervalMs: number; timeoutMs: number } {
  const scrapings = config.config.scrape_configs.map((each) => scrapeConfigOf(config, each));
  return {
    intervalMs: Math.max(...scrapings.map(({ scrape_interval }) => scrape_interval)),
    timeoutMs: Math.max(...scrapings.map(timeoutMsOf)),
  };
}

export function checkPrometheusConfig(config: PrometheusConfig): ConfigIssue[] {
  return [
    ...checkInert(config.config.global, INERT_GLOBAL, ['config', 'global']),
    ...config.config.scrape_configs.flatMap((each, index) => checkJob(config, each, index)),
    ...config.mapping.flatMap((each, index) => checkMapping(config, each, index)),
  ];
}

function checkJob(config: PrometheusConfig, job: Job, index: number): ConfigIssue[] {
  const at = ['config', 'scrape_configs', index];
  const names = config.config.scrape_configs.map(({ job_name }) => job_name);
  const issues = checkScrapeConfig(scrapeConfigOf(config, job), 8082).map((issue) => ({
    ...issue,
    path: [...at, ...issue.path],
  }));
  if (names.indexOf(job.job_name) !== index) {
    issues.push({
      path: [...at, 'job_name'],
      message: `job_name "${job.job_name}" stands twice`,
      mend: 'give each job its own name',
    });
  }
  if (mappingOf(config, job) === undefined) {
    issues.push({
      path: [...at, 'job_name'],
      message: `no mapping is for job "${job.job_name}": nothing of its pages would be read`,
      mend: 'name it in the jobs of a mapping, or leave jobs out there',
    });
  }
  return [
    ...issues,
    ...checkInert(job, INERT_JOB, at),
    ...job.relabel_configs.flatMap((rule, i) => checkRule(rule, [...at, 'relabel_configs', i], TARGET_ONLY)),
    ...job.metric_relabel_configs.flatMap((rule, i) =>
      checkRule(rule, [...at, 'metric_relabel_configs', i], SERIES_ONLY),
    ),
  ];
}

function checkInert(section: object, keys: ReadonlyMap<string, string>, at: Path): ConfigIssue[] {
  return Object.entries(section).flatMap(([key, value]): ConfigIssue[] => {
    const why = keys.get(key);
    if (why === undefined || value === undefined) return [];
    const message = `${key} has no effect here: ${why}`;
    return [{ path: [...at, key], message, mend: 'leave it out', severity: 'warning', onKey: true }];
  });
}

type Path = readonly (string | number)[];

/** Labels that rules may read but not write, and why. */
const TARGET_ONLY = {
  labels: /^__(?:scheme|scrape_interval|scrape_timeout)__$/,
  why: 'all targets of a job are asked with the same scheme and times',
  mend: 'make a job of its own for these targets',
};
const SERIES_ONLY = {
  labels: /^__name__$/,
  why: 'a mapping names samples as they stand on the page',
  mend: 'name the sample in the mapping instead',
};
const NEEDS_TARGET = new Set(['replace', 'hashmod', 'lowercase', 'uppercase', 'keepequal', 'dropequal']);

function checkRule(rule: RelabelRule, path: Path, forbidden: typeof TARGET_ONLY): ConfigIssue[] {
  if (NEEDS_TARGET.has(rule.action) && rule.targetLabel === '') {
    return [{ path, message: `${rule.action} has no target_label`, mend: 'add target_label' }];
  }
  if (rule.action === 'hashmod' && rule.modulus === 0) {
    return [{ path, message: 'hashmod has no modulus', mend: 'add modulus, a number above 0' }];
  }
  if (!forbidden.labels.test(rule.targetLabel)) return [];
  const message = `${rule.targetLabel} cannot be rewritten: ${forbidden.why}`;
  return [{ path: [...path, 'target_label'], message, mend: forbidden.mend }];
}

function checkMapping(config: PrometheusConfig, mapping: Mapping, index: number): ConfigIssue[] {
  const at: Path = ['mapping', index];
  const { requests, latency, tcp } = mapping;
  if (requests.length + latency.length + tcp.length === 0) {
    return [{ path: at, message: 'this mapping names no family', mend: 'add requests, latency or tcp' }];
  }
  return [
    ...checkJobs(config, mapping, at),
    ...checkNames(mapping, at),
    ...requests.flatMap((each, i) => checkFamily(mapping, each, [...at, 'requests', i])),
    ...latency.flatMap((each, i) => checkFamily(mapping, each, [...at, 'latency', i])),
    ...tcp.flatMap((each, i) => checkFamily(mapping, each, [...at, 'tcp', i])),
    ...requests.flatMap(({ success, failure }, i) => {
      if (success !== undefined || failure !== undefined) return [];
      const message = 'neither success nor failure is said';
      return [{ path: [...at, 'requests', i], message, mend: 'add for example failure: { code: "5.." }' }];
    }),
    ...latency.flatMap((each, i) => {
      if (unitExponent(each) !== null) return [];
      return [
        {
          path: [...at, 'latency', i],
          message: `the unit of ${each.family} is not told`,
          mend: 'add unit: s, ms or us',
        },
      ];
    }),
  ];
}

function checkJobs(config: PrometheusConfig, { jobs = [] }: Mapping, at: Path): ConfigIssue[] {
  const known = new Set(config.config.scrape_configs.map(({ job_name }) => job_name));
  return jobs.flatMap((name, i) =>
    known.has(name)
      ? []
      : [{ path: [...at, 'jobs', i], message: `there is no job "${name}"`, mend: `one of: ${[...known].join(', ')}` }],
  );
}

/** A sample has one meaning. */
function checkNames({ requests, latency, tcp, start_time }: Mapping, at: Path): ConfigIssue[] {
  const names: (readonly [string, Path])[] = [
    ...requests.map(({ sample }, i) => [sample, [...at, 'requests', i, 'sample']] as const),
    ...latency.map(({ family }, i) => [`${family}_bucket`, [...at, 'latency', i, 'family']] as const),
    ...tcp.map(({ sample }, i) => [sample, [...at, 'tcp', i, 'sample']] as const),
    ...(start_time === undefined ? [] : [[start_time, [...at, 'start_time']] as const]),
  ];
  return names.flatMap(([name, path], i) => {
    if (names.findIndex(([other]) => other === name) === i) return [];
    const mend = 'join both in one entry: a side may come from a label, and success and failure from conditions';
    return [{ path, message: `${name} has a meaning already`, mend }];
  });
}

type Family = Mapping['requests'][number] | Mapping['latency'][number] | Mapping['tcp'][number];

function checkFamily(mapping: Mapping, family: Family, path: Path): ConfigIssue[] {
  if ((family.side ?? mapping.side) === undefined) {
    return [
      { path, message: 'no side is told: who counted, client or server?', mend: 'add side: server, or side: client' },
    ];
  }
  return [];
}
