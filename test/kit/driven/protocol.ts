/** @module What a test and the driven process say to each other. */
import type { TrafficSum } from '../../../pipeline/model/traffic.ts';

export type Order =
  /** When the next step will be, the wall clock's reading then. Nothing moves. */
  | { readonly op: 'peek'; readonly untilMonoMs: number }
  /** Fire the earliest timer due at or before `untilMonoMs`; without one, move the clock there. */
  | { readonly op: 'step'; readonly untilMonoMs: number }
  | { readonly op: 'inFlight' }
  /** How often the system has told of changes in files of targets. */
  | { readonly op: 'fileEvents' }
  /** Address and pod of each target that is scraped now. */
  | { readonly op: 'targets' }
  | { readonly op: 'setWall'; readonly wallMs: number }
  | { readonly op: 'stop' }
  | { readonly op: 'balances' }
  | { readonly op: 'heap' };

export interface OrderMessage {
  readonly id: number;
  readonly order: Order;
}

export interface StepDone {
  readonly fired: boolean;
  readonly monoMs: number;
  readonly wallMs: number;
}

/** One component's books, as plain numbers. */
export interface BalanceView {
  readonly kind: string;
  readonly component: string;
  readonly accepted: number;
  readonly delivered: number;
  readonly held: number;
  readonly queued: number;
  readonly merged: number;
  readonly refused: number;
  readonly filtered: readonly (readonly [string, number])[];
  readonly dropped: readonly (readonly [string, number])[];
  readonly unaccounted: number;
}

export type Message =
  | { readonly kind: 'ready'; readonly error: string | null }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'sum'; readonly sum: TrafficSum }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown };
