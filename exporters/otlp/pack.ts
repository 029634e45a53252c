/** @module Bodies compressed for the way: small ones at once, large ones off the main thread. */
import * as zlib from 'node:zlib';

export type Compression = 'gzip' | 'zstd' | 'none';

/** What is at most this long takes some 0.1 ms; handing it to another thread and back costs as much again. */
const AT_ONCE_BYTES = 32 * 1024;
/** The result seldom is more than this part of the body; each further piece of it is another way to the thread and back. */
const EXPECTED_PART = 1 / 4;
const MOST_EXPECTED_BYTES = 1024 * 1024;
/** zlib's most, 256 KiB a stream instead of 128: takes a twelfth less CPU for bodies of hundreds of kilobytes. */
const MEM_LEVEL = 9;

/** The body as it goes over the wire: itself with `none`. `level` is 1 (fast) to 9 (small). */
export function pack(body: Uint8Array, compression: Compression, level: number): Uint8Array | Promise<Uint8Array> {
  if (compression === 'none') return body;
  return body.length <= AT_ONCE_BYTES ? packAtOnce(body, compression, level) : packLater(body, compression, level);
}

function packAtOnce(body: Uint8Array, compression: 'gzip' | 'zstd', level: number): Uint8Array {
  return compression === 'gzip' ? zlib.gzipSync(body, { level }) : zlib.zstdCompressSync(body, zstdOptions(level));
}

function packLater(body: Uint8Array, compression: 'gzip' | 'zstd', level: number): Promise<Uint8Array> {
  const chunkSize = Math.ceil(Math.min(body.length * EXPECTED_PART, MOST_EXPECTED_BYTES));
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, packed: Uint8Array) => (error === null ? resolve(packed) : reject(error));
    if (compression === 'gzip') zlib.gzip(body, { level, memLevel: MEM_LEVEL, chunkSize }, done);
    else zlib.zstdCompress(body, { ...zstdOptions(level), chunkSize }, done);
  });
}

function zstdOptions(level: number): zlib.ZstdOptions {
  return { params: { [zlib.constants.ZSTD_c_compressionLevel]: level } };
}
