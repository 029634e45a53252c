/** @module Texts of the drop journal: bounded, safe to print, without what looks like a credential, and kept by themselves. */
import type { DropCause, DropSample } from '../balance.ts';
import { printable, printableShort } from '../wire/printable.ts';
import { maskUrls } from '../wire/url-secrets.ts';
import { withoutSecrets } from './without-secrets.ts';

const NAME_LENGTH = 200;
const HIDDEN_LENGTH = 4096;
/** An HTTP credential, and a word for one with what is behind it; a backend may quote what it was sent. */
const SCHEME = /\b(bearer|basic|digest|negotiate)(\s+)[^\s"',;]+/gi;
const NAMED =
  /((?:pass(?:word|wd|phrase)|secret|token|authorization|api[_-]?key|private[_-]?key|cookie|credential)[\w-]{0,20}["']?\s{0,4}[:=]\s{0,4}["']?)[^\s"',;]+/gi;

/** At most `length` characters of an error and a mark where it was cut. O(length). */
export function shownError(error: string, length: number, secrets: readonly string[]): string {
  const masked = hidden(error, secrets).replace(SCHEME, '$1$2***').replace(NAMED, '$1***');
  return detached(printable(masked.slice(0, length)) + (error.length > length ? `… (${error.length} characters)` : ''));
}

/** What `sample` gives, its known fields only; null when it gives nothing or fails. */
export function shownSample(
  sample: DropCause['sample'],
  secrets: readonly string[],
): Readonly<Record<string, string>> | null {
  if (sample === undefined) return null;
  try {
    const fields = fieldsOf(sample(), secrets);
    return fields.length === 0 ? null : Object.fromEntries(fields);
  } catch {
    // Whoever drops something must not fail because nobody can say what it was.
    return null;
  }
}

function fieldsOf(sample: DropSample, secrets: readonly string[]): [string, string][] {
  const { traceId, spanId, span, service, from, to, mesh, startMs, endMs, target, metric, sender } = sample;
  const texts = { traceId, spanId, span, service, from, to, mesh, target, metric, sender };
  const times = { start: startMs, end: endMs };
  return [
    ...Object.entries(texts).flatMap(([name, text = '']) => (text === '' ? [] : [named(name, hidden(text, secrets))])),
    ...Object.entries(times).flatMap(([name, ms]) => (ms === undefined ? [] : [named(name, timeText(ms))])),
  ];
}

function named(name: string, text: string): [string, string] {
  return [name, detached(printableShort(text, NAME_LENGTH))];
}

/**
 * The beginning of a text without secrets: longer than what is shown of it, so that neither a secret nor an address is cut in
 * the middle of what is to be hidden.
 */
function hidden(text: string, secrets: readonly string[]): string {
  return maskUrls(withoutSecrets(text.slice(0, HIDDEN_LENGTH), secrets));
}

/** ISO 8601; the number where it is no time. */
export function timeText(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
}

/** A copy, as a part of a text keeps the whole of it in memory. */
export function detached(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
