/** @module Weir's log on pino: JSON lines or readable lines on standard error, without secrets. */
import { type DestinationStream, destination, type Logger as PinoLogger, pino } from 'pino';
import { type Clock, systemClock } from '../clock/clock.ts';
import { formatConsoleLine } from './console-line.ts';
import type { Logger } from './logger.ts';
import { redactFields } from './redact.ts';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly encoding: 'json' | 'console';
  /** Where the time of a line comes from; the machine's clock unless a test or a simulation says otherwise. */
  readonly clock?: Clock;
  /** Takes each finished line with its end; standard error unless given. */
  readonly write?: (line: string) => void;
}

/** The root logger. Lines are written before the call returns, so that none is lost when the process ends. */
export function createLogger(options: LoggerOptions): Logger {
  const clock = options.clock ?? systemClock;
  const sink = options.write === undefined ? destination({ fd: 2, sync: true }) : { write: options.write };
  const base = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":${JSON.stringify(isoTime(clock.wallMs()))}`,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.encoding === 'json' ? sink : consoleStream(sink),
  );
  return wrap(base);
}

function isoTime(wallMs: number): string {
  return Number.isFinite(wallMs) && Math.abs(wallMs) <= 8.64e15 ? new Date(wallMs).toISOString() : String(wallMs);
}

function consoleStream(sink: DestinationStream): DestinationStream {
  return { write: (line) => sink.write(`${formatConsoleLine(JSON.parse(line))}\n`) };
}

function wrap(base: PinoLogger, secrets: readonly string[] = []): Logger {
  return {
    debug(fields, message) {
      // Redaction copies, so a level that is off must not come as far as that.
      if (base.isLevelEnabled('debug')) base.debug(redactFields(fields, secrets), message);
    },
    info(fields, message) {
      if (base.isLevelEnabled('info')) base.info(redactFields(fields, secrets), message);
    },
    warn(fields, message) {
      if (base.isLevelEnabled('warn')) base.warn(redactFields(fields, secrets), message);
    },
    error: (fields, message) => base.error(redactFields(fields, secrets), message),
    child(fields, more = []) {
      const all = more.length === 0 ? secrets : [...secrets, ...more];
      return wrap(base.child(redactFields(fields, all)), all);
    },
  };
}
