/** @module Branches that yield: a refusal duplicates nothing, and nobody loses what no other has (ADR 0014). */
import test from 'ava';
import fc from 'fast-check';
import { map } from 'rxjs';
import type { Batch } from '../../../pipeline/batch.ts';
import { ADMITTED, type Admission, type Consumer, LOOKS_ON } from '../../../pipeline/component.ts';
import { Delivery, TAKEN } from '../../../pipeline/delivery.ts';
import { type Branch, fanOut } from '../../../pipeline/graph/fanout.ts';
import { connectPipeline } from '../../../pipeline/graph/pipeline.ts';
import { emptySpans } from '../../kit/spans.ts';

const STRICT: Admission = { ok: false, reason: 'strict', retryAfterMs: 70 };
const YIELDS: Admission = { ok: false, reason: 'yields', retryAfterMs: 50, yields: true };
const SOONER: Admission = { ok: false, reason: 'sooner', retryAfterMs: 20, yields: true };

const fault = { enter() {}, failed: (_: unknown, error: unknown) => void Promise.reject(error) };
const branch = (consumer: Consumer): Branch => ({ consumer, fault });

function batch(n: number): Batch {
  return { body: 'spans', spans: emptySpans(n), items: n, delivery: new Delivery() };
}

/** Says `verdict`, remembers what it was given and on which terms. */
function recorder(verdict: Admission) {
  const terms: string[] = [];
  const consumer: Consumer = {
    admits: () => verdict,
    consume({ delivery }) {
      terms.push(delivery.terms);
      delivery.settle(TAKEN);
    },
  };
  return { terms, consumer };
}

const TABLE: readonly (readonly [verdicts: readonly Admission[], all: Admission, terms: readonly string[] | null])[] = [
  [[], ADMITTED, []],
  [[ADMITTED, ADMITTED], ADMITTED, ['firm', 'firm']],
  [[ADMITTED, YIELDS], ADMITTED, ['firm', 'spare']],
  [[YIELDS, ADMITTED, SOONER], ADMITTED, ['spare', 'firm', 'spare']],
  [[ADMITTED, STRICT], STRICT, null],
  [[YIELDS, STRICT], STRICT, null],
  [[ADMITTED, YIELDS, STRICT], STRICT, null],
  [[YIELDS], YIELDS, null],
  [[LOOKS_ON], LOOKS_ON, ['firm']],
  [[LOOKS_ON, ADMITTED], ADMITTED, ['firm', 'firm']],
  [[LOOKS_ON, YIELDS], YIELDS, null],
  [[LOOKS_ON, ADMITTED, YIELDS], ADMITTED, ['firm', 'firm', 'spare']],
  [[YIELDS, SOONER], SOONER, null],
];

for (const [verdicts, all, terms] of TABLE) {
  const name = verdicts.map((one) => (one === LOOKS_ON ? 'looks on' : one.ok ? 'takes' : one.reason)).join(', ');
  test(`branches: ${name || 'none'}`, (t) => {
    const recorders = verdicts.map(recorder);
    const entry = fanOut(recorders.map(({ consumer }) => branch(consumer)));
    t.deepEqual(entry.admits(batch(1)), all);
    const offered = batch(1);
    entry.consume(offered);
    const { outcome } = offered.delivery;
    if (!all.ok) t.deepEqual(outcome, { kind: 'retry', afterMs: all.retryAfterMs, reason: all.reason });
    else t.deepEqual(outcome, TAKEN);
    t.deepEqual(
      recorders.flatMap((one) => one.terms),
      terms ?? [],
    );
  });
}

test('a pipeline whose only exporter yields gives way to another pipeline, through its stages', (t) => {
  const [healthy, dead] = [recorder(ADMITTED), recorder(YIELDS)];
  const life = { start: async () => {}, stop: async () => {} };
  const copies = { ...life, stage: map((one: Batch) => ({ ...one })) };
  const shares = { ...life, stage: map((one: Batch): Batch => ({ ...one, delivery: one.delivery.split(1)[0]! })) };
  const forms = { takes: ['spans'] as const, gives: 'spans' as const, fault };
  const stages = [copies, shares].map((processor) => ({ processor, ...forms }));
  const pipelines = [healthy, dead].map(({ consumer }) => connectPipeline(stages, fanOut([branch(consumer)])));
  const entry = fanOut(pipelines.map(branch));
  const offered = batch(1);
  entry.consume(offered);
  t.deepEqual(offered.delivery.outcome, TAKEN);
  t.deepEqual([healthy.terms, dead.terms], [['firm'], ['spare']]);
});

for (const [terms, expected] of [
  ['firm', ['firm', 'firm']],
  ['spare', ['spare', 'spare']],
] as const) {
  test(`offered on ${terms} terms to branches that were not asked and have no room`, (t) => {
    const recorders = [YIELDS, SOONER].map(recorder);
    const delivery = new Delivery(terms);
    fanOut(recorders.map(({ consumer }) => branch(consumer))).consume({ ...batch(1), delivery });
    t.deepEqual(delivery.outcome, TAKEN);
    t.deepEqual(
      recorders.flatMap((one) => one.terms),
      [...expected],
    );
  });
}

// --- Random trees ----------------------------------------------------------------------------------------------------

type Kind = 'takes' | 'refuses' | 'yields' | 'looks on';
/** An exporter with room for `room` batches; whenever it is given one, the room of another changes. */
interface LeafPlan {
  readonly kind: Kind;
  readonly room: number;
  readonly meddles: { readonly with: number; readonly by: number } | null;
}
/** Numbers are leaves, the same one perhaps in several places. */
type Tree = number | readonly Tree[];

interface Share {
  readonly n: number;
  readonly isKept: boolean;
}

