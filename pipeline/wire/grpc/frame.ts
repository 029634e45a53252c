/**
 * @module The frame of a gRPC message: one byte that says whether it is compressed, four of its length, then the message.
 *
 * Source: grpc/grpc `doc/PROTOCOL-HTTP2.md` (Length-Prefixed-Message).
 */
import { Buffer } from 'node:buffer';
import { Gathered } from '../gathered.ts';
import { withoutSlack } from '../slack.ts';

/** Bytes before a message. */
export const FRAME_HEAD_BYTES = 5;

/** `message` behind its head, uncompressed. Copies. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafeSlow(FRAME_HEAD_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, FRAME_HEAD_BYTES);
  return frame;
}

/** What is wrong with the bytes of a call. */
export type FrameProblem = 'too_large' | 'cut' | 'several' | 'bad_flag';

/** Gathers the one message of a unary call as its bytes arrive. */
export class MessageGatherer {
  readonly #maxBytes: number;
  readonly #gathered = new Gathered();
  /** Bytes of the frame, head included; known once the head is there. */
  #frameBytes = Number.POSITIVE_INFINITY;
  /** Whether the message is compressed. */
  compressed = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that arrived so far. */
  get bytes(): number {
    return this.#gathered.bytes;
  }

  /** Takes a piece, which must not change; says at once what can never become right. */
  add(piece: Uint8Array): FrameProblem | null {
    this.#gathered.add(piece);
    if (this.#frameBytes === Number.POSITIVE_INFINITY && this.bytes >= FRAME_HEAD_BYTES) {
      const problem = this.#readHead();
      if (problem !== null) return problem;
    }
    return this.bytes > this.#frameBytes ? 'several' : null;
  }

  #readHead(): FrameProblem | null {
    const head = this.#gathered.head(FRAME_HEAD_BYTES);
    if (head[0]! > 1) return 'bad_flag';
    this.compressed = head[0] === 1;
    const length = head.readUInt32BE(1);
    if (length > this.#maxBytes) return 'too_large';
    this.#frameBytes = FRAME_HEAD_BYTES + length;
    this.#gathered.expect(this.#frameBytes);
    return null;
  }

  /** The message once all has arrived; the caller owns it. Copies unless it came in one piece that holds little else. */
  take(): Uint8Array | FrameProblem {
    if (this.bytes < this.#frameBytes) return 'cut';
    return withoutSlack(this.#gathered.take().subarray(FRAME_HEAD_BYTES));
  }

  /** Lets go of what arrived; `bytes` stays what it was. */
  clear(): void {
    this.#gathered.clear();
  }
}
