/**
 * @module A compressed body undone as a whole, never beyond a limit: gzip, deflate (zlib's form) and, where Node has it,
 * zstd.
 */
import type { Duplex } from 'node:stream';
import * as zlib from 'node:zlib';
import { freeWhole } from '../wire/free.ts';
import { Gathered } from '../wire/gathered.ts';

export type Codec = 'gzip' | 'deflate' | 'zstd';

/** How unpacking ended: the bytes, or what is wrong with them. */
export type Unpacked = Uint8Array | 'too_large' | 'damaged';

/** How long a body may be, as it comes and unpacked, that is undone at once: about a millisecond for the longest. */
const AT_ONCE_BYTES = 32 * 1024;
const AT_ONCE_UNPACKED_BYTES = 1024 * 1024;
/** zstd may ask for a window of this many bytes, as a power of two: what its levels for streams use at most. */
const ZSTD_WINDOW_LOG = 23;

/** Codecs that this Node has. */
export const CODECS: ReadonlySet<string> = new Set<Codec>(
  typeof zlib.zstdDecompressSync === 'function' ? ['gzip', 'deflate', 'zstd'] : ['gzip', 'deflate'],
);

/**
 * Undoes a short body, as `unpackBeside` does; 'later' when it would hold up the event loop.
 */
export function unpackAtOnce(bytes: Uint8Array, codec: Codec, maxBytes: number): Unpacked | 'later' {
  if (bytes.length > AT_ONCE_BYTES) return 'later';
  const maxOutputLength = Math.min(maxBytes, AT_ONCE_UNPACKED_BYTES);
  const unpacked = undo(bytes, codec, maxOutputLength);
  return unpacked === 'too_large' && maxOutputLength < maxBytes ? 'later' : unpacked;
}

function undo(bytes: Uint8Array, codec: Codec, maxOutputLength: number): Unpacked {
  try {
    const options = { maxOutputLength, info: true, ...paramsOf(codec) } as const;
    return whole(atOnce(codec)(bytes, options) as unknown as WithEngine, bytes);
  } catch (error) {
    return problemOf(error);
  }
}

/**
 * Undoes `bytes`, which must be one whole stream with nothing behind it (gzip: one or more members), beside the event loop.
 * The result is at most `maxBytes` long. Never rejects. What grows beyond measure is kept only once it is known to end
 * within `maxBytes`, so that a bomb takes no more memory than an honest body of its size.
 */
export async function unpackBeside(bytes: Uint8Array, codec: Codec, maxBytes: number): Promise<Unpacked> {
  const saidBytes = codec === 'gzip' ? sizeOf(bytes) : 0;
  const output = new Output(maxBytes, trustedBytes(bytes.length, saidBytes, maxBytes), saidBytes);
  const end = await pour(bytes, codec, output);
  if (end !== 'whole') return end;
  if (output.bytes <= output.trustedBytes) return output.take();
  const measured = new Output(maxBytes, maxBytes, output.bytes);
  const again = await pour(bytes, codec, measured);
  return again === 'whole' ? measured.take() : again;
}

/** How far a body may grow before it is only measured: so many bytes, or so many times its packed length. */
const TRUSTED_BYTES = 1 << 20;
const TRUSTED_RATIO = 10;

/** The length that gzip says; where none is said, as much as spans are packed in life and more. */
function trustedBytes(packedBytes: number, saidBytes: number, maxBytes: number): number {
  if (saidBytes > maxBytes) return 0;
  return Math.max(saidBytes, TRUSTED_BYTES, saidBytes > 0 ? 0 : TRUSTED_RATIO * packedBytes);
}

/** What the last member says of its own length, true or not (RFC 1952 §2.3.1: ISIZE). */
function sizeOf(gzip: Uint8Array): number {
  if (gzip.length < 4) return 0;
  return new DataView(gzip.buffer, gzip.byteOffset + gzip.length - 4, 4).getUint32(0, true);
}

/** Where an unpacked body goes. */
class Output {
  readonly #maxBytes: number;
  readonly trustedBytes: number;
  /** Nobody but the codec has its pieces, and it leaves those alone that are full. */
  readonly #gathered = new Gathered(true);
  bytes = 0;

  /** `expectedBytes`: its length, where it is known. */
  constructor(maxBytes: number, trustedBytes: number, expectedBytes = 0) {
    this.#maxBytes = maxBytes;
    this.trustedBytes = trustedBytes;
    this.#gathered.expect(expectedBytes);
  }

  /** False when it is too much. */
  add(piece: Uint8Array): boolean {
    const isFirstBeyond = this.bytes <= this.trustedBytes;
    this.bytes += piece.length;
    if (this.bytes > this.#maxBytes) this.clear();
    else if (this.bytes <= this.trustedBytes) this.#gathered.add(piece);
    else if (isFirstBeyond) this.clear();
    if (this.bytes > this.trustedBytes) freeWhole(piece);
    return this.bytes <= this.#maxBytes;
  }

  take(): Uint8Array {
    return this.#gathered.take();
  }

  clear(): void {
    this.#gathered.clear();
  }
}

/** Undoes `bytes` piece by piece; each is done with before the next one is made. */
function pour(bytes: Uint8Array, codec: Codec, output: Output): Promise<'whole' | 'too_large' | 'damaged'> {
  return new Promise((resolve) => {
    const stream = beside(codec)(paramsOf(codec));
    stream.on('data', (piece: Buffer) => {
      if (stream.destroyed || output.add(piece)) return;
      stream.destroy();
      resolve('too_large');
    });
    stream.on('error', () => {
      output.clear();
      resolve('damaged');
    });
    stream.on('end', () => resolve(stream.bytesWritten === bytes.length ? 'whole' : 'damaged'));
    stream.end(bytes);
  });
}

interface WithEngine {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** What stands behind the end of a stream is no part of it: a body has nothing there. */
function whole({ buffer, engine }: WithEngine, bytes: Uint8Array): Unpacked {
  return engine.bytesWritten === bytes.length ? buffer : 'damaged';
}

function problemOf(error: unknown): Unpacked {
  const isTooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
  return isTooLarge ? 'too_large' : 'damaged';
}

function atOnce(codec: Codec) {
  return codec === 'gzip' ? zlib.gunzipSync : codec === 'deflate' ? zlib.inflateSync : zlib.zstdDecompressSync;
}

type Pouring = Duplex & { readonly bytesWritten: number };

function beside(codec: Codec): (options: object) => Pouring {
  if (codec === 'gzip') return zlib.createGunzip;
  return codec === 'deflate' ? zlib.createInflate : zlib.createZstdDecompress;
}

function paramsOf(codec: Codec): object {
  if (codec === 'zstd') return { params: { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG }, chunkSize: 65_536 };
  return { chunkSize: 65_536 };
}
