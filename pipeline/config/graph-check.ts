/** @module Pipelines: names and signals, what they list, slots and windows; each with its own chain (chain-check.ts). */
import { type CheckContext, SIGNALS, type Signal } from '../component.ts';
import type { Registry } from '../registry.ts';
import { formatMilliseconds } from '../wire/duration.ts';
import { checkChain, checkSignals } from './chain-check.ts';
import type { CheckedComponent, CheckedPipeline } from './checked.ts';
import { type Configured, cadenceOf, callCheck, windowOf } from './components.ts';
import { parseId } from './ids.ts';
import { checkValue } from './issues.ts';
import { nearest } from './nearest.ts';
import { isProblemCode } from './problem.ts';
import type { Report } from './report.ts';
import { pipeline as pipelineSchema } from './schema.ts';
import type { Place } from './source.ts';
import { type Entry, entryOf, findAt, isNull, type Path } from './tree.ts';
import { type GraphContext, isResolved, markAll, PIPELINES, type Use, usesOf } from './uses.ts';

/** The Collector's signals that Weir has not. */
const UNSUPPORTED: ReadonlySet<string> = new Set(['logs', 'profiles']);

/** The pipeline, or null when it has problems. Marks what it uses. */
export async function checkPipeline(entry: Entry, context: GraphContext): Promise<CheckedPipeline | null> {
  const { report } = context;
  const before = errorCount(report);
  const signal = await signalOf(entry, context);
  const subject = { tree: entry.value, base: [...PIPELINES, entry.key], keyAt: entry.keyAt, page: PAGE };
  if (checkValue(pipelineSchema, subject, report) === undefined) {
    markAll(entry, context);
    return null;
  }
  const receivers = usesOf(entry, 'receivers', context);
  const processors = usesOf(entry, 'processors', context);
  const exporters = usesOf(entry, 'exporters', context);
  checkNotEmpty(entry, 'receivers', report);
  checkNotEmpty(entry, 'exporters', report);
  if (signal !== null) checkSignals(entry, signal, [...receivers, ...processors, ...exporters], report);
  const chain = { receivers, processors, exporters };
  // What is missing may be what lies between two neighbours: told once, as the component that is not there.
  if (signal !== null && isResolved(entry, context)) await checkChain(entry, signal, chain, context);
  const checked = {
    receivers: components(receivers),
    processors: components(processors),
    exporters: components(exporters),
  };
  const timing = signal === 'traces' ? UNTIMED : checkTiming(checked, receivers, report);
  for (const use of [...receivers, ...processors, ...exporters])
    checkOwn(use.configured, signal === null ? timing : { ...timing, signal }, report);
  if (signal === null || errorCount(report) > before) return null;
  const windows = checked.processors.flatMap((one) => (timing.slotMs > 0 ? (windowOf(one, timing.slotMs) ?? []) : []));
  return { id: entry.key, signal, ...checked, ...timing, windowMs: windows.at(-1) ?? timing.slotMs };
}

const PAGE = 'docs/configuration.md';

function errorCount(report: Report): number {
  return report.problems.filter((problem) => problem.severity === 'error').length;
}

function components(uses: readonly Use[]): CheckedComponent[] {
  return uses.flatMap((use) => use.configured.checked ?? []);
}

async function signalOf(entry: Entry, { registry, report }: GraphContext): Promise<Signal | null> {
  const id = parseId(entry.key);
  const path = [...PIPELINES, entry.key];
  if (typeof id === 'string') {
    const mend = 'write signal or signal/name, for example metrics or metrics/edge';
    report.add('WEIR1012', entry.keyAt, { message: `"${entry.key}" is no pipeline id: ${id}`, mend, path });
    return null;
  }
  const signal = SIGNALS.find((one) => one === id.type);
  if (signal !== undefined) return signal;
  if (UNSUPPORTED.has(id.type)) {
    const mend = `remove the pipeline: Weir carries metrics and traces, and refuses ${id.type} that are sent to it`;
    report.add('WEIR1017', entry.keyAt, { message: `${id.type} are not supported`, mend, path });
    return null;
  }
  const offered = await signalsOf(registry);
  const near = nearest(id.type, offered);
  report.add('WEIR1017', entry.keyAt, {
    message: `a pipeline is named after the signal of its receivers, and "${id.type}" is none`,
    note: near === null ? '' : `did you mean "${near}"?`,
    mend: `write ${offered.join(' or ')}, with a name after / where there are several`,
    path,
  });
  return null;
}

