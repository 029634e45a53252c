/** @module One section of a configuration: ids, types, and each component's own schema. */
import type { AnyFactory, CheckContext, Kind } from '../component.ts';
import type { Registry } from '../registry.ts';
import type { CheckedComponent } from './checked.ts';
import { collectorComponentMend } from './collector.ts';
import { parseId } from './ids.ts';
import { checkKnown } from './issues.ts';
import { nearest } from './nearest.ts';
import type { Report } from './report.ts';
import type { Entry, Tree } from './tree.ts';

export const SECTIONS = ['receivers', 'processors', 'exporters', 'extensions'] as const;
export type Section = (typeof SECTIONS)[number];

export const KIND_OF: Readonly<Record<Section, Kind>> = {
  receivers: 'receiver',
  processors: 'processor',
  exporters: 'exporter',
  extensions: 'extension',
};

/** A component as configured; `checked` is null when its value has other problems than unknown keys. */
export interface Configured {
  readonly id: string;
  readonly section: Section;
  readonly entry: Entry;
  readonly checked: CheckedComponent | null;
  used: boolean;
}

/** Page that lists the keys of the component in `folder`. */
export function pageOf(section: Section, folder: string): string {
  return section === 'extensions' ? 'docs/configuration.md' : `${section}/${folder}/README.md`;
}

/** All components of a section by id; problems are reported. */
export async function checkSection(
  section: Section,
  tree: Tree | null,
  registry: Registry,
  report: Report,
): Promise<Map<string, Configured>> {
  const found = new Map<string, Configured>();
  if (tree?.kind !== 'map') return found;
  for (const entry of tree.entries.values()) {
    const id = normalId(section, entry, report);
    if (id === null) continue;
    const checked = await checkComponent(section, id, entry, registry, report);
    found.set(id, { id, section, entry, checked, used: false });
  }
  return found;
}

function normalId(section: Section, entry: Entry, report: Report): string | null {
  const id = parseId(entry.key);
  if (typeof id !== 'string') return id.name === '' ? id.type : `${id.type}/${id.name}`;
  report.add('WEIR1012', entry.keyAt, {
    message: `"${entry.key}" is no component id: ${id}`,
    mend: 'write type or type/name, for example linkerd or linkerd/edge',
    path: [section, entry.key],
  });
  return null;
}

async function checkComponent(
  section: Section,
  id: string,
  entry: Entry,
  registry: Registry,
  report: Report,
): Promise<CheckedComponent | null> {
  const kind = KIND_OF[section];
  const type = id.split('/', 1)[0] ?? id;
  const factory = await registry.load(kind, type);
  if (factory === null) {
    reportUnknownType(section, type, entry, registry, report);
    return null;
  }
  const page = pageOf(section, factory.folder ?? type);
  const subject = { tree: entry.value, base: [section, entry.key], keyAt: entry.keyAt, page };
  const { value: config } = checkKnown<unknown>(factory.config, subject, report);
  return config === undefined ? null : { kind, id, factory, config };
}

function reportUnknownType(section: Section, type: string, entry: Entry, registry: Registry, report: Report): void {
  const types = registry.types(KIND_OF[section]);
  const needless = collectorComponentMend(section, type);
  const near = needless === null ? nearest(type, types) : null;
  const elsewhere = SECTIONS.find((other) => other !== section && registry.types(KIND_OF[other]).includes(type));
  const placed = elsewhere === undefined ? '' : `is known under ${elsewhere}`;
  report.add('WEIR1013', entry.keyAt, {
    message: `unknown ${KIND_OF[section]} type "${type}"`,
    note: near === null ? placed : `did you mean "${near}"?`,
    mend: needless ?? `known ${KIND_OF[section]} types: ${types.join(', ')}   see weir components`,
    path: [section, entry.key],
  });
}

/** A factory's own checks, which see the value of its own schema: `config` is that value. */
export function callCheck(factory: AnyFactory, config: unknown, context: CheckContext) {
  // The pair was made by `checkComponent`, so the value has the type the factory asks for.
  return factory.check?.(config as never, context) ?? [];
}

/** Interval and timeout of a receiver, or null. */
export function cadenceOf(component: CheckedComponent): { intervalMs: number; timeoutMs: number } | null {
  const { factory } = component;
  return factory.kind === 'receiver' ? (factory.cadence?.(component.config as never) ?? null) : null;
}

/** Window in milliseconds that a processor makes, or null. */
export function windowOf(component: CheckedComponent, slotMs: number): number | null {
  const { factory } = component;
  if (factory.kind !== 'processor' || factory.window === undefined) return null;
  return factory.window(component.config as never, slotMs);
}
