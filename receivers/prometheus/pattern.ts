/** @module Regular expressions from the configuration: Prometheus' anchoring, compiled once, met by bounded values only. */

/** Longest text a pattern is held against, characters: no label value read may be longer by default. */
export const MAX_SUBJECT_LENGTH = 4096;

const LEADING_FLAGS = /^\(\?([ims]+)\)/;

/**
 * Whole-text expression of `source`, as Prometheus anchors them; null when it is none. RE2's spelling of flags in front
 * (`(?i)`) and of named groups (`(?P<name>…)`) is understood; `.` matches line feeds, as in Prometheus.
 */
export function compilePattern(source: string): RegExp | null {
  const flags = LEADING_FLAGS.exec(source)?.[1] ?? '';
  const body = source.replace(LEADING_FLAGS, '').replaceAll('(?P<', '(?<');
  try {
    return new RegExp(`^(?:${body})$`, [...new Set(`s${flags}`)].join(''));
  } catch {
    return null;
  }
}

/** True when the whole of `text` matches; a text beyond `MAX_SUBJECT_LENGTH` never does. */
export function matches(pattern: RegExp, text: string): boolean {
  return text.length <= MAX_SUBJECT_LENGTH && pattern.test(text);
}
