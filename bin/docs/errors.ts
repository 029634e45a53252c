/** @module `docs/reference/errors.md` from the tables of codes. */
import { PROBLEM_CODES } from '../../pipeline/config/problem.ts';
import { ERROR_CODES, type ErrorEntry } from '../../pipeline/errors.ts';

const HEAD = `# Errors

Every error has a code that stays the same for ever. This page is made from the tables in \`pipeline/errors.ts\` and
\`pipeline/config/problem.ts\` by \`npm run docs\`; edit those.

`;

/** The whole page. */
export function errorsPage(): string {
  return [
    HEAD,
    '## Problems of a configuration\n\n',
    'Printed by `weir validate` and `weir run`, all at once, with file, line and column. With an error nothing starts and\n',
    'the exit code is 78; warnings do not keep anything from starting.\n\n',
    section(PROBLEM_CODES),
    '## Errors at run time\n\n',
    'Found in logs as `code`, and in messages of the command line.\n\n',
    section(ERROR_CODES),
  ]
    .join('')
    .trimEnd()
    .concat('\n');
}

function section(table: Readonly<Record<string, ErrorEntry>>): string {
  return Object.entries(table)
    .map(([code, { title, cause, mend }]) => `### ${code}: ${title}\n\n${cause}\n\n**Mend:** ${mend}\n\n`)
    .join('');
}
