/** @module What a scanner is told and what it tells: settings, limits, results, and the words for what was wrong. */
import type { FamilyRule, StraySamples } from '../../model/rules.ts';

/** Why a single line of a wanted sample was skipped. */
export type LineFault =
  | 'control_byte'
  | 'bad_labels'
  | 'bad_escape'
  | 'invalid_utf8'
  | 'duplicate_label'
  | 'missing_value'
  | 'bad_value'
  | 'bad_timestamp'
  | 'trailing_text';

/** Why a page failed as a whole. */
export type PageFault =
  | 'html'
  | 'line_too_long'
  | 'type_changed'
  | 'sample_limit'
  | 'label_limit'
  | 'label_name_length_limit'
  | 'label_value_length_limit';

/** Limits of a page; whoever exceeds one fails it as a whole, as in Prometheus. Infinity means none. */
export interface ScanLimits {
  /** Wanted samples on a page: those stored and those refused by the series limit. */
  readonly sampleLimit: number;
  /** Labels between the braces of one line. */
  readonly labelLimit: number;
  readonly labelNameLengthBytes: number;
  /** Of the value without its escapes. */
  readonly labelValueLengthBytes: number;
  /** Of any line, without its newline. Default 1 MiB. */
  readonly lineBytes?: number;
}

export const DEFAULT_LINE_BYTES = 1024 * 1024;

/** `resolve` knows this series and does not want it; remembered. */
export const UNWANTED_SERIES = -1;
/** `resolve` would want this series, but the series limit refuses it; asked again in the next scrape. */
export const LIMITED_SERIES = -2;

export interface ScannerSettings {
  /** Sample names that are read; all other lines are passed over unseen. */
  readonly wanted: ReadonlyMap<string, FamilyRule>;
  /**
   * Called for each wanted series whose text the scanner does not remember. Returns the id in the table to which its
   * values go, `UNWANTED_SERIES` or `LIMITED_SERIES`. The labels are the callee's to keep. The same labels must get the
   * same answer later: texts that have been away for long are forgotten and asked for again.
   */
  readonly resolve: (sample: string, labels: Map<string, string>) => number;
  /** Names to count although no line of them is read. */
  readonly strays?: StraySamples | null;
  readonly limits: ScanLimits;
  /** Any integer outsiders cannot guess; spoils attempts at label values that collide in the scanner's hash table. */
  readonly hashSeed?: number;
}

/** The first line that was skipped. */
export interface SkippedLine {
  readonly reason: LineFault;
  /** Counted from 1. */
  readonly line: number;
  /** Start of the line, at most 160 bytes of it; bytes other than printable ASCII as `\xNN`. */
  readonly excerpt: string;
}

export interface PageFailure {
  readonly reason: PageFault;
  readonly line: number;
  /** What was found and what was expected, for a log line. */
  readonly detail: string;
}

/** What was on one page. After a failure the counts say only how far the scanner got. */
export interface ScanResult {
  /** Values stored in the table. */
  readonly samples: number;
  /** Well-formed samples whose series `resolve` does not want. */
  readonly unwantedSamples: number;
  /** Well-formed samples whose series the series limit refused. */
  readonly limitedSamples: number;
  /** Lines with a stray name; they are not looked at any further. */
  readonly straySamples: number;
  /** The first of them, as `excerptOf` gives it; '' without one. */
  readonly firstStray: string;
  readonly lines: number;
  readonly bytes: number;
  /** Lines of wanted samples that could not be read. */
  readonly skippedLines: number;
  readonly firstSkipped: SkippedLine | null;
  readonly failure: PageFailure | null;
  readonly endsInNewline: boolean;
  /** `# EOF` stood somewhere on the page. */
  readonly sawEof: boolean;
  /** How the page ended: with `# EOF` (blank lines aside), else with a newline, else in the middle of a line. */
  readonly endsMark: 'eof' | 'newline' | 'none';
  /** Wanted lines that did not stand where the last page had them: new, moved, or after one that vanished. */
  readonly unexpectedLines: number;
}

const EXCERPT_BYTES = 160;

/** Printable start of a line for people: safe in any log and terminal. */
export function excerptOf(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  const stop = Math.min(end, start + EXCERPT_BYTES);
  for (let i = start; i < stop; i++) {
    const byte = bytes[i]!;
    const printable = byte >= 0x20 && byte < 0x7f;
    text += printable ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}
