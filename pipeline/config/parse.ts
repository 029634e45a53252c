/** @module YAML text → tree with places, references expanded; everything wrong with the text itself is reported. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  Scalar,
  visit,
  type YAMLError,
} from 'yaml';
import { type Environment, expandText } from './expand.ts';
import type { Report } from './report.ts';
import { isOnlyReferences, isSecretKey, type Place, positionAt, type Source } from './source.ts';
import type { Entry, ListTree, MapTree, Path, ScalarTree, Tree } from './tree.ts';

/** Deepest nesting, and most values once aliases are followed ("billion laughs"). */
const DEEPEST = 64;
const MOST_VALUES = 100_000;

/** The tree, or null when the text holds nothing or cannot be parsed. */
export function parseSource(source: Source, env: Environment, report: Report): Tree | null {
  const document = parseDocument(source.text, { prettyErrors: false, uniqueKeys: true, logLevel: 'error' });
  const broken = reportSyntax(source, document, report);
  if (broken || document.contents === null) return null;
  const walk: Walk = {
    source,
    env,
    report,
    resolve: (node) => (isAlias(node) ? (node.resolve(document) ?? null) : node),
    left: MOST_VALUES,
    full: false,
  };
  return buildTree(walk, document.contents, {
    path: [],
    depth: 0,
    secret: false,
    parentAt: { source, start: 0, end: 1 },
  });
}

/** Reports the first error of syntax (those after it follow from it) and each duplicate key; true when unusable. */
function reportSyntax(source: Source, document: Document, report: Report): boolean {
  const ordered = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  let broken = false;
  for (const error of ordered) {
    const place = { source, start: error.pos[0], end: Math.max(error.pos[0] + 1, error.pos[1]) };
    if (error.code === 'DUPLICATE_KEY') reportDuplicate(place, report);
    else if (!broken) {
      broken = true;
      reportSyntaxError(error, { ...place, ...openQuote(document, error) }, report);
    }
  }
  return broken;
}

/** Where the quote stands that is not closed: the error itself is only found at the end of the file. */
function openQuote(document: Document, error: YAMLError): { start: number; end: number } | null {
  if (error.code !== 'MISSING_CHAR') return null;
  let found: { start: number; end: number } | null = null;
  visit(document, {
    Scalar(_, node) {
      const quoted = node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE;
      if (quoted && node.range && node.range[1] >= error.pos[0])
        found = { start: node.range[0], end: node.range[0] + 1 };
    },
  });
  return found;
}

function reportDuplicate(place: Place, report: Report): void {
  const key = /^(?:"[^"]*"|'[^']*'|[^:\s]+)/.exec(place.source.text.slice(place.start, place.start + 200))?.[0] ?? '';
  report.add(
    'WEIR1009',
    { ...place, end: place.start + Math.max(1, key.length) },
    { message: `duplicate key "${key.replace(/^["']|["']$/g, '')}"`, mend: 'remove one of the two' },
  );
}

function reportSyntaxError(error: YAMLError, place: Place, report: Report): void {
  const { text } = place.source;
  const rest = text.slice(place.start, place.start + 200);
  const glued = /^[A-Za-z_][\w/-]*(?=:[^\s:])/.exec(rest)?.[0];
  if (error.code === 'TAB_AS_INDENT') {
    const line = text.lastIndexOf('\n', place.start - 1) + 1;
    report.add('WEIR1002', { ...place, start: Math.max(line, text.indexOf('\t', line)) }, TAB);
  } else if (error.code === 'MULTILINE_IMPLICIT_KEY' && glued !== undefined) {
    report.add('WEIR1027', { ...place, end: place.start + glued.length + 1 }, gluedFinding(glued));
  } else if (text.slice(0, place.start).endsWith('$')) {
    const start = place.start - 1;
    const length = /^\$\{[^}\n]*\}?/.exec(text.slice(start, start + 200))?.[0].length ?? 1;
    report.add('WEIR1002', { ...place, start, end: start + length }, UNQUOTED_REFERENCE);
  } else {
    const end = Math.min(place.end, place.start + 60);
    report.add(
      'WEIR1002',
      { ...place, end },
      { message: `not valid YAML: ${syntaxText(error)}`, mend: SYNTAX_MENDS.get(error.code) ?? SYNTAX_MEND },
    );
  }
}

