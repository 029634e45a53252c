/** @module Pipelines whose exporters send to a receiver of the same Weir, so that what goes out comes in again, without end. */
import type { CheckedComponent, CheckedPipeline } from './checked.ts';
import type { Configured } from './components.ts';
import { isReachedAs, listenersOf } from './listeners.ts';
import type { Report } from './report.ts';
import { findAt, type Path } from './tree.ts';
import type { Endpoint } from './types.ts';
import type { Sections } from './uses.ts';

/** An exporter of one pipeline sends to a receiver of another one, or of the same. */
interface Hop {
  readonly from: CheckedPipeline;
  readonly to: CheckedPipeline;
  readonly exporter: Configured;
  readonly receiver: Configured;
  readonly address: Endpoint;
}

/** Reports each exporter that closes a circle. O(pipelines² × components²), of which there are few. */
export function checkLoops(pipelines: readonly CheckedPipeline[], sections: Sections, report: Report): void {
  const hops = pipelines.flatMap((from) =>
    from.exporters.flatMap((exporter) => hopsOf(from, exporter, pipelines, sections)),
  );
  const reported = new Set<string>();
  for (const hop of hops) {
    if (!reaches(hop.to, hop.from, hops) || reported.has(hop.exporter.id)) continue;
    reported.add(hop.exporter.id);
    reportLoop(hop, report);
  }
}

function hopsOf(
  from: CheckedPipeline,
  { id, factory, config }: CheckedComponent,
  pipelines: readonly CheckedPipeline[],
  sections: Sections,
): Hop[] {
  // The pair was made by `checkComponent`, so the value has the type the factory asks for.
  const address = factory.kind === 'exporter' ? (factory.sendsTo?.(config as never, from.signal) ?? null) : null;
  const exporter = sections.exporters.get(id);
  if (address === null || exporter === undefined) return [];
  return pipelines
    .filter((to) => to.signal === from.signal)
    .flatMap((to) => to.receivers.map((receiver) => ({ to, receiver: sections.receivers.get(receiver.id) })))
    .flatMap(({ to, receiver }) =>
      receiver !== undefined && listenersOf(receiver).some(({ endpoint }) => isReachedAs(endpoint, address))
        ? [{ from, to, exporter, receiver, address }]
        : [],
    );
}

function reaches(start: CheckedPipeline, end: CheckedPipeline, hops: readonly Hop[]): boolean {
  const seen = new Set([start]);
  for (const pipeline of seen) for (const { from, to } of hops) if (from === pipeline) seen.add(to);
  return seen.has(end);
}

function reportLoop({ from, exporter, receiver, address }: Hop, report: Report): void {
  const { entry } = exporter;
  const key = KEYS.map((one) => one.replace('signal', from.signal)).find((one) => findAt(entry.value, [one]).exact);
  const path: Path = ['exporters', entry.key, ...(key === undefined ? [] : [key])];
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  report.add('WEIR1029', key === undefined ? entry.keyAt : findAt(entry.value, [key]).tree.at, {
    message: `exporter "${exporter.id}" of pipeline ${from.id} sends to ${host}:${address.port}, where receiver "${receiver.id}" listens`,
    note: 'this Weir itself',
    mend: 'write the address of your backend, or let the receiver listen on another port',
    path,
  });
}

/** Keys that an exporter's address is written under, the first that is there. */
const KEYS = ['signal_endpoint', 'endpoint'] as const;
