/** @module The `otlphttp` exporter does with spans what every exporter of spans does; its peer is one in memory. */
import { otlpHttpConfig } from '../../../exporters/otlp/config.ts';
import { createOtlpHttpExporter } from '../../../exporters/otlp/otlphttp.ts';
import type { PostResult } from '../../../pipeline/net/http-post.ts';
import { QUEUE_SIZE, testSpansExporter } from '../../conformance/spans-exporter.ts';
import { exporterBench } from '../../kit/exporter.ts';
import { answered, failed } from '../../kit/posts.ts';
import { spanIdsIn } from '../../kit/sent-spans.ts';

const AWAY = failed('connect', 'connect ECONNREFUSED');

for (const encoding of ['proto', 'json'] as const) {
  testSpansExporter(`otlphttp ${encoding}`, () => {
    const yaml = {
      endpoint: 'http://127.0.0.1:4318',
      compression: 'none',
      encoding,
      sending_queue: { queue_size: QUEUE_SIZE },
    };
    const { settings, clock, balance } = exporterBench('otlphttp', otlpHttpConfig, yaml, { signal: 'traces' });
    let result: PostResult = answered(200);
    const arrived: number[] = [];
    const exporter = createOtlpHttpExporter(settings, () => ({
      check: async () => null,
      post: async (headers, body) => {
        if (result.kind === 'answer' && result.status === 200) arrived.push(...spanIdsIn(body, headers[1]));
        return result;
      },
      close: () => {},
    }));
    return {
      exporter,
      clock,
      balance,
      arrived: () => arrived,
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
