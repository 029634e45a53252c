/** @module A reader of pages for these tests alone: slow, plain, and independent of Weir's scanner. */

export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/g;

/** Every sample of a page; throws at a line that is none and no comment. */
export function readPage(page: string): Sample[] {
  return page
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(readLine);
}

function readLine(line: string): Sample {
  const match = LINE.exec(line);
  if (match === null) throw new Error(`not a sample: ${line}`);
  const labels = new Map<string, string>();
  for (const [, name = '', value = ''] of (match[2] ?? '').matchAll(LABEL)) labels.set(name, value);
  return { name: match[1] ?? '', labels, value: Number(match[3]) };
}

/** Sum of the samples of a name whose labels include `wanted`. */
export function total(samples: readonly Sample[], name: string, wanted: Record<string, string> = {}): number {
  let sum = 0;
  for (const sample of samples) {
    if (sample.name !== name) continue;
    if (Object.entries(wanted).every(([label, value]) => sample.labels.get(label) === value)) sum += sample.value;
  }
  return sum;
}

/** Name and label names in the order printed, without values: the form of a line. */
export function lineForms(page: string): Map<string, Set<string>> {
  const forms = new Map<string, Set<string>>();
  for (const { name, labels } of readPage(page)) {
    const form = [...labels.keys()].join(',');
    forms.set(name, (forms.get(name) ?? new Set()).add(form));
  }
  return forms;
}
