/** @module Pages compressed away from the loop. */
import { constants, createGzip } from 'node:zlib';

/** Larger than zlib's 16 KiB, for fewer turns. */
const CHUNK_BYTES = 128 * 1024;

/** `pieces` as one gzip member in pieces. The fastest level: a page repeats itself so much that others gain little. */
export function gzipped(pieces: readonly Uint8Array[]): Promise<Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const gzip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: CHUNK_BYTES });
    const out: Uint8Array[] = [];
    gzip.on('data', (piece: Uint8Array) => out.push(piece));
    gzip.on('end', () => resolve(out));
    gzip.on('error', reject);
    for (const piece of pieces) gzip.write(piece);
    gzip.end();
  });
}
