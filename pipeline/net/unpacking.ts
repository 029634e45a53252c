/**
 * @module Compressed bodies of many requests undone within the room of all bodies: what comes small may be large once
 * unpacked, so it is the unpacked body that has to find room.
 */
import { withoutSlack } from '../wire/slack.ts';
import type { ReceivingRoom } from './receiving-room.ts';
import { AT_ONCE_BYTES, type Codec, type Unpacked, unpack } from './unpack.ts';

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

  /** As `unpack`. The caller gives the room of the result back, as many bytes as it is long. */
  async unpack(bytes: Uint8Array, codec: Codec, maxBytes: number): Promise<Unpacking> {
    if (bytes.length <= AT_ONCE_BYTES) return this.#undo(bytes, codec, maxBytes);
    if (this.#beside === MAX_BESIDE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#beside += 1;
    try {
      return await this.#undo(bytes, codec, maxBytes);
    } finally {
      // Whoever waits takes over the place.
      const next = this.#waiting.shift();
      if (next === undefined) this.#beside -= 1;
      else next();
    }
  }

  /** Never makes more than there is room for when it begins, so that bombs end early where little is left. */
  async #undo(bytes: Uint8Array, codec: Codec, maxBytes: number): Promise<Unpacking> {
    const most = Math.min(maxBytes, this.#room.freeBytes);
    if (most === 0) return 'no_room';
    const unpacked = await unpack(bytes, codec, most);
    if (unpacked === 'too_large') return most < maxBytes ? 'no_room' : 'too_large';
    if (unpacked === 'damaged') return 'damaged';
    return this.#room.take(unpacked.length) ? withoutSlack(unpacked) : 'no_room';
  }
}
