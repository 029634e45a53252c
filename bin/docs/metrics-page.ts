/** @module Makes `docs/reference/metrics.md` from the places in the sources where metrics are registered. Pure. */

export interface MetricEntry {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Source file that registers it first. */
  readonly file: string;
}

/** A name with its help, as argument of a registration or as row of a table of them; before it, the kind if it is told. */
const REGISTRATION =
  /(?:\b(counter|gauge|seconds)(?:\(|',)\s*)?'(weir_[a-z0-9_]+)',\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/g;
/** A name in any registration, to notice one whose help is not a plain text. */
const NAMED = /\b(?:counter|gauge|seconds)(?:\(|',)\s*'(weir_[a-z0-9_]+)'/g;

/**
 * Metrics registered in one source text. Names and help must be plain texts where they are registered, so that a reader
 * finds them by searching; throws when a help is anything else.
 */
export function metricsOf(file: string, text: string): MetricEntry[] {
  const found = Array.from(text.matchAll(REGISTRATION), ([, kind = '', name = '', help = '']) => ({
    name,
    type: typeOf(kind, name),
    help: help.slice(1, -1).replace(/\\(.)/g, '$1'),
    file,
  }));
  for (const [, name = ''] of text.matchAll(NAMED)) {
    if (!found.some((entry) => entry.name === name)) throw new Error(`${file}: the help of ${name} is no plain text`);
  }
  return found;
}

/** A row of a table does not tell the kind; there only counters end in `_total`, and histograms have no rows. */
function typeOf(kind: string, name: string): MetricEntry['type'] {
  if (kind === 'seconds') return 'histogram';
  return kind === 'counter' || (kind === '' && name.endsWith('_total')) ? 'counter' : 'gauge';
}

/** Throws when one name is registered with two types or two helps. Sorted by name. */
export function joinMetrics(entries: readonly MetricEntry[]): MetricEntry[] {
  const joined = new Map<string, MetricEntry>();
  for (const entry of entries) {
    const held = joined.get(entry.name);
    if (held !== undefined && (held.type !== entry.type || held.help !== entry.help)) {
      throw new Error(`${entry.name} is registered differently in ${held.file} and ${entry.file}`);
    }
    if (held === undefined) joined.set(entry.name, entry);
  }
  return [...joined.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The whole page. */
export function metricsPage(entries: readonly MetricEntry[]): string {
  const rows = joinMetrics(entries).map(
    ({ name, type, help }) => `| \`${name}\` | ${type} | ${help.replace(/\|/g, '\\|')} |`,
  );
  return `# Weir's own metrics

Served as Prometheus text at \`http://127.0.0.1:8888/metrics\` (\`service.telemetry.metrics.address\`). This page is made
from the sources by \`npm run docs\`; a test compares both.

Labels: \`kind\` (receiver, processor, exporter, extension) and \`component\` (its id in the configuration) say whose a
value is, \`signal\` (samples, traffic, spans) what was counted, \`reason\` why. Metrics of scrapes carry \`receiver\`,
the id of the receiver, instead; those of one target also \`target\`, \`namespace\`, \`workload\` and \`pod\`. For every
component \`weir_items_total{outcome="accepted"}\` equals the sum of its delivered, merged, filtered and dropped items,
\`weir_held_items\` and \`weir_queue_items\`; the difference is \`weir_unaccounted_items\`, which is always 0 unless there
is a defect. Refused items were never accepted. At most 10,000 sets of labels are rendered for one metric; what is beyond
is summed in one point with the label \`otel_metric_overflow="true"\`. A histogram has the usual \`_bucket\`, \`_sum\` and
\`_count\`.

| Metric | Type | Meaning |
|---|---|---|
${rows.join('\n')}
`;
}
