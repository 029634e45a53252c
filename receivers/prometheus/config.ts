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
    replacement: z.string().default('$1').describe('its new value; default $1, in YAML written $$1'),
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

const global = z.strictObject({
  scrape_interval: duration({ minMs: 100 }).optional().describe('of jobs that say none; default 10s'),
  scrape_timeout: duration({ minMs: 10 })
    .optional()
    .describe('of jobs that say none; default the smaller of 10s and the interval'),
});

const job = z.strictObject({
  job_name: z.string().min(1).describe('name of the job, unique; label job of its targets'),
  ...scrapeShape,
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
    ...job.relabel_configs.flatMap((rule, i) => checkRule(rule, [...at, 'relabel_configs', i], TARGET_ONLY)),
    ...job.metric_relabel_configs.flatMap((rule, i) =>
      checkRule(rule, [...at, 'metric_relabel_configs', i], SERIES_ONLY),
    ),
  ];
}

type Path = readonly (string | number)[];

/** Labels that rules may read but not write, and why. */
const TARGET_ONLY = {
  labels: /^__(?:scheme|metrics_path|scrape_interval|scrape_timeout|param_.*)__$|^__param_/,
  why: 'all targets of a job are asked with the same scheme, path, parameters and times',
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
