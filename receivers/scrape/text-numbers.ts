/** @module Texts that many have in common, each held once and known by a small number. */

/** Numbers are given again once nobody has their text any more. */
export class TextNumbers {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];
  readonly #users: number[] = [];
  readonly #free: number[] = [];

  /** Number of `text`; -1 when nobody has it. */
  find(text: string): number {
    return this.#numbers.get(text) ?? -1;
  }

  /** Number of `text`, which has one user more. */
  join(text: string): number {
    const number = this.#numbers.get(text) ?? this.#add(text);
    this.#users[number]! += 1;
    return number;
  }

  /** A user of the text is gone. */
  leave(number: number): void {
    this.#users[number]! -= 1;
    if (this.#users[number]! > 0) return;
    this.#numbers.delete(this.#texts[number]!);
    this.#texts[number] = '';
    this.#free.push(number);
  }

  #add(text: string): number {
    const number = this.#free.pop() ?? this.#texts.length;
    this.#numbers.set(text, number);
    this.#texts[number] = text;
    this.#users[number] = 0;
    return number;
  }
}
