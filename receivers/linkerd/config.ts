/** @module Configuration of the `linkerd` receiver. */
import { z } from 'zod';
import type { ConfigIssue } from '../../pipeline/component.ts';
import { checkScrapeConfig, scrapeShape } from '../scrape/config.ts';
import { checkStaticLabels } from '../scrape/static-labels.ts';

export const linkerdConfig = z.strictObject({
  ...scrapeShape,
  admin_port: z
    .int()
    .min(1)
    .max(65_535)
    .default(4191)
    .describe('admin port of the proxies: traffic to it is filtered as own_scrape; default 4191'),
  sentinel: z
    .boolean()
    .default(true)
    .describe('a page without process_start_time_seconds fails as partial; false only for excerpts; default true'),
});

export type LinkerdConfig = z.output<typeof linkerdConfig>;

export function checkLinkerdConfig(config: LinkerdConfig): ConfigIssue[] {
  return [...checkScrapeConfig(config), ...checkStaticLabels(config.static_configs)];
}
