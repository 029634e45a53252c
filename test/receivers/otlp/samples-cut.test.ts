/** @module What is being settled when something else is to be applied goes on by steps, and counts as if it had been ended at once. */
import test from 'ava';
import fc from 'fast-check';
import type { Clock } from '../../../pipeline/clock/clock.ts';
import { type InSteps, inOneGo } from '../../../pipeline/wire/otlp-traffic.ts';
import { Settling } from '../../../receivers/otlp/samples-settling.ts';
import type { SampledTarget } from '../../../receivers/otlp/samples-target.ts';
import { countsOf, createStage, SETTLED_MS, type Stage, scrapeOf } from './samples-stage.ts';

/** So many that `smi` binds them by more than one step. */
const SERIES = 1300;
const KNOWN = scrapeOf(1, 5, 10, 2);
const LONG = scrapeOf(1, 15, 17, SERIES);
/** What comes while that is being settled: nothing new, a further scrape of the same proxy, another proxy. */
const NEXT = { repeat: scrapeOf(1, 15, 17, 2), newer: scrapeOf(1, 16, 20, 2), other: scrapeOf(2, 16, 5, 3) } as const;

/** A stage that has begun to settle a long scrape, and done so many rounds of the loop since. */
async function begun(rounds: number): Promise<Stage> {
  const stage = await createStage();
  stage.clock.advance(5000);
  await stage.send(KNOWN);
  stage.clock.advance(10_000);
  await stage.send(LONG);
  stage.clock.advance(SETTLED_MS - 1);
  for (let i = 0; i <= rounds; i++) stage.clock.fireNext();
  return stage;
}

/** A turn of the loop for what goes on by itself at this instant. */
function turn({ clock }: Stage): void {
  const { nextTimerMs } = clock;
  if (nextTimerMs !== null && nextTimerMs <= clock.monoMs()) clock.fireNext();
}

async function finished(stage: Stage) {
  stage.clock.advance(60_000);
  const { balance, seen, sums } = stage;
  const told = seen.map(({ kind, target, scheduledMs, startedMs, items }) => [
    kind,
    target,
    scheduledMs,
    startedMs,
    items,
  ]);
  return { told, counts: countsOf(sums), unaccounted: balance.unaccounted, filtered: [...balance.filtered] };
}

const totalOf = (counts: ReturnType<typeof countsOf>) => counts.reduce((all, { count }) => all + count, 0);

