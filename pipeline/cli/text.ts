/** @module The one escaping function of the command line's output, and the width and colour of what it prints. */
import { printable } from '../wire/printable.ts';

/** Text from outside as it may stand on a terminal. */
export const terminalText = printable;

/** Code points that take two cells: East Asian wide and emoji blocks (UAX #11, the common ranges). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const COMBINING = /\p{Mn}|\p{Me}/u;

/** Terminal cells that a text without escape sequences takes. */
export function cellWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += WIDE.test(character) ? 2 : COMBINING.test(character) ? 0 : 1;
  return width;
}

export type Color = 'red' | 'yellow' | 'green' | 'dim' | 'bold';
const SGR: Readonly<Record<Color, number>> = { red: 31, yellow: 33, green: 32, dim: 2, bold: 1 };

/** The text inside the colour's escape sequences. */
export function paint(text: string, color: Color): string {
  return `\u001b[${SGR[color]}m${text}\u001b[0m`;
}

export type ColorChoice = 'auto' | 'always' | 'never';

/** Whether to colour: never without a terminal, with `NO_COLOR` or `TERM=dumb`, unless `always` was asked for. */
export function wantsColor(choice: ColorChoice, isTty: boolean, env: Readonly<Record<string, string | undefined>>) {
  if (choice !== 'auto') return choice === 'always';
  return isTty && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}
