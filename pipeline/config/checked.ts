/** @module A configuration that was checked whole: what the graph is built from. */
import type { AnyFactory, Kind, Signal } from '../component.ts';

export interface CheckedComponent {
  readonly kind: Kind;
  /** `type` or `type/name`. */
  readonly id: string;
  readonly factory: AnyFactory;
  /** Value of the factory's schema. */
  readonly config: unknown;
}

export interface CheckedPipeline {
  /** `signal` or `signal/name`. */
  readonly id: string;
  readonly signal: Signal;
  readonly receivers: readonly CheckedComponent[];
  readonly processors: readonly CheckedComponent[];
  readonly exporters: readonly CheckedComponent[];
  /** Longest scrape interval and timeout of the receivers, milliseconds; 0 when none scrapes. */
  readonly slotMs: number;
  readonly scrapeTimeoutMs: number;
  /** Window of the pipeline's traffic in milliseconds; equals `slotMs` when no processor sets one. */
  readonly windowMs: number;
}

export interface CheckedConfig {
  readonly pipelines: readonly CheckedPipeline[];
  /** Extensions that `service.extensions` enables, in its order. */
  readonly extensions: readonly CheckedComponent[];
  readonly telemetry: {
    readonly logs: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly encoding: 'json' | 'console' };
    /** Address of `/metrics`; null when `level: none`. */
    readonly metrics: { readonly host: string; readonly port: number } | null;
    /** Bounds of the drop journal, and who may read it at the address of `/metrics`: any machine, this one, or nobody. */
    readonly drops: {
      readonly maxEntries: number;
      readonly maxErrors: number;
      readonly shown: 'everywhere' | 'here' | 'nowhere';
    };
  };
}
