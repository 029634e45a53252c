/** @module Uses: the components that lists of ids name, found in their sections and marked as used. */
import type { Registry } from '../registry.ts';
import { collectorUseMend } from './collector.ts';
import { type Configured, KIND_OF, type Section } from './components.ts';
import { nearest } from './nearest.ts';
import type { Report } from './report.ts';
import type { Place } from './source.ts';
import { type Entry, entryOf, type ListTree, type Path, type Tree } from './tree.ts';

/** Components of all sections by id. */
export type Sections = Readonly<Record<Section, ReadonlyMap<string, Configured>>>;

/** What pipelines are checked against. */
export interface GraphContext {
  readonly sections: Sections;
  readonly registry: Registry;
  readonly report: Report;
}

/** One use of a component in a pipeline and where it is written. */
export interface Use {
  readonly configured: Configured;
  readonly at: Place;
}

export const PIPELINES: Path = ['service', 'pipelines'];

/** Uses in a pipeline whose own form is wrong, so that they are not called unused as well. */
export function markAll(entry: Entry, context: GraphContext): void {
  for (const section of ['receivers', 'processors', 'exporters'] as const) {
    for (const item of listOf(entry.value, section)?.items ?? []) {
      const found = item.kind === 'scalar' ? context.sections[section].get(String(item.value)) : undefined;
      if (found !== undefined) found.used = true;
    }
  }
}

/** Whether every component that the pipeline names is configured. */
export function isResolved(entry: Entry, { sections }: GraphContext): boolean {
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

/** The components that `section` of a pipeline names. */
export function usesOf(entry: Entry, section: Exclude<Section, 'extensions'>, context: GraphContext): Use[] {
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
  context: Pick<GraphContext, 'sections' | 'report'>,
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
  { sections, report }: Pick<GraphContext, 'sections' | 'report'>,
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
