/** @module What a schema found, told as problems with a place, a hint and a mend. */
import type { ZodType, z } from 'zod';
import { collectorKeyMend } from './collector.ts';
import { display, hide } from './display.ts';
import { flatten, isEcho, step } from './flat-issues.ts';
import { nearest } from './nearest.ts';
import { isProblemCode, type ProblemCode } from './problem.ts';
import type { Finding, Report } from './report.ts';
import { keysAt, type Shape, shapeOf, shapesAt, typeText } from './shape.ts';
import type { Place } from './source.ts';
import { gluedFinding } from './syntax.ts';
import { findAt, isNull, type Path, pathText, type ScalarTree, type Tree, toPlain } from './tree.ts';
import { dropUnknown } from './unknown-keys.ts';

type Issue = z.core.$ZodIssue;

/** Where a value that is checked stands. */
export interface Subject {
  readonly tree: Tree;
  /** Path of `tree` in the whole configuration. */
  readonly base: Path;
  /** Place to point at when something is missing: the key of `tree`. */
  readonly keyAt: Place | null;
  /** Page with all keys, '' for none. */
  readonly page: string;
}

/** The schema's value, or undefined after its problems were reported. */
export function checkValue<T>(schema: ZodType<T>, subject: Subject, report: Report): T | undefined {
  const { value, isRight } = checkKnown(schema, subject, report);
  return isRight ? value : undefined;
}

/**
 * The same, but what is wrong by nothing but unknown keys has the value it would have without them, so that what is wrong
 * beside them can be told at once. Not with a key that is only misspelt: its value would be missed.
 */
export function checkKnown<T>(
  schema: ZodType<T>,
  subject: Subject,
  report: Report,
): { readonly value: T | undefined; readonly isRight: boolean } {
  const retyped = new Map<ScalarTree, unknown>();
  if (isNull(subject.tree) && subject.tree.kind === 'scalar' && !subject.tree.broken) retyped.set(subject.tree, {});
  let result = schema.safeParse(toPlain(subject.tree, retyped));
  if (!result.success && retype(result.error.issues, subject.tree, retyped)) {
    result = schema.safeParse(toPlain(subject.tree, retyped));
  }
  if (result.success) return { value: result.data, isRight: true };
  const shape = shapeOf(schema);
  const issues = reportAll(result.error.issues, { subject, shape, report });
  const known = toPlain(subject.tree, retyped);
  if (!dropUnknown(known, issues, shape, subject.base)) return { value: undefined, isRight: false };
  result = schema.safeParse(known);
  if (!result.success) reportAll(result.error.issues, { subject, shape, report });
  return { value: result.data, isRight: false };
}

function reportAll(found: readonly Issue[], context: Context): readonly Issue[] {
  const issues = found.flatMap((issue) => flatten(issue, []));
  for (const issue of issues) if (!isEcho(issue, issues, context.shape)) reportIssue(context, issue);
  return issues;
}

/**
 * What comes from the environment is text; where a number or a truth value is expected, such a text is read as one.
 * The field decides, so that a pod named `123` stays text. A mapping of which nothing is written, as in `grpc:`, takes its
 * defaults, as the Collector has it. True when something was changed.
 */
function retype(issues: readonly Issue[], tree: Tree, retyped: Map<ScalarTree, unknown>): boolean {
  let changed = false;
  for (const issue of issues) {
    if (issue.code !== 'invalid_type') continue;
    const found = findAt(tree, issue.path.map(step));
    if (!found.exact || found.tree.kind !== 'scalar') continue;
    if (issue.expected === 'object' && isNull(found.tree) && !found.tree.broken) {
      retyped.set(found.tree, {});
      changed = true;
      continue;
    }
    if (found.tree.variables.length === 0) continue;
    const value = readAs(issue.expected, String(found.tree.value).trim());
    if (value === undefined) continue;
    retyped.set(found.tree, value);
    changed = true;
  }
  return changed;
}

