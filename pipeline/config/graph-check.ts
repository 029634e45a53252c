/** @module Pipelines: references, what neighbours give and take, slots and windows. */
import type { Body } from '../batch.ts';
import { type CheckContext, type Signal, signalOfBody } from '../component.ts';
import type { Registry } from '../registry.ts';
import { formatMilliseconds } from '../wire/duration.ts';
import type { CheckedComponent, CheckedPipeline } from './checked.ts';
import { collectorUseMend } from './collector.ts';
import { type Configured, cadenceOf, callCheck, KIND_OF, type Section, windowOf } from './components.ts';
import { parseId } from './ids.ts';
import { checkValue } from './issues.ts';
import { nearest } from './nearest.ts';
import { isProblemCode } from './problem.ts';
import type { Report } from './report.ts';
import { pipeline as pipelineSchema } from './schema.ts';
import type { Place } from './source.ts';
import { type Entry, entryOf, findAt, isNull, type ListTree, type Path, type Tree } from './tree.ts';

/** Components of all sections by id. */
export type Sections = Readonly<Record<Section, ReadonlyMap<string, Configured>>>;

const SIGNALS: readonly Signal[] = ['metrics', 'traces'];
/** The Collector's signals that Weir has not. */
const UNSUPPORTED: ReadonlySet<string> = new Set(['logs', 'profiles']);
const PIPELINES: Path = ['service', 'pipelines'];

interface Context {
  readonly sections: Sections;
  readonly registry: Registry;
  readonly report: Report;
}

/** One use of a component in a pipeline and where it is written. */
interface Use {
  readonly configured: Configured;
  readonly at: Place;
}

