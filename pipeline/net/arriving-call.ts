/** @module One gRPC call while its message arrives. */
import type { Buffer } from 'node:buffer';
import { type FrameProblem, MessageGatherer } from '../wire/grpc/frame.ts';
import type { ArrivingBody } from './body-watch.ts';
import type { ReceivingRoom } from './receiving-room.ts';

export interface CallTimes {
  readonly beganMonoMs: number;
  /** How long its client waits, from then on; may be infinite. */
  readonly timeoutMs: number;
}

/** One call while its message arrives, and the room it takes. */
export class ArrivingCall implements ArrivingBody {
  readonly beganMonoMs: number;
  readonly tooSlow: () => void;
  readonly #room: ReceivingRoom;
  readonly #gatherer: MessageGatherer;
  /** Monotonic time (ms) from which its client no longer waits. */
  readonly #lateMonoMs: number;
  #taken = 0;
  #over = false;
  /** All of it arrived. */
  isWhole = false;

  constructor(room: ReceivingRoom, maxMessageBytes: number, times: CallTimes, tooSlow: () => void) {
    this.#room = room;
    this.#gatherer = new MessageGatherer(maxMessageBytes);
    this.tooSlow = tooSlow;
    this.beganMonoMs = times.beganMonoMs;
    this.#lateMonoMs = times.beganMonoMs + times.timeoutMs;
  }

  /** Whether its client has given up waiting: then it sends the same again, or not, and nothing is to be done here. */
  isLate(nowMonoMs: number): boolean {
    return nowMonoMs >= this.#lateMonoMs;
  }

  get bytes(): number {
    return this.#gatherer.bytes;
  }
  /** True once it was ended: what still comes is not wanted. */
  get isOver(): boolean {
    return this.#over;
  }

  add(piece: Buffer): FrameProblem | 'no_room' | null {
    if (!this.#room.take(piece.length)) return 'no_room';
    this.#taken += piece.length;
    return this.#gatherer.add(piece);
  }

  take(): { message: Uint8Array | FrameProblem; compressed: boolean } {
    this.isWhole = true;
    return { message: this.#gatherer.take(), compressed: this.#gatherer.compressed };
  }

  /** Its message took so many bytes of the room more. */
  took(bytes: number): void {
    this.#taken += bytes;
  }

  /** Gives the room back and returns the bytes that arrived. */
  end(): number {
    this.#over = true;
    this.#room.give(this.#taken);
    this.#taken = 0;
    this.#gatherer.clear();
    return this.bytes;
  }
}
