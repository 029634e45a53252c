/**
 * @module HTTP/2 connections on which no call runs: ended after a while, whatever frames they send to seem alive.
 *
 * Node's own timeout of a session starts anew with every frame, so that headers which never end, or pings, hold a
 * connection for ever.
 */
import type { Clock, Timer } from '../clock/clock.ts';

const LOOK_MS = 1000;

export interface SessionLimits {
  /** Time from the opening of a connection, or from a call that was too slow, to the next call, milliseconds. */
  readonly firstCallMs: number;
  /** Time without any call, milliseconds. */
  readonly idleMs: number;
}

/** A connection and what is known of it. */
class WatchedSession {
  readonly end: (hadCall: boolean) => void;
  /** Monotonic time (ms) since which no call runs. */
  idleSinceMs: number;
  calls = 0;
  hadCall = false;

  constructor(end: (hadCall: boolean) => void, nowMs: number) {
    this.end = end;
    this.idleSinceMs = nowMs;
  }
}

/** One timer for all connections. `Session` is only a key. */
export class SessionWatch<Session> {
  readonly #clock: Clock;
  readonly #limits: SessionLimits;
  readonly #sessions = new Map<Session, WatchedSession>();
  #timer: Timer | null = null;

  constructor(clock: Clock, limits: SessionLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** `end` is called once when the connection was without a call for too long; told whether its last one was none too slow. */
  opened(session: Session, end: (hadCall: boolean) => void): void {
    this.#sessions.set(session, new WatchedSession(end, this.#clock.monoMs()));
    if (this.#timer === null) this.#arm();
  }

  closed(session: Session): void {
    this.#sessions.delete(session);
  }

  callBegan(session: Session): void {
    const watched = this.#sessions.get(session);
    if (watched === undefined) return;
    watched.calls += 1;
    watched.hadCall = true;
  }

  callEnded(session: Session): void {
    const watched = this.#sessions.get(session);
    if (watched === undefined) return;
    watched.calls -= 1;
    watched.idleSinceMs = this.#clock.monoMs();
  }

  /** A call had to be ended: the connection has to prove itself anew, so that a slow client does not keep it. */
  callWasSlow(session: Session): void {
    const watched = this.#sessions.get(session);
    if (watched !== undefined) watched.hadCall = false;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#sessions.clear();
  }

  #arm(): void {
    this.#timer = this.#clock.after(LOOK_MS, () => {
      this.#timer = null;
      this.#look(this.#clock.monoMs());
      if (this.#sessions.size > 0) this.#arm();
    });
  }

  #look(nowMs: number): void {
    for (const [session, watched] of this.#sessions) {
      const limitMs = watched.hadCall ? this.#limits.idleMs : this.#limits.firstCallMs;
      if (watched.calls > 0 || nowMs - watched.idleSinceMs < limitMs) continue;
      this.#sessions.delete(session);
      watched.end(watched.hadCall);
    }
  }
}
