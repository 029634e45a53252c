/** @module The newest traces that came out of the demo's Weir, and how they read as text. Pure. */
import { formatMilliseconds } from '../../pipeline/wire/duration.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';

/** Traces kept; the one that was not heard of longest goes. */
const MAX_TRACES = 20;
/** Spans of a trace that are kept; more are only counted. */
const MAX_SPANS = 100;
const MAX_DEPTH = 40;
const KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer'];

export interface ReadSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly service: string;
  readonly name: string;
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly isError: boolean;
}

interface Trace {
  readonly spans: ReadSpan[];
  count: number;
}

export class NewestTraces {
  readonly #traces = new Map<string, Trace>();
  readonly #byService = new Map<string, number>();
  #count = 0;

  /** Spans that came so far. */
  get count(): number {
    return this.#count;
  }

  /** Spans that came, by `service.name`. */
  get byService(): ReadonlyMap<string, number> {
    return this.#byService;
  }

  add(span: ReadSpan): void {
    this.#count += 1;
    this.#countService(span.service);
    const trace = this.#traces.get(span.traceId) ?? { spans: [], count: 0 };
    trace.count += 1;
    if (trace.spans.length < MAX_SPANS) trace.spans.push(span);
    // Set anew, so that the map stays in the order of what was heard last.
    this.#traces.delete(span.traceId);
    this.#traces.set(span.traceId, trace);
    if (this.#traces.size > MAX_TRACES) this.#traces.delete(this.#traces.keys().next().value ?? '');
  }

  #countService(service: string): void {
    const key = this.#byService.has(service) || this.#byService.size < MAX_TRACES * MAX_SPANS ? service : '(others)';
    this.#byService.set(key, (this.#byService.get(key) ?? 0) + 1);
  }

  /** The newest traces, the newest last, each as a tree. */
  text(): string {
    const trees = [...this.#traces].flatMap(([traceId, trace]) => [...treeOf(traceId, trace), '']);
    return `${[...trees, `${this.#count} spans so far; the newest traces are above`].join('\n')}\n`;
  }
}

function treeOf(traceId: string, { spans, count }: Trace): string[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const sorted = [...spans].sort((a, b) => a.startMs - b.startMs);
  const children = Map.groupBy(sorted, ({ parentSpanId }) => (ids.has(parentSpanId) ? parentSpanId : ''));
  const lines = [`trace ${printableShort(traceId, 32)}, ${count} span${count === 1 ? '' : 's'}`];
  const seen = new Set<ReadSpan>();
  const walk = (parent: string, depth: number) => {
    for (const span of children.get(parent) ?? []) {
      // Spans that name one another as parents would never end.
      if (seen.has(span) || depth > MAX_DEPTH) continue;
      seen.add(span);
      lines.push(`${'  '.repeat(depth)}${lineOf(span)}`);
      if (span.spanId !== '') walk(span.spanId, depth + 1);
    }
  };
  walk('', 1);
  return lines;
}

function lineOf({ service, kind, name, startMs, endMs, isError }: ReadSpan): string {
  const took = formatMilliseconds(Math.max(0, Math.round((endMs - startMs) * 10) / 10));
  const words = [printableShort(service, 60) || '(no service)', KINDS[kind] ?? '', printableShort(name, 80), took];
  return [...words, isError ? 'ERROR' : ''].filter((word) => word !== '').join(' ');
}
