/** @module One configuration text: places in it, and excerpts of it that are safe to print. */
import { printable } from '../wire/printable.ts';
import { urlSecrets } from '../wire/url-secrets.ts';
import { editDistance } from './nearest.ts';
import type { Excerpt } from './problem.ts';

/** A file as read. `secrets` are ranges of offsets that are never printed; the parser adds to them. */
export interface Source {
  /** As the user named it. */
  readonly file: string;
  readonly text: string;
  readonly secrets: [start: number, end: number][];
}

/** Offsets [start, end) in a source, in UTF-16 units. */
export interface Place {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** Line and column from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export function createSource(file: string, text: string): Source {
  return { file, text, secrets: [] };
}

/** Line and column of an offset. O(offset): problems are few. */
export function positionAt(source: Source, offset: number): Position {
  const lineStart = source.text.lastIndexOf('\n', offset - 1) + 1;
  let line = 1;
  for (let at = source.text.indexOf('\n'); at !== -1 && at < lineStart; at = source.text.indexOf('\n', at + 1))
    line += 1;
  return { line, column: offset - lineStart + 1 };
}

const SECRET_KEY =
  /(?:^|[_-])(?:password|passwd|passphrase|secret|token|credentials?|api[_-]?key|access[_-]?key|private[_-]?key|key_pem|authorization|cookie)$/i;

/** Whether what a key of this name holds is never printed. `password_file` and the like are not secret. */
export function isSecretKey(key: string): boolean {
  if (SECRET_KEY.test(key)) return true;
  const last = key.toLowerCase().split(/[_-]/).at(-1) ?? '';
  return MISSPELT.some(([word, edits]) => editDistance(last, word, edits + 1) <= edits);
}

const ADDRESS_KEY = /(?:^|[_-])(?:endpoint|url|uri)$/i;

/** Whether what a key of this name holds is an address, whose query may be secret even without a scheme before it. */
export function isAddressKey(key: string): boolean {
  return ADDRESS_KEY.test(key);
}

/** A misspelt key is reported with its line, and the line must not show what would have been a secret. */
const MISSPELT: readonly (readonly [word: string, edits: number])[] = [
  ['password', 2],
  ['passphrase', 2],
  ['credentials', 2],
  ['authorization', 2],
  ['secret', 1],
  ['token', 1],
];

/** A value that is nothing but references names variables, not secrets. */
const ONLY_REFERENCES = /^["']?(?:\$\{[^{}]*\})+["']?$/;
const KEYED = /(["']?)([\w.-]+)\1\s*:\s*(?![|>&*{[])("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^#\n]*?)(?=\s*(?:,|\}|$|\s#))/g;
const LONGEST_LINE = 160;
const MASK = '***';

/** A longer line has no excerpt: nobody could read it, and masking it would take long. */
const LONGEST_SHOWN = 4000;

/** The place's line and the one before it, with carets under the place; null for a line too long to show. */
export function excerptAt(place: Place): Excerpt | null {
  const { source, start } = place;
  const { line } = positionAt(source, start);
  const lineStart = source.text.lastIndexOf('\n', start - 1) + 1;
  const lineEnd = endOfLine(source.text, lineStart);
  if (lineEnd - lineStart > LONGEST_SHOWN) return null;
  const lines: { number: number; text: string }[] = [];
  if (lineStart > 0) {
    const before = source.text.lastIndexOf('\n', lineStart - 2) + 1;
    const tooLong = lineStart - before > LONGEST_SHOWN;
    const text = tooLong ? '' : renderLine(source, before, lineStart - 1, null).text;
    if (text.trim() !== '') lines.push({ number: line - 1, text: clip(text, 0).text });
  }
  const shown = renderLine(source, lineStart, lineEnd, place);
  const clipped = clip(shown.text, shown.caretStart);
  lines.push({ number: line, text: clipped.text });
  const caretStart = shown.caretStart - clipped.cut;
  const room = Math.max(1, clipped.text.length - caretStart);
  return { lines, caretStart, caretLength: Math.min(Math.max(1, shown.caretLength), room) };
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  const last = end === -1 ? text.length : end;
  return text[last - 1] === '\r' ? last - 1 : last;
}

interface ShownLine {
  readonly text: string;
  readonly caretStart: number;
  readonly caretLength: number;
}

/** The line [from, to) with secrets masked and controls escaped, and where the place's characters came to stand. */
function renderLine(source: Source, from: number, to: number, place: Place | null): ShownLine {
  const hidden = hiddenRanges(source, from, to);
  let text = '';
  let caretStart = 0;
  let caretEnd = 0;
  for (let at = from; at < to; ) {
    if (place !== null && at <= place.start) caretStart = text.length;
    const range = hidden.find(([start, end]) => start <= at && at < end);
    const next = range === undefined ? at + charLength(source.text, at) : Math.min(range[1], to);
    text += range === undefined ? printable(source.text.slice(at, next)) : MASK;
    if (place !== null && at < place.end) caretEnd = text.length;
    at = next;
  }
  if (place !== null && place.start >= to) caretStart = text.length;
  return { text, caretStart, caretLength: caretEnd - caretStart };
}

function charLength(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

function hiddenRanges(source: Source, from: number, to: number): [number, number][] {
  const ranges = source.secrets.filter(([start, end]) => start < to && end > from);
  const line = source.text.slice(from, to);
  for (const match of line.matchAll(KEYED)) {
    const [whole, , key = '', value = ''] = match;
    if (value === '' || !isSecretKey(key) || ONLY_REFERENCES.test(value)) continue;
    const start = from + match.index + whole.length - value.length;
    ranges.push([start, start + value.length]);
  }
  for (const [start, end] of urlSecrets(line)) ranges.push([from + start, from + end]);
  return ranges;
}

/** Whether the raw text of a value may be printed although its key is a secret's. */
export function isOnlyReferences(raw: string): boolean {
  return ONLY_REFERENCES.test(raw.trim());
}

/** At most `LONGEST_LINE` characters around `focus`; `cut` were taken from the front. */
function clip(text: string, focus: number): { text: string; cut: number } {
  if (text.length <= LONGEST_LINE) return { text, cut: 0 };
  const cut = focus < LONGEST_LINE - 40 ? 0 : focus - 40;
  return { text: text.slice(cut, cut + LONGEST_LINE), cut };
}