function readAs(expected: string, text: string): number | boolean | undefined {
  if (expected === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  if ((expected === 'number' || expected === 'int') && /^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  return undefined;
}

interface Context {
  readonly subject: Subject;
  readonly shape: Shape;
  readonly report: Report;
}

function reportIssue(context: Context, issue: Issue): void {
  const { subject, report } = context;
  const path = issue.path.map(step);
  const full = [...subject.base, ...path];
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) reportUnknownKey(context, path, key);
    return;
  }
  const found = findAt(subject.tree, path);
  if (found.tree.kind === 'scalar' && found.tree.broken) return;
  const ownKey = found.keyAt ?? (found.tree === subject.tree ? subject.keyAt : null);
  const place = isNull(found.tree) || !found.exact ? (ownKey ?? found.tree.at) : found.tree.at;
  const { code, ...finding } = describe(context, issue, path, found.exact ? found.tree : null);
  report.add(code, place, { ...finding, path: full });
}

function reportUnknownKey({ subject, shape, report }: Context, path: Path, key: string): void {
  const found = findAt(subject.tree, [...path, key]);
  const glued = isNull(found.tree) ? gluedKey(key) : null;
  if (glued !== null) {
    const { code, ...finding } = glued;
    report.add(code, found.keyAt ?? found.tree.at, { ...finding, path: [...subject.base, ...path, key] });
    return;
  }
  const allowed = keysAt(shape, path);
  const needless = collectorKeyMend([...subject.base, ...path, key]);
  const near = needless === null ? nearest(key, allowed) : null;
  const where = pathText([...subject.base, ...path]);
  const page = subject.page === '' ? '' : `   see ${subject.page}`;
  report.add('WEIR1003', found.keyAt ?? found.tree.at, {
    message: `unknown key "${key}"${where === '' ? '' : ` in ${where}`}`,
    note: near === null ? 'not known here' : `did you mean "${near}"?`,
    mend: needless ?? allowedText(allowed) + page,
    path: [...subject.base, ...path, key],
  });
}

/** Most keys that are listed; more are in the page. */
const MOST_KEYS = 20;

function allowedText(allowed: readonly string[]): string {
  if (allowed.length === 0) return 'no keys are allowed here';
  return allowed.length <= MOST_KEYS
    ? `allowed keys: ${allowed.join(', ')}`
    : `use one of the ${allowed.length} allowed keys`;
}

type Described = Finding & { readonly code: ProblemCode };

function describe(context: Context, issue: Issue, path: Path, tree: Tree | null): Described {
  const { subject, shape } = context;
  const name = pathText([...subject.base, ...path]);
  const expected = shapesAt(shape, path).map(expectation).join(' or ') || 'another value';
  if (tree === null) return missing(subject, path, expected, shape);
  if (isNull(tree)) return gluedKey(path.at(-1)) ?? noValue(name, expected);
  const shown = display(tree);
  switch (issue.code) {
    case 'custom':
      return custom(issue, name, tree);
    case 'invalid_type':
      return wrongType(issue, name, tree, expected);
    case 'invalid_value': {
      const allowed = issue.values.map(String);
      const near = tree.kind === 'scalar' && !tree.secret ? nearest(String(tree.value), allowed) : null;
      return {
        code: 'WEIR1004',
        message: `${name}: ${shown} is none of the allowed values`,
        note: near === null ? '' : `did you mean "${near}"?`,
        mend: `allowed: ${allowed.join(', ')}`,
      };
    }
    case 'too_small':
      return {
        code: 'WEIR1006',
        message: `${name}: ${shown} is too small`,
        mend: bound('at least', issue.minimum, issue),
      };
    case 'too_big':
      return {
        code: 'WEIR1006',
        message: `${name}: ${shown} is too large`,
        mend: bound('at most', issue.maximum, issue),
      };
    default:
      return {
        code: 'WEIR1004',
        message: `${name}: ${shown} is not as expected`,
        mend: plainMend(issue.message, expected),
      };
  }
}

