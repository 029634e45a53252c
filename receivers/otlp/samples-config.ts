/** @module Keys of the `otlp` receiver for a mesh's families that a Collector scraped and sends on. */
import { z } from 'zod';
import { duration } from '../../pipeline/config/types.ts';

const count = (max: number, fallback: number, what: string) => z.int().min(1).max(max).default(fallback).describe(what);

/** To be spread into the receiver's schema. */
export function samplesConfig() {
  const samples = z
    .strictObject({
      meshes: z
        .array(z.enum(['linkerd', 'istio', 'envoy']))
        .max(3)
        .default(['linkerd', 'istio', 'envoy'])
        .describe('meshes whose families are counted; of a proxy that has those of several, the first one named here'),
      target_expiration: duration({ minMs: 1000 })
        .prefault('5m')
        .describe('how long a proxy of which nothing comes is missed, before it counts as gone'),
      max_targets: count(1_000_000, 10_000, 'proxies known at once; points of those beyond are dropped and counted'),
      max_series: count(
        100_000_000,
        2_000_000,
        'series kept of all proxies together, a histogram having one for each bucket; points beyond are dropped',
      ),
      max_attribute_bytes: count(
        1_000_000,
        8192,
        'bytes of the attributes of one point, and of one resource; points with more are dropped',
      ),
      max_samples_per_request: count(
        100_000_000,
        200_000,
        'samples of one request, a histogram point being one for each bucket and two more; a request with more is refused for good',
      ),
      max_buckets: count(10_000, 500, 'buckets of one histogram; points with more are dropped'),
    })
    .prefault({})
    .describe("what is counted of the families of a mesh's proxies that an OpenTelemetry Collector sends");
  return { samples };
}

export type SamplesConfig = z.output<ReturnType<typeof samplesConfig>['samples']>;
