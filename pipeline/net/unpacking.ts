/**
 * @module Compressed bodies of many requests undone within the room of all bodies: what comes small may be large once
 * unpacked, so it is the unpacked body that has to find room.
 */
import { withoutSlack } from '../wire/slack.ts';
import type { ReceivingRoom } from './receiving-room.ts';
import { type Codec, type Unpacked, unpackAtOnce, unpackBeside } from './unpack.ts';

/** Bodies that are undone beside the event loop at the same time; each may take as much as the longest body. */
const MAX_BESIDE = 2;

/** The bytes, whose room is taken, or why there are none and nothing is taken. */
export type Unpacking = Unpacked | 'no_room';

export class Unpacker {
  readonly #room: ReceivingRoom;
  #beside = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(room: ReceivingRoom) {
    this.#room = room;
  }

  /**
   * Undoes `bytes`, which must be one whole stream with nothing behind it; the result is at most `maxBytes` long. The caller
   * gives the room of the result back, as many bytes as it is long. Never rejects.
   */
  async unpack(bytes: Uint8Array, codec: Codec, maxBytes: number): Promise<Unpacking> {
    const most = this.#most(maxBytes);
    if (most === 0) return 'no_room';
    const unpacked = unpackAtOnce(bytes, codec, most);
    return unpacked === 'later' ? this.#inTurn(bytes, codec, maxBytes) : this.#kept(unpacked, most < maxBytes);
  }

  async #inTurn(bytes: Uint8Array, codec: Codec, maxBytes: number): Promise<Unpacking> {
    if (this.#beside === MAX_BESIDE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#beside += 1;
    try {
      const most = this.#most(maxBytes);
      return most === 0 ? 'no_room' : this.#kept(await unpackBeside(bytes, codec, most), most < maxBytes);
    } finally {
      // Whoever waits takes over the place.
      const next = this.#waiting.shift();
      if (next === undefined) this.#beside -= 1;
      else next();
    }
  }

  /** Never more is made than there is room for when it begins, so that bombs end early where little is left. */
  #most(maxBytes: number): number {
    return Math.min(maxBytes, this.#room.freeBytes);
  }

  #kept(unpacked: Unpacked, isShort: boolean): Unpacking {
    if (unpacked === 'too_large') return isShort ? 'no_room' : 'too_large';
    if (unpacked === 'damaged') return 'damaged';
    return this.#room.take(unpacked.length) ? withoutSlack(unpacked) : 'no_room';
  }
}
