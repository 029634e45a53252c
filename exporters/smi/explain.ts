/** @module Why a workload is missing: one sentence on each target, and what to do about it. */
import type { SeriesListing, SeriesQuery, TargetStatus } from '../../pipeline/component.ts';
import type { ResourceId, ResourceReading, TrafficReading } from '../../pipeline/model/reading.ts';
import type { Identity } from '../../pipeline/model/resource.ts';
import { formatMilliseconds } from '../../pipeline/wire/duration.ts';
import { createTold, type Told } from './explain-told.ts';

/** What is known beside the target itself. */
export interface TargetFacts {
  /** Null before the first closed slot, and when none has closed lately. */
  readonly reading: TrafficReading | null;
  /** Null when numbers have been there already. */
  readonly firstNumbersInSeconds: number | null;
  /** Series of all targets; absent where there is no graph. */
  readonly series?: ((query: SeriesQuery) => SeriesListing) | undefined;
}

export type TargetState =
  | 'refused'
  | 'waiting'
  | 'down'
  | 'unidentified'
  | 'starting'
  | 'stale'
  | 'incomplete'
  | 'idle'
  | 'active';

export interface Explanation {
  readonly state: TargetState;
  readonly explanation: string;
  /** '' when there is nothing to mend. */
  readonly mend: string;
  /** `namespace/name`, sorted, `MOST_WORKLOADS` at most: whose its series are, where they and no label tell it. */
  readonly workloads?: readonly string[];
}

/** Workloads told beside a target whose series name them. */
const MOST_WORKLOADS = 100;
const NO_TRAFFIC =
  'is traffic really going through this proxy, and as requests (ports skipped or opaque, host network)?';

/** Signs in the text of a failed scrape, and what usually helps. The first that matches counts. */
const MENDS: readonly (readonly [RegExp, string])[] = [
  [/^nothing came/, 'does the Collector still send, and is scrape_interval of this receiver that of the Collector?'],
  [/^the Collector says/, 'see the log of the Collector: it gets no page of this proxy'],
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
  const told = facts.series === undefined ? () => null : createTold(facts.series);
  return (target) => explain(target, facts, find, told);
}

/** Whose a target or a series is, as far as it can be looked up. */
interface Owner {
  readonly namespace: string;
  readonly workload: string;
  readonly pod: string;
}
type Finder = (owner: Owner) => ResourceId | null;

function explain(
  target: TargetStatus,
  facts: TargetFacts,
  find: Finder,
  toldOf: (target: TargetStatus) => Told | null,
): Explanation {
  if (target.refused) return explainRefused(target);
  if (target.health === 'down') return explainDown(target);
  if (target.lastScrapeMs === null || target.health === 'unknown') {
    const within = formatMilliseconds(target.intervalMs);
    return { state: 'waiting', explanation: `not scraped yet; its first scrape comes within ${within}`, mend: '' };
  }
  const told = target.identity === 'series' ? toldOf(target) : null;
  if (isUnidentified(target, told)) return explainUnidentified(target);
  const healthy = explainHealthy(target, facts, find, told);
  return target.lastError === '' ? healthy : { ...healthy, ...explainIncomplete(target, healthy) };
}

/** Series that tell nobody's name leave a target as nameless as its labels do. */
function isUnidentified({ namespace, identity }: TargetStatus, told: Told | null): boolean {
  if (identity === 'series') return told !== null && told.series === 0 && told.silent > 0;
  return namespace === '' || identity === 'address';
}

function explainHealthy(target: TargetStatus, facts: TargetFacts, find: Finder, told: Told | null): Explanation {
  const { reading } = facts;
  if (target.identity !== 'series')
    return reading === null ? explainEarly(facts) : explainUp(target, find(target), reading);
  const workloads = told === null ? {} : { workloads: workloadsOf(told).slice(0, MOST_WORKLOADS) };
  return { ...(reading === null ? explainEarly(facts) : explainSeries(target, told, find, reading)), ...workloads };
}

/** Each once, sorted. */
function workloadsOf({ owners }: Told): string[] {
  return [...new Set(owners.map(({ workload: { namespace, name } }) => `${namespace}/${name}`))].sort();
}

