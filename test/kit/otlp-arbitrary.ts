/** @module Any OTLP request by the public schema, and its OTLP/JSON as protobufjs sees it. */
import fc from 'fast-check';
import protobuf from 'protobufjs';

const IDS = new Map([
  ['traceId', 16],
  ['spanId', 8],
  ['parentSpanId', 8],
]);
/** Deeper messages are left out. */
const MAX_DEPTH = 12;
const MOST_ELEMENTS = 3;

type Plain = Record<string, unknown>;

/** Any message of `type` as `fromObject` takes it; every field may be there or not, of a `oneof` at most one. */
export function anyMessage(type: protobuf.Type, depth = 0): fc.Arbitrary<Plain> {
  const fields = type.fieldsArray.map((field) => field.resolve());
  const fits = fields.filter(({ resolvedType }) => !(resolvedType instanceof protobuf.Type) || depth < MAX_DEPTH);
  const alone = fits.filter((field) => oneofOf(field) === null);
  const members = fits.filter((field) => oneofOf(field) !== null);
  const base = fc.record(Object.fromEntries(alone.map((field) => [field.name, anyField(field, depth)])), {
    // Requests without a span say little.
    requiredKeys:
      depth < 3
        ? alone.filter(({ resolvedType }) => resolvedType instanceof protobuf.Type).map(({ name }) => name)
        : [],
  });
  if (members.length === 0) return base;
  const choice = fc.oneof(
    { depthIdentifier: 'otlp', maxDepth: 4 },
    fc.constant({}),
    ...members.map((field) => anyField(field, depth).map((value) => ({ [field.name]: value }))),
  );
  return fc.tuple(base, choice).map(([rest, member]) => ({ ...rest, ...member }));
}

function oneofOf({ partOf, options }: protobuf.Field): protobuf.OneOf | null {
  return partOf === null || partOf === undefined || options?.proto3_optional === true ? null : partOf;
}

function anyField(field: protobuf.Field, depth: number): fc.Arbitrary<unknown> {
  const value = anyValue(field, depth);
  return field.repeated
    ? fc.array(value, { maxLength: depth > 8 ? 1 : MOST_ELEMENTS, depthIdentifier: 'otlp' })
    : value;
}

function anyValue({ name, type, resolvedType }: protobuf.Field, depth: number): fc.Arbitrary<unknown> {
  if (resolvedType instanceof protobuf.Type) {
    const inner = resolvedType;
    // Made when it is wanted: messages contain themselves.
    return fc.constant(null).chain(() => anyMessage(inner, depth + 1));
  }
  if (resolvedType instanceof protobuf.Enum) return fc.oneof(fc.nat(6), fc.integer());
  if (type === 'bytes') return anyBytes(IDS.get(name));
  if (type === 'string') return fc.string({ unit: 'binary', maxLength: 20 });
  if (type === 'bool') return fc.boolean();
  if (type === 'double') return fc.double();
  if (type === 'int32' || type === 'sint32') return fc.integer();
  if (type === 'uint32' || type === 'fixed32') return fc.integer({ min: 0, max: 0xffff_ffff });
  const least = type === 'int64' || type === 'sfixed64' ? -(2n ** 63n) : 0n;
  const most = least < 0n ? 2n ** 63n - 1n : 2n ** 64n - 1n;
  return fc.oneof(fc.bigInt(least, most), fc.constantFrom(least, most, 0n, 1n, 2n ** 53n + 1n)).map(String);
}

function anyBytes(idBytes: number | undefined): fc.Arbitrary<Uint8Array> {
  if (idBytes === undefined) return fc.uint8Array({ maxLength: 20 });
  const id = fc.uint8Array({ minLength: idBytes, maxLength: idBytes });
  return fc.oneof({ arbitrary: id, weight: 5 }, fc.constant(new Uint8Array()), fc.constant(new Uint8Array(idBytes)));
}

/** `bytes` as protobufjs decodes them, in the form of OTLP/JSON: parsed, ids as hexadecimal digits. */
export function schemaJson(type: protobuf.Type, bytes: Uint8Array): unknown {
  return withHexIds(type.toObject(type.decode(bytes), { longs: String, bytes: String, json: true }));
}

function withHexIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withHexIds);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, hexIfId(name, inner)]));
}

function hexIfId(name: string, value: unknown): unknown {
  return IDS.has(name) && typeof value === 'string' ? Buffer.from(value, 'base64').toString('hex') : withHexIds(value);
}
