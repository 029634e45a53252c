/** @module `weir explain`: what stands behind a number of a running Weir. */
import type { CliContext } from './context.ts';
import { UsageError } from './context.ts';
import { explanationText } from './explain-text.ts';
import { durationMs } from './flags.ts';
import { type QueryOptions, query } from './query.ts';
import { wantsColor } from './text.ts';

export interface ExplainOptions extends QueryOptions {
  /** Window asked for instead of the usual one. */
  readonly window?: string;
  /** Series listed at most. */
  readonly limit: string;
}

/**
 * The exit code. `words` are the resource, for an edge its other end, and the metric: what has a `/`, or is `unknown`, is
 * an end. 1 when Weir does not know what is asked for.
 */
export function explain(words: readonly string[], options: ExplainOptions, context: CliContext): Promise<number> {
  const path = `/v1/explain?${askedFor(words, options)}`;
  const color = wantsColor(options.color, context.isTty, context.env);
  return query(path, options, context, (answer) => ({
    text: explanationText(answer, { color, headers: options.headers }),
    found: true,
  }));
}

function askedFor([resource = '', ...rest]: readonly string[], options: ExplainOptions): URLSearchParams {
  const { namespace, window, limit } = options;
  const ends = rest.filter(isEnd);
  const metrics = rest.filter((word) => !isEnd(word));
  if (ends.length > 1) throw new UsageError(`explain: an edge has two ends; the third is ${ends[1]}`);
  if (metrics.length > 1) throw new UsageError(`explain: one metric at a time, not ${metrics.join(' and ')}`);
  if (!/^\d{1,5}$/.test(limit)) throw new UsageError(`--limit ${limit}: expected a number of series such as 50`);
  if (window !== undefined) durationMs('--window', window);
  const asked: Record<string, string | undefined> = {
    resource,
    peer: ends[0],
    metric: metrics[0],
    namespace,
    t: window,
    limit,
  };
  return new URLSearchParams(
    Object.entries(asked).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function isEnd(word: string): boolean {
  return word.includes('/') || /^\(?unknown\)?$/.test(word);
}
