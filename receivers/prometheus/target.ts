/** @module From a discovered address and its labels to the target Prometheus would make of it: relabelled, or none. */
import type { Labels } from '../../pipeline/model/resource.ts';
import { requestPath } from '../scrape/access.ts';
import { labelKey } from '../scrape/label-key.ts';
import { isTargetAddress, type PreparedTarget } from '../scrape/targets.ts';
import { type RelabelRule, relabel } from './relabel.ts';

export interface TargetScraping {
  readonly job: string;
  readonly scheme: string;
  readonly metricsPath: string;
  readonly params: Readonly<Record<string, readonly string[]>>;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly rules: readonly RelabelRule[];
}

/** What became of a target: one to scrape, dropped by a rule, or an address that cannot be scraped. */
export type Prepared =
  | { readonly kind: 'target'; readonly target: PreparedTarget }
  | { readonly kind: 'dropped' }
  | { readonly kind: 'bad_address'; readonly address: string };

/** Source: prometheus/prometheus `scrape/target.go` (PopulateLabels). */
export function prepareTarget(scraping: TargetScraping, address: string, labels: Labels): Prepared {
  const changed = relabel(scraping.rules, withDefaults(scraping, address, labels));
  const to = changed?.get('__address__') ?? '';
  if (changed === null || to === '') return { kind: 'dropped' };
  if (!isTargetAddress(to)) return { kind: 'bad_address', address: to };
  const kept = new Map([...changed].filter(([name]) => !name.startsWith('__')));
  if (!kept.has('instance')) kept.set('instance', to);
  // Here `job` is Prometheus' word for a group of targets, not the Kubernetes Job that owns a pod.
  const identity = new Map([...kept].filter(([name]) => name !== 'job'));
  const path = pathOf(scraping, changed);
  const distinct = `${labelKey(kept)}${path}`;
  return { kind: 'target', target: { address: to, labels: identity, seriesLabels: kept, path, distinct } };
}

function withDefaults(scraping: TargetScraping, address: string, labels: Labels): Map<string, string> {
  const { job, scheme, metricsPath, params, intervalMs, timeoutMs } = scraping;
  const first = Object.entries(params).flatMap(([name, [value]]): [string, string][] =>
    value === undefined ? [] : [[`__param_${name}`, value]],
  );
  return new Map([
    ['job', job],
    ['__scheme__', scheme],
    ['__metrics_path__', metricsPath],
    ['__scrape_interval__', `${intervalMs}ms`],
    ['__scrape_timeout__', `${timeoutMs}ms`],
    ...first,
    ...labels,
    ['__address__', address],
  ]);
}

const PARAM = '__param_';

/** Rules may have written the path, and the first value of each parameter. */
function pathOf({ metricsPath, params }: TargetScraping, labels: Labels): string {
  const query = new Map(Object.entries(params));
  for (const [name, value] of labels) {
    if (!name.startsWith(PARAM)) continue;
    const parameter = name.slice(PARAM.length);
    query.set(parameter, [value, ...(query.get(parameter) ?? []).slice(1)]);
  }
  const path = labels.get('__metrics_path__') ?? metricsPath;
  return requestPath(path.startsWith('/') ? path : `/${path}`, query);
}
