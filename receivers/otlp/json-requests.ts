/** @module Requests in OTLP/JSON on their way to an intake: turned into protobuf step by step, so that others run in between. */
import type { Turns } from '../../pipeline/clock/turns.ts';
import { OtlpJsonReader, type RequestLimits } from '../../pipeline/wire/otlp-spans.ts';
import { withoutSlack } from '../../pipeline/wire/slack.ts';

/** Bytes read in one step; about 1 ms where a byte takes 20 ns. */
const STEP_BYTES = 64 * 1024;

/** What a request in JSON is in protobuf; the caller owns it, and no much larger buffer stays alive with it. Rejects with MalformedJson and TooManyItems. */
export type JsonReading = (body: Uint8Array) => Promise<Uint8Array>;

/** Reads requests of one kind; `request` is its message. */
export function createJsonReading(
  request: ConstructorParameters<typeof OtlpJsonReader>[1],
  limits: RequestLimits,
  turns: Turns,
): JsonReading {
  function* read(body: Uint8Array): Generator<void, Uint8Array, void> {
    const reader = new OtlpJsonReader(body, request, limits);
    while (!reader.step(STEP_BYTES)) yield;
    return withoutSlack(reader.protobuf());
  }
  return (body) => turns.run(read(body));
}
