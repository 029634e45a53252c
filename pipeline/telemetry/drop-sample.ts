/** @module What stands for dropped data in the drop journal: its first item, by the names that people look for. */
import type { DropSample } from '../balance.ts';
import type { Batch } from '../batch.ts';
import type { Peer, Workload } from '../model/resource.ts';
import type { Spans } from '../model/spans.ts';
import type { TrafficRecord, TrafficSum } from '../model/traffic.ts';
import { spanAt } from '../wire/otlp/span-view.ts';

/** The first item of a batch. */
export function sampleOf(batch: Batch): DropSample {
  if (batch.body === 'spans') return sampleOfSpans(batch.spans);
  return batch.body === 'traffic' ? sampleOfTraffic(batch.sum) : { target: batch.target.key };
}

/** The span at `index`; nothing where there is none. O(bytes of the span and its resource). */
export function sampleOfSpans(spans: Spans, index = 0): DropSample {
  if (index >= spans.count) return {};
  const { traceId, spanId, name, serviceName } = spanAt(spans, index);
  return { traceId, spanId, span: name, service: serviceName };
}

/** The first record with traffic, or the first target of a sum that has none, and the interval. O(1). */
export function sampleOfTraffic({ interval, records, coverage }: TrafficSum): DropSample {
  const [record] = records;
  const [covered] = coverage;
  if (record !== undefined) return { ...interval, ...endsOf(record), mesh: record.key.mesh };
  return covered === undefined ? interval : { ...interval, target: covered.target, mesh: covered.mesh };
}

/** Who called whom: the own end of a record is the one that its side names. */
function endsOf({ key: { side, own, peer } }: TrafficRecord): { from: string; to: string } {
  const [ours, theirs] = [nameOf(own.workload), peerName(peer)];
  return side === 'client' ? { from: ours, to: theirs } : { from: theirs, to: ours };
}

function peerName({ workload, service, serviceNamespace }: Peer): string {
  if (workload !== null) return nameOf(workload);
  return serviceNamespace === '' ? service : `${serviceNamespace}/${service}`;
}

function nameOf({ namespace, name }: Workload): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}
