/** @module What comes of one request once it has arrived whole: the answer its sender gets, whatever carries it. */

/** The verdict of the pipeline on one request. Nothing of it was applied unless it is `taken`. */
export type IntakeAnswer =
  /** All was taken over, but for `rejectedItems` that nobody here wants; `message` says why, '' for nothing to say. */
  | { readonly kind: 'taken'; readonly rejectedItems: number; readonly message: string }
  /** Nobody could take it now: come again after `afterMs` milliseconds. */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs: number }
  /** It will never be taken. */
  | { readonly kind: 'rejected'; readonly reason: string };

/** Takes whole requests of one signal in protobuf. */
export interface Intake {
  /**
   * Reads `body` and offers it to the pipeline; settles within the call or soon after. `body` belongs to the intake from
   * then on. Throws MalformedProtobuf for what is no such request and TooManyItems for one beyond a limit, before
   * anything of it was applied.
   */
  take(body: Uint8Array): Promise<IntakeAnswer>;
  /** Gets ready to take; before anything is. */
  start?(): Promise<void>;
  /** Ends what it keeps, when nothing comes any more. */
  stop(): void | Promise<void>;
}
