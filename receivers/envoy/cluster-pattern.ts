/**
 * @module Cluster patterns of the configuration: a regular expression and what its groups stand for.
 *
 * Whoever writes the configuration is trusted, but names of clusters come from outside. An expression is held against
 * whole names of at most `MAX_NAME_LENGTH` characters, may repeat no group and refer back to none, and may hold
 * `MAX_REPEATS` open repeats, so that no name can make it take exponential time.
 */

/** Longest name that is held against an expression. DNS names have 253 characters at most. */
export const MAX_NAME_LENGTH = 253;
const MAX_SOURCE_LENGTH = 512;
const MAX_REPEATS = 8;

/** Who a cluster or a listener stands between. `control`: traffic of the proxy itself, such as scrapes and xDS. */
export type Direction = 'outbound' | 'inbound' | 'control';

/** Where a cluster leads. Names are '' when they are not told. */
export interface Destination {
  readonly direction: Direction;
  readonly service: string;
  readonly namespace: string;
  /** Name of the workload behind it, when the cluster tells even that. */
  readonly workload: string;
}

/** One row of a table of patterns; `$1` and `$name` in the texts stand for groups of `regex`. */
export interface ClusterPattern {
  readonly regex: RegExp;
  readonly service: string;
  readonly namespace: string;
  readonly workload: string;
  readonly direction: Direction;
}

/** Anchored expression, or what is wrong with it. */
export function compileClusterRegex(source: string): RegExp | string {
  if (source.length > MAX_SOURCE_LENGTH) return `it has more than ${MAX_SOURCE_LENGTH} characters`;
  try {
    const regex = new RegExp(`^(?:${source})$`, 's');
    return dangerOf(source) ?? regex;
  } catch {
    return 'it is no regular expression';
  }
}

/** Texts of `pattern` for `name`; null when the name does not match as a whole. */
export function applyPattern(pattern: ClusterPattern, name: string): Destination | null {
  const match = name.length <= MAX_NAME_LENGTH ? pattern.regex.exec(name) : null;
  if (match === null) return null;
  const { direction, service, namespace, workload } = pattern;
  const fill = (text: string) => fillIn(text, match);
  return { direction, service: fill(service), namespace: fill(namespace), workload: fill(workload) };
}

/** `$1`, `$name`; a group that is not there or took no part is ''. */
function fillIn(text: string, match: RegExpExecArray): string {
  return text.replace(/\$(\d|[a-zA-Z_]\w*)/g, (_, group: string) => {
    if (/^\d$/.test(group)) return match[Number(group)] ?? '';
    return match.groups !== undefined && Object.hasOwn(match.groups, group) ? (match.groups[group] ?? '') : '';
  });
}

const TOKEN = /\\.|\[(?:\\.|[^\]\\])*\]|\(\?(?:<[a-zA-Z_]\w*>|:)|\(\?|[()]|[*+]\??|\{\d*,\d*\}\??|./gs;

/** What makes the (valid) expression dangerous; null when nothing does. */
function dangerOf(source: string): string | null {
  let repeats = 0;
  let before = '';
  for (const [token] of source.matchAll(TOKEN)) {
    if (token === '(?') return 'it looks ahead or behind, which is not allowed';
    if (/^\\[1-9k]/.test(token)) return 'it refers back to a group, which is not allowed';
    if (/^(?:[*+]|\{\d*,)/.test(token)) {
      if (before === ')') return 'it repeats a group, which is not allowed';
      repeats += 1;
    }
    before = token;
  }
  return repeats > MAX_REPEATS ? `it has more than ${MAX_REPEATS} open repeats` : null;
}
