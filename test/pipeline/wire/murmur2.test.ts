/** @module Partitions as the Java client chooses them. */
import test from 'ava';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { murmur2, partitionOf } from '../../../pipeline/wire/murmur2.ts';

/** Hashes and partitions of 12 and of 96, from the Java client. */
const VECTORS: [key: string, hash: number, of12: number, of96: number][] = [
  ['default/Deployment/web', -1254029550, 2, 50],
  ['emojivoto/Deployment/emoji', -2101229226, 2, 86],
  ['istio-system/Deployment/istio-ingressgateway', 587873104, 4, 16],
  ['key-1', 193331640, 0, 24],
  ['a', -1563381124, 4, 28],
  ['é', 186971271, 3, 39],
  ['', 275646681, 9, 57],
];

for (const [key, hash, of12, of96] of VECTORS) {
  test(`"${key}" has the hash and the partitions Java gives it`, (t) => {
    const bytes = Buffer.from(key);
    t.is(murmur2(bytes), hash);
    t.is(partitionOf(bytes, 12), of12);
    t.is(partitionOf(bytes, 96), of96);
  });
}

test('any key has the partition kafkajs gives it', (t) => {
  const partitioner = kafkajs.Partitioners.DefaultPartitioner();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 1, max: 200 }), (key, partitions) => {
      const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
        partitionId,
        leader: 1,
        partitionErrorCode: 0,
        replicas: [1],
        isr: [1],
      }));
      const message = { key: Buffer.from(key), value: 'v' };
      t.is(partitionOf(key, partitions), partitioner({ topic: 't', partitionMetadata, message }));
    }),
  );
});