function missing(subject: Subject, path: Path, expected: string, shape: Shape): Described {
  const key = String(path.at(-1) ?? '');
  const parent = pathText([...subject.base, ...path.slice(0, -1)]);
  const description = shapesAt(shape, path).find((one) => one.description !== undefined)?.description;
  return {
    code: 'WEIR1008',
    message: `missing key "${key}" in ${parent}`,
    mend: `add ${key}: ${expected}${description === undefined ? '' : ` (${description})`}`,
  };
}

/** `{ key:value }` without a space is a key of that whole text without a value; null for any other key. */
function gluedKey(key: Path[number] | undefined): Described | null {
  const glued = /^([A-Za-z_][\w/-]*):\S/.exec(String(key ?? ''));
  return glued === null ? null : { code: 'WEIR1027', ...gluedFinding(glued[1] ?? '') };
}

function noValue(name: string, expected: string): Described {
  return {
    code: 'WEIR1026',
    message: `${name} has no value`,
    note: 'nothing after the colon',
    mend: `write ${expected}, indent what belongs to it, or remove the key`,
  };
}

function custom(issue: z.core.$ZodIssueCustom, name: string, tree: Tree): Described {
  const code: unknown = issue.params?.weir;
  const mend: unknown = issue.params?.mend;
  return {
    code: isProblemCode(code) ? code : 'WEIR1004',
    message: `${name}: ${hide(issue.message, tree)}`,
    mend: typeof mend === 'string' ? mend : '',
  };
}

function wrongType(issue: Issue, name: string, tree: Tree, expected: string): Described {
  const glued =
    tree.kind === 'scalar' && expected.startsWith('a mapping') ? /^([A-Za-z_][\w/-]*):\S/.exec(tree.raw) : null;
  if (glued !== null) return { code: 'WEIR1027', ...gluedFinding(glued[1] ?? '') };
  if (/needs a unit/.test(issue.message)) {
    const [what = '', mend = ''] = issue.message.split(': ');
    return { code: 'WEIR1005', message: `${name}: ${what}, found ${display(tree)}`, note: 'no unit', mend };
  }
  return {
    code: 'WEIR1004',
    message: `${name}: expected ${expected}, found ${display(tree)}`,
    mend: quoteHint(tree, expected) ?? listHint(tree, expected) ?? plainMend(issue.message, expected),
  };
}

function quoteHint(tree: Tree, expected: string): string | null {
  if (tree.kind !== 'scalar' || typeof tree.value === 'string' || !expected.startsWith('text')) return null;
  return `put quotes around it: "${tree.raw}"`;
}

function listHint(tree: Tree, expected: string): string | null {
  if (!expected.startsWith('a list') || tree.kind === 'list') return null;
  return tree.kind === 'map'
    ? 'begin each entry with "- "'
    : 'put it between [ and ], or on a line of its own after "- "';
}

/** A message that a schema's author wrote is the mend; those of the library say less than what is expected. */
function plainMend(message: string, expected: string): string {
  return /^(?:Invalid|Too|Unrecognized|Expected)\b/.test(message) ? `write ${expected}` : message;
}

function bound(
  word: string,
  value: number | bigint,
  issue: { readonly origin?: string; readonly inclusive?: boolean | undefined },
): string {
  const unit = issue.origin === 'array' ? ' entries' : issue.origin === 'string' ? ' characters' : '';
  const exclusive = issue.inclusive === false;
  return exclusive ? `${word === 'at least' ? 'more than' : 'less than'} ${value}${unit}` : `${word} ${value}${unit}`;
}

function expectation(shape: Shape): string {
  const text = typeText(shape);
  if (text === 'mapping') return 'a mapping';
  if (text.startsWith('list')) return `a ${text}`;
  if (text === 'boolean') return 'true or false';
  if (text === 'duration' || text === 'size') return `a ${text} such as ${String(shape.examples?.[0])}`;
  return text === 'number' || text === 'integer' ? `a${text === 'integer' ? ' whole' : ''} number` : text;
}
