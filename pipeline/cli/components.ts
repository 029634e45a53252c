/** @module `weir components`: what there is, how stable it is, and every key with its default. */
import { type AnyFactory, type Kind, SIGNALS } from '../component.ts';
import { nearest } from '../config/nearest.ts';
import { keyRows, shapeOf } from '../config/shape.ts';
import { registry } from '../graph/registry.ts';
import { type CliContext, EXIT, UsageError } from './context.ts';
import { renderTable } from './table.ts';

export const KINDS: readonly Kind[] = ['receiver', 'processor', 'exporter', 'extension'];

export interface ComponentsOptions {
  readonly output: 'table' | 'json';
  readonly headers: boolean;
}

/** All components, or all of one type with their keys. */
export async function components(type: string | undefined, options: ComponentsOptions, context: CliContext) {
  const all = await allFactories();
  const chosen = type === undefined ? all : all.filter((factory) => factory.type === type);
  if (chosen.length === 0) throw new UsageError(unknownType(type ?? '', all));
  if (options.output === 'json') context.out(`${JSON.stringify(chosen.map(toJson), null, 2)}\n`);
  else if (type === undefined) context.out(list(chosen, options.headers));
  else context.out(chosen.map(details).join('\n'));
  return EXIT.ok;
}

async function allFactories(): Promise<AnyFactory[]> {
  const loads = KINDS.flatMap((kind) => registry.types(kind).map((type) => registry.load(kind, type)));
  return (await Promise.all(loads)).filter((factory) => factory !== null);
}

function unknownType(type: string, all: readonly AnyFactory[]): string {
  const types = [...new Set(all.map((factory) => factory.type))];
  const near = nearest(type, types);
  return `no component has the type "${type}"${near === null ? '' : ` (did you mean ${near}?)`}; known: ${types.join(', ')}`;
}

function toJson(factory: AnyFactory) {
  return { kind: factory.kind, type: factory.type, stability: factory.signals, config: shapeOf(factory.config) };
}

const LIST_COLUMNS = ['KIND', 'TYPE', 'STABILITY', 'TAKES', 'GIVES'].map(
  (header) => ({ header, align: 'left' }) as const,
);

function list(factories: readonly AnyFactory[], headers: boolean): string {
  const rows = factories.map((factory) => [
    factory.kind,
    factory.type,
    stability(factory) || '-',
    'takes' in factory ? factory.takes.join(', ') : '-',
    'gives' in factory ? [factory.gives].flat().join(', ') : '-',
  ]);
  return renderTable(LIST_COLUMNS, rows, { headers });
}

function stability(factory: AnyFactory): string {
  return SIGNALS.flatMap((signal) => {
    const level = factory.signals[signal];
    return level === undefined ? [] : [`${signal}: ${level}`];
  }).join(', ');
}

const KEY_COLUMNS = ['KEY', 'TYPE', 'DEFAULT', 'MEANING'].map((header) => ({ header, align: 'left' }) as const);

function details(factory: AnyFactory): string {
  const level = stability(factory);
  const rows = keyRows(shapeOf(factory.config)).map((row) => [
    row.key,
    row.type,
    row.required ? '(required)' : row.default || '-',
    row.description,
  ]);
  const head = `${factory.kind} ${factory.type}${level === '' ? '' : `   ${level}`}\n`;
  return rows.length === 0 ? `${head}no keys\n` : `${head}\n${renderTable(KEY_COLUMNS, rows)}`;
}
