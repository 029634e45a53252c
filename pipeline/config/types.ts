/**
 * @module Value types of the configuration: durations and sizes with units, endpoints, secrets.
 *
 * A problem is raised as a custom zod issue whose `params` carry the stable code and the mend (`problem.ts` prints them).
 */
import { z } from 'zod';
import { formatMilliseconds, parseGoDuration } from '../wire/duration.ts';

const SIZE = /^(\d+(?:\.\d+)?)(B|KB|MB|GB|KiB|MiB|GiB)?$/;
const SIZE_UNIT = new Map<string, number>([
  ['B', 1],
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
]);

interface Limits {
  readonly minMs?: number;
  readonly maxMs?: number;
}

/** Text such as `10s`, `1m30s`, `500ms` → milliseconds. Use `.prefault('10s')` for a default. */
export function duration(limits: Limits = {}) {
  const { minMs = 1, maxMs = 365 * 24 * 3600e3 } = limits;
  return z
    .string({
      error: (issue) =>
        typeof issue.input === 'number'
          ? `a duration needs a unit: write ${issue.input}s or ${issue.input}ms`
          : undefined,
    })
    .meta({ description: 'a duration with its unit', examples: ['10s', '1m30s', '500ms'] })
    .transform((text, context) => {
      const ns = parseGoDuration(text.trim());
      if (ns === null) {
        context.addIssue({
          code: 'custom',
          message: `"${text}" is no duration`,
          params: { weir: 'WEIR1005', mend: 'write a number with a unit: 500ms, 10s, 5m, 1h' },
        });
        return z.NEVER;
      }
      const ms = Number(ns) / 1e6;
      if (ms < minMs || ms > maxMs) {
        context.addIssue({
          code: 'custom',
          message: `"${text}" is out of range`,
          params: { weir: 'WEIR1006', mend: `between ${durationText(minMs)} and ${durationText(maxMs)}` },
        });
        return z.NEVER;
      }
      return ms;
    });
}

/** The shortest text of a length: `500ms`, `10s`, `1h30m`, `365d` is `8760h`. */
function durationText(ms: number): string {
  return formatMilliseconds(ms)
    .replace(/(?<=m)0s$/, '')
    .replace(/(?<=h)0m$/, '');
}

/** Text such as `50MiB`, `900kB` → bytes. */
export function byteSize() {
  return z
    .string({
      error: (issue) => (typeof issue.input === 'number' ? `a size needs a unit: write ${issue.input}B` : undefined),
    })
    .meta({ description: 'a size in bytes with its unit', examples: ['50MiB', '64KiB'] })
    .transform((text, context) => {
      const match = SIZE.exec(text.trim());
      const unit = SIZE_UNIT.get(match?.[2] ?? '');
      if (match === null || unit === undefined) {
        context.addIssue({
          code: 'custom',
          message: `"${text}" is no size`,
          params: { weir: 'WEIR1005', mend: 'write a number with a unit: 64KiB, 50MiB, 1GiB' },
        });
        return z.NEVER;
      }
      return Math.round(Number(match[1]) * unit);
    });
}

/** A host and port. `host` is without brackets. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

const ENDPOINT = /^(?:\[([0-9a-fA-F:.%]+)\]|([^[\]:]*)):(\d{1,5})$/;

/** Host and port of `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`; null when it is none. */
export function parseEndpoint(text: string): Endpoint | null {
  const match = ENDPOINT.exec(text);
  if (match === null) return null;
  const port = Number(match[3]);
  return port > 65535 ? null : { host: match[1] ?? match[2] ?? '', port };
}

/** Text `host:port` → `Endpoint`. Port 0 asks the system for a free one. */
export function endpoint() {
  return z.string().transform((text, context) => {
    const parsed = parseEndpoint(text);
    if (parsed === null || parsed.host === '') {
      context.addIssue({
        code: 'custom',
        message: `"${text}" is no address`,
        params: { weir: 'WEIR1007', mend: 'write host:port, for example 127.0.0.1:8080 or [::1]:8080' },
      });
      return z.NEVER;
    }
    return parsed;
  });
}

/** A value that never prints itself: logs, errors and `weir config` show `***`. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  /** The secret itself, for the one place that sends it. */
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return '***';
  }
  toJSON(): string {
    return '***';
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '***';
  }
}

/** Text → `Secret`. */
export function secret() {
  return z.string().transform((text) => new Secret(text));
}

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
