/** @module The configuration the demo's own Weir runs with, as the YAML a user would write. */

import type { MeshName } from './world/topology.ts';

export interface DemoConfig {
  /** File of targets of each mesh. */
  readonly targets: ReadonlyMap<MeshName, string>;
  readonly host: string;
  readonly smiPort: number;
  readonly metricsPort: number;
  readonly healthPort: number;
  /** `host:port`, null without Kafka. */
  readonly kafka: string | null;
}

/** Scrape interval and window of the demo; short, so that first numbers come soon. */
export const SCRAPE_INTERVAL_MS = 2000;
export const WINDOW_MS = 10_000;
/** Time between two flushes of the demo's Istio and Envoy proxies: not above the scrape interval, as in real meshes. */
export const FLUSH_MS = 1000;
export const TOPIC = 'smi_traffic';

/** YAML text; JSON strings are YAML strings, which is how paths are quoted. */
export function demoConfig(config: DemoConfig): string {
  const { targets, host, smiPort, metricsPort, healthPort, kafka } = config;
  const kafkaLine =
    kafka === null ? '' : `\n  kafka: { brokers: [${JSON.stringify(kafka)}], traffic: { topic: ${TOPIC} } }`;
  return `receivers:
${[...targets].map(([mesh, file]) => receiverText(mesh, file)).join('')}processors:
  smi: { window: ${WINDOW_MS / 1000}s }
exporters:
  smi: { endpoint: "${host}:${smiPort}" }${kafkaLine}
extensions:
  health_check: { endpoint: "${host}:${healthPort}" }
service:
  extensions: [health_check]
  telemetry:
    logs: { level: warn }
    metrics: { address: "${host}:${metricsPort}" }
  pipelines:
    metrics: { receivers: [${[...targets.keys()].join(', ')}], processors: [smi], exporters: [smi${kafka === null ? '' : ', kafka'}] }
`;
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
