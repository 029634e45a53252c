/** @module Requests of metrics in two, as a Collector's batch processor has them. */
import { REQUEST_TYPE } from './otlp-schema.ts';

type Data = { dataPoints: unknown[] };
type Metric = { sum?: Data; histogram?: Data; gauge?: Data };
interface Tree {
  resourceMetrics: { scopeMetrics: { metrics: Metric[] }[] }[];
}

const dataOf = (metric: Metric): Data => (metric.sum ?? metric.histogram ?? metric.gauge)!;

/** A request by its points, the first `at` (default: half of them) and the rest: resource, scope and metrics are repeated. */
export function splitRequest(bytes: Uint8Array, at?: number): [Uint8Array, Uint8Array] {
  const middle = at ?? Math.ceil(pointsOf(treeOf(bytes)) / 2);
  return [part(bytes, (point) => point < middle), part(bytes, (point) => point >= middle)];
}

function treeOf(bytes: Uint8Array): Tree {
  return REQUEST_TYPE.toObject(REQUEST_TYPE.decode(bytes), { arrays: true }) as Tree;
}

function pointsOf({ resourceMetrics }: Tree): number {
  const metrics = resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  return metrics.reduce((points, metric) => points + dataOf(metric).dataPoints.length, 0);
}

function part(bytes: Uint8Array, isWanted: (point: number) => boolean): Uint8Array {
  const tree = treeOf(bytes);
  let point = 0;
  for (const { scopeMetrics } of tree.resourceMetrics) {
    for (const scope of scopeMetrics) {
      for (const metric of scope.metrics) {
        const data = dataOf(metric);
        data.dataPoints = data.dataPoints.filter(() => isWanted(point++));
      }
      scope.metrics = scope.metrics.filter((metric) => dataOf(metric).dataPoints.length > 0);
    }
  }
  return REQUEST_TYPE.encode(REQUEST_TYPE.fromObject(tree)).finish();
}
