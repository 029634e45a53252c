/** @module Which cell each series adds to: bound once when it is first seen, given back when it is over. */
import type { TrafficSeries } from '../../pipeline/model/rules.ts';
import { type CellTable, isPlainCell, type LatencyCells, plainCell, type RecordCells } from './cells.ts';
import { isOwnExport, trafficKey } from './keys.ts';
import type { Slot } from './slot.ts';
import { NEW, NO_CELL, type TargetState, UNREAD } from './target-state.ts';

const NO_GROUP = -1;
/** Series bound in one step: up to about 2 µs each. */
const STEP_BOUND = 512;

/** The buckets of one histogram: series and their bounds. */
interface Buckets {
  readonly ids: number[];
  readonly allMs: number[];
}

export class SeriesBinder {
  readonly #cells: CellTable;
  readonly #peerPod: boolean;
  readonly #ownExports: ReadonlySet<string>;
  /** Records without series and cells without histograms, kept while an open slot has something of them. */
  readonly #orphans = new Set<RecordCells>();
  readonly #orphanLatency = new Set<LatencyCells>();

  constructor(cells: CellTable, peerPod: boolean, ownExports: ReadonlySet<string>) {
    this.#cells = cells;
    this.#peerPod = peerPod;
    this.#ownExports = ownExports;
  }

  /** Whether there is nothing to bind, as for most pages. O(1). */
  isBound({ target, version, bound, overLimit, proofs, groups }: TargetState): boolean {
    if (target.series.version !== version || target.series.size > bound) return false;
    return proofs.isSettled && groups.changed.size === 0 && !(overLimit.size > 0 && this.#cells.hasRoom);
  }

  /**
   * Binds series that are new, or whose id was given anew, to their cells. O(series), and only then. By steps, between which
   * the series of this target stay as they are.
   */
  *bindInSteps(state: TargetState): Generator<void, void, void> {
    const { size, version } = state.target.series;
    state.fit();
    if (version !== state.version) yield* this.#rebind(state);
    if (state.overLimit.size > 0 && this.#cells.hasRoom) yield* this.#bindRefused(state);
    for (let id = state.bound; id < size; id++) {
      this.#bindOne(state, id);
      if (id % STEP_BOUND === 0) yield;
    }
    const settled = state.proofs.settle();
    if (settled.size > 0) yield* this.#moveSettled(state, settled);
    if (state.groups.changed.size > 0) yield* this.#bindBuckets(state);
  }

  *#rebind(state: TargetState): Generator<void, void, void> {
    const { series } = state.target;
    for (let id = 0; id < state.bound; id++) {
      if (series.changedSince(id, state.version)) this.#bindOne(state, id);
      if (id % STEP_BOUND === STEP_BOUND - 1) yield;
    }
    state.version = series.version;
    if (state.owns.size > 0) this.#countOwns(state);
  }

  /** Whose series are over is told by no one any more, so those that are left are counted. O(series). */
  #countOwns({ owns, target, bound, record }: TargetState): void {
    owns.leaveAll();
    for (let id = 0; id < bound; id++) {
      const meaning = record[id]! < 0 ? null : target.series.meaningOf(id);
      if (meaning?.role === 'traffic' && meaning.own !== null) owns.join(meaning.own);
    }
  }

