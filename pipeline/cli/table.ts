/** @module Plain tables: three spaces between columns, names left, numbers right, no trailing blanks. */
import { type Color, cellWidth, paint, terminalText } from './text.ts';

export interface Column {
  readonly header: string;
  readonly align: 'left' | 'right';
}

/** Text of a cell, coloured or plain. Untrusted text is welcome: it is escaped here. */
export type Cell = string | { readonly text: string; readonly color: Color | null };

export interface TableOptions {
  /** Default true. */
  readonly headers?: boolean;
  /** Default false. */
  readonly color?: boolean;
}

const GAP = '   ';

/** The table as text, each line ended by a line feed; '' for no rows without headers. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions = {},
): string {
  const { headers = true, color = false } = options;
  const head: (readonly Cell[])[] = headers ? [columns.map((column) => column.header)] : [];
  const lines = [...head, ...rows].map((row) => columns.map((_, index) => normalize(row[index] ?? '')));
  const widths = columns.map((_, index) => maxWidth(lines, index));
  return lines.map((line) => `${renderLine(columns, line, widths, color)}\n`).join('');
}

interface NormalCell {
  readonly text: string;
  readonly width: number;
  readonly color: Color | null;
}

function normalize(cell: Cell): NormalCell {
  const text = terminalText(typeof cell === 'string' ? cell : cell.text);
  return { text, width: cellWidth(text), color: typeof cell === 'string' ? null : cell.color };
}

// Not Math.max(...): a list of ten thousand rows must not become as many arguments.
function maxWidth(lines: readonly (readonly NormalCell[])[], index: number): number {
  let width = 0;
  for (const line of lines) width = Math.max(width, line[index]?.width ?? 0);
  return width;
}

function renderLine(
  columns: readonly Column[],
  cells: readonly NormalCell[],
  widths: readonly number[],
  color: boolean,
): string {
  const parts = cells.map((cell, index) => {
    const padding = ' '.repeat((widths[index] ?? 0) - cell.width);
    const text = color && cell.color !== null && cell.text !== '' ? paint(cell.text, cell.color) : cell.text;
    return columns[index]?.align === 'right' ? padding + text : text + padding;
  });
  return parts.join(GAP).trimEnd();
}
