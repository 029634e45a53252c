/** @module What the `health_check` extension tells its operator. */
import type { Logger } from '../logger.ts';

export interface Occurrences {
  listening(host: string, port: number): void;
  answerFailed(path: string, error: unknown): void;
}

export function createOccurrences(log: Logger): Occurrences {
  return {
    listening: (host, port) => log.info({ host, port }, 'health answers listen'),
    answerFailed: (path, error) => log.error({ path, error }, 'a health answer failed'),
  };
}
