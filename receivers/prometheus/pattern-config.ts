/** @module A regular expression as a value of the configuration. */
import { z } from 'zod';
import { compilePattern } from './pattern.ts';

/** A regular expression in YAML → `RegExp`, anchored at both ends. */
export function pattern() {
  return z.string().transform((source, context) => {
    const compiled = compilePattern(source);
    if (compiled === null) {
      context.addIssue({
        code: 'custom',
        message: `"${source}" is no regular expression`,
        params: { weir: 'WEIR1004', mend: 'mend the expression; a literal . ( [ { * + ? is written \\. \\( …' },
      });
      return z.NEVER;
    }
    return compiled;
  });
}
