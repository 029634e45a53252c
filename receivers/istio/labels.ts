/** @module Istio's labels: every one may be missing (Telemetry can remove it), empty, or say `unknown`. */
import type { Labels } from '../../pipeline/model/resource.ts';

/** Value of a label, '' when nothing is known. */
export function known(labels: Labels, name: string): string {
  const value = labels.get(name) ?? '';
  return value === 'unknown' ? '' : value;
}
