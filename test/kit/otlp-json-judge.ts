/**
 * @module The judge of OTLP/JSON: what a request says by `JSON.parse`, the public schema and protobufjs' `fromObject`, with the
 * rules in which OTLP/JSON differs from that (OTLP specification, "JSON Protobuf Encoding"), and those in which Weir is strict.
 */
import protobuf from 'protobufjs';
import { type JsonNode, jsonTree } from './json-tree.ts';

/** Why a request is refused that protobufjs would take, or reads in its own way: these, and no others, are Weir's strictness. */
export type Strict =
  | 'a known name told twice'
  | 'two members of a oneof'
  | 'null in a list'
  | 'a value of another kind'
  | 'no integer'
  | 'an integer out of range'
  | 'no decimal number'
  | 'an unknown name of an enumeration'
  | 'an id of another length'
  | 'no base64'
  | 'nested too deep';
export type Refusal = Strict | 'no JSON' | 'no message';

export type Judgement = { readonly bytes: Uint8Array } | { readonly refusal: Refusal };

class Refused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal);
    this.refusal = refusal;
  }
}

function refuse(refusal: Refusal): never {
  throw new Refused(refusal);
}

/** The request in protobuf, as protobufjs writes it, or why it is none. `maxDepth`: of messages; containers twice that. */
export function judgedJson(type: protobuf.Type, json: Uint8Array, maxDepth: number): Judgement {
  try {
    const tree = treeOf(json);
    if (depthOf(tree) > 2 * maxDepth) refuse('nested too deep');
    return { bytes: type.encode(type.fromObject(messageOf(type, tree, maxDepth))).finish() };
  } catch (error) {
    if (error instanceof Refused) return { refusal: error.refusal };
    throw error;
  }
}

function treeOf(json: Uint8Array): JsonNode {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
    return jsonTree(text) ?? refuse('no JSON');
  } catch {
    return refuse('no JSON');
  }
}

function depthOf(node: JsonNode): number {
  const inner =
    node.kind === 'object' ? node.members.map(([, value]) => value) : node.kind === 'list' ? node.elements : null;
  return inner === null ? 0 : 1 + inner.reduce((most, one) => Math.max(most, depthOf(one)), 0);
}

type Plain = Record<string, unknown>;

function messageOf(type: protobuf.Type, node: JsonNode, depthLeft: number): Plain {
  if (node.kind !== 'object') return refuse('no message');
  if (depthLeft === 0) refuse('nested too deep');
  const fields = new Map(type.fieldsArray.map((field) => [field.name, field.resolve()]));
  const told = new Set<protobuf.Field | protobuf.OneOf>();
  const plain: Plain = {};
  for (const [name, value] of node.members) {
    const field = fields.get(name);
    if (field === undefined) continue;
    if (told.has(field)) refuse('a known name told twice');
    told.add(field);
    if (value.kind === 'word' && value.word === null) continue;
    const { partOf } = field;
    if (partOf !== null && partOf !== undefined && told.has(partOf)) refuse('two members of a oneof');
    if (partOf !== null && partOf !== undefined) told.add(partOf);
    plain[name] = field.repeated ? listOf(field, value, depthLeft) : valueIn(field, value, depthLeft);
  }
  return plain;
}

function listOf(field: protobuf.Field, node: JsonNode, depthLeft: number): unknown[] {
  if (node.kind !== 'list') return refuse('no message');
  return node.elements.map((element) => {
    if (element.kind === 'word' && element.word === null) refuse('null in a list');
    return valueIn(field, element, depthLeft);
  });
}

const ID_BYTES = new Map([
  ['traceId', 16],
  ['spanId', 8],
  ['parentSpanId', 8],
]);

function valueIn({ name, type, resolvedType }: protobuf.Field, node: JsonNode, depthLeft: number): unknown {
  if (resolvedType instanceof protobuf.Type) return messageOf(resolvedType, node, depthLeft - 1);
  if (resolvedType instanceof protobuf.Enum) return enumOf(resolvedType, node);
  if (type === 'bool') return node.kind === 'word' ? node.word : refuse('a value of another kind');
  if (type === 'double') return doubleOf(node);
  if (type === 'string') return textOf(node).toWellFormed();
  if (type !== 'bytes') return integerOf(node, type);
  const idBytes = ID_BYTES.get(name);
  return idBytes === undefined ? base64Of(textOf(node)) : idOf(textOf(node), idBytes);
}

