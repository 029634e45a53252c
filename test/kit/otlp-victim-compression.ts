/** @module Attacks by compression: bombs of a GiB (D1), and what is compressed wrongly, twice, or by an unknown codec (D2, D3). */
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { spansRequest } from '../bench/span-payload.ts';
import type { Attack } from './otlp-victim-attack.ts';
import { field } from './otlp-victim-bodies.ts';
import { BOMB_CODECS, type BombCodec, bomb, bombContent } from './otlp-victim-bombs.ts';
import { DOORS, type Signal } from './otlp-victim-calls.ts';

/** Bombs of one codec, of zeros and of sound requests, through each door: three one after another, then four at once. */
export function bombsOf(codec: BombCodec): Attack {
  return async (attacker) => {
    const form = { encoding: codec };
    for (const content of ['zeros', 'traces', 'metrics'] as const) {
      const body = await bomb(codec, bombContent(content));
      const doors = DOORS.filter(({ signal }) => content === 'zeros' || signal === content);
      for (const door of doors) {
        const send = () =>
          attacker.send(`${codec} bomb of ${content}, ${body.length} bytes`, door, body, 'too large', form);
        for (let i = 0; i < (attacker.scale === 'full' ? 3 : 1); i++) await send();
        await Promise.all([send(), send(), send(), send()]);
      }
    }
  };
}

const COMPRESS: Readonly<Record<BombCodec, (bytes: Uint8Array) => Buffer>> = {
  gzip: gzipSync,
  deflate: deflateSync,
  zstd: zstdCompressSync,
};

const SOUND: Readonly<Record<Signal, Uint8Array>> = {
  traces: spansRequest(3),
  // A metric that is no mesh's: taken, and counted.
  metrics: [1, 2, 2, 1].reduce<Buffer>(field, Buffer.from('a_metric_of_nobody')),
};

export const wrongCompression: Attack = async (attacker) => {
  for (const door of DOORS) {
    const body = SOUND[door.signal];
    for (const encoding of BOMB_CODECS) {
      const packed = COMPRESS[encoding](body);
      for (const [what, wrong] of spoiltForms(packed, body))
        await attacker.send(`${encoding} ${what}`, door, wrong, 'damaged', { encoding });
      await attacker.send(`${encoding} twice`, door, packed, 'unknown encoding', {
        encoding: `${encoding}, ${encoding}`,
      });
      // A frame of zstd may read as fields that nobody knows.
      if (encoding !== 'zstd')
        await attacker.send(`${encoding} of ${encoding}`, door, COMPRESS[encoding](packed), 'malformed', { encoding });
      await attacker.send(encoding, door, packed, 'taken', { encoding });
    }
    for (const encoding of ['br', 'compress', 'snappy', 'gzip;q=1', '__proto__'])
      await attacker.send(`unknown ${encoding}`, door, body, 'unknown encoding', { encoding });
  }
};

function spoiltForms(packed: Buffer, plain: Uint8Array): (readonly [string, Uint8Array])[] {
  const spoilt = Buffer.from(packed);
  spoilt[Math.floor(spoilt.length / 2)]! ^= 0xff;
  const badSum = Buffer.from(packed);
  badSum[badSum.length - 5]! ^= 0xff;
  return [
    ['cut short', packed.subarray(0, packed.length - 5)],
    ['spoilt', spoilt],
    ['with a wrong end', badSum],
    ['followed by garbage', Buffer.concat([packed, Buffer.from('trailing garbage')])],
    ['that is none', plain],
    ['of nothing', new Uint8Array()],
  ];
}
