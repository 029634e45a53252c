/** @module Makes log fields safe to write: secrets hidden, sizes and depth bounded, everything plain data. */
import { maskUrls } from '../wire/url-secrets.ts';

/** Words that mark a field as secret unless it names a file. */
const SECRET = /pass(?:word|wd|phrase)|secret|token|authorization|api[_-]?key|private[_-]?key|cookie|credential/i;
const NAMES_A_FILE = /(?:file|path)$/i;

const MAX_DEPTH = 6;
const MAX_TEXT = 8192;
const MAX_ENTRIES = 200;

/** A copy of `fields` fit for a log line. Never throws; cost grows with what is copied, at most the limits above. */
export function redactFields(fields: object): Record<string, unknown> {
  return copyEntries(Object.entries(fields), 0);
}

/** Text with the secret parts of URLs removed and its length limited to 8192 characters. */
export function redactText(text: string): string {
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… (${text.length} characters)` : text;
  return maskUrls(cut);
}

function copyEntries(entries: Iterable<[unknown, unknown]>, depth: number): Record<string, unknown> {
  const copy: [string, unknown][] = [];
  for (const [name, value] of entries) {
    if (copy.length >= MAX_ENTRIES) break;
    const key = String(name);
    copy.push([key, isSecret(key, value) ? '***' : copyValue(value, depth + 1)]);
  }
  // fromEntries defines own properties, so that a key such as `__proto__` stays data.
  return Object.fromEntries(copy);
}

function isSecret(key: string, value: unknown): boolean {
  return value !== '' && typeof value !== 'boolean' && SECRET.test(key) && !NAMES_A_FILE.test(key);
}

function copyValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'function' || value === undefined) return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return '…';
  if (value instanceof Error) return copyError(value, depth);
  if (value instanceof Map) return copyEntries(value, depth);
  if (Array.isArray(value) || value instanceof Set) {
    return [...value].slice(0, MAX_ENTRIES).map((item) => copyValue(item, depth + 1));
  }
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return copyValue(value.toJSON(), depth + 1);
  return copyEntries(Object.entries(value), depth);
}

function copyError(error: Error, depth: number): Record<string, unknown> {
  const code = 'code' in error ? { code: copyValue(error.code, depth + 1) } : {};
  const cause = error.cause === undefined ? {} : { cause: copyValue(error.cause, depth + 1) };
  const stack = error.stack === undefined ? {} : { stack: redactText(error.stack) };
  return { name: error.name, message: redactText(error.message), ...code, ...cause, ...stack };
}
