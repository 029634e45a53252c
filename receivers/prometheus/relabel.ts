/**
 * @module Relabelling as Prometheus does it: rules from the configuration applied to one set of labels.
 *
 * Source of actions and defaults: prometheus/prometheus `model/relabel/relabel.go`. `hashmod` takes the last eight bytes
 * of MD5, big-endian.
 */
import { createHash } from 'node:crypto';
import type { Pattern, PatternMatch } from '../../pipeline/config/pattern.ts';
import type { Labels } from '../../pipeline/model/resource.ts';

export type RelabelAction =
  | 'replace'
  | 'keep'
  | 'drop'
  | 'keepequal'
  | 'dropequal'
  | 'hashmod'
  | 'labelmap'
  | 'labeldrop'
  | 'labelkeep'
  | 'lowercase'
  | 'uppercase';

/** One rule, checked. */
export interface RelabelRule {
  readonly action: RelabelAction;
  readonly sourceLabels: readonly string[];
  readonly separator: string;
  readonly regex: Pattern;
  readonly targetLabel: string;
  readonly replacement: string;
  readonly modulus: number;
}

/** Labels after all rules, a new Map; null when a rule drops what they belong to. O(rules × labels). */
export function relabel(rules: readonly RelabelRule[], labels: Labels): Map<string, string> | null {
  const changed = new Map(labels);
  for (const rule of rules) if (!apply(rule, changed)) return null;
  return changed;
}

/** False: dropped. */
function apply(rule: RelabelRule, labels: Map<string, string>): boolean {
  const joined = rule.sourceLabels.map((name) => labels.get(name) ?? '').join(rule.separator);
  switch (rule.action) {
    case 'keep':
      return rule.regex.test(joined);
    case 'drop':
      return !rule.regex.test(joined);
    case 'keepequal':
      return joined === (labels.get(rule.targetLabel) ?? '');
    case 'dropequal':
      return joined !== (labels.get(rule.targetLabel) ?? '');
    default:
      rewrite(rule, joined, labels);
      return true;
  }
}

function rewrite(rule: RelabelRule, joined: string, labels: Map<string, string>): void {
  switch (rule.action) {
    case 'lowercase':
      write(labels, rule.targetLabel, joined.toLowerCase());
      break;
    case 'uppercase':
      write(labels, rule.targetLabel, joined.toUpperCase());
      break;
    case 'hashmod':
      write(labels, rule.targetLabel, String(hashModulus(joined, rule.modulus)));
      break;
    case 'labelmap':
      mapNames(rule, labels);
      break;
    case 'labeldrop':
      dropNames(labels, (name) => rule.regex.test(name));
      break;
    case 'labelkeep':
      dropNames(labels, (name) => !rule.regex.test(name));
      break;
    default:
      replace(rule, joined, labels);
  }
}

function replace(rule: RelabelRule, joined: string, labels: Map<string, string>): void {
  const match = rule.regex.match(joined);
  if (match === null) return;
  const name = expand(rule.targetLabel, match);
  if (LABEL_NAME.test(name)) write(labels, name, expand(rule.replacement, match));
}

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

function mapNames(rule: RelabelRule, labels: Map<string, string>): void {
  for (const [name, value] of [...labels]) {
    const match = rule.regex.match(name);
    if (match !== null) write(labels, expand(rule.replacement, match), value);
  }
}

function dropNames(labels: Map<string, string>, isOver: (name: string) => boolean): void {
  for (const name of [...labels.keys()]) if (isOver(name)) labels.delete(name);
}

/** An empty value is no label. */
function write(labels: Map<string, string>, name: string, value: string): void {
  if (value === '') labels.delete(name);
  else labels.set(name, value);
}

const REFERENCE = /\$(?:\$|\{(\w+)\}|(\w+))/g;

/** Go's `Expand`: `$1`, `${1}`, `$name`, `$$`; what the expression has no group for is empty. */
function expand(template: string, match: PatternMatch): string {
  return template.replace(REFERENCE, (whole, braced?: string, bare?: string) => {
    const name = braced ?? bare;
    if (whole === '$$' || name === undefined) return '$';
    return match.group(/^\d+$/.test(name) ? Number(name) : name);
  });
}

/** The last eight bytes of the MD5 of `text` as an unsigned number, modulo `modulus`. */
export function hashModulus(text: string, modulus: number): number {
  const low = createHash('md5').update(text).digest().readBigUInt64BE(8);
  return Number(low % BigInt(modulus));
}
