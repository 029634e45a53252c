/** @module Bodies that grow beyond measure when they are undone: whole if they end in time, and never kept before that is known. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import test from 'ava';
import { type Codec, unpackBeside } from '../../../pipeline/net/unpack.ts';
import { noise } from './ingest-stage.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const MIB = 1 << 20;
const PACK = { gzip: gzipSync, deflate: deflateSync, zstd: zstdCompressSync } as const;
const CASES = Object.entries(PACK) as [Codec, (body: Uint8Array) => Buffer][];

/** Compresses some hundred times, and no part of it is like another. */
function sparse(bytes: number): Buffer {
  const body = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4096) body.writeUInt32LE(at, at);
  return body;
}

for (const [codec, pack] of CASES) {
  test.serial(`${codec}: what is many times as long as it came is the same, up to the limit`, async (t) => {
    const body = sparse(5 * MIB + 12_345);
    const packed = pack(body);
    t.true(body.length > 50 * packed.length);
    const unpacked = await unpackBeside(packed, codec, body.length);
    t.true(unpacked instanceof Uint8Array && body.equals(unpacked));
    t.is((unpacked as Uint8Array).buffer.byteLength, body.length, 'nothing else is kept alive');
    t.is(await unpackBeside(packed, codec, body.length - 1), 'too_large');
    t.is(await unpackBeside(packed.subarray(0, -3), codec, body.length), 'damaged');
  });

  test.serial(`${codec}: a bomb takes hardly any memory, garbage included`, async (t) => {
    const bomb = pack(new Uint8Array(64 * MIB));
    const before = process.memoryUsage().arrayBuffers;
    let [most, isRunning] = [0, true];
    const look = () => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      if (isRunning) setImmediate(look);
    };
    look();
    for (let i = 0; i < 3; i++) t.is(await unpackBeside(bomb, codec, 20 * MIB), 'too_large');
    isRunning = false;
    t.log(`${(most / MIB).toFixed(1)} MiB at most`);
    t.true(most < 6 * MIB, `${most} bytes`);
  });
}

for (const [codec, pack] of CASES) {
  test.serial(
    `${codec}: what was unpacked of a body that is refused is freed at once, not when garbage is collected`,
    async (t) => {
      // Noise does not compress, so that all of it is kept until it turns out to be too long or damaged.
      const body = noise(8 * MIB);
      const packed = pack(body);
      for (const [bytes, maxBytes, wanted] of [
        [packed, body.length - 1, 'too_large'],
        [packed.subarray(0, -3), body.length, 'damaged'],
      ] as const) {
        collectGarbage();
        const before = process.memoryUsage().arrayBuffers;
        t.is(await unpackBeside(bytes, codec, maxBytes), wanted);
        const grew = process.memoryUsage().arrayBuffers - before;
        t.true(grew < 2 * MIB, `${wanted}: ${grew} bytes`);
      }
    },
  );
}
