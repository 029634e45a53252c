/**
 * @module What attacks cost: each one alone against a fresh `weir run` with both signals on both ports, with the defaults of
 * all keys, while good clients are served; beside the figures that the threat model asks for.
 *
 * Attackers are a process that runs after all others, but clients, probes and victim share the machine's processors. Run it
 * with `node test/bench/hostile.ts`; names of attacks as arguments run these alone.
 */

import { Victim } from '../kit/otlp-victim.ts';
import { ATTACKS, type AttackName } from '../kit/otlp-victim-attacks.ts';
import { type AttackFigures, figuresText } from '../kit/otlp-victim-figures.ts';
import { type BenchResult, formatResult, measured } from './result.ts';

const MIB = 2 ** 20;

/** What the threat model asks for (T4 and D1, T5 and D4, T11 and D8, T23); what it leaves open is told without a goal. */
interface Goals {
  readonly name: AttackName;
  readonly refusalMs?: number;
  readonly grewMib?: number;
  readonly livezMs?: number;
  readonly goodMs?: number;
}

const BOMB = { refusalMs: 1000, grewMib: 32 };
const MINIMAL = { grewMib: 64, livezMs: 100 };
const FLOOD = { goodMs: 200 };

const CASES: readonly Goals[] = [
  { name: 'gzip bombs', ...BOMB },
  { name: 'deflate bombs', ...BOMB },
  { name: 'zstd bombs', ...BOMB },
  { name: 'minimal spans', ...MINIMAL },
  { name: 'minimal metrics', ...MINIMAL },
  { name: 'minimal spans in JSON', ...MINIMAL },
  { name: 'minimal metrics in JSON', ...MINIMAL },
  { name: 'buckets of a mesh', ...MINIMAL },
  { name: 'edges of a mesh', ...MINIMAL },
  { name: 'mutations' },
  { name: 'slow clients', refusalMs: 40_000, goodMs: 100 },
  { name: 'deaf clients' },
  { name: 'crumbs' },
  { name: 'rapid reset', ...FLOOD },
  { name: 'frame floods', ...FLOOD },
];

interface Attacked {
  readonly figures: AttackFigures;
  /** Requests that were answered otherwise than they should, and those of good clients that were refused. */
  readonly wrong: number;
  readonly refused: number;
}

async function measure(name: AttackName): Promise<Attacked> {
  const victim = await Victim.start();
  try {
    const figures = await victim.attack(name, 'full');
    const wrong = figures.tried.filter(({ wanted, got }) => wanted !== got);
    for (const { what, wanted, got } of wrong.slice(0, 5)) console.error(`${name}: ${what}: ${got}, not ${wanted}`);
    const { failures } = await victim.end();
    if (failures.length > 0)
      console.error(`${name}: good clients were refused ${failures.length} times: ${failures[0]}`);
    return { figures, wrong: wrong.length, refused: failures.length };
  } finally {
    await victim.kill();
  }
}

function rowsOf({ name, refusalMs, grewMib, livezMs, goodMs }: Goals, figures: AttackFigures): BenchResult[] {
  const { slowestMs, grewBytes, livez, good } = figures;
  return [
    measured(`hostile: ${name}, slowest end`, slowestMs, 'ms', refusalMs),
    measured(`hostile: ${name}, memory`, grewBytes / MIB, 'MiB', grewMib),
    measured(`hostile: ${name}, /livez p99`, livez.p99Ms, 'ms', livezMs),
    measured(`hostile: ${name}, good clients p99`, good.p99Ms, 'ms', goodMs),
  ];
}

/** Takes five to six minutes. */
export async function run(names: readonly string[] = []): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  const sums = { wrong: 0, refused: 0 };
  for (const goals of CASES.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const { figures, wrong, refused } = await measure(goals.name);
    console.error(`${goals.name}: ${figuresText(figures)}`);
    results.push(...rowsOf(goals, figures));
    sums.wrong += wrong;
    sums.refused += refused;
  }
  return [
    ...results,
    measured('hostile: answered otherwise than wanted', sums.wrong, 'requests', 0),
    measured('hostile: good clients refused', sums.refused, 'requests', 0),
  ];
}

if (import.meta.main) {
  const names = process.argv.slice(2);
  const unknown = names.filter((name) => !Object.hasOwn(ATTACKS, name));
  if (unknown.length > 0)
    throw new Error(`no attack ${unknown.join(', ')}; there are ${Object.keys(ATTACKS).join(', ')}`);
  for (const result of await run(names)) console.log(formatResult(result));
}
