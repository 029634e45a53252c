/**
 * @module What was taken as the text of a file, and back: a line for each source and each open request, the newest source
 * first, between a line that says what it is and one that says that all of it is there (docs/adr/0013).
 */
import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { Runs } from './epoch-window.ts';
import type { EpochState, SourceState } from './repeats.ts';
import type { SplitState } from './split-requests.ts';

/** What two lives of a receiver hand over. */
export interface TakenRequests {
  /** The source longest silent first. */
  readonly sources: readonly SourceState[];
  readonly splits: readonly SplitState[];
}

/** `foreign`: nothing of Weir's, or of another version or receiver. `corrupt`: it was written by Weir and is not whole. */
export type ReadText =
  | { readonly kind: 'read'; readonly taken: TakenRequests }
  | { readonly kind: 'foreign' | 'corrupt'; readonly reason: string };

const FORMAT = 'weir taken requests';
const VERSION = 1;
/** Room for the first and the last line. */
const FRAME_BYTES = 1024;

export interface WrittenText {
  readonly text: string;
  /** Sources, of those longest silent, for which there was no room. */
  readonly leftOut: number;
}

/** At most `maxBytes` of text. O(sources, and points of open requests). */
export function writeTaken({ sources, splits }: TakenRequests, receiver: string, maxBytes: number): WrittenText {
  const bySource = Map.groupBy(splits, ({ request }) => request.source);
  const lines = [JSON.stringify({ file: FORMAT, version: VERSION, receiver })];
  let bytes = FRAME_BYTES;
  let left = sources.length;
  for (const source of [...sources].reverse()) {
    const block = [source, ...(bySource.get(source.source) ?? [])].map((state) => JSON.stringify(state));
    bytes += block.reduce((total, line) => total + Buffer.byteLength(line) + 1, 0);
    if (bytes > maxBytes) break;
    lines.push(...block);
    left -= 1;
  }
  const body = `${lines.join('\n')}\n`;
  return { text: `${body}${JSON.stringify({ lines: lines.length, crc32: crc32(body) })}\n`, leftOut: left };
}

/** Whether a file that begins so may be written anew: it is Weir's, of whatever version and receiver, or empty. */
export function isOurs(text: string): boolean {
  return text === '' || text.startsWith(`{"file":"${FORMAT}",`);
}

/** What `text` says. Never throws. O(length). */
export function readTaken(text: string, receiver: string): ReadText {
  if (!isOurs(text)) return { kind: 'foreign', reason: 'it holds something else' };
  const lines = text.split('\n');
  const head = parsed(lines[0] ?? '');
  if (text !== '' && isObject(head)) {
    if (head.version !== VERSION) return { kind: 'foreign', reason: `it is of version ${shown(head.version)}` };
    if (head.receiver !== receiver) return { kind: 'foreign', reason: `it is of the receiver ${shown(head.receiver)}` };
  }
  const body = bodyOf(text, lines);
  if (body === null) return { kind: 'corrupt', reason: 'it is not whole' };
  return takenIn(body);
}

/** Lines between the first and the last one; null when the last one does not vouch for them. */
function bodyOf(text: string, lines: readonly string[]): readonly string[] | null {
  const last = lines.at(-2) ?? '';
  const foot = parsed(last);
  if (lines.at(-1) !== '' || !isObject(foot) || foot.lines !== lines.length - 2) return null;
  return foot.crc32 === crc32(text.slice(0, text.length - last.length - 1)) ? lines.slice(1, -2) : null;
}

function takenIn(body: readonly string[]): ReadText {
  const sources: SourceState[] = [];
  const splits: SplitState[] = [];
  for (const [i, line] of body.entries()) {
    const value = parsed(line);
    if (isSource(value)) sources.push(value);
    else if (isSplit(value)) splits.push(value);
    else return { kind: 'corrupt', reason: `line ${i + 2} says nothing that a Weir writes` };
  }
  return { kind: 'read', taken: { sources: sources.reverse(), splits } };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSource(value: unknown): value is SourceState {
  if (!isObject(value) || typeof value.source !== 'string' || !Array.isArray(value.epochs)) return false;
  return value.epochs.length > 0 && value.epochs.every(isEpoch);
}

function isEpoch(value: unknown): value is EpochState {
  if (!isObject(value) || typeof value.epoch !== 'string') return false;
  if (typeof value.isNewest !== 'boolean' || typeof value.lost !== 'boolean') return false;
  const { end, checked, known, whole } = value;
  return isNumber(end) && isNumber(checked) && checked <= end && isRuns(known, end) && isRuns(whole, end);
}

function isRuns(value: unknown, end: number): value is Runs {
  if (!Array.isArray(value) || value.length % 2 !== 0) return false;
  return value.every((number, i) => isNumber(number) && number <= end && (i === 0 || number > value[i - 1]));
}

function isSplit(value: unknown): value is SplitState {
  if (!isObject(value) || !isObject(value.request) || !Array.isArray(value.points)) return false;
  const { source, epoch, seq, points } = value.request;
  return (
    typeof source === 'string' &&
    typeof epoch === 'string' &&
    isNumber(seq) &&
    isNumber(points) &&
    value.points.every(isNumber)
  );
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'none').slice(0, 100);
}
