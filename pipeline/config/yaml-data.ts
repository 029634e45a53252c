/** @module YAML read as plain data, for files that discovery reads; without positions, with a bound on depth. */
import { parse } from 'yaml';

/** Deeper nesting is refused before the parser sees it: the parser's own stack overflow cannot be caught. */
const MAX_DEPTH = 64;
const INDENT_AND_DASHES = /^[ ]*(?:[-?][ ]+)*/;

/** The value of one YAML document, or what is wrong with it. Never throws. */
export function parseYamlData(text: string): { value: unknown; error: null } | { value: null; error: string } {
  if (isTooDeep(text)) return { value: null, error: `nested deeper than ${MAX_DEPTH} levels` };
  try {
    return { value: parse(text, { maxAliasCount: 100, logLevel: 'error' }), error: null };
  } catch (error) {
    return { value: null, error: error instanceof Error ? error.message.split('\n', 1)[0]! : String(error) };
  }
}

/** Counts brackets as if none were quoted and bounds the indentation: refuses some harmless text, never the reverse. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (const line of text.split('\n')) {
    if (INDENT_AND_DASHES.exec(line)![0].length > 2 * MAX_DEPTH) return true;
    for (const character of line) {
      if (character === '[' || character === '{') depth += 1;
      else if (character === ']' || character === '}') depth = Math.max(0, depth - 1);
      if (depth > MAX_DEPTH) return true;
    }
  }
  return false;
}
