/** @module Comment lines: `# TYPE` of the families that are read, and `# EOF`; all others are passed over. */
import type { Buffer } from 'node:buffer';
import type { FamilyRule } from '../../model/rules.ts';
import { HASH, isBlank, QUOTE, skipBlanks, tokenEnd } from './bytes.ts';
import { NameTable } from './name-table.ts';

/** Words of Prometheus and OpenMetrics that state a type. Any other word states none. */
const TYPES = new Set(['counter', 'gauge', 'histogram', 'summary', 'gaugehistogram', 'info', 'stateset']);
const TOTAL = '_total';

/** What one `# TYPE` line may say. */
interface Expectation {
  /** Sample of the first rule that expects it, for messages. */
  readonly sample: string;
  readonly type: string;
  /** The name is the one in `# TYPE` of newer writers, which leave `_total` off, and only for counters. */
  readonly countersOnly: boolean;
}

export class TypeLines {
  readonly #names: NameTable;
  readonly #expected: readonly Expectation[];

  constructor(rules: Iterable<FamilyRule>) {
    const expected = expectationsOf(rules);
    this.#names = new NameTable([...expected.keys()]);
    this.#expected = [...expected.values()];
  }

  /** What is wrong with the line [start, end) if it is a `# TYPE` line that contradicts a rule, else null. */
  contradiction(bytes: Buffer, view: DataView, start: number, end: number): string | null {
    const keyword = skipBlanks(bytes, start + 1, end);
    if (keyword === start + 1 || !isTypeKeyword(bytes, keyword, end)) return null;
    const at = skipBlanks(bytes, keyword + 4, end);
    const nameStop = tokenEnd(bytes, at, end);
    const quoted = nameStop - at >= 2 && bytes[at] === QUOTE && bytes[nameStop - 1] === QUOTE ? 1 : 0;
    const index = this.#names.find(bytes, view, at + quoted, nameStop - quoted);
    if (index < 0) return null;
    const typeStart = skipBlanks(bytes, nameStop, end);
    const type = bytes.toString('latin1', typeStart, tokenEnd(bytes, typeStart, end));
    return contradictionOf(this.#expected[index]!, type);
  }
}

/** True when the line [start, end) is `# EOF`, blanks behind it aside. */
export function isEofLine(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 5 || bytes[start] !== HASH || bytes[start + 1] !== 0x20) return false;
  if (bytes[start + 2] !== 0x45 || bytes[start + 3] !== 0x4f || bytes[start + 4] !== 0x46) return false;
  return skipBlanks(bytes, start + 5, end) === end;
}

function expectationsOf(rules: Iterable<FamilyRule>): Map<string, Expectation> {
  const expected = new Map<string, Expectation>();
  const shortened: FamilyRule[] = [];
  for (const rule of rules) {
    if (rule.type === 'untyped') continue;
    if (!expected.has(rule.family))
      expected.set(rule.family, { sample: rule.sample, type: rule.type, countersOnly: false });
    if (rule.family.endsWith(TOTAL)) shortened.push(rule);
  }
  for (const { family, sample, type } of shortened) {
    const name = family.slice(0, -TOTAL.length);
    if (!expected.has(name)) expected.set(name, { sample, type, countersOnly: true });
  }
  return expected;
}

function contradictionOf(expected: Expectation, type: string): string | null {
  if (type === expected.type || !TYPES.has(type)) return null;
  if (expected.countersOnly && type !== 'counter') return null;
  return `the page calls the family of ${expected.sample} a ${type}, expected ${expected.type}`;
}

function isTypeKeyword(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < 5 || !isBlank(bytes[at + 4]!)) return false;
  return bytes[at] === 0x54 && bytes[at + 1] === 0x59 && bytes[at + 2] === 0x50 && bytes[at + 3] === 0x45;
}
