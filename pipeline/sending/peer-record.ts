/** @module How a peer has done lately with what was sent to it, so that it can be said why a queue is full. */
import type { Clock } from '../clock/clock.ts';
import { secondsText } from './seconds-text.ts';

/** Answers are added up over one to two times this long, milliseconds. */
const LATELY_MS = 30_000;
/** Shorter than this nobody speaks of silence, milliseconds. */
const SILENCE_MS = 1000;
/** An attempt is thought to be without an answer when it takes longer than others did by this factor. */
const SLOW_FACTOR = 3;

/** Why what waits for a peer does not become less. */
export interface PeerState {
  /**
   * `failing`: nothing was taken since attempts began to fail; `silent`: no answer comes to what was sent; `slow`: it takes
   * less than comes in; `untried`: nothing was sent yet.
   */
  readonly kind: 'failing' | 'silent' | 'slow' | 'untried';
  /** The same for the same trouble, without numbers. */
  readonly word: string;
  /** With numbers and seconds, for people. */
  readonly text: string;
}

interface Failures {
  times: number;
  /** When the first of them was sent, monotonic milliseconds. */
  readonly sinceMs: number;
  reason: string;
  error: string;
}

interface Answers {
  readonly fromMs: number;
  times: number;
  totalMs: number;
}

/** One attempt under way; the key by which it is ended. */
export interface AttemptUnderWay {
  readonly startedMs: number;
}

/** O(1) each; bounded by the attempts under way. */
export class PeerRecord {
  readonly #clock: Clock;
  /** Longest first. */
  readonly #underWay = new Set<AttemptUnderWay>();
  /** Since the last answer. */
  #failures: Failures | null = null;
  #answeredMs = Number.NEGATIVE_INFINITY;
  #before: Answers | null = null;
  #now: Answers | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(): AttemptUnderWay {
    const attempt = { startedMs: this.#clock.monoMs() };
    this.#underWay.add(attempt);
    return attempt;
  }

  /** The peer answered to the request itself, whatever it said of it. */
  answered(attempt: AttemptUnderWay): void {
    const nowMs = this.#clock.monoMs();
    this.#underWay.delete(attempt);
    this.#failures = null;
    this.#answeredMs = nowMs;
    const answers = this.#latelyAt(nowMs, attempt.startedMs);
    answers.times += 1;
    answers.totalMs += nowMs - attempt.startedMs;
  }

  /** The attempt is to be repeated. */
  failed(attempt: AttemptUnderWay, reason: string, error: string): void {
    this.#underWay.delete(attempt);
    this.#failures ??= { times: 0, sinceMs: attempt.startedMs, reason, error };
    this.#failures.times += 1;
    this.#failures.reason = reason;
    this.#failures.error = error;
  }

  /** Nobody waits for it any more. */
  left(attempt: AttemptUnderWay): void {
    this.#underWay.delete(attempt);
  }

  get state(): PeerState {
    const nowMs = this.#clock.monoMs();
    const failures = this.#failures;
    if (failures !== null && nowMs - this.#answeredMs > SILENCE_MS) return failing(failures, nowMs);
    const [oldest] = this.#underWay;
    const { times, totalMs, fromMs } = this.#answersAt(nowMs);
    const silentMs = oldest === undefined ? 0 : nowMs - oldest.startedMs;
    const usualMs = times === 0 ? 0 : totalMs / times;
    if (silentMs > Math.max(SILENCE_MS, SLOW_FACTOR * usualMs) && nowMs - this.#answeredMs > SILENCE_MS)
      return silent(this.#underWay.size, silentMs);
    if (times === 0 && this.#underWay.size === 0) return UNTRIED;
    return slow(times, nowMs - fromMs, usualMs, this.#underWay.size);
  }

  #latelyAt(nowMs: number, startedMs: number): Answers {
    if (this.#now !== null && nowMs - this.#now.fromMs < LATELY_MS) return this.#now;
    this.#before = this.#now;
    this.#now = { fromMs: startedMs, times: 0, totalMs: 0 };
    return this.#now;
  }

  #answersAt(nowMs: number): Answers {
    const lately = [this.#before, this.#now].filter((one) => one !== null && nowMs - one.fromMs < 2 * LATELY_MS);
    const sum: Answers = { fromMs: lately[0]?.fromMs ?? nowMs, times: 0, totalMs: 0 };
    for (const one of lately) {
      sum.times += one?.times ?? 0;
      sum.totalMs += one?.totalMs ?? 0;
    }
    return sum;
  }
}

const UNTRIED: PeerState = { kind: 'untried', word: 'nothing was sent yet', text: 'nothing was sent yet' };

function failing({ times, sinceMs, reason, error }: Failures, nowMs: number): PeerState {
  const attempts = times === 1 ? 'the only attempt failed' : `all ${times} attempts failed`;
  const last = error === '' ? reason : `${reason}: ${error}`;
  return {
    kind: 'failing',
    word: `the peer takes nothing (${reason})`,
    text: `the peer has taken nothing for ${secondsText(nowMs - sinceMs)}, ${attempts}, the last with ${last}`,
  };
}

function silent(underWay: number, silentMs: number): PeerState {
  return {
    kind: 'silent',
    word: 'the peer does not answer',
    text: `the peer does not answer: ${underWay} under way, the first for ${secondsText(silentMs)}`,
  };
}

function slow(times: number, withinMs: number, usualMs: number, underWay: number): PeerState {
  const each = times === 0 ? '' : `, ${secondsText(usualMs)} each`;
  return {
    kind: 'slow',
    word: 'more comes in than the peer takes',
    text: `more comes in than the peer takes: ${times} ${times === 1 ? 'request' : 'requests'} in ${secondsText(withinMs)}${each}, ${underWay} under way`,
  };
}
