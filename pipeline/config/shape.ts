/** @module What a schema allows, as JSON Schema: for hints, `weir components` and the documentation. */
import { type ZodType, z } from 'zod';

/** The part of JSON Schema 2020-12 that zod writes for our schemas. */
export interface Shape {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Shape;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly allOf?: readonly Shape[];
}

/** JSON Schema of what the user writes (before defaults and transforms). */
export function shapeOf(schema: ZodType<unknown>): Shape {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape;
}

/** The shapes that a value at `path` may have; several behind a union, none for an unknown path. */
export function shapesAt(shape: Shape, path: readonly (string | number)[]): Shape[] {
  let shapes = alternatives(shape);
  for (const step of path) shapes = shapes.flatMap((one) => child(one, step)).flatMap(alternatives);
  return shapes;
}

/** Keys allowed at a place, in the order of the schema. */
export function keysAt(shape: Shape, path: readonly (string | number)[]): string[] {
  return [...new Set(shapesAt(shape, path).flatMap((one) => Object.keys(one.properties ?? {})))];
}

function alternatives(shape: Shape): Shape[] {
  const parts = [...(shape.anyOf ?? []), ...(shape.oneOf ?? []), ...(shape.allOf ?? [])];
  return parts.length === 0 ? [shape] : parts.flatMap(alternatives);
}

function child(shape: Shape, step: string | number): Shape[] {
  if (typeof step === 'number') return shape.items === undefined ? [] : [shape.items];
  const properties = shape.properties ?? {};
  const own = Object.hasOwn(properties, step) ? properties[step] : undefined;
  if (own !== undefined) return [own];
  return typeof shape.additionalProperties === 'object' ? [shape.additionalProperties] : [];
}

/** One documented key, with the keys below it written as a dotted path (`[]` for list elements). */
export interface KeyRow {
  readonly key: string;
  readonly type: string;
  readonly required: boolean;
  /** JSON text; '' for none. */
  readonly default: string;
  readonly description: string;
}

/** All keys of a shape, depth first in the schema's order. */
export function keyRows(shape: Shape, prefix = '', depth = 0): KeyRow[] {
  if (depth > 12) return [];
  const rows: KeyRow[] = [];
  for (const one of alternatives(shape)) {
    for (const [name, value] of Object.entries(one.properties ?? {})) {
      const key = prefix === '' ? name : `${prefix}.${name}`;
      if (!rows.some((row) => row.key === key)) rows.push(keyRow(key, value, one.required?.includes(name) ?? false));
      rows.push(...nestedRows(value, key, depth).filter((row) => !rows.some((known) => known.key === row.key)));
    }
  }
  return rows;
}

function nestedRows(shape: Shape, key: string, depth: number): KeyRow[] {
  return alternatives(shape).flatMap((one) => {
    if (one.items !== undefined) return keyRows(one.items, `${key}[]`, depth + 1);
    if (typeof one.additionalProperties === 'object' && one.properties === undefined) {
      return keyRows(one.additionalProperties, `${key}.<name>`, depth + 1);
    }
    return keyRows(one, key, depth + 1);
  });
}

function keyRow(key: string, shape: Shape, required: boolean): KeyRow {
  const value = shape.default;
  const shown = value === undefined || (typeof value === 'object' && value !== null && isEmpty(value));
  return {
    key,
    type: typeText(shape),
    required,
    default: shown ? '' : typeof value === 'string' ? value : JSON.stringify(value),
    description: shape.description ?? '',
  };
}

function isEmpty(value: object): boolean {
  return !Array.isArray(value) && Object.keys(value).length === 0;
}

/** A short word for what may be written. */
export function typeText(shape: Shape): string {
  const parts = alternatives(shape);
  if (parts.length > 1) return [...new Set(parts.map(typeText))].join(' or ');
  if (shape.enum !== undefined) return shape.enum.map(String).join(', ');
  if (shape.const !== undefined) return String(shape.const);
  if (shape.items !== undefined) return `list of ${plural(typeText(shape.items))}`;
  if (shape.type === 'object') return 'mapping';
  return shape.type === 'string' ? unitWord(shape) : (shape.type ?? 'any');
}

function plural(word: string): string {
  return ['mapping', 'number', 'integer', 'duration', 'size'].includes(word) ? `${word}s` : word;
}

// Durations and sizes are told by the examples that `types.ts` gives them; a description of the key's own replaces theirs.
function unitWord(shape: Shape): string {
  const example = shape.examples?.[0];
  if (typeof example !== 'string') return 'text';
  if (/^\d+(?:ms|s|m|h)$/.test(example)) return 'duration';
  return /^\d+[KMG]i?B$/.test(example) ? 'size' : 'text';
}
