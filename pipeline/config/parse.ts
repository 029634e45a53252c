/** @module YAML text → tree with places, references expanded; everything wrong with the text itself is reported. */
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  Scalar,
  visit,
} from 'yaml';
import { urlSecrets } from '../wire/url-secrets.ts';
import { type Environment, expandText } from './expand.ts';
import type { Report } from './report.ts';
import { isAddressKey, isOnlyReferences, isSecretKey, type Place, type Source } from './source.ts';
import { reportSyntax } from './syntax.ts';
import { type Entry, type ListTree, type MapTree, type Path, pathText, type ScalarTree, type Tree } from './tree.ts';

/** Deepest nesting, and most values once aliases are followed ("billion laughs"). */
const DEEPEST = 64;
const MOST_VALUES = 100_000;

/** The tree, or null when the text holds nothing or cannot be parsed. */
export function parseSource(source: Source, env: Environment, report: Report): Tree | null {
  const document = parseDocument(source.text, { prettyErrors: false, uniqueKeys: true, logLevel: 'error' });
  markSecrets(source, document);
  const broken = reportSyntax(source, document, report);
  if (broken || document.contents === null) return null;
  const walk: Walk = {
    source,
    env,
    report,
    resolve: aliasResolver(document),
    left: MOST_VALUES,
    full: false,
  };
  return buildTree(walk, document.contents, {
    path: [],
    depth: 0,
    secret: false,
    headers: false,
    parentAt: { source, start: 0, end: 1 },
  });
}

/** The library looks through the whole document for each alias; an alias met again is not looked for again. */
function aliasResolver(document: Document): (node: unknown) => unknown {
  const known = new Map<unknown, unknown>();
  return (node) => {
    if (!isAlias(node)) return node;
    const found = known.get(node) ?? node.resolve(document) ?? null;
    known.set(node, found);
    return found;
  };
}

/** Before anything is reported, so that no excerpt shows a secret, not even one of a text that cannot be parsed. */
function markSecrets(source: Source, document: Document): void {
  visit(document, {
    Pair(_, { key, value }) {
      const name = keyText(key);
      if (name === null || !isNode(value) || !value.range) return;
      const hides = name === 'headers' || (isSecretKey(name) && !isMap(value));
      const [start, end] = value.range;
      if (hides && !isOnlyReferences(source.text.slice(start, end))) source.secrets.push([start, end]);
    },
    Scalar(_, { range }, path) {
      const pair = path.at(-1);
      const name = isPair(pair) ? keyText(pair.key) : null;
      if (range) markAddress(source, range[0], range[1], name !== null && isAddressKey(name));
    },
  });
}

/** Marks what may be secret in a value that is an address: by its key, or because it begins like one. */
function markAddress(source: Source, start: number, end: number, isAddress: boolean): void {
  const text = source.text.slice(start, end);
  if (!isAddress && !BEGINS_AS_ADDRESS.test(text)) return;
  const quoted = /^(["']).*\1$/s.test(text) ? 1 : 0;
  for (const [from, to] of urlSecrets(text.slice(quoted, text.length - quoted), true))
    source.secrets.push([start + quoted + from, start + quoted + to]);
}

const BEGINS_AS_ADDRESS = /^["']?[a-z][a-z0-9+.-]*:\/\//i;

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
  /** Whether its key is a secret's. */
  readonly secret: boolean;
  /** Whether it holds headers, all of whose values are secret. */
  readonly headers: boolean;
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
    if (key === '__proto__') {
      refuseProto(walk, keyAt, position.path);
      continue;
    }
    const next = { path: [...position.path, key], depth: position.depth + 1, parentAt: keyAt };
    // In a list of headers each says its name beside its value.
    const isName = key === 'name' && typeof position.path.at(-1) === 'number';
    const secret = (position.headers && !isName) || isSecretKey(key);
    const value = buildTree(walk, pair.value, { ...next, secret, headers: key === 'headers' });
    if (key === '<<') merged.push(...(value.kind === 'list' ? value.items : [value]));
    else entries.set(key, { key, keyAt, value });
  }
  for (const tree of merged) if (tree.kind === 'map') addMissing(entries, tree);
  return { kind: 'map', entries, at };
}

/** Schemas leave this one key out of free mappings such as headers without a word. */
function refuseProto(walk: Walk, at: Place, path: Path): void {
  const where = pathText(path);
  const message = `unknown key "__proto__"${where === '' ? '' : ` in ${where}`}`;
  walk.report.add('WEIR1003', at, {
    message,
    note: 'not known here',
    mend: 'use another name',
    path: [...path, '__proto__'],
  });
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
  const base = { kind: 'scalar', at, raw, secret: position.secret || position.headers } as const;
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
