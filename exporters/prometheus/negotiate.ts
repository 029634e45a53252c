/**
 * @module Which format and encoding a scraper gets for what it accepts.
 *
 * Sources: RFC 9110 §12.5; media types in prometheus/docs (content/docs/instrumenting/content_negotiation.md).
 */

/** `openmetrics` is 1.0.0, `text` is 0.0.4. */
export type Format = 'text' | 'openmetrics';

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** A header's list is read so far; no scraper's is longer. */
const MAX_CHOICES = 32;

/**
 * The format that `accept` likes best. On a tie OpenMetrics; text when nothing fits or nothing is asked for, as every
 * scraper reads it.
 */
export function formatFor(accept: string | undefined, openMetrics: boolean): Format {
  if (!openMetrics || accept === undefined) return 'text';
  const liking = { text: 0, openmetrics: 0 };
  for (const choice of choicesOf(accept)) {
    const format = formatOf(choice);
    if (format !== null) liking[format] = Math.max(liking[format], choice.quality);
  }
  return liking.openmetrics > 0 && liking.openmetrics >= liking.text ? 'openmetrics' : 'text';
}

/** Whether `acceptEncoding` asks for gzip, by name or by `*`. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const choices = choicesOf(acceptEncoding ?? '');
  const named = choices.find(({ name }) => name === 'gzip') ?? choices.find(({ name }) => name === '*');
  return named !== undefined && named.quality > 0;
}

interface Choice {
  readonly name: string;
  readonly version: string;
  readonly quality: number;
}

function choicesOf(header: string): Choice[] {
  return header.split(',', MAX_CHOICES).map((part) => {
    const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const value = (wanted: string) => {
      const found = parameters.find((parameter) => parameter.startsWith(`${wanted}=`));
      return found?.slice(wanted.length + 1).replaceAll('"', '');
    };
    const quality = Number(value('q') ?? 1);
    return { name, version: value('version') ?? '', quality: quality >= 0 && quality <= 1 ? quality : 0 };
  });
}

/** Any version of text reads as the one there is; of OpenMetrics only 1.0.0, and what leaves it open. */
function formatOf({ name, version }: Choice): Format | null {
  if (name === 'application/openmetrics-text') return version === '' || version === '1.0.0' ? 'openmetrics' : null;
  return name === 'text/plain' || name === 'text/*' || name === '*/*' ? 'text' : null;
}
