/** @module The `otlp` exporter does what every exporter of traffic and of spans does; its peer is one in memory. */
import { otlpGrpcConfig } from '../../../exporters/otlp/grpc-config.ts';
import { createOtlpGrpcExporter } from '../../../exporters/otlp/otlp.ts';
import type { GrpcResult } from '../../../pipeline/net/grpc-call.ts';
import { testExporter } from '../../conformance/exporter.ts';
import { QUEUE_SIZE, testSpansExporter } from '../../conformance/spans-exporter.ts';
import { exporterBench } from '../../kit/exporter.ts';
import { spanIdsIn } from '../../kit/sent-spans.ts';

const AWAY: GrpcResult = { kind: 'failure', reason: 'connect', error: 'connect ECONNREFUSED', mayHaveArrived: false };
const NOTHING = new Uint8Array(0);

function answer(code: number): GrpcResult {
  return { kind: 'answer', code, message: '', details: NOTHING, body: NOTHING };
}

function create(signal: 'metrics' | 'traces', yaml: object) {
  const config = { endpoint: '127.0.0.1:4317', ...yaml };
  const { settings, clock, balance } = exporterBench('otlp', otlpGrpcConfig, config, { signal });
  let result = answer(0);
  const taken: Uint8Array[] = [];
  const exporter = createOtlpGrpcExporter(settings, () => ({
    check: async () => null,
    call: async (_path, body) => {
      if (result.kind === 'answer' && result.code === 0) taken.push(body);
      return result;
    },
    close: () => {},
  }));
  return {
    exporter,
    clock,
    balance,
    arrived: () => taken.flatMap((body) => spanIdsIn(body)),
    setAway: (away: boolean) => {
      result = away ? AWAY : answer(0);
    },
    refuseAll: () => {
      result = answer(3);
    },
    refusedReason: 'grpc_invalid_argument',
  };
}

testExporter('otlp traffic', () => create('metrics', { interval: 'window' }));
testSpansExporter('otlp spans', () => create('traces', { sending_queue: { queue_size: QUEUE_SIZE } }));
