/**
 * @module The delta rules of design §6: one committed page against what was last good, added into a slot's column.
 *
 * Two passes over typed columns: the first finds counters (histograms) that need one decision for all their series,
 * the second takes every difference. No garbage per sample.
 */
import type { Groups } from './groups.ts';
import { GONE, KNOWN, MISSING, NEW, NO_CELL, type TargetState, UNREAD } from './target-state.ts';

/** Highest count a double tells from its neighbour. */
const MAX_COUNT = 2 ** 53;

/** True for what a counter can be at. */
export function isCount(value: number): boolean {
  return value >= 0 && value <= MAX_COUNT;
}

/** What happens to a whole group in this scrape, weakest first. */
const AS_USUAL = 0;
/** A value fell: every series of the group counts its new value. */
const RESET = 1;
/** The number of repeats changed: new values are a baseline only. */
const REBASE = 2;
/** A value could not be read, or a part is missing: the last good ones stand. */
const IGNORE = 3;

/** How a page stands to what was known before it. */
export type PageKind =
  /** The target was watched before and its process lives on. */
  | 'next'
  /** Every series counts from 0: a new life, or a first sight of a life that began under watch. */
  | 'from-zero'
  /** First sight of an old life: values are a baseline only. */
  | 'baseline';

export interface PageResult {
  /** True when some value fell, started anew or was baselined anew. */
  reset: boolean;
  /** Values that were NaN, negative or above 2^53, or part of a counter with such a value. */
  ignored: number;
  /** First series with such a value, -1 without one. */
  firstIgnored: number;
}

/** Series of one step: well below a millisecond. */
const STEP_SERIES = 8192;

/** Whether the page of a target is applied in one step, as most are. */
export function isShort({ bound }: TargetState): boolean {
  return bound <= STEP_SERIES;
}

/** What `applyPageInSteps` does, at once and without what steps cost. O(series), allocates nothing per series. */
export function applyPage(
  state: TargetState,
  scrape: number,
  kind: PageKind,
  skippedLines: boolean,
  slot: PageSlot,
): PageResult {
  const page = pageOf(state, scrape, kind, skippedLines, judgeGroups(state, scrape, skippedLines));
  addRange(state, page, slot.column, slot.recordMark, slot.mark, 0, state.bound);
  return endOf(state, page, skippedLines);
}

/**
 * Applies the page in the target's columns (`seen[id] === scrape`) to `state` and adds the differences to the column of
 * `slot`, which has room for all cells. Its `recordMark[record]` is set to its mark for every record with a series on the
 * page. By steps, between which nothing but `slot` may change, and that by additions only. O(series), allocates nothing
 * per series.
 */
export function* applyPageInSteps(
  state: TargetState,
  scrape: number,
  kind: PageKind,
  skippedLines: boolean,
  slot: PageSlot,
): Generator<void, PageResult, void> {
  const { bound } = state;
  const isSpecial = yield* judgeGroupsInSteps(state, scrape, skippedLines);
  const page = pageOf(state, scrape, kind, skippedLines, isSpecial);
  for (let from = 0; from < bound; from += STEP_SERIES) {
    if (from > 0) yield;
    // The columns by themselves: what is compiled for them outlives the slot.
    addRange(state, page, slot.column, slot.recordMark, slot.mark, from, Math.min(bound, from + STEP_SERIES));
  }
  return endOf(state, page, skippedLines);
}

function pageOf(
  { target, sawWholePage }: TargetState,
  scrape: number,
  kind: PageKind,
  skippedLines: boolean,
  isSpecial: boolean,
): Page {
  return {
    scrape,
    kind,
    isSpecial,
    // In a new life nothing of the old one is left, whatever the page could not tell.
    evicts: kind === 'from-zero' || (target.rules.vanished === 'evicted' && !skippedLines),
    newMeansZero: kind !== 'baseline' && (kind === 'from-zero' || sawWholePage),
    reset: false,
    ignored: 0,
    firstIgnored: -1,
  };
}

function endOf(state: TargetState, page: Page, skippedLines: boolean): PageResult {
  if (!skippedLines || page.kind === 'from-zero') state.sawWholePage = true;
  return page;
}

/** Where differences are added; its columns may be replaced by longer ones between two steps. */
export interface PageSlot {
  readonly column: Float64Array;
  readonly recordMark: Float64Array;
  readonly mark: number;
}

/** One page as all of its series take it. */
interface Page extends PageResult {
  readonly scrape: number;
  readonly kind: PageKind;
  readonly isSpecial: boolean;
  readonly evicts: boolean;
  readonly newMeansZero: boolean;
}

