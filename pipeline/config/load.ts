/** @module Files → checked configuration, with all problems at once. */
import { codeOf } from '../errors.ts';
import { readWholeFile } from '../net/files.ts';
import type { Registry } from '../registry.ts';
import type { CheckedConfig, CheckedPipeline } from './checked.ts';
import { type Configured, checkSection, SECTIONS } from './components.ts';
import type { Environment } from './expand.ts';
import { checkOwn, checkPipeline, checkShared } from './graph-check.ts';
import { checkValue } from './issues.ts';
import { checkClashes, type Listener, listenersOf } from './listeners.ts';
import { checkLoops } from './loops.ts';
import { parseSource } from './parse.ts';
import type { Problem } from './problem.ts';
import { Report } from './report.ts';
import { extensionIds, service as serviceSchema, type TelemetryConfig, telemetry, topLevel } from './schema.ts';
import { createSource } from './source.ts';
import { type Entry, entryOf, findAt, isNull, mergeTrees, type Tree } from './tree.ts';
import { isLoopback } from './types.ts';
import { resolveUses, type Sections } from './uses.ts';

export interface LoadOptions {
  readonly env: Environment;
  readonly registry: Registry;
  /** Reads one file; default: from disk, at most 4 MiB. */
  readonly read?: (file: string) => Promise<string>;
}

export interface LoadResult {
  /** null when there is at least one error. */
  readonly config: CheckedConfig | null;
  /** Errors and warnings in the order of files and lines. */
  readonly problems: readonly Problem[];
}

const LARGEST_BYTES = 4 * 2 ** 20;
const PAGE = 'docs/configuration.md';

/** Reads, merges (later files win) and checks. Never throws for anything a user can write. */
export async function loadConfig(files: readonly string[], options: LoadOptions): Promise<LoadResult> {
  const report = new Report();
  let tree: Tree | null = null;
  let unreadable = false;
  for (const file of files) {
    const text = await readText(file, options.read ?? ((path) => readWholeFile(path, LARGEST_BYTES)), report);
    const part = text === null ? null : parseSource(createSource(file, text), options.env, report);
    if (part === null) unreadable ||= text === null || report.hasErrors;
    else tree = tree === null ? part : mergeTrees(tree, part);
  }
  let config: CheckedConfig | null = null;
  if (tree === null || isNull(tree)) {
    if (!unreadable) reportEmpty(files, report);
  } else config = await checkTree(tree, options.registry, report);
  const problems = report.problems.sort(
    (a, b) => fileIndex(files, a) - fileIndex(files, b) || a.line - b.line || a.column - b.column,
  );
  return { config: report.hasErrors ? null : config, problems };
}

function fileIndex(files: readonly string[], problem: Problem): number {
  return files.indexOf(problem.file);
}

const READ_FAULTS = new Map<string, string>([
  ['ENOENT', 'it does not exist'],
  ['EISDIR', 'it is a directory'],
  ['EACCES', 'this user may not read it'],
]);

async function readText(file: string, read: (file: string) => Promise<string>, report: Report): Promise<string | null> {
  try {
    return await read(file);
  } catch (error) {
    const why = READ_FAULTS.get(codeOf(error)) ?? (error instanceof Error ? error.message : String(error));
    report.add('WEIR1001', null, { file, message: `cannot read the configuration: ${why}`, mend: 'check the path' });
    return null;
  }
}

function reportEmpty(files: readonly string[], report: Report): void {
  report.add('WEIR1023', null, {
    file: files[0] ?? '',
    message: 'the configuration is empty',
    mend: `begin with receivers, exporters and service.pipelines   see ${PAGE}`,
  });
}

async function checkTree(tree: Tree, registry: Registry, report: Report): Promise<CheckedConfig | null> {
  const top = checkValue(topLevel, { tree, base: [], keyAt: null, page: PAGE }, report);
  if (tree.kind !== 'map') return null;
  const sections: Sections = {
    receivers: await section('receivers'),
    processors: await section('processors'),
    exporters: await section('exporters'),
    extensions: await section('extensions'),
  };
  function section(name: (typeof SECTIONS)[number]) {
    return checkSection(name, entryOf(tree, name)?.value ?? null, registry, report);
  }
  const service = entryOf(tree, 'service');
  if (service !== null) {
    const subject = { tree: service.value, base: ['service'], keyAt: service.keyAt, page: PAGE };
    checkValue(serviceSchema, subject, report);
  }
  const pipelines = await checkPipelines(tree, service, { sections, registry, report });
  const extensions = checkExtensions(service, sections, report);
  const own = checkTelemetry(service, report);
  // Without a pipeline everything is unused, which says nothing more.
  if (top !== undefined && hasPipelines(service)) reportUnused(sections, report);
  checkLoops(pipelines, sections, report);
  checkClashes([...usedListeners(sections), ...telemetryListener(service, own)], report);
  return own === undefined ? null : { pipelines, extensions, telemetry: telemetryOf(own) };
}

