/** @module Why a workload is missing: one sentence on each target, and what to do about it. */
import type { TargetStatus } from '../../pipeline/component.ts';
import type { ResourceId, ResourceReading, TrafficReading } from '../../pipeline/model/reading.ts';
import { formatMilliseconds } from '../../pipeline/wire/duration.ts';

/** What is known beside the target itself. */
export interface TargetFacts {
  /** Null before the first closed slot, and when none has closed lately. */
  readonly reading: TrafficReading | null;
  /** Null when numbers have been there already. */
  readonly firstNumbersInSeconds: number | null;
}

export type TargetState = 'waiting' | 'down' | 'unidentified' | 'starting' | 'idle' | 'active';

export interface Explanation {
  readonly state: TargetState;
  readonly explanation: string;
  /** '' when there is nothing to mend. */
  readonly mend: string;
}

/** Signs in the text of a failed scrape, and what usually helps. The first that matches counts. */
const MENDS: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED|refused/i, 'is the proxy running, and is this its admin port?'],
  [/ENOTFOUND|EAI_AGAIN|resolve/i, 'check the host name in targets'],
  [/EHOSTUNREACH|ENETUNREACH|unreachable/i, 'check routes and network policies between Weir and the proxy'],
  [/certificate|TLS|SSL/i, 'check scheme and tls_config'],
  [/\b(401|403)\b/, 'set basic_auth or authorization for this target'],
  [/\b404\b/, 'check metrics_path'],
  [/time(d )?.?out/i, 'is the proxy overloaded or hanging? a longer scrape_timeout may help'],
  [/html|content.type|not a metrics/i, 'this is no metrics page: check port and metrics_path'],
  [/limit|too large|exceeds/i, 'raise the limit named, or scrape less of this target'],
  [/cut|partial|sentinel|short/i, 'the page ends early: look at the proxy, or at what stands between'],
];

/** Explains targets one by one; what it looks up is prepared once. */
export function createExplainer(facts: TargetFacts): (target: TargetStatus) => Explanation {
  const find = facts.reading === null ? () => null : createFinder(facts.reading);
  return (target) => explain(target, facts, find);
}

type Finder = (target: TargetStatus) => ResourceId | null;

function explain(target: TargetStatus, facts: TargetFacts, find: Finder): Explanation {
  if (target.health === 'down') return explainDown(target);
  if (target.lastScrapeMs === null || target.health === 'unknown') {
    const within = formatMilliseconds(target.intervalMs);
    return { state: 'waiting', explanation: `not scraped yet; its first scrape comes within ${within}`, mend: '' };
  }
  if (target.namespace === '' || target.workload === '') return explainUnidentified(target);
  return facts.reading === null ? explainEarly(facts) : explainUp(find(target), facts.reading);
}

function explainEarly({ firstNumbersInSeconds: seconds }: TargetFacts): Explanation {
  if (seconds !== null) return { state: 'starting', explanation: `up; first numbers in ${seconds}s`, mend: '' };
  return { state: 'starting', explanation: 'up, but no slot has closed lately', mend: 'see the log of this Weir' };
}

function explainDown({ lastError, consecutiveFailures }: TargetStatus): Explanation {
  const times = consecutiveFailures > 1 ? ` (${consecutiveFailures} scrapes in a row)` : '';
  const mend = MENDS.find(([sign]) => sign.test(lastError))?.[1] ?? 'look at the address with curl';
  const why = lastError === '' ? 'the scrape failed' : lastError;
  return { state: 'down', explanation: `down: ${why}${times}; its traffic is missing`, mend };
}

function explainUnidentified({ namespace, workload, pod }: TargetStatus): Explanation {
  const lacking = [
    ...(namespace === '' ? ['namespace'] : []),
    ...(workload === '' ? ['an owner (deployment, statefulset, daemonset, job …)'] : []),
  ].join(' and ');
  const as = workload === '' && pod !== '' ? `; it is shown as pod ${JSON.stringify(pod)}` : '';
  const mend = 'add labels to this target, for example labels: { namespace: shop, deployment: web }';
  return { state: 'unidentified', explanation: `up, but it has no label that tells ${lacking}${as}`, mend };
}

function explainUp(resource: ResourceId | null, reading: TrafficReading): Explanation {
  const window = formatMilliseconds(reading.windowSeconds * 1000);
  const { received, sent } = requestsOf(resource, reading);
  if (received === 0 && sent === 0) {
    const explanation = `up, but its proxy counted no requests in the last ${window}`;
    const mend = 'is traffic really going through this proxy (ports skipped, host network)?';
    return { state: 'idle', explanation, mend };
  }
  const explanation = `up: ${received} requests received, ${sent} sent in the last ${window}`;
  return { state: 'active', explanation, mend: '' };
}

function requestsOf(resource: ResourceId | null, reading: TrafficReading): { received: number; sent: number } {
  let received = 0;
  let sent = 0;
  for (const { direction, figures } of resource === null ? [] : reading.edgesOf(resource)) {
    if (direction === 'from') received += figures.successes + figures.failures;
    else sent += figures.successes + figures.failures;
  }
  return { received, sent };
}

/** Finds the pod of a target, or its workload when it tells no pod. */
function createFinder({ pods, workloads }: TrafficReading): Finder {
  const key = (namespace: string, name: string) => JSON.stringify([namespace, name]);
  const byKey = (readings: readonly ResourceReading[]) =>
    new Map(readings.map(({ resource }) => [key(resource.namespace, resource.name), resource]));
  const [podByKey, workloadByKey] = [byKey(pods), byKey(workloads)];
  return ({ namespace, workload, pod }) =>
    (pod === '' ? workloadByKey.get(key(namespace, workload)) : podByKey.get(key(namespace, pod))) ?? null;
}
