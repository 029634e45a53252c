/**
 * @module Configuration keys that every scraping receiver has: Prometheus' names and meaning, with limits that bite.
 *
 * Source of names: prometheus/prometheus `config/config.go` (scrape_config) and `discovery/`.
 */
import { z } from 'zod';
import type { ConfigIssue } from '../../pipeline/component.ts';
import { byteSize, duration, secret } from '../../pipeline/config/types.ts';
import { isTargetAddress } from './targets.ts';

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const MAX_TIMEOUT_MS = 10_000;

const count = (fallback: number, what: string) =>
  z.int().min(1).max(100_000_000).default(fallback).describe(`${what}; default ${fallback}`);

/** A map with label names as keys; a Map, so that no name meets a prototype. */
const labels = z
  .record(z.string(), z.string())
  .superRefine((record, context) => {
    for (const name of Object.keys(record)) {
      if (!LABEL_NAME.test(name)) {
        context.addIssue({
          code: 'custom',
          path: [name],
          message: `"${name}" is no label name`,
          params: { weir: 'WEIR1004', mend: 'use letters, digits and _, and begin with no digit' },
        });
      }
    }
  })
  .transform((record) => new Map(Object.entries(record)));

/** How to write an address. */
export const ADDRESS_MEND = 'write host:port, for example 10.0.0.7:4191 or [fd00::7]:4191';

const address = z.string().superRefine((text, context) => {
  if (isTargetAddress(text)) return;
  context.addIssue({
    code: 'custom',
    message: `"${text}" is no address of a target`,
    params: { weir: 'WEIR1007', mend: ADDRESS_MEND },
  });
});

const groupLabels = labels
  .prefault({})
  .describe('identity labels of these targets: namespace, pod, deployment, node, …');

const targetGroup = z.strictObject({
  targets: z.array(address).describe('addresses, host:port'),
  labels: groupLabels,
});

/** One element of a static or file configuration: addresses with the labels they share. */
export type TargetGroup = z.output<typeof targetGroup>;
/** Schema of the whole content of a `file_sd` file, whose addresses are judged one by one afterwards. */
export const targetGroups = z.array(z.strictObject({ targets: z.array(z.string()), labels: groupLabels }));

const fileDiscovery = z.strictObject({
  files: z.array(z.string().min(1)).min(1).describe('paths of .json, .yaml or .yml files; the last part may hold *'),
  refresh_interval: duration({ minMs: 100 })
    .prefault('5s')
    .describe('time between two readings of files of whose changes the system does not tell; default 5s'),
});

const tls = z.strictObject({
  ca_file: z.string().optional().describe("PEM file of the authorities to trust; default the system's"),
  cert_file: z.string().optional().describe('PEM file of the client certificate'),
  key_file: z.string().optional().describe('PEM file of its key'),
  server_name: z.string().optional().describe('name to expect in the certificate; default the host of the target'),
  insecure_skip_verify: z.boolean().default(false).describe('trust any certificate; default false'),
});
export type TlsConfig = z.output<typeof tls>;

const basicAuth = z.strictObject({
  username: z.string(),
  password: secret().optional(),
  password_file: z.string().optional(),
});

const authorization = z.strictObject({
  type: z.string().default('Bearer').describe('scheme of the Authorization header; default Bearer'),
  credentials: secret().optional(),
  credentials_file: z.string().optional(),
});

