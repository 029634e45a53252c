/**
 * @module Both OTLP ports of a real Weir under attack with spans and with metrics, while good clients are served: each hostile
 * request gets the right refusal and is counted, everything of the good clients arrives once, the process lives, and its
 * memory and its answers stay within bounds.
 *
 * The threat model's own figures are measured by `npm run bench -- hostile`. The bounds here are several times as wide, as
 * victim, clients, probes and attackers share two processors with other tests.
 */
import test, { type ExecutionContext } from 'ava';
import { Victim, type VictimSettings } from '../kit/otlp-victim.ts';
import type { AttackName } from '../kit/otlp-victim-attacks.ts';
import { assertClosings, assertCounted, assertRefusals, assertUnharmed } from '../kit/otlp-victim-checks.ts';
import { type AttackFigures, figuresText } from '../kit/otlp-victim-figures.ts';

const MIB = 2 ** 20;

/** What may come of an attack: the figures of the threat model times `SLACK`, unless said otherwise. */
interface Bounds {
  readonly grewMib: number;
  /** Of probes of `/livez`, and of answers to good clients. */
  readonly p99Ms: number;
  /** Longest time to an answer to the attacker; 0: any. */
  readonly refusalMs: number;
}

const SLACK = 5;
/** T4 and D1: 32 MiB, one second, others unaffected, for which T5's figure stands here. */
const BOMB: Bounds = { grewMib: 3 * 32, p99Ms: SLACK * 100, refusalMs: SLACK * 1000 };
/** T5 and D4: 64 MiB and 100 ms. */
const MINIMAL: Bounds = { grewMib: 2 * 64, p99Ms: SLACK * 100, refusalMs: 0 };
/** The same, and what stays of 200,000 series that are taken, about 60 MiB, and of as many edges as a test has. */
const MESH: Bounds = { ...MINIMAL, grewMib: MINIMAL.grewMib + 2 * 64 };
/** T23: 200 ms. Memory is to be bounded. */
const FLOOD: Bounds = { grewMib: 64, p99Ms: 1000, refusalMs: 0 };
/** T11: 100 ms. About a thousand connections are open at once, of which each takes some 64 KiB. */
const SLOW: Bounds = { grewMib: 128, p99Ms: SLACK * 100, refusalMs: 0 };

/** How many times as long as without an attack things may take beyond that, where the machine is busy with others. */
const BUSY = 5;

function assertBounds(t: ExecutionContext, figures: AttackFigures, bounds: Bounds): void {
  const { grewBytes, livez, good, slowestMs, quietP99Ms } = figures;
  t.true(livez.count > 0 && good.count > 0, 'somebody was looked at');
  t.true(grewBytes < bounds.grewMib * MIB, `memory grew by ${(grewBytes / MIB).toFixed(0)} MiB`);
  const p99Ms = bounds.p99Ms + BUSY * quietP99Ms;
  t.true(livez.p99Ms < p99Ms, `/livez answered within ${livez.p99Ms.toFixed(0)} ms at the 99th percentile`);
  t.true(good.p99Ms < p99Ms, `good clients waited ${good.p99Ms.toFixed(0)} ms at the 99th percentile`);
  if (bounds.refusalMs > 0) t.true(slowestMs < bounds.refusalMs, `the slowest refusal took ${slowestMs.toFixed(0)} ms`);
}

type Attacks = readonly (readonly [name: AttackName, bounds: Bounds])[];

/** What is counted of the tries and nothing else: requests that are refused, connections and calls that are ended. */
type Exact = 'refusals' | 'closings' | '';

/** All attacks of a group, one after another, against one victim. */
async function withstood(t: ExecutionContext, attacks: Attacks, exact: Exact, settings: VictimSettings = {}) {
  t.timeout(240_000);
  const victim = await Victim.start(settings);
  t.teardown(() => victim.kill());
  const tried = [];
  for (const [name, bounds] of attacks) {
    const figures = await victim.attack(name, 'short');
    t.log(`${name}: ${figuresText(figures)}`);
    for (const { what, seen } of figures.tried) if (seen !== '') t.log(`${what} ${seen}`);
    assertRefusals(t, figures.tried);
    assertBounds(t, figures, bounds);
    tried.push(...figures.tried);
  }
  if (exact === 'refusals') assertCounted(t, await victim.metricsPage(), tried);
  if (exact === 'closings') assertClosings(t, await victim.metricsPage(), tried);
  assertUnharmed(t, await victim.end());
}

test.serial('bombs of a GiB are refused in time for every codec, of zeros and of sound requests', (t) =>
  withstood(
    t,
    [
      ['gzip bombs', BOMB],
      ['deflate bombs', BOMB],
      ['zstd bombs', BOMB],
    ],
    'refusals',
  ),
);

test.serial('what is compressed wrongly, cannot be read, or is longer than allowed is refused whole', (t) =>
  withstood(
    t,
    [
      ['wrong compression', FLOOD],
      ['broken protobuf', FLOOD],
      ['broken JSON', FLOOD],
      ['beyond the limit', FLOOD],
      ['odd spans', FLOOD],
    ],
    'refusals',
  ),
);

test.serial('bodies made of the smallest things are refused or taken without holding up others', (t) =>
  withstood(
    t,
    [
      ['minimal spans', MINIMAL],
      ['minimal metrics', MINIMAL],
      ['minimal spans in JSON', MINIMAL],
      ['minimal metrics in JSON', MINIMAL],
      ['buckets of a mesh', MESH],
      ['edges of a mesh', MESH],
    ],
    'refusals',
  ),
);

test.serial('framing that lies or can be read in two ways, and odd headers, are refused; crumbs are taken', (t) =>
  withstood(
    t,
    [
      ['two ways to read', FLOOD],
      ['lies', FLOOD],
      ['large headers', FLOOD],
      ['mutations', FLOOD],
      ['crumbs', FLOOD],
    ],
    '',
  ),
);

test.serial('2,000 slow clients are closed, and new clients are served meanwhile', (t) =>
  withstood(t, [['slow clients', SLOW]], '', { listener: 'header_timeout: 2s, request_timeout: 4s' }),
);

test.serial(
  'floods of frames and of requests are ended by the server and counted, and do not keep others waiting',
  (t) =>
    withstood(
      t,
      [
        ['rapid reset', FLOOD],
        ['frame floods', FLOOD],
        ['deaf clients', FLOOD],
      ],
      'closings',
      { listener: 'header_timeout: 2s, request_timeout: 4s' },
    ),
);
