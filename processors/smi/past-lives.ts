/**
 * @module Lives that were watched until their target left discovery: back under the same address, or of the same pod at
 * another one, they are not counted from 0 again.
 */
import type { Target } from '../../pipeline/batch.ts';
import { beganAnew, type KnownLife, type LifeSigns, SAME_START_SECONDS, tookOver } from './lives.ts';
import { podKey } from './pods.ts';

/** Names under which lives are remembered at most, the one longest gone forgotten first; each life has up to two. */
const MAX_NAMES = 20_000;

export class PastLives {
  /** The life last seen at an address, and of a pod. Addresses may change names, and pods ports. */
  readonly #lives = new Map<string, { readonly life: KnownLife; readonly goneMs: number }>();
  readonly #maxNames: number;
  /** When the newest of the lives forgotten was gone (engine ms): whoever began later is none of them. */
  #forgottenUntilMs = Number.NEGATIVE_INFINITY;
  #forgotten = 0;

  constructor(maxNames = MAX_NAMES) {
    this.#maxNames = maxNames;
  }

  /** Names forgotten for want of room, since the beginning. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** The life of `target` was over at `goneMs`. */
  remember(target: Target, life: KnownLife, goneMs: number): void {
    for (const key of keysOf(target)) {
      this.#lives.delete(key);
      this.#lives.set(key, { life, goneMs });
    }
    for (const [oldest, held] of this.#lives) {
      if (this.#lives.size <= this.#maxNames) return;
      this.#lives.delete(oldest);
      this.#forgotten += 1;
      this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs, held.goneMs);
    }
  }

  /** True when the page of `target` seen at `monoMs`, of a life that began at `startMs` or later, may be of a past one. */
  knows(target: Target, signs: LifeSigns, monoMs: number, startMs: number): boolean {
    if (startMs <= this.#forgottenUntilMs) return true;
    return keysOf(target).some((key) => {
      const past = this.#lives.get(key);
      return past !== undefined && isSameLife(past.life, target, signs, monoMs);
    });
  }
}

/** True when the page of `target` may be of `life`, which was seen at another time or place. */
export function isSameLife(life: KnownLife, target: Target, signs: LifeSigns, monoMs: number): boolean {
  if (Number.isNaN(signs.startSeconds)) return !beganAnew(life, signs, monoMs, target.rules.uptimeLagSeconds ?? 0);
  return Math.abs(life.startSeconds - signs.startSeconds) <= SAME_START_SECONDS && !tookOver(life, signs);
}

function keysOf(target: Target): string[] {
  const pod = podKey(target);
  const address = JSON.stringify([target.receiver, target.address]);
  return pod === null ? [address] : [address, `${target.rules.mesh} ${pod}`];
}
