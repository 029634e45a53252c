/** @module The components there are: the only file that knows where each one lives. Nothing is loaded until it is used. */
import { createRegistry, type Loader, type Registry } from '../registry.ts';

export const registry: Registry = createRegistry({
  receiver: new Map<string, Loader>([
    ['envoy', () => import('../../receivers/envoy/factory.ts')],
    ['istio', () => import('../../receivers/istio/factory.ts')],
    ['linkerd', () => import('../../receivers/linkerd/factory.ts')],
    ['otlp', () => import('../../receivers/otlp/factory.ts')],
    ['prometheus', () => import('../../receivers/prometheus/factory.ts')],
  ]),
  processor: new Map<string, Loader>([['smi', () => import('../../processors/smi/factory.ts')]]),
  exporter: new Map<string, Loader>([
    ['debug', () => import('../../exporters/debug/factory.ts')],
    ['kafka', () => import('../../exporters/kafka/factory.ts')],
    ['otlp', () => import('../../exporters/otlp/grpc-factory.ts')],
    ['otlphttp', () => import('../../exporters/otlp/factory.ts')],
    ['prometheus', () => import('../../exporters/prometheus/factory.ts')],
    ['smi', () => import('../../exporters/smi/factory.ts')],
  ]),
  extension: new Map<string, Loader>([['health_check', () => import('../telemetry/health-check/factory.ts')]]),
});
