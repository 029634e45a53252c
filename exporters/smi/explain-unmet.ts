/** @module What targets say of a resource that the window asked for does not have, such as one whose proxy is down for longer. */
import type { TargetStatus } from '../../pipeline/component.ts';
import type { ResourceId, TrafficReading } from '../../pipeline/model/reading.ts';
import { formatMilliseconds } from '../../pipeline/wire/duration.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';
import { createExplainer } from './explain.ts';

/** What is known beside the reading. */
export interface Watched {
  readonly targets: readonly TargetStatus[];
  /** The longest window that can be asked for; null when it has no more slots than the one asked for. */
  readonly longerMs: number | null;
}

/** How a target goes that is said to be of a resource, and what to ask next; '' when there is none. O(targets). */
export function targetOf(
  isIt: (id: Pick<ResourceId, 'kind' | 'namespace' | 'name'>) => boolean,
  { targets, longerMs }: Watched,
  reading: TrafficReading,
): string {
  const found = targets.filter(
    ({ kind, namespace, workload, pod }) =>
      isIt({ kind, namespace, name: workload }) || isIt({ kind: 'Pod', namespace, name: pod }),
  );
  // One that is down tells more than one that has just begun.
  const target = found.find(({ health }) => health === 'down') ?? found[0];
  if (target === undefined) return '';
  const { explanation } = createExplainer({ reading, firstNumbersInSeconds: null })(target);
  const more = found.length === 1 ? '' : ` (one of ${found.length} targets)`;
  const farther =
    longerMs === null ? '' : `; for what came before ask with --window (?t=), up to ${formatMilliseconds(longerMs)}`;
  const { receiver, address } = target;
  return `target ${printableShort(address)} of ${receiver}${more} is listed by weir targets: ${printableShort(explanation, LONGEST)}${farther}`;
}

/** Characters of an explanation that are shown. */
const LONGEST = 300;
