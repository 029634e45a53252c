/** @module Problems as text for people: place, excerpt with carets, mend, and a count at the end. */
import type { Problem } from './problem.ts';

/** Most problems printed; the rest is only counted. */
const MOST = 50;
/** Cells for a line number. */
const GUTTER = 5;

/** All problems and the line of counts, each line ended by a line feed; '' for none. */
export function renderProblems(problems: readonly Problem[]): string {
  if (problems.length === 0) return '';
  const shown = problems.slice(0, MOST).map(renderProblem);
  if (problems.length > MOST) shown.push(`… and ${problems.length - MOST} more\n`);
  return `${shown.join('')}${formatCounts(problems)}\n`;
}

/** `1 error, 0 warnings`. */
export function formatCounts(problems: readonly Problem[]): string {
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  return `${plural(errors, 'error')}, ${plural(problems.length - errors, 'warning')}`;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** One problem in the form of the documentation (docs/configuration.md, "Errors"). */
export function renderProblem(problem: Problem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  const head = `${place === '' ? '' : `${place}: `}${problem.severity} ${problem.code}: ${problem.message}`;
  const mend = problem.mend === '' ? [] : [`   mend: ${problem.mend}`];
  return [head, ...excerptLines(problem), ...mend].map((line) => `${line}\n`).join('');
}

function excerptLines({ excerpt, note }: Problem): string[] {
  if (excerpt === null) return [];
  const lines = excerpt.lines.map(({ number, text }) => `${String(number).padStart(GUTTER)} | ${text}`.trimEnd());
  const carets = `${' '.repeat(excerpt.caretStart)}${'^'.repeat(excerpt.caretLength)}`;
  return [...lines, `${' '.repeat(GUTTER)} | ${carets}${note === '' ? '' : ` ${note}`}`];
}
