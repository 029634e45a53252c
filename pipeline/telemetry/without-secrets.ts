/** @module Takes secrets out of texts that others wrote: whole ones, and parts of them, as whoever quotes may cut. */

const MASK = '***';
/** Characters; a shorter part says little of a secret, and stands by chance in texts that quote none. */
const PART_LENGTH = 8;
/** Words before a credential (IANA, HTTP Authentication Schemes, and usual ones beside) are no secret: texts speak of them. */
const SCHEME = /^(?:apikey|basic|bearer|digest|dpop|negotiate|oauth|splunk|token)\s+/i;
/** All parts of that length, made when a list is first used; a list stays as it is. */
const partsOfLists = new WeakMap<readonly string[], ReadonlySet<string>>();

/**
 * `text` with `***` in the place of each secret and of each part of one with at least 8 characters, so that no 8 characters in
 * a row of a credential are left. What touches becomes one mark. O(length · secrets).
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  if (secrets.length === 0) return text;
  const marks = new Uint8Array(text.length);
  for (const secret of secrets) markWhole(text, secret, marks);
  markParts(text, partsOf(secrets), marks);
  return masked(text, marks);
}

function markWhole(text: string, secret: string, marks: Uint8Array): void {
  if (secret === '') return;
  for (let at = text.indexOf(secret); at !== -1; at = text.indexOf(secret, at + secret.length))
    marks.fill(1, at, at + secret.length);
}

function markParts(text: string, parts: ReadonlySet<string>, marks: Uint8Array): void {
  if (parts.size === 0) return;
  for (let at = 0; at + PART_LENGTH <= text.length; at++)
    if (parts.has(text.slice(at, at + PART_LENGTH))) marks.fill(1, at, at + PART_LENGTH);
}

function masked(text: string, marks: Uint8Array): string {
  let shown = '';
  let from = 0;
  for (let start = marks.indexOf(1); start !== -1; start = marks.indexOf(1, from)) {
    shown += text.slice(from, start) + MASK;
    const end = marks.indexOf(0, start);
    from = end === -1 ? text.length : end;
  }
  return from === 0 ? text : shown + text.slice(from);
}

function partsOf(secrets: readonly string[]): ReadonlySet<string> {
  let parts = partsOfLists.get(secrets);
  if (parts === undefined) {
    parts = new Set(secrets.flatMap(partsOfOne));
    partsOfLists.set(secrets, parts);
  }
  return parts;
}

function partsOfOne(secret: string): string[] {
  const credential = secret.replace(SCHEME, '');
  const count = Math.max(0, credential.length - PART_LENGTH + 1);
  return Array.from({ length: count }, (_, at) => credential.slice(at, at + PART_LENGTH));
}
