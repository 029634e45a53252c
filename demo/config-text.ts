/** @module The configuration the demo's own Weir runs with, as the YAML a user would write. */

import type { MeshName } from './world/topology.ts';

export interface DemoConfig {
  /** File of targets of each mesh. */
  readonly targets: ReadonlyMap<MeshName, string>;
  readonly host: string;
  readonly smiPort: number;
  readonly metricsPort: number;
  readonly healthPort: number;
  /** Where spans come in: OTLP over gRPC and over HTTP. */
  readonly otlpGrpcPort: number;
  readonly otlpHttpPort: number;
  /** The demo's own backend for traces. */
  readonly tracesPort: number;
  /** URL of a backend of the user's for spans, null without one. */
  readonly otlp: string | null;
  /** `host:port`, null without Kafka. */
  readonly kafka: string | null;
}

/** Scrape interval and window of the demo; short, so that first numbers come soon. */
export const SCRAPE_INTERVAL_MS = 2000;
export const WINDOW_MS = 10_000;
/** Time between two flushes of the demo's Istio and Envoy proxies: not above the scrape interval, as in real meshes. */
export const FLUSH_MS = 1000;
/** Spans a second that the demo's proxies tell at most. */
export const SPANS_PER_SECOND = 20;
export const TOPIC = 'smi_traffic';

/** YAML text; JSON strings are YAML strings, which is how paths and addresses are quoted. */
export function demoConfig(config: DemoConfig): string {
  const { targets, host, healthPort, metricsPort, kafka, otlp } = config;
  const metrics = ['smi', ...(kafka === null ? [] : ['kafka'])];
  const traces = ['otlphttp/demo', ...(otlp === null ? [] : ['otlphttp/yours'])];
  return `receivers:
${[...targets].map(([mesh, file]) => receiverText(mesh, file)).join('')}  otlp:
    protocols:
      grpc: { endpoint: "${host}:${config.otlpGrpcPort}" }
      http: { endpoint: "${host}:${config.otlpHttpPort}" }
processors:
  smi: { window: ${WINDOW_MS / 1000}s }
exporters:
${exporterLines(config).join('\n')}
extensions:
  health_check: { endpoint: "${host}:${healthPort}" }
service:
  extensions: [health_check]
  telemetry:
    logs: { level: warn }
    metrics: { address: "${host}:${metricsPort}" }
  pipelines:
    metrics: { receivers: [${[...targets.keys()].join(', ')}], processors: [smi], exporters: [${metrics.join(', ')}] }
    traces: { receivers: [otlp], exporters: [${traces.join(', ')}] }
`;
}

function exporterLines({ host, smiPort, tracesPort, kafka, otlp }: DemoConfig): string[] {
  const lines = [
    `smi: { endpoint: "${host}:${smiPort}" }`,
    `otlphttp/demo: { endpoint: "http://${host}:${tracesPort}", encoding: json, compression: none }`,
  ];
  if (otlp !== null) lines.push(`otlphttp/yours: { endpoint: ${JSON.stringify(otlp)} }`);
  if (kafka !== null) lines.push(`kafka: { brokers: [${JSON.stringify(kafka)}], traffic: { topic: ${TOPIC} } }`);
  return lines.map((line) => `  ${line}`);
}

function receiverText(mesh: MeshName, file: string): string {
  const flush = mesh === 'linkerd' ? '' : `    stats_flush_interval: ${FLUSH_MS / 1000}s\n`;
  return `  ${mesh}:
    scrape_interval: ${SCRAPE_INTERVAL_MS / 1000}s
${flush}    file_sd_configs:
      - files: [${JSON.stringify(file)}]
        refresh_interval: 1s
`;
}