/** Signals that some receiver of this Weir gives. */
async function signalsOf(registry: Registry): Promise<Signal[]> {
  const factories = await Promise.all(registry.types('receiver').map((type) => registry.load('receiver', type)));
  return SIGNALS.filter((signal) => factories.some((factory) => factory?.signals[signal] !== undefined));
}

function checkNotEmpty(entry: Entry, section: 'receivers' | 'exporters', report: Report): void {
  const list = entryOf(entry.value, section);
  const items = list?.value.kind === 'list' ? list.value.items : [];
  if (items.length > 0) return;
  report.add('WEIR1016', list?.keyAt ?? entry.keyAt, {
    message: `pipeline ${entry.key} has no ${section}`,
    mend: `name at least one: ${section}: [...]`,
    path: [...PIPELINES, entry.key, section],
  });
}

/** Spans are not gathered in slots. */
const UNTIMED = { slotMs: 0, scrapeTimeoutMs: 0 };

/** Slot and timeout of a pipeline; an interval that does not divide the slot is warned of. */
function checkTiming(
  checked: Pick<CheckedPipeline, 'receivers'>,
  uses: readonly Use[],
  report: Report,
): { slotMs: number; scrapeTimeoutMs: number } {
  const cadences = checked.receivers.flatMap((one) => cadenceOf(one) ?? []);
  const slotMs = Math.max(0, ...cadences.map((one) => one.intervalMs));
  for (const { configured } of uses) {
    const cadence = configured.checked === null ? null : cadenceOf(configured.checked);
    if (cadence === null || slotMs % cadence.intervalMs === 0) continue;
    const path = ['receivers', configured.entry.key, 'scrape_interval'];
    report.add('WEIR1019', placeIn(configured, ['scrape_interval']), {
      message: `interval ${formatMilliseconds(cadence.intervalMs)} does not divide the slot of ${formatMilliseconds(slotMs)}`,
      mend: 'choose intervals that divide the longest one of the pipeline',
      severity: 'warning',
      path,
    });
  }
  return { slotMs, scrapeTimeoutMs: Math.max(0, ...cadences.map((one) => one.timeoutMs)) };
}

/** Place of a value inside a component, or of the nearest thing above it. */
function placeIn(configured: Configured, path: Path, onKey = false): Place {
  const found = findAt(configured.entry.value, path);
  if (!onKey && found.exact && path.length > 0 && !isNull(found.tree)) return found.tree.at;
  return found.keyAt ?? configured.entry.keyAt;
}

/** What the component itself has to say about its values. */
export function checkOwn(configured: Configured, context: CheckContext, report: Report): void {
  if (configured.checked === null) return;
  for (const issue of callCheck(configured.checked.factory, configured.checked.config, context)) {
    report.add(isProblemCode(issue.code) ? issue.code : 'WEIR1021', placeIn(configured, issue.path, issue.onKey), {
      message: `${configured.section}.${configured.id}: ${issue.message}`,
      mend: issue.mend,
      severity: issue.severity ?? 'error',
      path: [configured.section, configured.entry.key, ...issue.path],
    });
  }
}

/** An exporter of traffic adds slots up: those of two pipelines would be mixed. */
export function checkShared(
  entry: Entry,
  pipeline: CheckedPipeline,
  before: readonly CheckedPipeline[],
  report: Report,
): void {
  const list = entryOf(entry.value, 'exporters');
  for (const { id, factory } of pipeline.exporters) {
    const other = before.find(
      ({ signal, exporters }) => signal === pipeline.signal && exporters.some((exporter) => exporter.id === id),
    );
    if (
      other === undefined ||
      !('takes' in factory) ||
      pipeline.signal !== 'metrics' ||
      !factory.takes.includes('traffic')
    )
      continue;
    const items = list?.value.kind === 'list' ? list.value.items : [];
    const item = items.find((one) => one.kind === 'scalar' && one.value === id);
    report.add('WEIR1021', item?.at ?? list?.keyAt ?? entry.keyAt, {
      message: `exporter "${id}" is in the pipelines ${other.id} and ${pipeline.id}, whose slots would be mixed`,
      mend: `give each pipeline its own, such as ${id.split('/')[0]}/${pipeline.id.replace('/', '_')}, or put both receivers into one pipeline`,
      path: [...PIPELINES, entry.key, 'exporters'],
    });
  }
}
