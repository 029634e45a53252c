/** @module Makes log fields safe to write: secrets hidden, sizes and depth bounded, everything plain data. */
import { maskUrls } from '../wire/url-secrets.ts';
import { withoutSecrets } from './without-secrets.ts';

/** Words that mark a field as secret unless it names a file. */
const SECRET = /pass(?:word|wd|phrase)|secret|token|authorization|api[_-]?key|private[_-]?key|cookie|credential/i;
const NAMES_A_FILE = /(?:file|path)$/i;

const MAX_DEPTH = 6;
const MAX_TEXT = 8192;
const MAX_ENTRIES = 200;

/**
 * A copy of `fields` fit for a log line; `secrets` are texts that nothing of it may hold, nor parts of them.
 * Never throws; cost grows with what is copied, at most the limits above.
 */
export function redactFields(fields: object, secrets: readonly string[] = []): Record<string, unknown> {
  return copyEntries(Object.entries(fields), 0, secrets);
}

/** Text without `secrets` and the secret parts of URLs, its length limited to 8192 characters. */
export function redactText(text: string, secrets: readonly string[] = []): string {
  // Hidden in more than what is shown, so that no secret is cut in the middle of what is to be found.
  const masked = maskUrls(withoutSecrets(text.slice(0, 2 * MAX_TEXT), secrets));
  return text.length > MAX_TEXT ? `${masked.slice(0, MAX_TEXT)}… (${text.length} characters)` : masked;
}

function copyEntries(
  entries: Iterable<[unknown, unknown]>,
  depth: number,
  secrets: readonly string[],
): Record<string, unknown> {
  const copy: [string, unknown][] = [];
  for (const [name, value] of entries) {
    if (copy.length >= MAX_ENTRIES) break;
    const key = String(name);
    copy.push([redactText(key, secrets), isSecret(key, value) ? '***' : copyValue(value, depth + 1, secrets)]);
  }
  // fromEntries defines own properties, so that a key such as `__proto__` stays data.
  return Object.fromEntries(copy);
}

function isSecret(key: string, value: unknown): boolean {
  return value !== '' && typeof value !== 'boolean' && SECRET.test(key) && !NAMES_A_FILE.test(key);
}

function copyValue(value: unknown, depth: number, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return redactText(value, secrets);
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'function' || value === undefined) return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return '…';
  if (value instanceof Error) return copyError(value, depth, secrets);
  if (value instanceof Map) return copyEntries(value, depth, secrets);
  if (Array.isArray(value) || value instanceof Set) {
    return [...value].slice(0, MAX_ENTRIES).map((item) => copyValue(item, depth + 1, secrets));
  }
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return copyValue(value.toJSON(), depth + 1, secrets);
  return copyEntries(Object.entries(value), depth, secrets);
}

function copyError(error: Error, depth: number, secrets: readonly string[]): Record<string, unknown> {
  const code = 'code' in error ? { code: copyValue(error.code, depth + 1, secrets) } : {};
  const cause = error.cause === undefined ? {} : { cause: copyValue(error.cause, depth + 1, secrets) };
  const stack = error.stack === undefined ? {} : { stack: redactText(error.stack, secrets) };
  return { name: error.name, message: redactText(error.message, secrets), ...code, ...cause, ...stack };
}