function textOf(node: JsonNode): string {
  return node.kind === 'text' ? node.text : refuse('a value of another kind');
}

/** The digits of a number, in quotes or not. */
function digitsOf(node: JsonNode): string {
  if (node.kind === 'number') return node.digits;
  return textOf(node);
}

function enumOf(type: protobuf.Enum, node: JsonNode): number {
  const named = node.kind === 'text' ? Object.getOwnPropertyDescriptor(type.values, node.text)?.value : undefined;
  if (named !== undefined) return named;
  if (node.kind === 'text' && /^[A-Z_]+$/.test(node.text)) refuse('an unknown name of an enumeration');
  return Number(integerOf(node, 'int32'));
}

/** Number, sign, fraction, exponent. */
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/;
const MOST_DIGITS = 20;
const MOST_CHARACTERS = 64;

const RANGES = new Map<string, readonly [least: bigint, most: bigint]>([
  ...['int32', 'sint32', 'sfixed32'].map((type) => [type, [-(2n ** 31n), 2n ** 31n - 1n]] as const),
  ...['uint32', 'fixed32'].map((type) => [type, [0n, 2n ** 32n - 1n]] as const),
  ...['int64', 'sint64', 'sfixed64'].map((type) => [type, [-(2n ** 63n), 2n ** 63n - 1n]] as const),
  ...['uint64', 'fixed64'].map((type) => [type, [0n, 2n ** 64n - 1n]] as const),
]);

/** As decimal text. */
function integerOf(node: JsonNode, type: string): string {
  const value = wholeOf(digitsOf(node));
  const [least, most] = RANGES.get(type)!;
  return value >= least && value <= most ? String(value) : refuse('an integer out of range');
}

function wholeOf(digits: string): bigint {
  const match = DECIMAL.exec(digits) ?? refuse('no integer');
  const [, sign = '', whole = '', fraction = '', exponent] = match;
  const isPlain = fraction === '' && exponent === undefined;
  if (isPlain ? whole.length > MOST_DIGITS : digits.length > MOST_CHARACTERS) refuse('no integer');
  const all = BigInt(`${whole}${fraction}`);
  const shift = Number(exponent ?? 0) - fraction.length;
  if (all === 0n) return 0n;
  // What is larger is out of every range, what is smaller is not whole.
  const scale = 10n ** BigInt(Math.min(Math.abs(shift), 100));
  if (shift < 0 && all % scale !== 0n) refuse('no integer');
  const value = shift < 0 ? all / scale : all * scale;
  return sign === '-' ? -value : value;
}

const WORDS = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

function doubleOf(node: JsonNode): number {
  const digits = digitsOf(node);
  const word = node.kind === 'text' ? WORDS.get(digits) : undefined;
  if (word !== undefined) return word;
  const [, , whole = '', fraction = '', exponent = ''] = DECIMAL.exec(digits) ?? refuse('no decimal number');
  const isShort = whole.length <= 400 && fraction.length <= 400 && exponent.replace(/^[-+]/, '').length <= 4;
  const value = Number(digits);
  return isShort && Number.isFinite(value) ? value : refuse('no decimal number');
}

function idOf(text: string, idBytes: number): Uint8Array {
  if (text !== '' && !(text.length === 2 * idBytes && /^[\da-fA-F]*$/.test(text))) refuse('an id of another length');
  return Buffer.from(text, 'hex');
}

/** Of either alphabet, padded to a multiple of four or not at all. */
function base64Of(text: string): Uint8Array {
  const bare = text.replace(/={1,2}$/, '');
  const isPadded = bare.length < text.length;
  const isSound = /^[-+/\w]*$/.test(bare) && bare.length % 4 !== 1 && (!isPadded || text.length % 4 === 0);
  return isSound ? Buffer.from(bare, 'base64') : refuse('no base64');
}