/** Takes the differences of the series from `first` up to `end`. */
function addRange(
  state: TargetState,
  page: Page,
  column: Float64Array,
  recordMark: Float64Array,
  mark: number,
  first: number,
  end: number,
): void {
  const { scrape, kind, isSpecial, evicts, newMeansZero } = page;
  const { values, seen, repeats: repeatsNow } = state.target.series;
  const { last, memory, repeats, cell, record, group } = state;
  const { mark: groupMark, verdict: groupVerdict, seen: groupSeen, known: groupKnown } = state.groups;
  let reset = false;
  let ignored = 0;
  let firstIgnored = -1;

  for (let id = first; id < end; id++) {
    const to = cell[id]!;
    if (to === NO_CELL) continue;
    const was = memory[id]!;
    if (seen[id] !== scrape) {
      if (was !== NEW && evicts) memory[id] = afterAbsence(was, group[id]!, kind, groupSeen, scrape);
      continue;
    }
    recordMark[record[id]!] = mark;
    const value = values[id]!;
    const g = group[id]!;
    const verdict = isSpecial && g >= 0 && groupMark[g] === scrape ? groupVerdict[g]! : AS_USUAL;
    if (verdict === IGNORE || !(value >= 0 && value <= MAX_COUNT)) {
      ignored += 1;
      if (firstIgnored < 0 && !(value >= 0 && value <= MAX_COUNT)) firstIgnored = id;
      if (kind === 'from-zero') memory[id] = GONE;
      else if (was === NEW && !newMeansZero) memory[id] = UNREAD;
      continue;
    }
    let delta: number;
    if (kind === 'from-zero') delta = value;
    else if (was === KNOWN || was === MISSING) {
      const before = last[id]!;
      if (verdict === REBASE || (g < 0 && repeats[id] !== repeatsNow[id])) {
        delta = 0;
        reset = true;
      } else if (value < before || verdict === RESET) {
        delta = value;
        reset = true;
      } else delta = value - before;
    } else if (was === UNREAD || (was === NEW && !newMeansZero) || (g >= 0 && groupKnown[g] === scrape)) {
      // Also a part that joins a counter which was there without it: the counter is older than it.
      delta = 0;
      if (kind !== 'baseline') reset = true;
    } else delta = value;
    last[id] = value;
    memory[id] = KNOWN;
    repeats[id] = repeatsNow[id]!;
    if (delta !== 0) column[to]! += delta;
  }
  if (reset) page.reset = true;
  page.ignored += ignored;
  if (page.firstIgnored < 0) page.firstIgnored = firstIgnored;
}

/**
 * What is remembered of a series that a good page lacks. A part of a counter that is there otherwise is waited for, for
 * one page; then it is gone like any other.
 */
function afterAbsence(was: number, group: number, kind: PageKind, groupSeen: Uint32Array, scrape: number): number {
  if (was !== KNOWN || kind === 'from-zero') return GONE;
  return group >= 0 && groupSeen[group] === scrape ? MISSING : GONE;
}

/** The same as `judgeGroupsInSteps`, in one go. */
function judgeGroups(state: TargetState, scrape: number, skippedLines: boolean): boolean {
  const { bound } = state;
  return seeGroups(state, scrape, 0, bound) && judgeUnusual(state, scrape, skippedLines, 0, bound);
}

/** Marks the groups of this page whose series must not be judged one by one; false when there is none. */
function* judgeGroupsInSteps(
  state: TargetState,
  scrape: number,
  skippedLines: boolean,
): Generator<void, boolean, void> {
  const { bound } = state;
  let isUnusual = false;
  for (let from = 0; from < bound; from += STEP_SERIES) {
    if (from > 0) yield;
    if (seeGroups(state, scrape, from, Math.min(bound, from + STEP_SERIES))) isUnusual = true;
  }
  if (!isUnusual) return false;
  let isSpecial = false;
  for (let from = 0; from < bound; from += STEP_SERIES) {
    if (from > 0) yield;
    if (judgeUnusual(state, scrape, skippedLines, from, Math.min(bound, from + STEP_SERIES))) isSpecial = true;
  }
  return isSpecial;
}

/** Notes which groups are on the page and known, and says whether any series of one is other than usual. */
function seeGroups(state: TargetState, scrape: number, first: number, end: number): boolean {
  const { values, seen, repeats: repeatsNow } = state.target.series;
  const { last, memory, repeats, cell, group } = state;
  const { seen: groupSeen, known: groupKnown } = state.groups;
  let unusual = false;
  for (let id = first; id < end; id++) {
    const g = group[id]!;
    if (g < 0 || cell[id] === NO_CELL) continue;
    const known = memory[id] === KNOWN || memory[id] === MISSING;
    if (seen[id] !== scrape) {
      if (known) unusual = true;
      continue;
    }
    groupSeen[g] = scrape;
    if (known) groupKnown[g] = scrape;
    const value = values[id]!;
    const isUsual = value >= (known ? last[id]! : 0) && value <= MAX_COUNT;
    if (!isUsual || (known && repeats[id] !== repeatsNow[id])) unusual = true;
  }
  return unusual;
}

function judgeUnusual(state: TargetState, scrape: number, skippedLines: boolean, first: number, end: number): boolean {
  const { values, seen, repeats: repeatsNow } = state.target.series;
  const { last, memory, repeats, cell, group } = state;
  const { seen: groupSeen } = state.groups;
  let special = false;
  for (let id = first; id < end; id++) {
    const g = group[id]!;
    if (g < 0 || cell[id] === NO_CELL) continue;
    const known = memory[id] === KNOWN || memory[id] === MISSING;
    let verdict = AS_USUAL;
    if (seen[id] === scrape) {
      const value = values[id]!;
      if (!(value >= 0 && value <= MAX_COUNT)) verdict = IGNORE;
      else if (known && repeats[id] !== repeatsNow[id]) verdict = REBASE;
      else if (known && value < last[id]!) verdict = RESET;
    } else if (known && (skippedLines || (memory[id] === KNOWN && groupSeen[g] === scrape))) verdict = IGNORE;
    if (verdict !== AS_USUAL) {
      special = true;
      judge(state.groups, g, scrape, verdict);
    }
  }
  return special;
}

function judge({ mark, verdict }: Groups, group: number, scrape: number, found: number): void {
  const before = mark[group] === scrape ? verdict[group]! : AS_USUAL;
  mark[group] = scrape;
  verdict[group] = Math.max(before, found);
}