test('property: cut by steps, whoever does them, a scrape counts as cut in one go', async (t) => {
  const next = fc.constantFrom(...(['repeat', 'newer', 'other'] as const));
  const byLoop = fc.array(fc.boolean(), { minLength: 1, maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(fc.nat(8), next, byLoop, async (rounds, name, turns) => {
      const atOnce = await begun(rounds);
      await atOnce.send(NEXT[name]);
      const stage = await begun(rounds);
      const share = inOneGo(stage.intake.read(NEXT[name], new Map()))!;
      inOneGo(share.settleLate());
      const steps = share.offer(false);
      for (let i = 0; steps.next().done !== true; i++) if (turns[i % turns.length]!) turn(stage);
      const [byOffer, inOne] = [await finished(stage), await finished(atOnce)];
      t.deepEqual(byOffer, inOne);
      t.is(totalOf(byOffer.counts), 2 * 7 + (SERIES - 2) * 17 + (name === 'newer' ? 2 * 3 : 0));
      t.is(byOffer.unaccounted, 0);
    }),
    { numRuns: 25 },
  );
});

test('what comes of the same proxy meanwhile waits for its turn, and no step does more than a part of the work', async (t) => {
  const stage = await begun(0);
  const given = () => stage.seen.filter(({ kind }) => kind === 'scraped').length;
  const work = boundOf(stage);
  const share = inOneGo(stage.intake.read(NEXT.newer, new Map()))!;
  const steps = share.offer(false);
  let most = 0;
  let before = work.bound;
  for (let done = false; !done; before = work.bound) {
    done = steps.next().done === true;
    most = Math.max(most, work.bound - before);
  }
  t.is(work.bound, SERIES - 2, 'the new part of the page has been bound when the next scrape is taken');
  t.true(most > 0 && most <= 512, `${most} series in one step`);
  t.is(given(), 2, 'the newer one is held');
  await finished(stage);
  t.is(given(), 3);
});

/** Counts the series that `smi` asks the meaning of, once each, from now on. */
function boundOf({ settings }: Stage): { bound: number } {
  const work = { bound: 0 };
  const { consume } = settings.next;
  settings.next.consume = (batch) => {
    if (batch.body === 'samples' && batch.event.kind === 'scraped') {
      const { series } = batch.target;
      const meaningOf = series.meaningOf.bind(series);
      const asked = new Set<number>();
      series.meaningOf = (id) => {
        if (!asked.has(id)) work.bound += 1;
        asked.add(id);
        return meaningOf(id);
      };
    }
    consume(batch);
  };
  return work;
}

test('a look for silent proxies waits until the scrape at hand is applied, and no longer', async (t) => {
  const stage = await createStage({ config: { target_expiration: '30s' } });
  await stage.send(scrapeOf(2, 0, 1, 2));
  stage.clock.advance(5000);
  await stage.send(KNOWN);
  // Proxies are looked for each 5 s, and proxy 2 has been silent for too long at 35 s.
  stage.clock.advance(34_900 - SETTLED_MS - 5000);
  await stage.send(scrapeOf(1, 32, 17, SERIES));
  stage.clock.advance(SETTLED_MS - 1);
  const from = stage.seen.length;
  stage.clock.fireNext();
  stage.clock.stall(200);
  const told = stage.seen.slice(from).map(({ kind, target }) => `${target} ${kind}`);
  t.deepEqual(told.slice(-2), ['10.0.0.1:4191 scraped', '10.0.0.2:4191 gone']);
  stage.clock.advance(60_000);
  t.is(totalOf(countsOf(stage.sums)), 2 * 7 + (SERIES - 2) * 17);
  t.is(stage.balance.unaccounted, 0);
});

for (const waits of [true, false])
  test(`a stop ends what is being settled at once, where somebody ${waits ? 'waits' : 'does not wait'} for that`, async (t) => {
    for (const rounds of [0, 2, 4]) {
      const stage = await begun(rounds);
      const steps = inOneGo(stage.intake.read(NEXT.other, new Map()))!.offer(false);
      if (waits) t.not(steps.next().done, true);
      // As an intake of metrics does, which ends the requests that it has begun before.
      if (waits) inOneGo(steps);
      stage.intake.stop();
      await stage.close();
      stage.clock.advance(60_000);
      t.is(totalOf(countsOf(stage.sums)), 2 * 7 + (SERIES - 2) * 17);
      t.is(stage.balance.unaccounted, 0);
    }
  });

// --- Settling by itself -----------------------------------------------------------------------------------------------

/** A clock on which each step takes time, and timers fire when they are asked to. */
class SlowClock implements Clock {
  readonly wallMs = () => this.nowMs;
  readonly monoMs = () => this.nowMs;
  readonly randomId = () => '0';
  nowMs = 0;
  #timers: { readonly atMs: number; readonly fire: () => void }[] = [];

  after(delayMs: number, fire: () => void) {
    const timer = { atMs: this.nowMs + delayMs, fire };
    this.#timers.push(timer);
    return { cancel: () => this.#remove(timer) };
  }

  /** One turn of the loop: the earliest timer; false when there is none. */
  turn(): boolean {
    const [next] = this.#timers.toSorted((a, b) => a.atMs - b.atMs);
    if (next === undefined) return false;
    this.#remove(next);
    this.nowMs = Math.max(this.nowMs, next.atMs);
    next.fire();
    return true;
  }

  #remove(timer: { readonly atMs: number }): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }
}

/** Steps that each scrape takes, and how long each of them and what comes between two of them takes. */
const STEPS = 50;
const STEP_MS = 2;
const BESIDE_MS = 200;

function slow() {
  const clock = new SlowClock();
  const doneMs = new Map<SampledTarget, number>();
  const told = { ended: 0, isBusy: false, fails: false };
  const settling: Settling = new Settling({
    ...{ clock, settleMs: 2500, isBusy: () => told.isBusy, settled: () => {} },
    ended: () => {
      told.ended += 1;
    },
    *settle(target): InSteps<void> {
      settling.remove(target);
      for (let i = 0; i < STEPS; i++) {
        clock.nowMs += STEP_MS;
        if (told.fails) throw new Error('broken');
        yield;
      }
      doneMs.set(target, clock.nowMs);
    },
  });
  const turn = () => {
    clock.nowMs += BESIDE_MS;
    return clock.turn();
  };
  return { clock, settling, doneMs, told, turn };
}

// Nothing of a target is asked for.
const target = () => ({}) as SampledTarget;

/** Two that are due at the same time, the first of which is at hand. */
function slowWithTwo() {
  const all = slow();
  const { settling, clock } = all;
  const [first, second] = [target(), target()];
  settling.add(first, 5000);
  settling.add(second, 5000);
  settling.arm();
  clock.turn();
  return { ...all, first, second };
}

for (const withinMs of [10, 100, 1000, 2499, 2500, 5000])
  test(`what is to be in a slot that closes in ${2 * withinMs} ms is applied before that, however long a turn takes`, (t) => {
    const { settling, doneMs, clock } = slow();
    const held = target();
    settling.add(held, withinMs);
    settling.arm();
    // A turn that takes longer than the slot may wait cannot be helped.
    const besideMs = Math.min(BESIDE_MS, withinMs / 4);
    while (clock.turn()) clock.nowMs += besideMs;
    const ms = doneMs.get(held)!;
    t.true(ms <= withinMs * 1.5 + besideMs + (STEPS + 1) * STEP_MS, `after ${ms} ms`);
  });

test('what is not urgent is done step by step, and what follows is none the more urgent', (t) => {
  const { settling, doneMs, turn, told } = slow();
  const [late, next] = [target(), target()];
  settling.add(late, 10);
  settling.add(next, 20_000);
  settling.arm();
  let turns = 0;
  while (doneMs.size < 2 && turns < 200) {
    turn();
    turns += 1;
  }
  t.true(doneMs.get(late)! < 1000);
  t.true(turns > STEPS, `${turns} turns`);
  while (turn());
  t.is(told.ended, 2, 'once for each that was due alone');
});

test('whoever cuts has the proxy at hand to its end, and no other, and hears of no failure', (t) => {
  for (const fails of [false, true]) {
    const { settling, doneMs, told, clock, first, second } = slowWithTwo();
    told.isBusy = true;
    told.fails = fails;
    let steps = 0;
    for (const cut = settling.cut(); cut.next().done !== true; ) steps += 1;
    t.is(steps, fails ? 0 : STEPS - 1);
    t.deepEqual([...doneMs.keys()], fails ? [] : [first]);
    t.deepEqual([...settling.cut()], [], 'nothing is at hand any more');
    if (fails) t.throws(() => clock.turn(), { message: 'broken' });
    else clock.turn();
    t.is(told.ended, 0);
    Object.assign(told, { isBusy: false, fails: false });
    settling.arm();
    while (clock.turn());
    t.deepEqual([doneMs.has(second), told.ended], [true, 1]);
  }
});

test('after one that was urgent, another that is not is done step by step', (t) => {
  const { settling, doneMs, turn, clock } = slow();
  const [urgent, other] = [target(), target()];
  settling.add(other, 20_000);
  settling.arm();
  clock.nowMs = 2490;
  settling.add(urgent, 10);
  clock.nowMs = 2600;
  while (!doneMs.has(urgent) && turn());
  let turns = 0;
  while (!doneMs.has(other) && turn()) turns += 1;
  t.true(turns >= STEPS, `${turns} turns`);
});

test('where the loop has the proxy at hand to its end, whoever waits for that goes on, and nobody else is called', (t) => {
  const { settling, doneMs, told, clock, first } = slowWithTwo();
  told.isBusy = true;
  const cut = settling.cut();
  t.false(cut.next().done);
  while (clock.turn());
  t.true(cut.next().done);
  t.deepEqual([[...doneMs.keys()], told.ended], [[first], 0]);
});

test('one that looks is called when the proxy at hand is at its end, and needs not wait where there is none', (t) => {
  t.false(slow().settling.endSoon());
  const { settling, doneMs, told, clock, first, second } = slowWithTwo();
  t.true(settling.endSoon());
  while (told.ended === 0 && clock.turn());
  t.deepEqual([...doneMs.keys()], [first]);
  while (clock.turn());
  t.deepEqual([...doneMs.keys()], [first, second]);
  t.is(told.ended, 2);
});
