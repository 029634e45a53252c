/**
 * @module Requests of which not all points came at once, because something between has split them: which points are there
 * (docs/adr/0013).
 */

/** A request that came in parts. */
export interface SplitRequest {
  readonly source: string;
  readonly epoch: string;
  readonly seq: number;
  /** Data points of the whole. */
  readonly points: number;
}

/** One part of it that may be taken over. */
export interface SplitPart {
  /** Whether a point is new; asked once for each point, which is then known within this part. */
  wants(point: number): boolean;
  /** Points that were wanted. */
  readonly wanted: number;
  /** The part was taken over: its points are there from now on. */
  commit(): void;
}

/** A request that is not whole yet, and the digests of its points that are there. */
export interface SplitState {
  readonly request: SplitRequest;
  readonly points: readonly number[];
}

interface Open {
  readonly request: SplitRequest;
  readonly points: Set<number>;
}

/** Bounded by the points of all requests together; those that began first give way. */
export class SplitRequests {
  readonly #maxPoints: number;
  readonly #onUnfinished: (request: SplitRequest) => void;
  readonly #open = new Map<string, Open>();
  #points = 0;

  /** `onUnfinished` hears of requests that gave way before all of them was there. */
  constructor(maxPoints: number, onUnfinished: (request: SplitRequest) => void) {
    this.#maxPoints = maxPoints;
    this.#onUnfinished = onUnfinished;
  }

  /** Requests that are not whole yet. */
  get open(): number {
    return this.#open.size;
  }
  /** Points remembered. */
  get points(): number {
    return this.#points;
  }

  /** Whether a part of the request is there, and some of it is not. */
  isOpen(request: Omit<SplitRequest, 'points'>): boolean {
    return this.#open.has(idOf(request));
  }

  /** Whether there can be room for all points of a request. */
  fits(points: number): boolean {
    return points <= this.#maxPoints;
  }

  part(request: SplitRequest): SplitPart {
    const known = this.#open.get(idOf(request))?.points;
    const fresh = new Set<number>();
    return {
      wants(point) {
        if (known?.has(point) === true || fresh.has(point)) return false;
        fresh.add(point);
        return true;
      },
      get wanted() {
        return fresh.size;
      },
      commit: () => this.#add(request, fresh),
    };
  }

  /** What is open, what began first before the rest. */
  *states(): Generator<SplitState> {
    for (const { request, points } of this.#open.values()) yield { request, points: [...points] };
  }

  /** Goes on with a request of which another one had some points. */
  restore({ request, points }: SplitState): void {
    this.#add(request, new Set(points));
  }

  #add(request: SplitRequest, fresh: ReadonlySet<number>): void {
    const id = idOf(request);
    let open = this.#open.get(id);
    if (open === undefined) {
      open = { request, points: new Set() };
      this.#open.set(id, open);
    }
    for (const point of fresh) open.points.add(point);
    this.#points += fresh.size;
    if (open.points.size >= request.points) this.#close(id, open);
    this.#makeRoom();
  }

  #close(id: string, { points }: Open): void {
    this.#open.delete(id);
    this.#points -= points.size;
  }

  #makeRoom(): void {
    for (const [id, open] of this.#open) {
      if (this.#points <= this.#maxPoints) return;
      this.#close(id, open);
      this.#onUnfinished(open.request);
    }
  }
}

function idOf({ source, epoch, seq }: Omit<SplitRequest, 'points'>): string {
  return JSON.stringify([source, epoch, seq]);
}
