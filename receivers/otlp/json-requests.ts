/** @module Requests in OTLP/JSON on their way to an intake: turned into protobuf step by step, so that others run in between. */
import type { Turns } from '../../pipeline/clock/turns.ts';
import type { ReceivingRoom } from '../../pipeline/net/receiving-room.ts';
import { freeWhole } from '../../pipeline/wire/free.ts';
import { OtlpJsonReader, type RequestLimits } from '../../pipeline/wire/otlp-spans.ts';

/** Bytes read in one step; about 0.5 ms where a byte takes 30 ns, and some 4 ms while the code is not compiled yet. */
const STEP_BYTES = 16 * 1024;

/** There is no room for what a request in JSON is in protobuf, beside itself. */
export class NoRoomForJson extends Error {
  override readonly name = 'NoRoomForJson';
  /** There would hardly be more if nothing else were there: it takes all of the room but for a sixteenth, at least. */
  readonly isForGood: boolean;

  constructor(isForGood: boolean) {
    super('a request in JSON has no room beside what it is in protobuf');
    this.isForGood = isForGood;
  }
}

/** A request as protobuf. */
export interface ReadRequest {
  /** In a buffer of their own, which belongs to the caller. */
  readonly bytes: Uint8Array;
  /** Gives back the room that they take. To be called once. */
  release(): void;
}

/**
 * What a request in JSON is in protobuf. Rejects with MalformedJson, TooManyItems and NoRoomForJson; no room is taken then.
 * The body belongs to the reading: it is freed where its buffer is its own, and then `letGo` is called, once, before the
 * reading settles.
 */
export type JsonReading = (body: Uint8Array, letGo?: () => void) => Promise<ReadRequest>;

/** What a reading needs beside its limits. */
export interface JsonReadingSettings {
  readonly turns: Turns;
  /** Where the body has its room already. */
  readonly room: ReceivingRoom;
}

/** Reads requests of one kind; `request` is its message. */
export function createJsonReading(
  request: ConstructorParameters<typeof OtlpJsonReader>[1],
  limits: RequestLimits,
  { turns, room }: JsonReadingSettings,
): JsonReading {
  function* read(body: Uint8Array, letGo: () => void): Generator<void, ReadRequest, void> {
    const bodyBytes = body.length;
    const reader = new OtlpJsonReader(body, request, limits);
    let taken = 0;
    try {
      for (let isDone = false; !isDone; ) {
        isDone = reader.step(STEP_BYTES);
        takeRoom(room, bodyBytes, taken, reader.size);
        taken = Math.max(taken, reader.size);
        if (!isDone) yield;
      }
      freeWhole(body);
      // The copy that is made now takes the place of the JSON.
      return { bytes: yield* reader.protobuf(), release: () => room.give(taken) };
    } catch (error) {
      freeWhole(body);
      reader.clear();
      room.give(taken);
      throw error;
    } finally {
      letGo();
    }
  }
  return (body, letGo = () => {}) => turns.run(read(body, letGo));
}

/** What others have of the room must be more than this part of it for a request to be told to come again. */
const OTHERS_PART = 1 / 16;

/** Takes room for what was written since `taken` bytes were. */
function takeRoom(room: ReceivingRoom, bodyBytes: number, taken: number, written: number): void {
  if (written <= taken || room.take(written - taken)) return;
  throw new NoRoomForJson(bodyBytes + written > (room.bytes + room.freeBytes) * (1 - OTHERS_PART));
}
