/** @module The frames of all metrics of traffic, and how long they are together around points of given lengths. */
import { INTERVAL, REQUEST_DURATION, REQUESTS, REQUESTS_UNREACHED } from '../traffic-metrics.ts';
import { MetricFrame } from './metric-frame.ts';
import { COVERAGE_METRICS, TCP_METRICS } from './sections.ts';

export const INTERVAL_FRAME = new MetricFrame(INTERVAL);
export const REQUESTS_FRAME = new MetricFrame(REQUESTS);
export const UNREACHED_FRAME = new MetricFrame(REQUESTS_UNREACHED);
export const DURATION_FRAME = new MetricFrame(REQUEST_DURATION);
export const TCP_FRAMES = TCP_METRICS.map(([metric, read]) => ({ frame: new MetricFrame(metric), read }));
export const COVERAGE_FRAMES = COVERAGE_METRICS.map(([metric, read]) => ({ frame: new MetricFrame(metric), read }));

/** Bytes of the points of each metric. Those of one group have the same points, so the same length each. */
export interface Lengths {
  /** Number of all points. */
  points: number;
  interval: number;
  requests: number;
  unreached: number;
  duration: number;
  tcp: number;
  coverage: number;
}

export const NO_LENGTHS: Readonly<Lengths> = {
  points: 0,
  interval: 0,
  requests: 0,
  unreached: 0,
  duration: 0,
  tcp: 0,
  coverage: 0,
};

/** Bytes of all metrics with points of these lengths. */
export function metricsLength(lengths: Lengths): number {
  const tcp = TCP_FRAMES.reduce((sum, { frame }) => sum + frame.length(lengths.tcp), 0);
  const coverage = COVERAGE_FRAMES.reduce((sum, { frame }) => sum + frame.length(lengths.coverage), 0);
  return (
    INTERVAL_FRAME.length(lengths.interval) +
    REQUESTS_FRAME.length(lengths.requests) +
    UNREACHED_FRAME.length(lengths.unreached) +
    DURATION_FRAME.length(lengths.duration) +
    tcp +
    coverage
  );
}
