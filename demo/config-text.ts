/** @module The configuration the demo's own Weir runs with, as the YAML a user would write. */

export interface DemoConfig {
  readonly targetsFile: string;
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
export const TOPIC = 'smi_traffic';

/** YAML text; JSON strings are YAML strings, which is how paths are quoted. */
export function demoConfig(config: DemoConfig): string {
  const { targetsFile, host, smiPort, metricsPort, healthPort, kafka } = config;
  const kafkaLine =
    kafka === null ? '' : `\n  kafka: { brokers: [${JSON.stringify(kafka)}], traffic: { topic: ${TOPIC} } }`;
  return `receivers:
  linkerd:
    scrape_interval: ${SCRAPE_INTERVAL_MS / 1000}s
    file_sd_configs:
      - files: [${JSON.stringify(targetsFile)}]
        refresh_interval: 1s
processors:
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
    metrics: { receivers: [linkerd], processors: [smi], exporters: [smi${kafka === null ? '' : ', kafka'}] }
`;
}
