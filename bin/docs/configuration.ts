/** @module The tables of keys inside `docs/configuration.md`, from the schemas. */
import type { AnyFactory, Kind } from '../../pipeline/component.ts';
import { pipeline, telemetry } from '../../pipeline/config/schema.ts';
import { type KeyRow, keyRows, type Shape, shapeOf } from '../../pipeline/config/shape.ts';
import type { Registry } from '../../pipeline/registry.ts';
import { replaceBlock } from './block.ts';

/** The page with its generated blocks renewed; throws when a block is missing. */
export async function configurationPage(page: string, registry: Registry): Promise<string> {
  const withService = replaceBlock(page, 'service', serviceTables());
  return replaceBlock(withService, 'components', await componentTables(registry));
}

function serviceTables(): string {
  return [
    '#### `service.pipelines.<signal>[/name]`\n\n',
    keyTable(shapeOf(pipeline)),
    '\n#### `service.telemetry`\n\n',
    keyTable(shapeOf(telemetry)),
  ].join('');
}

const KINDS: readonly (readonly [Kind, string])[] = [
  ['receiver', 'Receivers'],
  ['processor', 'Processors'],
  ['exporter', 'Exporters'],
  ['extension', 'Extensions'],
];

async function componentTables(registry: Registry): Promise<string> {
  const parts: string[] = [];
  for (const [kind, title] of KINDS) {
    parts.push(`### ${title}\n\n`);
    for (const type of registry.types(kind)) {
      const factory = await registry.load(kind, type);
      if (factory !== null) parts.push(component(factory), '\n');
    }
  }
  return parts.join('').trimEnd();
}

function component(factory: AnyFactory): string {
  const levels = Object.entries(factory.signals).map(([signal, level]) => `${signal}: ${level}`);
  const takes = 'takes' in factory ? [`takes ${factory.takes.join(', ')}`] : [];
  const gives = 'gives' in factory ? [`gives ${factory.gives}`] : [];
  const facts = [...levels, ...takes, ...gives, `[what it does](${readmeOf(factory)})`].join('; ');
  return `#### \`${factory.type}\`\n\n${facts}\n\n${keyTable(shapeOf(factory.config))}`;
}

/** The component's own page, from `docs/`. */
function readmeOf({ kind, type, folder = type }: AnyFactory): string {
  const path = kind === 'extension' ? `pipeline/telemetry/${type.replaceAll('_', '-')}` : `${kind}s/${folder}`;
  return `../${path}/README.md`;
}

function keyTable(shape: Shape): string {
  const rows = keyRows(shape).map(rowText);
  return rows.length === 0 ? 'No keys.\n' : `| Key | Value | Default | Meaning |\n|---|---|---|---|\n${rows.join('')}`;
}

function rowText(row: KeyRow): string {
  const standard = row.required ? 'required' : row.default === '' ? '' : `\`${row.default}\``;
  return `| \`${row.key}\` | ${cell(row.type)} | ${cell(standard)} | ${cell(row.description)} |\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}
