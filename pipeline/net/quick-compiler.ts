/**
 * @module Whether V8's quick optimizing compiler, Maglev, may take on more functions. It begins with hundreds of them at once,
 * when all that a request runs has been called some 400 times, and keeps what it needs for each until the last is done:
 * 20 MB, which the C library does not give back. Without it the same code runs unoptimized a while longer, a fifth slower
 * for the first half a minute at 20,000 spans a second, until TurboFan has compiled what matters.
 *
 * V8 reads the flag whenever it thinks of compiling a function (`maglev::IsMaglevEnabled` in `TieringManager`), so it may
 * change at any time in a process that began with it. What is compiled stays.
 */
import { setFlagsFromString } from 'node:v8';

/** Leaves what comes to TurboFan alone. */
export function holdQuickCompiler(): void {
  setFlagsFromString('--no-maglev');
}

/** Both compile, as V8 does by itself. */
export function releaseQuickCompiler(): void {
  setFlagsFromString('--maglev');
}
