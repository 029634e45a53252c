/**
 * @module Relabelling as Prometheus does it: rules from the configuration applied to one set of labels.
 *
 * Source of actions and defaults: prometheus/prometheus `model/relabel/relabel.go`. `hashmod` takes the last eight bytes
 * of MD5, big-endian.
 */
import { createHash } from 'node:crypto';
import type { Labels } from '../../pipeline/model/resource.ts';
import { MAX_SUBJECT_LENGTH, matches } from './pattern.ts';

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
  readonly regex: RegExp;
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
      return matches(rule.regex, joined);
    case 'drop':
      return !matches(rule.regex, joined);
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
      dropNames(labels, (name) => matches(rule.regex, name));
      break;
    case 'labelkeep':
      dropNames(labels, (name) => !matches(rule.regex, name));
      break;
    default:
      replace(rule, joined, labels);
  }
}

function replace(rule: RelabelRule, joined: string, labels: Map<string, string>): void {
  const match = joined.length > MAX_SUBJECT_LENGTH ? null : rule.regex.exec(joined);
  if (match === null) return;
  const name = expand(rule.targetLabel, match);
  if (LABEL_NAME.test(name)) write(labels, name, expand(rule.replacement, match));
}

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

function mapNames(rule: RelabelRule, labels: Map<string, string>): void {
  for (const [name, value] of [...labels]) {
    const match = name.length > MAX_SUBJECT_LENGTH ? null : rule.regex.exec(name);
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
export function expand(template: string, match: RegExpExecArray): string {
  return template.replace(REFERENCE, (whole, braced?: string, bare?: string) => {
    const name = braced ?? bare;
    if (whole === '$$' || name === undefined) return '$';
    return (/^\d+$/.test(name) ? match[Number(name)] : groupOf(match, name)) ?? '';
  });
}

function groupOf(match: RegExpExecArray, name: string): string | undefined {
  const { groups } = match;
  return groups !== undefined && Object.hasOwn(groups, name) ? groups[name] : undefined;
}

/** The last eight bytes of the MD5 of `text` as an unsigned number, modulo `modulus`. */
export function hashModulus(text: string, modulus: number): number {
  const low = createHash('md5').update(text).digest().readBigUInt64BE(8);
  return Number(low % BigInt(modulus));
}
