/** @module How much work a test does: what `npm test` wants, or what `npm run soak` asks for through the environment. */

/** Names of the variables by which the soak asks for more. */
export const BUDGET = {
  /** Runs of each property of the scanner. */
  scannerRuns: 'WEIR_SOAK_SCANNER_RUNS',
  /** Scrapes of the process whose heap must stay flat. */
  scrapes: 'WEIR_SOAK_SCRAPES',
  /** Worlds of the truth test, each with its own seed. */
  seeds: 'WEIR_SOAK_SEEDS',
  /** Runs with stalls, late pages and lost answers, each with its own seed. */
  stalls: 'WEIR_SOAK_STALLS',
  /** Rounds of all attacks on one process. */
  attacks: 'WEIR_SOAK_ATTACKS',
  /** Random mutations of requests of each signal in each encoding. */
  mutations: 'WEIR_SOAK_MUTATIONS',
} as const;

/** The whole number that the soak asks for, `usual` without one. */
export function budget(name: keyof typeof BUDGET, usual: number): number {
  const text = process.env[BUDGET[name]] ?? '';
  return /^[1-9]\d*$/.test(text) ? Number(text) : usual;
}