const TAB = {
  message: 'not valid YAML: a tab as indentation',
  note: 'a tab',
  mend: 'indent with spaces, two for each level',
};
const UNQUOTED_REFERENCE = {
  message: 'not valid YAML: a reference between { } or [ ] needs quotes',
  mend: 'write "${env:NAME}" with the quotes',
};
const SYNTAX_MEND = 'close each quote and bracket, indent evenly, put a space after each colon';

const SYNTAX_MENDS = new Map<string, string>([
  ['MULTIPLE_DOCS', 'remove the ---, or put what follows into another file and name it with a further -c'],
  ['TAG_RESOLVE_FAILED', 'remove the tag, or put quotes around the value'],
]);

/** Message and mend for `key:value` without a space. */
export function gluedFinding(key: string): { message: string; note: string; mend: string } {
  return {
    message: `no space after the colon of "${key}"`,
    note: 'reads as one text',
    mend: `write "${key}: " and then the value`,
  };
}

const SYNTAX_TEXT = new Map<string, string>([
  ['MISSING_CHAR', 'a quote or bracket is not closed, or a comma or colon is missing'],
  ['MULTIPLE_DOCS', 'a second document (---) begins here; a configuration is one'],
  ['TAG_RESOLVE_FAILED', 'a tag that is not known'],
  ['BAD_ALIAS', 'an alias that cannot be followed'],
  ['BLOCK_AS_IMPLICIT_KEY', 'a mapping begins in the middle of a value; the indentation is uneven'],
  ['MULTILINE_IMPLICIT_KEY', 'a key goes over several lines; a colon is missing, or the indentation is uneven'],
]);

function syntaxText(error: YAMLError): string {
  const known = SYNTAX_TEXT.get(error.code);
  if (known !== undefined) return known;
  return error.message.charAt(0).toLowerCase() + error.message.slice(1);
}

interface Walk {
  readonly source: Source;
  readonly env: Environment;
  readonly report: Report;
  readonly resolve: (node: unknown) => unknown;
  /** Values that may still be built. */
  left: number;
  full: boolean;
}

interface Position {
  readonly path: Path;
  readonly depth: number;
  /** Whether a key above is a secret's. */
  readonly secret: boolean;
  readonly parentAt: Place;
}

function buildTree(walk: Walk, written: unknown, position: Position): Tree {
  const at = placeOf(walk, written) ?? position.parentAt;
  const node = walk.resolve(written);
  walk.left -= 1;
  if (walk.left < 0 || position.depth > DEEPEST) return tooMuch(walk, at, position);
  if (node === null && isAlias(written)) {
    walk.report.add('WEIR1002', at, {
      message: `not valid YAML: the alias *${written.source} names no anchor above it`,
      mend: `define it above with &${written.source}`,
      path: position.path,
    });
    return nothing(at, true);
  }
  if (isMap(node)) return buildMap(walk, node.items, at, position);
  if (isSeq(node)) return buildList(walk, node.items, at, position);
  return isScalar(node) ? buildScalar(walk, node, at, position) : nothing(at, false);
}

function tooMuch(walk: Walk, at: Place, position: Position): ScalarTree {
  if (!walk.full) {
    const deep = position.depth > DEEPEST;
    const message = deep ? `nested more than ${DEEPEST} levels deep` : `more than ${MOST_VALUES} values`;
    walk.report.add('WEIR1025', at, { message, mend: 'write it flatter, without aliases that contain each other' });
    walk.full = true;
  }
  return nothing(at, true);
}

function nothing(at: Place, broken: boolean): ScalarTree {
  return { kind: 'scalar', value: null, at, raw: '', variables: [], broken, secret: false };
}

