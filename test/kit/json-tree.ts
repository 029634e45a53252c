/** @module A JSON text as it stands: members in order, also those told twice, and numbers in their own digits. */

export type JsonNode =
  | { readonly kind: 'object'; readonly members: readonly (readonly [name: string, value: JsonNode])[] }
  | { readonly kind: 'list'; readonly elements: readonly JsonNode[] }
  | { readonly kind: 'number'; readonly digits: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'word'; readonly word: boolean | null };

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[-+.\deE]*|[a-z]+|[{}[\],:]/gs;

/** Texts, numbers, words and marks in order, without the space between them. */
export function tokensOf(text: string): string[] {
  return text.match(TOKEN) ?? [];
}

/** Null when `text` is no JSON, which is for `JSON.parse` to say. */
export function jsonTree(text: string): JsonNode | null {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  return new TreeBuilder(tokensOf(text)).value();
}

class TreeBuilder {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  value(): JsonNode {
    const token = this.#next();
    if (token === '{') return { kind: 'object', members: this.#until('}', () => this.#member()) };
    if (token === '[') return { kind: 'list', elements: this.#until(']', () => this.value()) };
    if (token.startsWith('"')) return { kind: 'text', text: JSON.parse(token) };
    if (/^[a-z]/.test(token)) return { kind: 'word', word: JSON.parse(token) };
    return { kind: 'number', digits: token };
  }

  #member(): readonly [string, JsonNode] {
    const name = JSON.parse(this.#next()) as string;
    this.#next();
    return [name, this.value()];
  }

  #until<T>(end: string, one: () => T): T[] {
    const all: T[] = [];
    while (this.#tokens[this.#at] !== end) {
      if (this.#tokens[this.#at] === ',') this.#at += 1;
      all.push(one());
    }
    this.#at += 1;
    return all;
  }

  #next(): string {
    return this.#tokens[this.#at++]!;
  }
}
