/** @module Keys of the `otlp` receiver for metrics: traffic of other Weirs, and a mesh's families from a Collector. */
import { duration } from '../../pipeline/config/types.ts';
import { samplesConfig } from './samples-config.ts';
import { trafficConfig } from './traffic-config.ts';

/** To be spread into the receiver's schema. */
export function metricsConfig() {
  return {
    scrape_interval: duration({ minMs: 100 })
      .prefault('10s')
      .describe('scrape_interval of the Weirs and Collectors that send metrics: slots are as long. Spans need none'),
    ...trafficConfig(),
    ...samplesConfig(),
  };
}
