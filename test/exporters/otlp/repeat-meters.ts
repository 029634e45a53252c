/** @module Meters of which only one counter can be read, that of repeats unless another is asked for. */
import { type Meters, NO_METERS, type Observation } from '../../../pipeline/telemetry/meters.ts';

export function repeatMeters(counter = 'weir_otlp_repeats_total'): {
  readonly meters: Meters;
  readonly repeats: () => number;
} {
  let observe: () => Iterable<Observation> = () => [];
  let last = 0;
  const meters: Meters = {
    ...NO_METERS,
    counter(name, _help, read) {
      if (name !== counter) return () => {};
      observe = read;
      return () => {
        last = totalOf(read());
        observe = () => [];
      };
    },
  };
  return { meters, repeats: () => last + totalOf(observe()) };
}

function totalOf(observations: Iterable<Observation>): number {
  let total = 0;
  for (const { value } of observations) total += value;
  return total;
}
