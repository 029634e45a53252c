/** @module A logger that remembers. */
import type { Logger } from '../../pipeline/telemetry/logger.ts';

export interface TestLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

export interface TestLog extends Logger {
  readonly lines: TestLine[];
}

/** Children write into the same list, with their fields added. */
export function createTestLog(fields: object = {}, lines: TestLine[] = []): TestLog {
  const write = (level: TestLine['level']) => (more: object, message: string) => {
    lines.push({ level, message, fields: { ...fields, ...more } });
  };
  return {
    lines,
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (more) => createTestLog({ ...fields, ...more }, lines),
  };
}
