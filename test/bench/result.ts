/** @module One figure of a benchmark. */

export interface BenchResult {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the value should not exceed, or, where more is better, fall short of. */
  readonly goal?: number;
  /** More is better. */
  readonly more?: true;
  readonly met?: boolean;
}

/** A result with its verdict, for figures where less is better. */
export function measured(name: string, value: number, unit: string, goal?: number): BenchResult {
  return goal === undefined ? { name, value, unit } : { name, value, unit, goal, met: value <= goal };
}

/** A result with its verdict, for figures where more is better. */
export function atLeast(name: string, value: number, unit: string, goal?: number): BenchResult {
  return goal === undefined ? { name, value, unit } : { name, value, unit, goal, more: true, met: value >= goal };
}

/** One line for people: name, value, unit, and the goal when there is one. */
export function formatResult({ name, value, unit, goal, met }: BenchResult): string {
  const figure = `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${unit}`;
  const verdict = goal === undefined ? '' : `goal ${goal}${met ? '' : '  MISSED'}`;
  return `${name.padEnd(44)} ${figure.padStart(16)}   ${verdict}`.trimEnd();
}
