/** @module The window a request asks for: `?t=` or `?window=`, a Go duration. */
import type { ReadModel } from '../../pipeline/model/read-model.ts';
import { formatMilliseconds, parseGoDuration } from '../../pipeline/wire/duration.ts';

export type AskedWindow =
  /** Milliseconds in whole slots; undefined for the default window. */
  { readonly ok: true; readonly windowMs: number | undefined } | { readonly ok: false; readonly message: string };

const SHORTEST_MS = 1_000;
/** What is quoted of a text that cannot be read. */
const QUOTED = 40;

/** `lenient` takes a text that is no duration for "the default", as smi-metrics did. */
export function askedWindow(
  query: URLSearchParams,
  model: ReadModel,
  retentionMs: number,
  lenient: boolean,
): AskedWindow {
  const text = query.get('t') ?? query.get('window');
  if (text === null) return { ok: true, windowMs: undefined };
  const ns = parseGoDuration(text);
  if (ns === null) {
    if (lenient) return { ok: true, windowMs: undefined };
    return refused(text, 'is no duration: write a number with a unit, such as 30s or 1m30s');
  }
  const askedMs = Number(ns) / 1e6;
  const windowMs = askedMs < SHORTEST_MS ? null : model.wholeSlots(askedMs);
  if (windowMs === null) return refused(text, `must be from 1s to ${formatMilliseconds(retentionMs)} (the retention)`);
  return { ok: true, windowMs };
}

function refused(text: string, why: string): AskedWindow {
  return { ok: false, message: `unable to use t=${JSON.stringify(text.slice(0, QUOTED))}: it ${why}` };
}
