/**
 * @module Engine time: milliseconds since the epoch that never run backwards, by which slots and scrapes are placed.
 *
 * It follows the wall clock but is driven by the monotonic one (design §6): drift is slewed by at most 1 %, a forward
 * step of the wall clock is followed at once and leaves a gap, and after a backward step labels run on, flagged, until
 * the wall clock has passed them.
 */
import type { Clock } from './clock.ts';

/** A wall clock that moved this much more than the monotonic one between two looks has stepped, not drifted. */
const STEP_MS = 1000;
/** Highest share of elapsed time by which engine time is bent towards the wall clock. */
const MAX_SLEW = 0.01;

export interface EngineTime {
  /** Engine time now, milliseconds since the epoch, never less than an earlier answer. */
  nowMs(): number;
  /** Monotonic milliseconds until engine time `atMs`, at least 0. */
  delayUntil(atMs: number): number;
  /** True while engine time runs ahead of a wall clock that was set back. */
  readonly ahead: boolean;
  /** Sum of forward steps of the wall clock that engine time followed, milliseconds: time no slot covers. */
  readonly skippedMs: number;
}

/** Creates engine time starting at the wall clock's present reading. */
export function createEngineTime(clock: Clock): EngineTime {
  let mono = clock.monoMs();
  let engine = clock.wallMs();
  let lastWall = engine;
  let ahead = false;
  let skippedMs = 0;

  function look(): number {
    const nowMono = clock.monoMs();
    const nowWall = clock.wallMs();
    const elapsed = nowMono - mono;
    const stepped = nowWall - lastWall - elapsed;
    mono = nowMono;
    lastWall = nowWall;
    engine += elapsed;
    const gap = nowWall - engine;
    if (stepped > STEP_MS && gap > 0) {
      skippedMs += gap;
      engine = nowWall;
    } else {
      if (stepped < -STEP_MS) ahead = true;
      // Ahead of a clock that was set back, labels run on at their own pace until that clock has passed them.
      if (!ahead) engine += Math.max(-MAX_SLEW * elapsed, Math.min(MAX_SLEW * elapsed, gap));
    }
    if (ahead && nowWall >= engine) ahead = false;
    return engine;
  }

  return {
    nowMs: look,
    delayUntil: (atMs) => Math.max(0, atMs - look()),
    get ahead() {
      return ahead;
    },
    get skippedMs() {
      return skippedMs;
    },
  };
}
