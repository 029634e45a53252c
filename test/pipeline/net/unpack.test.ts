/** @module Compressed bodies: undone as they were, or refused; never beyond a limit, nor beyond the room of all bodies. */
import { constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { ReceivingRoom } from '../../../pipeline/net/receiving-room.ts';
import { CODECS, type Codec, unpackAtOnce, unpackBeside } from '../../../pipeline/net/unpack.ts';
import { Unpacker } from '../../../pipeline/net/unpacking.ts';
import { noise } from './ingest-stage.ts';

const MAX_BYTES = 1 << 20;
const PACK = { gzip: gzipSync, deflate: deflateSync, zstd: zstdCompressSync } as const;
/** zstd has one only when it is asked for. */
const WITH_CHECKSUM = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
const CASES = Object.entries(PACK) as [Codec, (body: Uint8Array) => Buffer][];

test('this Node has all codecs', (t) => {
  t.deepEqual([...CODECS].sort(), Object.keys(PACK).sort());
});

for (const [codec, pack] of CASES) {
  test(`${codec}: what was packed comes back, at once and beside`, async (t) => {
    const bodies = fc.oneof(fc.uint8Array({ maxLength: 500 }), fc.uint8Array({ minLength: 40_000, maxLength: 60_000 }));
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const packed = pack(body);
        const atOnce = unpackAtOnce(packed, codec, MAX_BYTES);
        if (packed.length > 32 * 1024) t.is(atOnce, 'later');
        else t.deepEqual(Buffer.from(atOnce as Uint8Array), Buffer.from(body));
        t.deepEqual(Buffer.from((await unpackBeside(packed, codec, MAX_BYTES)) as Uint8Array), Buffer.from(body));
      }),
      { numRuns: 50 },
    );
  });

  test(`${codec}: cut anywhere, or followed by anything, it is damaged`, async (t) => {
    const packed = pack(Buffer.from('a message that is long enough to be compressed, compressed, compressed'));
    for (let at = 0; at < packed.length; at++) {
      t.is(unpackAtOnce(packed.subarray(0, at), codec, MAX_BYTES), 'damaged');
      t.is(await unpackBeside(packed.subarray(0, at), codec, MAX_BYTES), 'damaged');
    }
    for (const tail of ['\0', 'x', 'xyz'.repeat(100)]) {
      const followed = Buffer.concat([packed, Buffer.from(tail)]);
      t.is(unpackAtOnce(followed, codec, MAX_BYTES), 'damaged', `followed by ${tail.length} bytes`);
      t.is(await unpackBeside(followed, codec, MAX_BYTES), 'damaged', `followed by ${tail.length} bytes`);
    }
  });

  test(`${codec}: with any byte changed it is damaged, or the same`, (t) => {
    const body = noise(200);
    const packed = codec === 'zstd' ? zstdCompressSync(body, WITH_CHECKSUM) : pack(body);
    for (let at = 0; at < packed.length; at++) {
      const spoilt = Buffer.from(packed);
      spoilt[at]! ^= 0xff;
      const unpacked = unpackAtOnce(spoilt, codec, MAX_BYTES);
      const isSame = unpacked instanceof Uint8Array && body.equals(unpacked);
      t.true(isSame || unpacked === 'damaged' || unpacked === 'too_large', `byte ${at}`);
    }
  });

  test(`${codec}: the limit itself is taken, one byte more is not`, async (t) => {
    for (const [bytes, isTaken] of [
      [50_000, true],
      [50_001, false],
    ] as const) {
      const packed = pack(Buffer.alloc(bytes));
      const atOnce = unpackAtOnce(packed, codec, 50_000);
      const beside = await unpackBeside(packed, codec, 50_000);
      t.is(atOnce instanceof Uint8Array && atOnce.length === bytes, isTaken);
      t.is(beside instanceof Uint8Array && beside.length === bytes, isTaken);
      if (!isTaken) t.deepEqual([atOnce, beside], ['too_large', 'too_large']);
    }
  });

  test(`${codec}: what comes small and is large does not hold up the event loop`, async (t) => {
    const bomb = pack(Buffer.alloc(20 << 20));
    t.true(bomb.length < 32 * 1024);
    t.is(unpackAtOnce(bomb, codec, 20 << 20), 'later');
    t.is(unpackAtOnce(bomb, codec, 1 << 19), 'too_large');
    const room = new ReceivingRoom(64 << 20);
    const unpacked = await new Unpacker(room).unpack(bomb, codec, 20 << 20);
    t.is((unpacked as Uint8Array).length, 20 << 20);
    t.is(room.bytes, 20 << 20);
  });
}

