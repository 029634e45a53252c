/**
 * @module Fields of OTLP/JSON messages, checked one by one; what is absent or null reads as protobuf's default.
 *
 * Rules: OTLP specification, "JSON Protobuf Encoding", and the protobuf specification's "ProtoJSON Format".
 */

/** Text that is no OTLP/JSON message, and where in it that shows. */
export class MalformedJson extends Error {
  override readonly name = 'MalformedJson';
}

const SHOWN_LENGTH = 60;

/** One message. Names come from the sender, so they are only ever looked up as own properties. */
export class JsonMessage {
  readonly #fields: object;
  /** Where it stands, e.g. `resourceMetrics[0].resource`. */
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(path, value, 'an object');
    this.#fields = value;
    this.#path = path;
  }

  has(name: string): boolean {
    return this.#value(name) !== null;
  }

  /** Embedded message, null when absent. */
  message(name: string): JsonMessage | null {
    const value = this.#value(name);
    return value === null ? null : new JsonMessage(value, this.#pathOf(name));
  }

  /** Repeated embedded messages. */
  messages(name: string): JsonMessage[] {
    return this.#list(name).map((value, index) => new JsonMessage(value, `${this.#pathOf(name)}[${index}]`));
  }

  text(name: string): string {
    const value = this.#value(name) ?? '';
    return typeof value === 'string' ? value : fail(this.#pathOf(name), value, 'a text');
  }

  flag(name: string): boolean {
    const value = this.#value(name) ?? false;
    return typeof value === 'boolean' ? value : fail(this.#pathOf(name), value, 'true or false');
  }

  /** An integer, as number or text. */
  integer(name: string): bigint {
    return integerOf(this.#value(name) ?? 0, this.#pathOf(name));
  }

  double(name: string): number {
    return doubleOf(this.#value(name) ?? 0, this.#pathOf(name));
  }

  integers(name: string): bigint[] {
    return this.#list(name).map((value, index) => integerOf(value, `${this.#pathOf(name)}[${index}]`));
  }

  doubles(name: string): number[] {
    return this.#list(name).map((value, index) => doubleOf(value, `${this.#pathOf(name)}[${index}]`));
  }

  #list(name: string): unknown[] {
    const value = this.#value(name) ?? [];
    return Array.isArray(value) ? value : fail(this.#pathOf(name), value, 'a list');
  }

  #value(name: string): unknown {
    return Object.getOwnPropertyDescriptor(this.#fields, name)?.value ?? null;
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}

/** The message that `text` is. */
export function parseJsonMessage(text: string): JsonMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MalformedJson(`this is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return new JsonMessage(value, '');
}

function integerOf(value: unknown, path: string): bigint {
  if (typeof value === 'number' && Number.isInteger(value)) return within(BigInt(value), value, path);
  if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) return within(BigInt(value), value, path);
  return fail(path, value, 'an integer');
}

/** Integers that neither a signed nor an unsigned 64-bit field can hold are none. */
function within(integer: bigint, value: unknown, path: string): bigint {
  return integer >= -(2n ** 63n) && integer < 2n ** 64n ? integer : fail(path, value, 'an integer of 64 bits');
}

function doubleOf(value: unknown, path: string): number {
  if (typeof value === 'number') return value;
  if (value === 'NaN') return Number.NaN;
  if (value === 'Infinity') return Number.POSITIVE_INFINITY;
  if (value === '-Infinity') return Number.NEGATIVE_INFINITY;
  if (typeof value === 'string' && /^[-+]?\d{1,400}(?:\.\d{1,400})?(?:[eE][-+]?\d{1,4})?$/.test(value))
    return Number(value);
  return fail(path, value, 'a number');
}

function fail(path: string, found: unknown, expected: string): never {
  const shown = (JSON.stringify(found) ?? 'nothing').slice(0, SHOWN_LENGTH);
  throw new MalformedJson(`${path === '' ? 'the message' : path} is ${shown}, expected ${expected}`);
}