/** A target whose series tell whose they are: what came to all those, and went from them. */
function explainSeries(target: TargetStatus, told: Told | null, find: Finder, reading: TrafficReading): Explanation {
  if (told === null) return { state: 'active', explanation: 'up: its series tell whose they are', mend: '' };
  const { series, owners } = told;
  if (series === 0) {
    const explanation = 'up, but its page has no series of traffic that could tell a workload';
    return { state: 'idle', explanation, mend: NO_TRAFFIC };
  }
  const { length } = workloadsOf(told);
  const who = `${series} series ${series === 1 ? 'tells' : 'tell'} ${countOf(length, 'workload')}`;
  const found = owners.flatMap((own) => find(ownerOf(own)) ?? []);
  const covered = found.filter((resource) => reading.coveredSecondsOf(resource) > 0);
  if (covered.length === 0) {
    const starting = { explanation: `starting: ${who}; first numbers with its next scrape`, mend: '' };
    return explainStale(target, reading) ?? { state: 'starting', ...starting };
  }
  const window = lengthText(reading);
  const { received, sent } = requestsOf(covered, reading);
  if (received === 0 && sent === 0) {
    const explanation = `up: ${who}, but counted no requests in the last ${window}`;
    return { state: 'idle', explanation, mend: NO_TRAFFIC };
  }
  const requests = `${countOf(received, 'request')} received, ${sent} sent in the last ${window}`;
  return { state: 'active', explanation: `up: ${who}; ${requests}`, mend: '' };
}

function ownerOf({ workload: { namespace, name }, pod }: Identity): Owner {
  return { namespace, workload: name, pod };
}

function explainRefused({ lastError }: TargetStatus): Explanation {
  const mend = 'raise target_limit of this receiver, or give it fewer targets';
  return { state: 'refused', explanation: `not scraped: ${lastError}`, mend };
}

/** Its last scrape was good, but not all of the page was taken. */
function explainIncomplete({ lastError }: TargetStatus, healthy: Explanation): Explanation {
  const mend = lastError.startsWith('series_limit') ? 'raise max_series of this receiver' : 'see the log of this Weir';
  return { state: 'incomplete', explanation: `${healthy.explanation}; its counts are incomplete: ${lastError}`, mend };
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

function explainUnidentified({ namespace, identity, address }: TargetStatus): Explanation {
  const unowned = identity === 'address' || identity === 'series';
  const lacking = [...(namespace === '' ? ['namespace'] : []), ...(unowned ? ['owner'] : [])].join(' and ');
  const as = unowned ? `; its address ${address} stands for its workload` : '';
  const labels = [
    ...(namespace === '' ? ['namespace'] : []),
    ...(unowned ? ['deployment (or statefulset, daemonset, cronjob, job, replicaset), or pod'] : []),
  ].join(' and ');
  return {
    state: 'unidentified',
    explanation: `up, but no ${identity === 'series' ? 'label and no series' : 'label'} tells its ${lacking}${as}`,
    mend: `add to the labels of this target: ${labels}`,
  };
}

/** Length of the window to a tenth of a second; that of a Weir that began within it is no round number. */
function lengthText({ windowSeconds }: TrafficReading): string {
  return formatMilliseconds(Math.max(1, Math.round(windowSeconds * 10)) * 100);
}

/** Null when its last scrape lies in what is read, or after it. A sender's clock may be behind, or the sender late. */
function explainStale({ lastScrapeMs }: TargetStatus, reading: TrafficReading): Explanation | null {
  if (lastScrapeMs === null || lastScrapeMs >= reading.interval.startMs) return null;
  const at = new Date(lastScrapeMs).toISOString();
  const explanation = `nothing counted in the last ${lengthText(reading)}: its last scrape is of ${at}`;
  return { state: 'stale', explanation, mend: 'is what is scraped sent on at once, and is the clock there right?' };
}

function explainUp(target: TargetStatus, resource: ResourceId | null, reading: TrafficReading): Explanation {
  // Not in any closed slot yet, or there by a first sight only, which is what the next scrape is compared with.
  if (resource === null || reading.coveredSecondsOf(resource) === 0) {
    const starting = { explanation: 'starting: first numbers with its next scrape', mend: '' };
    return explainStale(target, reading) ?? { state: 'starting', ...starting };
  }
  const window = lengthText(reading);
  const { received, sent } = requestsOf([resource], reading);
  if (received === 0 && sent === 0) {
    const explanation = `up, but its proxy counted no requests in the last ${window}`;
    return { state: 'idle', explanation, mend: NO_TRAFFIC };
  }
  const explanation = `up: ${countOf(received, 'request')} received, ${sent} sent in the last ${window}`;
  return { state: 'active', explanation, mend: '' };
}

/** How many of what, with its plural. */
function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** An edge between two of `resources` is received by one and sent by the other. */
function requestsOf(
  resources: readonly ResourceId[],
  reading: TrafficReading,
): { readonly received: number; readonly sent: number } {
  let received = 0;
  let sent = 0;
  for (const { direction, figures } of resources.flatMap((resource) => reading.edgesOf(resource))) {
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
