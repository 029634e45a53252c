/** @module A registry of components that start nothing: for tests of the configuration and the command line. */
import { z } from 'zod';
import type { AnyFactory, Kind } from '../../pipeline/component.ts';
import { byteSize, duration, endpoint, isLoopback, secret } from '../../pipeline/config/types.ts';
import { createRegistry, type Loader, type Registry } from '../../pipeline/registry.ts';

const never = () => Promise.reject(new Error('a fake component is never created'));

const linkerd = {
  kind: 'receiver',
  type: 'linkerd',
  signals: { metrics: 'alpha' },
  gives: ['samples'],
  config: z.strictObject({
    scrape_interval: duration({ minMs: 100 }).prefault('10s').describe('time between two scrapes of a target'),
    scrape_timeout: duration().optional().describe('default: the smaller of 10s and the interval'),
    body_size_limit: byteSize().prefault('50MiB').describe('longest page'),
    sample_limit: z.int().min(1).max(10_000_000).default(500_000).describe('most samples of one page'),
    scheme: z.enum(['http', 'https']).default('http').describe('how targets are reached'),
    honor_labels: z.boolean().default(false).describe('keep the labels of the page'),
    basic_auth: z
      .strictObject({ username: z.string().describe('user'), password: secret().describe('password') })
      .optional()
      .describe('credentials'),
    static_configs: z
      .array(
        z.strictObject({
          targets: z.array(z.string()).min(1).describe('addresses, host:port'),
          labels: z.record(z.string(), z.string()).optional().describe('who these proxies belong to'),
        }),
      )
      .default([])
      .describe('targets written here'),
  }),
  cadence: (config: { scrape_interval: number; scrape_timeout?: number | undefined }) => ({
    intervalMs: config.scrape_interval,
    timeoutMs: config.scrape_timeout ?? Math.min(10_000, config.scrape_interval),
  }),
  check: (config: { scrape_interval: number; scrape_timeout?: number | undefined }) =>
    (config.scrape_timeout ?? 0) > config.scrape_interval
      ? [
          {
            path: ['scrape_timeout'],
            message: 'the timeout is longer than the interval',
            mend: 'make it at most scrape_interval',
          },
        ]
      : [],
  create: never,
};

const otlp = {
  kind: 'receiver',
  type: 'otlp',
  signals: { traces: 'alpha' },
  gives: ['spans'],
  config: z.strictObject({
    protocols: z
      .strictObject({
        http: z
          .strictObject({ endpoint: endpoint().prefault('127.0.0.1:4318').describe('address') })
          .prefault({})
          .describe('OTLP over HTTP'),
      })
      .prefault({})
      .describe('what is served'),
  }),
  create: never,
};

const smiProcessor = {
  kind: 'processor',
  type: 'smi',
  signals: { metrics: 'alpha' },
  takes: ['samples'],
  gives: 'traffic',
  config: z.strictObject({
    window: duration({ minMs: 100 }).optional().describe('length of what readers get unasked'),
    peer_detail: z.enum(['workload', 'pod']).default('workload').describe('how peers are told'),
  }),
  window: (config: { window?: number | undefined }, slotMs: number) =>
    config.window ?? Math.ceil(30_000 / slotMs) * slotMs,
  check: (config: { window?: number | undefined }, { slotMs }: { slotMs: number }) =>
    config.window !== undefined && slotMs > 0 && config.window % slotMs !== 0
      ? [
          {
            path: ['window'],
            message: `the window is no multiple of the slot of ${slotMs / 1000}s`,
            mend: `write a multiple of ${slotMs / 1000}s`,
          },
        ]
      : [],
  create: never,
};

const spans = {
  kind: 'processor',
  type: 'spans',
  signals: { traces: 'alpha' },
  takes: ['spans'],
  gives: 'spans',
  config: z.strictObject({}),
  create: never,
};

const smiExporter = {
  kind: 'exporter',
  type: 'smi',
  signals: { metrics: 'alpha' },
  takes: ['traffic'],
  config: z.strictObject({
    endpoint: endpoint().prefault('127.0.0.1:8080').describe('address of the SMI API'),
    retention: duration().prefault('5m').describe('how far back it answers'),
    insecure_allow: z.boolean().default(false).describe('allow an address that other machines reach'),
  }),
  check: (config: { endpoint: { host: string }; insecure_allow: boolean }) =>
    config.insecure_allow || isLoopback(config.endpoint.host)
      ? []
      : [
          {
            path: ['endpoint'],
            message: `other machines reach ${config.endpoint.host}, and there is no TLS and no token`,
            mend: 'listen on 127.0.0.1, or add insecure_allow: true',
            code: 'WEIR1024',
          },
        ],
  demand: () => ['requests', 'latency'],
  create: never,
};

const kafka = {
  kind: 'exporter',
  type: 'kafka',
  signals: { metrics: 'alpha' },
  takes: ['traffic'],
  config: z.strictObject({
    brokers: z.array(z.string()).min(1).max(100).describe('addresses, host:port'),
    password: secret().optional().describe('SASL password'),
    traffic: z
      .strictObject({
        topic: z.string().min(1).max(249).default('smi_traffic').describe('topic'),
        encoding: z.enum(['smi_json']).default('smi_json').describe('form of a message'),
      })
      .prefault({})
      .describe('where traffic goes'),
  }),
  demand: () => ['requests', 'latency'],
  create: never,
};

const debug = {
  kind: 'exporter',
  type: 'debug',
  signals: { metrics: 'beta', traces: 'alpha' },
  takes: ['traffic', 'spans'],
  config: z.strictObject({ verbosity: z.enum(['basic', 'detailed']).default('basic').describe('how much is told') }),
  demand: () => ['requests'],
  create: never,
};

const healthCheck = {
  kind: 'extension',
  type: 'health_check',
  signals: {},
  config: z.strictObject({
    endpoint: endpoint().prefault('127.0.0.1:13133').describe('address of /livez and /readyz'),
  }),
  create: never,
};

function table(...factories: readonly { readonly type: string }[]): ReadonlyMap<string, Loader> {
  // Fakes are written loosely; the registry's type is that of factories whose config only they know.
  return new Map(
    factories.map((factory) => [factory.type, async () => ({ factory: factory as unknown as AnyFactory })]),
  );
}

const TABLE: Readonly<Record<Kind, ReadonlyMap<string, Loader>>> = {
  receiver: table(linkerd, otlp),
  processor: table(smiProcessor, spans),
  exporter: table(smiExporter, kafka, debug),
  extension: table(healthCheck),
};

export const fakeRegistry: Registry = createRegistry(TABLE);