function buildList(walk: Walk, items: readonly unknown[], at: Place, position: Position): ListTree {
  const build = (item: unknown, index: number) =>
    buildTree(walk, item, { ...position, path: [...position.path, index], depth: position.depth + 1, parentAt: at });
  return { kind: 'list', items: items.map(build), at };
}

function buildMap(walk: Walk, pairs: readonly Pair[], at: Place, position: Position): MapTree {
  const entries = new Map<string, Entry>();
  const merged: Tree[] = [];
  for (const pair of pairs) {
    const keyAt = placeOf(walk, pair.key) ?? at;
    const key = keyText(walk.resolve(pair.key));
    if (key === null) {
      walk.report.add('WEIR1002', keyAt, { message: 'not valid YAML here: a key must be text', path: position.path });
      continue;
    }
    const secret = position.secret || isSecretKey(key) || (key === 'headers' && position.depth > 0);
    const path = [...position.path, key];
    const value = buildTree(walk, pair.value, { path, depth: position.depth + 1, secret, parentAt: keyAt });
    if (key === '<<') merged.push(...(value.kind === 'list' ? value.items : [value]));
    else entries.set(key, { key, keyAt, value });
  }
  for (const tree of merged) if (tree.kind === 'map') addMissing(entries, tree);
  return { kind: 'map', entries, at };
}

/** The merge key `<<`: what is written beside it wins. */
function addMissing(entries: Map<string, Entry>, from: MapTree): void {
  for (const [key, entry] of from.entries) if (!entries.has(key)) entries.set(key, entry);
}

function keyText(key: unknown): string | null {
  if (!isScalar(key)) return null;
  return typeof key.value === 'string' ? key.value.trim() : (key.source ?? String(key.value));
}

function buildScalar(walk: Walk, node: Scalar, at: Place, position: Position): ScalarTree {
  const raw = walk.source.text.slice(at.start, at.end);
  if (position.secret && !isOnlyReferences(raw)) walk.source.secrets.push([at.start, at.end]);
  const base = { kind: 'scalar', at, raw, secret: position.secret } as const;
  if (typeof node.value !== 'string') return { ...base, value: plainValue(node), variables: [], broken: false };
  const { text, variables, faults } = expandText(node.value, walk.env);
  for (const fault of faults) reportFault(walk, fault, node, at, position.path);
  return { ...base, value: text, variables, broken: faults.length > 0 };
}

function plainValue(node: Scalar): number | boolean | string | null {
  const { value } = node;
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  return node.source ?? String(value);
}

function reportFault(
  walk: Walk,
  fault: { kind: 'unset' | 'malformed'; offset: number; length: number; what: string },
  node: Scalar,
  at: Place,
  path: Path,
): void {
  const place = referencePlace(node, at, fault);
  if (fault.kind === 'unset') {
    walk.report.add('WEIR1010', place, {
      message: `environment variable ${fault.what} is not set`,
      mend: `set it, or give a default: \${env:${fault.what}:-default}`,
      path,
    });
  } else {
    const mend = 'write ${env:NAME} or ${env:NAME:-default}; a literal ${ is written $${';
    walk.report.add('WEIR1011', place, { message: `reference not readable: ${fault.what}`, mend, path });
  }
}

/** The reference itself where the value's text stands in the file as it is; the whole value otherwise. */
function referencePlace(node: Scalar, at: Place, fault: { offset: number; length: number }): Place {
  const quoted = node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE ? 1 : 0;
  const start = at.start + quoted + fault.offset;
  const verbatim = at.source.text.startsWith(String(node.value), at.start + quoted);
  return verbatim ? { ...at, start, end: start + fault.length } : at;
}

/** Place of a node; null for a value that is not written at all. */
function placeOf(walk: Walk, node: unknown): Place | null {
  const range = isNode(node) ? node.range : null;
  if (range === null || range === undefined) return null;
  return { source: walk.source, start: range[0], end: Math.max(range[0] + 1, range[1]) };
}

function isNode(node: unknown): node is Node {
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node);
}

/** Line of a place, for messages that name another place. */
export function lineOf(place: Place): number {
  return positionAt(place.source, place.start).line;
}