/** The keys, to be spread into a receiver's own strict schema. */
export const scrapeShape = {
  scrape_interval: duration({ minMs: 100 }).prefault('10s').describe('time between two scrapes; default 10s'),
  scrape_timeout: duration({ minMs: 10 })
    .optional()
    .describe('time for one whole scrape; default the smaller of 10s and scrape_interval'),
  scheme: z.enum(['http', 'https']).default('http').describe('default http'),
  metrics_path: z.string().startsWith('/').default('/metrics').describe('default /metrics'),
  params: z.record(z.string(), z.array(z.string())).default({}).describe('query parameters, each a list of values'),
  static_configs: z.array(targetGroup).default([]).describe('targets written here'),
  file_sd_configs: z.array(fileDiscovery).default([]).describe('targets from files that are read again when changed'),
  tls_config: tls.optional().describe('TLS of the scrapes, with scheme https'),
  basic_auth: basicAuth.optional(),
  authorization: authorization.optional(),
  enable_compression: z
    .union([z.literal('auto'), z.boolean()])
    .default('auto')
    .describe('ask for gzip; auto asks only targets that are not on this machine; default auto'),
  body_size_limit: byteSize().prefault('50MiB').describe('bytes of one page, on the wire and inflated; default 50MiB'),
  sample_limit: count(500_000, 'samples of one page'),
  label_limit: count(64, 'labels of one sample'),
  label_name_length_limit: count(256, 'bytes of a label name'),
  label_value_length_limit: count(2_048, 'bytes of a label value'),
  target_limit: count(1_000, 'targets of this receiver; those beyond are not scraped, but counted, told and listed'),
  max_series: count(
    2_000_000,
    'series kept for all targets together until they are over; samples of series beyond are dropped and counted',
  ),
  discovery_concurrency: count(16, 'first scrapes at once, which learn all series of their targets'),
  farewell_concurrency: count(64, 'last scrapes at once, of targets that leave or when Weir stops'),
};

const scrapeObject = z.strictObject(scrapeShape);
/** Checked values; durations in milliseconds, sizes in bytes. */
export type ScrapeConfig = z.output<typeof scrapeObject>;

/** Milliseconds one scrape may take. */
export function timeoutMsOf(config: ScrapeConfig): number {
  return config.scrape_timeout ?? Math.min(MAX_TIMEOUT_MS, config.scrape_interval);
}

/** Problems between keys; `examplePort` stands in what they advise to write. */
export function checkScrapeConfig(config: ScrapeConfig, examplePort = 4191): ConfigIssue[] {
  return [
    ...checkTimes(config),
    ...checkTargets(config, examplePort),
    ...checkCredentials(config),
    ...checkTls(config),
  ];
}

function checkTimes(config: ScrapeConfig): ConfigIssue[] {
  const timeoutMs = timeoutMsOf(config);
  if (timeoutMs <= config.scrape_interval) return [];
  return [
    {
      path: ['scrape_timeout'],
      message: `scrape_timeout ${timeoutMs}ms is longer than scrape_interval ${config.scrape_interval}ms`,
      mend: 'write a scrape_timeout of at most the scrape_interval, or leave it out',
    },
  ];
}

function checkTargets(config: ScrapeConfig, examplePort: number): ConfigIssue[] {
  if (config.static_configs.length + config.file_sd_configs.length > 0) return [];
  return [
    {
      path: [],
      message: 'nothing to scrape: neither static_configs nor file_sd_configs',
      mend: `add static_configs: [{ targets: ["127.0.0.1:${examplePort}"] }]`,
    },
  ];
}

function checkCredentials(config: ScrapeConfig): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const { basic_auth: basic, authorization: bearer } = config;
  if (basic !== undefined && bearer !== undefined) {
    issues.push({
      path: ['authorization'],
      message: 'basic_auth and authorization are both set, a request has one Authorization header',
      mend: 'remove one of them',
    });
  }
  if (basic?.password !== undefined && basic.password_file !== undefined) issues.push(twice('basic_auth', 'password'));
  if (bearer?.credentials !== undefined && bearer.credentials_file !== undefined)
    issues.push(twice('authorization', 'credentials'));
  return issues;
}

function twice(section: string, key: string): ConfigIssue {
  return {
    path: [section, `${key}_file`],
    message: `${key} and ${key}_file are both set`,
    mend: `remove one of them`,
  };
}

function checkTls(config: ScrapeConfig): ConfigIssue[] {
  const { tls_config: section } = config;
  if (section === undefined) return [];
  const issues: ConfigIssue[] = [];
  if ((section.cert_file === undefined) !== (section.key_file === undefined)) {
    issues.push({
      path: ['tls_config'],
      message: 'cert_file and key_file belong together, only one is set',
      mend: 'set both or none',
    });
  }
  if (config.scheme === 'http') {
    issues.push({
      path: ['tls_config'],
      message: 'tls_config has no effect with scheme http',
      mend: 'write scheme: https',
      severity: 'warning',
    });
  }
  if (section.insecure_skip_verify) {
    issues.push({
      path: ['tls_config', 'insecure_skip_verify'],
      message: 'certificates of the targets are not verified',
      mend: 'set ca_file instead',
      severity: 'warning',
    });
  }
  return issues;
}
