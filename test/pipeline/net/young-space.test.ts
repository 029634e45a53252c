/** @module The young generation of the heap, in processes of their own: it stays small while starting, and grows where that saves work. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const MODULE = new URL('../../../pipeline/net/young-space.ts', import.meta.url).href;
const CLOCK = new URL('../../kit/clock.ts', import.meta.url).href;
const MIB = 1 << 20;

/**
 * Sizes of the young generation, bytes, that `program` notes with `survive()`, which makes it grow if it may: the least of a few,
 * since a full collection under way keeps pages of it beside the others for a moment.
 */
async function sizesOf(program: string, flags: readonly string[] = []): Promise<number[]> {
  const text = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { fitYoungSpace, holdYoungSpace, releaseYoungSpace } from ${JSON.stringify(MODULE)};
    import { createTestClock } from ${JSON.stringify(CLOCK)};
    const sizes = [];
    const size = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size;
    const fill = () => { const kept = []; for (let i = 0; i < 1_000_000; i++) kept.push({ i }); return size(); };
    const survive = () => sizes.push(Math.min(fill(), fill(), fill(), fill()));
    const configOf = (...signals) => ({ pipelines: signals.map((signal) => ({ signal, receivers: [], exporters: [] })) });
    const clock = createTestClock();
    ${program}
    console.log(JSON.stringify(sizes));`;
  const cwd = fileURLToPath(new URL('../../..', import.meta.url));
  const { stdout } = await run(process.execPath, [...flags, '--input-type=module', '-e', text], { cwd });
  return JSON.parse(stdout);
}

/** What is held keeps to its first MiB, twice; V8 takes memory for it only as it fills. */
const HELD_BYTES = 3 * MIB;
const GROWN_BYTES = 6 * MIB;

test('it stays small while it is held, and grows when it is let go', async (t) => {
  const [held, free] = await sizesOf('holdYoungSpace(); survive(); releaseYoungSpace(); survive();');
  t.true(held! < HELD_BYTES, `${held}`);
  t.true(free! > GROWN_BYTES, `${free}`);
});

test('with metrics it may always grow once the service runs', async (t) => {
  const [free] = await sizesOf(
    "holdYoungSpace(); fitYoungSpace(configOf('traces', 'metrics'), clock, () => 0); survive();",
  );
  t.true(free! > GROWN_BYTES, `${free}`);
});

const RELAYS: readonly [what: string, receiver: string, exporter: string, isBounded: boolean][] = [
  ['requests of metrics that are only passed on', 'otlp/in', 'otlphttp', true],
  ['requests that the API answers from', 'otlp/in', 'smi/api', false],
  ['scrapes', 'linkerd', 'otlphttp', false],
];

for (const [what, receiver, exporter, isBounded] of RELAYS)
  test(`with ${what} it may ${isBounded ? 'grow only while it is small' : 'always grow'}`, async (t) => {
    const [large, small] = await sizesOf(`
      const pipeline = { signal: 'metrics', receivers: [{ id: '${receiver}' }], exporters: [{ id: '${exporter}' }] };
      let bytes = ${8 * MIB};
      holdYoungSpace();
      fitYoungSpace({ pipelines: [pipeline] }, clock, () => 0, () => bytes);
      clock.advance(100);
      survive();
      bytes -= 1;
      clock.advance(100);
      survive();`);
    t.is(large! < HELD_BYTES, isBounded, `${large}`);
    t.true(small! > GROWN_BYTES, `${small}`);
  });

test('with nothing but spans it may grow only in a second after a busy one', async (t) => {
  const program = `
    const readings = [500, 510, 1300, 2200];
    holdYoungSpace();
    fitYoungSpace(configOf('traces', 'traces'), clock, () => readings.shift());
    survive();
    for (let second = 0; second < 3; second++) { clock.advance(1000); survive(); }`;
  const [atStart, idle, half, busy] = await sizesOf(program);
  for (const bytes of [atStart, idle, half]) t.true(bytes! < HELD_BYTES, `${bytes}`);
  t.true(busy! > GROWN_BYTES, `${busy}`);
});

test('with nothing but spans all of the heap is collected more often after a quiet second', async (t) => {
  const program = `
    import { constants, PerformanceObserver } from 'node:perf_hooks';
    import { setImmediate } from 'node:timers/promises';
    let full = 0;
    const count = (list) => list.getEntries().forEach(({ detail }) => void (full += detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR));
    new PerformanceObserver(count).observe({ entryTypes: ['gc'] });
    const kept = [];
    const grow = async () => {
      full = 0;
      for (let round = 0; round < 4; round++) {
        while (kept.length < 400) { kept.push(new Array(20_000).fill(kept)); await setImmediate(); }
        kept.length = 0;
      }
      sizes.push(full);
    };
    const readings = [0, 600, 700];
    fitYoungSpace(configOf('traces'), clock, () => readings.shift());
    for (let second = 0; second < 2; second++) { clock.advance(1000); await grow(); }`;
  const [half, quiet] = await sizesOf(program);
  t.true(quiet! > 3 * half!, `${half} and ${quiet} full collections`);
});

/** Whether functions that became hot in a second after one with that share of a core were compiled by Maglev. */
async function compiledQuickly(signals: string, cpuMsOfSecond: number): Promise<boolean> {
  const [quick] = await sizesOf(
    `
    const readings = [0, ${cpuMsOfSecond}];
    fitYoungSpace(configOf(${signals}), clock, () => readings.shift() ?? 0);
    clock.advance(1000);
    const { setTimeout: wait } = await import('node:timers/promises');
    const hot = new Function('a', 'let b = 0; for (const c of a) b += c.x | 0; return b;');
    const items = [{ x: 1 }, { x: 2 }];
    let quick = 0;
    for (let n = 0; n < 20_000; n++) {
      hot(items);
      if (n % 200 === 0) await wait(1);
      if (%ActiveTierIsMaglev(hot)) quick = 1;
    }
    sizes.push(quick);`,
    ['--allow-natives-syntax'],
  );
  return quick === 1;
}

test('with nothing but spans code is compiled in a hurry only after a busy second', async (t) => {
  t.false(await compiledQuickly("'traces'", 500));
  t.true(await compiledQuickly("'traces'", 900));
  t.true(await compiledQuickly("'traces', 'metrics'", 500));
});
