/** @module Valid bytes made wrong in every small way, and in random ones: what a reader has to refuse or read as a judge does. */
import fc from 'fast-check';
import type { Type } from 'protobufjs';
import { anyMessage } from './otlp-arbitrary.ts';

/** `bytes` with each byte changed to each value in turn, its own included. One buffer, which is valid until the next. */
export function* withAnyByteChanged(bytes: Uint8Array): Generator<Uint8Array> {
  const changed = new Uint8Array(bytes);
  for (const [at, right] of bytes.entries()) {
    for (let value = 0; value < 256; value++) {
      changed[at] = value;
      yield changed;
    }
    changed[at] = right;
  }
}

/** `bytes` cut off before each byte. */
export function* cutOff(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at++) yield bytes.subarray(0, at);
}

/** `bytes` with each byte left out, and with each byte doubled. */
export function* withAnyByteLeftOutOrDoubled(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at++) {
    yield Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    yield Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)]);
  }
}

/** Any message of a type, as protobufjs writes it. */
function anyBytes(type: Type): fc.Arbitrary<Uint8Array> {
  return anyMessage(type).map((value) => type.encode(type.fromObject(value)).finish());
}

const anyEdit = fc.tuple(fc.nat(), fc.nat(4), fc.uint8Array({ maxLength: 6 }));

/** Any message with up to three runs of bytes replaced, removed or added. */
export function anyEdited(type: Type): fc.Arbitrary<Uint8Array> {
  return fc.tuple(anyBytes(type), fc.array(anyEdit, { maxLength: 3 })).map(([bytes, edits]) =>
    edits.reduce((edited, [place, removed, added]) => {
      const at = place % (edited.length + 1);
      return Buffer.concat([edited.subarray(0, at), added, edited.subarray(at + removed)]);
    }, bytes),
  );
}

/** Any message twice, which is valid, and the same with some of its bytes told again behind it. */
export function anyToldAgain(type: Type): fc.Arbitrary<{ readonly twice: Uint8Array; readonly again: Uint8Array }> {
  return fc.tuple(anyBytes(type), fc.nat(), fc.nat()).map(([bytes, from, size]) => {
    const at = from % (bytes.length + 1);
    const part = bytes.subarray(at, at + (size % (bytes.length + 1)));
    return { twice: Buffer.concat([bytes, bytes]), again: Buffer.concat([bytes, part]) };
  });
}
