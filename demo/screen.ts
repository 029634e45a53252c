/** @module Where the demo shows itself: in place on a terminal, as blocks of lines everywhere else. */
import { cellWidth } from '../pipeline/cli/text.ts';

/** What a screen needs of an output stream; a `tty.WriteStream` has it. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): boolean;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

/** What is shown: `top` and `bottom` whole, their long lines wrapped; `table` gets the rows they leave. */
export interface Frame {
  readonly top: readonly string[];
  readonly table: readonly string[];
  readonly bottom: readonly string[];
  /** The command that shows the whole table, for when it is cut. */
  readonly whole?: string;
  /** Rows that go last when the table is cut, by their index in `table`. */
  readonly pinned?: readonly number[];
}

export interface Screen {
  /** True when frames replace one another. */
  readonly inPlace: boolean;
  show(frame: Frame): void;
  /** Gives the terminal back as it was. May be called twice. */
  close(): void;
}

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const RESET = '\u001b[0m';

/** Whether frames can replace one another there. */
export function isInPlace(output: Output, env: Readonly<Record<string, string | undefined>>): boolean {
  return output.isTTY === true && env.TERM !== 'dumb';
}

export function createScreen(output: Output, env: Readonly<Record<string, string | undefined>>): Screen {
  return isInPlace(output, env) ? createTerminal(output) : createPrinter(output);
}

function createPrinter(output: Output): Screen {
  return {
    inPlace: false,
    show: ({ top, table, bottom }) => void output.write(`${[...top, ...table, ...bottom].join('\n')}\n`),
    close() {},
  };
}

function createTerminal(output: Output): Screen {
  let last: Frame | null = null;
  let open = false;

  function draw(): void {
    if (last === null) return;
    const columns = output.columns ?? 80;
    const lines = fitFrame(last, columns, output.rows ?? 24);
    // Cleared before it is written: after a line that is as long as the row is wide, its last cell would go.
    const clear = (line: string, i: number) =>
      i === lines.length - 1 || rowsTaken(line, columns) > 1 ? CLEAR_BELOW : CLEAR_LINE;
    output.write(HOME + lines.map((line, i) => clear(line, i) + line).join('\r\n'));
  }

  return {
    inPlace: true,
    show(frame) {
      if (!open) {
        open = true;
        output.write(ENTER);
        output.on('resize', draw);
      }
      last = frame;
      draw();
    },
    close() {
      if (!open) return;
      open = false;
      output.off('resize', draw);
      output.write(LEAVE);
    },
  };
}

/** A table is never cut below this: header, a row, and how many more there are. */
const MIN_TABLE_ROWS = 3;

/**
 * The lines of a frame that a terminal of this size can show. Only rows of the table are cut in width; everything else
 * wraps, because a part of an address or a command is of no use. Empty lines go first, then rows of the table, and what
 * stands below it only where there is no room for it at all. Pure.
 */
export function fitFrame(frame: Frame, columns: number, rows: number): string[] {
  const { top, table, bottom } = frame;
  const height = (lines: readonly string[]) => lines.reduce((sum, line) => sum + rowsTaken(line, columns), 0);
  const isTight = height(top) + table.length + height(bottom) > rows;
  const [head, foot] = [top, bottom].map((lines) => (isTight ? lines.filter((line) => line !== '') : lines));
  const shownHead = firstLines(head ?? [], columns, rows - 1);
  const room = rows - height(shownHead);
  const tableRows = Math.min(room, Math.max(MIN_TABLE_ROWS, room - height(foot ?? [])));
  const shown = cutTable(frame, tableRows).map((line) => clip(line, columns));
  return [...shownHead, ...shown, ...firstLines(foot ?? [], columns, room - shown.length)];
}

/** At most `rows` lines of the table, in their order, its header and pinned rows before others. */
function cutTable({ table, whole, pinned = [] }: Frame, rows: number): string[] {
  if (table.length <= rows) return [...table];
  const kept = Math.max(0, rows - 1);
  const byWeight = new Set([0, ...pinned, ...table.keys()]);
  const chosen = [...byWeight].slice(0, kept).sort((a, b) => a - b);
  const more = `… ${table.length - kept} more: ${whole ?? 'make the window higher'}`;
  return [...chosen.flatMap((index) => table[index] ?? []), more];
}

/** The first lines that together take at most `rows` rows, each whole. */
function firstLines(lines: readonly string[], columns: number, rows: number): string[] {
  let left = rows;
  const over = lines.findIndex((line) => {
    left -= rowsTaken(line, columns);
    return left < 0;
  });
  return over === -1 ? [...lines] : lines.slice(0, over);
}

/** Rows that a line takes on a terminal that wraps it. */
function rowsTaken(line: string, columns: number): number {
  return Math.max(1, Math.ceil(cellWidth(line.replace(COLORS, '')) / Math.max(1, columns)));
}

const COLORS = /\u001b\[[0-9;]*m/g;
const PIECES = /\u001b\[[0-9;]*m|[\s\S]/gu;

/** The beginning of a line that takes at most `columns` cells; colours are kept and ended. Pure. */
export function clip(line: string, columns: number): string {
  let width = 0;
  let text = '';
  for (const [piece] of line.matchAll(PIECES)) {
    const isColor = piece.length > 1 && piece.startsWith('\u001b');
    if (!isColor) width += cellWidth(piece);
    if (width > columns) return text.includes('\u001b') ? text + RESET : text;
    text += piece;
  }
  return text;
}