class World {
  readonly leaves: (LeafPlan & { left: number })[];
  /** What each place in the tree was given, in the order of the places. */
  readonly places: { readonly leaf: number; readonly shares: Share[] }[] = [];
  readonly entry: Consumer;

  constructor(plans: readonly LeafPlan[], tree: readonly Tree[]) {
    this.leaves = plans.map((plan) => ({ ...plan, left: plan.room }));
    this.entry = this.#node(tree);
  }

  #node(tree: Tree): Consumer {
    if (typeof tree === 'number') return this.#place(tree % this.leaves.length);
    return connectPipeline([], fanOut(tree.map((child) => branch(this.#node(child)))));
  }

  /** Behaves as the exporters do. */
  #place(leaf: number): Consumer {
    const shares: Share[] = [];
    this.places.push({ leaf, shares });
    const own = this.leaves[leaf]!;
    return {
      admits: () => this.said(leaf),
      consume: ({ items: n, delivery }) => {
        const isKept = own.left > 0 || own.kind !== 'yields' || delivery.terms !== 'spare';
        shares.push({ n, isKept });
        if (isKept) own.left -= 1;
        const other = own.meddles === null ? null : this.leaves[own.meddles.with % this.leaves.length]!;
        if (other !== null) other.left += own.meddles!.by;
        delivery.settle(TAKEN);
      },
    };
  }

  said(leaf: number): Admission {
    const { kind, left } = this.leaves[leaf]!;
    if (kind === 'looks on') return LOOKS_ON;
    return left > 0 || kind === 'takes' ? ADMITTED : kind === 'yields' ? YIELDS : STRICT;
  }

  /** What the whole should say, by the rule in words. */
  expected(tree: Tree): Kind {
    if (typeof tree === 'number') {
      const said = this.said(tree % this.leaves.length);
      if (said === LOOKS_ON) return 'looks on';
      return said.ok ? 'takes' : said.yields === true ? 'yields' : 'refuses';
    }
    const said = tree.map((child) => this.expected(child));
    if (said.includes('refuses')) return 'refuses';
    if (said.includes('takes')) return 'takes';
    return said.includes('yields') ? 'yields' : 'looks on';
  }
}

const leafPlan: fc.Arbitrary<LeafPlan> = fc.record({
  kind: fc.constantFrom<Kind>('yields', 'yields', 'yields', 'takes', 'refuses', 'looks on'),
  room: fc.integer({ min: 0, max: 3 }),
  meddles: fc.option(fc.record({ with: fc.nat(5), by: fc.integer({ min: -3, max: 3 }) })),
});
const { tree } = fc.letrec<{ tree: Tree; node: Tree; leaf: number }>((tie) => ({
  leaf: fc.nat(5),
  node: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
  tree: fc.oneof({ maxDepth: 3, depthSize: 'small' }, tie('leaf'), tie('node')),
}));
const world = fc.record({
  plans: fc.array(leafPlan, { minLength: 1, maxLength: 6 }),
  tree: fc.array(tree, { minLength: 1, maxLength: 3 }),
  drains: fc.array(fc.array(fc.nat(3), { minLength: 6, maxLength: 6 }), { minLength: 1, maxLength: 12 }),
});

test('any tree of branches, whatever changes between asking and offering: refused means nobody has it, taken that all have it once', (t) => {
  const seen = { refused: 0, taken: 0, dropped: 0, raced: 0 };
  fc.assert(
    fc.property(world, ({ plans, tree: top, drains }) => {
      const { leaves, places, entry } = new World(plans, top);
      const model = new World(plans, top);
      const taken: number[] = [];
      let n = 1;
      for (const drain of drains) {
        for (const [i, { left }] of leaves.entries()) model.leaves[i]!.left = left;
        const expected = model.expected(top);
        const said = places.map(({ leaf }) => model.said(leaf));
        const offered = batch(n);
        const isTaken = expected === 'takes' || expected === 'looks on';
        t.is(entry.admits(offered).ok, isTaken);
        entry.consume(offered);
        const { outcome } = offered.delivery;
        const given = places.map(({ shares }) => shares.filter((share) => share.n === n));
        if (isTaken) {
          t.is(outcome?.kind, 'taken');
          taken.push(n);
          given.forEach((shares, i) => {
            t.is(shares.length, 1, 'each place has it once');
            if (said[i]!.ok) t.true(shares[0]!.isKept, 'who had room when it was asked has it');
            if (!shares[0]!.isKept) t.deepEqual(said[i], YIELDS);
            if (!shares[0]!.isKept) seen.dropped += 1;
            if (shares[0]!.isKept && !said[i]!.ok) seen.raced += 1;
          });
          const kept = places.map((_, i) => said[i]!.ok && given[i]![0]?.isKept === true);
          t.true(kept.includes(true), 'somebody has it');
          if (given.some(([share]) => share?.isKept === false))
            t.true(
              kept.some((is, i) => is && said[i] !== LOOKS_ON),
              'nobody yields to who only looks on',
            );
          seen.taken += 1;
          n += 1;
        } else {
          t.is(outcome?.kind, 'retry');
          t.is(given.flat().length, 0, 'nobody has what was refused');
          seen.refused += 1;
        }
        leaves.forEach((leaf, i) => {
          leaf.left = Math.min(Math.max(0, leaf.left) + drain[i]!, 3);
        });
      }
      for (const { shares } of places)
        t.deepEqual(
          shares.map((share) => share.n),
          taken,
        );
    }),
    { numRuns: 1000 },
  );
  t.true(seen.refused > 200 && seen.taken > 1000 && seen.dropped > 200 && seen.raced > 5, JSON.stringify(seen));
});
