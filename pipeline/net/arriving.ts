/** @module One body that arrives in pieces: kept as far as its limit and the room of all bodies allow. */
import { Buffer } from 'node:buffer';
import { withoutSlack } from '../wire/slack.ts';
import type { ArrivingBody } from './body-watch.ts';
import type { ReceivingRoom } from './receiving-room.ts';

/** The body of one request while it arrives, and the room it takes. */
export class Arriving implements ArrivingBody {
  readonly beganMonoMs: number;
  readonly tooSlow: () => void;
  readonly #room: ReceivingRoom;
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #ended = false;
  #taken = 0;
  /** Bytes that arrived. */
  bytes = 0;

  constructor(room: ReceivingRoom, maxBytes: number, beganMonoMs: number, tooSlow: () => void) {
    this.#room = room;
    this.#maxBytes = maxBytes;
    this.beganMonoMs = beganMonoMs;
    this.tooSlow = tooSlow;
  }

  /** True once it was ended: what still comes is not wanted. */
  get isOver(): boolean {
    return this.#ended;
  }

  /** Keeps a piece, or says why not. */
  add(piece: Buffer): 'too_large' | 'no_room' | null {
    if (this.bytes + piece.length > this.#maxBytes) return 'too_large';
    if (!this.#room.take(piece.length)) return 'no_room';
    this.bytes += piece.length;
    this.#taken += piece.length;
    this.#pieces.push(piece);
    return null;
  }

  /** All of it; the caller owns it. Copies unless it came in one piece. */
  whole(): Uint8Array {
    const [first] = this.#pieces;
    const body = this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces, this.bytes);
    this.#pieces = [];
    return withoutSlack(body);
  }

  /** What it holds took so many bytes of the room more. */
  took(bytes: number): void {
    this.#taken += bytes;
  }

  /** Gives the room back; false when that was done before. */
  end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#room.give(this.#taken);
    this.#pieces = [];
    return true;
  }
}
