/** @module The `linkerd` receiver: the shared scraper with Linkerd's table. */
import type { ReceiverSettings } from '../../pipeline/component.ts';
import { ScrapeReceiver } from '../scrape/receiver.ts';
import type { LinkerdConfig } from './config.ts';
import { createLinkerdRules } from './rules.ts';

export function createLinkerdReceiver(settings: ReceiverSettings<LinkerdConfig>): ScrapeReceiver {
  const { admin_port: adminPort, sentinel } = settings.config;
  return new ScrapeReceiver(settings, createLinkerdRules({ adminPort, sentinel }));
}
