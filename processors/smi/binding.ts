/** @module Which cell each series adds to: bound once when it is first seen, given back when it is over. */
import type { TrafficSeries } from '../../pipeline/model/rules.ts';
import type { CellTable, RecordCells } from './cells.ts';
import { isOwnExport, trafficKey } from './keys.ts';
import type { Slot } from './slot.ts';
import { NEW, NO_CELL, type TargetState, UNREAD } from './target-state.ts';

export class SeriesBinder {
  readonly #cells: CellTable;
  readonly #peerPod: boolean;
  readonly #ownExports: ReadonlySet<string>;
  /** Records without series, kept while an open slot has something of them. */
  readonly #orphans = new Set<RecordCells>();

  constructor(cells: CellTable, peerPod: boolean, ownExports: ReadonlySet<string>) {
    this.#cells = cells;
    this.#peerPod = peerPod;
    this.#ownExports = ownExports;
  }

  /** Binds series that are new, or whose id was given anew, to their cells. */
  bind(state: TargetState): void {
    const { meanings, version } = state.target.series;
    state.grow(meanings.length);
    if (version !== state.version) this.#rebind(state);
    if (state.overLimit.size > 0 && this.#cells.hasRoom) this.#bindRefused(state);
    for (let id = state.bound; id < meanings.length; id++) this.#bindOne(state, id);
  }

  #rebind(state: TargetState): void {
    const { meanings, version } = state.target.series;
    state.version = version;
    state.forgetGroups();
    for (let id = 0; id < state.bound; id++) {
      const meaning = meanings[id]!;
      if (state.meanings[id] !== meaning) this.#bindOne(state, id);
      else if (meaning.role === 'traffic') state.group[id] = state.groupId(meaning.group);
    }
  }

  /** There is room again for series refused before. What they counted meanwhile was dropped: they start with a baseline. */
  #bindRefused(state: TargetState): void {
    for (const id of [...state.overLimit]) {
      this.#bindOne(state, id);
      state.memory[id] = UNREAD;
    }
  }

  #bindOne(state: TargetState, id: number): void {
    if (id < state.bound) this.#unbind(state, id);
    const meaning = state.target.series.meanings[id]!;
    state.meanings[id] = meaning;
    state.memory[id] = NEW;
    if (state.startId === id) state.startId = -1;
    if (meaning.role === 'start') state.startId = id;
    else if (meaning.role === 'traffic') this.#bindTraffic(state, id, meaning);
  }

  #unbind(state: TargetState, id: number): void {
    state.ownExports.delete(id);
    state.overLimit.delete(id);
    const record = this.#cells.at(state.record[id]!);
    state.cell[id] = NO_CELL;
    state.record[id] = -1;
    state.group[id] = -1;
    if (record === null) return;
    record.series -= 1;
    if (record.series === 0) this.#orphans.add(record);
  }

  #bindTraffic(state: TargetState, id: number, series: TrafficSeries): void {
    if (isOwnExport(series, this.#ownExports)) {
      state.ownExports.add(id);
      return;
    }
    const record = this.#cells.record(trafficKey(state.target, series, this.#peerPod));
    if (record === null) {
      state.overLimit.add(id);
      return;
    }
    record.series += 1;
    state.cell[id] = this.#cells.cell(record, series.measure, series.boundMs);
    state.record[id] = record.index;
    state.group[id] = state.groupId(series.group);
  }

  /** Gives back everything a target is bound to. */
  release(state: TargetState): void {
    for (let id = 0; id < state.bound; id++) this.#unbind(state, id);
  }

  /** Frees records that nobody is bound to and of which none of the `open` slots has anything: nothing is lost with them. */
  freeOrphans(open: readonly Slot[]): void {
    for (const record of this.#orphans) {
      if (record.series === 0 && open.some((slot) => slot.has(record))) continue;
      this.#orphans.delete(record);
      if (record.series === 0) this.#cells.free(record);
    }
  }
}
