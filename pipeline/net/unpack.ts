/**
 * @module A compressed body undone as a whole, never beyond a limit: gzip, deflate (zlib's form) and, where Node has it,
 * zstd.
 */
import * as zlib from 'node:zlib';

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
 * The result is at most `maxBytes` long. Never rejects.
 */
export function unpackBeside(bytes: Uint8Array, codec: Codec, maxBytes: number): Promise<Unpacked> {
  const options = { maxOutputLength: maxBytes, info: true, ...paramsOf(codec) } as const;
  return new Promise((resolve) => {
    later(codec)(bytes, options, (error, result) => {
      resolve(error === null ? whole(result as unknown as WithEngine, bytes) : problemOf(error));
    });
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

type Later = (bytes: Uint8Array, options: object, done: (error: Error | null, result: Buffer) => void) => void;

function later(codec: Codec): Later {
  return codec === 'gzip' ? zlib.gunzip : codec === 'deflate' ? zlib.inflate : zlib.zstdDecompress;
}

function paramsOf(codec: Codec): object {
  if (codec === 'zstd') return { params: { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG }, chunkSize: 65_536 };
  return { chunkSize: 65_536 };
}