test('zstd may ask for a window of 8 MiB, as its levels for streams do, and for no larger one', async (t) => {
  // RFC 8878 §3.1.1: magic number, a descriptor with a window, its size as a power of two, one raw last block.
  const frame = (log: number) =>
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, (log - 10) << 3, 0x19, 0x00, 0x00, ...Buffer.from('abc')]);
  t.is(Buffer.from(unpackAtOnce(frame(23), 'zstd', MAX_BYTES) as Uint8Array).toString(), 'abc');
  t.is(Buffer.from((await unpackBeside(frame(23), 'zstd', MAX_BYTES)) as Uint8Array).toString(), 'abc');
  for (const log of [24, 27, 31]) {
    t.is(unpackAtOnce(frame(log), 'zstd', MAX_BYTES), 'damaged', `2^${log}`);
    t.is(await unpackBeside(frame(log), 'zstd', MAX_BYTES), 'damaged', `2^${log}`);
  }
});

test('gzip may have several members', (t) => {
  const members = Buffer.concat([gzipSync('one, '), gzipSync('two')]);
  t.is(Buffer.from(unpackAtOnce(members, 'gzip', MAX_BYTES) as Uint8Array).toString(), 'one, two');
  t.is(unpackAtOnce(members, 'gzip', 7), 'too_large', 'together within the limit');
});

test('what finds no room is to come again, what is too large is not', async (t) => {
  const room = new ReceivingRoom(100_000);
  const unpacker = new Unpacker(room);
  const packed = gzipSync(Buffer.alloc(60_000));
  t.is((await unpacker.unpack(packed, 'gzip', MAX_BYTES)).length, 60_000);
  t.is(await unpacker.unpack(packed, 'gzip', MAX_BYTES), 'no_room');
  t.is(await unpacker.unpack(packed, 'gzip', 30_000), 'too_large');
  t.is(await unpacker.unpack(packed.subarray(1), 'gzip', MAX_BYTES), 'damaged');
  t.is(room.bytes, 60_000);
  room.give(60_000);
  t.is((await unpacker.unpack(packed, 'gzip', MAX_BYTES)).length, 60_000);
});

test('bodies that are undone beside take turns, and each ends, whatever became of the one before', async (t) => {
  const packed = gzipSync(noise(60_000));
  t.true(packed.length > 32 * 1024);
  const spoilt = Buffer.from(packed);
  spoilt[packed.length - 3]! ^= 0xff;
  const room = new ReceivingRoom(1_000_000);
  const unpacker = new Unpacker(room);
  const ends = await Promise.all(
    Array.from({ length: 9 }, async (_, i) => {
      const unpacked = await unpacker.unpack(i % 3 === 0 ? spoilt : packed, 'gzip', MAX_BYTES);
      return unpacked instanceof Uint8Array ? unpacked.length : unpacked;
    }),
  );
  t.deepEqual(ends, ['damaged', 60_000, 60_000, 'damaged', 60_000, 60_000, 'damaged', 60_000, 60_000]);
  t.is(room.bytes, 6 * 60_000);
});

test('no more than two bodies are undone beside at the same time, and always two while more wait', async (t) => {
  const packed = gzipSync(noise(60_000));
  const bodies = 9;
  const room = new ReceivingRoom(bodies * 60_000);
  // Its free bytes are asked for once when a body comes, and once when its turn begins; the room is taken when it ends.
  let [asked, ended] = [0, 0];
  const running: number[] = [];
  const watched = Object.create(room, {
    freeBytes: {
      get() {
        asked += 1;
        if (all.length === bodies) running.push(asked - bodies - ended);
        return room.freeBytes;
      },
    },
    take: {
      value(bytes: number) {
        ended += 1;
        return room.take(bytes);
      },
    },
  }) as ReceivingRoom;
  const unpacker = new Unpacker(watched);
  const all: Promise<unknown>[] = [];
  while (all.length < bodies) all.push(unpacker.unpack(packed, 'gzip', MAX_BYTES));
  t.is(asked, bodies + 2, 'two begin at once');
  await Promise.all(all);
  t.is(ended, bodies);
  t.deepEqual(running, Array(bodies - 2).fill(2));
});
