/** @module Every generated page and block: where it is, and what it should hold. */
import { registry } from '../../pipeline/graph/registry.ts';
import { configurationPage } from './configuration.ts';
import { errorsPage } from './errors.ts';
import { metricsOf, metricsPage } from './metrics-page.ts';
import { sourceTexts } from './sources.ts';

export interface GeneratedPage {
  /** Path from the root of the repository. */
  readonly path: string;
  /** What the page should be, given what it is now ('' when it does not exist). */
  render(now: string): Promise<string>;
}

export const PAGES: readonly GeneratedPage[] = [
  { path: 'docs/configuration.md', render: (now) => configurationPage(now, registry) },
  { path: 'docs/reference/errors.md', render: async () => errorsPage() },
  {
    path: 'docs/reference/metrics.md',
    render: async () => metricsPage((await sourceTexts()).flatMap(({ file, text }) => metricsOf(file, text))),
  },
];
