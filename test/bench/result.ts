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
  /** The same of a stock Collector 0.165 on this class of machine, as it was told when the goal was set; not measured here. */
  readonly collector?: number;
}

/** A result with its verdict, for figures where less is better. */
export function measured(name: string, value: number, unit: string, goal?: number): BenchResult {
  return goal === undefined ? { name, value, unit } : { name, value, unit, goal, met: value <= goal };
}

/** A result with its verdict, for figures where more is better. */
export function atLeast(name: string, value: number, unit: string, goal?: number): BenchResult {
  return goal === undefined ? { name, value, unit } : { name, value, unit, goal, more: true, met: value >= goal };
}

/** A value and its unit, for people: whole numbers as they are, others with three digits or more. */
export function figureText(value: number, unit: string): string {
  return `${Number.isInteger(value) || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${unit}`;
}

/** `≤ 5` or `≥ 5`, '' without a goal. */
export function goalText({ goal, more }: BenchResult): string {
  return goal === undefined ? '' : `${more === true ? '≥' : '≤'} ${goal}`;
}

/** One line for people: name, value, unit, and the goal when there is one. */
export function formatResult(result: BenchResult): string {
  const { name, value, unit, goal, met } = result;
  const verdict = goal === undefined ? '' : `goal ${goalText(result)}${met === true ? '' : '  MISSED'}`;
  return `${name.padEnd(44)} ${figureText(value, unit).padStart(16)}   ${verdict}`.trimEnd();
}