/** The pipeline, or null when it has problems. Marks what it uses. */
export async function checkPipeline(entry: Entry, context: Context): Promise<CheckedPipeline | null> {
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

async function signalOf(entry: Entry, { registry, report }: Context): Promise<Signal | null> {
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

/** Uses in a pipeline whose own form is wrong, so that they are not called unused as well. */
function markAll(entry: Entry, context: Context): void {
  for (const section of ['receivers', 'processors', 'exporters'] as const) {
    for (const item of listOf(entry.value, section)?.items ?? []) {
      const found = item.kind === 'scalar' ? context.sections[section].get(String(item.value)) : undefined;
      if (found !== undefined) found.used = true;
    }
  }
}

/** Whether every component that the pipeline names is configured. */
function isResolved(entry: Entry, { sections }: Context): boolean {
  return (['receivers', 'processors', 'exporters'] as const).every((section) =>
    (listOf(entry.value, section)?.items ?? []).every(
      (item) => item.kind === 'scalar' && !item.broken && sections[section].has(String(item.value).trim()),
    ),
  );
}

function listOf(tree: Tree, key: string): ListTree | null {
  const list = entryOf(tree, key)?.value;
  return list?.kind === 'list' ? list : null;
}

function usesOf(entry: Entry, section: Exclude<Section, 'extensions'>, context: Context): Use[] {
  const items = listOf(entry.value, section)?.items ?? [];
  return resolveUses(
    items,
    section,
    { base: [...PIPELINES, entry.key, section], who: `pipeline ${entry.key}` },
    context,
  );
}

/** The components that a list of ids names; unknown and repeated ones are reported. */
export function resolveUses(
  items: readonly Tree[],
  section: Section,
  where: { readonly base: Path; readonly who: string },
  context: Pick<Context, 'sections' | 'report'>,
): Use[] {
  const uses = new Map<string, Use>();
  for (const [index, item] of items.entries()) {
    if (item.kind !== 'scalar' || item.broken) continue;
    const id = String(item.value).trim();
    const path = [...where.base, index];
    const configured = context.sections[section].get(id);
    if (configured === undefined) reportUndefined(id, section, { ...where, path, at: item.at }, context);
    else if (uses.has(id)) {
      const message = `${where.who} lists ${KIND_OF[section]} "${id}" twice`;
      context.report.add('WEIR1022', item.at, { message, mend: 'remove one of the two', path });
    } else {
      configured.used = true;
      uses.set(id, { configured, at: item.at });
    }
  }
  return [...uses.values()];
}

function reportUndefined(
  id: string,
  section: Section,
  where: { readonly who: string; readonly path: Path; readonly at: Place },
  { sections, report }: Pick<Context, 'sections' | 'report'>,
): void {
  const known = [...sections[section].keys()];
  const needless = collectorUseMend(section, id);
  const near = needless === null ? nearest(id, known) : null;
  const others =
    known.length === 0 ? `nothing is configured under ${section}` : `configured ${section}: ${known.join(', ')}`;
  report.add('WEIR1014', where.at, {
    message: `${where.who} uses ${KIND_OF[section]} "${id}", which is not configured`,
    note: near === null ? `not under ${section}` : `did you mean "${near}"?`,
    mend: needless ?? others,
    path: where.path,
  });
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

function checkSignals(entry: Entry, signal: Signal, uses: readonly Use[], report: Report): void {
  for (const use of uses) {
    const { configured, at } = use;
    if (carries(use, signal)) continue;
    const signals = configured.checked?.factory.signals ?? {};
    const carried = SIGNALS.filter((one) => signals[one] !== undefined).join(' and ');
    report.add('WEIR1017', at, {
      message: `${KIND_OF[configured.section]} "${configured.id}" carries ${carried || 'no signal'}, not ${signal}`,
      mend: carried === '' ? 'remove it from the pipeline' : `use it in a pipeline named ${carried}`,
      path: [...PIPELINES, entry.key],
    });
  }
}

interface Chain {
  readonly receivers: readonly Use[];
  readonly processors: readonly Use[];
  readonly exporters: readonly Use[];
}

/** Every neighbour must take what the one before it gives; those that do not carry the signal at all are told of already. */
async function checkChain(entry: Entry, signal: Signal, chain: Chain, context: Context): Promise<void> {
  const carriers = (uses: readonly Use[]) => uses.filter((use) => carries(use, signal));
  let givers = carriers(chain.receivers);
  for (const taker of carriers(chain.processors)) {
    for (const giver of givers) await checkLink(entry, signal, giver, taker, context);
    givers = [taker];
  }
  for (const taker of carriers(chain.exporters))
    for (const giver of givers) await checkLink(entry, signal, giver, taker, context);
}

/** True also of what has problems of its own. */
function carries({ configured }: Use, signal: Signal): boolean {
  const signals = configured.checked?.factory.signals;
  return signals === undefined || signals[signal] !== undefined;
}

async function checkLink(entry: Entry, signal: Signal, giver: Use, taker: Use, context: Context): Promise<void> {
  const from = giver.configured.checked?.factory;
  const to = taker.configured.checked?.factory;
  if (from === undefined || to === undefined || !('gives' in from) || !('takes' in to)) return;
  if (from.kind === 'processor' && to.kind === 'processor' && to.takesOver === true && to.gives === from.gives) {
    context.report.add('WEIR1018', taker.at, {
      message: `pipeline ${entry.key}: ${name(giver)} gives ${from.gives} already, ${name(taker)} would only delay it`,
      note: 'would take it over once more',
      mend: 'remove one of the two',
      path: [...PIPELINES, entry.key],
    });
    return;
  }
  const given = bodiesGiven(from, signal).find((body) => !to.takes.includes(body));
  if (given === undefined) return;
  const mender = await menderOf(given, to.takes, context.registry);
  const needed = to.takes.join(' or ');
  context.report.add('WEIR1018', taker.at, {
    message: `pipeline ${entry.key}: ${name(giver)} gives ${given}, but ${name(taker)} takes ${needed}`,
    note: `takes ${needed}`,
    mend:
      mender === null
        ? `no processor turns ${given} into ${needed}; use another component`
        : `put the processor ${mender} between them: configure it under processors, and name it in this pipeline`,
    path: [...PIPELINES, entry.key],
  });
}

/** What a component gives into a pipeline of `signal`; a receiver that gives nothing there is told of elsewhere. */
function bodiesGiven(from: { readonly gives: Body | readonly Body[] }, signal: Signal): Body[] {
  return [from.gives].flat().filter((body) => typeof from.gives === 'string' || signalOfBody(body) === signal);
}

function name(use: Use): string {
  return `${KIND_OF[use.configured.section]} "${use.configured.id}"`;
}

async function menderOf(given: Body, needed: readonly Body[], registry: Registry): Promise<string | null> {
  for (const type of registry.types('processor')) {
    const factory = await registry.load('processor', type);
    if (factory?.kind === 'processor' && factory.takes.includes(given) && needed.includes(factory.gives)) return type;
  }
  return null;
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
