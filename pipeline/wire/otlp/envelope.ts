/** @module What stands around the traffic of one request: who sent it, and as which of its requests (design §6). */

/** Tells repeats of a request: equal source, epoch and number mean that it was taken before. */
export interface TrafficEnvelope {
  /** The Weir that sends, stable over its restarts. */
  readonly source: string;
  /** Its life: another one after each restart that forgets `seq`. */
  readonly epoch: string;
  /** Number of the request, a safe integer from 0; a request sent again keeps it. */
  readonly seq: number;
  /** Numbers of requests that never arrived whole and of which this one is a part, first one first; absent for none. */
  readonly replaces?: readonly number[];
  /** Further resource attributes. The names of those above are not told from here. */
  readonly resource: ReadonlyMap<string, string>;
}

export const SOURCE = 'weir.source';
export const EPOCH = 'weir.epoch';
export const SEQ = 'weir.seq';
/** Data points of the request when it was made, so that a part of it that travels alone is known for a part. */
export const POINTS = 'weir.points';
export const REPLACES = 'weir.replaces';

/** Names that further resource attributes do not have. */
const OWN_NAMES: ReadonlySet<string> = new Set([SOURCE, EPOCH, SEQ, POINTS, REPLACES]);
/** Halvings that a request can stand for; half of a half and so on, of as many items as there can be. */
const MAX_REPLACED = 64;

/** Resource attributes of an envelope that are texts; `seq` and the number of points are not. */
export function resourceAttributes(envelope: TrafficEnvelope): [name: string, value: string][] {
  const { source, epoch, replaces = [], resource } = envelope;
  const list: [string, string][] = [
    [SOURCE, source],
    [EPOCH, epoch],
  ];
  if (replaces.length > 0) list.push([REPLACES, replaces.join(' ')]);
  return [...list, ...furtherAttributes(resource)];
}

/** An attribute about the request that is there and cannot be read, so that it is as if it were not. */
export interface UnreadAttribute {
  readonly name: string;
  /** As it came; of any length. */
  readonly found: string;
  readonly expected: string;
}

/** Values of resource attributes that may be numbers; absent where they are none. */
export interface EnvelopeNumbers {
  readonly seq?: number | bigint | undefined;
  readonly replaces?: number | bigint | undefined;
}

/** The first attribute about the request that is no good; null when all that are there can be read. */
export function unreadAttribute(
  texts: ReadonlyMap<string, string>,
  { seq, replaces }: EnvelopeNumbers,
): UnreadAttribute | null {
  const number = seq ?? texts.get(SEQ);
  if (number !== undefined && (typeof number === 'string' || quantity(number) === null))
    return { name: SEQ, found: String(number), expected: 'an integer from 0 to 2^53 - 1' };
  const list = texts.get(REPLACES);
  if (replaces === undefined && (list === undefined || replacedNumbers(list).length > 0)) return null;
  const expected = `a text of at most ${MAX_REPLACED} such integers with a space between`;
  return { name: REPLACES, found: String(replaces ?? list), expected };
}

/** A number that counts; null for what is none. */
export function quantity(value: number | bigint | undefined): number | null {
  const number = Number(value ?? Number.NaN);
  return Number.isSafeInteger(number) && number >= 0 ? number : null;
}

/** The envelope that resource attributes tell; null when they do not say which Weir sent this as which of its requests. */
export function envelopeOf(texts: ReadonlyMap<string, string>, seq: number | null): TrafficEnvelope | null {
  const source = texts.get(SOURCE);
  const epoch = texts.get(EPOCH);
  if (source === undefined || epoch === undefined || seq === null) return null;
  const replaces = replacedNumbers(texts.get(REPLACES));
  const resource = new Map(furtherAttributes(texts));
  return { source, epoch, seq, ...(replaces.length === 0 ? {} : { replaces }), resource };
}

function furtherAttributes(texts: ReadonlyMap<string, string>): [string, string][] {
  return [...texts].filter(([name]) => !OWN_NAMES.has(name));
}

/** None when the text is not such a list. */
function replacedNumbers(text: string | undefined): number[] {
  if (text === undefined || text.length > 20 * MAX_REPLACED) return [];
  const words = text.split(' ');
  const isList = words.length <= MAX_REPLACED && words.every((word) => /^\d{1,16}$/.test(word));
  const numbers = isList ? words.map(Number) : [];
  return numbers.every(Number.isSafeInteger) ? numbers : [];
}
