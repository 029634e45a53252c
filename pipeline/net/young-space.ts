/**
 * @module How large the young generation of the heap may become, and how far all of the heap may grow between collections.
 * What is read at a start survives, and would make it grow to 16 MiB and more of resident memory that hardly anything needs
 * later; and the larger it is, the more buffers of bodies lie dead until it is collected.
 *
 * V8 reads the factors of growth each time it thinks of growing (`Heap::ResizeNewSpace`) and after each full collection
 * (`heap-growing-percent`), so they may change at any time; 1 is refused on the command line only.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import type { Clock } from '../clock/clock.ts';
import type { CheckedConfig } from '../config/checked.ts';
import { holdQuickCompiler, releaseQuickCompiler } from './quick-compiler.ts';

const LOOK_MS = 1000;
/** Share of a core that the process uses, from which on a small generation would cost too much of it. */
const BUSY = 0.8;
/** Share below which there is time for full collections; well below what a container may be given. */
const QUIET = 0.4;
const QUIET_GROWTH_PERCENT = 15;
/** Young generation, bytes, from which on it may not double again where metrics are only passed on, and how often that is seen to. */
const RELAY_YOUNG_BYTES = 8 * 2 ** 20;
const RELAY_LOOK_MS = 100;

/** Lets it stay as large as it is, which is 1 MiB when Node begins. */
export function holdYoungSpace(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Lets it grow when much survives, as V8 does by itself. */
export function releaseYoungSpace(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}

/**
 * How many per cent all of the heap may grow between full collections; 0: as V8 thinks. Bodies that outlived a collection of
 * the young generation are freed by full ones only, which are seldom in a heap of 30 MB.
 */
function growHeapBy(percent: number): void {
  setFlagsFromString(`--heap-growing-percent=${percent}`);
}

/**
 * After the start: bodies of spans live for milliseconds, so with nothing but spans it may grow only while the process is
 * busy. Metrics have tables and lists that survive many collections of a small generation, each of which copies them: with
 * them it may always grow, or up to a bound where they come as requests and are only passed on. With nothing but spans all of
 * the heap is kept small while there is time for it, and code is compiled in a hurry only while busy. `cpuMs` tells how many
 * milliseconds of CPU the process has used so far.
 */
export function fitYoungSpace(
  { pipelines }: CheckedConfig,
  clock: Clock,
  cpuMs: () => number,
  youngBytes: () => number = youngSpaceBytes,
): void {
  if (pipelines.some(({ signal }) => signal !== 'traces')) {
    releaseYoungSpace();
    if (isRelay(pipelines)) boundYoungSpace(clock, youngBytes);
    return;
  }
  holdQuickCompiler();
  let last = { cpuMs: cpuMs(), monoMs: clock.monoMs() };
  const look = () => {
    const now = { cpuMs: cpuMs(), monoMs: clock.monoMs() };
    const share = (now.cpuMs - last.cpuMs) / (now.monoMs - last.monoMs);
    fitTo(share);
    growHeapBy(share < QUIET ? QUIET_GROWTH_PERCENT : 0);
    last = now;
    clock.after(LOOK_MS, look);
  };
  clock.after(LOOK_MS, look);
}

function fitTo(share: number): void {
  if (share > BUSY) {
    releaseYoungSpace();
    releaseQuickCompiler();
  } else {
    holdYoungSpace();
    holdQuickCompiler();
  }
}

/**
 * Whether requests of others make the garbage, and nobody is answered from what they tell: one request made for that lets the
 * young generation grow to 64 MiB. Lists of `smi` are made faster in a large one, and scrapes are no stranger's request.
 */
function isRelay(pipelines: CheckedConfig['pipelines']): boolean {
  const typesOf = (kind: 'receivers' | 'exporters') =>
    pipelines.flatMap((one) => one[kind].map(({ id }) => id.split('/', 1)[0]));
  return typesOf('receivers').includes('otlp') && !typesOf('exporters').includes('smi');
}

/** V8 doubles it as long as much survives; its own bound (`max-semi-space-size`) is read at the start only. */
function boundYoungSpace(clock: Clock, youngBytes: () => number): void {
  const look = () => {
    if (youngBytes() >= RELAY_YOUNG_BYTES) holdYoungSpace();
    else releaseYoungSpace();
    clock.after(RELAY_LOOK_MS, look);
  };
  clock.after(RELAY_LOOK_MS, look);
}

/** Bytes of both halves, as far as V8 took memory for them. About 3 µs. */
function youngSpaceBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0;
}
