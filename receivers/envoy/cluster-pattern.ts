/**
 * @module Rows of a table that reads names of clusters: an expression, and what its groups stand for.
 *
 * Expressions of the configuration take time linear in the name, as names come from outside; those built in are
 * constants of the code.
 */
import type { Pattern, PatternMatch } from '../../pipeline/config/pattern.ts';

/** Longest name that is held against an expression. DNS names have 253 characters at most. */
export const MAX_NAME_LENGTH = 253;

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
  readonly regex: Pattern;
  readonly service: string;
  readonly namespace: string;
  readonly workload: string;
  readonly direction: Direction;
}

/** A constant of the code as a pattern. */
export function constantPattern(regex: RegExp): Pattern {
  return {
    source: regex.source,
    hasGroup: () => true,
    test: (text) => regex.test(text),
    match(text) {
      const found = regex.exec(text);
      return found === null ? null : { group: (reference) => found[Number(reference)] ?? '' };
    },
  };
}

/** Texts of `pattern` for `name`; null when the name does not match as a whole. */
export function applyPattern(pattern: ClusterPattern, name: string): Destination | null {
  const match = name.length <= MAX_NAME_LENGTH ? pattern.regex.match(name) : null;
  if (match === null) return null;
  const { direction, service, namespace, workload } = pattern;
  const fill = (text: string) => fillIn(text, match);
  return { direction, service: fill(service), namespace: fill(namespace), workload: fill(workload) };
}

const REFERENCE = /\$(\d|[a-zA-Z_]\w*)/g;

function referenceOf(group: string): number | string {
  return /^\d$/.test(group) ? Number(group) : group;
}

/** Groups that `text` stands for and `pattern` does not have. */
export function missingGroups(pattern: Pattern, text: string): string[] {
  return [...text.matchAll(REFERENCE)].flatMap(([, group = '']) =>
    pattern.hasGroup(referenceOf(group)) ? [] : [group],
  );
}

/** `$1`, `$name`; a group that is not there or took no part is ''. */
function fillIn(text: string, match: PatternMatch): string {
  return text.replace(REFERENCE, (_, group: string) => match.group(referenceOf(group)));
}
