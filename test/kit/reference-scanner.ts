/** @module The exposition scanner written a second time, as plainly as possible, to check the fast one against. */

import type { FamilyRule } from '../../pipeline/model/rules.ts';
import type { ScanLimits } from '../../pipeline/wire/exposition/scan-types.ts';

export type Verdict = 'store' | 'unwanted' | 'limited';

export interface ReferenceSettings {
  readonly wanted: ReadonlyMap<string, FamilyRule>;
  readonly limits: Required<ScanLimits>;
  /** What a caller's `resolve` would say about a series. */
  readonly verdict: (key: string) => Verdict;
}

export interface ReferenceSample {
  value: number;
  repeats: number;
}

export interface ReferenceResult {
  readonly series: Map<string, ReferenceSample>;
  readonly samples: number;
  readonly unwantedSamples: number;
  readonly limitedSamples: number;
  readonly lines: number;
  readonly bytes: number;
  readonly skippedLines: number;
  readonly firstSkipped: { reason: string; line: number } | null;
  readonly failure: { reason: string; line: number } | null;
  readonly endsInNewline: boolean;
  readonly sawEof: boolean;
  readonly endsMark: 'eof' | 'newline' | 'none';
}

/** One text per label set, whatever the order and escaping on the page. */
export function seriesKey(sample: string, labels: ReadonlyMap<string, string>): string {
  return JSON.stringify([sample, [...labels].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))]);
}

class LineError extends Error {}
class PageError extends Error {}

const NEW_STYLE_COUNTER = '_total';
const STATED = ['counter', 'gauge', 'histogram', 'summary', 'gaugehistogram', 'info', 'stateset'];

/** Reads a whole page. Bytes are handled as characters 0 to 255 and decoded label by label. */
export function referenceScan(page: Uint8Array, settings: ReferenceSettings): ReferenceResult {
  const text = Buffer.from(page).toString('latin1');
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const series = new Map<string, ReferenceSample>();
  const result = {
    series,
    samples: 0,
    unwantedSamples: 0,
    limitedSamples: 0,
    lines: 0,
    bytes: page.length,
    skippedLines: 0,
    firstSkipped: null as { reason: string; line: number } | null,
    failure: null as { reason: string; line: number } | null,
    endsInNewline: text.endsWith('\n'),
    sawEof: lines.some(isEof),
    endsMark: 'none' as 'eof' | 'newline' | 'none',
  };
  const lastText = lines.filter((line) => /[^ \t]/.test(line.replace(/\r$/, ''))).at(-1);
  result.endsMark = lastText !== undefined && isEof(lastText) ? 'eof' : result.endsInNewline ? 'newline' : 'none';

  let sawContent = false;
  for (const line of lines) {
    result.lines += 1;
    try {
      const content = /[^ \t\r]/.exec(line.slice(0, settings.limits.lineBytes));
      if (!sawContent && content !== null) {
        sawContent = true;
        if (content[0] === '<') throw new PageError('html');
      }
      if (line.length > settings.limits.lineBytes) throw new PageError('line_too_long');
      const sample = readLine(line.replace(/\r$/, ''), settings);
      if (sample === null) continue;
      const verdict = settings.verdict(sample.key);
      if (verdict === 'unwanted') result.unwantedSamples += 1;
      else if (result.samples + result.limitedSamples === settings.limits.sampleLimit)
        throw new PageError('sample_limit');
      else if (verdict === 'limited') result.limitedSamples += 1;
      else {
        result.samples += 1;
        add(series, sample.key, sample.value);
      }
    } catch (error) {
      if (error instanceof PageError) {
        result.failure = { reason: error.message, line: result.lines };
        break;
      }
      if (!(error instanceof LineError)) throw error;
      result.skippedLines += 1;
      result.firstSkipped ??= { reason: error.message, line: result.lines };
    }
  }
  return result;
}

function isEof(line: string): boolean {
  return /^[ \t]*# EOF[ \t]*\r?$/.test(line);
}

function add(series: Map<string, ReferenceSample>, key: string, value: number): void {
  const held = series.get(key);
  if (held === undefined) series.set(key, { value, repeats: 1 });
  else {
    held.value = held.value >= 0 && value >= 0 ? held.value + value : Number.NaN;
    held.repeats += 1;
  }
}

interface Sample {
  key: string;
  value: number;
}

function readLine(raw: string, settings: ReferenceSettings): Sample | null {
  const line = raw.replace(/^[ \t]+/, '');
  if (line === '') return null;
  if (line.startsWith('#')) {
    checkType(line, settings);
    return null;
  }
  const cursor = new Cursor(line);
  let name: string | null = cursor.take(/[^{ \t]*/y);
  let inBraces = false;
  if (name === '') {
    name = quotedName(cursor);
    inBraces = true;
  }
  if (name === null || !settings.wanted.has(name)) return null;
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(line)) throw new LineError('control_byte');
  if (!inBraces) inBraces = cursor.take(/[ \t]*\{/y) !== null;
  const labels = inBraces ? readLabels(cursor) : new Map<string, string>();
  checkLabels(labels, settings.limits);
  return { key: seriesKey(name, labels), value: readValue(line.slice(cursor.at)) };
}

class Cursor {
  at = 0;
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  /** What the sticky pattern matches here, or null; moves behind it. */
  take(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match === null) return null;
    this.at = pattern.lastIndex;
    return match[1] ?? match[0];
  }
}

