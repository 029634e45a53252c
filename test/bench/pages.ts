/** @module Pages to scrape from a process of their own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { ShapeName } from '../../demo/shapes/shapes.ts';

export interface Pages {
  readonly ports: readonly number[];
  /** Samples of one page. */
  readonly samples: number;
}

/** Serves pages of `shape` on so many ports until `child` is ended. */
export async function startPages(shape: ShapeName, ports: number): Promise<{ child: ChildProcess; pages: Pages }> {
  const child = fork(new URL('./page-server.ts', import.meta.url), [shape, String(ports)], { execArgv: [] });
  const [pages] = (await once(child, 'message')) as [Pages];
  return { child, pages };
}