async function checkPipelines(
  tree: Tree,
  service: Entry | null,
  context: { readonly sections: Sections; readonly registry: Registry; readonly report: Report },
): Promise<CheckedPipeline[]> {
  const pipelines = entryOf(service?.value ?? null, 'pipelines');
  const checked: CheckedPipeline[] = [];
  if (pipelines !== null && pipelines.value.kind !== 'map' && !isNull(pipelines.value)) return checked;
  const entries = pipelines?.value.kind === 'map' ? [...pipelines.value.entries.values()] : [];
  if (entries.length === 0) {
    context.report.add('WEIR1016', pipelines?.keyAt ?? service?.keyAt ?? tree.at, {
      message: 'no pipeline: nothing would run',
      mend: 'add service.pipelines with at least one pipeline, for example metrics',
      path: ['service', 'pipelines'],
    });
  }
  for (const entry of entries) {
    const pipeline = await checkPipeline(entry, context);
    if (pipeline === null) continue;
    checkShared(entry, pipeline, checked, context.report);
    checked.push(pipeline);
  }
  return checked;
}

function hasPipelines(service: Entry | null): boolean {
  const pipelines = entryOf(service?.value ?? null, 'pipelines')?.value;
  return pipelines?.kind === 'map' && pipelines.entries.size > 0;
}

function checkExtensions(service: Entry | null, sections: Sections, report: Report) {
  const list = entryOf(service?.value ?? null, 'extensions');
  if (list === null) return [];
  const base = ['service', 'extensions'];
  const subject = { tree: list.value, base, keyAt: list.keyAt, page: PAGE };
  if (!isNull(list.value) && checkValue(extensionIds, subject, report) === undefined) return [];
  const items = list.value.kind === 'list' ? list.value.items : [];
  const uses = resolveUses(items, 'extensions', { base, who: 'service' }, { sections, report });
  for (const use of uses) checkOwn(use.configured, { slotMs: 0 }, report);
  return uses.flatMap((use) => use.configured.checked ?? []);
}

function checkTelemetry(service: Entry | null, report: Report): TelemetryConfig | undefined {
  const entry = entryOf(service?.value ?? null, 'telemetry');
  if (entry === null) return telemetry.parse({});
  const base = ['service', 'telemetry'];
  const value = checkValue(telemetry, { tree: entry.value, base, keyAt: entry.keyAt, page: PAGE }, report);
  if (value === undefined || value.metrics.level === 'none') return value;
  const { address, insecure_allow: allowed } = value.metrics;
  if (allowed || isLoopback(address.host)) return value;
  report.add('WEIR1024', findAt(entry.value, ['metrics', 'address']).tree.at, {
    message: `service.telemetry.metrics.address: other machines reach ${address.host}`,
    mend: 'listen on 127.0.0.1, or add insecure_allow: true beside it',
    path: [...base, 'metrics', 'address'],
  });
  return value;
}

function telemetryOf(own: TelemetryConfig): CheckedConfig['telemetry'] {
  const { max_entries: maxEntries, max_errors: maxErrors, insecure_allow: allowed } = own.drops;
  return {
    logs: own.logs,
    metrics: own.metrics.level === 'none' ? null : own.metrics.address,
    drops: {
      maxEntries,
      maxErrors,
      shown: allowed ? 'everywhere' : isLoopback(own.metrics.address.host) ? 'here' : 'nowhere',
    },
  };
}

function telemetryListener(service: Entry | null, own: TelemetryConfig | undefined): Listener[] {
  if (own === undefined || own.metrics.level === 'none') return [];
  const path = ['telemetry', 'metrics', 'address'];
  const found = service === null ? null : findAt(service.value, path);
  const at = found?.exact === true ? found.tree.at : null;
  return [{ who: 'the metrics of Weir itself', endpoint: own.metrics.address, at, path: ['service', ...path] }];
}

function usedListeners(sections: Sections): Listener[] {
  return allOf(sections).flatMap((configured) => (configured.used ? listenersOf(configured) : []));
}

function allOf(sections: Sections): Configured[] {
  return SECTIONS.flatMap((section) => [...sections[section].values()]);
}

function reportUnused(sections: Sections, report: Report): void {
  for (const { used, checked, entry, section, id } of allOf(sections)) {
    // What has an error of its own is to be mended first.
    if (used || checked === null) continue;
    const where = section === 'extensions' ? 'service.extensions' : 'a pipeline';
    report.add('WEIR1015', entry.keyAt, {
      message: `${section}.${id} is configured but not used`,
      note: 'not used',
      mend: `name it in ${where}, or remove it`,
      severity: 'warning',
      path: [section, entry.key],
    });
  }
}
