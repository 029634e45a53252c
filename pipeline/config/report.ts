/** @module Where problems are gathered while a configuration is checked. */
import { printable } from '../wire/printable.ts';
import { maskUrls } from '../wire/url-secrets.ts';
import type { Problem, ProblemCode, Severity } from './problem.ts';
import { excerptAt, type Place, positionAt } from './source.ts';
import { type Path, pathText } from './tree.ts';

export interface Finding {
  readonly message: string;
  /** Stands after the carets. */
  readonly note?: string;
  readonly mend?: string;
  readonly severity?: Severity;
  readonly path?: Path;
  /** File concerned, when the finding has no place in it. */
  readonly file?: string;
}

/** A file can hold a problem in every line; each costs a look through the file. */
const MOST = 1000;

/** A list that takes findings with the place they concern; null for one that stands in no file. */
export class Report {
  readonly problems: Problem[] = [];

  add(code: ProblemCode, place: Place | null, finding: Finding): void {
    if (this.problems.length > MOST) return;
    if (this.problems.length === MOST) {
      code = 'WEIR1025';
      finding = { message: `more than ${MOST} problems; the others are not listed`, mend: 'mend these first' };
    }
    const position = place === null ? { line: 0, column: 0 } : positionAt(place.source, place.start);
    const problem: Problem = {
      code,
      severity: finding.severity ?? 'error',
      file: safe(place === null ? (finding.file ?? '') : place.source.file),
      ...position,
      path: safe(pathText(finding.path ?? [])),
      message: safe(finding.message),
      note: safe(finding.note ?? ''),
      mend: safe(finding.mend ?? ''),
      excerpt: place === null ? null : excerptAt(place),
    };
    if (!this.problems.some((known) => isSame(known, problem))) this.problems.push(problem);
  }

  get hasErrors(): boolean {
    return this.problems.some((problem) => problem.severity === 'error');
  }
}

/** Longest text of one message; a hostile or mistaken value must not fill the screen. */
const LONGEST = 600;

function safe(text: string): string {
  const shown = printable(maskUrls(text));
  return shown.length <= LONGEST ? shown : `${shown.slice(0, LONGEST - 1)}…`;
}

function isSame(a: Problem, b: Problem): boolean {
  return (
    a.code === b.code && a.file === b.file && a.line === b.line && a.column === b.column && a.message === b.message
  );
}
