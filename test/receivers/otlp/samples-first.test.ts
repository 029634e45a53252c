/** @module The first scrape of a proxy that comes in parts: what counts of it depends on which part tells when it began. */
import test from 'ava';
import { countsOf, createStage, gauge, OUTBOUND, requestOf, sum, WATCH_MS } from './samples-stage.ts';

const BEGAN_SECONDS = WATCH_MS / 1000 + 1;
const start = (at: number) => gauge('process_start_time_seconds', BEGAN_SECONDS, { at });
const requests = (at: number, value: number, to = 'api') =>
  sum('response_total', value, { at }, { ...OUTBOUND, dst_deployment: to });

async function stageOf() {
  const stage = await createStage();
  const come = async (at: number, ...parts: readonly (readonly object[])[]) => {
    stage.goTo(at, 100);
    for (const metrics of parts) await stage.send(requestOf(metrics));
  };
  const counted = () => {
    stage.clock.advance(60_000);
    return countsOf(stage.sums);
  };
  return { stage, come, counted };
}
const total = (slots: readonly { readonly count: number }[]) => slots.reduce((all, { count }) => all + count, 0);

test('one that began under watch counts from 0, whatever comes in which part', async (t) => {
  for (const parts of [
    [[start(5), requests(5, 42), requests(5, 7, 'db')]],
    [[start(5), requests(5, 42)], [requests(5, 7, 'db')]],
    [[requests(5, 42)], [requests(5, 7, 'db'), start(5)]],
    [[requests(5, 42)], [requests(5, 7, 'db')], [start(5)]],
    [[requests(5, 42), requests(5, 7, 'db')], [start(5)]],
  ]) {
    const { come, counted } = await stageOf();
    await come(5, ...parts);
    await come(15, [start(15), requests(15, 44), requests(15, 7, 'db')]);
    const slots = counted();
    t.deepEqual(slots.slice(0, 2), [
      { at: 0, count: 49, complete: true },
      { at: 10, count: 2, complete: true },
    ]);
  }
});

test('an older one is a baseline in whatever parts it comes, and so is one that never tells its start', async (t) => {
  const old = (at: number) => gauge('process_start_time_seconds', WATCH_MS / 1000 - 500, { at });
  for (const parts of [
    [[old(5), requests(5, 42)], [requests(5, 7, 'db')]],
    [[requests(5, 42)], [requests(5, 7, 'db'), old(5)]],
    [[requests(5, 42)], [requests(5, 7, 'db')]],
    // A start alone makes no proxy.
    [[start(5)], [requests(5, 42), requests(5, 7, 'db')]],
  ]) {
    const { come, counted } = await stageOf();
    await come(5, ...parts);
    await come(15, [requests(15, 44), requests(15, 8, 'db')]);
    t.deepEqual(counted().slice(0, 2), [
      { at: 0, count: 0, complete: false },
      { at: 10, count: 3, complete: true },
    ]);
  }
});

for (const [seconds, first] of [
  [-0.9, { count: 49, complete: true }],
  [-1.1, { count: 0, complete: false }],
] as const) {
  test(`one that began ${-seconds} s before the watch ${first.complete ? 'counts from 0' : 'is a baseline'}`, async (t) => {
    const began = (at: number) => gauge('process_start_time_seconds', WATCH_MS / 1000 + seconds, { at });
    const { stage, come, counted } = await stageOf();
    await come(5, [began(5), requests(5, 42)]);
    // By then what came before is not held any more.
    stage.clock.advance(4000);
    await come(5, [requests(5, 7, 'db')]);
    await come(15, [began(15), requests(15, 44), requests(15, 7, 'db')]);
    t.deepEqual(counted().slice(0, 2), [
      { at: 0, ...first },
      { at: 10, count: 2, complete: true },
    ]);
  });
}

test('a life that was counted before it fell silent is not counted again, in whatever parts it comes back', async (t) => {
  for (const parts of [
    [[start(405), requests(405, 50), requests(405, 9, 'db')]],
    [[start(405), requests(405, 50)], [requests(405, 9, 'db')]],
    [[requests(405, 50)], [start(405), requests(405, 9, 'db')]],
  ]) {
    const { stage, come, counted } = await stageOf();
    await come(5, [start(5), requests(5, 42), requests(5, 7, 'db')]);
    stage.clock.advance(330_000);
    t.is(stage.intake.targets().length, 0);
    await come(405, ...parts);
    await come(415, [start(415), requests(415, 51), requests(415, 9, 'db')]);
    t.is(total(counted()), 42 + 7 + 1);
  }
});
