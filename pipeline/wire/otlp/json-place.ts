/** @module Where in a JSON text its reader is: the objects and lists around, and their names for people. */
import type { Field, Message } from './schema.ts';

/**
 * Objects and lists within each other, for each message that there may be within messages: a message is an object, and of its
 * fields one, a list, may be open. So whatever fits as protobuf fits as JSON, and only unknown values meet this limit.
 */
export const CONTAINERS_PER_MESSAGE = 2;

/** One object or list that is being read. */
export interface Container {
  /** An object's message; null for a list, and for what is unknown. */
  message: Message | null;
  /** The field whose value it is, or whose elements a list has; null for the request itself and what is unknown. */
  field: Field | null;
  isList: boolean;
  /** Values begun in it. */
  values: number;
  /** The field that came last, counted from 1; 0 before any. */
  last: number;
  /** Bits of the fields that came. */
  seen: number;
  /** Where the content of its message or packed field begins in the output, and the bytes of its head before that. */
  outputFrom: number;
  headBytes: number;
  /** What the output's `lateBytes` were there. */
  lateBytes: number;
}

export function emptyContainer(): Container {
  const place = { values: 0, last: 0, seen: 0, outputFrom: 0, headBytes: 0, lateBytes: 0 };
  return { message: null, field: null, isList: false, ...place };
}

/** As people write it, e.g. `resourceSpans[0].resource`; `field` is the one in the innermost that is being read. */
export function pathOf(containers: readonly Container[], depth: number, field: Field | null): string {
  let path = '';
  for (let i = 1; i <= depth; i++) {
    const { isList, values } = containers[i]!;
    const inner = i < depth ? containers[i + 1]!.field : field;
    if (isList) path += `[${values - 1}]`;
    else if (inner !== null) path += `${path === '' ? '' : '.'}${inner.name}`;
    else break;
  }
  return path === '' ? 'the request' : path;
}
