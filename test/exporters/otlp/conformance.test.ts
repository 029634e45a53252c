/** @module The `otlphttp` exporter does what every exporter does; its peer is one in memory. */
import { otlpHttpConfig } from '../../../exporters/otlp/config.ts';
import { createOtlpHttpExporter } from '../../../exporters/otlp/otlphttp.ts';
import type { PostResult } from '../../../pipeline/net/http-post.ts';
import { testExporter } from '../../conformance/exporter.ts';
import { exporterBench } from '../../kit/exporter.ts';
import { answered, failed } from '../../kit/posts.ts';

const AWAY = failed('connect', 'connect ECONNREFUSED');

for (const encoding of ['proto', 'json'] as const) {
  testExporter(`otlphttp ${encoding}`, () => {
    // Compression ends on another thread; the suite moves on as soon as nothing is left to do on this one.
    const yaml = { endpoint: 'http://127.0.0.1:4318', compression: 'none', encoding, interval: 'window' };
    const { settings, clock, balance } = exporterBench('otlphttp', otlpHttpConfig, yaml);
    let result: PostResult = answered(200);
    const exporter = createOtlpHttpExporter(settings, () => ({
      check: async () => null,
      post: async () => result,
      close: () => {},
    }));
    return {
      exporter,
      clock,
      balance,
      setAway: (away) => {
        result = away ? AWAY : answered(200);
      },
      refuseAll: () => {
        result = answered(400);
      },
      refusedReason: 'http_400',
    };
  });
}
