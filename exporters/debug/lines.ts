/** @module A reading of traffic as lines for people. Names are escaped; every figure has its unit. */
import type { Quantile } from '../../pipeline/model/histogram.ts';
import type { EdgeReading, Figures, ResourceReading, TrafficReading } from '../../pipeline/model/reading.ts';
import type { TrafficSum } from '../../pipeline/model/traffic.ts';
import { formatMilliseconds } from '../../pipeline/wire/duration.ts';
import { printableShort } from '../../pipeline/wire/printable.ts';

export type Verbosity = 'basic' | 'normal' | 'detailed';

/** Whole lines, each with its line feed. O(edges). */
export function trafficLines(sum: TrafficSum, reading: TrafficReading, verbosity: Verbosity): string {
  const lines = [summaryLine(sum, reading)];
  if (verbosity !== 'basic') lines.push(...reading.edges.map(edgeLine));
  if (verbosity === 'detailed') {
    lines.push(...reading.workloads.flatMap(workloadLine));
    lines.push(...sum.coverage.map(coverageLine));
  }
  return `${lines.join('\n')}\n`;
}

function summaryLine(sum: TrafficSum, { interval, edges, partial, clockAhead, late }: TrafficReading): string {
  const requests = edges.reduce((total, { figures }) => total + figures.successes + figures.failures, 0);
  const flags = `${partial ? ' partial' : ''}${clockAhead ? ' clock-ahead' : ''}${late ? ' late' : ''}`;
  const length = formatMilliseconds(interval.endMs - interval.startMs);
  const counts = `edges=${edges.length} requests=${requests} records=${sum.records.length} targets=${sum.coverage.length}`;
  return `traffic ${new Date(interval.startMs).toISOString()} +${length} ${counts}${flags}`;
}

function edgeLine({ source, destination, mesh, figures }: EdgeReading): string {
  return `  edge ${nameOf(source)} -> ${nameOf(destination)} ${figuresText(figures)} mesh=${printableShort(mesh)}`;
}

function workloadLine({ resource, figures }: ResourceReading): string[] {
  return figures === null
    ? []
    : [`  workload ${printableShort(resource.kind)} ${nameOf(resource)} ${figuresText(figures)}`];
}

function coverageLine(record: TrafficSum['coverage'][number]): string {
  const { scrapesDue, scrapesMissed, coveredSeconds, expectedSeconds, resets, firstSight } = record;
  const scrapes = `scrapes=${scrapesDue - scrapesMissed}/${scrapesDue}`;
  const covered = `covered=${seconds(coveredSeconds)}/${seconds(expectedSeconds)}`;
  return `  target ${printableShort(record.target)} ${scrapes} ${covered} resets=${resets}${firstSight ? ' first-sight' : ''}`;
}

function figuresText(figures: Figures): string {
  const { successes, failures, p50, p90, p99 } = figures;
  const requests = successes + failures;
  const share = requests === 0 ? '-' : successPercent(successes, requests);
  const latencies = `p50=${latency(p50)} p90=${latency(p90)} p99=${latency(p99)}`;
  const counts = `ok=${successes} failed=${failures} success=${share} rps=${rate(figures.ratePerSecond)}`;
  const unreached = figures.unreached === 0 ? '' : ` unreached=${figures.unreached}`;
  const flags = `${unreached}${figures.complete ? '' : ' incomplete'}`;
  return `${counts} ${latencies} side=${figures.side} counts=${figures.counts}${flags}`;
}

function nameOf(workload: { readonly namespace: string; readonly name: string } | null): string {
  return workload === null ? '(unknown)' : `${printableShort(workload.namespace)}/${printableShort(workload.name)}`;
}

/** Two decimals; never 100 % while something failed, never 0 % while something succeeded. */
function successPercent(successes: number, requests: number): string {
  const percent = (successes / requests) * 100;
  if (successes === requests) return '100.00%';
  if (successes === 0) return '0.00%';
  return `${Math.min(99.99, Math.max(0.01, percent)).toFixed(2)}%`;
}

function rate(perSecond: number | null): string {
  return perSecond === null ? '-' : `${Number(perSecond.toPrecision(3))}/s`;
}

/** One in the open last bucket is only known to be above its bound. */
function latency(quantile: Quantile | null): string {
  if (quantile === null) return '-';
  return quantile.saturated ? `>${milliseconds(quantile.loMs)}` : milliseconds(quantile.valueMs);
}

function milliseconds(ms: number): string {
  return ms < 1000 ? `${Number(ms.toPrecision(3))}ms` : `${Number((ms / 1000).toPrecision(3))}s`;
}

function seconds(value: number): string {
  return `${Number(value.toFixed(1))}s`;
}
