/** @module What is wrong with the YAML itself, in words of its user rather than of the parser. */
import { type Document, Scalar, visit, type YAMLError } from 'yaml';
import type { Report } from './report.ts';
import type { Place, Source } from './source.ts';

/** Reports the first error of syntax (those after it follow from it) and each duplicate key; true when unusable. */
export function reportSyntax(source: Source, document: Document, report: Report): boolean {
  const ordered = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  let broken = false;
  for (const error of ordered) {
    const place = { source, start: error.pos[0], end: Math.max(error.pos[0] + 1, error.pos[1]) };
    if (error.code === 'DUPLICATE_KEY') reportDuplicate(place, report);
    else if (!broken) {
      broken = true;
      reportSyntaxError(error, { ...place, ...openQuote(document, error) }, report);
    }
  }
  return broken;
}

/** Where the quote stands that is not closed: the error itself is only found at the end of the file. */
function openQuote(document: Document, error: YAMLError): { start: number; end: number } | null {
  if (error.code !== 'MISSING_CHAR') return null;
  let found: { start: number; end: number } | null = null;
  visit(document, {
    Scalar(_, node) {
      const quoted = node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE;
      if (quoted && node.range && node.range[1] >= error.pos[0])
        found = { start: node.range[0], end: node.range[0] + 1 };
    },
  });
  return found;
}

function reportDuplicate(place: Place, report: Report): void {
  const key = /^(?:"[^"]*"|'[^']*'|[^:\s]+)/.exec(place.source.text.slice(place.start, place.start + 200))?.[0] ?? '';
  report.add(
    'WEIR1009',
    { ...place, end: place.start + Math.max(1, key.length) },
    { message: `duplicate key "${key.replace(/^["']|["']$/g, '')}"`, mend: 'remove one of the two' },
  );
}

function reportSyntaxError(error: YAMLError, place: Place, report: Report): void {
  const { text } = place.source;
  const rest = text.slice(place.start, place.start + 200);
  const glued = /^[A-Za-z_][\w/-]*(?=:[^\s:])/.exec(rest)?.[0];
  if (error.code === 'TAB_AS_INDENT') {
    const line = text.lastIndexOf('\n', place.start - 1) + 1;
    report.add('WEIR1002', { ...place, start: Math.max(line, text.indexOf('\t', line)) }, TAB);
  } else if (error.code === 'MULTILINE_IMPLICIT_KEY' && glued !== undefined) {
    report.add('WEIR1027', { ...place, end: place.start + glued.length + 1 }, gluedFinding(glued));
  } else if (text.slice(0, place.start).endsWith('$')) {
    const start = place.start - 1;
    const length = /^\$\{[^}\n]*\}?/.exec(text.slice(start, start + 200))?.[0].length ?? 1;
    report.add('WEIR1002', { ...place, start, end: start + length }, UNQUOTED_REFERENCE);
  } else {
    const end = Math.min(place.end, place.start + 60);
    report.add(
      'WEIR1002',
      { ...place, end },
      { message: `not valid YAML: ${syntaxText(error)}`, mend: SYNTAX_MENDS.get(error.code) ?? SYNTAX_MEND },
    );
  }
}

const TAB = {
  message: 'not valid YAML: a tab as indentation',
  note: 'a tab',
  mend: 'indent with spaces, two for each level',
};
const UNQUOTED_REFERENCE = {
  message: 'not valid YAML: a reference between { } or [ ] needs quotes',
  mend: 'write "${env:NAME}" with the quotes',
};
const SYNTAX_MEND = 'close each quote and bracket, indent evenly, put a space after each colon';

const SYNTAX_MENDS = new Map<string, string>([
  ['MULTIPLE_DOCS', 'remove the ---, or put what follows into another file and name it with a further -c'],
  ['TAG_RESOLVE_FAILED', 'remove the tag, or put quotes around the value'],
]);

/** Message and mend for `key:value` without a space. */
export function gluedFinding(key: string): { message: string; note: string; mend: string } {
  return {
    message: `no space after the colon of "${key}"`,
    note: 'reads as one text',
    mend: `write "${key}: " and then the value`,
  };
}

const SYNTAX_TEXT = new Map<string, string>([
  ['MISSING_CHAR', 'a quote or bracket is not closed, or a comma or colon is missing'],
  ['MULTIPLE_DOCS', 'a second document (---) begins here; a configuration is one'],
  ['TAG_RESOLVE_FAILED', 'a tag that is not known'],
  ['BAD_ALIAS', 'an alias that cannot be followed'],
  ['BLOCK_AS_IMPLICIT_KEY', 'a mapping begins in the middle of a value; the indentation is uneven'],
  ['MULTILINE_IMPLICIT_KEY', 'a key goes over several lines; a colon is missing, or the indentation is uneven'],
]);

function syntaxText(error: YAMLError): string {
  const known = SYNTAX_TEXT.get(error.code);
  if (known !== undefined) return known;
  return error.message.charAt(0).toLowerCase() + error.message.slice(1);
}
