/** @module What is doubtful about a span that can be read: ids that are none, and an end before its beginning. */
import { OWN_SPAN_ID, OWN_TRACE_ID, SPAN_ID, TRACE_ID } from './span-actions.ts';
import { WrongIdInProtobuf } from './wrong-id.ts';

const HAS_TRACE_ID = 1;
const HAS_SPAN_ID = 2;
const HAS_IDS = HAS_TRACE_ID | HAS_SPAN_ID;

/** Told of the fields of one span after another. */
export class SpanDoubts {
  readonly #bytes: Uint8Array;
  /** Spans without a trace or span id. */
  invalidIds = 0;
  /** Spans that ended before they began. */
  backwards = 0;
  /** Places of the present span's times; 0 for one that is absent, which protobuf reads as 0. */
  beganAt = 0;
  endedAt = 0;
  /** Which ids the present span has. */
  #ids = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  begin(): void {
    this.#ids = 0;
    this.beganAt = 0;
    this.endedAt = 0;
  }

  end(): void {
    if (this.#ids !== HAS_IDS) this.invalidIds += 1;
    if (this.beganAt !== 0 && isLess(this.#bytes, this.endedAt, this.beganAt)) this.backwards += 1;
  }

  /** An id of any kind, of a link too. Throws WrongIdInProtobuf unless it has its length or none. */
  id(action: number, from: number, to: number): void {
    const length = to - from;
    const expected = action === TRACE_ID || action === OWN_TRACE_ID ? 16 : 8;
    if (length !== 0 && length !== expected)
      throw new WrongIdInProtobuf(`an id of ${length} bytes, expected ${expected}`, from);
    if (action === TRACE_ID || action === SPAN_ID) return;
    const has = action === OWN_TRACE_ID ? HAS_TRACE_ID : action === OWN_SPAN_ID ? HAS_SPAN_ID : 0;
    // Of a field that comes twice the last one counts.
    this.#ids = isZero(this.#bytes, from, to) ? this.#ids & ~has : this.#ids | has;
  }
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** Whether the fixed64 at `left`, 0 when that is 0, is below the one at `right`. */
function isLess(bytes: Uint8Array, left: number, right: number): boolean {
  if (left === 0) return !isZero(bytes, right, right + 8);
  let i = 7;
  while (i > 0 && bytes[left + i] === bytes[right + i]) i--;
  return bytes[left + i]! < bytes[right + i]!;
}