  /** There is room again for series refused before. What they counted meanwhile was dropped: they start with a baseline. */
  *#bindRefused(state: TargetState): Generator<void, void, void> {
    for (const [i, id] of [...state.overLimit].entries()) {
      this.#bindOne(state, id);
      state.memory[id] = UNREAD;
      if (i % STEP_BOUND === STEP_BOUND - 1) yield;
    }
  }

  *#moveSettled(state: TargetState, settled: ReadonlyMap<number, boolean>): Generator<void, void, void> {
    let moved = 0;
    for (const [id, isProven] of settled) {
      this.#move(state, id, isProven);
      if (++moved % STEP_BOUND === 0) yield;
    }
  }

  #bindOne(state: TargetState, id: number): void {
    if (id < state.bound) this.#unbind(state, id);
    else state.bound = id + 1;
    const meaning = state.target.series.meaningOf(id);
    state.memory[id] = NEW;
    state.lifeSeries.bind(id, meaning);
    if (meaning.role === 'traffic') this.#bindTraffic(state, id, meaning);
    else if (meaning.role === 'filtered' && meaning.proves !== undefined) state.proofs.prove(id, meaning.proves);
  }

  #bindTraffic(state: TargetState, id: number, series: TrafficSeries): void {
    if (isOwnExport(series, this.#ownExports)) {
      state.ownExports.add(id);
      return;
    }
    if (series.needs !== undefined) state.proofs.need(id, series.needs);
    const record = series.needs === undefined ? this.#recordOf(state, series) : this.#cells.nowhere;
    if (record === null) {
      state.overLimit.add(id);
      return;
    }
    record.series += 1;
    state.record[id] = record.index;
    if (series.own !== null) state.owns.join(series.own);
    if (series.group !== '') state.group[id] = state.groups.join(series.group, record);
    if (series.measure !== 'latency_bucket') state.cell[id] = plainCell(record, series.measure);
    else if (series.group !== '') state.groups.changed.add(state.group[id]!);
    else state.cell[id] = this.#cells.joinLatency(record, [series.boundMs]).first;
  }

  /** What a series adds goes to its record once it is proven, and nowhere before; its last value stands all the while. */
  #move(state: TargetState, id: number, isProven: boolean): void {
    const series = state.target.series.meaningOf(id);
    if (series.role !== 'traffic' || series.measure === 'latency_bucket') return;
    const before = this.#cells.at(state.record[id]!);
    if (before !== null) this.#leave(state, id, before);
    const record = isProven ? this.#recordOf(state, series) : this.#cells.nowhere;
    state.record[id] = record?.index ?? -1;
    state.cell[id] = record === null ? NO_CELL : plainCell(record, series.measure);
    if (record === null) state.overLimit.add(id);
    else {
      state.overLimit.delete(id);
      record.series += 1;
    }
  }

  /** Series of one group are one counter, so they have one record. */
  #recordOf(state: TargetState, series: TrafficSeries): RecordCells | null {
    const group = series.group === '' ? null : state.groups.find(series.group);
    const known = group === null ? null : state.groups.record[group]!;
    return known ?? this.#cells.record(trafficKey(state.target, series, this.#peerPod));
  }

  /**
   * Gives the buckets of every group that changed the cells of the bounds it has now. What was added before stays where
   * it is until its slots are read out.
   */
  *#bindBuckets(state: TargetState): Generator<void, void, void> {
    const { changed } = state.groups;
    const buckets = new Map<number, Buckets>();
    for (const group of changed) buckets.set(group, { ids: [], allMs: [] });
    for (let id = 0; id < state.bound; id++) {
      if (id % STEP_BOUND === STEP_BOUND - 1) yield;
      const group = buckets.get(state.group[id]!);
      if (group === undefined) continue;
      const meaning = state.target.series.meaningOf(id);
      if (meaning.role !== 'traffic' || meaning.measure !== 'latency_bucket') continue;
      group.ids.push(id);
      group.allMs.push(meaning.boundMs);
    }
    let bound = 0;
    for (const [group, found] of buckets) {
      this.#bindHistogram(state, group, found);
      bound += found.ids.length;
      if (bound < STEP_BOUND) continue;
      bound = 0;
      yield;
    }
    changed.clear();
  }

  /** O(buckets log buckets). */
  #bindHistogram({ groups, cell }: TargetState, group: number, { ids, allMs: told }: Buckets): void {
    const allMs = [...new Set(Float64Array.from(told).sort())];
    const before = groups.latency[group]!;
    const latency = allMs.length === 0 ? null : this.#cells.joinLatency(groups.record[group]!, allMs);
    groups.latency[group] = latency;
    if (before !== null) this.#leaveLatency(before);
    if (latency === null) return;
    const places = new Map(allMs.map((boundMs, i) => [boundMs, latency.first + i]));
    for (const [i, id] of ids.entries()) cell[id] = places.get(told[i]!)!;
  }

  #unbind(state: TargetState, id: number): void {
    state.ownExports.delete(id);
    state.overLimit.delete(id);
    state.proofs.leave(id);
    const record = this.#cells.at(state.record[id]!);
    if (record !== null) this.#leave(state, id, record);
    state.cell[id] = NO_CELL;
    state.record[id] = -1;
    state.group[id] = NO_GROUP;
  }

  #leave(state: TargetState, id: number, record: RecordCells): void {
    const [group, cell] = [state.group[id]!, state.cell[id]!];
    if (group >= 0) this.#leaveGroup(state, group, !isPlainCell(record, cell));
    else if (!isPlainCell(record, cell)) this.#leaveHistogram(record, cell);
    record.series -= 1;
    if (record.series === 0) this.#orphans.add(record);
  }

  #leaveHistogram(record: RecordCells, cell: number): void {
    const lone = record.latency.find(({ first }) => first === cell);
    if (lone !== undefined) this.#leaveLatency(lone);
  }

  #leaveGroup({ groups }: TargetState, group: number, isBucket: boolean): void {
    if (isBucket) groups.changed.add(group);
    const latency = groups.leave(group);
    if (latency !== null) this.#leaveLatency(latency);
  }

  #leaveLatency(latency: LatencyCells): void {
    latency.histograms -= 1;
    if (latency.histograms === 0) this.#orphanLatency.add(latency);
  }

  /** Gives back everything a target is bound to. */
  release(state: TargetState): void {
    for (let id = 0; id < state.bound; id++) this.#unbind(state, id);
    state.owns.leaveAll();
  }

  /** Frees what nobody is bound to and of which none of the `open` slots has anything: nothing is lost with it. */
  freeOrphans(open: readonly Slot[]): void {
    for (const latency of this.#orphanLatency) {
      if (latency.histograms === 0 && open.some((slot) => slot.hasLatency(latency))) continue;
      this.#orphanLatency.delete(latency);
      if (latency.histograms === 0) this.#cells.freeLatency(latency);
    }
    for (const record of this.#orphans) {
      if (record.series === 0 && open.some((slot) => slot.has(record))) continue;
      this.#orphans.delete(record);
      if (record.series === 0) this.#cells.free(record);
    }
  }
}