const QUOTED = /"((?:[^"\\]|\\["\\n])*)"/y;
const BADLY_ESCAPED = /"(?:[^"\\]|\\["\\n])*\\[^"\\n]/y;

function quotedName(cursor: Cursor): string | null {
  cursor.take(/\{[ \t]*/y);
  const quoted = cursor.take(QUOTED);
  if (quoted === null || cursor.take(/[ \t]*(?:,|(?=\}))/y) === null) return null;
  try {
    return decode(quoted);
  } catch {
    return null;
  }
}

function readLabels(cursor: Cursor): Map<string, string> {
  const labels = new Map<string, string>();
  while (cursor.take(/[ \t]*\}/y) === null) {
    cursor.take(/[ \t]*/y);
    const name = cursor.text[cursor.at] === '"' ? readQuoted(cursor) : cursor.take(/[A-Za-z_][A-Za-z0-9_]*/y);
    if (name === null || name === '' || cursor.take(/[ \t]*=[ \t]*(?=")/y) === null) throw new LineError('bad_labels');
    const value = readQuoted(cursor);
    if (labels.has(name)) throw new LineError('duplicate_label');
    labels.set(name, value);
    if (cursor.take(/[ \t]*(?:,|(?=\}))/y) === null) throw new LineError('bad_labels');
  }
  return labels;
}

function readQuoted(cursor: Cursor): string {
  const quoted = cursor.take(QUOTED);
  if (quoted !== null) return decode(quoted);
  throw new LineError(cursor.take(BADLY_ESCAPED) === null ? 'bad_labels' : 'bad_escape');
}

function decode(escaped: string): string {
  const plain = escaped.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(plain, 'latin1'));
  } catch {
    throw new LineError('invalid_utf8');
  }
}

function checkLabels(labels: Map<string, string>, limits: ScanLimits): void {
  if (labels.size > limits.labelLimit) throw new PageError('label_limit');
  const longest = (texts: Iterable<string>) => Math.max(0, ...[...texts].map((text) => Buffer.byteLength(text)));
  if (longest(labels.keys()) > limits.labelNameLengthBytes) throw new PageError('label_name_length_limit');
  if (longest(labels.values()) > limits.labelValueLengthBytes) throw new PageError('label_value_length_limit');
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

function readValue(rest: string): number {
  const [before, exemplar] = splitExemplar(rest);
  const tokens = before.split(/[ \t]+/).filter((token) => token !== '');
  const [valueText, timestamp, ...more] = tokens;
  if (valueText === undefined) throw new LineError(exemplar ? 'bad_value' : 'missing_value');
  const value = parseNumber(valueText);
  if (timestamp !== undefined && !DECIMAL.test(timestamp)) throw new LineError('bad_timestamp');
  if (more.length > 0) throw new LineError('trailing_text');
  return value;
}

/** Text before the first ` # ` and whether there is one. A `#` in place of the value is no exemplar. */
function splitExemplar(rest: string): [string, boolean] {
  const match = /(?:^|[ \t])#[ \t]/.exec(rest);
  return match === null ? [rest, false] : [rest.slice(0, match.index), true];
}

function parseNumber(text: string): number {
  if (DECIMAL.test(text)) {
    const value = Number(text);
    if (Number.isFinite(value)) return value;
  }
  const word = text.toLowerCase();
  if (word === 'nan') return Number.NaN;
  if (/^\+?inf(inity)?$/.test(word)) return Number.POSITIVE_INFINITY;
  if (/^-inf(inity)?$/.test(word)) return Number.NEGATIVE_INFINITY;
  throw new LineError('bad_value');
}

function checkType(line: string, settings: ReferenceSettings): void {
  const match = /^#[ \t]+TYPE[ \t]+([^ \t]+)[ \t]+([^ \t]+)/.exec(line);
  if (match === null) return;
  const name = /^"(.*)"$/.exec(match[1]!)?.[1] ?? match[1]!;
  const type = match[2]!;
  const rules = [...settings.wanted.values()].filter((rule) => rule.type !== 'untyped');
  const exact = rules.find((rule) => rule.family === name);
  const rule = exact ?? (type === 'counter' ? rules.find((r) => r.family === name + NEW_STYLE_COUNTER) : undefined);
  if (rule !== undefined && rule.type !== type && STATED.includes(type)) throw new PageError('type_changed');
}
