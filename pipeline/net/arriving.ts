/** @module One body that arrives in pieces: kept as far as its limit and the room of all bodies allow. */
import type { Buffer } from 'node:buffer';
import { Gathered } from '../wire/gathered.ts';
import type { ArrivingBody } from './body-watch.ts';
import type { ReceivingRoom } from './receiving-room.ts';

/** The body of one request while it arrives, and the room it takes. */
export class Arriving implements ArrivingBody {
  readonly beganMonoMs: number;
  readonly tooSlow: () => void;
  readonly #room: ReceivingRoom;
  readonly #maxBytes: number;
  /** Node copies each piece of a body into a buffer of its own, which nobody else has. */
  readonly #gathered = new Gathered(true);
  #ended = false;
  #taken = 0;

  constructor(room: ReceivingRoom, maxBytes: number, beganMonoMs: number, tooSlow: () => void) {
    this.#room = room;
    this.#maxBytes = maxBytes;
    this.beganMonoMs = beganMonoMs;
    this.tooSlow = tooSlow;
  }

  /** Its sender says how long it is. Nothing is kept for it before a quarter is here. */
  expect(bytes: number): void {
    this.#gathered.expect(bytes);
  }

  /** Bytes that were kept. */
  get bytes(): number {
    return this.#gathered.bytes;
  }

  /** True once it was ended: what still comes is not wanted. */
  get isOver(): boolean {
    return this.#ended;
  }

  /** Keeps a piece, which is nobody else's from then on, or says why not. */
  add(piece: Buffer): 'too_large' | 'no_room' | null {
    if (this.bytes + piece.length > this.#maxBytes) return 'too_large';
    if (!this.#room.take(piece.length)) return 'no_room';
    this.#taken += piece.length;
    this.#gathered.add(piece);
    return null;
  }

  /** All of it; the caller owns it. Copies unless it came in one piece. */
  whole(): Uint8Array {
    return this.#gathered.take();
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
    this.#gathered.clear();
    return true;
  }
}
