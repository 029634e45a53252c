/**
 * @module Regular expressions from the configuration: RE2's syntax, whole texts, time linear in the text.
 *
 * Texts they are held against come from outside (labels, names of clusters), so that the engine of the language, which
 * takes exponential time on some of them, is not used (trust: T9). Syntax: google/re2 `doc/syntax.txt`.
 */
import { RE2JS } from 're2js';
import { z } from 'zod';

/** Longest expression, characters. */
export const MAX_PATTERN_LENGTH = 1024;

/** An expression that a whole text matches or not. */
export interface Pattern {
  readonly source: string;
  /** Whether there is a group of this number or name. */
  hasGroup(reference: number | string): boolean;
  /** True when the whole of `text` matches. O(text × expression). */
  test(text: string): boolean;
  /** Groups of the match of the whole text, null without one. */
  match(text: string): PatternMatch | null;
}

export interface PatternMatch {
  /** Text of a group by number (0: all) or name; '' for one that is not there or took no part. */
  group(reference: number | string): string;
}

class LinearPattern implements Pattern {
  readonly source: string;
  readonly #compiled: RE2JS;

  constructor(source: string) {
    this.source = source;
    // As Prometheus has it: a dot matches line feeds.
    this.#compiled = RE2JS.compile(source, RE2JS.DOTALL);
  }

  hasGroup(reference: number | string): boolean {
    if (typeof reference === 'number') return reference <= this.#compiled.groupCount();
    return Object.hasOwn(this.#compiled.namedGroups(), reference);
  }

  test(text: string): boolean {
    return this.#compiled.testExact(text);
  }

  match(text: string): PatternMatch | null {
    const matcher = this.#compiled.matcher(text);
    if (!matcher.matches()) return null;
    return { group: (reference) => (this.hasGroup(reference) ? (matcher.group(reference) ?? '') : '') };
  }
}

/** The pattern, or why `source` is none. */
export function compilePattern(source: string): Pattern | string {
  if (source.length > MAX_PATTERN_LENGTH) return `it has more than ${MAX_PATTERN_LENGTH} characters`;
  try {
    return new LinearPattern(source);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    // The flag is not the user's.
    return said.replace(/^error parsing regexp: /, '').replace('`(?s)', '`');
  }
}

/** Text → `Pattern`. */
export function pattern() {
  return z.string().transform((source, context) => {
    const compiled = compilePattern(source);
    if (typeof compiled !== 'string') return compiled;
    context.addIssue({
      code: 'custom',
      message: `"${source}" is no regular expression: ${compiled}`,
      params: {
        weir: 'WEIR1004',
        mend: "write it in RE2's syntax, which Prometheus has too: no look-around, no back-references",
      },
    });
    return z.NEVER;
  });
}
