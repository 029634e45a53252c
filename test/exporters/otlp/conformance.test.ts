/** @module The `otlphttp` exporter does what every exporter does; its peer is one in memory. */
import { otlpHttpConfig } from '../../../exporters/otlp/config.ts';
import { createOtlpHttpExporter } from '../../../exporters/otlp/otlphttp.ts';
import type { PostResult } from '../../../pipeline/net/http-post.ts';
import { testExporter } from '../../conformance/exporter.ts';
import { exporterBench } from '../../kit/exporter.ts';

const AWAY: PostResult = { kind: 'failure', reason: 'connect', error: 'connect ECONNREFUSED', resent: false };

function answer(status: number): PostResult {
  return {
    kind: 'answer',
    status,
    headers: new Map(),
    body: new Uint8Array(0),
    bodyEnd: 'whole',
    error: '',
    resent: false,
  };
}

for (const encoding of ['proto', 'json'] as const) {
  testExporter(`otlphttp ${encoding}`, () => {
    // Compression ends on another thread; the suite moves on as soon as nothing is left to do on this one.
    const yaml = { endpoint: 'http://127.0.0.1:4318', compression: 'none', encoding, interval: 'window' };
    const { settings, clock, balance } = exporterBench('otlphttp', otlpHttpConfig, yaml);
    let result = answer(200);
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
        result = away ? AWAY : answer(200);
      },
      refuseAll: () => {
        result = answer(400);
      },
      refusedReason: 'http_400',
    };
  });
}
