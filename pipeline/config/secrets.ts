/** @module Which secrets a component's configuration holds, for those who must not show them. */
import { Buffer } from 'node:buffer';
import { Secret } from './types.ts';

const DEEPEST = 8;
/** A shorter text would be found in any other. */
const SHORTEST = 4;

/**
 * Texts to hide, the longest first: each secret, of one such as `Bearer abc` the credential alone, too, and user name and password
 * as `Basic` sends them and as they are behind it (RFC 7617). O(config).
 */
export function secretsIn(config: unknown): string[] {
  const texts = new Set<string>();
  for (const secret of secretsOf(config, 0)) {
    const forms = [secret, secret.split(/\s+/).at(-1) ?? '', ...formsOfBasic(secret)];
    for (const text of forms) if (text.length >= SHORTEST) texts.add(text);
  }
  return [...texts].sort((a, b) => b.length - a.length);
}

function secretsOf(value: unknown, depth: number): string[] {
  if (value instanceof Secret) return [value.reveal()];
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return [];
  const inner = value instanceof Map ? [...value.values()] : Object.values(value);
  return [...sentAsBasic(value), ...inner.flatMap((one) => secretsOf(one, depth + 1))];
}

/** Of the keys `username` and `password`, what a header holds. */
function sentAsBasic(value: object): string[] {
  if (!('username' in value && 'password' in value)) return [];
  const { username, password } = value;
  if (typeof username !== 'string' || !(password instanceof Secret)) return [];
  return [Buffer.from(`${username}:${password.reveal()}`).toString('base64')];
}

/** `user:password` and the password of the value of such a header. */
function formsOfBasic(secret: string): string[] {
  const encoded = /^basic\s+(\S+)$/i.exec(secret)?.[1];
  if (encoded === undefined) return [];
  const pair = Buffer.from(encoded, 'base64').toString();
  return [pair, pair.slice(pair.indexOf(':') + 1)];
}
