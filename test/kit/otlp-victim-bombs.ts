/**
 * @module Bombs: a GiB that comes as about a MiB, made piece by piece so that nobody holds the GiB; of zeros, or of content
 * that is a sound request from end to end.
 */
import { once } from 'node:events';
import { constants, createZstdCompress, deflateRawSync } from 'node:zlib';
import { field } from './otlp-victim-bodies.ts';
import type { Signal } from './otlp-victim-calls.ts';

export const BOMB_CODECS = ['gzip', 'deflate', 'zstd'] as const;
export type BombCodec = (typeof BOMB_CODECS)[number];

const PIECE_BYTES = 2 ** 20;
/** A text so long, and few enough of them that no limit of items is in the way. */
const TEXT_BYTES = 60_000;

/** What is repeated: zeros, which are no request, or requests of one span or metric with a long name each. */
export function bombContent(what: 'zeros' | Signal): Buffer {
  if (what === 'zeros') return Buffer.alloc(PIECE_BYTES);
  // Spans have their name in field 5, metrics in field 1; the levels above are 2, 2 and 1 in both.
  const text = Buffer.alloc(TEXT_BYTES, 'a');
  const one = [what === 'traces' ? 5 : 1, 2, 2, 1].reduce<Buffer>(field, text);
  return Buffer.concat(Array.from({ length: Math.ceil(PIECE_BYTES / one.length) }, () => one));
}

/** `bytes` of content, compressed. The checksums at the end of gzip and deflate are none: nobody may get that far. */
export async function bomb(codec: BombCodec, content: Buffer, bytes = 2 ** 30): Promise<Buffer> {
  const pieces = Math.ceil(bytes / content.length);
  if (codec === 'zstd') return zstdBomb(content, pieces);
  // A full flush leaves a piece that refers to nothing before it, so one piece can be repeated (RFC 1951, RFC 1950 §2.2).
  const piece = deflateRawSync(content, { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  const head = codec === 'gzip' ? [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3] : [0x78, 0xda];
  const tail = Buffer.alloc(codec === 'gzip' ? 8 : 4);
  const end = deflateRawSync(Buffer.alloc(0));
  return Buffer.concat([Buffer.from(head), ...Array.from({ length: pieces }, () => piece), end, tail]);
}

async function zstdBomb(content: Buffer, pieces: number): Promise<Buffer> {
  const stream = createZstdCompress();
  const out: Buffer[] = [];
  stream.on('data', (piece: Buffer) => out.push(piece));
  for (let i = 0; i < pieces; i++) if (!stream.write(content)) await once(stream, 'drain');
  stream.end();
  await once(stream, 'end');
  return Buffer.concat(out);
}
