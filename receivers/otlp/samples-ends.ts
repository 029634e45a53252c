/** @module What becomes of the batches that something was handed on in, all of them together. */
import type { Target } from '../../pipeline/batch.ts';
import { type Delivery, type Outcome, TAKEN } from '../../pipeline/delivery.ts';
import { worstOf } from './outcomes.ts';

export class BatchEnds {
  #open = 0;
  #worst: Outcome = TAKEN;
  #rejected = '';
  #tell: ((outcome: Outcome) => void) | null = null;

  add(delivery: Delivery, { key }: Target): void {
    this.#open += 1;
    delivery.onSettled((outcome) => {
      this.#open -= 1;
      if (outcome.kind === 'rejected' && this.#rejected === '') this.#rejected = key;
      this.#worst = worstOf([{ outcome: this.#worst }, { outcome }]);
      this.#tellIfAll();
    });
  }

  /** Key of the first target a batch of which was rejected; '' while none was. */
  get rejected(): string {
    return this.#rejected;
  }

  /** No more are added: `tell` hears the worst outcome, at once if all are known. */
  close(tell: (outcome: Outcome) => void): void {
    this.#tell = tell;
    this.#tellIfAll();
  }

  #tellIfAll(): void {
    if (this.#open === 0) this.#tell?.(this.#worst);
  }
}
