/** @module `file_sd`: target groups from JSON or YAML files as Prometheus reads them; a broken file keeps its last list. */
import type { Clock } from '../../pipeline/clock/clock.ts';
import { parseYamlData } from '../../pipeline/config/yaml-data.ts';
import { type FileWatch, watchFiles } from '../../pipeline/net/file-watch.ts';
import type { FileContent } from '../../pipeline/net/files.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';
import { ADDRESS_MEND, type ScrapeConfig, type TargetGroup, targetGroups } from './config.ts';
import { isTargetAddress } from './targets.ts';

/** A thousand targets with many labels need a tenth of this. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

export interface FileProblem {
  readonly path: string;
  /** What is wrong with it; null when it is whole again. */
  readonly text: string | null;
  /** True when its other entries are used; false when it was not read and its last good ones stay. */
  readonly isRead: boolean;
  /** Whether an earlier reading was good, so that its targets stay. */
  readonly kept: boolean;
}

interface Handler {
  /** The groups of all files changed. */
  onChange(): void;
  /** A file became broken, broken in another way, or whole again. */
  onProblem(problem: FileProblem): void;
  /** The kernel told of a change in a folder of files. */
  onEvent(): void;
}

/** All `file_sd_configs` of one receiver. */
export class FileDiscovery {
  readonly #clock: Clock;
  readonly #handler: Handler;
  readonly #watches: FileWatch[] = [];
  /** Last good groups of each file, by configuration and path. */
  readonly #groups: Map<string, readonly TargetGroup[]>[] = [];
  /** What is wrong with files, by configuration and path. */
  readonly #problems: Map<string, string>[] = [];

  constructor(clock: Clock, handler: Handler) {
    this.#clock = clock;
    this.#handler = handler;
  }

  /** Reads every file once and keeps reading from then on. */
  async start(configs: ScrapeConfig['file_sd_configs']): Promise<void> {
    for (const [index, { files, refresh_interval: intervalMs }] of configs.entries()) {
      this.#groups.push(new Map());
      this.#problems.push(new Map());
      const options = { intervalMs, maxBytes: MAX_FILE_BYTES, onEvent: () => this.#handler.onEvent() };
      const watch = await watchFiles(this.#clock, files, options, (contents) => {
        this.#take(index, contents);
        this.#handler.onChange();
      });
      this.#watches.push(watch);
      this.#take(index, watch.contents);
    }
  }

  *groups(): Generator<TargetGroup> {
    for (const files of this.#groups) for (const groups of files.values()) yield* groups;
  }

  /** Path or pattern, and what is wrong there now. */
  *problems(): Generator<readonly [path: string, error: string]> {
    for (const problems of this.#problems) yield* problems;
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
  }

  /** A file that no pattern with `*` finds any more gives no targets; one that cannot be read keeps its last ones. */
  #take(index: number, contents: readonly FileContent[]): void {
    const files = this.#groups[index]!;
    const paths = new Set(contents.map((content) => content.path));
    const problems = this.#problems[index]!;
    for (const path of files.keys()) if (!paths.has(path)) files.delete(path);
    for (const path of problems.keys()) if (!paths.has(path)) problems.delete(path);
    for (const content of contents) {
      const read = readGroups(content);
      this.#tell(problems, content.path, read, files.has(content.path));
      if (read.groups !== null) files.set(content.path, read.groups);
    }
  }

  #tell(problems: Map<string, string>, path: string, read: ReadGroups, kept: boolean): void {
    const { groups, error } = read;
    if (error === (problems.get(path) ?? null)) return;
    if (error === null) problems.delete(path);
    else problems.set(path, error);
    this.#handler.onProblem({ path, text: error, isRead: groups !== null, kept });
  }
}

/** With both, `error` tells of entries that were left out of `groups`; one of them is never null. */
interface ReadGroups {
  readonly groups: readonly TargetGroup[] | null;
  readonly error: string | null;
}

/** Groups of one file's content, or what is wrong with it. Never throws. */
export function readGroups(content: FileContent): ReadGroups {
  if (content.text === null) return { groups: null, error: content.error };
  const parsed = content.path.endsWith('.json') ? parseJson(content.text) : parseYamlData(content.text);
  if (parsed.error !== null) return { groups: null, error: `not readable: ${printableShort(parsed.error)}` };
  // A file cut to nothing while it is written must not end the life of every target.
  if (parsed.value === null || parsed.value === undefined)
    return { groups: null, error: 'empty: write [] for no targets' };
  const checked = targetGroups.safeParse(parsed.value);
  if (checked.success) return withoutBadAddresses(checked.data);
  const issue = checked.error.issues[0]!;
  const mend = issue.code === 'custom' ? `, ${issue.params?.mend}` : '';
  return { groups: null, error: `at ${issue.path.join('.') || 'the top'}: ${printableShort(issue.message)}${mend}` };
}

/** One address that nobody can connect to must not hide all the others; a file of nothing else is broken. */
function withoutBadAddresses(groups: readonly TargetGroup[]): ReadGroups {
  let refused = 0;
  let first = '';
  const good = groups.map(({ targets, labels }, group) => ({
    labels,
    targets: targets.filter((address, index) => {
      if (isTargetAddress(address)) return true;
      if (refused === 0) first = `at ${group}.targets.${index}: "${printableShort(address)}" is no address of a target`;
      refused += 1;
      return false;
    }),
  }));
  const error = refused === 0 ? null : `${first}, ${ADDRESS_MEND}; entries left out: ${refused}`;
  const isHopeless = refused > 0 && good.every(({ targets }) => targets.length === 0);
  return { groups: isHopeless ? null : good, error };
}

function parseJson(text: string): { value: unknown; error: null } | { value: null; error: string } {
  try {
    return { value: JSON.parse(text), error: null };
  } catch (error) {
    return { value: null, error: error instanceof Error ? error.message : String(error) };
  }
}
