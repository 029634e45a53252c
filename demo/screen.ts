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

/** What is shown: `top` first and always, `table` cut when it must be, `bottom` left out before that. */
export interface Frame {
  readonly top: readonly string[];
  readonly table: readonly string[];
  readonly bottom: readonly string[];
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
    const lines = fitFrame(last, output.columns ?? 80, output.rows ?? 24);
    output.write(HOME + lines.map((line) => `${line}${CLEAR_LINE}`).join('\r\n') + CLEAR_BELOW);
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

/** The lines of a frame that a terminal of this size can show, none longer than it is wide. Pure. */
export function fitFrame({ top, table, bottom }: Frame, columns: number, rows: number): string[] {
  const room = Math.max(1, rows - top.length);
  const shown =
    table.length <= room
      ? [...table, ...bottom].slice(0, room)
      : [...table.slice(0, room - 1), `… ${table.length - room + 1} more, make the window higher`];
  return [...top, ...shown].slice(0, rows).map((line) => clip(line, columns));
}

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
