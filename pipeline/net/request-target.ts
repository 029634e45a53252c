/** @module What a request is for: the path and query of its target, in each form that HTTP has for it (RFC 9112 §3.2). */

/** What stands before the path in an absolute target; names of users are none of HTTP's (RFC 9110 §4.2.4). */
const ORIGIN = /^https?:\/\/[^/?#@]+(?=[/?#]|$)/i;

/**
 * The target as most clients write it, `/path?query`; those behind a proxy write a whole address, which a server must take.
 * What is neither stays as it is. O(length), and a new text for whole addresses only.
 */
export function localTarget(target: string): string {
  if (target.startsWith('/')) return target;
  const local = target.replace(ORIGIN, '');
  return local === '' || local.startsWith('?') ? `/${local}` : local;
}

/** The path of a target, without its query. */
export function pathOf(target: string): string {
  const local = localTarget(target);
  const mark = local.indexOf('?');
  return mark === -1 ? local : local.slice(0, mark);
}
