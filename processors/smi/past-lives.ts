/**
 * @module Lives that were watched until their target left discovery: back under the same address, or of the same pod at
 * another one, they are not counted from 0 again.
 */
import type { Target } from '../../pipeline/batch.ts';
import {
  beganAnew,
  type KnownLife,
  type LifeSigns,
  type PageTime,
  SAME_START_SECONDS,
  tookOver,
} from '../../pipeline/model/lives.ts';
import { podKey } from './pods.ts';

/** Each life is remembered by its address and, where it is known, by its pod. */
const NAMES_PER_LIFE = 2;

interface PastLife {
  readonly life: KnownLife;
  readonly goneMs: number;
  /** Remembered by its address, which every life has, or by its pod. */
  readonly by: 'address' | 'pod';
}

export class PastLives {
  /** The life last seen at an address, and of a pod. Addresses may change names, and pods ports. */
  readonly #lives = new Map<string, PastLife>();
  readonly #maxNames: number;
  /** When the newest of the lives forgotten was gone (engine ms): whoever began later is none of them. */
  #forgottenUntilMs = Number.NEGATIVE_INFINITY;
  /** Latest start (seconds) that one of them told: the clock of its host may be ahead of this one's. */
  #forgottenStartSeconds = Number.NEGATIVE_INFINITY;
  #forgotten = 0;

  /** The one longest gone is forgotten first. */
  constructor(maxLives: number) {
    this.#maxNames = NAMES_PER_LIFE * maxLives;
  }

  /** Lives whose address was forgotten for want of room, since the beginning. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** The life of `target` was over at `goneMs`. */
  remember(target: Target, life: KnownLife, goneMs: number): void {
    for (const [by, key] of keysOf(target)) {
      this.#lives.delete(key);
      this.#lives.set(key, { life, goneMs, by });
    }
    for (const [oldest, held] of this.#lives) {
      if (this.#lives.size <= this.#maxNames) return;
      this.#lives.delete(oldest);
      this.#forget(held);
    }
  }

  #forget({ life: { startSeconds }, goneMs, by }: PastLife): void {
    if (by === 'address') this.#forgotten += 1;
    this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs, goneMs);
    if (startSeconds > this.#forgottenStartSeconds) this.#forgottenStartSeconds = startSeconds;
  }

  /** True when the page of `target`, of a life that began at `startMs` or later, may be of a past one. */
  knows(target: Target, signs: LifeSigns, time: PageTime, startMs: number): boolean {
    if (startMs <= this.#forgottenUntilMs) return true;
    if (signs.startSeconds <= this.#forgottenStartSeconds + SAME_START_SECONDS) return true;
    return keysOf(target).some(([, key]) => {
      const past = this.#lives.get(key);
      return past !== undefined && isSameLife(past.life, target, signs, time);
    });
  }
}

/** True when the page of `target` may be of `life`, which was seen at another time or place. */
export function isSameLife(life: KnownLife, target: Target, signs: LifeSigns, time: PageTime): boolean {
  if (Number.isNaN(signs.startSeconds)) return !beganAnew(life, signs, time, target.rules.uptimeLagSeconds ?? 0);
  return Math.abs(life.startSeconds - signs.startSeconds) <= SAME_START_SECONDS && !tookOver(life, signs);
}

function keysOf(target: Target): [by: PastLife['by'], key: string][] {
  const pod = podKey(target);
  const address = JSON.stringify([target.receiver, target.address]);
  return pod === null
    ? [['address', address]]
    : [
        ['address', address],
        ['pod', `${target.rules.mesh} ${pod}`],
      ];
}
