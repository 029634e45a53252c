/** @module The `health_check` extension: answers whether the process lives and whether its pipelines run. */
import type { Component, ExtensionSettings, ServiceStatus } from '../../component.ts';
import { type PlainAnswer, type PlainRoute, type PlainServer, startPlainServer } from '../../net/plain-server.ts';
import type { HealthCheckConfig } from './config.ts';
import { createOccurrences } from './telemetry.ts';

/** The extension, and the port it was given. */
export interface HealthCheck extends Component {
  /** Port listened on; null while it does not listen. */
  readonly port: number | null;
}

/** Listens from `start` to `stop`, so that probes hear 503 while pipelines start and drain. */
export function createHealthCheck(settings: ExtensionSettings<HealthCheckConfig>): HealthCheck {
  const { config, status, clock, startedMs, id } = settings;
  const occurrences = createOccurrences(settings.log);
  const upMs = () => Math.max(0, clock.wallMs() - startedMs);
  let server: PlainServer | null = null;
  return {
    get port() {
      return server?.port ?? null;
    },
    async start() {
      server = await startPlainServer({
        key: `extensions.${id}.endpoint`,
        host: config.endpoint.host,
        port: config.endpoint.port,
        routes: healthRoutes(config.path, status, startedMs, upMs),
        failed: occurrences.answerFailed,
      });
      occurrences.listening(config.endpoint.host, server.port);
    },
    async stop() {
      const held = server;
      server = null;
      await held?.close();
    },
  };
}

/** The three answers by path; `upMs` is the time since start in milliseconds. */
export function healthRoutes(
  path: string,
  status: () => ServiceStatus,
  startedMs: number,
  upMs: () => number,
): ReadonlyMap<string, PlainRoute> {
  return new Map<string, PlainRoute>([
    [path, () => overall(status(), startedMs, upMs())],
    ['/livez', (query) => probe('livez', [{ name: 'process', reason: '' }], query)],
    ['/readyz', (query) => probe('readyz', readiness(status()), query)],
  ]);
}

/** The Collector's answer: `Server available` with since and for how long, otherwise `Server not available`. */
function overall(status: ServiceStatus, startedMs: number, upMs: number): PlainAnswer {
  const body = status.ready
    ? { status: 'Server available', upSince: new Date(startedMs).toISOString(), uptime: `${(upMs / 1000).toFixed(3)}s` }
    : { status: 'Server not available', reason: status.reason };
  return { status: status.ready ? 200 : 503, contentType: 'application/json', body: `${JSON.stringify(body)}\n` };
}

interface Check {
  readonly name: string;
  /** '' when it passes. */
  readonly reason: string;
}

function readiness(status: ServiceStatus): Check[] {
  return [
    { name: 'process', reason: '' },
    { name: 'pipelines', reason: status.ready ? '' : `${status.phase}: ${status.reason || 'not ready'}` },
  ];
}

/** Kubernetes' form: `ok`, or with `?verbose` and on failure one line a check, `[+]name ok` or `[-]name failed: why`. */
function probe(name: string, checks: readonly Check[], query: URLSearchParams): PlainAnswer {
  const passed = checks.every((check) => check.reason === '');
  const lines = checks.map(({ name, reason }) =>
    reason === '' ? `[+]${name} ok` : `[-]${name} failed: ${oneLine(reason)}`,
  );
  const detail = [...lines, `${name} check ${passed ? 'passed' : 'failed'}`].join('\n');
  return {
    status: passed ? 200 : 503,
    contentType: 'text/plain; charset=utf-8',
    body: passed && !query.has('verbose') ? 'ok' : `${detail}\n`,
  };
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
